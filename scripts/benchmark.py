"""Times activations side by side, in one run: forward, and forward and backward.

What the times are depends on the machine; the ratios tell: how much longer than the best formula
for spiky in TensorFlow ops (of a best), than tf.nn.relu (of relu) and than a bare py_func that does
nothing (of bare), and how much faster than the recipe of 2016. All take turns in several rounds,
and the median of their steps counts. The backward step waits for the forward one, as in training.
TensorFlow's graph optimizer is off, which would compute in advance what does not change.

Also: each function of the corpus without Numba, against np.vectorize; building a graph of 1000
activations, against 1000 bare py_func ops; and the import, beyond TensorFlow's. The ratios that
sum it up come last.

Exit status: 0, or 2 where it could not be timed.
"""

import argparse
import json
import platform
import subprocess
import sys
import time

import numpy as np
from shared import ROOT, contenders, corpus
from shared.contenders import (
    ARRAYS,
    ARRAYS_WAVE,
    BARE,
    BEST,
    COMPILED,
    COMPILED_IN_FUNCTION,
    COMPILED_WAVE,
    OURS,
    RECIPE,
    RECIPE_WAVE,
    RELU,
    TWO,
    XLA_DOUBLE,
    XLA_RELU,
    XLA_SINGLE,
)
from shared.quiet import tf

import legacy_spiky
from legacy_spiky import _terminal
from legacy_spiky._terminal import check_files, progress, status_of, stop

SIZES = {"4 Ki": 1 << 12, "256 Ki": 1 << 18, "1 Mi": 1 << 20, "16 Mi": 1 << 24}
ROUNDS, SECONDS = 5, 0.15  # of a turn, which is one step at least
SLOW = {RECIPE: 1 << 24, RECIPE_WAVE: 1 << 20}  # take seconds for a step: up to which size
OPS = 1000
CORPUS = 1 << 18
IMPORTS = 5


# Measuring.


def turn(step, seconds):
    """Returns the milliseconds of each step, in a turn of about so many seconds."""
    step()  # not timed: what ran before left another cache behind
    found, started = [], time.perf_counter()
    while not found or time.perf_counter() < started + seconds:
        before = time.perf_counter()
        step()
        found.append(1000 * (time.perf_counter() - before))
    return found


def measure(size, taking_part, rounds, seconds, bar):
    """Returns for each contender the medians of a step forward and of one both ways, in ms."""
    random = np.random.RandomState(0)
    x = random.uniform(-8, 8, size).astype(np.float32)
    upstream = random.uniform(0.5, 2, size).astype(np.float32)
    steps = {
        label: run(op, x, upstream)
        for label, run, op in taking_part
        if size <= SLOW.get(label, size)
    }
    times = {label: ([], []) for label in steps}
    for i in range(rounds):
        for label, pair in steps.items():
            if label not in SLOW or i < (3 if size < 1 << 24 else 1):
                for step, found in zip(pair, times[label]):
                    found += turn(step, seconds)
            bar.update()
    return {label: [float(np.median(found)) for found in pair] for label, pair in times.items()}


def build(op, count):
    """Returns the seconds that it takes to build so many ops in a graph."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [8])
        started = time.perf_counter()
        for _ in range(count):
            op(x)
        return time.perf_counter() - started


def bare(x):
    return tf.py_func(lambda x: x, [x], tf.float32)


def measure_building(count, rounds, bar):
    """Returns the medians of seconds: of activations, and of bare ops."""
    times = {OURS: [], "bare tf.py_func": []}
    for _ in range(rounds):
        for found, op in zip(times.values(), (legacy_spiky.tf_spiky, bare)):
            found.append(build(op, count))
        bar.update()
    return {label: float(np.median(found)) for label, found in times.items()}


IMPORT = """
import sys, time
import numpy, tensorflow
started = time.perf_counter()
import legacy_spiky.graph
print(time.perf_counter() - started, "numba" in sys.modules)
"""


def measure_import(rounds, bar):
    """Returns the median of the milliseconds that the import takes beyond TensorFlow's."""
    found = []
    for _ in range(rounds):
        output = subprocess.check_output([sys.executable, "-c", IMPORT], cwd=ROOT)
        seconds, numba = output.decode().split()
        if numba == "True":
            raise RuntimeError("the import loads Numba")
        found.append(1000 * float(seconds))
        bar.update()
    return float(np.median(found))


# What is said of it.


def table(name, times):
    """Returns the lines on a size."""
    width = max(map(len, times))
    head = "forward|both, ms|of best|of relu|of bare|faster than the recipe".split("|")
    lines = ["", "%s float32" % name, " " * width + "".join("  %8s" % cell for cell in head)]
    for label, (forward, both) in times.items():
        ratios = [both / times[other][1] for other in (BEST, RELU, BARE)]
        cells = ["%8.3f" % forward, "%8.3f" % both] + ["%8.2f" % ratio for ratio in ratios]
        faster = times[RECIPE][1] / both
        lines.append(
            label.ljust(width)
            + "".join("  " + cell for cell in cells)
            + ("%.*f" % (0 if faster >= 10 else 1, faster)).rjust(2 + len(head[-1]))
        )
    return lines


