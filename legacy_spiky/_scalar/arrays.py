"""An expression in NumPy: the array function of a scalar function, with the interpreter's bits.

Cheap values are computed for all numbers and chosen by masks; what is dear for those alone that
take its path. Two sets of rules write the lines of it:

- Exactly: in the interpreter's operations, one for one; functions of `math` number by number.
- Where the result is rounded to less than a double: by NumPy's own functions. From there on each
  value has a bound of how far the interpreter's double may be away, which is carried along. In the
  end nearly every number rounds the same from both sides of it, and is certain (Ziv's test); the
  others are computed exactly.

https://dl.acm.org/doi/10.1145/114697.116813
"""

import collections
import functools
import itertools
import math
import re
import struct

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._arrays import silent
from legacy_spiky._scalar.expression import MATH, TRUTHS, Choice

__all__ = ["BLOCK", "array_form"]

BLOCK = 1 << 15  # numbers at once: what is computed of them stays in the cache

# What a path of its own costs more than masks, and what a function computes for all numbers, in
# additions.
_DEAR, _MUCH = 24, 40
_DEPTH = 30  # of parts in parts: they call each other

# NumPy's functions are taken to be so near to those of `math`, and tested to be four times nearer.
_BOUND = 2.0**-44
_ROUNDING = 2.0**-51  # that of one operation on either side, and twice as much again
_SMALL = 2.0**-900  # below it a relative bound may be none


def array_form(path):
    """Returns the array function of an expression.

    Args:
      path: the root `Path`.

    Returns:
      A function of a flat float64 array and the dtype that results will be rounded to. It returns a
      float64 array, which may be the argument, and a bool array of the numbers that the interpreter
      has to be asked for, or None. The others, rounded to that dtype by `_arrays.round_to`, by way
      of `_arrays.flush` or not, have the bits that the interpreter's double rounds to. It works
      best on BLOCK numbers, on any number of threads at once.
    """

    @functools.lru_cache(maxsize=None)
    def program(narrow):
        return _program(path, narrow)

    @silent
    def form(x, dtype):
        if not x.size:
            return x, None
        y, error, ask, doubt = program(dtype.itemsize < 8)(x.size, x)
        if error is not None:
            uncertain = _uncertain(y, error, dtype)
            if ask is not None:
                uncertain &= ~ask
            doubt = _either(doubt, uncertain)
        if doubt is None or not doubt.any():
            return y, ask
        where = np.flatnonzero(doubt)
        y, ask = _own(x.size, y), _own_truth(x.size, ask)
        y[where], _, asked, _ = program(False)(where.size, x.take(where))
        ask[where] = False if asked is None else asked
        return y, ask

    return form


def _program(path, narrow):
    """Returns the compiled function of a path."""
    texts = []
    part = _Part(path, narrow, None, texts)
    names = dict(_NAMES)
    exec(compile("\n".join(texts), "<array form>", "exec"), names)
    return names[part.name]


_Register = collections.namedtuple("_Register", "text error")  # error: None where it is exact


