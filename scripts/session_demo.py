"""The recipe's own test, in a TensorFlow 1 session: `legacy-spiky demo`, from a checkout."""

import sys

import shared  # noqa: F401, where the package is

from legacy_spiky.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["demo"] + sys.argv[1:]))