def figures(results, found):
    """Returns the lines that sum it up, of those rows that there are."""

    def ratio(size, above, below, times=1):
        given = results.get(size, {})
        if above in given and below in given:
            return given[above][1] / (times * given[below][1])

    above = [(RECIPE, OURS), (RECIPE, COMPILED), (RECIPE, ARRAYS), (RECIPE_WAVE, ARRAYS_WAVE)]
    below = [(COMPILED, BEST), (COMPILED_WAVE, BEST), (COMPILED, BARE), (OURS, BARE)]
    below += [(COMPILED_IN_FUNCTION, COMPILED), (XLA_DOUBLE, XLA_RELU), (XLA_SINGLE, XLA_RELU)]
    said = []
    for size in results:
        for slow, fast in above:
            said.append(("%s, %s, faster than %s" % (size, fast, slow), ratio(size, slow, fast)))
        for one, other in below:
            said.append(("%s, %s, of %s" % (size, one, other), ratio(size, one, other)))
        name = "%s, %s, in one step, of two steps" % (size, TWO)
        said.append((name, ratio(size, TWO, COMPILED, 2)))
    for kind in ("arithmetic", "math"):
        faster = corpus.faster(found, kind)
        if faster:
            name = "corpus, %s, faster than np.vectorize, " % kind
            said += [(name + "median", np.median(faster)), (name + "least", min(faster))]
    first = np.median([each["first"] for each in found.values()])
    said.append(("first call of a function of the corpus, median, ms", first))
    return ["", "figures"] + ["%s: %.2f" % pair for pair in said if pair[1] is not None]


def plot(path, results):
    """Draws what a step both ways takes, as part of what the best formula takes, over the size."""
    pyplot = _terminal.pyplot()
    labels = list(next(iter(results.values())))
    after = [label for label in labels if label.startswith("migration.")]
    after += [label for label in (COMPILED_IN_FUNCTION, XLA_DOUBLE, XLA_RELU) if label in labels]
    before = [label for label in labels if "," not in label or label == COMPILED]
    panels = {"in a session": before, "TensorFlow 2: eager, tf.function, XLA": [BEST] + after}
    figure, axes = pyplot.subplots(1, 2, sharey=True, figsize=(12, 5), constrained_layout=True)
    sizes = [SIZES[name] for name in results]
    for ax, (title, shown) in zip(axes, panels.items()):
        for label in shown:
            ratios = [times[label][1] / times[BEST][1] for times in results.values()]
            ours = label in (OURS, COMPILED) or label in after and label != XLA_RELU
            style = dict(ls="-", lw=2) if ours else dict(ls="--", lw=1)
            name = label + ", in a session" if label == BEST and ax is axes[1] else label
            ax.plot(sizes, ratios, marker="o", ms=5, label=name, **style)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xticks(sizes)
        ax.set_xticklabels(list(results))
        ax.set_xlabel("float32 numbers in the tensor")
        ax.set_title(title, loc="left")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    axes[0].set_ylabel("time of a step forward and backward,\ntimes that of the best formula")
    figure.savefig(path, dpi=100)


def arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="two sizes, one round: whether it runs, no more"
    )
    parser.add_argument("--json", metavar="FILE", help="write the medians there")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the ratios (extra [plot])")
    options = parser.parse_args(argv)
    check_files(parser, options, "json", "plot")
    return options


def main(argv=None):
    options = arguments(argv)
    if tf.VERSION.startswith("1.0."):
        stop("TensorFlow 1.0 has no gradient of tf.mod to compare with: use a newer one")
    if options.plot:
        _terminal.pyplot()  # and not after all the work
    versions = {
        "TensorFlow": tf.VERSION,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
    print(", ".join("%s %s" % pair for pair in versions.items()), flush=True)
    names = ["4 Ki", "256 Ki"] if options.quick else list(SIZES)
    rounds, seconds, ops = (1, 0.0, 10) if options.quick else (ROUNDS, SECONDS, OPS)
    imports = 1 if options.quick else IMPORTS
    count, functions = CORPUS, corpus.load()
    if options.quick:
        count, functions = 1 << 10, functions[::8]
    taking_part = contenders.contenders()
    turns = len(names) * rounds * len(taking_part) + len(functions) + rounds + imports
    bar = progress(turns, "turn")
    results = {}
    for name in names:
        results[name] = measure(SIZES[name], taking_part, rounds, seconds, bar)
        print(*table(name, results[name]), sep="\n", flush=True)
    found = {f.__name__: corpus.measure(f, count, bar) for f in functions}
    building = measure_building(ops, rounds, bar)
    milliseconds = measure_import(imports, bar)
    bar.close()
    print(*corpus.table(found, count), sep="\n")
    ours, others = building.values()
    print("\nbuilding %d ops: %.2f s, %.2f of bare tf.py_func" % (ops, ours, ours / others))
    print("import: %.0f ms beyond TensorFlow and NumPy, Numba not loaded" % milliseconds)
    print(*figures(results, found), sep="\n")
    try:
        if options.json:
            with open(options.json, "w") as text:
                report = {"versions": versions, "milliseconds": results}
                report.update(corpus=found, building=building, imported=milliseconds)
                json.dump(report, text, indent=1)
        if options.plot:
            plot(options.plot, results)
            print("drew", options.plot)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(status_of(main))
