"""Arguments: what they should be, and errors that say so."""

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._errors import describe
from legacy_spiky._ops.callback import array
from legacy_spiky._ops.graphs import graph_of
from legacy_spiky._ops.versions import FLOATING, runs_eagerly, tf

__all__ = ["check_name", "dtypes_of", "gradient_of", "not_floating", "shapes_of", "tensor"]


def gradient_of(func, grad, grad_func, unknown):
    """Returns the gradient function, which some copies of the helper call `grad_func`."""
    if unknown:
        raise TypeError(
            "py_func of %s has no argument %s: it takes func, inp, Tout, stateful, name, grad "
            "(or grad_func) and shapes" % (describe(func), " and ".join(map(repr, sorted(unknown))))
        )
    if grad is not None and grad_func is not None:
        raise TypeError(
            "py_func of %s got both grad and grad_func, which are the same: give one of them"
            % describe(func)
        )
    return grad_func if grad is None else grad


def dtypes_of(func, Tout, several):
    """Returns the dtypes of the results, if NumPy has all of them."""
    try:
        dtypes = [tf.as_dtype(dtype) for dtype in (Tout if several else [Tout])]
        for dtype in dtypes:
            np.dtype(dtype.as_numpy_dtype)
            if dtype.is_quantized:
                raise TypeError("no NumPy array is %s: return integers" % dtype.name)
        return dtypes
    except Exception as error:  # KeyError where NumPy has no such dtype, as for a resource
        raise TypeError("Tout of %s is %r: %s" % (describe(func), Tout, error)) from error


def shapes_of(func, shapes, several, count):
    """Returns the promised shape of each result, unknown where nothing is promised."""
    if shapes is None:
        return [tf.TensorShape(None)] * count
    if several and not (isinstance(shapes, (list, tuple)) and len(shapes) == count):
        raise ValueError(
            "shapes of %s is %r; as Tout, it must be a list of %d: a shape for each output, None "
            "where that is unknown" % (describe(func), shapes, count)
        )
    try:
        return [tf.TensorShape(shape) for shape in (shapes if several else [shapes])]
    except Exception as error:
        raise TypeError(
            "shapes of %s is %r; a shape is a list of numbers, as [None, 3] or [] (%s)"
            % (describe(func), shapes, error)
        ) from error


def check_name(name, func):
    if name is not None and not isinstance(name, str):
        raise TypeError(
            "name of the op of %s must be text, got %r (%s)"
            % (describe(func), name, type(name).__name__)
        )


def tensor(x, what, func, dtype=None, new=False):
    """Returns `x` as a tensor, or as a new one; errors say what it is of which function."""
    if isinstance(x, np.ndarray):
        x = array(what, func, x)
        # TensorFlow takes the bytes of an array as they are, whatever their order.
        x = x.astype(x.dtype.newbyteorder("="), copy=False)
    try:
        graph = graph_of(x)
        if graph is not None and not graph.building_function and runs_eagerly():
            raise ValueError("it is of a graph, and this is outside of graphs: %r" % x)
        if isinstance(x, np.ndarray) and dtype is not None and dtype.is_floating:
            x = _arrays.round_to(x, np.dtype(dtype.as_numpy_dtype))  # TensorFlow may round twice
        x = tf.convert_to_tensor(x, dtype)
        return tf.identity(x) if new else x
    except Exception as error:
        raise TypeError("%s of %s is no tensor: %s" % (what, describe(func), error)) from error


def not_floating(what, dtype):
    """Returns the error for a tensor whose dtype an activation does not take."""
    names = [known.name for known in FLOATING]
    castable = dtype.is_integer or dtype.is_floating or dtype in (tf.bool, tf.bfloat16)
    hint = "; cast it first: tf.cast(x, tf.float32)" if castable else ""
    return TypeError(
        "an activation takes a tensor of %s or %s, and %s got %s%s"
        % (", ".join(names[:-1]), names[-1], what, dtype.name, hint)
    )
