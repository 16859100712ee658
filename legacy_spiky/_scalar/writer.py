"""Writes the values of an expression as lines of TensorFlow ops."""

import math
import re

from legacy_spiky._scalar.expression import BOOLS, values
from legacy_spiky._scalar.rules import (
    FUNCTIONS,
    LOGS,
    OPERATORS,
    POWERS,
    SIGNED,
    ending,
    is_one,
    is_polynomial,
    is_power_of_two,
    is_tame,
    sloped,
)

__all__ = ["Writer"]


class Scope:
    """Where values are written, and by which names they are known there.

    Args:
      outer: the scope around that of one side of a choice.
      lets_in: how it is written that a value of the outer one is let in.
      shared: the values that are written there for sure, and outside, as bits.
    """

    def __init__(self, outer, lets_in, shared):
        self.outer = outer
        self.lets_in = lets_in
        self.shared = shared
        self.names = {}
        self.inner = {}


class Writer:
    """Writes the lines of a function that computes a value."""

    def __init__(self, constants, differentiable):
        self.constants = constants
        self.differentiable = differentiable
        self.lines = []
        self.known = {}  # names by what was written for them
        self.counts = {"c": 0, "r": 0}  # of truths, of numbers

    def write(self, value):
        self.order = values(ending(value))
        self.logged = {v.args[0] for v in self.order if v.op in LOGS}
        self._look_around()
        # The argument is there in any case.
        root = Scope(None, None, self.shared[value] | self.argument)
        result = self._name(value, root)
        if self.differentiable and all(map(is_polynomial, self._way_back(value))):
            result = self._line("r", "_along(x, %s)" % result)
        elif value not in self.sloped:
            result = self._line("r", "_where(x < x, x, %s)" % result)  # of the shape of x
        return self.lines + ["return " + result]

    def _look_around(self):
        """Sees through which values a gradient comes, and what else there is on the way."""
        # As bits: what it comes through in any case, and what it may come through.
        self.bit, self.shared, self.all, self.sloped = {}, {}, {}, set()
        self.wild = self.argument = 0
        for value in self.order:
            slopes = [arg for arg in sloped(value) if arg in self.sloped]
            if value.op == "argument" or slopes:
                self.sloped.add(value)
                bit = self.bit[value] = 1 << len(self.bit)
                self.wild |= 0 if is_tame(value) else bit
                self.argument |= bit if value.op == "argument" else 0
            else:
                bit = 0
            self.shared[value] = self.all[value] = bit
            for arg in slopes:
                self.all[value] |= self.all[arg]
            if value.op != "select":
                for arg in slopes:
                    self.shared[value] |= self.shared[arg]
            else:
                self.shared[value] |= self.shared[value.args[1]] & self.shared[value.args[2]]

    def _way_back(self, value):
        """Returns the values that the gradient of a value comes to."""
        found, rest = set(), [value]
        while rest:
            value = rest.pop()
            if value in self.sloped and value not in found:
                found.add(value)
                rest += sloped(value)
        return found

    def _name(self, value, scope):
        """Returns the name of a value in a scope, and writes what it needs."""
        # Not by recursion: functions are longer than Python's stack.
        tasks = [(value, scope)]
        while tasks:
            value, scope = self._home(*tasks[-1])
            if value in scope.names:
                tasks.pop()
                continue
            needed = self._needed(value, scope)
            missing = [task for task in needed if self._known(*task) is None]
            if missing:
                tasks += missing[::-1]
            else:
                scope.names[value] = self._written(value, scope, needed)
                tasks.pop()
        return self._known(value, scope)

    def _home(self, value, scope):
        """Returns a value with the scope in which it is computed, or let in."""
        if value not in self.sloped:
            while scope.outer is not None:
                scope = scope.outer
        return value, scope

    def _known(self, value, scope):
        value, scope = self._home(value, scope)
        return scope.names.get(value)

    def _needed(self, value, scope):
        """Returns what a value needs: values, and in which scopes."""
        if self._comes_in(value, scope):
            return [(value, scope.outer)]
        if value.op != "select":
            return [(arg, scope) for arg in value.args]
        condition, yes, no = value.args
        needed = [(condition, scope)]
        for side, arg in enumerate((yes, no)):
            inner = scope
            if self.differentiable and self.all[arg] & ~scope.shared & self.wild:
                key = value, side
                if key not in scope.inner:
                    condition_name = self._known(condition, scope)
                    if condition_name is None:
                        return needed  # first
                    known = scope.shared | self.shared[arg]
                    lets_in = "%s(%s, %%s)" % (("_only", "_unless")[side], condition_name)
                    scope.inner[key] = Scope(scope, lets_in, known)
                inner = scope.inner[key]
            needed.append((arg, inner))
        return needed

    def _comes_in(self, value, scope):
        bit = self.bit.get(value, 0)
        return scope.outer is not None and bool(bit & scope.outer.shared)

    def _written(self, value, scope, needed):
        names = [self._known(*task) for task in needed]
        if self._comes_in(value, scope):
            return self._line("r", scope.lets_in % names[0])
        if value.op == "argument":
            return "x"
        if value.op == "constant":
            return self._constant(value)
        return self._operation(value, names)

    def _operation(self, value, names):
        op, args = value.op, value.args
        kind = "c" if value.kind in BOOLS else "r"
        if op == "convert":
            if args[0].kind not in BOOLS:
                return names[0]
            # Not tf.cast: of its product with x XLA makes 0 where it is 0, of infinity and NaN too.
            return self._line("r", "_where(%s, 1.0, 0.0)" % names[0])
        if op == "select":
            written = "_where(%s, %s, %s)" % tuple(names)
        elif op == "table":
            table = self._named(value.name or "table", tuple(map(float, value.number)))
            written = "_table(%s, %s)" % (table, self._tensor(names[0]))
        elif op in ("pow", "ipow") and args[1].op == "constant" and args[0].op != "constant":
            return self._power(value, names)
        elif op == "mod" and args[0].op != "constant" and is_power_of_two(args[1]):
            written = wrapped(names[0], args[1].number, names[1])
        elif op == "sub" and args[0].op == "exp" and is_one(args[1]):
            # The same; of exp(x) - 1 TensorFlow makes expm1, and of log(x + 1) log1p.
            written = "%s + (-1.0)" % names[0]
        elif op == "add" and value in self.logged and any(map(is_one, args)):
            written = "%s - (-1.0)" % names[is_one(args[0])]
        elif op in OPERATORS:
            if all(arg.op == "constant" for arg in args):
                names[0] = self._tensor(names[0])
            written = OPERATORS[op] % tuple(names)
        else:
            names = [self._tensor(name) for name in names]
            if op in ("mod", "fmod"):
                return self._integer(value, self._modulo(value, names))
            if op == "atan2":  # TFLite wants both of one shape
                x = names[args[0].op == "constant"]
                names = [
                    name if arg.op != "constant" else "_where(%s < %s, %s, %s)" % (x, x, x, name)
                    for name, arg in zip(names, args)
                ]
            elif op == "hypot":
                names = [", ".join(names)]
            elif op == "isnan":
                names *= 2
            written = FUNCTIONS[op] % tuple(names)
        return self._integer(value, self._line(kind, written))

    def _modulo(self, value, names):
        """Writes what has no gradient in TensorFlow: that of x - n * y, of a constant n."""
        x, y = names
        r = self._line("r", FUNCTIONS[value.op] % (x, y))
        if not self.differentiable or value not in self.sloped:
            return r
        if value.args[1] not in self.sloped:
            return self._line("r", "_sloped(%s, %s)" % (r, x))
        n = self._line("r", "tf.stop_gradient(_round((%s - %s) / %s))" % (x, r, y))
        rest = self._line("r", "%s - %s * %s" % (x, n, y))
        return self._line("r", "_tied(%s, %s)" % (r, rest))

    def _integer(self, value, name):
        if value.kind == "int" and value.op in SIGNED:
            return self._line("r", "_whole(%s)" % name)
        return name

    def _power(self, value, names):
        """Writes what is exact where TensorFlow's own is not, and has all its derivatives."""
        x, exponent = names[0], value.args[1].number
        if exponent == 0.5:
            return self._line("r", "_root(%s)" % x)
        if exponent == 0:
            return self._line("r", "_where(%s < %s, %s, 1.0)" % (x, x, x))
        if abs(exponent) > POWERS or exponent != int(exponent):
            written = FUNCTIONS[value.op] % (x, self._tensor(names[1]))
            return self._integer(value, self._line("r", written))
        rest, square, product = abs(int(exponent)), x, None
        while rest:
            if rest & 1:
                product = square if product is None else self._line("r", product + " * " + square)
            rest >>= 1
            if rest:
                square = self._line("r", "%s * %s" % (square, square))
        if exponent < 0:
            product = self._line("r", "1.0 / " + product)
        return self._integer(value, product)

    def _line(self, kind, written):
        if written not in self.known:
            self.counts[kind] += 1
            self.known[written] = "%s%d" % (kind, self.counts[kind])
            self.lines.append("%s = %s" % (self.known[written], written))
        return self.known[written]

    def _constant(self, value):
        if value.kind in BOOLS:
            return "tf.constant(%r)" % bool(value.number)
        number = float(value.number)
        if number != number:
            return "_NAN"
        if number in (math.inf, -math.inf):
            return "_INF" if number > 0 else "(-_INF)"
        if number == 0 and math.copysign(1, number) < 0:
            # Eagerly TensorFlow takes 0.0 for it, if it had that before.
            return self._line("r", "tf.math.ceil(_number(-0.5))")
        if value.name:
            return self._named(value.name, number)
        return repr(number) if number >= 0 else "(%r)" % number

    def _named(self, name, number):
        """Returns the name of a constant of the module."""
        name = "_" + (re.sub(r"\W+", "_", name).strip("_").upper() or "NUMBER")
        plain, i = name, 1
        written = re.sub(r"\b(inf|nan)\b", r'float("\1")', repr(number))  # in a table
        while self.constants.get(name, written) != written or name in ("_INF", "_NAN"):
            i += 1
            name = "%s_%d" % (plain, i)
        self.constants[name] = written
        return name

    def _tensor(self, name):
        """Returns a number as a tensor; tensors as they are."""
        return name if re.match(r"[xrc]\d*$|tf\.", name) else "_number(%s)" % name


def wrapped(x, number, width):
    """Returns how a number modulo a power of two is written."""
    if number < 0:  # it is so with the signs turned
        return "-1.0 * (%s)" % wrapped("(-1.0 * %s)" % x, -number, repr(float(-number)))
    return "x - tf.floor(x)".replace("x", x) if number == 1 else "_wrapped(%s, %s)" % (x, width)
