"""Compares two functions of yours, values and gradients, down to the bit.

  legacy-spiky parity --reference old:leaky --candidate new:leaky

The reference runs in a session, in a process of its own (of OLD/bin/python with --tf1-python, which
needs TensorFlow 1.0 or newer and nothing else); the candidate eagerly and in a tf.function. Modules
are looked for in the current folder first, then in PYTHONPATH. Arguments without a default are
taken for tensors. The inputs are boundaries with their neighbours and random bit patterns, NaN and
the infinities among them: for an op that mixes elements give --low and --high. Any function of
legacy_spiky is one too, as in --reference legacy_spiky:tf_spiky.

Exit status: 0 all agree; 1 something differs; 2 it could not be verified; 130 after Ctrl-C.
"""

import argparse
import functools
import os
import sys

import numpy as np

from legacy_spiky import _terminal
from legacy_spiky._arrays import samples
from legacy_spiky.parity import blocks
from legacy_spiky.parity.report import Report

__all__ = ["add_common", "check_common", "main"]


def add_common(parser):
    """Adds the options that the verification of spiky has too."""
    parser.add_argument(
        "--tf1-python",
        metavar="PATH",
        help="run the session half in this interpreter, with TensorFlow 1.0 or newer",
    )
    parser.add_argument(
        "--exhaustive",
        metavar="BLOCKS",
        nargs="?",
        type=int,
        const=blocks.BLOCKS,
        help="every float32, or those of so many of the 4096 blocks, drawn anew each time",
    )
    parser.add_argument("--seed", type=int, help="of what is drawn at random (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    parser.add_argument(
        "--plot", metavar="FILE.png", help="draw values, gradients, differences (extra [plot])"
    )


def check_common(parser, options, *files):
    """Ends the command where one of these options is wrong."""
    if options.exhaustive is not None and not 1 <= options.exhaustive <= blocks.BLOCKS:
        parser.error("--exhaustive takes from 1 to 4096 blocks, got %d" % options.exhaustive)
    if options.seed is not None and not 0 <= options.seed < 2**32:
        parser.error("--seed must be from 0 to 4294967295, got %d" % options.seed)
    _terminal.check_files(parser, options, "json", "plot", *files)
    if options.plot:
        _terminal.pyplot()  # and not after all the work


def number(text):
    value = float(text)
    if not value >= 0 or value == np.inf:
        raise argparse.ArgumentTypeError("expected a number from 0 on, got %s" % text)
    return value


def arguments(argv, prog):
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, words in [("reference", "what to compare with"), ("candidate", "what to verify")]:
        words += ": a function of tensors"
        parser.add_argument("--" + name, metavar="MODULE:NAME", required=True, help=words)
    parser.add_argument("--ulp", type=int, default=0, help="how many floats apart results may be")
    parser.add_argument("--rtol", type=number, default=0.0, help="relative tolerance")
    parser.add_argument("--atol", type=number, default=0.0, help="absolute tolerance")
    parser.add_argument(
        "--flush-subnormals",
        action="store_true",
        help="count subnormals as 0 on both sides: threads differ in what they make of them",
    )
    parser.add_argument(
        "--dtype",
        choices=["float16", "bfloat16", "float32", "float64"],
        default="float32",
        help="of the inputs (default: float32)",
    )
    parser.add_argument("--low", type=float, help="the least input (default: no limit)")
    parser.add_argument("--high", type=float, help="the greatest input (default: no limit)")
    add_common(parser)
    options = parser.parse_args(argv)
    options.tolerance = {
        name: getattr(options, name) for name in ("ulp", "rtol", "atol", "flush_subnormals")
    }
    if options.ulp < 0:
        parser.error("--ulp: expected a number from 0 on, got %d" % options.ulp)
    if options.exhaustive is not None:
        if (options.low, options.high) != (None, None):
            parser.error("--low and --high do not go with --exhaustive")
        if options.dtype != "float32":
            parser.error("--dtype %s does not go with --exhaustive" % options.dtype)
    check_common(parser, options)
    return options


def sides_of(options):
    from legacy_spiky.parity.pair import sides

    python = options.tf1_python or sys.executable
    return sides(python, options.reference, options.candidate)


def compare_samples(options, report):
    """Compares on boundaries and random bit patterns."""
    from legacy_spiky.parity import compare
    from legacy_spiky.parity.pair import inputs_of

    seed = options.seed or 0
    x = samples(options.dtype, options.low, options.high, seed=seed)
    reference, candidates = sides_of(options)
    taken = reference.about["dtypes"]
    if options.dtype not in taken:
        version = reference.about["tensorflow"], options.tf1_python or sys.executable
        words = "TensorFlow %s of %s takes no %s in py_func, only %s"
        raise ValueError(words % (version + (options.dtype, ", ".join(taken))))
    inputs = inputs_of(options.candidate, x, seed)
    bar = _terminal.progress(len(candidates), "comparison")
    try:
        for candidate in candidates:
            report.add(compare(reference, candidate, inputs=inputs, **options.tolerance))
            bar.update()
    finally:
        bar.close()


def compare_blocks(options, report):
    """Compares on all float32, or on a sample of blocks."""
    python = options.tf1_python or sys.executable
    names = {"python": python, "reference": options.reference, "candidate": options.candidate}
    check = functools.partial(blocks.check_pair, **dict(options.tolerance, **names))
    blocks.walk(check, blocks.drawn(options.exhaustive, options.seed), report)


def draw(options):
    from legacy_spiky.parity.pair import arity
    from legacy_spiky.parity.plot import draw

    low = -2 if options.low is None else options.low
    high = 2 if options.high is None else options.high
    x = np.linspace(low, high, 2049).astype(options.dtype if options.dtype != "bfloat16" else "f4")
    ones = [np.ones_like(x)] * (arity(options.candidate) - 1)  # the further arguments
    draw(options.plot, *sides_of(options), inputs=[x] + ones)


def main(argv, prog):
    options = arguments(argv, prog)
    sys.path.insert(0, os.getcwd())  # for the user's modules
    _terminal.tensorflow()
    from legacy_spiky.parity.verdict import verify

    report = Report()
    compare = compare_samples if options.exhaustive is None else compare_blocks
    return verify(options, [report], lambda: compare(options, report), lambda: draw(options))
