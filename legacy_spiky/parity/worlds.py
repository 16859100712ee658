"""Where an op runs: each function here makes an op a function of arrays, in one world.

What they return are *implementations*: `run(inputs, upstream=None)` takes lists of arrays and
returns two lists: the values, and the gradients of the inputs (None where there is none; without
`upstream` no gradient is asked for). `run.label` says in reports what it is.
"""

import inspect
from typing import Any, Callable

import numpy as np

from legacy_spiky import _ops
from legacy_spiky._errors import check_callable, describe, qualified_name
from legacy_spiky._ops import tf
from legacy_spiky.parity.process import Interpreter, load

__all__ = ["arrays", "eager", "function", "interpreter", "session", "xla"]


def _labelled(run, op, world):
    run.label = "%s, %s" % (qualified_name(op), world)
    return run


def arrays(f: Callable[..., Any], df: Callable[..., Any]) -> Callable[..., Any]:
    """Array functions as an activation calls them, without TensorFlow.

    Value: `f(x)`. Gradient: `upstream * df(x)`.

    Args:
      f: an array function, as for `legacy_spiky.activation`.
      df: its derivative.

    Returns:
      An implementation, for `compare` and `assert_parity`.

    Raises:
      TypeError: `f` or `df` is not callable.

    >>> arrays(np.square, lambda x: 2 * x)([np.float32([3])], [np.float32([1])])
    ([array([9.], dtype=float32)], [array([6.], dtype=float32)])
    """
    check_callable("f", f)
    check_callable("df", df)

    def run(inputs, upstream=None):
        (x,) = inputs
        y = _ops.guard_elementwise(f, x.dtype)(x)
        if upstream is None:
            return [y], []
        return [y], [_ops.guard_elementwise(df, x.dtype)(x, upstream[0])]

    return _labelled(run, f, "array function")


def _outputs(ys):
    """Returns what an op gave as a list of tensors."""
    ys = ys if isinstance(ys, (list, tuple)) else [ys]
    for y in ys:
        if not hasattr(y, "dtype"):
            raise TypeError("expected a tensor, or a list or tuple of them, got %r" % (y,))
    return [tf.convert_to_tensor(y) for y in ys]


def _differentiable(tensors):
    return [i for i, x in enumerate(tensors) if x.dtype.is_floating or x.dtype.is_complex]


def _known(gradients, places, count):
    """Returns `count` gradients: those at `places`, and None for the other inputs."""
    known = [None] * count
    for i, g in zip(places, gradients):
        known[i] = None if g is None else tf.convert_to_tensor(g)  # IndexedSlices, for instance
    return known


def _arrays(results):
    # A session gives NumPy scalars where there is no dimension.
    return [None if y is None else np.asarray(y) for y in results]


def session(op: Callable[..., Any]) -> Callable[..., Any]:
    """An op in a TensorFlow 1 graph and session.

    Args:
      op: a function of tensors that returns a tensor, or a list or tuple of them. It is
        called once for each shape and dtype of the inputs, in a graph of its own; variables
        that it makes are initialized.

    Returns:
      An implementation, for `compare` and `assert_parity`.

    Raises:
      TypeError: `op` is not callable.

    >>> session(tf.square)([np.float32([3])], [np.float32([1])])
    ([array([9.], dtype=float32)], [array([6.], dtype=float32)])
    """
    check_callable("op", op)
    graphs = {}

    def build(inputs):
        with tf.Graph().as_default() as graph:
            xs = [tf.placeholder(tf.as_dtype(x.dtype), x.shape) for x in inputs]
            ys = _outputs(op(*xs))
            sources, targets = _differentiable(xs), _differentiable(ys)
            # Where there is an upstream gradient it is fed, and else not asked for.
            upstream = [tf.placeholder(y.dtype, y.get_shape()) for y in ys]
            gradients = [None] * len(xs)
            if sources and targets:
                gradients = tf.gradients(
                    [ys[i] for i in targets],
                    [xs[i] for i in sources],
                    [upstream[i] for i in targets],
                )
                gradients = _known(gradients, sources, len(xs))
            initializer = tf.global_variables_initializer()
        graph.finalize()
        here = tf.Session(graph=graph)
        here.run(initializer)
        return here, xs, ys, upstream, gradients

    def run(inputs, upstream=None):
        key = tuple((x.dtype.name, x.shape) for x in inputs)
        if key not in graphs:
            graphs[key] = build(inputs)
        here, xs, ys, upstream_placeholders, gradients = graphs[key]
        feed = dict(zip(xs, inputs))
        if upstream is None:
            return _arrays(here.run(ys, feed)), []
        feed.update(zip(upstream_placeholders, upstream))
        known = {i: g for i, g in enumerate(gradients) if g is not None}
        values, known = here.run([ys, known], feed)
        return _arrays(values), _arrays(known.get(i) for i in range(len(xs)))

    return _labelled(run, op, "session")


def _with_tape(op):
    def run(xs, upstream):
        if upstream is None:
            return _outputs(op(*xs)), []
        sources = _differentiable(xs)
        with tf.GradientTape() as tape:
            for i in sources:
                tape.watch(xs[i])
            ys = _outputs(op(*xs))
        targets = _differentiable(ys)
        gradients = tape.gradient(
            [ys[i] for i in targets],
            [xs[i] for i in sources],
            [upstream[i] for i in targets],
        )
        return ys, _known(gradients, sources, len(xs))

    return run


