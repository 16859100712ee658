"""The functions of Python's, of `math` and of NumPy that work on what stands for a number."""

import math

import numpy as np

from legacy_spiky._scalar.expression import TRUTHS
from legacy_spiky._scalar.number import KINDS, Number

__all__ = ["KNOWN"]


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
        kind = KINDS[run.settled(x)._value.kind]
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
