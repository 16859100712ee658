"""Which numbers a comparison takes for 0 where subnormals count as that."""

import numpy as np

from legacy_spiky._arrays import bits, least_normal, silent, to_double

__all__ = ["flushed", "tiny"]


@silent
def tiny(x, results=True):
    """Returns which numbers are subnormal, or, of results, the least normal number itself.

    A subnormal that rounds up to that one is flushed to 0 by what flushes before it rounds.
    """
    if x.dtype.kind in "biu":
        return np.zeros(x.shape, bool)
    least = least_normal(x.dtype)
    size = np.abs(to_double(x))
    return (size != 0) & ((size < least) | (results & (size == least)))


def flushed(arrays, results=True):
    """Returns arrays in which what is tiny is 0, its sign kept."""
    found = []
    for x in arrays:
        small = None if x is None else tiny(x, results)
        if small is not None and small.any():
            pattern = bits(x).copy()
            pattern[small] &= pattern.dtype.type(1 << (8 * x.dtype.itemsize - 1))
            x = pattern.view(x.dtype)
        found.append(x)
    return found