class _Part:
    """Writes the function of a path, `part(n, ...)`: the values, their errors, and who is asked.

    Each value has a register: the name of an array (of a constant, its text), and that of its
    error: how far the interpreter's number may be away, or of a truth, where it may be the other.

    Args:
      path: the path that all of its numbers take.
      narrow: whether the result is rounded to less than a double.
      outer: the part that this one gets values from, or None.
      texts: where its text goes.
    """

    def __init__(self, path, narrow, outer, texts):
        self.narrow = narrow
        self.outer = outer
        self.depth = outer.depth + 1 if outer else 0
        self.texts = texts
        self.registers = {}
        self.inputs = []  # the names of registers outside and in here
        self.lines = []
        self.asks = []  # where the interpreter is asked
        self.doubts = []  # and where that, or which path is taken, is not certain
        self.cost = 0
        self.count = 0
        self.result = self._write(path)
        self.name = "part%d" % len(texts)
        texts.append(self._text())

    def _text(self):
        masks = _either_of(self.asks), _either_of(self.doubts)
        end = "return %s, %s, %s, %s" % (tuple(self.result) + masks)
        lines, used = [end], set(_names(end))
        for line in self.lines[::-1]:
            # What is not needed any more gives its memory, which is in the cache, to the next one.
            last = sorted(set(_names(line)) - used)
            used.update(last)
            lines += ["del " + ", ".join(last)] * bool(last) + [line]
        inputs = ["n"] + [inside for _, inside in self.inputs]
        if self.outer is None:
            self.inputs = self.inputs or [(None, "v0")]
            inputs = ["n", self.inputs[0][1]]
        head = "def %s(%s):" % (self.name, ", ".join(inputs))
        return "\n    ".join([head] + lines[::-1])

    # The path, and those that it leads to.

    def _write(self, path):
        ends, order, overlays = {}, [], []
        rest = collections.deque([(path, None)])
        while rest:
            part, mask = rest.popleft()
            order.append(part)
            for condition in part.asks:
                condition = self._truth(condition)
                self._note(self.asks, mask, condition.text)
                self._note(self.doubts, mask, condition.error)
            if part.end is None:
                self._note(self.asks, mask, self._full("True"))
            elif isinstance(part.end, Choice):
                condition = self._truth(part.end.condition)
                self._note(self.doubts, mask, condition.error)
                for side, text in [(part.end.yes, ""), (part.end.no, "~")]:
                    text += condition.text
                    apart = self._apart(side)
                    (overlays if apart else rest).append((side, self._both(mask, text)))
            else:
                ends[part] = self._number(part.end)
        for part in order[::-1]:
            if isinstance(part.end, Choice):
                yes, no = ends.get(part.end.yes), ends.get(part.end.no)
                if yes and no and yes != no:
                    # Where the condition is not certain the interpreter is asked.
                    condition = _Register(self._truth(part.end.condition).text, None)
                    ends[part] = self._select(condition, yes, no)
                elif yes or no:
                    ends[part] = yes or no
        result = ends.get(path) or _Register("0.0", None)
        return self._overlaid(result, overlays)

    def _apart(self, path):
        """Returns whether a path is written as a part of its own, for the numbers that take it."""
        cost = self._cost_of(path)
        if self.depth == _DEPTH:
            return False
        if cost > _DEAR or (self.cost + cost > _MUCH and (cost > 8 or type(path.end) is Choice)):
            return True
        self.cost += cost
        return False

    def _cost_of(self, path):
        end = path.end.condition if isinstance(path.end, Choice) else path.end
        rest, seen, cost = path.asks + ([end] if end else []), set(), 0
        while rest and cost <= _MUCH:
            value = rest.pop()
            if value not in seen and not self._find(value, False):
                seen.add(value)
                cost += self._cost(value)
                rest += value.args
        return cost

    def _cost(self, value):
        if value.op in ("constant", "argument"):
            return 0
        if value.op in _DIRECT or value.op in _COMPARED:
            return 1
        if value.op in ("mod", "floordiv"):
            return 4 if _divides_fast(value.args[1]) else 100
        if value.op in MATH + ["pow"] and value.op not in ("sqrt", "copysign"):
            near = _nears_power(value) if value.op == "pow" else _fast(value.op)
            return 10 if self.narrow and near else 400
        return 4

    def _overlaid(self, result, overlays):
        """Writes values that are computed for those numbers that take a path of their own."""
        if not overlays:
            return result if result.text[0] == "v" else _Register(self._full(result.text), None)
        parts = [_Part(side, self.narrow, self, self.texts) for side, _ in overlays]
        y = self._line("own(n, %s)" % result.text)
        error = None
        if result.error or any(part.result.error for part in parts):
            error = self._line("own(n, %s)" % (result.error or "0.0"))
        outputs = [y, error]
        for name in ("asks", "doubts"):
            output = None
            if any(getattr(part, name) for part in parts):
                output = self._line("own_truth(n, %s)" % _either_of(getattr(self, name)))
                setattr(self, name, [output])
            outputs.append(output)
        outputs = ", ".join(map(str, outputs))
        for part, (_, mask) in zip(parts, overlays):
            inputs = "".join(outside + ", " for outside, _ in part.inputs)
            self.lines.append("overlay(%s, %s, (%s), %s)" % (mask, part.name, inputs, outputs))
        return _Register(y, error)

    def _note(self, masks, mask, text):
        if text is not None:
            masks.append(self._both(mask, text))

    # Registers.

    def _new(self):
        self.count += 1
        return "v%d" % self.count

    def _line(self, text):
        name = self._new()
        self.lines.append("%s = %s" % (name, text))
        return name

    def _lines(self, text):
        """Writes what gives the values and the errors."""
        name, error = self._new(), self._new()
        self.lines.append("%s, %s = %s" % (name, error, text))
        return _Register(name, error)

    def _once(self, text):
        name = self.registers.get(text)
        if name is None:
            name = self.registers[text] = self._line(text)
        return name

    def _both(self, mask, text):
        return self._once("%s & %s" % (mask, text)) if mask else text

    def _not(self, text):
        return self._once("~" + text)

    def _full(self, text):
        return self._once("full(n, %s)" % text)

    def _find(self, value, exact):
        """Returns the register of a value, or None: in here, or from outside."""
        found = self.registers.get((value, False))
        if found is None or (exact and found.error):
            found = self.registers.get((value, True)) if exact else None
        if found is None and value.op == "constant":
            found = self.registers[value, False] = _Register(_literal(value.number), None)
        if found is None and value.op == "argument" and self.outer is None:
            found = self._input(value, exact, _Register(None, None))
        if found is None and self.outer is not None:
            outside = self.outer._find(value, exact)
            if outside is not None:
                found = self._input(value, exact, outside)
        return found

    def _input(self, value, exact, outside):
        names = [self._new(), None]
        self.inputs.append((outside.text, names[0]))
        if outside.error:
            names[1] = self._new()
            self.inputs.append((outside.error, names[1]))
        found = self.registers[value, exact and bool(outside.error)] = _Register(*names)
        return found

    def _value(self, value, exact=False):
        """Returns the register of a value, writing what computes it."""
        rest, wanted = [(value, exact)], (value, exact)
        while rest:
            value, exact = rest.pop()
            if self._find(value, exact):
                continue
            missing = [(arg, exact) for arg in value.args if not self._find(arg, exact)]
            if not missing:
                args = [self._find(arg, exact) for arg in value.args]
                if any(arg.error for arg in args) and not self._carries(value, args):
                    # There is no bound for it: what it is made of has to be exact.
                    missing = [(arg, True) for arg in value.args if not self._find(arg, True)]
                    args = [self._find(arg, True) for arg in value.args]
            if missing:
                rest += [(value, exact)] + missing
                continue
            written = self._write_value(value, args, exact or not self.narrow)
            self.registers[value, exact] = written
            if not written.error:
                self.registers[value, False] = written
        return self._find(*wanted)

    def _number(self, value):
        """Returns the register of a value as a number."""
        return self._as_number(value, self._value(value))

    def _as_number(self, value, found):
        if value.kind not in _TRUTHS or value.op == "constant":
            return found
        text = self._once("%s.astype(float64)" % found.text)
        error = found.error and self._once("endless(%s)" % found.error)
        return _Register(text, error)

    def _truth(self, value):
        found = self._value(value)
        if value.op == "constant":
            return _Register(self._full(str(bool(value.number))), None)
        return found

    def _carries(self, value, args):
        """Returns whether there is a rule for the bound of a value of such that have one."""
        if value.op == "pow":
            return not args[1].error and _nears_power(value)
        if value.op in ("mod", "floordiv"):
            return not args[1].error
        if value.op in _CARRIED:
            return _fast(value.op) is not None
        return value.op in TRUTHS + ["sqrt", "copysign"] or value.op not in MATH + ["ipow"]

    # Operations.

    def _write_value(self, value, args, exact):
        op = value.op
        if op in ("not", "and", "or", "xor"):
            return self._write_truth(op, [self._truth(arg) for arg in value.args])
        numbers = [self._as_number(*pair) for pair in zip(value.args, args)]
        if op == "select":
            return self._select(self._truth(value.args[0]), *numbers[1:])
        args = numbers
        if all(arg.op == "constant" for arg in value.args):
            args = [_Register(self._full(arg.text), None) for arg in args]
        if any(arg.error for arg in args):
            return self._write_uncertain(value, args)
        return self._write_exact(value, args, exact)

    def _write_truth(self, op, args):
        text = "~%s" if op == "not" else "%%s %s %%s" % {"and": "&", "or": "|", "xor": "^"}[op]
        errors = [arg.error for arg in args if arg.error]
        error = self._line(" | ".join(errors)) if errors else None
        return _Register(self._line(text % tuple(arg.text for arg in args)), error)

    def _select(self, condition, yes, no):
        mask = self._once("mask(%s)" % condition.text)
        text = self._line("choose(%s, %s, %s)" % (mask, _pattern(yes.text), _pattern(no.text)))
        error = None
        if yes.error or no.error:
            error = "choose(%s, %s, %s)" % (mask, yes.error or 0, no.error or 0)
            error = self._line(error)
        if condition.error:
            uncertain = self._line("endless(%s)" % condition.error)
            error = self._line("%s + %s" % (error, uncertain)) if error else uncertain
        return _Register(text, error)

    def _write_exact(self, value, args, exact):
        op, texts = value.op, [arg.text for arg in args]
        whole = " + 0.0" if value.kind == "int" else ""
        text = None
        if op == "neg":
            text = ("0.0 - %s" if whole else "-%s") % texts[0]
        elif op == "div" and _is_power_of_two(value.args[1]):
            text = "%s * %s" % (texts[0], _literal(1 / float(value.args[1].number)))
        elif op == "mul":
            text = "%s * %s%s" % (texts[0], texts[1], whole)
        elif op in _DIRECT:
            text = "%s %s %s" % (texts[0], _DIRECT[op], texts[1]) if len(texts) == 2 else None
            text = text or _DIRECT[op] % texts[0]
            if op in ("floor", "ceil", "trunc", "round"):
                text += whole
        elif op == "convert":
            if value.kind in _TRUTHS:
                text = "%s != 0.0" % texts[0]
            else:
                return args[0]
        elif op in ("mod", "floordiv"):
            fast = _divides_fast(value.args[1])
            if op == "mod" and fast and value.args[1].number == 1:
                text = "%s - floor(%s)" % (texts[0], texts[0])
            else:
                name = "fast_divmod" if fast else "python_divmod"
                text = "%s(%s, %s)[%d]%s" % (name, texts[0], texts[1], op == "mod", whole)
        elif op == "ipow":
            text = "rint(each(pow, None, %s, %s)[0])" % tuple(texts)
        elif op == "table":
            text = "table(%s, %s)" % (self._table(value.number), texts[0])
        elif op in ("copysign", "fmod"):
            text = "%s(%s, %s)" % (op, texts[0], texts[1])
        elif op == "pow" and not exact and _nears_power(value):
            return self._lines("power(%s, None, %s)" % tuple(texts))
        elif op != "pow" and not exact and _fast(op) and not (op == "hypot" and len(texts) != 2):
            return self._lines("near_%s(%s)" % (op, ", ".join(texts)))
        else:
            # Where that raises the interpreter is asked: all numbers in here come there.
            asked = _either_of(self.asks)
            found = self._lines("each(%s, %s, %s)" % (op, asked, ", ".join(texts)))
            self.asks.append(found.error)
            return _Register(found.text, None)
        return _Register(self._line(text), None)

    def _write_uncertain(self, value, args):
        op = value.op
        pairs = ", ".join("%s, %s" % arg for arg in args)
        whole = value.kind == "int"
        if op in ("neg", "abs"):
            text = ("0.0 - %s" if whole else "-%s") if op == "neg" else "abs(%s)"
            return _Register(self._line(text % args[0].text), args[0].error)
        if op in _COMPARED:
            return self._lines("compared(%s, %s)" % (_COMPARED[op], pairs))
        if op in TRUTHS:
            return self._lines("classified(%s, %s)" % (op, pairs))
        if op == "convert":
            if value.kind in _TRUTHS:
                return self._lines("compared(not_equal, %s, 0.0, None)" % pairs)
            return args[0]
        if op in ("floor", "ceil", "trunc", "round"):
            found = self._lines("stepped(%s, %s)" % (op, pairs))
        elif op in ("mod", "floordiv"):
            found = self._lines("divided(%r, %s, %s, %s)" % ((op,) + args[0] + (args[1].text,)))
        elif op == "table":
            text = "table(%s, %s)" % (self._table(value.number), args[0].text)
            return _Register(self._line(text), args[0].error)
        elif op == "pow":
            return self._lines("power(%s, %s, %s)" % (args[0] + (args[1].text,)))
        else:
            found = self._lines("near_%s(%s)" % (op, pairs))
        if whole and op not in ("add", "sub"):
            return _Register(self._line(found.text + " + 0.0"), found.error)
        return found

    def _table(self, numbers):
        return "(%s,)" % ", ".join(_literal(number) for number in numbers)


