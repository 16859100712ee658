"""What scripts/benchmark.py compares: activations, and where each of them runs.

A contender is a label, a world and an op. The world is a function of the op, `x` and `upstream`; it
returns a step forward, and one forward and backward.
"""

import functools
import importlib.util
import os
import sys

import numpy as np

import legacy_spiky
from shared import ROOT
from shared.quiet import tf

RECIPE, BEST = "the recipe", "best TensorFlow formula"
RELU, BARE = "tf.nn.relu", "bare py_func of an identity"
OURS, COMPILED = "tf_spiky", "vectorize(spiky), compiled"
ARRAYS = "vectorize(spiky), without Numba"
COMPILED_IN_FUNCTION = "vectorize(spiky), compiled, tf.function"
TWO = "two of vectorize(spiky), compiled"
RECIPE_WAVE = "the recipe, triangle wave"
COMPILED_WAVE, ARRAYS_WAVE = "triangle wave, compiled", "triangle wave, without Numba"
XLA_DOUBLE, XLA_SINGLE = "native spiky in double, XLA", "native spiky in float32, XLA"
XLA_RELU = "tf.nn.relu, XLA"

EAGER = getattr(tf, "executing_eagerly", bool)()


# The functions of one number, and the recipe around them.


def triangle(x):
    r = x % 2
    return r if r < 1 else 2 - r


def d_triangle(x):
    return 1 if x % 2 < 1 else -1


