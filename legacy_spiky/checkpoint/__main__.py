"""`python -m legacy_spiky.checkpoint PATH`: which Python functions a saved graph needs."""

import argparse
import sys
from typing import Optional, Sequence

from legacy_spiky import _terminal
from legacy_spiky.checkpoint import find_callbacks

__all__ = ["main"]


def main(
    argv: Optional[Sequence[str]] = None, prog: str = "python -m legacy_spiky.checkpoint"
) -> int:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Prints which Python functions a saved graph needs, and code to bind them. "
        "Nothing of the graph is run.",
    )
    parser.add_argument(
        "path",
        help="a .meta file, a checkpoint's prefix, a frozen .pb or .pbtxt, a SavedModel's folder",
    )
    parser.add_argument(
        "--tags", help="of the graph that is meant, in a SavedModel of several: serve,gpu"
    )
    arguments = parser.parse_args(argv)
    tags = None if arguments.tags is None else [tag for tag in arguments.tags.split(",") if tag]
    _terminal.tensorflow()
    try:
        callbacks = find_callbacks(arguments.path, tags)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    print(callbacks)
    if callbacks:
        print("\n" + callbacks.skeleton())
    return 0


if __name__ == "__main__":
    sys.exit(_terminal.status_of(main))
