"""Verifies that implementations agree: values and gradients, down to the bit.

With no options: spiky as scalar and as array functions, in a session, migrated, and in TensorFlow
ops, on every float16 and bfloat16, on boundaries and random bit patterns of float32 and float64,
and on shapes from scalar to 4-D. With options:

  verify_parity.py --tf1-python OLD/bin/python
      the session of that interpreter too, of a real TensorFlow 1 (nothing else is needed there)

  verify_parity.py --reference old:leaky --candidate new:leaky --rtol 1e-6
      two functions of tensors of your own: the first in a session, in a process of its own (of
      OLD/bin/python with --tf1-python), the second eagerly and in a tf.function; modules are
      looked for in the current folder first, then in PYTHONPATH; arguments without a default are
      taken for tensors

  verify_parity.py --exhaustive
      every float32 there is, against the digests of a real TensorFlow 1.15.5 session

  verify_parity.py --training
      the network of train_digits.py, step by step, in a session and with a gradient tape

Exit status: 0 all agree; 1 something differs; 2 it could not be verified, or not to the end.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
import traceback

import exhaustive
import implementations
import lockstep
import numpy as np
from implementations import ARRAY, ARRAY_KEPT, SCALAR, SCALAR_KEPT, fixed
from quiet import check_files, need, progress, tf
from train_digits import initial_weights

from legacy_spiky import parity
from legacy_spiky._arrays.patterns import plain
from legacy_spiky._ops import versions

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
    """Compares the implementations of spiky with each other, or a candidate with the recipe's."""
    if options.candidate:
        candidates = implementations.of_candidate(options.candidate)
    else:
        candidates = [ARRAY] + implementations.of_spiky(options.tf1_python)
    arrays = inputs_of_spiky(options.seed or 0)
    bar = progress(len(arrays) * len(candidates), "comparison")
    missing = set()
    for x in arrays:
        upstream = [parity.upstreams(x.shape, x.dtype, options.seed or 0)]
        if not options.candidate:
            report.add(parity.compare(SCALAR_KEPT, ARRAY_KEPT, inputs=x, upstream=upstream))
        expected = fixed(SCALAR([x], upstream), SCALAR.label)
        for candidate in candidates:
            taken = getattr(candidate, "about", {}).get("dtypes", [x.dtype.name])
            if x.dtype.name in taken:
                tolerance = options.tolerance
                report.add(
                    parity.compare(expected, candidate, inputs=x, upstream=upstream, **tolerance)
                )
            else:
                missing.add((candidate.label, x.dtype.name))
            bar.update()
    bar.close()
    for label, dtype in sorted(missing):
        print("not in %s: %s, which py_func does not take there" % (label, dtype))


def compare_pair(options, report):
    """Compares the user's reference with the user's candidate."""
    python = options.tf1_python or sys.executable
    reference, candidates = implementations.of_pair(python, options.reference, options.candidate)
    taken = reference.about["dtypes"]
    if options.dtype not in taken:
        raise ValueError(
            "TensorFlow %s of %s takes no %s in py_func, only %s"
            % (reference.about["tensorflow"], python, options.dtype, ", ".join(taken))
        )
    seed = options.seed or 0
    x = parity.samples(options.dtype, options.low, options.high, seed=seed)
    arity = implementations.arity(options.candidate)
    orders = [np.random.RandomState((seed + i) % 2**32) for i in range(1, arity)]
    inputs = [x] + [order.permutation(x) for order in orders]
    for candidate in candidates:
        report.add(parity.compare(reference, candidate, inputs=inputs, **options.tolerance))


def compare_every_float32(options, report):
    """Compares on all float32, or on a sample of blocks."""
    settings = dict(
        options.tolerance,
        python=options.tf1_python,
        reference=options.reference,
        candidate=options.candidate,
    )
    everything = options.exhaustive == exhaustive.BLOCKS
    seed = random.randrange(2**32) if options.seed is None else options.seed
    blocks = random.Random(seed).sample(range(exhaustive.BLOCKS), options.exhaustive)
    logged = everything and not options.candidate  # of the user's code a log would know nothing
    done = exhaustive.read_log(options.log, settings, report) if logged else []
    if everything:
        print("all 4096 blocks of 2**20 float32, %d of them from the log" % len(done))
    else:
        print("%d of 4096 blocks of 2**20 float32, drawn with --seed %d" % (len(blocks), seed))
    sys.stdout.flush()
    bar = progress(len(blocks) - len(done), "block")
    try:
        for block, found in exhaustive.run(set(blocks) - set(done), **settings):
            report.add(found)
            done.append(block)
            if logged:
                exhaustive.write_log(options.log, settings, report, done)
            bar.update()
    finally:
        bar.close()
        if len(done) < len(blocks):
            print("%d of %d blocks compared" % (len(done), len(blocks)))
            if logged and done:
                exhaustive.write_log(options.log, settings, report, done)  # also the last one
                print("they are in %s: run the same again to go on" % options.log)
    if logged:
        os.remove(options.log)


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
        bar = bar or progress(total, "step")
        bar.update()
    bar.close()


