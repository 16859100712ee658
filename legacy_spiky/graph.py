"""TensorFlow 1 graph mode: Python functions as ops with a gradient, for sessions.

The way of the recipe: `tf.py_func`, a gradient registered under a random name, and
`gradient_override_map` (https://stackoverflow.com/questions/39921607).
"""

import uuid
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from legacy_spiky import _ops
from legacy_spiky._arrays import least_normal
from legacy_spiky._errors import describe
from legacy_spiky._ops import tf
from legacy_spiky._types import Activation
from legacy_spiky.functions import np_d_spiky, np_spiky

__all__ = [
    "activation",
    "py_func",
    "spikygrad",
    "spikygrad2",
    "tf_d_spiky",
    "tf_spiky",
]


# Spiky is linear piece by piece: its second derivative is 0, and so is each further one.
_SPIKY = _ops.Derivatives([np_spiky, np_d_spiky], "spiky", rest=np.zeros_like, stateful=False)


# The derivative as an op.


def tf_d_spiky(x: Any, name: Optional[str] = None) -> Any:
    """`d_spiky` as an op.

    Value: `r = x % 1`; 1 where `r <= 0.5`, else 0. Gradient: 0, to any order.

    Args:
      x: a tensor of any shape, or what converts to one; float16, bfloat16, float32 or
        float64. Subnormals count as 0 (but for float16), as in a session of TensorFlow
        1.15.
      name: a name for the op.

    Returns:
      A tensor of the dtype and static shape of `x`.

    Raises:
      TypeError: `x` has another dtype.
      RuntimeError: TensorFlow runs eagerly here.

    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     session.run(tf_d_spiky([0.25, 0.75])).tolist()
    [1.0, 0.0]
    """
    return _ops.elementwise(WORLD, _SPIKY, 1, x, name)


# An op with a gradient of its own.


def py_func(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    stateful: bool = True,
    name: Optional[str] = None,
    grad: Union[None, str, Callable[..., Any]] = None,
    shapes: Any = None,
    grad_func: Union[None, str, Callable[..., Any]] = None,
    **unknown: Any,
) -> Any:
    """`tf.py_func` with a gradient.

    Value: `func(*inp)`. Gradient: `grad(op, *upstream)`; without `grad`, none.

    Args:
      func: a callable that takes NumPy arrays, one for each input (a NumPy scalar for a
        tensor of no dimension), and returns one array, or a list or tuple of arrays. The
        arrays it gets are its own, and so are those it returns, of which TensorFlow gets
        copies. It runs once a step, before the gradient; but see `stateful`. It keeps one of
        TensorFlow's few threads meanwhile: a session that it runs wants threads of its own,
        `tf.ConfigProto(use_per_session_threads=True)`, or may wait for ever.
      inp: a list or tuple of tensors, variables, arrays or numbers.
      Tout: the dtypes that `func` returns, TensorFlow's or NumPy's: a list or tuple, or a
        single one.
      stateful: whether `func` may give other results for the same inputs. Where it is
        False, TensorFlow may skip or merge calls.
      name: a name for the op.
      grad: a callable `grad(op, *upstream)` that builds the gradient with TensorFlow ops:
        `upstream` has the gradient for each output (None for an integer one), `op` has
        `inputs` and `outputs`. It returns, for each input, a tensor or an array of the
        input's shape and dtype, or None where there is no gradient; a list or tuple
        where there are several. It runs no session of its graph, which TensorFlow has locked.
        What it gives for an input that is not floating or complex is dropped. The second
        derivative is that of the ops that it builds: give a `py_func` among them its own
        `grad`. TensorFlow's own `tf.py_func` in it is this one, without a gradient: a second
        derivative that would need one is an error. `grad` may also be the name of a registered
        gradient, which TensorFlow then calls itself, unchecked.
      shapes: the static shapes of the results, which are checked when `func` runs: a shape for
        each output, as `[None, 3]`, or None where it is unknown; one shape where `Tout` is a single
        dtype.
      grad_func: another spelling of `grad`.

    Returns:
      A list of tensors where `Tout` is a list or tuple (the operation itself where it is
      empty), else a tensor. Their static shape is that of `shapes`, else unknown.

    Raises:
      TypeError: an argument is not what it should be: `func` or `grad` is not callable, `inp` no
        list or tuple of tensors; there is a `grad` and no output that is floating or complex; an
        argument is unknown, or both `grad` and `grad_func` are given.
      ValueError: `shapes` has another length than `Tout`.
      RuntimeError: TensorFlow runs eagerly here: see `legacy_spiky.migration.py_func`.
      ValueError, TypeError: also, when it runs, for another number, dtype or shape of results
        than `Tout` and `shapes` promise (a session reports them as `InvalidArgumentError`), and
        when `tf.gradients` is called, for a wrong number, static shape or dtype of gradients. A
        shape that is not static is checked when it runs.

    Source: https://stackoverflow.com/questions/39921607

    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     x = tf.constant([1.0, 2.0])
    ...     grad = lambda op, upstream: 2 * op.inputs[0] * upstream
    ...     y = py_func(lambda x: x * x, [x], [tf.float32], grad=grad)[0]
    ...     [value.tolist() for value in session.run([y, tf.gradients(y, x)[0]])]
    [[1.0, 4.0], [2.0, 4.0]]
    """
    grad = _ops.gradient_of(func, grad, grad_func, unknown)
    return WORLD.py_func(func, inp, Tout, stateful, name, grad, shapes)


