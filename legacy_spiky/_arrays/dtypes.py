"""The floating-point types of an activation: widening, rounding, subnormals."""

import functools
from numbers import Integral

import numpy as np

from legacy_spiky._arrays.arithmetic import silent

__all__ = [
    "HARDWARE",
    "as_floating",
    "doubles",
    "flush",
    "least_normal",
    "limits",
    "product",
    "round_and_flush",
    "round_to",
    "to_double",
    "unmasked",
    "widen",
]


# The dtypes that NumPy and compiled code compute in as they are.
HARDWARE = (np.dtype(np.float32), np.dtype(np.float64))


def _is_bfloat16(dtype):
    # NumPy has no bfloat16; TensorFlow's (ml_dtypes' since 2.12) is known by name.
    return dtype.name == "bfloat16"


# Of the types that hardware computes in: the least normal number, and the least double that a
# thread which flushes subnormals rounds to it. float16 is converted in software and keeps its
# subnormals.
_LIMITS = {
    name: (tiny, tiny * (1 - epsilon / 4))
    for name, tiny, epsilon in [
        ("bfloat16", 2.0**-126, 2.0**-7),
        ("float32", 2.0**-126, 2.0**-23),
        ("float64", 2.0**-1022, 2.0**-52),
    ]
}


@functools.lru_cache(maxsize=None)
def limits(dtype):
    """Returns the number below which `flush` makes zeros, and that from which it rounds up to it.

    Both are 0 for float16.
    """
    return _LIMITS.get(dtype.name, (0.0, 0.0))


def least_normal(dtype):
    """Returns the number below which `flush` makes zeros; 0 for float16."""
    return limits(dtype)[0]


def unmasked(x):
    """Returns `x` as an array; raises TypeError where that would lose a mask."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("expected an array, got a masked one, whose mask would be lost; fill it")
    return np.asarray(x)


def as_floating(x):
    """Returns `x` as an array of a floating type; what is not floating becomes float64.

    Raises:
      TypeError: `x` is complex, text or objects, or a masked array.
    """
    x = unmasked(x)
    if x.dtype.kind == "f" or _is_bfloat16(x.dtype):
        return x
    if x.dtype.kind in "biu":
        return x.astype(np.float64)
    raise TypeError(
        "expected real numbers (floating, integer or bool), got an array of dtype %s" % x.dtype
    )


def widen(x):
    """Returns a bfloat16 array as float32, which holds each of its values; others as they are."""
    if not _is_bfloat16(x.dtype):
        return x
    bits = x.view(np.uint16).astype(np.uint32)
    return np.asarray(bits << np.uint32(16)).view(np.float32)


@silent  # a signalling NaN
def to_double(x):
    """Returns a floating array as float64, exactly."""
    return widen(x).astype(np.float64)


@silent
def flush(y, dtype):
    """Returns `y` with the subnormals of `dtype` set to zero, the sign kept.

    TensorFlow's own threads flush subnormals to zero (`port::ScopedFlushDenormal`), the
    caller's thread does not. Doing it here gives both the same numbers: those of a thread that
    flushes.
    """
    if dtype.name not in _LIMITS or y.dtype.kind != "f":
        return y
    tiny, rounds_to_tiny = _LIMITS[dtype.name]
    if y.dtype.itemsize > 8 and dtype.itemsize == 8:
        y = y.astype(dtype)  # of longdouble: the limits are doubles
    if y.dtype.itemsize > 8:
        small = np.abs(y) < tiny
        if not small.any():
            return y
    else:
        size, least = _sizes(y), _least(dtype, y.dtype)
        if not size.size or size.min() >= least:
            return y
        small = size < least
    numbers = y[small]
    # A float32 here is a subnormal, or 0 to a thread that flushes them; float64 is neither.
    rounded_up = (np.abs(numbers) >= rounds_to_tiny) & (numbers.dtype.itemsize >= 8)
    y = y.copy()
    y[small] = np.copysign(np.where(rounded_up, tiny, 0), numbers)
    return y


def _sizes(y):
    """Returns the sizes of floats as unsigned integers in their order, and of zeros the largest.

    Zeros are often there, and stay. A thread that flushes subnormals takes them for zeros, too.
    """
    kind = np.dtype("u%d" % y.dtype.itemsize)
    one = kind.type(1)
    sizes = np.asarray(y.view(kind.newbyteorder(y.dtype.byteorder)) << one)  # without the sign
    return np.subtract(sizes, one, out=sizes)


@functools.lru_cache(maxsize=None)
def _least(dtype, kind):
    """Returns the size of `dtype`'s least normal number as one of `kind`, or 0 if that has none."""
    number = round_to(np.array([least_normal(dtype)]), kind)
    return _sizes(number)[0] if to_double(number)[0] else 0