def plot_functions(path, options):
    """Draws values, gradients and their differences from the reference."""
    pyplot = need("matplotlib.pyplot", "plot")
    pyplot.switch_backend("agg")
    if options.reference:
        python = options.tf1_python or sys.executable
        reference, candidates = implementations.of_pair(
            python, options.reference, options.candidate
        )
    elif options.candidate:
        reference, candidates = SCALAR, implementations.of_candidate(options.candidate)
    else:
        reference, candidates = SCALAR, [ARRAY] + implementations.of_spiky(options.tf1_python)
    low = -2 if options.low is None else options.low
    high = 2 if options.high is None else options.high
    x = np.linspace(low, high, 2049).astype(options.dtype if options.dtype != "bfloat16" else "f4")
    inputs = [x]
    if options.candidate:  # further arguments are 1
        inputs += [np.ones_like(x)] * (implementations.arity(options.candidate) - 1)
    values, _ = reference(inputs)
    ones = [np.ones(y.shape, y.dtype) for y in values]
    ours = reference(inputs, ones)
    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(10, 9), constrained_layout=True)
    titles = ["value", "gradient", "difference of values", "difference of gradients"]
    for ax, title in zip(axes, titles):
        ax.set_title(title, loc="left")
        ax.grid(alpha=0.3)
    for i in range(2):
        if ours[i][0] is not None:
            axes[i].plot(x, ours[i][0], ".", color="black", ms=3, label=reference.label)
    for candidate in candidates:
        theirs = candidate(inputs, ones)
        for i in range(2):
            if theirs[i][0] is not None:
                axes[i].plot(x, theirs[i][0], ".", ms=1, label=candidate.label)
            if ours[i][0] is not None and theirs[i][0] is not None:
                difference = np.float64(theirs[i][0]) - np.float64(ours[i][0])
                axes[2 + i].plot(x, difference, ".", ms=2, label=candidate.label)
    axes[0].legend(fontsize=7, markerscale=3, loc="upper left", bbox_to_anchor=(1, 1))
    axes[3].set_xlabel("x")
    figure.savefig(path, dpi=120)


def plot_training(path, comparisons):
    """Draws the losses, and their differences."""
    pyplot = need("matplotlib.pyplot", "plot")
    pyplot.switch_backend("agg")
    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=(8, 6), constrained_layout=True)
    for comparison in comparisons:
        losses = np.array(comparison.losses).reshape(-1, 2)
        steps = np.arange(1, len(losses) + 1)
        axes[0].plot(steps, losses[:, 1], lw=1, label=comparison.label)
        difference = np.abs(losses[:, 1] / losses[:, 0] - 1)
        axes[1].plot(steps, difference, ".", ms=2, label=comparison.label)
    axes[0].set_title("loss", loc="left")
    axes[1].set_title("relative difference from the loss on the tape", loc="left")
    axes[1].set_xlabel("step")
    axes[0].legend()
    figure.savefig(path, dpi=120)


def number(text):
    value = float(text)
    if not value >= 0 or value == np.inf:
        raise argparse.ArgumentTypeError("expected a number from 0 on, got %s" % text)
    return value


def arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tf1-python",
        metavar="PATH",
        help="run the session half in this interpreter, with TensorFlow 1.0 or newer",
    )
    parser.add_argument("--training", action="store_true", help="train the digits network in each")
    parser.add_argument(
        "--exhaustive",
        metavar="BLOCKS",
        nargs="?",
        type=int,
        const=exhaustive.BLOCKS,
        help="every float32, or those of so many of the 4096 blocks, drawn anew each time",
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        default="verify_parity.log",
        help="where --exhaustive keeps what it proved, to go on after an interruption; it is "
        "deleted in the end (default: %(default)s)",
    )
    pair = parser.add_argument_group("functions of your own")
    pair.add_argument(
        "--candidate", metavar="MODULE:NAME", help="what to verify: a function of tensors"
    )
    pair.add_argument(
        "--reference",
        metavar="MODULE:NAME",
        help="what to compare it with, in a session (default: the recipe's spiky)",
    )
    pair.add_argument("--ulp", type=int, default=0, help="how many floats apart results may be")
    pair.add_argument("--rtol", type=number, default=0.0, help="relative tolerance")
    pair.add_argument("--atol", type=number, default=0.0, help="absolute tolerance")
    pair.add_argument(
        "--flush-subnormals",
        action="store_true",
        help="count subnormals as 0 on both sides: threads differ in what they make of them",
    )
    pair.add_argument(
        "--dtype",
        choices=["float16", "bfloat16", "float32", "float64"],
        default="float32",
        help="of the inputs (default: float32)",
    )
    pair.add_argument("--low", type=float, help="the least input (default: no limit)")
    pair.add_argument("--high", type=float, help="the greatest input (default: no limit)")
    parser.add_argument("--seed", type=int, help="of what is drawn at random (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    parser.add_argument(
        "--plot", metavar="FILE.png", help="draw values, gradients, differences (extra [plot])"
    )
    options = parser.parse_args(argv)

    options.tolerance = {
        "ulp": options.ulp,
        "rtol": options.rtol,
        "atol": options.atol,
        "flush_subnormals": options.flush_subnormals,
    }
    if options.ulp < 0:
        parser.error("--ulp: expected a number from 0 on, got %d" % options.ulp)
    if options.reference and not options.candidate:
        parser.error("--reference wants a --candidate to compare with it")
    if options.training and (options.candidate or options.exhaustive is not None):
        parser.error("--training goes with neither --candidate nor --exhaustive")
    if not options.candidate and any(options.tolerance.values()):
        parser.error("spiky is compared bit for bit: a tolerance wants a --candidate")
    sampled = options.reference and options.exhaustive is None
    if (options.low, options.high) != (None, None) and not sampled:
        parser.error("--low and --high want a --reference, and not --exhaustive")
    if options.dtype != "float32" and not sampled:
        parser.error("--dtype wants a --reference, and not --exhaustive")
    if options.exhaustive is not None and not 1 <= options.exhaustive <= exhaustive.BLOCKS:
        parser.error("--exhaustive takes from 1 to 4096 blocks, got %d" % options.exhaustive)
    if options.seed is not None and not 0 <= options.seed < 2**32:
        parser.error("--seed must be from 0 to 4294967295, got %d" % options.seed)
    check_files(parser, options, "json", "plot", "log")
    return options


def main(argv=None):
    options = arguments(argv)
    sys.path.insert(0, os.getcwd())  # for the user's modules
    started = time.time()
    if options.plot:  # and not after all the work
        need("matplotlib.pyplot", "plot")
    if options.training:
        need("sklearn.datasets", "demo")
    print(
        "TensorFlow %s, NumPy %s, Python %s"
        % (tf.VERSION, np.__version__, platform.python_version()),
        flush=True,
    )
    comparisons = []  # of training
    report = parity.Report()
    problem = None
    try:
        if options.training:
            compare_training(options, comparisons)
        elif options.exhaustive is not None:
            compare_every_float32(options, report)
        elif options.reference:
            compare_pair(options, report)
        else:
            compare_spiky(options, report)
    except BaseException as error:  # sys.exit(0) in the user's code too
        problem = words_of(error)
    return finish(options, comparisons if options.training else [report], problem, started)


def words_of(error):
    """Returns what to say of an error; of one that nobody expected also prints where it was."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, (ImportError, OSError, RuntimeError, TypeError, ValueError)):
        return str(error) or type(error).__name__
    traceback.print_exc()
    return "%s: %s" % (type(error).__name__, error)


def finish(options, results, problem, started):
    """Prints, writes and draws what was found; returns the exit status."""
    seconds = time.time() - started
    ok = all(result.ok for result in results)
    try:
        if problem is None or any(result.tried for result in results):
            for result in results:
                print(result if options.training else result.text(command_line=True))
            print(closing_line(options, results, seconds))
        sys.stdout.flush()
        if options.json:
            write_json(options.json, options, results, problem, seconds)
        if options.plot and problem is None:
            if options.training:
                plot_training(options.plot, results)
            else:
                plot_functions(options.plot, options)
            print("drew", options.plot)
    except BaseException as error:
        problem = problem or words_of(error)
    if problem is not None:
        print("not verified: " + problem, file=sys.stderr)
        return 2
    return 0 if ok else 1


def closing_line(options, results, seconds):
    if options.training:
        differing = sum(not result.ok for result in results)
        count = len(results) + 1
        words = "{:,} steps, {} implementations, {:,} that differ ({:.0f} s)"
    else:
        (report,) = results
        differing = report.mismatches
        count = len({row["candidate"] for row in report.rows})
        words = "{:,} inputs, {} implementations, {:,} mismatches ({:.0f} s)"
    tried = max(result.tried for result in results)
    return words.format(tried, count, differing, seconds)


def write_json(path, options, results, problem, seconds):
    report = {
        "tensorflow": tf.VERSION,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "options": plain(vars(options)),
        "ok": problem is None and all(result.ok for result in results),
        "problem": problem,
        "seconds": round(seconds, 1),
        "results": [result.to_json() for result in results],
    }
    with open(path, "w") as text:
        json.dump(report, text, indent=1, allow_nan=False)
        text.write("\n")


if __name__ == "__main__":
    sys.exit(main())
