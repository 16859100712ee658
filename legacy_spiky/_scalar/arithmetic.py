"""Python's rules of arithmetic, kind by kind, for what stands for numbers."""

import operator

from legacy_spiky._scalar.expression import BOOLS, COMPARISONS, LARGEST, Value
from legacy_spiky._scalar.number import NAMES, NamedFloat, NamedInt, Number

__all__ = ["Arithmetic"]

_LEAST = 2.0**-1022  # the least normal number


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
        return Number(self, self.constant(x)) if type(x) in NAMES else None

    def constant(self, number, name=None):
        return self.value("constant", (), NAMES[type(number)], number, name)

    def as_number(self, value):
        """Returns a truth as 0 or 1, other values as they are."""
        if value.kind not in BOOLS:
            return value
        return self.value("convert", (value,), "int" if value.kind == "bool" else "float64")

    def truth(self, value):
        return value if value.kind in BOOLS else self.compare("ne", value, 0)

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
        if a.kind in BOOLS and b.kind in BOOLS and op in ("and", "or", "xor"):
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
