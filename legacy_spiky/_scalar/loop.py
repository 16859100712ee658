"""An expression written out as Python source, for Numba: a function of a number, and the loop."""

import math

from legacy_spiky._scalar.expression import BOOLS, Choice, paths

__all__ = ["NotCompiled", "OF_TWO", "OPERATORS", "OWN", "Source"]


class NotCompiled(Exception):
    """Why an expression has no compiled form."""


# The others are called by their name.
OPERATORS = {
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


OWN = "gamma hypot lgamma".split()  # the interpreter's own code, with last bits of its own


OF_TWO = "atan2 copysign fmod pow".split()


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


class Source:
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
                number = "1.0 if %s else 0.0" if path.end.kind in BOOLS else "%s"
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
            if value.kind in BOOLS:
                return str(bool(value.number))
            self.singles.append(len(self.constants))
            self.constants.append(float(value.number))
            return "c[%d]" % (len(self.singles) - 1)
        return self._names[id(value)]

    def _text(self, value):
        """Returns what computes a value."""
        op, args = value.op, value.args
        if op in OWN:
            words = "math.%s is the interpreter's own code, whose last bits are not the C library's"
            raise NotCompiled(words % op)
        if op == "convert":
            return self._converted(value)
        if op == "table":
            start = len(self.constants)
            self.constants += map(float, value.number)
            item = "item(constants, %d, %d, %s)" % (start, len(value.number), self._read(args[0]))
            return item + " != 0.0" * (value.kind in BOOLS)
        width = _power_of_two(args[1]) if op in ("div", "mod", "floordiv") else None
        if width is not None:
            text = self._divided(op, self._read(args[0]), width)
        elif op == "ipow" and args[1].op == "constant":
            text = "ipow(%s, %d)" % (self._read(args[0]), args[1].number)
        else:
            names = [self._read(arg) for arg in args]
            call = "%s(%s)" % (op, ", ".join(names))
            text = OPERATORS.get(op, call).format(*names)
        return text + " + 0.0" * (value.kind == "int" and op in _SIGNED)

    def _converted(self, value):
        arg = value.args[0]
        name = self._read(arg)
        if (arg.kind in BOOLS) == (value.kind in BOOLS):
            return name
        return name + " != 0.0" if value.kind in BOOLS else "1.0 if %s else 0.0" % name

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