@silent
def round_and_flush(y, dtype):
    """Returns `round_to(flush(y, dtype), dtype)`."""
    rounded = round_to(y, dtype)
    # What is not next to a subnormal need not be looked at in its own dtype, which is slower.
    if not rounded.size or _sizes(rounded).min() > _least(dtype, dtype):
        return rounded
    return round_to(flush(y, dtype), dtype)


@silent
def round_to(y, dtype):
    """Returns a new array: `y` in `dtype`, each number rounded once, to nearest, ties to even.

    Args:
      y: an array of real numbers: floating, integer or bool.
      dtype: a floating one.
    """
    y = widen(y)
    if dtype.itemsize >= 8:
        return y.astype(dtype)
    # By way of what is wider than `dtype`, longdouble -> float64 -> float16 for one, is rounding
    # twice, unless the first step rounds to odd: that leaves the second one on the right side of
    # every tie.
    if y.dtype.kind == "f" and y.dtype.itemsize > 8:
        wide = y.astype(np.float64)
        y = _odd(wide, y - wide)
    elif y.dtype.kind in "iu" and y.dtype.itemsize == 8:
        wide = y.astype(np.float64)
        low = (y & y.dtype.type(0xFFFFFFFF)).astype(np.float64)
        high = (y >> y.dtype.type(32)).astype(np.float64) * 2.0**32
        y = _odd(wide, low - (wide - high))
    if not _is_bfloat16(dtype):
        return y.astype(dtype)
    wide = y.astype(np.float64)
    single = wide.astype(np.float32)
    single = _odd(single, wide - single)
    bits = single.view(np.uint32)
    bits = np.where(np.isnan(single), 0x7FC00000, bits + 0x7FFF + (bits >> 16 & 1))
    return np.asarray(bits >> 16).astype(np.uint16).view(dtype)


def _odd(near, error):
    """Returns rounded numbers, of which `error` is what is missing, rounded to odd instead."""
    pattern = near.view("u%d" % near.dtype.itemsize)
    even = pattern & pattern.dtype.type(1) == 0
    toward = np.where(error > 0, np.inf, -np.inf).astype(near.dtype)
    return np.where(even & (np.abs(error) > 0), np.nextafter(near, toward), near)


@silent
def doubles(numbers, dtype):
    """Returns Python's or NumPy's real numbers as an array of float64, for `round_to(_, dtype)`.

    What a double cannot hold, as a large integer or a fraction, is rounded to odd if `dtype` is
    narrower, else to nearest.

    Raises:
      OverflowError: one of them is too large for a double.
    """
    wide = np.array(numbers, np.float64)
    others = set(map(type, numbers)) - _DOUBLES  # one look at each type, not at each number
    if dtype.itemsize >= 8 or not others:
        return wide
    whole = all(issubclass(kind, Integral) for kind in others)
    # Integers up to there are doubles.
    for i in np.flatnonzero(np.abs(wide) >= 2.0**53) if whole else range(len(numbers)):
        number = int(numbers[i]) if isinstance(numbers[i], Integral) else numbers[i]
        near = float(number)  # Python compares the two exactly, and so does longdouble
        if number > near or number < near:
            wide[i] = _odd(np.array(near), 1 if number > near else -1)
    return wide


_DOUBLES = {float, bool, np.bool_, np.float16, np.float32, np.float64}


@silent
def product(a, b):
    """Returns `a * b` in the dtype of both, rounded once.

    Subnormals of it count as zero; `a` has none.
    """
    dtype = a.dtype
    if dtype in HARDWARE:
        return flush(np.asarray(a * flush(b, dtype)), dtype)
    # Exact in float64. NumPy makes scalars of arrays of no dimension.
    y = round_to(np.asarray(to_double(a) * flush(to_double(b), dtype)), dtype)
    return round_and_flush(to_double(y), dtype)
