"""Times activations side by side, in one run: forward, and forward and backward.

The times are this machine's, the ratios are what to look at: against the best formula for spiky in
TensorFlow ops, and against the recipe of 2016 as it was. All of it without TensorFlow's graph
optimizer, which would fold constants away. Medians; every contender takes its turn in every round.

Exit status: 0, or 2 where something could not be timed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

import numpy as np
from quiet import need, progress, tf

import legacy_spiky
from legacy_spiky import activation, py_func, vectorize

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tests"))
import recipe  # noqa: E402, the recipe as it was

SIZES = {"4 Ki": 1 << 12, "256 Ki": 1 << 18, "1 Mi": 1 << 20, "16 Mi": 1 << 24}
SECONDS = 0.5  # how long a contender's turns may take at a size, but for MINIMUM of them
MINIMUM, MAXIMUM = 3, 100
NODES = 1000

EAGER = getattr(tf, "executing_eagerly", bool)()


# What takes part.


def recipe_spiky(x):
    """The recipe: its helper, np.vectorize for the array functions, with otypes."""
    return recipe.tf_spiky(x)


recipe.np_spiky = np.vectorize(recipe.spiky, otypes=[float])
recipe.np_d_spiky = np.vectorize(recipe.d_spiky, otypes=[float])


def obvious_formula(x):
    r = tf.mod(x, 1.0)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def best_formula(x):
    # tf.floor has no gradient, which spares all but a selection on the way back; of it both need
    # the zeros. Off on one float32, as the obvious one.
    r = x - tf.floor(x)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def identity(x):
    """A bare py_func each way: the price of calling Python."""

    def gradient(op, upstream):
        return tf.py_func(lambda g: g, [upstream], tf.float32)

    return recipe.py_func(lambda x: x, [x], [tf.float32], grad=gradient)[0]


def contenders():
    """Returns label, world and op of each."""
    compiled = activation(
        vectorize(legacy_spiky.spiky), vectorize(legacy_spiky.d_spiky), name="compiled"
    )
    found = [
        (RECIPE, in_session, recipe_spiky),
        ("tf_spiky", in_session, legacy_spiky.tf_spiky),
        ("activation(vectorize(spiky), ...)", in_session, compiled),
    ]
    if EAGER:
        from legacy_spiky import migration

        found += [
            ("migration.tf_spiky, eager", eagerly, migration.tf_spiky),
            ("migration.tf_spiky, tf.function", in_function, migration.tf_spiky),
            ("native_spiky, eager", eagerly, migration.native_spiky),
            ("native_spiky, tf.function", in_function, migration.native_spiky),
        ]
    found += [
        ("obvious TensorFlow formula", in_session, obvious_formula),
        (BEST, in_session, best_formula),
        (RELU, in_session, tf.nn.relu),
        (BARE, in_session, identity),
    ]
    return found


RECIPE, BEST = "the recipe", "best TensorFlow formula"
RELU, BARE = "tf.nn.relu", "bare py_func of an identity"


# Where it runs: each returns a step forward, and one forward and backward.


def in_session(op, x, upstream):
    with tf.Graph().as_default() as graph:
        # In variables, to be neither fed nor computed in a step.
        x, upstream = [tf.identity(tf.Variable(array)) for array in (x, upstream)]
        y = op(x)
        with tf.control_dependencies([y]):  # as in training, where it comes from a loss
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
    forward, both = [tf.function(step, autograph=False) for step in eagerly(op, x, upstream)]
    return forward, both


# Measuring.


def turn(step, seconds):
    """Returns the seconds of each step of a turn that takes about so many seconds."""
    step()  # not timed: what ran before left another cache behind
    found, started = [], time.perf_counter()
    while not found or time.perf_counter() < started + seconds:
        before = time.perf_counter()
        step()
        found.append(time.perf_counter() - before)
    return found


def measure(size, rounds, seconds, bar):
    """Returns, for each contender, the medians of a step forward and of one both ways, in ms."""
    random = np.random.RandomState(0)
    x = random.uniform(-8, 8, size).astype(np.float32)
    upstream = random.uniform(0.5, 2, size).astype(np.float32)
    steps = {label: run(op, x, upstream) for label, run, op in contenders()}
    times = {label: ([], []) for label in steps}
    for i in range(rounds):
        for label, pair in steps.items():
            for step, found in zip(pair, times[label]):
                if label != RECIPE or i < 1 or size < SIZES["16 Mi"]:
                    found += turn(step, seconds)
            bar.update()
    return {label: [1000 * float(np.median(found)) for found in pair] for label, pair in times.items()}
