"""What an op of a Python function is in each of the twins."""

import collections

import numpy as np

from legacy_spiky._errors import check_callable, describe
from legacy_spiky._ops.arguments import check_name, dtypes_of, shapes_of
from legacy_spiky._ops.callback import guard
from legacy_spiky._ops.legacy import inside_of
from legacy_spiky._ops.refusals import NO_SECOND, absent
from legacy_spiky._ops.versions import runs_eagerly, tf

__all__ = ["World"]


class World(collections.namedtuple("World", "build seal")):
    """A world has two functions of its own; `graph` has one for sessions, `migration` one for
    TensorFlow 2.

    Args:
      build: `build(callback, inp, Tout, stateful, name, grad)` makes the op of a safe callback.
      seal: `seal(x, message)` makes a tensor that is `x` and has no gradient but an error.
    """

    def py_func(self, func, inp, Tout, stateful=True, name=None, grad=None, shapes=None):
        """Builds `func` as an op; see `legacy_spiky.py_func`."""
        check_callable("func", func)
        if grad is not None and not isinstance(grad, str):
            check_callable("grad", grad)
        # TensorFlow 1 has a type of its own for op.inputs.
        if not (isinstance(inp, (list, tuple)) or type(inp).__name__ == "_InputList"):
            raise TypeError(
                "inp must be a list or tuple of tensors, one for each argument of %s, got %r (%s)"
                % (describe(func), inp, type(inp).__name__)
            )
        if any(x is None for x in inp):
            raise TypeError("inp of %s has None among its inputs: %r" % (describe(func), inp))
        if not isinstance(stateful, (bool, int, np.bool_)):
            raise TypeError(
                "stateful of %s must be True or False, got %r; write name=... and grad=..."
                % (describe(func), stateful)
            )
        check_name(name, func)
        several = isinstance(Tout, (list, tuple))
        dtypes = dtypes_of(func, Tout, several)
        promised = shapes_of(func, shapes, several, len(dtypes))
        callback = guard(func, [dtype.as_numpy_dtype for dtype in dtypes], promised)
        if grad is None:
            grad = _refused_in_a_gradient(self, func)
        elif dtypes and not any(dtype.is_floating or dtype.is_complex for dtype in dtypes):
            raise TypeError(
                "%s has a gradient, %s, but Tout is %s, and no gradient comes through an integer: "
                "return float32, and cast after"
                % (
                    describe(func),
                    grad if isinstance(grad, str) else describe(grad),
                    ", ".join(dtype.name for dtype in dtypes),
                )
            )
        Tout = dtypes if several else dtypes[0]
        ys = self.build(callback, list(inp), Tout, bool(stateful), name or None, grad)
        if dtypes:
            for y, shape in zip(ys if several else [ys], promised):
                y.set_shape(shape)
        return ys


def _refused_in_a_gradient(world, func):
    """Returns the gradient of a function that has none: in a gradient function, an error."""
    inside = inside_of()
    if inside is None or not (runs_eagerly() or inside.graph is not tf.get_default_graph()):
        return None  # or `inside.refuses` has seen to it

    def refuse(op, *upstream):
        return [absent(world, x, NO_SECOND % describe(func)) for x in op.inputs]

    return refuse
