"""An expression as a compiled loop: written out as Python source, for Numba.

Numba's arithmetic is that of the hardware, as the interpreter's is; functions of the C library are
called where they are; what Python does in its own way stands in `_functions`. The source holds no
constants, but for powers of two to divide by and the like: functions that differ in the others
share what is compiled, which stays.
"""

import ctypes
import functools
import math
import os
import threading

import numpy as np

from legacy_spiky._scalar.expression import LARGEST, MATH
from legacy_spiky._scalar.loop import OF_TWO, OPERATORS, OWN, NotCompiled, Source

__all__ = ["NotCompiled", "compiled_form"]


def compiled_form(path):
    """Compiles an expression.

    Args:
      path: its root `Path`.

    Returns:
      The loop, `loop(x, upstream, y, asked, least, rounds_to_least)`: writes to `y` what the
      expression gives for each number of `x`, in double precision and rounded once, times
      `upstream` if that is not None. All are flat contiguous arrays of float32, or of float64; what
      is below `least` counts as zero, as in `_arrays.flush`. Where `loop.asks` is true it writes to
      `asked`, of bool or uint8, for which numbers the interpreter has to be asked, and returns
      whether there are any; elsewhere there are none, and `asked` may be None. It is compiled for a
      dtype, with an upstream gradient or without, when that is first needed.

    Raises:
      ImportError: Numba is missing.
      NotCompiled: Numba does not compute it as the interpreter does, or would take too long.
    """
    _numba()
    source = Source(path)
    with _LOCK:
        if source.text not in _FORMS:
            _FORMS[source.text] = _Form(source.text, len(source.singles))
        form = _FORMS[source.text]
    asks, constants = source.asks, np.array(source.constants, np.float64)

    def loop(x, upstream, y, asked, least, rounds_to_least):
        compiled = form.loop(x.dtype.char, upstream is not None, asks)
        asked = asked.view(np.uint8) if asks else None
        return compiled(x, upstream, y, asked, least, rounds_to_least, constants)

    loop.asks = asks
    return loop


_FORMS = {}  # by the text of their source
_LOCK = threading.RLock()  # threads that meet at the first call compile once


class _Form:
    """What is compiled of a source: the function of one number, and the loops that were needed."""

    def __init__(self, text, singles):
        numba = _numba()
        double = numba.float64
        scope = dict(_functions())
        exec(text, scope)
        c = numba.typeof((0.0,) * singles)
        scope["scalar"] = _compile(scope["scalar"], double, c, _array(double))
        self._loop = scope["loop"]
        self._loops = {}

    def loop(self, *key):
        """Returns the loop over numbers of a kind, with upstream gradients, with asks, or not."""
        if key not in self._loops:
            with _LOCK:
                if key not in self._loops:
                    self._loops[key] = self._compiled_loop(*key)
        return self._loops[key]

    def _compiled_loop(self, kind, multiplies, asks):
        numba = _numba()
        number, double = {"f": numba.float32, "d": numba.float64}[kind], numba.float64
        return _compile(
            self._loop,
            _array(number),
            _array(number) if multiplies else numba.none,
            number[::1],
            numba.uint8[::1] if asks else numba.none,
            double,
            double,
            _array(double),
        )


def _array(number):
    """Returns Numba's type of a flat array, which may be read-only."""
    return _numba().types.Array(number, 1, "C", readonly=True)


def _compile(function, *types):
    try:
        # Where Python raises, the expression asks.
        return _numba().njit(types, nogil=True, error_model="numpy")(function)
    except Exception as error:  # Numba has many
        raise NotCompiled("Numba: %s" % error) from None


def _numba():
    try:
        import numba
    except ImportError as error:
        raise ImportError("%s: pip install numba" % error) from None
    return numba


@functools.lru_cache(maxsize=None)
def _functions():
    """Returns what the source calls, by its name there."""
    # Numba's own functions of math may be another library's, or be computed in another way.
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    found = {}
    for name in MATH:
        if name in OPERATORS or name in OWN or not hasattr(math, name):
            continue
        try:
            found[name] = getattr(library, name)
        except AttributeError:
            raise NotCompiled("the C library has no %s" % name) from None
        found[name].argtypes = [ctypes.c_double] * (2 if name in OF_TWO else 1)
        found[name].restype = ctypes.c_double
    fmod = found["fmod"]
    floor, copysign, inf, nan, largest = np.floor, np.copysign, math.inf, math.nan, LARGEST

    def flush(number, least):
        return number * type(number)(0) if abs(number) < least else number  # with its sign

    def mod(a, b):
        rest = fmod(a, b)
        if rest == 0.0:
            return copysign(0.0, b)
        return rest + b if (b < 0.0) != (rest < 0.0) else rest

    def floordiv(a, b):
        rest = fmod(a, b)
        quotient = (a - rest) / b
        if rest != 0.0 and (b < 0.0) != (rest < 0.0):
            quotient -= 1.0
        if quotient == 0.0:
            return copysign(0.0, a / b)
        whole = floor(quotient)
        return whole + 1.0 if quotient - whole > 0.5 else whole

    # By a positive power of two all is exact, but for a quotient that is too small or too large.
    def mod_by_power(a, width, inverse):
        quotient = a * inverse
        rest = a - floor(quotient) * width
        if width > 1.0 and rest < 0.0:
            return rest + width
        if width < 1.0 and abs(quotient) == inf:
            return a - a  # 0, or of an infinity NaN
        return rest

    def floordiv_by_power(a, width, inverse):
        quotient = a * inverse
        if width > 1.0 and quotient == 0.0 and a < 0.0:
            return -1.0
        return floor(quotient) - (a - a)  # of an infinity NaN

    def ipow(a, b):
        if not b < largest:
            return nan  # the interpreter is asked
        power, rest = 1.0, np.int64(b)
        while rest > 0:
            if rest & 1:
                power *= a
            a *= a
            rest >>= 1
        return power

    def item(constants, start, size, index):
        if not -size <= index < size:
            return nan  # the interpreter is asked
        place = np.int64(index)
        return constants[start + (place + size if place < 0 else place)]

    exact = dict(sqrt=math.sqrt, copysign=copysign, floor=floor)
    exact.update(ceil=np.ceil, trunc=np.trunc, round=np.rint)
    found.update(exact, np=np, inf=inf, nan=nan)
    jit = _numba().njit(error_model="numpy")
    for function in (flush, mod, floordiv, mod_by_power, floordiv_by_power, ipow, item):
        found[function.__name__] = jit(function)
    return found
