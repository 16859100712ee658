"""TensorFlow 2: the same names on `tf.custom_gradient`, eagerly and in `tf.function`.

In a session they are what they are in `legacy_spiky`: code can migrate first and upgrade after.
Migrating graph-mode code is importing from here. `native` and `native_spiky`, in TensorFlow ops
alone, are the step after that: they compile, export and run on an accelerator.
"""

from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from legacy_spiky import _ops, graph
from legacy_spiky._errors import describe, tellable
from legacy_spiky._ops import tf
from legacy_spiky._types import Activation
from legacy_spiky.functions import (
    d_spiky,
    np_d_spiky,
    np_d_spiky_32,
    np_spiky,
    np_spiky_32,
    spiky,
)
from legacy_spiky.graph import spikygrad2
from legacy_spiky.vectorize import vectorize

__all__ = [
    "activation",
    "d_spiky",
    "native",
    "native_spiky",
    "np_d_spiky",
    "np_d_spiky_32",
    "np_spiky",
    "np_spiky_32",
    "py_func",
    "spiky",
    "spikygrad",
    "spikygrad2",
    "tf_d_spiky",
    "tf_spiky",
    "vectorize",
]

if not (hasattr(tf, "custom_gradient") and hasattr(tf, "numpy_function")):
    raise ImportError(
        "legacy_spiky.migration needs TensorFlow 1.15 or newer, for tf.custom_gradient and "
        "tf.numpy_function; this is TensorFlow %s. On it use the same names from legacy_spiky"
        % tf.VERSION
    )

# Here, where it was said what is wrong if TensorFlow is too old.
from legacy_spiky.native import native, native_spiky  # noqa: E402


class _Operation:
    """What a legacy gradient function gets for its op."""

    def __init__(self, inputs, outputs, name, type):
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.type = type

    def __getattr__(self, name):
        raise AttributeError(
            "the op %s of legacy_spiky.migration has no %r: it has inputs, outputs, name and type"
            % (self.name, name)
        )


# AutoGraph has nothing to convert here, and in TensorFlow 2.0 breaks what it converts.
_as_written = tf.autograph.experimental.do_not_convert


@_as_written
def _build(callback, inp, Tout, stateful, name, grad):
    """Builds the op of a callback, with its gradient, by `tf.custom_gradient`."""
    if not _ops.runs_eagerly():  # a session: the recipe's three moves
        return graph.build(_WORLD, callback, inp, Tout, stateful, name, grad)
    # 1. No name: the gradient is a closure of this op, and not in TensorFlow's registry.
    if isinstance(grad, str):
        raise TypeError(
            "grad of %s is the name of a registered gradient, %r, which TensorFlow 2 does not look "
            "up outside of sessions: give the function itself" % (describe(callback.func), grad)
        )

    several = isinstance(Tout, list)
    kind = "PyFunc" if stateful else "PyFuncStateless"
    eager = tf.executing_eagerly()  # not so in a tf.function, which runs_eagerly counts in
    # New tensors: the gradient may be built where those of an outer graph are out of reach.
    inp = [_ops.tensor(x, "input %d" % i, callback.func, new=True) for i, x in enumerate(inp)]

    def forward(inputs):
        if eager:
            with _ops.answered_by(None):  # in a gradient function `func` is code as any other
                outputs = callback(*[_array(x, callback.elementwise) for x in inputs])
        else:
            # It overrides too: tf.vectorized_map undoes tf.custom_gradient.
            outputs = graph.build(_WORLD, callback, inputs, Tout, stateful, name, grad)
        if several and not Tout:
            return outputs  # the operation, in a graph
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return [tf.convert_to_tensor(y) for y in outputs]

    bare = grad is None or not inp or (several and not Tout)
    # Eagerly the function runs here, outside of tf.custom_gradient, which wants gradients for the
    # variables that are read in it.
    early = forward(inp) if eager or bare else None

    # 2. The function and its gradient, together.
    def differentiable(*inputs):
        inner = early or forward(inputs)

        def backward(*upstream):
            # `outputs` are the tensors outside: those inside have no gradient. A ForwardAccumulator
            # asks before there are any. Eagerly an integer output has an upstream gradient too.
            ys = outputs or inner
            upstream = [
                g if y.dtype.is_floating or y.dtype.is_complex else None
                for g, y in zip(upstream, ys)
            ]
            op = _Operation(list(inputs), ys, (name or kind).rstrip("/"), kind)
            try:
                at_run_time = not callback.elementwise
                return _ops.gradients(_WORLD, grad, op, upstream, at_run_time)
            except Exception as error:
                told = tellable(error, grad)
                if told is error:
                    raise
                raise told from None

        return inner, backward

    outputs = []  # what `backward` reads, until they are there
    # 3. In the place of the op's own gradient.
    outputs = early if bare else _custom_gradient(differentiable, *inp)
    return outputs if several else outputs[0]