def _check_eager(op, world):
    check_callable("op", op)
    if not hasattr(tf, "executing_eagerly") or not tf.executing_eagerly():
        raise RuntimeError(
            "%s cannot run in %s: TensorFlow %s does not execute eagerly in this process. If a "
            "module for TensorFlow 1 called disable_eager_execution or disable_v2_behavior, give "
            "that side its own process: legacy_spiky.parity.interpreter(sys.executable, "
            "'module:name')" % (describe(op), world, tf.VERSION)
        )


def _numpy(values, gradients):
    return [y.numpy() for y in values], [None if g is None else g.numpy() for g in gradients]


def eager(op: Callable[..., Any]) -> Callable[..., Any]:
    """An op in eager mode, with a gradient tape.

    Args:
      op: a function of tensors that returns a tensor, or a list or tuple of them.

    Returns:
      An implementation, for `compare` and `assert_parity`.

    Raises:
      TypeError: `op` is not callable.
      RuntimeError: eager execution is off.

    >>> eager(tf.square)([np.float32([3])], [np.float32([1])])
    ([array([9.], dtype=float32)], [array([6.], dtype=float32)])
    """
    _check_eager(op, "eager mode")
    taped = _with_tape(op)

    def run(inputs, upstream=None):
        return _numpy(*taped([tf.convert_to_tensor(x) for x in inputs], upstream))

    return _labelled(run, op, "eager")


def _in_function(op, world, **options):
    _check_eager(op, world)
    taped, functions = _with_tape(op), {}

    def run(inputs, upstream=None):
        # One for each shape: TensorFlow warns where one function is traced again and again.
        key = tuple((x.dtype.name, x.shape) for x in inputs) + (upstream is None,)
        if key not in functions:
            functions[key] = tf.function(taped, **options)
        if upstream is not None:
            upstream = [tf.convert_to_tensor(g) for g in upstream]
        return _numpy(*functions[key]([tf.convert_to_tensor(x) for x in inputs], upstream))

    return _labelled(run, op, world)


def function(op: Callable[..., Any]) -> Callable[..., Any]:
    """An op in a `tf.function`, its gradient too.

    Args:
      op: a function of tensors that returns a tensor, or a list or tuple of them.

    Returns:
      An implementation, for `compare` and `assert_parity`.

    Raises:
      TypeError: `op` is not callable.
      RuntimeError: eager execution is off.

    >>> function(tf.square)([np.float32([3])], [np.float32([1])])
    ([array([9.], dtype=float32)], [array([6.], dtype=float32)])
    """
    return _in_function(op, "tf.function")


def xla(op: Callable[..., Any]) -> Callable[..., Any]:
    """An op in a `tf.function` that XLA compiles, its gradient too.

    Args:
      op: a function of tensors that returns a tensor, or a list or tuple of them, without
        Python when it runs.

    Returns:
      An implementation, for `compare` and `assert_parity`.

    Raises:
      TypeError: `op` is not callable.
      RuntimeError: eager execution is off, or this TensorFlow has no `jit_compile`.

    >>> xla(tf.square)([np.float32([3])], [np.float32([1])])
    ([array([9.], dtype=float32)], [array([6.], dtype=float32)])
    """
    check_callable("op", op)
    if "jit_compile" not in inspect.signature(getattr(tf, "function", check_callable)).parameters:
        raise RuntimeError("XLA: tf.function of TensorFlow %s has no jit_compile" % tf.VERSION)
    return _in_function(op, "XLA", jit_compile=True)


def interpreter(python: str, name: str) -> Callable[..., Any]:
    """An op in a session of another interpreter, with another TensorFlow for instance.

    Needs nothing there but TensorFlow 1.0 or newer (and NumPy) on Python 3.6 or newer: this very
    package is run in it. It ends with the implementation.

    Args:
      python: the path of the interpreter, as `sys.executable`.
      name: the op, a function of tensors, as `"module:name"`; modules are looked for in the
        current folder first. What may also be given is the bare name of one in `legacy_spiky`.

    Returns:
      An implementation, for `compare` and `assert_parity`; `run.about` says which TensorFlow
      (`"tensorflow"`), NumPy and Python it has, and which dtypes ops take there.

    Raises:
      RuntimeError: it does not start, has no TensorFlow or too old a one, or cannot import the
        op; and, when it runs, whatever goes wrong there.

    >>> import sys
    >>> interpreter(sys.executable, "legacy_spiky:tf_spiky")([np.float32([0.25])])
    ([array([0.25], dtype=float32)], [])
    """
    process = Interpreter(python, "legacy_spiky.parity.worlds:_session_of", name)

    def run(inputs, upstream=None):
        values, gradients = process(list(inputs), None if upstream is None else list(upstream))
        return values, gradients

    run.about = process.about
    run.label = "%s, session of TensorFlow %s" % (
        name.replace(":", "."),
        process.about["tensorflow"],
    )
    return run


def _session_of(name):
    return session(load(name))