_TRUTHS = "bool", "bool_"


def _names(text):
    return re.findall(r"\bv\d+\b", text)


def _either_of(masks):
    """Returns the text of where one of them is true, or None."""
    return "either(%s)" % ", ".join(masks) if masks else "None"


def _literal(number):
    text = repr(float(number))
    return "(%s)" % text if text[0] == "-" else text


def _pattern(text):
    """Returns a constant as the integer of its bits, other texts as they are."""
    if text[0] == "v":
        return text
    return str(struct.unpack("<q", struct.pack("<d", float(text.strip("()"))))[0])


def _is_power_of_two(value):
    if value.op != "constant":
        return False
    fraction, exponent = math.frexp(value.number)
    return abs(fraction) == 0.5 and abs(exponent) < 1000


# A quotient below it times a divisor of few bits is exact.
_QUOTIENT = 2.0**26


def _divides_fast(value):
    """Returns whether a value is a constant of few bits: its products by quotients are exact."""
    if value.op != "constant" or not 2.0**-900 < abs(value.number) < 2.0**900:
        return False
    return (math.frexp(value.number)[0] * 2.0**26).is_integer()


def _nears_power(value):
    power = value.args[1]
    return (power.op == "constant" and _by_products(power.number)) or _fast("pow") is not None


def _by_products(power):
    return power == 0.5 or (float(power).is_integer() and 0 < abs(power) <= 64)


