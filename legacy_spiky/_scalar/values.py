"""The values of a part of an array form: each has a register, and a line that computes it."""

import collections
import struct

from legacy_spiky._scalar.bounds import CARRIED, by_products, fast
from legacy_spiky._scalar.exact import divides_fast, is_power_of_two
from legacy_spiky._scalar.expression import BOOLS, MATH, TRUTHS

__all__ = [
    "COMPARED",
    "DIRECT",
    "Register",
    "Values",
    "either_of",
    "literal",
    "nears_power",
    "pattern",
]

Register = collections.namedtuple("_Register", "text error")  # error: None where it is exact


def either_of(masks):
    """Returns the text of where one of them is true, or None."""
    return "either(%s)" % ", ".join(masks) if masks else "None"


def literal(number):
    text = repr(float(number))
    return "(%s)" % text if text[0] == "-" else text


def pattern(text):
    """Returns a constant as the integer of its bits, other texts as they are."""
    if text[0] == "v":
        return text
    return str(struct.unpack("<q", struct.pack("<d", float(text.strip("()"))))[0])


def nears_power(value):
    power = value.args[1]
    return (power.op == "constant" and by_products(power.number)) or fast("pow") is not None


DIRECT = {"add": "+", "sub": "-", "mul": "*", "div": "/", "abs": "abs(%s)", "round": "rint(%s)"}


DIRECT.update(lt="<", le="<=", gt=">", ge=">=", eq="==", ne="!=", neg="-%s")


DIRECT.update((name, name + "(%s)") for name in TRUTHS + "ceil floor sqrt trunc".split())


COMPARED = dict(lt="less", le="less_equal", gt="greater", ge="greater_equal")


COMPARED.update(eq="equal", ne="not_equal")


