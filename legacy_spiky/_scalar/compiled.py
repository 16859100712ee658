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

from legacy_spiky._scalar.expression import LARGEST, MATH, Choice, paths

__all__ = ["NotCompiled", "compiled_form"]


class NotCompiled(Exception):
    """Why an expression has no compiled form."""


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
    source = _Source(path)
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


# The others are called by their name.
_OPERATORS = {
    "neg": "-{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "not": "not {0}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "select": "{1} if {0} else {2}",
    "isfinite": "abs({0}) < inf",
    "isinf": "abs({0}) == inf",
    "isnan": "{0} != {0}",
}
# What may be -0.0 where Python has the integer 0.
_SIGNED = "neg mul mod floordiv trunc floor ceil round ipow".split()
_TRUTHS = "bool", "bool_"

_OWN = "gamma hypot lgamma".split()  # the interpreter's own code, with last bits of its own
_OF_TWO = "atan2 copysign fmod pow".split()
_MOST = 300  # operations, which Numba takes some 3 s for; for twice as many, four times as long

_LOOP = """
def loop(x, upstream, y, asked, least, rounds_to_least, constants):
    dtype = x.dtype.type
    least_of_dtype = dtype(least)
    anywhere = False
    c = (%s)
    for i in range(x.size):
        number = np.float64(flush(x[i], least_of_dtype))  # float() would leave float32
        result, ask = scalar(number, c, constants)
        rounded = dtype(flush(result, rounds_to_least))
        if upstream is not None:
            rounded = flush(rounded * flush(upstream[i], least_of_dtype), least_of_dtype)
        if asked is not None:
            asked[i] = ask
            anywhere |= ask
        y[i] = rounded
    return anywhere
"""