# What the lines call. Errors are absolute bounds, of one who computes in double, too: each is twice
# what it has to be and more, so that its own rounding does not count.


def _either(*masks):
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found | mask
    return found


def _own(n, y):
    return np.array(y) if isinstance(y, np.ndarray) else np.full(n, y)


def _own_truth(n, mask):
    return np.zeros(n, bool) if mask is None else np.array(mask)


def _overlay(mask, part, inputs, y, error, ask, doubt):
    """Computes a part for the numbers of a mask, and writes what it gives to the arrays."""
    where = np.flatnonzero(mask)
    if not where.size:
        return
    if where.size < mask.size:
        inputs = [x.take(where) for x in inputs]
    y[where], errors, *masks = part(where.size, *inputs)
    if error is not None:
        error[where] = 0.0 if errors is None else errors
    for whole, found in zip((ask, doubt), masks):
        if found is not None:
            whole[where] |= found


def _mask(truth):
    """Returns integers of which all bits are set, or none."""
    return np.negative(truth.view(np.int8)).astype(np.int64)


def _choose(mask, yes, no):
    """As np.where, of arrays and the bits of constants; masks that nobody foresees cost nothing."""
    yes, no = [x.view(np.int64) if isinstance(x, np.ndarray) else x for x in (yes, no)]
    if isinstance(no, int) and no == 0:
        return (mask & yes).view(np.float64)
    if isinstance(yes, int) and yes == 0:
        return (~mask & no).view(np.float64)
    return ((yes ^ no) & mask ^ no).view(np.float64)


