"""Every float32 there is: blocks of 2**20 bit patterns, spread over the cores.

The values and gradients of each block are compared with the digests of a real TensorFlow 1.15.5
session, and all implementations with each other.
"""

import concurrent.futures
import functools
import hashlib
import itertools
import json
import multiprocessing
import os
import platform
import signal
import sys

import implementations
import numpy as np
from implementations import ARRAY, ARRAY_KEPT, SCALAR, SCALAR_KEPT, fixed
from quiet import ROOT, tf

import legacy_spiky
from legacy_spiky import parity
from legacy_spiky._arrays.threads import cores
from legacy_spiky.parity import comparison

BLOCKS = 4096
SUBNORMAL = set(range(8)) | set(range(2048, 2056))
GOLDEN = os.path.join(ROOT, "tests", "data", "recipe-tf1.15.5-float32.txt")


@functools.lru_cache(maxsize=None)
def golden():
    """Returns for each block the digests of the recipe's values and gradients."""
    with open(GOLDEN) as lines:
        rows = [line.split() for line in lines if not line.startswith("#")]
    return {int(number): (values, gradients) for number, values, gradients in rows}


def numbers(block):
    return np.arange(block << 20, (block + 1) << 20, dtype=np.uint32).view(np.float32)


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
def sides(python, reference, candidate):
    """Returns the reference, None for the recipe, and the candidates; made once in a process."""
    if reference is not None:
        return implementations.of_pair(python or sys.executable, reference, candidate)
    if candidate is not None:
        return None, implementations.of_candidate(candidate)
    return None, [ARRAY] + implementations.of_spiky(python)


def check(block, python=None, reference=None, candidate=None, **tolerance):
    """Returns the report on a block."""
    expected, candidates = sides(python, reference, candidate)
    x = numbers(block)
    expected = expected or recipe(block)
    values, _ = comparison._run("reference", expected.label, expected, [x])
    ones = [np.ones(y.shape, y.dtype) for y in values]
    report = parity.compare(expected, *candidates, inputs=x, upstream=ones, **tolerance)
    if candidate is None:
        # A Python call for each number: for all subnormals, and for one of 256 elsewhere.
        some = x if block in SUBNORMAL else x[np.random.RandomState(block).randint(256) :: 256]
        ones = np.ones_like(some)
        report.add(parity.compare(SCALAR_KEPT, ARRAY_KEPT, inputs=some, upstream=ones))
    return report


def run(blocks, **options):
    """Yields each block with its report."""
    return spread(functools.partial(check, **options), sorted(blocks))


def spread(work, jobs):
    """Yields each job with what `work(job)` returns, in as many processes as there are cores."""
    multiprocessing.set_start_method("spawn", force=True)  # TensorFlow does not survive a fork
    jobs, ahead = iter(jobs), 4 * cores()
    with concurrent.futures.ProcessPoolExecutor(cores()) as pool:
        # The parent says when to stop: the workers, all of which start now, inherit that they
        # ignore Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        tasks = {pool.submit(_task, work, job): job for job in itertools.islice(jobs, ahead)}
        signal.signal(signal.SIGINT, before)
        try:
            while tasks:
                done, _ = concurrent.futures.wait(tasks, return_when="FIRST_COMPLETED")
                for job in itertools.islice(jobs, len(done)):
                    tasks[pool.submit(_task, work, job)] = job
                for task in done:
                    yield tasks.pop(task), task.result()
        finally:
            for task in tasks:
                task.cancel()


def _task(work, job):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not inherited
    return work(job)


# A log: what was proved so far, so that a run that was interrupted can go on.


def about(options):
    """Returns what a log is of: the code, the versions and the options."""
    seen = hashlib.blake2b(digest_size=8)
    for root in (os.path.dirname(legacy_spiky.__file__), os.path.dirname(__file__)):
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


def write_log(path, options, report, blocks):
    log = {"about": about(options), "blocks": blocks}
    log.update(reference=report.reference, rows=report.rows)
    write_json(path, log)


def write_json(path, value):
    with open(path + ".new", "w") as text:
        json.dump(value, text)
    os.replace(path + ".new", path)  # the old one or the new one, never half of one
