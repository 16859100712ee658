"""The recipe's own test, in a TensorFlow 1 session.

Prints x, spiky(x) and the gradient of spiky at x, for x = 0.2, 0.7, 1.2, 1.7. spiky rises from
0 to 0.5 in the first half of each period of 1 and is 0 in the second, so the gradient is 1, 0,
1, 0.
"""

import argparse

import numpy as np

from legacy_spiky import _terminal

__all__ = ["main"]


def evaluate(points):
    """Returns x, spiky(x) and its gradient, as a session computes them."""
    from legacy_spiky import tf_spiky
    from legacy_spiky._ops import tf

    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(points, tf.float32)
        y = tf_spiky(x)
        return session.run([x, y, tf.gradients(y, [x])[0]])


def plot(path, pyplot):
    """Draws spiky and its derivative, as the session computes them, into a PNG file."""
    x, y, gradient = evaluate(np.arange(-2, 2, 1 / 128))
    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=(7, 4), constrained_layout=True)
    for ax, values, title in [(axes[0], y, "spiky(x)"), (axes[1], gradient, "d_spiky(x)")]:
        # A line over each piece, none over the jumps, and a dot on the value at a jump.
        jumps = np.flatnonzero(np.abs(np.diff(values)) > 0.25) + 1
        for xs, ys in zip(np.split(x, jumps), np.split(values, jumps)):
            ax.plot(xs, ys, color="C0")
        ends = [i for jump in jumps for i in (jump - 1, jump) if x[i] % 0.5 == 0]
        ax.plot(x[ends], values[ends], ".", color="C0")
        ax.set_title(title, loc="left")
        ax.grid(alpha=0.3)
    axes[1].set_xlabel("x")
    axes[0].set_xticks(np.arange(-2, 2.5, 0.5))
    figure.savefig(path, dpi=120)


def main(argv, prog):
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--plot",
        metavar="FILE.png",
        help="also draw spiky and its derivative (needs Matplotlib: the extra [plot])",
    )
    options = parser.parse_args(argv)
    _terminal.check_files(parser, options, "plot")
    pyplot = options.plot and _terminal.pyplot()  # and not after all the work
    _terminal.tensorflow()
    print(*evaluate([0.2, 0.7, 1.2, 1.7]))
    print(_terminal.versions())
    if options.plot:
        plot(options.plot, pyplot)
        print("drew", options.plot)
    return 0