class _Source:
    """An expression as source: `scalar`, of one number and the constants, and the loop with it.

    `scalar` gives the result, and whether the interpreter has to be asked. It returns from within
    its branches; inlined in the loop, that becomes selects, and the loop vectors, where no function
    is called. Constants are read before the loop: within it `y` could be the same memory.
    """

    def __init__(self, path):
        self.constants = []
        self.asks = False
        self.singles = []  # the places of those that are not in a table
        self._lines = []
        self._indent = ""
        self._count = 0
        self._names = {}  # of the values that are computed on the way to this place
        self._computed = []  # the same, in order
        self._write(path)
        scalar = ["def scalar(x, c, constants):"] + self._lines
        loop = _LOOP % "".join(map("constants[{}], ".format, self.singles))
        self.text = "\n".join(scalar) + "\n" + loop

    def _write(self, path):
        """Writes what is done on a path and on those that it leads to."""
        sizes = {}
        for part in reversed(list(paths(path))):
            sides = _sides(part)
            sizes[id(part)] = 1 + sum(sizes[id(side)] for side in sides)
        rest = [(path, 1, "False", 0)]
        while rest:
            path, depth, asked, count = rest.pop()
            while len(self._computed) > count:  # they are on another path
                del self._names[id(self._computed.pop())]
            self._indent = " " * depth
            for ask in path.asks:
                self.asks = True
                name = self._name(ask)
                asked = name if asked == "False" else self._assign("%s | %s" % (asked, name))
            if path.end is None:
                self.asks = True
                self._line("return nan, True")
            elif isinstance(path.end, Choice):
                # Python has 100 levels: the larger side stays on this one.
                condition = self._name(path.end.condition)
                small, large = sorted(_sides(path), key=lambda side: sizes[id(side)])
                self._line("if %s%s:" % ("" if small is path.end.yes else "not ", condition))
                count = len(self._computed)
                rest += [(large, depth, asked, count), (small, depth + 1, asked, count)]
            else:
                result = self._name(path.end)
                number = "1.0 if %s else 0.0" if path.end.kind in _TRUTHS else "%s"
                self._line("return (%s), %s" % (number % result, asked))

    def _line(self, text):
        self._lines.append(self._indent + text)

    def _assign(self, text):
        self._count += 1
        if self._count > _MOST:
            raise NotCompiled("it has more than %d operations, for which Numba takes long" % _MOST)
        self._line("v%d = %s" % (self._count, text))
        return "v%d" % self._count

    def _name(self, value):
        """Returns the name of a value, after lines for what it is made of and for itself."""
        rest = [value]
        while rest:
            last = rest[-1]
            missing = [arg for arg in last.args if not self._is_there(arg)]
            if missing and not self._is_there(last):
                rest += missing[::-1]
                continue
            rest.pop()
            if not self._is_there(last):
                self._names[id(last)] = self._assign(self._text(last))
                self._computed.append(last)
        return self._read(value)

    def _is_there(self, value):
        return value.op in ("argument", "constant") or id(value) in self._names

    def _read(self, value):
        """Returns the name of a value that is there; each time a new one for a constant.

        Whether two of a function's constants are equal then does not count.
        """
        if value.op == "argument":
            return "x"
        if value.op == "constant":
            if value.kind in _TRUTHS:
                return str(bool(value.number))
            self.singles.append(len(self.constants))
            self.constants.append(float(value.number))
            return "c[%d]" % (len(self.singles) - 1)
        return self._names[id(value)]

    def _text(self, value):
        """Returns what computes a value."""
        op, args = value.op, value.args
        if op in _OWN:
            words = "math.%s is the interpreter's own code, whose last bits are not the C library's"
            raise NotCompiled(words % op)
        if op == "convert":
            return self._converted(value)
        if op == "table":
            start = len(self.constants)
            self.constants += map(float, value.number)
            item = "item(constants, %d, %d, %s)" % (start, len(value.number), self._read(args[0]))
            return item + " != 0.0" * (value.kind in _TRUTHS)
        width = _power_of_two(args[1]) if op in ("div", "mod", "floordiv") else None
        if width is not None:
            text = self._divided(op, self._read(args[0]), width)
        elif op == "ipow" and args[1].op == "constant":
            text = "ipow(%s, %d)" % (self._read(args[0]), args[1].number)
        else:
            names = [self._read(arg) for arg in args]
            call = "%s(%s)" % (op, ", ".join(names))
            text = _OPERATORS.get(op, call).format(*names)
        return text + " + 0.0" * (value.kind == "int" and op in _SIGNED)

    def _converted(self, value):
        arg = value.args[0]
        name = self._read(arg)
        if (arg.kind in _TRUTHS) == (value.kind in _TRUTHS):
            return name
        return name + " != 0.0" if value.kind in _TRUTHS else "1.0 if %s else 0.0" % name

    def _divided(self, op, name, width):
        """Returns what divides by a power of two, which is to multiply by another one."""
        if op == "div":
            return "%s * %r" % (name, 1 / width)
        minus = "-" * (width < 0)
        call = "%s_by_power(%s%s, %r, %r)" % (op, minus, name, abs(width), abs(1 / width))
        return call if op == "floordiv" else minus + call


def _sides(path):
    return [path.end.yes, path.end.no] if isinstance(path.end, Choice) else []


def _power_of_two(value):
    """Returns the number of a constant that is a power of two to divide by; else None."""
    if value.op == "constant" and abs(math.frexp(value.number)[0]) == 0.5:
        # The multiples of larger ones are not all numbers.
        if 2.0**-970 <= abs(value.number) <= 2.0**970:
            return float(value.number)
    return None


@functools.lru_cache(maxsize=None)
def _functions():
    """Returns what the source calls, by its name there."""
    # Numba's own functions of math may be another library's, or be computed in another way.
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    found = {}
    for name in MATH:
        if name in _OPERATORS or name in _OWN or not hasattr(math, name):
            continue
        try:
            found[name] = getattr(library, name)
        except AttributeError:
            raise NotCompiled("the C library has no %s" % name) from None
        found[name].argtypes = [ctypes.c_double] * (2 if name in _OF_TWO else 1)
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
