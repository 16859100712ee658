"""The recipe's activation, *spiky*, and its derivative: as scalar and as array functions."""

from typing import Any

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._arrays import silent

__all__ = [
    "d_spiky",
    "np_d_spiky",
    "np_d_spiky_32",
    "np_spiky",
    "np_spiky_32",
    "spiky",
]


def spiky(x: float) -> float:
    """The activation of one number.

    Value: `r = x % 1`; `r` where `r <= 0.5`, else 0. NaN and the infinities give 0.
    Derivative: `d_spiky`.

    Args:
      x: a real number.

    Returns:
      A number in [0, 0.5].

    Source: https://stackoverflow.com/questions/39921607

    >>> [spiky(x) for x in (0.25, 0.5, 0.75, -0.75)]
    [0.25, 0.5, 0, 0.25]
    """
    r = x % 1
    if r <= 0.5:
        return r
    else:
        return 0


def d_spiky(x: float) -> float:
    """The derivative of `spiky` at one number.

    Value: `r = x % 1`; 1 where `r <= 0.5`, else 0. NaN and the infinities give 0. At the
    two jumps of each period it is a one-sided derivative: from the right at `r = 0`, from
    the left at `r = 0.5`. Derivative: 0.

    Args:
      x: a real number.

    Returns:
      0 or 1.

    Source: https://stackoverflow.com/questions/39921607

    >>> [d_spiky(x) for x in (0.25, 0.5, 0.75, -0.75)]
    [1, 1, 0, 1]
    """
    r = x % 1
    if r <= 0.5:
        return 1
    else:
        return 0


# Of the floats at which `x - floor(x)` rounds to 0.5 and `x % 1` is more, the one in float32. In
# float64 `x % 1` rounds to 0.5 too.
_ABOVE = np.nextafter(np.float32(-0.5), np.float32(0))


def _ramp(x):
    """Returns `x % 1`, exact where it is at most 0.5, and where that is."""
    r = np.floor(x)
    np.subtract(x, r, out=r)  # inf - inf is NaN, as inf % 1 is
    low = r <= 0.5  # not for NaN
    if x.dtype == np.float32:
        low &= x != _ABOVE
    return r, low


@silent
def _spiky(x, y, flush):
    r, low = _ramp(x)
    if flush:
        low &= r >= _arrays.least_normal(x.dtype)
    # Zeros by a mask of bits, three times faster than np.where.
    kind = "i%d" % x.dtype.itemsize
    np.bitwise_and(r.view(kind), -low.view(np.int8).astype(kind), out=y.view(kind))


@silent
def _d_spiky(x, y, flush):
    _, low = _ramp(x)
    if flush:
        # As integers, negative subnormals and -0.0 are below the greatest negative normal number.
        kind = "i%d" % x.dtype.itemsize
        low |= x.view(kind) < np.array(-_arrays.least_normal(x.dtype), x.dtype).view(kind)
    y[...] = low


@silent
def _d_spiky_products(x, upstream, y, flush):
    _d_spiky(x, y, flush)
    if flush:
        # Times 0 or 1: what is subnormal is so in `upstream`.
        normal = np.abs(upstream) >= _arrays.least_normal(x.dtype)
        if not normal.all():
            upstream = upstream * normal  # NaN stays NaN
    y *= upstream


def np_spiky(x: Any) -> Any:
    """`spiky` of each element of an array, bit for bit.

    Value: `r = x % 1`; `r` where `r <= 0.5`, else 0. Derivative: `np_d_spiky`.

    Args:
      x: an array, or what NumPy makes one of, of any shape. float16, bfloat16, float32
        and float64 keep their dtype; integers and booleans become float64.

    Returns:
      An array of the shape of `x` (a NumPy scalar where `x` is one).

    Raises:
      TypeError: `x` is complex, text or objects.

    >>> np_spiky([0.25, 0.5, 0.75, -0.75]).tolist()
    [0.25, 0.5, 0.0, 0.25]
    """
    return _arrays.apply(_SPIKY, x)[()]


def np_d_spiky(x: Any) -> Any:
    """`d_spiky` of each element of an array, bit for bit.

    Value: `r = x % 1`; 1 where `r <= 0.5`, else 0. Derivative: 0.

    Args:
      x: as for `np_spiky`.

    Returns:
      An array of the shape and dtype that `np_spiky` gives.

    Raises:
      TypeError: `x` is complex, text or objects.

    >>> np_d_spiky([0.25, 0.5, 0.75, -0.75]).tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    return _arrays.apply(_D_SPIKY, x)[()]


_SPIKY = _arrays.works_by(np_spiky, _spiky)
_D_SPIKY = _arrays.works_by(np_d_spiky, _d_spiky, _d_spiky_products)


def np_d_spiky_32(x: Any) -> Any:
    """`np_d_spiky` as float32.

    >>> np_d_spiky_32([0.25, 0.75]).dtype.name
    'float32'
    """
    return _single(np_d_spiky(x))


def np_spiky_32(x: Any) -> Any:
    """`np_spiky` as float32.

    >>> np_spiky_32([0.25, 0.75]).dtype.name
    'float32'
    """
    return _single(np_spiky(x))


def _single(y):
    return _arrays.round_to(np.asarray(y), np.dtype(np.float32))[()]
