"""Memory: scripts/leaks.py in small, and gradients that are built when much else is gone."""

import functools
import gc
import os
import subprocess
import sys

import numpy as np
import pytest
from test_scripts import SCRIPTS, scripts  # noqa: F401, a fixture

from legacy_spiky._ops.versions import tf


@pytest.fixture
def leaks(scripts):  # noqa: F811
    return scripts("leaks")


@pytest.mark.parametrize(
    "label",
    [
        "bare py_func, session",
        "session",
        "session, in while_loop and cond",
        "migration, session",
        "migration, eager",
    ],
)
def test_memory_stays_flat(leaks, label):
    if label not in leaks.cases():
        pytest.skip("this TensorFlow has none of it")
    before, after, left = leaks.measure(leaks.cases()[label], 100, leaks.progress(100, "graph"))
    assert left == 0
    assert after - before < leaks.FLAT


RECIPE = """
import sys
sys.path[:0] = {paths!r}
import leaks, recipe
def squared(package, array, x):
    return leaks.squared(package, array, 0.5 * x)
leaks.cases = lambda: {{"the recipe": leaks.session(squared, recipe)}}
sys.exit(leaks.main(["--graphs", "100"]))
"""


def test_the_recipe_leaks():
    code = RECIPE.format(
        paths=[SCRIPTS, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    row, last = process.communicate()[0].decode().splitlines()[-2:]
    count, before, after, each, left = map(float, row.split()[2:])
    assert count == left == 100
    assert 70 < after - before < 110
    assert 0.9e6 < each < 1.5e6
    assert last == "memory grows"
    assert process.returncode == 1


def test_what_is_flat(leaks, monkeypatch, capsys):
    kinds = {"graphs": 0, "calls, eager": 0}

    def case(label):
        def run(array):
            kinds[label] += 1

        return run

    monkeypatch.setattr(leaks, "EVERY", 100)
    monkeypatch.setattr(leaks, "cases", lambda: {label: case(label) for label in kinds})
    assert leaks.main(["--graphs", "100", "--calls", "200"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "memory stays flat"
    assert kinds == {"graphs": 100, "calls, eager": 200}


@pytest.mark.parametrize("option", ["--graphs", "--calls"])
def test_wrong_arguments(leaks, option, capsys):
    with pytest.raises(SystemExit) as error:
        leaks.main([option, "99"])
    assert error.value.code == 2
    assert option + ": expected a whole number from 100 on, got '99'" in capsys.readouterr().err


# Gradients that are built late.


def once(op, x):
    return op(x)


def in_while_loop(op, x):
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, op(y)), [0, x])[1]


def in_cond(op, x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: op(x), lambda: -op(x))


def in_cond_in_while_loop(op, x):
    def body(i, y):
        return i + 1, tf.cond(tf.equal(i, 1), lambda: op(y), lambda: y * 1)

    return tf.while_loop(lambda i, y: i < 3, body, [0, x])[1]


X = np.float32([1, -2, 3])
# First and second derivatives. Loops of TensorFlow 1 have no second one, of no op.
LATE = {
    once: [2 * X, [2, 2, 2]],
    in_while_loop: [8 * X**7],
    in_cond: [2 * X, [2, 2, 2]],
    in_cond_in_while_loop: [2 * X],
}


def square_of(package):
    """Returns x ** 2, whose gradient is a py_func too; what it closes over is held by no other."""
    two = np.float32([2])

    def op(x):
        def grad(op, upstream):
            def again(op, upstream):
                return (upstream * tf.constant(two),)

            slope = package.py_func(lambda x: two * x, [op.inputs[0]], tf.float32, grad=again)
            slope.set_shape(op.inputs[0].get_shape())
            return upstream * slope

        y = package.py_func(lambda x: x**two, [x], tf.float32, grad=grad)
        y.set_shape(x.get_shape())
        return y

    return op


def activation_of(package):
    two = np.float64([2])
    return package.activation(lambda x: x**two, lambda x: two * x, lambda x: 0 * x + two)


OPS = {"py_func": square_of, "activation": activation_of}


def come_and_go(package):
    """Builds other graphs, with other gradients, and drops them."""
    for op_of in OPS.values():
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.constant(X)
            session.run(tf.gradients(op_of(package)(x), x)[0])
    gc.collect()


@pytest.mark.parametrize("build", sorted(LATE, key=lambda build: build.__name__))
@pytest.mark.parametrize("kind", sorted(OPS))
def test_gradients_built_late(world, kind, build):
    found = (late_tapes if world.eager else late)(world, kind, build)
    for expected, derivative in zip(LATE[build], found):
        np.testing.assert_array_equal(derivative, expected)


def late(world, kind, build):
    """Yields the derivatives, each built and run when other graphs came and went."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, X.shape)
        y = build(OPS[kind](world), x)
    while True:
        come_and_go(world)
        with graph.as_default(), tf.Session() as session:
            y = tf.gradients(y, x)[0]
            yield session.run(y, {x: X})


def late_tapes(world, kind, build):
    x, op = tf.constant(X), OPS[kind](world)
    f = functools.partial(build, op)
    f = tf.function(f, autograph=False) if world.function else f
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        del f, op
        come_and_go(world)
        y = inner.gradient(y, x)
    yield y.numpy()
    come_and_go(world)
    yield outer.gradient(y, x).numpy()
