"""Array functions made safe for TensorFlow to call.

What goes in is the function's own copy, what comes out is checked, and errors name the
function with its file and line.
"""

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._errors import call, describe, tellable

__all__ = ["array", "for_graph", "guard", "guard_elementwise", "kind"]


def _own(argument):
    # TensorFlow hands out views of its tensors (but for 1.0 and 1.15, which copy), and
    # NumPy scalars or bytes, which cannot be changed, for tensors of no dimension.
    if not isinstance(argument, np.ndarray) or argument.flags.owndata:
        return argument
    return argument.copy()


def array(what, func, result, dtype=None, own=False):
    """Returns a result of `func` as an array; `what` says which, in errors.

    TensorFlow takes the memory of some arrays as it is, and `func` may write to its own later, at
    its next call for instance: with `own` the array has memory that nobody else has.
    """
    if isinstance(result, np.ma.MaskedArray):
        raise TypeError(
            "%s of %s is a masked array, whose mask would be lost; fill it" % (what, describe(func))
        )
    try:
        result = np.asarray(result, dtype)
        if not own or result.dtype.kind == "O":
            return result
        copy = _arrays.empty(result.shape, result.dtype)
        copy[...] = result
        return copy
    except Exception as error:  # rows of different lengths, symbolic tensors, too little memory
        raise ValueError(
            "%s of %s is no array: %s: %s" % (what, describe(func), type(error).__name__, error)
        ) from error


def kind(array):
    """Returns what an array holds, in words for errors: its dtype, or the type of one object."""
    if array.dtype.kind != "O" or array.shape != ():
        return str(array.dtype)
    return "None" if array[()] is None else "of type " + type(array[()]).__name__


def _text(what, func, result):
    """Returns text as an array of bytes: NumPy's own types of text cut what ends in zeros."""
    result = array(what, func, result, None if isinstance(result, np.ndarray) else object)
    texts = np.empty(result.size, object)
    for i, text in enumerate(result.flat):
        if not isinstance(text, (str, bytes)):
            raise TypeError(
                "%s of %s has a value of type %s in it, but Tout promises text"
                % (what, describe(func), type(text).__name__)
            )
        try:
            texts[i] = text if isinstance(text, bytes) else text.encode("utf-8")
        except UnicodeError as error:
            raise ValueError("%s of %s is no text: %s" % (what, describe(func), error)) from error
    return texts.reshape(result.shape)


def guard(func, dtypes, shapes=None):
    """Makes the callback of a `py_func` op.

    Args:
      func: the user's function: takes arrays, returns one array, or a list or tuple.
      dtypes: the NumPy dtypes that it promises, one for each output.
      shapes: the static shapes that it promises, likewise; None where it promises none.

    Returns:
      A function that gives `func` arrays of its own and returns a list of others. It raises
      ValueError where `func` returns another number of results than promised or one of another
      shape, and TypeError where one is of another dtype.
    """
    dtypes = [np.dtype(dtype) for dtype in dtypes]
    promised = ", ".join(dtype.name for dtype in dtypes) or "nothing"

    def callback(*arguments):
        results = call(func, *[_own(argument) for argument in arguments])
        if results is None and not dtypes:
            results = []
        if not isinstance(results, (list, tuple)):
            results = [results]
        if len(results) != len(dtypes):
            raise ValueError(
                "%s returned %d results, but Tout promises %d (%s); a list or tuple counts as "
                "several results" % (describe(func), len(results), len(dtypes), promised)
            )
        return [_checked(i, result) for i, result in enumerate(results)]

    def _checked(i, result):
        what = "result %d" % i
        if dtypes[i].kind == "O":
            y = _text(what, func, result)
        else:
            y = array(what, func, result, own=True)
        if y.dtype != dtypes[i]:
            raise TypeError(
                "%s of %s is %s, but Tout promises %s; return np.asarray(result, dtype) or "
                "change Tout" % (what, describe(func), kind(y), dtypes[i])
            )
        if shapes is not None and not shapes[i].is_compatible_with(y.shape):
            raise ValueError(
                "%s of %s has shape %s, but shapes promises %s"
                % (what, describe(func), y.shape, shapes[i])
            )
        return y

    callback.func, callback.elementwise, callback.name = func, False, None
    return callback


def for_graph(callback):
    """Makes a callback whose exceptions TensorFlow can tell."""

    def called(*arguments):
        try:
            return callback(*arguments)
        except BaseException as error:
            told = tellable(error, callback.func)
            if told is error:
                raise
            raise told from None  # TensorFlow would tell the cause too

    return called


# What NumPy says where an array meets code for one number, in its several versions.
_SCALAR_ONLY = ("truth value", "ndarray", "scalar", "-1 arrays", "0-dimensional arrays")


def guard_elementwise(func, dtype):
    """Makes the callback of an activation op.

    Args:
      func: the user's function: takes an array, returns one of its shape and any real
        dtype. It always gets float64, so that array functions give the numbers of scalar
        functions, and float32 arithmetic on subnormals, which depends on the thread, does not
        come up.
      dtype: the NumPy dtype of the tensor, in and out.

    Returns:
      A function of an array, and of an upstream gradient if there is one, with which the result
      is multiplied. It gives `func` an array of its own and rounds the result once to
      `dtype`; subnormals of `dtype` count as zero on both sides. It raises ValueError
      where the shape differs, and TypeError where the result is not real or `func` takes
      a number and no array.
    """
    dtype = np.dtype(dtype)
    steps = _arrays.steps_of(func)

    def values(x):
        shape = x.shape
        try:
            y = call(func, _arrays.flush(_arrays.to_double(x), dtype))
        except (AttributeError, TypeError, ValueError) as error:
            # The cause, where `call` has put the name of `func` before it.
            if not any(words in str(error.__cause__ or error) for words in _SCALAR_ONLY):
                raise
            raise TypeError(
                "%s seems to take one number, but an activation calls it with an array of shape "
                "%s: wrap it in legacy_spiky.vectorize (the error was %s: %s)"
                % (describe(func), shape, type(error).__name__, error)
            ) from error
        y = _arrays.widen(array("the result", func, y))
        if y.dtype.kind not in "biuf":
            raise TypeError(
                "%s returned %s; an activation's function must return real numbers (floating, "
                "integer or bool)" % (describe(func), kind(y))
            )
        if y.shape != shape:
            raise ValueError(
                "%s returned shape %s for an input of shape %s; an activation's function works "
                "element by element: wrap a function of one number in legacy_spiky.vectorize, and "
                "return a constant as np.full_like(x, constant)" % (describe(func), y.shape, shape)
            )
        return _arrays.round_and_flush(y, dtype)

    def callback(x, upstream=None):
        x = np.asarray(x)
        if upstream is not None:
            upstream = np.asarray(upstream)
            if upstream.shape != x.shape:
                raise ValueError(
                    "the upstream gradient of %s has shape %s, but its input has shape %s"
                    % (describe(func), upstream.shape, x.shape)
                )
        if steps is not None:  # our own: they leave x alone, and give what they should
            return _arrays.apply(steps, x, upstream, flush=True)
        with _arrays.ieee():  # not of the function alone: casts flush subnormals too
            y = values(x)
            return y if upstream is None else _arrays.product(y, upstream)

    callback.func, callback.elementwise, callback.name = func, True, None
    return callback