def _endless(mask):
    return np.where(mask, np.inf, 0.0)


def _table(numbers, places):
    # Where the place is none the interpreter is asked. (mode="wrap" counts down from it.)
    places = np.where(places < 0, places + len(numbers), places)
    return np.take(numbers, places.astype(np.int64), mode="clip")


def _each(function, skipped, *arrays):
    """Calls a function of `math` for each number but those skipped, and says where it raises."""
    n = max(x.size for x in arrays if isinstance(x, np.ndarray))
    if skipped is not None and skipped.any():
        where, y = np.flatnonzero(~skipped), np.zeros(n)
        raises = np.zeros(n, bool)
        if where.size:
            taken = [x.take(where) if isinstance(x, np.ndarray) else x for x in arrays]
            y[where], found = _each(function, None, *taken)
            raises[where] = False if found is None else found
        return y, raises
    lists = [
        x.tolist() if isinstance(x, np.ndarray) else itertools.repeat(float(x)) for x in arrays
    ]
    try:
        return np.fromiter(map(function, *lists), np.float64, n), None
    except (ArithmeticError, ValueError):
        pass
    # Infinite: of a power of integers, the interpreter is asked where it is too large.
    y, raises = np.full(n, np.inf), np.zeros(n, bool)
    for i, numbers in enumerate(zip(*lists)):
        try:
            y[i] = function(*numbers)
        except (ArithmeticError, ValueError):
            raises[i] = True
    return y, raises


