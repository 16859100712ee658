"""Between which numbers a value lies: what need not be asked, and which paths nobody takes."""

import math

from legacy_spiky._scalar.expression import COMPARISONS, LARGEST

__all__ = ["Facts", "Ranges"]

_INF = math.inf
_OF = {
    "exp": (0.0, _INF),
    "exp2": (0.0, _INF),
    "cosh": (1.0, _INF),
    "sqrt": (0.0, _INF),
    "tanh": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
    "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


class Ranges:
    """The least and the greatest number that values can be, if they are not NaN."""

    def __init__(self):
        self.found = {}

    def of(self, value):
        if value not in self.found:
            lo, hi = self._of(value)
            if lo != lo or hi != hi:
                lo, hi = -_INF, _INF
            if value.kind == "int" and value.op != "constant":  # beyond, the interpreter is asked
                lo, hi = max(lo, -LARGEST), min(hi, LARGEST)
            self.found[value] = lo, hi
        return self.found[value]

    def _of(self, value):
        op = value.op
        if op == "constant":
            return value.number, value.number
        if value.kind in ("bool", "bool_"):
            return 0, 1
        if op == "table":
            return min(value.number), max(value.number)
        if op in _OF:
            return _OF[op]
        ranges = [self.of(x) for x in value.args]
        if op == "select":
            return min(ranges[1][0], ranges[2][0]), max(ranges[1][1], ranges[2][1])
        if not ranges:
            return -_INF, _INF
        lo, hi = ranges[0]
        if op == "neg":
            return -hi, -lo
        if op == "abs":
            return max(lo, -hi, 0), max(-lo, hi)
        if op == "convert":
            return lo, hi
        if op in ("add", "sub"):
            other = ranges[1] if op == "add" else (-ranges[1][1], -ranges[1][0])
            return lo + other[0], hi + other[1]
        if op == "mul":
            products = [_times(x, y) for x in (lo, hi) for y in ranges[1]]
            return min(products), max(products)
        if op == "mod" and ranges[1][0] == ranges[1][1] > 0:
            return 0, ranges[1][1]
        if op == "pow" and value.args[1].op == "constant" and value.args[1].number % 2 == 0:
            return 0, _INF
        if op == "ipow" and hi < _INF and lo > -_INF and 0 <= ranges[1][1] < 64:
            largest = _power(max(-lo, hi, 1), ranges[1][1])
            return 0 if lo >= 0 else -largest, largest
        return -_INF, _INF

    def never(self, condition):
        """Whether a condition is false for each number."""
        op = condition.op
        if op == "and":
            return any(map(self.never, condition.args))
        if op == "isinf":
            lo, hi = self.of(condition.args[0])
            return -_INF < lo and hi < _INF
        if op not in COMPARISONS or op == "ne":
            return False
        (lo, hi), (least, greatest) = map(self.of, condition.args)
        if op == "eq":
            return hi < least or greatest < lo
        if op in ("gt", "ge"):
            lo, least, hi, greatest = least, lo, greatest, hi
        return lo > greatest or (lo == greatest and op in ("lt", "gt"))


def _times(x, y):
    return 0 if x == 0 or y == 0 else x * y  # 0 times what grows without bound is 0 or NaN


def _power(x, y):
    try:
        return x**y
    except OverflowError:
        return _INF


class Facts:
    """What is known on a path of the values that were compared with constants."""

    def __init__(self):
        self.known = {}

    def _parts(self, condition):
        """Returns what is compared, how, and with which number; None for other conditions."""
        if condition.op not in _MIRRORED and condition.op != "eq":
            return None
        a, b = condition.args
        if b.op == "constant" and b.number == b.number:
            return a, condition.op, b.number
        if a.op == "constant" and a.number == a.number:
            return b, _MIRRORED.get(condition.op, "eq"), a.number
        return None

    def learn(self, condition, side):
        parts = self._parts(condition)
        if parts is None:
            return
        value, op, number = parts
        lo, hi, is_number = self.known.get(value, ((-_INF, False), (_INF, False), False))
        if side:
            is_number = True
        elif op == "eq":
            return
        else:
            op = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}[op]
        # Whether the end itself is left out is the second part: it sorts as it should.
        if op in ("gt", "ge", "eq"):
            lo = max(lo, (number, op == "gt"))
        if op in ("lt", "le", "eq"):
            hi = min(hi, (number, op != "lt"))
        self.known[value] = lo, hi, is_number

    def implied(self, condition):
        """Returns on which side of a condition the path is, or None where that is open."""
        parts = self._parts(condition)
        if parts is None or parts[0] not in self.known:
            return None
        value, op, number = parts
        (lo, lo_out), (hi, hi_in), is_number = self.known[value]
        above = lo > number or (lo == number and lo_out)  # each number is
        below = hi < number or (hi == number and not hi_in)
        at_least, at_most = lo >= number, hi <= number
        true, false = {
            "lt": (below, at_least),
            "le": (at_most, above),
            "gt": (above, at_most),
            "ge": (at_least, below),
            "eq": (at_least and at_most, above or below),
        }[op]
        return False if false else (True if true and is_number else None)
