"""Whether memory stays flat: graphs that are built, run and dropped, and calls in eager mode.

Each graph, and each eager call, has an activation and a py_func of its own, whose functions and
gradients close over an array of 1 MB. No array may be left when all of them are gone, and the
resident memory may grow by no more than 64 of them after the first 500. TensorFlow's registry of
gradients is for ever: about 1 kB stays of each function that was registered. Bare py_func ops,
which have no gradient, show what TensorFlow itself keeps.

Garbage is collected after every 20, as Python itself would sooner or later: a graph is full of
cycles.

Exit status: 0 where memory stays flat, 1 where it does not, 2 where it could not be measured.
"""

import argparse
import gc
import os
import sys
import weakref

import numpy as np
from shared.quiet import tf

import legacy_spiky
from legacy_spiky._terminal import progress, status_of, versions

ARRAY = 1 << 20  # bytes
FLAT = 64 * ARRAY
FIRST, EVERY = 500, 20

try:
    from legacy_spiky import migration
except ImportError:  # TensorFlow is too old
    migration = None


def resident():
    """Returns the resident memory in bytes; its peak where there is no /proc, as on macOS."""
    try:
        with open("/proc/self/statm") as text:
            return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# What is built: ops whose functions and gradients hold an array of 0.5.


def activation(package, array):
    return package.activation(lambda x: array[0] * x, lambda x: np.full_like(x, array[0]))


def squared(package, array, x):
    """0.5 x ** 2; its gradient also holds the tensor, which leads to the graph."""

    def square(y):
        return np.float32(array[0]) * y * y

    def grad(op, upstream, held=x):
        return 2 * array[0] * op.inputs[0] * upstream

    y = package.py_func(square, [x], tf.float32, grad=grad)
    y.set_shape(x.get_shape())
    return y


def layers(package, array, x):
    """0.5 (0.5 x) ** 2"""
    return squared(package, array, activation(package, array)(x))


def in_control_flow(package, array, x):
    """The same, one time around a loop, in a branch."""

    def body(i, y):
        return i + 1, tf.cond(y[0] > 0, lambda: layers(package, array, y), lambda: -y)

    return tf.while_loop(lambda i, y: i < 1, body, [0, x])[1]


def bare(package, array, x):
    return tf.py_func(lambda x: np.float32(array[0]) * x, [x], tf.float32)


# Where it runs.


def session(build, package):
    """Returns what builds a graph, runs it forward and backward, and drops it."""

    def run(array):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.constant([1.0, 2.0])
            y = build(package, array, x)
            (gradient,) = tf.gradients(y, x)
            fetches = [y] if gradient is None else [y, gradient]
            check(session.run(fetches))

    return run


def eager(build, package):
    def run(array):
        x = tf.constant([1.0, 2.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = build(package, array, x)
        check([y.numpy(), tape.gradient(y, x).numpy()])

    return run


def check(results):
    expected = [[0.125, 0.5], [0.25, 0.5]] if len(results) == 2 else [[0.5, 1.0]]
    if not np.array_equal(results, expected):
        raise AssertionError("got %s, expected %s" % (results, expected))


def cases():
    """Returns the label and the function of each."""
    found = {
        "bare py_func, session": session(bare, None),
        "session": session(layers, legacy_spiky),
    }
    if migration is not None:
        found["migration, session"] = session(layers, migration)
        if tf.executing_eagerly():
            found["migration, eager"] = eager(layers, migration)
    found["session, in while_loop and cond"] = session(in_control_flow, legacy_spiky)
    return found


def measure(case, count, bar):
    """Runs a case so many times.

    Returns:
      The resident memory after the first and after the last, and how many arrays are left.
    """
    first, before, arrays = min(FIRST, count // 4), 0, []
    for i in range(1, count + 1):
        array = np.full(ARRAY // 8, 0.5)
        arrays.append(weakref.ref(array))
        case(array)
        del array
        if i % EVERY == 0 or i in (first, count):
            gc.collect()
            arrays = [known for known in arrays if known() is not None]
        if i == first:
            before = resident()
        bar.update()
    return before, resident(), len(arrays)


def arguments(argv):
    def count(text):
        if not (text.isdigit() and int(text) >= 100):
            raise argparse.ArgumentTypeError("expected a whole number from 100 on, got %r" % text)
        return int(text)

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graphs", type=count, default=10000, help="of each kind: 10000")
    parser.add_argument("--calls", type=count, default=100000, help="in eager mode: 100000")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    print(versions())
    counts = {
        label: options.calls if label.endswith("eager") else options.graphs for label in cases()
    }
    width = max(map(len, counts))
    head = "count|MB first|MB in the end|bytes for each|arrays left".split("|")
    print(" " * width + "".join("  %14s" % cell for cell in head), flush=True)
    flat = True
    bar = progress(sum(counts.values()), "graph")
    for label, case in cases().items():
        before, after, left = measure(case, counts[label], bar)
        first = min(FIRST, counts[label] // 4)
        each = (after - before) / (counts[label] - first)
        cells = "%14d  %14.1f  %14.1f  %14.0f  %14d"
        cells %= counts[label], before / 1e6, after / 1e6, each, left
        print(label.ljust(width) + "  " + cells, flush=True)
        flat = flat and left == 0 and after - before < FLAT
    bar.close()
    print("memory stays flat" if flat else "memory grows")
    return 0 if flat else 1


if __name__ == "__main__":
    if hasattr(gc, "freeze"):  # since Python 3.7: to go through all of TensorFlow takes its time
        gc.freeze()
    sys.exit(status_of(main))
