"""From a scalar function to an array function."""

import functools
import numbers
import operator
import sys
import threading
from typing import Any, Callable, Optional

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._arrays import in_parallel, silent
from legacy_spiky._errors import caller, check_callable, describe, warn
from legacy_spiky._scalar import BLOCK, NotCompiled, NotRead, array_form, compiled_form, read

__all__ = ["vectorize"]

_BLOCK = 1 << 15  # numbers that become Python's at once

_REAL = (numbers.Real, np.bool_)  # NumPy's other real scalars are registered as numbers.Real


def vectorize(f: Callable[[float], Any], compile: Optional[bool] = None) -> Callable[[Any], Any]:
    """Makes an array function of a function of one number.

    Unlike `np.vectorize` it keeps the dtype of its argument, whatever the first element
    gives, and takes empty arrays. And it is fast: `f` is read when it is first needed, which is to
    run it on a stand-in for its argument, once for each path through it, and what was read is
    computed for whole arrays, by NumPy or by Numba (extra `[fast]`), with the same numbers bit for
    bit. Arithmetic, comparisons, branches, loops of a fixed length, `abs`, `min`, `max`, `round`,
    `int`, `math`, tuples of constants and functions of the user's are read. What reads lists,
    arrays, objects or random numbers, or has loops whose length depends on the argument, is called
    in the interpreter, number by number, and a warning says why. So is each number at which `f`
    raises, or at which integers are not below 2**53. When a constant or a function that `f` reads
    changes, `f` is read anew.

    Value: `f(float(x))` for each element: evaluated on Python floats (IEEE double), and what
    comes is rounded once to the dtype of `x`.

    Args:
      f: a function of one real number that returns one: float, integer or bool, or an array
        of no dimension with one in it.
      compile: None for the fastest that there is, False for NumPy without Numba, True for Numba
        or an error.

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
        form = _Form(f, compile)
        if compile:
            form()

        def products(x, upstream, y, flush):
            _apply(form(), f, flush, x, upstream, y)

        def values(x, y, flush):
            products(x, None, y, flush)

        _arrays.works_by(self, values, products, sys.maxsize, dtypes=None)

    def __call__(self, x):
        return _arrays.apply(self._steps, x)[()]

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


class _Form:
    """What computes a function faster than the interpreter, made when it is first needed.

    It is called for a function `run(flush, x, upstream, y)`, which writes results as
    `_arrays.Steps` does and returns for which numbers the interpreter has to be asked, in order; or
    for None, where that has to be asked for all.
    """

    def __init__(self, f, compile):
        self.f = f
        self.compile = compile
        self.made = None  # the function, after what says whether it is still the right one
        self.lock = threading.RLock()
        self.made_at = caller()  # what calls it may be a thread of TensorFlow's

    def __call__(self):
        made = self.made
        if made is None or made[0]() is not None:
            with self.lock:
                made = self.made
                if made is None or made[0]() is not None:
                    made = self.made = self._make()
        return made[1]

    def _make(self):
        try:
            reading = read(self.f)
        except NotRead as why:
            self._refuse(TypeError, why)
            return why.changed, None
        try:
            return reading.changed, self._fastest(reading.path)
        except ImportError as why:
            self._refuse(ImportError, why)
        except (NotCompiled, _Differs) as why:
            self._refuse(TypeError, why)
        return reading.changed, None

    def _fastest(self, path):
        """Returns the fastest function that gives what the interpreter gives."""
        if self.compile is not False:
            try:
                return self._compared(_run_loop, compiled_form(path))
            except (ImportError, NotCompiled, _Differs):
                if self.compile:
                    raise
        return self._compared(_run_arrays, array_form(path))

    def _compared(self, run, form):
        run = functools.partial(run, form)
        _compare(self.f, run)
        return run

    def _refuse(self, kind, why):
        if self.compile:
            raise kind("%s is not compiled: %s" % (describe(self.f), why))
        words = "runs in the interpreter, number by number, which is slow: %s" % why
        warn(self.f, "%s %s" % (describe(self.f), words), self.made_at)


class _Differs(Exception):
    """Where a function that was read gives something else than the interpreter."""


@functools.lru_cache(maxsize=None)
def _numbers():
    """Returns numbers to compare at: where things change, and of everyday size."""
    wide = _arrays.to_double(_arrays.boundaries("float32"))
    random = np.random.RandomState(0).uniform(-8, 8, 1000).astype(np.float32)
    return np.concatenate([wide, random, np.arange(-32, 33) / 2.0])


@silent  # of `f` too: nobody passed these numbers
def _compare(f, run):
    """Raises _Differs where a function is not what the interpreter gives."""
    x = _numbers()
    y = np.empty_like(x)
    answered = np.delete(np.arange(x.size), run(False, x, None, y))
    expected = np.empty_like(x)
    for i in answered.tolist():
        try:
            expected[i] = f(x[i].item())
        except Exception as error:
            raise _Differs(
                "for x = %r it raises %s, but gives %r when read"
                % (x[i].item(), type(error).__name__, y[i].item())
            ) from None
    for dtype in (np.float64, np.float32):
        numbers, given = x.astype(dtype), np.empty(x.shape, dtype)
        taken = np.delete(np.arange(x.size), run(False, numbers, None, given))
        taken = np.intersect1d(taken, answered)
        given, rounded = given[taken], expected.astype(dtype)[taken]
        same = (_arrays.bits(given) == _arrays.bits(rounded)) | (
            np.isnan(given) & np.isnan(rounded)
        )
        for i in np.flatnonzero(~same)[:1]:
            raise _Differs(
                "for x = %r it gives %r, but %r when read"
                % (x[taken[i]].item(), rounded[i].item(), given[i].item())
            )


def _apply(run, f, flush, x, upstream, y):
    """Writes `f` of each number, times `upstream` if that is not None, to `y`."""
    asked = np.arange(x.size) if run is None else run(flush, x, upstream, y)
    for i in range(0, len(asked), _BLOCK):
        part = asked[i : i + _BLOCK]
        given = np.empty(part.shape, y.dtype)
        _interpret(f, flush, x[part], None if upstream is None else upstream[part], given)
        y[part] = given


def _run_loop(loop, flush, x, upstream, y):
    """Runs a compiled loop."""
    asked = np.zeros(x.size, bool) if loop.asks else None
    anywhere = []

    def work(part):
        numbers, given = x[part], y[part]
        more = None if upstream is None else upstream[part]
        ask = None if asked is None else asked[part]
        if x.dtype in _arrays.HARDWARE:
            limits = _arrays.limits(x.dtype) if flush else (0.0, 0.0)
            any_asked = loop(numbers, more, given, ask, *limits)
        else:
            numbers = _arguments(flush, numbers)
            wide = np.empty_like(numbers)
            any_asked = loop(numbers, None, wide, ask, 0.0, 0.0)
            _write(wide, flush, more, given)
        if any_asked:
            anywhere.append(part)

    in_parallel(work, x.size)
    return np.flatnonzero(asked) if anywhere else ()


def _run_arrays(form, flush, x, upstream, y):
    """Runs NumPy's functions, block by block."""
    asked = []
    # On this thread alone: others wait for the interpreter's lock longer than they compute.
    for start in range(0, x.size, BLOCK):
        block = slice(start, start + BLOCK)
        wide, ask = form(_arguments(flush, x[block]), x.dtype)
        _write(wide, flush, None if upstream is None else upstream[block], y[block])
        if ask is not None:
            asked.append(start + np.flatnonzero(ask))
    return np.concatenate(asked) if asked else ()


def _interpret(f, flush, x, upstream, y):
    """Writes what the interpreter gives, as `_apply` does."""
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
        wide = _arrays.doubles(results, y.dtype)
    except OverflowError as error:  # an integer or a fraction
        raise OverflowError("a result of %s: %s" % (describe(f), error)) from None
    _write(wide, flush, upstream, y)


def _arguments(flush, x):
    numbers = _arrays.widen(x)
    return _arrays.to_double(_arrays.flush(numbers, x.dtype) if flush else numbers)


def _write(wide, flush, upstream, y):
    """Writes results, times `upstream` if that is not None, to `y`."""
    rounded = (_arrays.round_and_flush if flush else _arrays.round_to)(wide, y.dtype)
    y[...] = rounded if upstream is None else _arrays.product(rounded, upstream)
