"""Floating-point numbers as bit patterns: neighbours, distances, and inputs that tell."""

import sys
from typing import Any, Optional

import numpy as np

from legacy_spiky._arrays import dtypes
from legacy_spiky._arrays.arithmetic import silent

__all__ = ["bits", "boundaries", "distance", "native", "plain", "samples", "upstreams"]


def bits(x):
    """Returns the bit patterns of a floating array, as unsigned integers."""
    return np.ascontiguousarray(x).view("u%d" % x.dtype.itemsize).reshape(x.shape)


def native(x):
    """Returns an array in the byte order of this machine."""
    x = dtypes.unmasked(x)
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def _sign_bit(dtype):
    return np.uint64(1 << (8 * dtype.itemsize - 1))


def _ranks(x):
    """Returns the place of each number in the order of all; both zeros have the same."""
    pattern, sign = bits(x).astype(np.uint64), _sign_bit(x.dtype)
    magnitude = pattern & (sign - np.uint64(1))
    return np.where(pattern & sign, sign - magnitude, sign + magnitude)


def _at_ranks(ranks, dtype):
    sign = _sign_bit(dtype)
    pattern = np.where(ranks < sign, sign + (sign - ranks), ranks - sign)
    return pattern.astype("u%d" % dtype.itemsize).view(dtype)


def distance(a, b):
    """Returns how many steps to the next number lead from `a` to `b`: their distance in ULP.

    Both zeros are the same number, the greatest number and infinity are neighbours. Where
    either is NaN the distance means nothing.
    """
    a, b = _ranks(a), _ranks(b)
    return np.where(a < b, b - a, a - b)


def _dtype(dtype):
    """Returns a floating dtype by name; that of bfloat16 is TensorFlow's."""
    if not isinstance(dtype, str):
        dtype = np.dtype(dtype).name
    if dtype == "bfloat16":
        tensorflow = sys.modules.get("tensorflow")  # NumPy has none
        if tensorflow is None:
            raise TypeError("bfloat16 is a dtype of TensorFlow's: import tensorflow first")
        return np.dtype(tensorflow.bfloat16.as_numpy_dtype)
    if dtype not in ("float16", "float32", "float64"):
        raise TypeError("expected float16, bfloat16, float32 or float64, got %s" % dtype)
    return np.dtype(dtype)


@silent
def boundaries(dtype: Any = "float32") -> np.ndarray:
    """The numbers at which formulas differ, each with both of its neighbours.

    Zeros, the powers of two and what lies 0.5 beside them, the halves up to 8, the least and the
    greatest subnormal, the greatest number, infinities, NaN; of either sign.

    Args:
      dtype: float16, bfloat16, float32 or float64.

    Returns:
      An array of that dtype, each bit pattern once.

    Raises:
      TypeError: another dtype.

    >>> 0.5 in boundaries("float32"), len(boundaries("float16"))
    (True, 480)
    """
    dtype = _dtype(dtype)
    powers = 2.0 ** np.arange(-1074, 1024)
    numbers = np.concatenate([np.arange(17) / 2, powers, powers - 0.5, powers + 0.5, [np.inf]])
    one, ranks = np.uint64(1), np.unique(_ranks(dtypes.round_to(np.abs(numbers), dtype)))
    ranks = np.concatenate([ranks, ranks + one, ranks[1:] - one])
    infinity, nan = bits(dtypes.round_to(np.array([np.inf, np.nan]), dtype))
    positive = np.append(bits(_at_ranks(ranks, dtype)), nan)
    # Above infinity comes a signalling NaN, of which NumPy warns in any function: a quiet one.
    positive[positive > infinity] |= nan
    negative = positive ^ _sign_bit(dtype).astype(positive.dtype)
    return np.unique(np.concatenate([positive, negative])).view(dtype)


def _inward(limits, dtype):
    """Returns the least and the greatest number of a dtype within two limits."""
    rounded = dtypes.round_to(limits, dtype)
    low, high = _ranks(rounded)
    wide, one = dtypes.to_double(rounded), np.uint64(1)
    low, high = low + one * (wide[0] < limits[0]), high - one * (wide[1] > limits[1])
    return _at_ranks(np.array([low, high], np.uint64), dtype)


@silent
def samples(
    dtype: Any = "float32",
    low: Optional[float] = None,
    high: Optional[float] = None,
    count: int = 100000,
    seed: int = 0,
) -> np.ndarray:
    """Inputs that find what differs: the boundaries, random bit patterns, random numbers.

    Args:
      dtype: float16, bfloat16, float32 or float64.
      low: the least number; without it there is no limit, NaN and the infinities come too.
      high: the greatest number; likewise.
      count: how many bit patterns, each as likely as any other, and as many numbers, evenly
        spread from `low` to `high` (-8 and 8 where there is no limit). Where there are no more
        bit patterns than that, each of them once.
      seed: of NumPy's RandomState, which gives the same numbers on every version.

    Returns:
      An array of that dtype, of one dimension.

    Raises:
      TypeError: another dtype.
      ValueError: there is no number of that dtype from `low` to `high`.

    >>> len(samples("float16")), float(samples(low=-1, high=1).max())
    (65536, 1.0)
    """
    dtype = _dtype(dtype)
    everything = 1 << (8 * dtype.itemsize)
    if low is None and high is None and count >= everything:
        return np.arange(everything).astype("u%d" % dtype.itemsize).view(dtype)
    limits = np.array([-np.inf if low is None else low, np.inf if high is None else high])
    if not limits[0] <= limits[1]:
        raise ValueError("expected low <= high, got low %r and high %r" % (low, high))
    limits, edges = _inward(limits, dtype), boundaries(dtype)
    wide = dtypes.to_double(limits)
    if wide[0] > wide[1]:
        raise ValueError("there is no %s from low %r to high %r" % (dtype.name, low, high))
    if low is not None or high is not None:
        inside = dtypes.to_double(edges)
        inside = (inside >= wide[0]) & (inside <= wide[1])
        edges = np.concatenate([limits, edges[inside]])
    least, greatest = map(int, _ranks(limits))
    random = np.random.RandomState(seed)
    if greatest - least < count:
        ranks = np.arange(greatest - least + 1).astype(np.uint64) + np.uint64(least)
    else:
        ranks = random.randint(least, greatest + 1, count, dtype=np.uint64)
    low = min(-8, wide[1] - 16) if wide[0] == -np.inf else wide[0]
    high = max(8, wide[0] + 16) if wide[1] == np.inf else wide[1]
    # Half of it, since the difference of the greatest numbers is infinite.
    low, high = np.clip([low, high], -1e308, 1e308) / 2
    numbers = np.clip(2 * random.uniform(low, high, count), wide[0], wide[1])
    return np.concatenate([edges, _at_ranks(ranks, dtype), dtypes.round_to(numbers, dtype)])


@silent
def upstreams(shape, dtype, seed=0):
    """Returns upstream gradients of a shape: numbers from 0.5 to 2, of either sign."""
    random = np.random.RandomState(seed)
    numbers = random.uniform(0.5, 2, shape) * random.choice([-1.0, 1.0], shape)
    return dtypes.round_to(np.asarray(numbers), np.dtype(dtype))


def plain(value):
    """Returns a value for JSON, which has no infinity and no NaN: they become text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