def _array(x, read_only):
    """Returns an eager tensor as an array: a copy, or its own memory if that is only read."""
    shared = read_only and x.shape.rank and x.dtype != tf.bfloat16  # which 2.0 shares with no array
    return np.asarray(x) if shared else x.numpy()


@_as_written
def _seal(x, message):
    """Returns `x`; its gradient is an error."""
    if not _ops.runs_eagerly():
        return graph.seal(_WORLD, x, message)

    def differentiable(x):
        def backward(upstream):
            return _ops.absent(_WORLD, upstream, message)

        return tf.identity(x), backward

    return _custom_gradient(differentiable, x)


_WORLD = _ops.World(_build, _seal)
_SPIKY = _ops.Derivatives([np_spiky, np_d_spiky], "spiky", rest=np.zeros_like, stateful=False)


def _custom_gradient(differentiable, *inputs):
    if tf.executing_eagerly():
        return tf.custom_gradient(differentiable)(*inputs)
    with _ops.building_lock:  # it overrides IdentityN, in all threads
        return tf.custom_gradient(differentiable)(*inputs)


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
    """`legacy_spiky.py_func` for TensorFlow 2: its arguments, results, checks and errors.

    Value: `func(*inp)`. Gradient: `grad(op, *upstream)`; without `grad`, none.

    A list or tuple `Tout` gives a list in eager mode too. What `grad` gets for the operation has
    `inputs`, `outputs`, `name` and `type`. In a branch or a loop of a `tf.function` it reads no
    variable or tensor from outside: give it as an input. The name of a registered gradient will do
    in sessions alone. Eagerly errors come as they are; a graph makes TensorFlow's of them, of a
    ValueError or TypeError an `InvalidArgumentError`.

    >>> x = tf.constant([1.0, 2.0])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     grad = lambda op, upstream: 2 * op.inputs[0] * upstream
    ...     y = py_func(lambda x: x * x, [x], [tf.float32], grad=grad)[0]
    >>> y.numpy().tolist(), tape.gradient(y, x).numpy().tolist()
    ([1.0, 4.0], [2.0, 4.0])
    """
    grad = _ops.gradient_of(func, grad, grad_func, unknown)
    return _WORLD.py_func(func, inp, Tout, stateful, name, grad, shapes)


def tf_d_spiky(x: Any, name: Optional[str] = None) -> Any:
    """`legacy_spiky.tf_d_spiky` for TensorFlow 2.

    Value: `r = x % 1`; 1 where `r <= 0.5`, else 0. Gradient: 0, to any order.

    >>> tf_d_spiky([0.25, 0.75]).numpy().tolist()
    [1.0, 0.0]
    """
    return _ops.elementwise(_WORLD, _SPIKY, 1, x, name)


def spikygrad(op: Any, grad: Any) -> Any:
    """`legacy_spiky.spikygrad` for TensorFlow 2.

    Value: `grad * d_spiky(op.inputs[0])`.

    >>> x = tf.constant([0.25, 0.75])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = py_func(np_spiky_32, [x], [tf.float32], grad=spikygrad)[0]
    >>> tape.gradient(y, x).numpy().tolist()
    [1.0, 0.0]
    """
    return _ops.product(_WORLD, _SPIKY, 1, op.inputs[0], grad)


def tf_spiky(x: Any, name: Optional[str] = None) -> Any:
    """`legacy_spiky.tf_spiky` for TensorFlow 2.

    Value: `r = x % 1`; `r` where `r <= 0.5`, else 0. Gradient: `upstream * d_spiky(x)`; the
    second derivative is 0.

    >>> tf_spiky([0.25, 0.75]).numpy().tolist()
    [0.25, 0.0]
    """
    return _ops.elementwise(_WORLD, _SPIKY, 0, x, name)


tf_spiky.activation = _WORLD, _SPIKY
_SPIKY.ops = [tf_spiky, tf_d_spiky]


def activation(
    f: Callable[[np.ndarray], Any],
    df: Callable[[np.ndarray], Any],
    d2f: Optional[Callable[[np.ndarray], Any]] = None,
    name: Optional[str] = None,
) -> Activation:
    """`legacy_spiky.activation` for TensorFlow 2: its arguments, results, checks and errors.

    Value: `f(x)`. Gradient: `upstream * df(x)`. Second derivative: `d2f(x)`; without
    `d2f`, as the third, a NotImplementedError.

    >>> activation(lambda x: x * x, lambda x: 2 * x)([1.0, 2.0]).numpy().tolist()
    [1.0, 4.0]
    """
    return _ops.activation(_WORLD, f, df, d2f, name)


_ops.register_keras_serializable(tf_spiky)
