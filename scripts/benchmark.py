"""Times activations side by side, in one run: forward, and forward and backward.

What the times are depends on the machine; the ratios tell: how much longer than the best formula
for spiky in TensorFlow ops (of a best), than tf.nn.relu (of relu) and than a bare py_func that does
nothing (of bare), and how much faster than the recipe of 2016. All take turns in several rounds,
and the median of their steps counts. The backward step waits for the forward one, as in training.
TensorFlow's graph optimizer is off, which would compute in advance what does not change.

Also: building a graph of 1000 activations, against 1000 bare py_func ops; and the import, beyond
TensorFlow's.

Exit status: 0, or 2 where it could not be timed.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time

import numpy as np
from quiet import ROOT, check_files, need, progress, stop, tf

import legacy_spiky

SIZES = {"4 Ki": 1 << 12, "256 Ki": 1 << 18, "1 Mi": 1 << 20, "16 Mi": 1 << 24}
ROUNDS, SECONDS = 7, 0.15  # of a turn, which is one step at least
OPS = 1000
IMPORTS = 5

RECIPE, BEST = "the recipe", "best TensorFlow formula"
RELU, BARE = "tf.nn.relu", "bare py_func of an identity"
OURS, COMPILED = "tf_spiky", "vectorize(spiky), compiled"

EAGER = getattr(tf, "executing_eagerly", bool)()


# What takes part: ops of one tensor.


def load_recipe():
    """Returns the recipe as it was, but with `otypes`, as a module of its own."""
    path = os.path.join(ROOT, "tests", "recipe.py")
    spec = importlib.util.spec_from_file_location("recipe_with_otypes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.np_spiky = np.vectorize(module.spiky, otypes=[float])
    module.np_d_spiky = np.vectorize(module.d_spiky, otypes=[float])
    return module


recipe = load_recipe()


def obvious_formula(x):
    r = tf.mod(x, 1.0)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def best_formula(x):
    # tf.floor has no gradient, which leaves the way back one selection.
    r = x - tf.floor(x)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def identity(x):
    """One call of Python forward and one back, that do nothing: the price of calling it."""

    def gradient(op, upstream):
        return tf.py_func(lambda g: g, [upstream], tf.float32)

    return recipe.py_func(lambda x: x, [x], [tf.float32], grad=gradient)[0]


def contenders():
    """Returns label, world and op of each."""
    found = [(RECIPE, in_session, recipe.tf_spiky), (OURS, in_session, legacy_spiky.tf_spiky)]
    try:
        functions = [
            legacy_spiky.vectorize(f, compile=True)
            for f in (legacy_spiky.spiky, legacy_spiky.d_spiky)
        ]
        found.append((COMPILED, in_session, legacy_spiky.activation(*functions)))
    except ImportError:
        print("without Numba: nothing is compiled", file=sys.stderr)
    if hasattr(tf, "numpy_function"):
        from legacy_spiky import migration

        worlds = [("session", in_session)]
        if EAGER:
            worlds = [("eager", eagerly), ("tf.function", in_function)]
        for op in (migration.tf_spiky, migration.native_spiky):
            found += [("migration.%s, %s" % (op.__name__, name), run, op) for name, run in worlds]
    return found + [
        ("obvious TensorFlow formula", in_session, obvious_formula),
        (BEST, in_session, best_formula),
        (RELU, in_session, tf.nn.relu),
        (BARE, in_session, identity),
    ]


# Where it runs: each returns a step forward, and one forward and backward.


def in_session(op, x, upstream):
    with tf.Graph().as_default() as graph:
        # In variables, to be neither fed nor computed in a step.
        x, upstream = [tf.identity(tf.Variable(array)) for array in (x, upstream)]
        y = op(x)
        with tf.control_dependencies([y]):
            upstream = tf.identity(upstream)
        (gradient,) = tf.gradients(y, x, upstream)
        initializer = tf.global_variables_initializer()
    config = tf.ConfigProto()
    config.graph_options.optimizer_options.opt_level = -1
    rewrite = config.graph_options.rewrite_options
    if hasattr(rewrite, "disable_meta_optimizer"):  # since 1.12
        rewrite.disable_meta_optimizer = True
    session = tf.Session(graph=graph, config=config)
    session.run(initializer)
    # The operations, not their results: those would be copied out.
    return lambda: session.run(y.op), lambda: session.run([y.op, gradient.op])


def eagerly(op, x, upstream):
    x, upstream = tf.constant(x), tf.constant(upstream)

    def both():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = op(x)
        return tape.gradient(y, x, upstream)

    return lambda: op(x), both


def in_function(op, x, upstream):
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    forward, both = [tf.function(step, autograph=False) for step in eagerly(op, x, upstream)]
    return forward, both


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


def measure(size, rounds, seconds, bar):
    """Returns for each contender the medians of a step forward and of one both ways, in ms."""
    random = np.random.RandomState(0)
    x = random.uniform(-8, 8, size).astype(np.float32)
    upstream = random.uniform(0.5, 2, size).astype(np.float32)
    steps = {label: run(op, x, upstream) for label, run, op in contenders()}
    times = {label: ([], []) for label in steps}
    for i in range(rounds):
        for label, pair in steps.items():
            if label != RECIPE or i < 3:  # it takes seconds for a step
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


def plot(path, results):
    """Draws what a step both ways takes, as part of what the best formula takes, over the size."""
    pyplot = need("matplotlib.pyplot", "plot")
    pyplot.switch_backend("agg")
    figure, ax = pyplot.subplots(figsize=(9, 5), constrained_layout=True)
    sizes = [SIZES[name] for name in results]
    shown = [label for label in next(iter(results.values())) if "," not in label]
    for label in shown + [COMPILED] * (COMPILED in next(iter(results.values()))):
        ratios = [times[label][1] / times[BEST][1] for times in results.values()]
        ours = label in (OURS, COMPILED)
        ax.plot(sizes, ratios, "o-" if ours else "o--", lw=2.5 if ours else 1, ms=5, label=label)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes)
    ax.set_xticklabels(list(results))
    ax.set_xlabel("float32 numbers")
    ax.set_title(
        "forward and backward in a session: time, relative to the best formula", loc="left"
    )
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    figure.savefig(path, dpi=120)


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
        need("matplotlib.pyplot", "plot")  # and not after all the work
    versions = {
        "TensorFlow": tf.VERSION,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
    print(", ".join("%s %s" % pair for pair in versions.items()), flush=True)
    names = ["4 Ki", "256 Ki"] if options.quick else list(SIZES)
    rounds, seconds, ops = (1, 0.0, 10) if options.quick else (ROUNDS, SECONDS, OPS)
    imports = 1 if options.quick else IMPORTS
    bar = progress(len(names) * rounds * len(contenders()) + rounds + imports, "turn")
    results = {}
    for name in names:
        results[name] = measure(SIZES[name], rounds, seconds, bar)
    building = measure_building(ops, rounds, bar)
    milliseconds = measure_import(imports, bar)
    bar.close()
    for name, times in results.items():
        print(*table(name, times), sep="\n")
    ours, others = building.values()
    print("\nbuilding %d ops: %.2f s, %.2f of bare tf.py_func" % (ops, ours, ours / others))
    print("import: %.0f ms beyond TensorFlow and NumPy, Numba not loaded" % milliseconds)
    try:
        if options.json:
            with open(options.json, "w") as text:
                report = {"versions": versions, "milliseconds": results}
                report.update(building=building, imported=milliseconds)
                json.dump(report, text, indent=1)
        if options.plot:
            plot(options.plot, results)
            print("drew", options.plot)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