def load_recipe(f=None, df=None):
    """Returns the recipe as it was, but with `otypes`, as a module of its own; for spiky or `f`."""
    path = os.path.join(ROOT, "tests", "recipe.py")
    spec = importlib.util.spec_from_file_location("recipe_with_otypes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.np_spiky = np.vectorize(f or module.spiky, otypes=[float])
    module.np_d_spiky = np.vectorize(df or module.d_spiky, otypes=[float])
    return module


recipe = load_recipe()


# Ops of one tensor.


def obvious_formula(x):
    r = tf.mod(x, 1.0)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def formula(x):
    # tf.floor has no gradient, which leaves the way back one selection.
    r = x - tf.floor(x)
    return tf.where(r <= 0.5, r, tf.zeros_like(r))


def written_out(x):
    """The formula, with its gradient written by hand."""
    r = x - tf.floor(x)
    mask = tf.cast(r <= 0.5, x.dtype)
    return r * mask, lambda upstream: upstream * mask


best_formula = tf.custom_gradient(written_out) if hasattr(tf, "custom_gradient") else formula


def identity(x):
    """One call of Python forward and one back, that do nothing: the price of calling it."""

    def gradient(op, upstream):
        return tf.py_func(lambda g: g, [upstream], tf.float32)

    return recipe.py_func(lambda x: x, [x], [tf.float32], grad=gradient)[0]


def array_spiky(x):
    r = x - np.floor(x)
    return np.where(r <= 0.5, r, np.float32(0))


def array_d_spiky(x):
    return (x - np.floor(x) <= 0.5).astype(np.float32)


def by_hand(x):
    """What a user writes who has tf.custom_gradient and tf.numpy_function."""

    def called(f, x):
        y = tf.numpy_function(f, [x], tf.float32)
        y.set_shape(x.shape)
        return y

    return called(array_spiky, x), lambda upstream: upstream * called(array_d_spiky, x)


def jax_op(f, df):
    """What a user of JAX writes, round functions of arrays."""
    import jax

    def called(f, x):
        like = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(lambda x: f(np.asarray(x)), like, x)

    op = jax.custom_vjp(functools.partial(called, f))
    op.defvjp(lambda x: (called(f, x), x), lambda x, upstream: (upstream * called(df, x),))
    return op


# Where it runs.


def in_session(op, x, upstream, copies=1):
    """Runs so many independent ops in a step of a session."""
    with tf.Graph().as_default() as graph:
        # In variables, to be neither fed nor computed in a step.
        arrays = [x, upstream] * copies
        values = [tf.placeholder(tf.float32, array.shape) for array in arrays]
        variables = [tf.Variable(value) for value in values]
        inputs = [tf.identity(variable) for variable in variables]
        forward, both = [], []
        for x_in, upstream_in in zip(inputs[::2], inputs[1::2]):
            y = op(x_in)
            with tf.control_dependencies([y]):
                upstream_in = tf.identity(upstream_in)
            # The operations, not their results: those would be copied out.
            forward.append(y.op)
            both += [y.op, tf.gradients(y, x_in, upstream_in)[0].op]
    config = tf.ConfigProto()
    config.graph_options.optimizer_options.opt_level = -1
    rewrite = config.graph_options.rewrite_options
    if hasattr(rewrite, "disable_meta_optimizer"):  # since 1.12
        rewrite.disable_meta_optimizer = True
    session = tf.Session(graph=graph, config=config)
    for variable, value, array in zip(variables, values, arrays):
        session.run(variable.initializer, {value: array})
    return lambda: session.run(forward), lambda: session.run(both)


def two_in_session(op, x, upstream):
    return in_session(op, x, upstream, copies=2)


def eagerly(op, x, upstream):
    x, upstream = tf.constant(x), tf.constant(upstream)
    return lambda: op(x), lambda: both_ways(op, x, upstream)


def both_ways(op, x, upstream):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = op(x)
    return y, tape.gradient(y, x, upstream)


def in_function(op, x, upstream, **options):
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    x, upstream = tf.constant(x), tf.constant(upstream)
    compiled = functools.partial(tensorflow.function, autograph=False, **options)
    forward, both = compiled(lambda x: op(x)), compiled(functools.partial(both_ways, op))
    return lambda: forward(x), lambda: both(x, upstream)


def in_xla(op, x, upstream):
    return in_function(op, x, upstream, jit_compile=True)


def in_jax(op, x, upstream):
    import jax

    def both(x, upstream):
        y, back = jax.vjp(op, x)
        return y, back(upstream)

    x, upstream = jax.numpy.asarray(x), jax.numpy.asarray(upstream)
    forward, both = jax.jit(op), jax.jit(both)
    return (
        lambda: jax.block_until_ready(forward(x)),
        lambda: jax.block_until_ready(both(x, upstream)),
    )


# All of them.


def vectorized(f, df, compile):
    functions = [legacy_spiky.vectorize(each, compile=compile) for each in (f, df)]
    return legacy_spiky.activation(*functions)


def contenders():
    """Returns label, world and op of each that there is, and says what is missing."""
    spiky = legacy_spiky.spiky, legacy_spiky.d_spiky
    wave = triangle, d_triangle
    found = [
        (RECIPE, in_session, recipe.tf_spiky),
        (OURS, in_session, legacy_spiky.tf_spiky),
        (ARRAYS, in_session, vectorized(*spiky, compile=False)),
    ]
    compiled = None
    try:
        compiled = vectorized(*spiky, compile=True)
        found += [(COMPILED, in_session, compiled), (TWO, two_in_session, compiled)]
    except ImportError:
        print("without Numba: nothing is compiled", file=sys.stderr)
    found += migrated(spiky, compiled is not None)
    if hasattr(tf, "numpy_function"):
        found.append(
            ("tf.custom_gradient, tf.numpy_function", in_session, tf.custom_gradient(by_hand))
        )
    found += jax_contenders()
    found += [
        (RECIPE_WAVE, in_session, load_recipe(*wave).tf_spiky),
        (ARRAYS_WAVE, in_session, vectorized(*wave, compile=False)),
    ]
    if compiled is not None:
        found.append((COMPILED_WAVE, in_session, vectorized(*wave, compile=True)))
    return found + [
        ("obvious TensorFlow formula", in_session, obvious_formula),
        (BEST, in_session, best_formula),
        (RELU, in_session, tf.nn.relu),
        (BARE, in_session, identity),
    ]


def migrated(spiky, with_numba):
    """Returns those that are for the world after sessions."""
    if not hasattr(tf, "numpy_function"):
        return []
    from legacy_spiky import migration

    found = []
    worlds = [("session", in_session)]
    if EAGER:
        worlds = [("eager", eagerly), ("tf.function", in_function)]
    for op in (migration.tf_spiky, migration.native_spiky):
        found += [("migration.%s, %s" % (op.__name__, name), run, op) for name, run in worlds]
    if EAGER and with_numba:
        functions = [legacy_spiky.vectorize(f, compile=True) for f in spiky]
        found.append((COMPILED_IN_FUNCTION, in_function, migration.activation(*functions)))
    if EAGER and has_xla():
        from legacy_spiky.native import native

        found += [
            (XLA_DOUBLE, in_xla, native(*spiky)),
            (XLA_SINGLE, in_xla, native(*spiky, compute_dtype="float32")),
            (XLA_RELU, in_xla, tf.nn.relu),
        ]
    return found


def has_xla():
    try:
        tf.function(lambda: 0, jit_compile=True)
    except TypeError:  # since 2.5
        return False
    return True


def jax_contenders():
    try:
        import jax  # noqa: F401
    except ImportError:
        print("without JAX: its pure_callback is not timed", file=sys.stderr)
        return []
    found = [("jax.pure_callback, NumPy", in_jax, jax_op(array_spiky, array_d_spiky))]
    try:
        import numba
    except ImportError:
        return found
    compiled = map(numba.vectorize(["float32(float32)"]), (recipe.spiky, recipe.d_spiky))
    return found + [("jax.pure_callback, Numba", in_jax, jax_op(*compiled))]
