"""Work on arrays by all cores, for functions that let other threads run."""

import functools
import os

from legacy_spiky import _arithmetic

__all__ = ["cores", "in_parallel"]

_PART = 1 << 19  # numbers that are worth a thread


def in_parallel(function, *arrays):
    """Calls `function(*parts)` with a part of each array, or None, on each core.

    Args:
      function: writes to a part what it makes of the others.
      *arrays: flat arrays of one length, the first one not None.
    """
    size = arrays[0].size
    if size < 2 * _PART or cores() == 1:
        return function(*arrays)
    count = min(cores(), size // _PART)
    # A larger part for this thread: the others have to wake up first.
    ends = [0] + [int(size * (i + 1.5) / (count + 0.5)) for i in range(count)]
    parts = [
        [None if array is None else array[i:j] for array in arrays] for i, j in zip(ends, ends[1:])
    ]
    others = [_threads(os.getpid()).submit(_call, function, part) for part in parts[1:]]
    try:
        function(*parts[0])
    finally:
        errors = [other.exception() for other in others]  # it waits
    for error in filter(None, errors):
        raise error


def _call(function, part):
    with _arithmetic.ieee():
        function(*part)


def cores():
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.lru_cache(maxsize=None)
def _threads(process):
    """Returns the threads of a process: a forked one has none of its parent's."""
    from concurrent.futures import ThreadPoolExecutor  # most programs never come here

    return ThreadPoolExecutor(cores())
