"""From a scalar function to an array function."""

import functools
import numbers
import operator
import sys
import threading
from typing import Any, Callable, Optional

import numpy as np

from legacy_spiky import _blocks, _compiled, _dtypes
from legacy_spiky._errors import caller, check_callable, describe, warn
from legacy_spiky._threads import in_parallel

__all__ = ["vectorize"]

_BLOCK = 1 << 15  # numbers that become Python's at once
_FEW = 1 << 10  # numbers that the interpreter is asked for where compiled code stopped

_REAL = (numbers.Real, np.bool_)  # NumPy's other real scalars are registered as numbers.Real


def vectorize(f: Callable[[float], Any], compile: Optional[bool] = None) -> Callable[[Any], Any]:
    """Makes an array function of a function of one number.

    Unlike `np.vectorize` it keeps the dtype of its argument, whatever the first element
    gives, and takes empty arrays. With Numba (extra `[fast]`) `f` is compiled when it is first
    needed, where that gives the same numbers bit for bit: arithmetic, comparisons, branches and
    loops, `abs`, `min`, `max`, `round`, most of `math`, other such functions. What is not compiled,
    as `np.exp` and `math.hypot`, whose last bits differ, is called in the interpreter, and a
    warning says why. Where compiled code cannot tell what the interpreter does, at errors and
    integers over 2**26, the interpreter is asked.

    Value: `f(float(x))` for each element: evaluated on Python floats (IEEE double), and what
    comes is rounded once to the dtype of `x`.

    Args:
      f: a function of one real number that returns one: float, integer or bool, or an array
        of no dimension with one in it.
      compile: True to have an error where `f` cannot be compiled, False not to try.

    Returns:
      A function of one array (or what NumPy makes one of) of any shape: float16,
      bfloat16, float32 and float64 keep their dtype, integers and booleans become
      float64. It returns an array of that dtype and shape, a NumPy scalar for a scalar,
      and raises `TypeError` where `x` or a result of `f` is not real. It can be pickled
      where `f` can.

    Raises:
      TypeError: `f` is not callable; with `compile=True`, it cannot be compiled.
      ImportError: with `compile=True`, Numba is missing.

    >>> import numpy as np
    >>> step = vectorize(lambda x: 1 if x > 0.5 else x)
    >>> step(np.float32([0.75, 0.25])).tolist()
    [1.0, 0.25]
    >>> step(np.float32([])).dtype.name
    'float32'
    """
    check_callable("f", f)
    return _Vectorized(f, compile)


class _Vectorized:
    """An array function of a function of one number.

    An object, since pickle knows a function by its name alone.
    """

    def __init__(self, f, compile):
        functools.update_wrapper(self, f, updated=())
        self._made_of = f, compile
        loop_of = _Loop(f, compile)
        if compile:
            loop_of()

        def products(x, upstream, y, flush):
            _apply(loop_of(), f, flush, x, upstream, y)

        def values(x, y, flush):
            products(x, None, y, flush)

        _blocks.works_by(self, values, products, sys.maxsize, dtypes=None)

    def __call__(self, x):
        return _blocks.apply(self._steps, x)[()]

    def __repr__(self):
        return "<vectorize of %s>" % describe(self)

    def __reduce__(self):
        try:
            # What is used as a decorator has the name of its function.
            if operator.attrgetter(self.__qualname__)(sys.modules[self.__module__]) is self:
                return self.__qualname__
        except (AttributeError, KeyError, TypeError):
            pass
        return vectorize, self._made_of


class _Loop:
    """The compiled loop of a function, made when it is first needed; None where there is none."""

    lock = threading.RLock()

    def __init__(self, f, compile):
        self.f = f
        self.compile = compile
        self.loop = None
        self.changed = None
        self.asked = compile is False
        self.made_at = caller()  # what calls it may be a thread of TensorFlow's

    def __call__(self):
        if not self.asked:
            with self.lock:
                if not self.asked:
                    self._make()
                    self.asked = True
        elif self.loop is not None:
            name = self.changed()
            if name is not None:
                self._refuse(
                    TypeError, "%s, which it reads, is another now than when it was compiled" % name
                )
        return self.loop

    def _make(self):
        try:
            self.loop, self.changed = _compiled.compiled(self.f)
        except ImportError as reason:
            self._refuse(ImportError, reason)
        except _compiled.NotCompiled as reason:
            self._refuse(TypeError, reason)

    def _refuse(self, kind, reason):
        if self.compile:
            raise kind("%s is not compiled: %s" % (describe(self.f), reason))
        self.loop = None
        words = "runs in the interpreter, number by number, which is slow: %s" % reason
        warn(self.f, "%s %s" % (describe(self.f), words), self.made_at)


def _apply(loop, f, flush, x, upstream, y):
    """Writes `f` of each number, times `upstream` if that is not None, to `y`."""
    parts = [slice(i, i + _BLOCK) for i in range(0, x.size, _BLOCK)]
    if loop is not None:
        parts = []
        in_parallel(functools.partial(_run, loop, flush, x, upstream, y, parts), x.size)
        parts.sort(key=operator.attrgetter("start"))
    for part in parts:
        _interpret(f, flush, x[part], None if upstream is None else upstream[part], y[part])


def _run(loop, flush, x, upstream, y, failed, part):
    """Runs the compiled loop on a part of arrays; notes the parts of it for the interpreter."""
    try:
        _compute(loop, flush, x[part], None if upstream is None else upstream[part], y[part])
    except Exception:  # what it is the interpreter says, if it is one
        if part.stop - part.start <= _FEW:
            failed.append(part)
            return
        middle = (part.start + part.stop) // 2
        for half in (slice(part.start, middle), slice(middle, part.stop)):
            _run(loop, flush, x, upstream, y, failed, half)


def _compute(loop, flush, x, upstream, y):
    if x.dtype in _dtypes.HARDWARE:
        loop(x, upstream, y, *(_dtypes.limits(x.dtype) if flush else (0.0, 0.0)))
    else:
        wide = _arguments(flush, x)
        loop(wide, None, wide, 0.0, 0.0)
        _write(wide, flush, upstream, y)


def _interpret(f, flush, x, upstream, y):
    """As `_compute`, by the interpreter."""
    arguments = _arguments(flush, x).tolist()
    results = [f(argument) for argument in arguments]
    # One look at each type that came, not at each result.
    kinds = set(map(type, results))
    if np.ndarray in kinds:
        results = [y[()] if type(y) is np.ndarray and y.shape == () else y for y in results]
        kinds = set(map(type, results))
    unreal = {kind for kind in kinds if not issubclass(kind, _REAL)}
    if unreal:
        i = next(i for i, result in enumerate(results) if type(result) in unreal)
        raise TypeError(
            "%s returned %r (%s) for x = %r; expected a real number: float, integer or bool"
            % (describe(f), results[i], type(results[i]).__name__, arguments[i])
        )
    try:
        wide = _dtypes.doubles(results, y.dtype)
    except OverflowError as error:  # an integer or a fraction
        raise OverflowError("a result of %s: %s" % (describe(f), error)) from None
    _write(wide, flush, upstream, y)


def _arguments(flush, x):
    wide = _dtypes.to_double(x)
    return _dtypes.flush(wide, x.dtype) if flush else wide


def _write(wide, flush, upstream, y):
    """Writes results, times `upstream` if that is not None, to `y`."""
    y[...] = _dtypes.round_to(_dtypes.flush(wide, y.dtype) if flush else wide, y.dtype)
    if upstream is not None:
        y[...] = _dtypes.product(y, upstream)
