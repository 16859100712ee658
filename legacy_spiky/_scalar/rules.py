"""How TensorFlow writes operations, and what is known of their derivatives."""

import math

from legacy_spiky._scalar.expression import BOOLS, Path

__all__ = [
    "FUNCTIONS",
    "LACKING",
    "LOGS",
    "OPERATORS",
    "POWERS",
    "SIGNED",
    "STEPS",
    "ending",
    "is_constant",
    "is_one",
    "is_polynomial",
    "is_power_of_two",
    "is_tame",
    "sloped",
]


# What TensorFlow has no op for, nor what makes one.
LACKING = ("gamma",)


# How operations are written: of numbers, which may stand there as they are, and of tensors.
OPERATORS = {
    "neg": "-1.0 * %s",  # -x of 0.0 is 0.0 up to TensorFlow 2.4
    "add": "%s + %s",
    "sub": "%s - %s",
    "mul": "%s * %s",
    "div": "%s / %s",
    "lt": "%s < %s",
    "le": "%s <= %s",
    "gt": "%s > %s",
    "ge": "%s >= %s",
}


FUNCTIONS = {
    "eq": "tf.equal(%s, %s)",
    "ne": "tf.not_equal(%s, %s)",
    "not": "tf.cast(%s, _DTYPE) < 0.5",  # of not x > y a graph makes x <= y, wrong for NaN
    "and": "tf.logical_and(%s, %s)",
    "or": "tf.logical_or(%s, %s)",
    "xor": "tf.math.logical_xor(%s, %s)",
    "isnan": "tf.not_equal(%s, %s)",
    "isinf": "tf.equal(tf.abs(%s), _INF)",
    "isfinite": "tf.abs(%s) < _INF",
    "trunc": "_trunc(%s)",
    "round": "_round(%s)",
    "ceil": "tf.math.ceil(%s)",
    "mod": "_mod(%s, %s)",
    "floordiv": "_floordiv(%s, %s)",
    "fmod": "_fmod(%s, %s)",
    "pow": "tf.pow(%s, %s)",
    "ipow": "_round(tf.pow(%s, %s))",
    "copysign": "_copysign(%s, %s)",
    "cbrt": "_cbrt(%s)",
    "erf": "_erf(%s)",
    "hypot": "_hypot(%s)",
    "exp2": "tf.pow(_number(2.0), %s)",
    "log2": "tf.math.log(%%s) / %r" % math.log(2),
    "log10": "tf.math.log(%%s) / %r" % math.log(10),
}


for _op in "abs exp floor sqrt".split():
    FUNCTIONS[_op] = "tf.%s(%%s)" % _op


for _op in "acos acosh asin asinh atan atanh cos cosh erfc expm1 lgamma log log1p".split():
    FUNCTIONS[_op] = "tf.math.%s(%%s)" % _op


for _op in "sin sinh tan tanh".split():
    FUNCTIONS[_op] = "tf.math.%s(%%s)" % _op


FUNCTIONS["atan2"] = "tf.math.atan2(%s, %s)"


# Of integers these may give -0.0, which no integer is.
SIGNED = "neg mul mod floordiv ipow trunc floor round ceil".split()


LOGS = "log", "log2", "log10"


# Steps: their derivative is 0 where they have one. So is that of a truth.
STEPS = "constant table floordiv trunc floor round ceil".split()


POWERS = 8  # up to here integer powers are products


def ending(value):
    path = Path()
    path.end = value
    return path


def sloped(value):
    """Returns those of the arguments through which a gradient comes."""
    if value.kind in BOOLS or value.op in STEPS:
        return ()
    if value.op == "select":
        return value.args[1:]
    return value.args[:1] if value.op == "copysign" else value.args


def is_constant(value, least=0.0):
    """Whether a value is a finite constant, at least so large."""
    if value.op != "constant":
        return False
    return least <= abs(value.number) <= 1e30


def is_tame(value):
    """Whether the derivative of an operation is finite, whatever its arguments are."""
    if value.op in "argument neg add sub select convert copysign".split():
        return True
    if value.op == "mul":
        return any(map(is_constant, value.args))
    return value.op in ("div", "mod") and is_constant(value.args[1], 1e-30)


def is_polynomial(value):
    """Whether a derivative of some order is 0, which TensorFlow makes a None."""
    if value.op in ("pow", "ipow"):
        return is_constant(value.args[1]) and value.args[1].number in range(POWERS + 1)
    return is_tame(value) or value.op in ("abs", "mul", "mod", "fmod")


def is_one(value):
    return value.op == "constant" and value.number == 1


def is_power_of_two(value):
    return is_constant(value, 2.0**-50) and math.frexp(value.number)[0] in (0.5, -0.5)