def _python_divmod(a, b):
    """Python's // and % of floats."""
    mod = np.fmod(a, b)
    div = (a - mod) / b
    off = (mod != 0) & (np.less(b, 0) != (mod < 0))
    mod, div = np.where(off, mod + b, mod), np.where(off, div - 1, div)
    mod = np.where(mod == 0, np.copysign(0.0, b), mod)
    floor = np.floor(div)
    floor = np.where(div - floor > 0.5, floor + 1, floor)
    return np.where(div == 0, np.copysign(0.0, a / b), floor), mod


def _fast_divmod(a, b):
    """The same, by a constant of few bits."""
    fraction, _ = math.frexp(b)
    power = abs(fraction) == 0.5
    quotient = np.floor(a * (1 / b) if power else a / b)
    # Exact, or the rest rounded once, where it is between 0 and b: what the quotient's rounding
    # does wrong puts it outside, and so do an overflow and an underflow.
    rest = a - quotient * b
    low, high = min(b, 0.0), max(b, 0.0)
    if not (rest.min() >= low and rest.max() <= high) or not (
        power or (quotient.min() >= -_QUOTIENT and quotient.max() <= _QUOTIENT)
    ):
        long = ~((rest >= low) & (rest <= high))
        if not power:
            long |= ~(abs(quotient) <= _QUOTIENT)
        quotient[long], rest[long] = _python_divmod(a[long], b)
    if b < 0:
        rest = np.copysign(rest, b)
    return quotient, rest


def _unless_small(y, size, error, exact):
    """Bounds are relative to numbers that have all of their bits."""
    if not size.min() >= _SMALL:
        error[(size < _SMALL) & ~((y == 0) & exact())] = np.inf
    return error


def _is_zero(x, error):
    return np.equal(x, 0) if error is None else np.equal(x, 0) & (error == 0)


def _near_sum(a, a_error, b, b_error, y):
    error = abs(y)
    error *= _ROUNDING
    for other in (a_error, b_error):
        if other is not None:
            error += other
    return y, error


def _near_add(a, a_error, b, b_error):
    return _near_sum(a, a_error, b, b_error, a + b)


def _near_sub(a, a_error, b, b_error):
    return _near_sum(a, a_error, b, b_error, a - b)


def _near_mul(a, a_error, b, b_error):
    y = a * b
    size = abs(y)
    error = size * _ROUNDING
    if a_error is not None:
        error += a_error * abs(b)
    if b_error is not None:
        error += b_error * (abs(a) if a_error is None else abs(a) + a_error)

    def exact():
        return _is_zero(a, a_error) | _is_zero(b, b_error)

    return y, _unless_small(y, size, error, exact)


def _near_div(a, a_error, b, b_error):
    y = a / b
    size = abs(y)
    error = size * _ROUNDING
    if b_error is None:
        error += a_error / abs(b)
    else:
        missing = size * b_error if a_error is None else size * b_error + a_error
        error += missing / np.maximum(abs(b) - b_error, 0.0)
    return y, _unless_small(y, size, error, lambda: _is_zero(a, a_error))