def build(world, callback, inp, Tout, stateful, name, grad):
    """Builds the op of a callback, with its gradient, by the recipe's three moves."""
    override = {}
    if grad is not None:
        # 1. A random name. NumPy does not make it: its stream is the user's, who may seed it twice.
        registered = grad if isinstance(grad, str) else "PyFuncGrad" + uuid.uuid4().hex
        # 2. The gradient under it. TensorFlow's registry is for ever: so it gets a function that
        # knows weakly who keeps `grad`: the callback, which the graph keeps, or an activation.
        if not isinstance(grad, str):
            keeper = _ops.keeper(world, callback, grad)
            if keeper.name is None:
                keeper.name = registered
                tf.RegisterGradient(registered)(_ops.gradient_kept_by(keeper))
            registered = keeper.name
        # 3. The name in the place of the op's own gradient. stateful=False makes a PyFuncStateless.
        override = {"PyFunc": registered, "PyFuncStateless": registered}
    # The override holds in all threads: one op at a time. name_scope enters the graph of `inp`.
    with _ops.building_lock, tf.name_scope(name, "PyFunc", inp) as scope:
        with tf.get_default_graph().gradient_override_map(override), _ops.on_the_host():
            inp = [_ops.tensor(x, "input %d" % i, callback.func) for i, x in enumerate(inp)]
            # TensorFlow's own py_func, of a function whose errors it can tell.
            func = _ops.for_graph(callback)
            # It is built once more where this one would be another process's.
            y = _ops.on_this_process(
                lambda name: _ops.tf_py_func(func, inp, Tout, stateful, name), scope, callback.func
            )
        if grad is None:
            _ops.note_no_gradient(y, callback.func)
        return y


def seal(world, x, message):
    """Returns `x` in a graph; its gradient is an error."""
    with _ops.building_lock, tf.name_scope(None, "sealed", [x]):
        registered = _ops.refusal(world, message)
        with tf.get_default_graph().gradient_override_map({"Identity": registered}):
            return tf.identity(x)


def _build(callback, *arguments):
    if _ops.runs_eagerly():
        raise RuntimeError(
            "the op of %s is for TensorFlow 1 graphs and sessions; TensorFlow runs eagerly here, "
            "where its gradient would be lost. Import what made it (activation, py_func, tf_spiky) "
            "from legacy_spiky.migration, "
            "or build all of it under `with tf.Graph().as_default():`, or call "
            "tf.compat.v1.disable_eager_execution() at the start" % describe(callback.func)
        )
    return build(WORLD, callback, *arguments)


# What `_ops` builds with here. migration has its own, and gives it to `build` and `seal`.
WORLD = _ops.World(_build, lambda x, message: seal(WORLD, x, message))


# The gradient: with the derivative in Python, and in TensorFlow ops.


