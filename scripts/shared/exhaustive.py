"""Spiky on every float32, by the digests of a real TensorFlow 1.15.5 session; and a log."""

import functools
import hashlib
import json
import os
import platform

import numpy as np

import legacy_spiky
from legacy_spiky import parity
from legacy_spiky.parity import blocks
from legacy_spiky.parity.blocks import BLOCKS, numbers
from shared import ROOT, implementations
from shared.implementations import ARRAY, ARRAY_KEPT, SCALAR, SCALAR_KEPT, fixed
from shared.quiet import tf

SUBNORMAL = set(range(8)) | set(range(2048, 2056))
GOLDEN = os.path.join(ROOT, "tests", "data", "recipe-tf1.15.5-float32.txt")


@functools.lru_cache(maxsize=None)
def golden():
    """Returns for each block the digests of the recipe's values and gradients."""
    with open(GOLDEN) as lines:
        rows = [line.split() for line in lines if not line.startswith("#")]
    return {int(number): (values, gradients) for number, values, gradients in rows}


def digest(array):
    assert array.dtype == np.float32
    return hashlib.blake2b(array.astype("<f4").tobytes(), digest_size=8).hexdigest()


def recipe(block):
    """Returns what the recipe gives for a block, in a session of TensorFlow 1.15.5.

    Its digests are known: the numbers are those of whatever fits them.
    """
    x, ones = numbers(block), np.ones(1 << 20, np.float32)
    for implementation in (ARRAY, SCALAR):
        results = implementation([x], [ones])
        if tuple(digest(array) for (array,) in results) == golden()[block]:
            return fixed(results, "the recipe, session of TensorFlow 1.15.5")
    raise ValueError("block %d: neither array nor scalar functions fit the digests" % block)


@functools.lru_cache(maxsize=None)
def candidates(python):
    """Returns the implementations; made once in a process."""
    return [ARRAY] + implementations.of_spiky(python)


def check(block, python=None):
    """Returns the report on a block."""
    report = blocks.check(block, recipe(block), candidates(python))
    # A Python call for each number: for all subnormals, and for one of 256 elsewhere.
    x = numbers(block)
    some = x if block in SUBNORMAL else x[np.random.RandomState(block).randint(256) :: 256]
    ones = np.ones_like(some)
    report.add(parity.compare(SCALAR_KEPT, ARRAY_KEPT, inputs=some, upstream=ones))
    return report


# A log: what was proved so far, so that a run that was interrupted can go on.


def about(options):
    """Returns what a log is of: the code, the versions and the options."""
    seen = hashlib.blake2b(digest_size=8)
    for root in (os.path.dirname(legacy_spiky.__file__), os.path.join(ROOT, "scripts")):
        for folder, _, names in sorted(os.walk(root)):
            for name in sorted(names):
                if name.endswith(".py"):
                    with open(os.path.join(folder, name), "rb") as source:
                        seen.update(source.read())
    return {
        "code": seen.hexdigest(),
        "tensorflow": tf.VERSION,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "options": options,
    }


def read_log(path, options, report):
    """Adds to `report` what the log holds, and returns the blocks that it is of.

    Raises:
      ValueError: it is of other code, versions or options.
    """
    if not os.path.exists(path):
        return []
    try:
        with open(path) as text:
            log = json.load(text)
        kept = parity.Report(log["reference"])
        kept.rows = log["rows"]
        str(kept)  # where rows are of another form
        whole = kept.tried == len(set(log["blocks"]) & set(range(BLOCKS))) << 20
        mine = whole and log["about"] == about(options)
    except (AttributeError, KeyError, TypeError, ValueError):  # no log at all
        mine = False
    if not mine:
        raise ValueError(
            "%s is of other code, versions or options: delete it, or give another with --log" % path
        )
    report.add(kept)
    return log["blocks"]


def write_log(path, options, report, done):
    log = {"about": about(options), "blocks": done}
    log.update(reference=report.reference, rows=report.rows)
    write_json(path, log)


def write_json(path, value):
    with open(path + ".new", "w") as text:
        json.dump(value, text)
    os.replace(path + ".new", path)  # the old one or the new one, never half of one
