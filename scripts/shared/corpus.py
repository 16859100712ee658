"""What scripts/benchmark.py says of the corpus, `tests/activations.py`, without Numba.

Each function is timed for one array of float32 numbers, forward: `vectorize(f, compile=False)`,
and `np.vectorize` with `otypes`.
"""

import importlib.util
import numbers
import os
import time

import numpy as np

import legacy_spiky
from legacy_spiky._scalar.expression import MATH, TRUTHS, values
from legacy_spiky._scalar.reading import NotRead, read
from shared import ROOT

# What NumPy computes as exactly as `math` does.
ARITHMETIC = TRUTHS + ["sqrt", "copysign"]


def load():
    """Returns the functions."""
    path = os.path.join(ROOT, "tests", "activations.py")
    spec = importlib.util.spec_from_file_location("activations", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CORPUS


def kind(f):
    """Returns what a function is made of: "arithmetic", "math" or "not read"."""
    try:
        ops = {value.op for value in values(read(f).path)}
    except NotRead:
        return "not read"
    return "math" if ops & set(MATH) - set(ARITHMETIC) else "arithmetic"


def is_answered(f, number):
    """Returns whether a function gives a real number."""
    try:
        return isinstance(f(number), numbers.Real)
    except Exception:
        return False


def least(function, x, repeats):
    """Returns the milliseconds of the fastest of some calls."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        function(x)
        found.append(1000 * (time.perf_counter() - started))
    return min(found)


def measure(f, count, bar):
    """Returns what was found of a function: its kind, and milliseconds."""
    x = np.random.RandomState(0).uniform(-8, 8, count).astype(np.float32)
    x = x[[is_answered(f, number) for number in x.tolist()]]
    array_form = legacy_spiky.vectorize(f, compile=False)
    first = least(array_form, x[:1], 1)
    found = {
        "kind": kind(f),
        "first": first,
        "here": least(array_form, x, 5),
        "there": least(np.vectorize(f, otypes=[np.float32]), x, 2),
    }
    bar.update()
    return found


def faster(found, *kinds):
    """Returns how many times faster the functions of some kinds are."""
    return [each["there"] / each["here"] for each in found.values() if each["kind"] in kinds]


def table(found, count):
    """Returns the lines on the corpus."""
    width = max(map(len, found))
    head = "first call, ms|np.vectorize, ms|here, ms|times faster".split("|")
    lines = ["", "the corpus without Numba, %d numbers of float32, forward" % count]
    lines.append(" " * (width + 12) + "".join("  " + cell for cell in head))
    for name, each in sorted(found.items(), key=lambda pair: (pair[1]["kind"], pair[0])):
        cells = each["first"], each["there"], each["here"], each["there"] / each["here"]
        lines.append(
            "%s  %-10s" % (name.ljust(width), each["kind"])
            + "".join("  %*.*f" % (len(h), 3 - (h == head[-1]) * 2, c) for h, c in zip(head, cells))
        )
    return lines
