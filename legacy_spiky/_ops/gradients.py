"""What a legacy gradient function returns, checked."""

import weakref

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._errors import describe
from legacy_spiky._ops.activations import Gradient
from legacy_spiky._ops.arguments import tensor
from legacy_spiky._ops.callback import array, kind
from legacy_spiky._ops.graphs import graph_of
from legacy_spiky._ops.legacy import Inside
from legacy_spiky._ops.placement import beside
from legacy_spiky._ops.plain import answered_by
from legacy_spiky._ops.versions import static_value, tf

__all__ = ["gradient_kept_by", "gradients", "keeper"]


def gradients(world, grad, op, upstream, at_run_time=True):
    """Calls the user's gradient function and checks what it returns.

    Shapes that are not known yet are checked when it runs, if `at_run_time` says so.
    """
    inside = Inside(world, grad, op)
    upstream = [None if g is None else tf.convert_to_tensor(g) for g in upstream]
    with answered_by(inside), inside.refuses():
        results = inside.call(op, upstream)
    if not isinstance(results, (list, tuple)):
        results = [results]
    if len(results) != len(op.inputs):
        raise ValueError(
            "%s returned %d gradients for the %d inputs of %s; return one for each input, "
            "None where there is none" % (describe(grad), len(results), len(op.inputs), op.name)
        )
    with inside.waits():  # also where only the gradient is fetched
        results = [
            _new_tensor(g, "gradient %d" % i, x, grad)
            for i, (g, x) in enumerate(zip(results, op.inputs))
        ]
    for i, g in enumerate(results):
        if g is not None and graph_of(g) is not inside.graph:
            raise ValueError("gradient %d of %s is of another graph" % (i, describe(grad)))
    return [
        _of_shape(g, "gradient %d" % i, x, grad, at_run_time)
        for i, (g, x) in enumerate(zip(results, op.inputs))
    ]


def _new_tensor(g, what, x, grad):
    """Returns a gradient as a new tensor, which is what makes it wait for the function."""
    dtype = x.dtype.base_dtype
    if g is None or not (dtype.is_floating or dtype.is_complex):
        return None
    if isinstance(g, tf.IndexedSlices):
        values = _of_dtype(g.values, what, dtype, grad)
        indices = tensor(g.indices, "the indices of " + what, grad, new=True)
        return tf.IndexedSlices(values, indices)
    return _of_dtype(g, what, dtype, grad)


def _of_shape(g, what, x, grad, at_run_time):
    """Returns a gradient if its shape is that of `x`, or one that raises when it runs."""
    if g is None:
        return None
    sparse = isinstance(g, tf.IndexedSlices)
    values, rows = (g.values, 1) if sparse else (g, 0)  # of a sparse one the rows alone
    kind = "rows of shape" if sparse else "shape"
    words = "%s of %s has %s|, but the input has %s|; sum over what was broadcast"
    words = (words % (what, describe(grad), kind, kind)).split("|")
    static, expected = values.get_shape(), x.get_shape()
    if static.ndims is not None and expected.ndims is not None:
        of, of_input = static[rows:], expected[rows:]
        if not of.is_compatible_with(of_input):
            raise ValueError("%s %s%s %s%s" % (words[0], of, words[1], of_input, words[2]))
    if at_run_time and not (static.is_fully_defined() and expected.is_fully_defined()):
        # Not after the function: TensorFlow may put the shape of `x` in the loop where that is.
        shapes = [tf.shape(values)[rows:], tf.shape(x)[rows:]]
        # As text: tf.equal of arrays broadcasts, or fails.
        texts = [tf.reduce_join(tf.as_string(shape), 0, separator=",") for shape in shapes]
        told = [words[0], shapes[0], words[1], shapes[1], words[2]]
        with tf.control_dependencies([tf.Assert(tf.equal(*texts), told)]):
            values = tf.identity(values)
    return tf.IndexedSlices(values, g.indices, tf.shape(x)) if sparse else values


def _of_dtype(g, what, dtype, grad):
    if not hasattr(g, "get_shape"):
        # An array or a number of another type is rounded, but never loses its imaginary part.
        g = _arrays.widen(array(what, grad, g))
        if g.dtype.kind not in "biufc":
            raise TypeError(
                "%s of %s is %s, but the input has dtype %s; return a tensor, or an array of "
                "numbers" % (what, describe(grad), kind(g), dtype.name)
            )
        g = tensor(g, what, grad, None if g.dtype.kind == "c" else dtype, new=True)
    else:
        g = _exactly(tensor(g, what, grad, new=True), dtype)
    if g.dtype.base_dtype != dtype:
        raise TypeError(
            "%s of %s has dtype %s, but the input has dtype %s; cast it"
            % (what, describe(grad), g.dtype.name, dtype.name)
        )
    return g


def _exactly(g, dtype):
    """Returns an integer constant in a floating dtype, where that holds it; else `g`."""
    known = static_value(g) if g.dtype.is_integer and dtype.is_floating else None
    if known is None or np.abs(known.astype(np.float64)).max(initial=0) >= 2**53:
        return g
    rounded = _arrays.round_to(known.astype(np.float64), np.dtype(dtype.as_numpy_dtype))
    return tf.cast(g, dtype) if (_arrays.to_double(rounded) == known).all() else g


def keeper(world, callback, grad):
    """Returns who keeps a gradient: the callback, which its graph keeps, or an activation's."""
    callback.world, callback.gradient = world, grad  # so the graph keeps that of an activation too
    return grad if isinstance(grad, Gradient) else callback  # one for all ops of a derivative


def gradient_kept_by(keeper):
    """Returns the gradient function of an op that does not keep the keeper."""
    name, keeper = keeper.name, weakref.ref(keeper)

    def gradient(op, *upstream):
        owner = keeper()
        if owner is None:
            raise RuntimeError(
                "the gradient of %s is gone with the graph that it was built in"
                % getattr(op, "name", name)
            )
        if op is None:  # a SavedModel that is written with its gradients
            raise ValueError(
                "a SavedModel cannot hold the Python function %s, and no other process has it: "
                "save weights, or migrate to TensorFlow ops, as legacy_spiky.migration.native_spiky"
                % describe(owner.func)
            )
        with beside(op):
            if isinstance(owner, Gradient):  # right as it is, and of the input alone
                return owner(op, *upstream)
            return gradients(owner.world, owner.gradient, op, upstream)

    return gradient
