"""A module of the user's that ends the process; for the tests of the parity checker."""

import sys

sys.exit(0)