def spikygrad(op: Any, grad: Any) -> Any:
    """The gradient of `tf_spiky`, with the derivative in Python.

    Value: `grad * d_spiky(op.inputs[0])`.

    Args:
      op: an operation with `inputs`.
      grad: the upstream gradient, of the dtype and shape of `op.inputs[0]`.

    Returns:
      A tensor of that dtype and shape.

    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     y = tf_spiky([0.25, 0.75])
    ...     session.run(spikygrad(y.op, tf.constant([3.0, 3.0]))).tolist()
    [3.0, 0.0]
    """
    return _ops.product(WORLD, _SPIKY, 1, op.inputs[0], grad)


def spikygrad2(op: Any, grad: Any) -> Any:
    """The gradient of `tf_spiky`, with the derivative in TensorFlow ops.

    Value: `grad * d_spiky(op.inputs[0])`, bit for bit as `spikygrad`, whose arguments it takes.

    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     y = tf_spiky([0.25, 0.75])
    ...     session.run(spikygrad2(y.op, tf.constant([3.0, 3.0]))).tolist()
    [3.0, 0.0]
    """
    x = op.inputs[0]
    # In float64: -0.49999997 + 1 is above 0.5, but float32 rounds it to 0.5.
    wide = tf.cast(x, tf.float64)
    subnormal = tf.abs(wide) < least_normal(np.dtype(x.dtype.base_dtype.as_numpy_dtype))
    wide = tf.where(subnormal, tf.zeros_like(wide), wide)
    r = wide - tf.floor(wide)  # tf.mod(wide, 1), which before 1.14 is 0 for a tiny negative
    # less_equal has no gradient; that of sign is 0, which the second derivative is.
    one = 1 + 0 * tf.sign(wide)
    n_gr = tf.cast(tf.where(tf.less_equal(r, 0.5), one, tf.zeros_like(r)), x.dtype)
    return grad * n_gr


# The activation.


def tf_spiky(x: Any, name: Optional[str] = None) -> Any:
    """`spiky` as an op with a gradient: the recipe's activation.

    Value: `r = x % 1`; `r` where `r <= 0.5`, else 0. Gradient: `spikygrad`, that is
    `upstream * d_spiky(x)`; the second derivative is 0.

    Arguments, result and errors are those of `tf_d_spiky`.

    Source: https://stackoverflow.com/questions/39921607

    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     x = tf.constant([0.25, 0.75])
    ...     y = tf_spiky(x)
    ...     [value.tolist() for value in session.run([y, tf.gradients(y, x)[0]])]
    [[0.25, 0.0], [1.0, 0.0]]
    """
    return _ops.elementwise(WORLD, _SPIKY, 0, x, name)


tf_spiky.activation = WORLD, _SPIKY
_SPIKY.ops = [tf_spiky, tf_d_spiky]


# The same for any activation.


def activation(
    f: Callable[[np.ndarray], Any],
    df: Callable[[np.ndarray], Any],
    d2f: Optional[Callable[[np.ndarray], Any]] = None,
    name: Optional[str] = None,
) -> Activation:
    """Makes an activation op of a function and its derivative.

    Value: `f(x)`. Gradient: `upstream * df(x)`. Second derivative: `d2f(x)`; without
    `d2f`, as the third, a NotImplementedError.

    Args:
      f: an array function: takes a float64 array, whatever the tensor's dtype, and returns
        one of its shape and of any real dtype, which is rounded once to that of the tensor.
        For a function of one number give `vectorize(f)`.
      df: its derivative, likewise.
      d2f: its second derivative, likewise.
      name: the op's default name; without it, that of `f`, or `activation` for a lambda.

    Returns:
      A function `op(x, name=None)` that takes a tensor of any shape, float16, bfloat16,
      float32 or float64, and returns one of its dtype and static shape. Subnormals count as
      0, in `x` and in the result (but for float16). It raises TypeError where `x` has
      another dtype and RuntimeError where TensorFlow runs eagerly. Keras finds a
      function by its `__name__`, and this one is none that Keras knows: register it there.

    Raises:
      TypeError: `f`, `df` or `d2f` is not callable, or is `np.vectorize` without `otypes`.
      ValueError: TensorFlow takes no such name.

    >>> square = activation(lambda x: x * x, lambda x: 2 * x)
    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     x = tf.constant([1.0, 2.0])
    ...     session.run(tf.gradients(square(x), x)[0]).tolist()
    [2.0, 4.0]
    """
    return _ops.activation(WORLD, f, df, d2f, name)