class Values:
    """Writes what computes values, each once.

    Each value has a register: the name of an array (of a constant, its text), and that of its
    error: how far the interpreter's number may be away, or of a truth, where it may be the other.

    Args:
      narrow: whether the result is rounded to less than a double.
      outer: the values that these ones are made of, or None.
    """

    def __init__(self, narrow, outer):
        self.narrow = narrow
        self.outer = outer
        self.registers = {}
        self.inputs = []  # the names of registers outside and in here
        self.lines = []
        self.asks = []  # where the interpreter is asked
        self.count = 0

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
        return Register(name, error)

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
            found = self.registers[value, False] = Register(literal(value.number), None)
        if found is None and value.op == "argument" and self.outer is None:
            found = self._input(value, exact, Register(None, None))
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
        found = self.registers[value, exact and bool(outside.error)] = Register(*names)
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
        if value.kind not in BOOLS or value.op == "constant":
            return found
        text = self._once("%s.astype(float64)" % found.text)
        error = found.error and self._once("endless(%s)" % found.error)
        return Register(text, error)

    def _truth(self, value):
        found = self._value(value)
        if value.op == "constant":
            return Register(self._full(str(bool(value.number))), None)
        return found

    def _carries(self, value, args):
        """Returns whether there is a rule for the bound of a value of such that have one."""
        if value.op == "pow":
            return not args[1].error and nears_power(value)
        if value.op in ("mod", "floordiv"):
            return not args[1].error
        if value.op in CARRIED:
            return fast(value.op) is not None
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
            args = [Register(self._full(arg.text), None) for arg in args]
        if any(arg.error for arg in args):
            return self._write_uncertain(value, args)
        return self._write_exact(value, args, exact)

    def _write_truth(self, op, args):
        text = "~%s" if op == "not" else "%%s %s %%s" % {"and": "&", "or": "|", "xor": "^"}[op]
        errors = [arg.error for arg in args if arg.error]
        error = self._line(" | ".join(errors)) if errors else None
        return Register(self._line(text % tuple(arg.text for arg in args)), error)

    def _select(self, condition, yes, no):
        mask = self._once("mask(%s)" % condition.text)
        text = self._line("choose(%s, %s, %s)" % (mask, pattern(yes.text), pattern(no.text)))
        error = None
        if yes.error or no.error:
            error = "choose(%s, %s, %s)" % (mask, yes.error or 0, no.error or 0)
            error = self._line(error)
        if condition.error:
            uncertain = self._line("endless(%s)" % condition.error)
            error = self._line("%s + %s" % (error, uncertain)) if error else uncertain
        return Register(text, error)

    def _write_exact(self, value, args, exact):
        op, texts = value.op, [arg.text for arg in args]
        whole = " + 0.0" if value.kind == "int" else ""
        text = None
        if op == "neg":
            text = ("0.0 - %s" if whole else "-%s") % texts[0]
        elif op == "div" and is_power_of_two(value.args[1]):
            text = "%s * %s" % (texts[0], literal(1 / float(value.args[1].number)))
        elif op == "mul":
            text = "%s * %s%s" % (texts[0], texts[1], whole)
        elif op in DIRECT:
            text = "%s %s %s" % (texts[0], DIRECT[op], texts[1]) if len(texts) == 2 else None
            text = text or DIRECT[op] % texts[0]
            if op in ("floor", "ceil", "trunc", "round"):
                text += whole
        elif op == "convert":
            if value.kind in BOOLS:
                text = "%s != 0.0" % texts[0]
            else:
                return args[0]
        elif op in ("mod", "floordiv"):
            short = divides_fast(value.args[1])
            if op == "mod" and short and value.args[1].number == 1:
                text = "%s - floor(%s)" % (texts[0], texts[0])
            else:
                name = "fast_divmod" if short else "python_divmod"
                text = "%s(%s, %s)[%d]%s" % (name, texts[0], texts[1], op == "mod", whole)
        elif op == "ipow":
            text = "rint(each(pow, None, %s, %s)[0])" % tuple(texts)
        elif op == "table":
            text = "table(%s, %s)" % (self._table(value.number), texts[0])
        elif op in ("copysign", "fmod"):
            text = "%s(%s, %s)" % (op, texts[0], texts[1])
        elif op == "pow" and not exact and nears_power(value):
            return self._lines("power(%s, None, %s)" % tuple(texts))
        elif op != "pow" and not exact and fast(op) and not (op == "hypot" and len(texts) != 2):
            return self._lines("near_%s(%s)" % (op, ", ".join(texts)))
        else:
            # Where that raises the interpreter is asked: all numbers in here come there.
            asked = either_of(self.asks)
            found = self._lines("each(%s, %s, %s)" % (op, asked, ", ".join(texts)))
            self.asks.append(found.error)
            return Register(found.text, None)
        return Register(self._line(text), None)

    def _write_uncertain(self, value, args):
        op = value.op
        pairs = ", ".join("%s, %s" % arg for arg in args)
        whole = value.kind == "int"
        if op in ("neg", "abs"):
            text = ("0.0 - %s" if whole else "-%s") if op == "neg" else "abs(%s)"
            return Register(self._line(text % args[0].text), args[0].error)
        if op in COMPARED:
            return self._lines("compared(%s, %s)" % (COMPARED[op], pairs))
        if op in TRUTHS:
            return self._lines("classified(%s, %s)" % (op, pairs))
        if op == "convert":
            if value.kind in BOOLS:
                return self._lines("compared(not_equal, %s, 0.0, None)" % pairs)
            return args[0]
        if op in ("floor", "ceil", "trunc", "round"):
            found = self._lines("stepped(%s, %s)" % (op, pairs))
        elif op in ("mod", "floordiv"):
            found = self._lines("divided(%r, %s, %s, %s)" % ((op,) + args[0] + (args[1].text,)))
        elif op == "table":
            text = "table(%s, %s)" % (self._table(value.number), args[0].text)
            return Register(self._line(text), args[0].error)
        elif op == "pow":
            return self._lines("power(%s, %s, %s)" % (args[0] + (args[1].text,)))
        else:
            found = self._lines("near_%s(%s)" % (op, pairs))
        if whole and op not in ("add", "sub"):
            return Register(self._line(found.text + " + 0.0"), found.error)
        return found

    def _table(self, numbers):
        return "(%s,)" % ", ".join(literal(number) for number in numbers)
