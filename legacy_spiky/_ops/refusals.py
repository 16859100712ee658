"""Gradients that are errors: where it is asked for what nobody knows."""

import functools
import uuid

from legacy_spiky._errors import describe
from legacy_spiky._ops.callback import guard
from legacy_spiky._ops.versions import executing_eagerly, in_function, tf

__all__ = ["NO_SECOND", "REFUSED", "absent", "no_second", "note", "refusal"]


REFUSED = "PyFuncGradRefused"  # what gradients are called that are errors


NO_SECOND = (
    "the second derivative was asked for, and would lack a term: %s, which a gradient function "
    "calls, has no gradient of its own. Give it one (grad of legacy_spiky.py_func), or write "
    "tf.stop_gradient around what counts as a constant"
)


_FUNCTIONS = "_legacy_spiky_functions"  # of a graph: what its ops without gradients are


def absent(world, x, message):
    """Returns a gradient like `x` that is not known: where it is asked for, that is an error."""
    if executing_eagerly() or not in_function():
        raise NotImplementedError(message)
    return failing(world, x, message)


def failing(world, x, message):
    """Returns a gradient like `x` that fails when it runs, for where nobody may ask for it.

    TensorFlow builds gradients of a function, a branch or a loop that nobody asks for, and in a
    session those that end at a tf.stop_gradient. It has no state: so it does not run then.
    """

    def fail(x):
        raise NotImplementedError(message)

    def again(op, upstream):
        return failing(world, op.inputs[0], message)

    dtype = x.dtype.base_dtype
    y = world.build(guard(fail, [dtype.as_numpy_dtype]), [x], dtype, False, None, again)
    y.set_shape(x.get_shape())
    return y


@functools.lru_cache(maxsize=None)
def refusal(world, message):
    """Registers a gradient that is an error, and returns its name."""

    def refuse(op, *upstream):
        # The input of a loop's body may be out of reach in the gradient of its gradient.
        like = upstream if op.type == "Identity" else op.inputs
        return [absent(world, x, message) for x in like]

    return _register_refusal(refuse)


@functools.lru_cache(maxsize=None)
def no_second(world):
    """Registers the gradient of what a gradient function calls, and returns its name."""

    def refuse(op, *upstream):
        known = getattr(op.graph, _FUNCTIONS, {}).get(op.name, "the op " + op.name)
        message = NO_SECOND % known
        dtypes = [x.dtype.base_dtype for x in op.inputs]
        # TensorFlow 1.0 asks for the gradient of an integer too.
        return [
            failing(world, x, message) if dtype.is_floating or dtype.is_complex else None
            for x, dtype in zip(op.inputs, dtypes)
        ]

    return _register_refusal(refuse)


def _register_refusal(gradient):
    name = REFUSED + uuid.uuid4().hex
    tf.RegisterGradient(name)(gradient)
    return name


def note(op, func):
    """Notes what an error says of an op that has no gradient."""
    if not hasattr(op.graph, _FUNCTIONS):
        setattr(op.graph, _FUNCTIONS, {})
    getattr(op.graph, _FUNCTIONS)[op.name] = describe(func)
