"""The floating-point types of an activation: widening, rounding, subnormals."""

import functools

import numpy as np

__all__ = [
    "as_floating",
    "flush",
    "least_normal",
    "limits",
    "product",
    "round_to",
    "to_double",
    "widen",
]


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


def as_floating(x):
    """Returns `x` as an array of a floating type; what is not floating becomes float64.

    Raises:
      TypeError: `x` is complex, text or objects.
    """
    x = np.asarray(x)
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


def to_double(x):
    """Returns a floating array as float64, exactly."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return widen(x).astype(np.float64)


def flush(y, dtype):
    """Returns `y` with the subnormals of `dtype` set to zero, the sign kept.

    TensorFlow's own threads flush subnormals to zero (`port::ScopedFlushDenormal`), the
    caller's thread does not. Doing it here gives both the same numbers: those of a thread that
    flushes.
    """
    if dtype.name not in _LIMITS or y.dtype.kind != "f":
        return y
    tiny, rounds_to_tiny = _LIMITS[dtype.name]
    with np.errstate(invalid="ignore"):  # NaN < tiny
        small = np.abs(y) < tiny
    if not small.any():
        return y
    numbers = y[small]
    # A float32 here is a subnormal, or 0 to a thread that flushes them; float64 is neither.
    rounded_up = (np.abs(numbers) >= rounds_to_tiny) & (numbers.dtype.itemsize >= 8)
    y = y.copy()
    y[small] = np.copysign(np.where(rounded_up, tiny, 0), numbers)
    return y


def round_to(y, dtype):
    """Returns a new array: `y` in `dtype`, each number rounded once, to nearest, ties to even."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not _is_bfloat16(dtype):
            return y.astype(dtype)
        # float64 -> float32 -> bfloat16 would round twice. The first step rounds to odd
        # instead, which keeps the second one on the right side of every tie.
        wide = y.astype(np.float64)
        single = wide.astype(np.float32)
        to_odd = (single != wide) & (single.view(np.uint32) & 1 == 0)
        toward = np.where(wide > single, np.float32("inf"), np.float32("-inf"))
        single = np.where(to_odd, np.nextafter(single, toward), single)
    bits = single.view(np.uint32)
    bits = np.where(np.isnan(single), 0x7FC00000, bits + 0x7FFF + (bits >> 16 & 1))
    return np.asarray(bits >> 16).astype(np.uint16).view(dtype)


def product(a, b):
    """Returns `a * b` in the dtype of both, rounded once; subnormals of it count as zero."""
    dtype = a.dtype
    with np.errstate(over="ignore", invalid="ignore"):
        # Exact in float64, but for the product of two of them. NumPy makes scalars of those of no
        # dimension.
        y = np.asarray(flush(to_double(a), dtype) * flush(to_double(b), dtype))
    return round_to(flush(to_double(round_to(y, dtype)), dtype), dtype)
