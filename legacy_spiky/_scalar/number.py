"""The stand-in for a number while a scalar function is read: notes what is done to it."""

import numpy as np

from legacy_spiky._scalar.expression import COMPARISONS

__all__ = ["KINDS", "NAMES", "NamedFloat", "NamedInt", "Number"]

KINDS = {"float": float, "int": int, "bool": bool, "float64": np.float64, "bool_": np.bool_}
NAMES = {kind: name for name, kind in KINDS.items()}


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
