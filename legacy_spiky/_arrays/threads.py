"""Work on arrays by all cores, for functions that let other threads run."""

import collections
import functools
import os

from legacy_spiky._arrays import arithmetic

__all__ = ["cores", "in_parallel"]

_PART = 1 << 19  # numbers that are worth a thread


def in_parallel(function, size):
    """Calls `function(part)` with the slices of `range(size)`, on each core.

    Args:
      function: works on a part of arrays. It calls no function of the user's: what that sees of
        its thread, as NumPy's errstate, is the caller's.
      size: how many numbers there are.
    """
    if size < 2 * _PART or cores() == 1:
        return function(slice(0, size))
    count = 4 * size // _PART  # some more than threads: not all of them begin at once
    ends = [size * i // count for i in range(count + 1)]
    parts = collections.deque(map(slice, ends, ends[1:]))

    def work():
        with arithmetic.ieee():
            while parts:
                try:
                    part = parts.popleft()
                except IndexError:  # another thread was faster
                    return
                function(part)

    others = []
    try:
        for _ in range(min(cores(), size // _PART) - 1):
            others.append(_threads(os.getpid()).submit(work))
    except RuntimeError:  # none after the main thread has ended: this one does what is left
        pass
    try:
        work()
    finally:
        # Those that have begun are waited for.
        errors = [other.exception() for other in others if not other.cancel()]
    for error in filter(None, errors):
        raise error


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
