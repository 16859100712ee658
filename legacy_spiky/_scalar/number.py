"""The stand-in for a number while a scalar function is read: notes what is done to it."""

import math
import operator

import numpy as np

from legacy_spiky._scalar.expression import COMPARISONS, LARGEST, TRUTHS, Value

__all__ = ["Arithmetic", "KNOWN", "NamedFloat", "NamedInt", "Number"]

_TRUTHS = "bool", "bool_"
_KINDS = {"float": float, "int": int, "bool": bool, "float64": np.float64, "bool_": np.bool_}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_LEAST = 2.0**-1022  # the least normal number


class NamedFloat(float):
    """A constant of the user's, which has a `name`."""


class NamedInt(int):
    """A constant of the user's, which has a `name`."""


class Number:
    """A number that is known by how it is computed.

    Args:
      run: the reader that it is of.
      value: its `Value`.
      sides: where it is an integer or a float, which Python tells apart: the condition and the
        two numbers; its value is that as a float.
    """

    __slots__ = "_run", "_value", "_sides"

    # NumPy's scalars leave operations with it to it.
    __array_ufunc__ = None

    def __init__(self, run, value, sides=None):
        self._run = run
        self._value = value
        self._sides = sides

    def __bool__(self):
        return self._run.decide(self._run.truth(self._value))

    def __getattr__(self, name):
        self._run.stop("it uses the attribute %s of a number" % name)

    def __hash__(self):
        self._run.stop("it looks a number up in a dict or a set")

    def __index__(self):
        self._run.stop("how often a loop runs, or which element it takes, depends on the argument")

    def __float__(self):
        self._run.stop("it gives a number to a function that is not read")

    __int__ = __complex__ = __float__

    def __repr__(self):
        return self._run.text()

    def __format__(self, how):
        return self._run.text()

    def __neg__(self):
        return self._run.unary("neg", self)

    def __pos__(self):
        value = self._run.settled(self)._value
        return self._run.number(self._run.as_number(value))

    def __abs__(self):
        return self._run.unary("abs", self)

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __round__(self, digits=None):
        if digits is not None:
            self._run.stop("it rounds to decimal places")
        return self._run.whole("round", self)

    def __trunc__(self):
        return self._run.whole("trunc", self)

    def __floor__(self):
        return self._run.whole("floor", self)

    def __ceil__(self):
        return self._run.whole("ceil", self)

    def __pow__(self, other, modulo=None):
        if modulo is not None:
            self._run.stop("it takes a power with a modulus")
        return self._run.binary("pow", self, other)

    def __rpow__(self, other, modulo=None):
        return self._run.binary("pow", other, self)


def _add(name, op, swapped=None):
    setattr(Number, "__%s__" % name, lambda self, other: self._run.binary(op, self, other))
    if swapped:
        setattr(Number, "__%s__" % swapped, lambda self, other: self._run.binary(op, other, self))


for _op in ("add", "sub", "mul", "mod", "floordiv", "and", "or", "xor", "lshift", "rshift"):
    _add(_op, _op, "r" + _op)
_add("truediv", "div", "rtruediv")
for _op in COMPARISONS:
    _add(_op, _op)
Number.__invert__ = lambda self: self._run.stop("it works on the bits of integers")

_NATIVE = {"div": operator.truediv, "and": operator.and_, "or": operator.or_}