def _near_sqrt(a, a_error):
    y = np.sqrt(a)
    return y, np.where(a_error == 0, 0.0, a_error / y + y * _ROUNDING)


def _near_copysign(a, a_error, b, b_error):
    y = np.copysign(a, b)
    error = np.zeros_like(y) if a_error is None else a_error
    if b_error is not None:
        # NaN has a sign, too.
        error = error + _endless(~(abs(b) > b_error) & ~(b_error == 0))
    return y, error


def _compared(function, a, a_error, b, b_error):
    error = a_error if b_error is None else b_error if a_error is None else a_error + b_error
    return function(a, b), ~(abs(a - b) > error)


def _classified(function, a, a_error):
    return function(a), ~np.isfinite(2 * (abs(a) + a_error))


def _stepped(function, a, error):
    y = function(a)
    # The sign of a zero is that of the number.
    same = (function(a - error) == function(a + error)) & ((abs(a) > error) | (error == 0))
    return y, _endless(~same)


def _divided(op, a, error, b):
    div, mod = _python_divmod(a, b)
    size = abs(mod)
    same = (size > 2 * error) & (abs(b) - size > 2 * error) | (error == 0)
    if op == "floordiv":
        return div, _endless(~same)
    return mod, np.where(same, error + (size + abs(b)) * _ROUNDING * (error > 0), np.inf)


def _power(a, error, b):
    """The power by a number or an array that is exact."""
    if not isinstance(b, np.ndarray) and _by_products(b):
        y = np.sqrt(abs(a)) if b == 0.5 else _products(a, int(abs(b)))
        y = 1 / y if b < 0 else y
    else:
        y = _fast("pow")(a, b)
    size = abs(y)
    bound = size * _BOUND
    if not size.max() <= 1 / _SMALL:
        bound[~(size <= 1 / _SMALL)] = np.inf
    if error is not None:
        # Of the logarithm.
        apart = np.where(error == 0, 0.0, error / np.maximum(abs(a) - error, 0.0))
        bound += size * np.expm1(abs(b) * apart)
    return y, _unless_small(y, size, bound, lambda: _is_zero(a, error))


def _products(a, power):
    y = None
    while power:
        if power & 1:
            y = a if y is None else y * a
        power >>= 1
        if power:
            a = a * a
    return y


def _uncertain(y, error, dtype):
    """Returns where numbers within the errors do not all round to the same bits."""
    low, high = [_arrays.widen(_arrays.round_to(end, dtype)) for end in (y - error, y + error)]
    found = ~(low == high)
    size = abs(y)
    tiny, rounds_to_tiny = _arrays.limits(dtype)
    if not size.min() >= (2 * tiny or 2.0**-14):
        # The sign of what rounds to 0, and where what is flushed ends.
        found |= (error > 0) & ((size <= error) | (abs(size - rounds_to_tiny) <= error))
    return found


# NumPy's functions, for those of `math`.
_NUMPY = {name: name for name in MATH if hasattr(np, name) and name not in TRUTHS}
_NUMPY.update((name, name.replace("a", "arc", 1)) for name in MATH if name[0] == "a")
_NUMPY["pow"] = "power"
for _name in ("sqrt", "copysign", "fmod"):  # exact
    del _NUMPY[_name]

# How far apart a function's values are, at most, at numbers that are `e` apart: of its value `y` at
# a number `a`. (e is twice what it has to be.)
_CARRIED = {
    "exp": lambda y, a, e: y * np.expm1(e),
    "exp2": lambda y, a, e: y * np.expm1(e),
    "expm1": lambda y, a, e: (y + (1 + 2.0**-40)) * np.expm1(e),
    "log": lambda y, a, e: e / np.maximum(a - e, 0.0),
    "log2": lambda y, a, e: 1.5 * e / np.maximum(a - e, 0.0),
    "log10": lambda y, a, e: e / np.maximum(a - e, 0.0),
    "log1p": lambda y, a, e: e / np.maximum(1 + a - e, 0.0),
    "cosh": lambda y, a, e: y * np.expm1(e),
    "sinh": lambda y, a, e: (abs(y) + 1) * np.expm1(e),
}
_CARRIED.update((name, lambda y, a, e: e) for name in "asinh atan cos sin tanh".split())

