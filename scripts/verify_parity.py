"""Verifies that the implementations of spiky agree: values and gradients, down to the bit.

With no options: spiky as scalar and as array functions, in a session, migrated, and in TensorFlow
ops, on every float16 and bfloat16, on boundaries and random bit patterns of float32 and float64,
and on shapes from scalar to 4-D. With options:

  verify_parity.py --tf1-python OLD/bin/python
      the session of that interpreter too, of a real TensorFlow 1 (nothing else is needed there)

  verify_parity.py --exhaustive
      every float32 there is, against the digests of a real TensorFlow 1.15.5 session

  verify_parity.py --training
      the network of train_digits.py, step by step, in a session and with a gradient tape

For two functions of your own there is `legacy-spiky parity`.

Exit status: 0 all agree; 1 something differs; 2 it could not be verified; 130 after Ctrl-C.
"""

import argparse
import functools
import os
import sys

import numpy as np
from shared import exhaustive, implementations, lockstep
from shared.implementations import ARRAY, ARRAY_KEPT, SCALAR, SCALAR_KEPT, fixed
from shared.quiet import tf
from train_digits import initial_weights

from legacy_spiky import _terminal, parity
from legacy_spiky._arrays import upstreams
from legacy_spiky._ops import versions
from legacy_spiky.parity import blocks, verdict
from legacy_spiky.parity.command import add_common, check_common
from legacy_spiky.parity.plot import draw

SHAPES = [(), (1,), (0,), (0, 3), (7,), (2, 3), (2, 3, 4), (2, 3, 4, 5)]
EPOCHS = 15


def inputs_of_spiky(seed):
    """Returns arrays of each dtype: all there are, or boundaries and random ones; and shapes."""
    arrays = [
        parity.samples(dtype.name, count=1000000, seed=(seed + i) % 2**32)
        for i, dtype in enumerate(versions.FLOATING)
    ]
    numbers = parity.samples("float32", seed=seed)
    return arrays + [np.random.RandomState(seed).choice(numbers, shape) for shape in SHAPES]


def compare_spiky(options, report):
    """Compares the implementations of spiky with each other."""
    candidates = [ARRAY] + implementations.of_spiky(options.tf1_python)
    arrays = inputs_of_spiky(options.seed or 0)
    bar = _terminal.progress(len(arrays) * len(candidates), "comparison")
    missing = set()
    for x in arrays:
        upstream = [upstreams(x.shape, x.dtype, options.seed or 0)]
        report.add(parity.compare(SCALAR_KEPT, ARRAY_KEPT, inputs=x, upstream=upstream))
        expected = fixed(SCALAR([x], upstream), SCALAR.label)
        for candidate in candidates:
            taken = getattr(candidate, "about", {}).get("dtypes", [x.dtype.name])
            if x.dtype.name in taken:
                report.add(parity.compare(expected, candidate, inputs=x, upstream=upstream))
            else:
                missing.add((candidate.label, x.dtype.name))
            bar.update()
    bar.close()
    for label, dtype in sorted(missing):
        print("not in %s: %s, which py_func does not take there" % (label, dtype))


def compare_every_float32(options, report):
    """Compares on all float32, or on a sample of blocks."""
    settings = {"python": options.tf1_python}
    check = functools.partial(exhaustive.check, **settings)
    numbers = blocks.drawn(options.exhaustive, options.seed)
    if len(numbers) < blocks.BLOCKS:
        blocks.walk(check, numbers, report)
        return
    log = options.log
    done = exhaustive.read_log(log, settings, report)
    print("%d of them are in the log" % len(done), flush=True)
    try:
        keep = functools.partial(exhaustive.write_log, log, settings, report)
        blocks.walk(check, numbers, report, done, keep)
        os.remove(log)
    finally:
        if os.path.exists(log):
            print("they are in %s: run the same again to go on" % log)


def compare_training(options, comparisons):
    """Compares training in sessions with training on a tape."""
    if not getattr(tf, "executing_eagerly", bool)():
        raise RuntimeError(
            "--training wants TensorFlow 2 here, for the gradient tape, and this is TensorFlow %s: "
            "run it in TensorFlow 2, with --tf1-python %s" % (tf.VERSION, sys.executable)
        )
    seed = options.seed or 0
    weights = initial_weights(seed)
    trainers = [lockstep.on_tape(weights), lockstep.in_session(weights)]
    comparisons.append(lockstep.Comparison("session", tolerance=0))
    if options.tf1_python:
        trainers.append(lockstep.in_interpreter(options.tf1_python, weights))
        label = "session of TensorFlow " + trainers[-1].about["tensorflow"]
        comparisons.append(lockstep.Comparison(label, tolerance=1e-5))
    bar = None
    for _, total in lockstep.run(comparisons, trainers, seed, EPOCHS):
        bar = bar or _terminal.progress(total, "step")
        bar.update()
    bar.close()


def closing_line_of_training(comparisons):
    differing = sum(not comparison.ok for comparison in comparisons)
    tried = max(comparison.tried for comparison in comparisons)
    words = "{:,} steps, {} implementations, {:,} that differ"
    return words.format(tried, len(comparisons) + 1, differing)


def plot_spiky(options):
    """Draws values, gradients and their differences from the scalar functions'."""
    candidates = [ARRAY] + implementations.of_spiky(options.tf1_python)
    draw(options.plot, SCALAR, candidates, [np.linspace(-2, 2, 2049).astype(np.float32)])


def arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--training", action="store_true", help="train the digits network in each")
    parser.add_argument(
        "--log",
        metavar="FILE",
        default="verify_parity.log",
        help="where --exhaustive keeps what it proved, to go on after an interruption; it is "
        "deleted in the end (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    if options.training and options.exhaustive is not None:
        parser.error("--training does not go with --exhaustive")
    check_common(parser, options, "log")
    return options


def main(argv=None):
    options = arguments(argv)
    if options.training:
        _terminal.need("sklearn.datasets", "demo")
        comparisons = []
        return verdict.verify(
            options,
            comparisons,
            lambda: compare_training(options, comparisons),
            lambda: lockstep.plot(options.plot, comparisons),
            closing_line_of_training,
        )
    report = parity.Report()
    compare = compare_spiky if options.exhaustive is None else compare_every_float32
    return verdict.verify(
        options, [report], lambda: compare(options, report), lambda: plot_spiky(options)
    )


if __name__ == "__main__":
    sys.exit(_terminal.status_of(main))
