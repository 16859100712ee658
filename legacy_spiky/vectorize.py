"""From a scalar function to an array function."""

import functools
import numbers
from typing import Any, Callable

import numpy as np

from legacy_spiky import _dtypes
from legacy_spiky._errors import check_callable, describe

__all__ = ["vectorize"]

_REAL = (numbers.Real, np.bool_)  # NumPy's other real scalars are registered as numbers.Real


def vectorize(f: Callable[[float], Any]) -> Callable[[Any], Any]:
    """Makes an array function of a function of one number.

    Unlike `np.vectorize` it keeps the dtype of its argument, whatever the first element
    gives, and takes empty arrays.

    Value: `float(f(float(x)))` for each element: evaluated on Python floats (IEEE double)
    and rounded once to the dtype of `x`.

    Args:
      f: a function of one real number that returns one: float, integer or bool.

    Returns:
      A function of one array (or what NumPy makes one of) of any shape: float16,
      bfloat16, float32 and float64 keep their dtype, integers and booleans become
      float64. It returns an array of that dtype and shape, a NumPy scalar for a scalar,
      and raises `TypeError` where `x` or a result of `f` is not real.

    Raises:
      TypeError: `f` is not callable.

    >>> import numpy as np
    >>> step = vectorize(lambda x: 1 if x > 0.5 else x)
    >>> step(np.float32([0.75, 0.25])).tolist()
    [1.0, 0.25]
    >>> step(np.float32([])).dtype.name
    'float32'
    """
    check_callable("f", f)

    @functools.wraps(f, updated=())
    def array_function(x):
        x = _dtypes.as_floating(x)
        arguments = _dtypes.to_double(x).ravel().tolist()
        results = [f(argument) for argument in arguments]
        # One look at each type that came, not at each result.
        unreal = {kind for kind in set(map(type, results)) if not issubclass(kind, _REAL)}
        if unreal:
            i = next(i for i, result in enumerate(results) if type(result) in unreal)
            raise TypeError(
                "%s returned %r (%s) for x = %r; expected a real number: float, integer or bool"
                % (describe(f), results[i], type(results[i]).__name__, arguments[i])
            )
        try:
            wide = np.array(results, dtype=np.float64).reshape(x.shape)
        except OverflowError as error:  # an integer or a fraction
            raise OverflowError("a result of %s: %s" % (describe(f), error)) from None
        return _dtypes.round_to(wide, x.dtype)[()]

    return array_function
