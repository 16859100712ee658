"""Writes the table of docs/speed.md, and docs/speed.png, from a run of scripts/benchmark.py.

python scripts/benchmark.py --json speed.json
python docs/made/speed.py speed.json
"""

import json
import os
import re
import sys

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
sys.path.insert(0, os.path.join(DOCS, os.pardir, "scripts"))

import benchmark  # noqa: E402
from shared.contenders import BEST, RECIPE  # noqa: E402

PAGE = os.path.join(DOCS, "speed.md")
TABLE = r"(?m)^\| forward and backward .*\n(?:\|.*\n)+"
LARGEST = "1 Mi"


def table(times):
    """Returns the lines: a step both ways, of the best formula's, and faster than the recipe."""
    sizes = list(times)
    head = ["forward and backward"] + sizes + ["faster than the recipe, " + LARGEST]
    rows = [head, ["---"] + ["--:"] * (len(sizes) + 1)]
    for label in times[LARGEST]:
        both = {size: times[size][label][1] for size in sizes if label in times[size]}
        ratios = [
            "%.3g" % (both[size] / times[size][BEST][1]) if size in both else "" for size in sizes
        ]
        rows.append([label] + ratios + ["%.3g" % (times[LARGEST][RECIPE][1] / both[LARGEST])])
    return "".join("| %s |\n" % " | ".join(row) for row in rows)


def main(path):
    with open(path) as text:
        times = json.load(text)["milliseconds"]
    with open(PAGE, encoding="utf-8") as text:
        page = text.read()
    page, count = re.subn(TABLE, lambda _: table(times), page)
    assert count == 1, "%s has %d tables, not one" % (PAGE, count)
    with open(PAGE, "w", encoding="utf-8") as text:
        text.write(page)
    benchmark.plot(os.path.join(DOCS, "speed.png"), times)


if __name__ == "__main__":
    main(*sys.argv[1:])