class Arithmetic:
    """Python's rules: what is computed of values, and where the interpreter has to be asked.

    A reader has `value`, `ask`, `decide`, `stop`, `end`, `text` and `ranges`, too.
    """

    def number(self, x):
        """Returns a Number for one, a Value or a number of Python's; None for what is none."""
        if isinstance(x, Number):
            return x
        if isinstance(x, Value):
            return Number(self, x)
        if isinstance(x, (NamedFloat, NamedInt)):
            plain = float(x) if isinstance(x, NamedFloat) else int(x)
            return Number(self, self.constant(plain, x.name))
        return Number(self, self.constant(x)) if type(x) in _NAMES else None

    def constant(self, number, name=None):
        return self.value("constant", (), _NAMES[type(number)], number, name)

    def as_number(self, value):
        """Returns a truth as 0 or 1, other values as they are."""
        if value.kind not in _TRUTHS:
            return value
        return self.value("convert", (value,), "int" if value.kind == "bool" else "float64")

    def truth(self, value):
        return value if value.kind in _TRUTHS else self.compare("ne", value, 0)

    def compare(self, op, a, b):
        """Returns the truth of a comparison of values, or with a number."""
        b = b if isinstance(b, Value) else self.constant(b)
        numpy = {a.kind, b.kind} & {"float64", "bool_"}
        return self.value(op, (a, b), "bool_" if numpy else "bool")

    def settled(self, x):
        """Returns a Number that is an integer or a float, not either."""
        while x._sides is not None:
            condition, yes, no = x._sides
            x = yes if self.decide(condition) else no
        return x

    def unary(self, op, x):
        x = self.settled(x)
        value = self.as_number(x._value)
        if value.op == "constant":
            return self.number(getattr(operator, op)(value.number))
        return Number(self, self.value(op, (value,), value.kind))

    def binary(self, op, a, b):
        given = a, b
        a, b = self.number(a), self.number(b)
        if a is None or b is None:
            self._foreign(*given)
            return NotImplemented
        comparison = op in COMPARISONS
        if a._sides is not None or b._sides is not None:
            other = b if a._sides is not None else a
            mixes = other._sides is None and other._value.kind in ("float", "float64")
            if not (comparison or (mixes and op in ("add", "sub", "mul", "div"))):
                a, b = self.settled(a), self.settled(b)
        a, b = a._value, b._value
        if a.op == b.op == "constant":
            native = _NATIVE.get(op) or getattr(operator, op)
            return self.number(native(a.number, b.number))
        if op in ("and", "or", "xor", "lshift", "rshift"):
            return self.bits(op, Number(self, a), Number(self, b))
        kinds = {a.kind, b.kind}
        large = [x for x in (a, b) if x.kind == "int" and self.bound(x) > LARGEST]
        if comparison:
            if any(not _is_double(x.number) for x in large):
                self.stop("it compares with an integer that no double holds")
            a, b = [self.constant(float(x.number)) if x in large else x for x in (a, b)]
            return Number(self, self.compare(op, self.as_number(a), self.as_number(b)))
        kind = "float" if "float" in kinds else "int"
        if kinds & {"float64", "bool_"}:
            kind = "float64"
            if op in ("mod", "floordiv", "pow") or not kinds & {"float", "float64"}:
                self.stop("it computes with a number of NumPy's, which has rules of its own")
        if kind == "int":
            if large:
                self.end("its integers are larger than a double holds")
            if op == "pow":
                return self.power_of_integers(a, b)
        a, b = [self.constant(float(x.number)) if x in large else x for x in (a, b)]
        a, b = self.as_number(a), self.as_number(b)
        if op == "pow":
            return Number(self, self.power(a, b))
        if op in ("div", "mod", "floordiv"):
            if b.op == "constant" and b.number == 0 and kind != "float64":
                raise ZeroDivisionError
            if b.op != "constant":
                self.ask(self.compare("eq", b, 0))
        if op == "div" and kind == "int":
            kind = "float"
        value = self.value(op, (a, b), kind)
        if kind == "int" and self.bound(value) >= LARGEST:
            self.ask(self.compare("ge", self.value("abs", (value,), "int"), LARGEST))
        if kind == "float64":
            self.ask_numpy(op, value)
        return Number(self, value)

    def _foreign(self, *given):
        """Stops at what computes with numbers of other types; a text or a list does not."""
        for x in given:
            if not isinstance(x, (Number, int, float, str, list, tuple, dict, type(None))):
                self.stop("it computes with a number of type %s" % type(x).__name__)

    def ask_numpy(self, op, value):
        """Asks where NumPy may have to say something: `np.errstate` is the user's."""
        self.ask(self.value("not", (self.value("isfinite", (value,), "bool"),), "bool"))
        if op in ("mul", "div"):
            small = self.compare("lt", self.value("abs", (value,), "float64"), _LEAST)
            for x in value.args[: 2 if op == "mul" else 1]:
                if x.op != "constant":
                    small = self.value("and", (small, self.compare("ne", x, 0)), "bool")
            self.ask(small)

    def bits(self, op, a, b):
        a, b = a._value, b._value
        if a.kind in _TRUTHS and b.kind in _TRUTHS and op in ("and", "or", "xor"):
            return Number(self, self.value(op, (a, b), a.kind if a.kind == b.kind else "bool_"))
        if {a.kind, b.kind} <= {"int", "bool", "bool_"}:
            self.stop("it works on the bits of integers")
        return NotImplemented

    def power(self, a, b):
        value = self.value("pow", (a, b), "float")
        if b.op == "constant" and float(b.number).is_integer():
            if b.number < 0:
                self.ask(self.compare("eq", a, 0))
        elif a.op != "constant" or a.number < 0:
            self.ask(self.compare("lt", a, 0))
        if a.op == "constant" and a.number == 0:
            self.ask(self.compare("lt", b, 0))
        self.ask(self.value("isinf", (value,), "bool"))
        return value

    def power_of_integers(self, a, b):
        a, b = self.as_number(a), self.as_number(b)
        if self.decide(self.compare("lt", b, 0)) if b.op != "constant" else b.number < 0:
            return Number(self, self.power(a, b))
        value = self.value("ipow", (a, b), "int")
        if self.bound(value) >= LARGEST:
            self.ask(self.compare("ge", self.value("abs", (value,), "int"), LARGEST))
        return Number(self, value)

    def select(self, condition, yes, no):
        """Returns one of two numbers: without a fork in the path, where it need not be known."""
        a, b = self.number(yes), self.number(no)
        known = a is not None and b is not None
        kinds = {a._value.kind, b._value.kind} if known else {None}
        large = known and any(
            x._value.kind == "int" and self.bound(x._value) > LARGEST for x in (a, b)
        )
        if large or not (kinds <= {"int", "float"} or kinds == {"float64"}):
            return yes if condition else no
        sides = None
        if len(kinds) > 1 or a._sides is not None or b._sides is not None:
            kinds, sides = {"float"}, (condition._value, a, b)
            # The same number: an integer is held as a double.
            a, b = [Number(self, self.floating(x)) for x in (a, b)]
        return Number(
            self, self.value("select", (condition._value, a._value, b._value), kinds.pop()), sides
        )

    def whole(self, op, x):
        """Returns a number as an integer."""
        value = self.as_number(self.settled(self.number(x))._value)
        if value.kind == "int":
            return Number(self, value)
        if value.kind == "float64" and op == "round":
            self.stop("it rounds a number of NumPy's, which has rules of its own")
        small = self.compare("lt", self.value("abs", (value,), value.kind), LARGEST)
        self.ask(self.value("not", (small,), "bool"))
        return Number(self, self.value(op, (value,), "int"))

    def floating(self, x):
        """Returns the Value of a number as a float."""
        value = self.as_number(self.number(x)._value)
        if value.kind == "int" and value.op == "constant":
            return self.constant(float(value.number))
        return value

    def bound(self, value):
        """Returns what the absolute of an integer is at most."""
        return max(map(abs, self.ranges.of(value)))


