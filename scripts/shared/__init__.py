"""What the scripts share. They run this checkout's package, installed or not, and quietly."""

import os
import sys

__all__ = ["ROOT"]

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir))
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from legacy_spiky._terminal import quiet  # noqa: E402

quiet()
