"""The command line: `legacy-spiky COMMAND`, or `python -m legacy_spiky COMMAND`."""

import argparse
import importlib
import sys
from typing import Optional, Sequence

from legacy_spiky import __version__
from legacy_spiky._terminal import status_of

__all__ = ["main"]

# For each command the module whose `main` it is, and what it does.
COMMANDS = {
    "demo": ("_demo", "the recipe's own test, in a TensorFlow 1 session"),
    "parity": ("parity.command", "whether two functions of yours agree, values and gradients"),
    "checkpoint": ("checkpoint.__main__", "which Python functions a saved graph needs"),
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="legacy-spiky",
        description="TensorFlow activations, and ops with their own gradient, in plain Python.",
        epilog="legacy-spiky COMMAND --help says more.",
    )
    parser.add_argument("--version", action="version", version="legacy_spiky " + __version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for name, (_, words) in COMMANDS.items():
        commands.add_parser(name, help=words, add_help=False)
    argv = sys.argv[1:] if argv is None else list(argv)
    name = parser.parse_args(argv[:1]).command
    room = importlib.import_module("legacy_spiky." + COMMANDS[name][0])
    return status_of(room.main, argv[1:], "legacy-spiky " + name)


if __name__ == "__main__":
    sys.exit(main())