def _is_double(number):
    try:
        return float(number) == number
    except OverflowError:
        return False


# Functions that are read: what they do with at least one Number among their arguments.


def _extreme(op):
    def rule(run, *numbers):
        if len(numbers) == 1:
            numbers = tuple(numbers[0])
        best = numbers[0]
        for x in numbers[1:]:
            better = run.binary(op, x, best)
            if better is NotImplemented:
                raise TypeError("what is no number is compared with one")
            if not isinstance(better, Number):  # of two constants
                best = x if better else best
                continue
            best = run.select(better, x, best)
        return best

    return rule


def _to_int(run, x=0):
    return run.whole("trunc", x)


def _to_float(run, x=0.0):
    value = run.floating(x)
    return Number(run, run.value("convert", (value,), "float") if value.kind == "int" else value)


def _to_float64(run, x=0.0):
    return Number(run, run.value("convert", (run.floating(x),), "float64"))


def _is_instance(run, x, classes):
    if isinstance(x, Number):
        kind = _KINDS[run.settled(x)._value.kind]
        return issubclass(kind, run.classes(classes))
    return isinstance(x, run.classes(classes))


def _whole(op):
    return lambda run, x: run.whole(op, run.number(x))


def _scaled(factor):
    return lambda run, x: run.binary("mul", Number(run, run.floating(x)), factor)