_FROM_ZERO = "exp", "exp2"  # they come down to 0, and have fewer bits there
_THROUGH_ZERO = "asin asinh atan atan2 atanh cbrt expm1 hypot log1p sin sinh tan tanh".split()


def _near(name, *arrays):
    a, a_error = arrays if name in _CARRIED and len(arrays) == 2 else (arrays[0], None)
    y = _fast(name)(*arrays[: 1 if a_error is not None else None])
    size = abs(y)
    error = size * _BOUND
    if name in _FROM_ZERO:
        error = np.maximum(error, _SMALL)
    elif name in _THROUGH_ZERO:
        _unless_small(y, size, error, lambda: np.equal(a, 0))
    if a_error is not None:
        error += _CARRIED[name](y, a, a_error)
    return y, error


@functools.lru_cache(maxsize=None)
def _fast(name):
    """Returns NumPy's function for one of `math` where it is near enough here, or None."""
    if name not in _NUMPY or not hasattr(math, name):
        return None
    function, reference = getattr(np, _NUMPY[name]), getattr(math, name)
    samples = _samples(name)
    values, raises = _each(reference, None, *samples)
    with np.errstate(all="ignore"):
        given = function(*samples)
        near = abs(given - values) <= abs(values) * (_BOUND / 4)
    near &= np.signbit(given) == np.signbit(values)
    ordinary = (abs(values) > 1e-300) & (abs(values) < 1e300) | (samples[0] == 0)
    if raises is not None:
        ordinary &= ~raises
    return function if near[ordinary].all() else None


def _samples(name):
    random = np.random.RandomState(0)
    spread = random.uniform(-1, 1, 200) * 2.0 ** random.uniform(-60, 10, 200)
    turns = np.arange(-40, 41) * (math.pi / 2)
    numbers = np.concatenate(
        [
            random.uniform(-1, 1, 300),
            random.uniform(-30, 30, 300),
            random.uniform(-750, 750, 100),
            spread,
            abs(spread),
            1 + spread / 2**8,
            turns,
            turns * (1 + 2.0**-20),
            turns * 1e5,
            np.arange(-20, 21) / 4,
            2.0 ** np.arange(-300, 300, 7),
            [-0.0, np.inf, -np.inf],
        ]
    )
    if name not in ("atan2", "hypot", "pow"):
        return [numbers]
    first = random.permutation(numbers)
    return [abs(first) if name == "pow" else first, numbers / (64 if name == "pow" else 1)]


_DIRECT = {"add": "+", "sub": "-", "mul": "*", "div": "/", "abs": "abs(%s)", "round": "rint(%s)"}
_DIRECT.update(lt="<", le="<=", gt=">", ge=">=", eq="==", ne="!=", neg="-%s")
_DIRECT.update((name, name + "(%s)") for name in TRUTHS + "ceil floor sqrt trunc".split())
_COMPARED = dict(lt="less", le="less_equal", gt="greater", ge="greater_equal")
_COMPARED.update(eq="equal", ne="not_equal")

_NAMES = {name: getattr(math, name) for name in MATH if hasattr(math, name)}
for _name in "copysign fmod sqrt".split() + TRUTHS + sorted(_COMPARED.values()):
    _NAMES[_name] = getattr(np, _name)
_NAMES.update({"near_" + name: functools.partial(_near, name) for name in _NUMPY})
_NAMES.update(
    {
        function.__name__[1:]: function
        for function in [
            _choose,
            _classified,
            _compared,
            _divided,
            _each,
            _either,
            _endless,
            _fast_divmod,
            _mask,
            _near_add,
            _near_copysign,
            _near_div,
            _near_mul,
            _near_sqrt,
            _near_sub,
            _overlay,
            _own,
            _own_truth,
            _power,
            _python_divmod,
            _stepped,
            _table,
        ]
    }
)
for _name in "ceil floor full rint trunc float64".split():
    _NAMES[_name] = getattr(np, _name)
_NAMES.update(abs=abs, inf=np.inf, nan=np.nan, round=np.rint)