# Where the interpreter raises, or may, of the argument and the value.
_ASKED = {
    "exp": [("gt", 709.0)],
    "expm1": [("gt", 709.0)],
    "exp2": [("gt", 1023.0)],
    "log": [("le", 0.0)],
    "log2": [("le", 0.0)],
    "log10": [("le", 0.0)],
    "log1p": [("le", -1.0)],
    "acosh": [("lt", 1.0)],
    "asin": [("gt", 1.0), ("lt", -1.0)],
    "acos": [("gt", 1.0), ("lt", -1.0)],
    "atanh": [("ge", 1.0), ("le", -1.0)],
    "cosh": [("gt", 709.0), ("lt", -709.0)],
    "sinh": [("gt", 709.0), ("lt", -709.0)],
    "sqrt": [("lt", 0.0)],
    "sin": [("eq", math.inf), ("eq", -math.inf)],
    "cos": [("eq", math.inf), ("eq", -math.inf)],
    "tan": [("eq", math.inf), ("eq", -math.inf)],
    "gamma": [("lt", 1e-300), ("gt", 171.0)],
    "lgamma": [("le", 0.0), ("gt", 1e300)],
}

_OF_TWO = "atan2", "copysign", "fmod", "pow"


def _math(name, kind="float"):
    def rule(run, *numbers):
        values = tuple(run.floating(x) for x in numbers)
        if name == "log" and len(values) == 2:
            return rule(run, numbers[0]) / rule(run, numbers[1])
        if name != "hypot" and len(values) != 1 + (name in _OF_TWO):
            raise TypeError("math.%s takes another number of arguments" % name)
        if all(value.op == "constant" for value in values):
            return run.number(getattr(math, name)(*[value.number for value in values]))
        for op, bound in _ASKED.get(name, ()):
            run.ask(run.compare(op, values[0], bound))
        if name == "pow":
            return Number(run, run.power(*values))
        if name == "fmod":
            run.ask(run.compare("eq", values[1], 0))
            run.ask(run.value("isinf", values[:1], "bool"))
        value = run.value(name, values, kind)
        if name == "hypot":
            run.ask(run.value("isinf", (value,), "bool"))
        return Number(run, value)

    return rule


def _numpy(op):
    """Returns the rule of a function of NumPy's that gives a number of its kind."""
    function = getattr(np, op)

    def rule(run, *numbers):
        function(*[0.5] * len(numbers))  # an error where it takes another number of them
        if any(run.number(x)._value.kind in ("int", "bool", "bool_") for x in numbers):
            run.stop("it gives an integer to NumPy, which has rules of its own")
        values = tuple(run.floating(x) for x in numbers)
        if op == "sqrt":
            run.ask(run.compare("lt", values[0], 0.0))
        return Number(run, run.value(op, values, "bool_" if op in TRUTHS else "float64"))

    return rule


def _fabs(run, x):
    return Number(run, run.value("abs", (run.floating(x),), "float"))


KNOWN = {
    max: _extreme("gt"),
    min: _extreme("lt"),
    int: _to_int,
    float: _to_float,
    np.float64: _to_float64,
    isinstance: _is_instance,
    math.fabs: _fabs,
    math.degrees: _scaled(math.degrees(1.0)),
    math.radians: _scaled(math.radians(1.0)),
}
for _op in ("floor", "ceil", "trunc"):
    KNOWN[getattr(math, _op)] = _whole(_op)
for _op in set(_ASKED) | set("atan2 atan asinh tanh erf erfc cbrt copysign fmod hypot pow".split()):
    if hasattr(math, _op):  # cbrt and exp2 since Python 3.11
        KNOWN[getattr(math, _op)] = _math(_op)
for _op in TRUTHS:
    KNOWN[getattr(math, _op)] = _math(_op, "bool")
for _op in "abs ceil copysign fabs floor isfinite isinf isnan sqrt trunc".split():
    KNOWN[getattr(np, _op)] = _numpy(_op.replace("fabs", "abs"))
