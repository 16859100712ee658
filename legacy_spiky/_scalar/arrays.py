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
import math
import re

import numpy as np

from legacy_spiky._arrays import silent
from legacy_spiky._scalar import bounds, exact
from legacy_spiky._scalar.bounds import NUMPY, fast, near, uncertain
from legacy_spiky._scalar.exact import either, own, own_truth
from legacy_spiky._scalar.expression import MATH, TRUTHS, Choice
from legacy_spiky._scalar.values import (
    COMPARED,
    DIRECT,
    Register,
    Values,
    divides_fast,
    either_of,
    nears_power,
)

__all__ = ["BLOCK", "array_form"]

BLOCK = 1 << 15  # numbers at once: what is computed of them stays in the cache

# What a path of its own costs more than masks, and what a function computes for all numbers, in
# additions.
_DEAR, _MUCH = 24, 40
_DEPTH = 30  # of parts in parts: they call each other


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
            unsure = uncertain(y, error, dtype)
            if ask is not None:
                unsure &= ~ask
            doubt = either(doubt, unsure)
        if doubt is None or not doubt.any():
            return y, ask
        where = np.flatnonzero(doubt)
        y, ask = own(x.size, y), own_truth(x.size, ask)
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


class _Part(Values):
    """Writes the function of a path, `part(n, ...)`: the values, their errors, and who is asked.

    Args:
      path: the path that all of its numbers take.
      narrow: whether the result is rounded to less than a double.
      outer: the part that this one gets values from, or None.
      texts: where its text goes.
    """

    def __init__(self, path, narrow, outer, texts):
        Values.__init__(self, narrow, outer)
        self.depth = outer.depth + 1 if outer else 0
        self.texts = texts
        self.doubts = []  # where what asks, or which path is taken, is not certain
        self.cost = 0
        self.result = self._write(path)
        self.name = "part%d" % len(texts)
        texts.append(self._text())

    def _text(self):
        masks = either_of(self.asks), either_of(self.doubts)
        end = "return %s, %s, %s, %s" % (tuple(self.result) + masks)
        lines, used = [end], set(_names_in(end))
        for line in self.lines[::-1]:
            # What is not needed any more gives its memory, which is in the cache, to the next one.
            last = sorted(set(_names_in(line)) - used)
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
                    condition = Register(self._truth(part.end.condition).text, None)
                    ends[part] = self._select(condition, yes, no)
                elif yes or no:
                    ends[part] = yes or no
        result = ends.get(path) or Register("0.0", None)
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
        if value.op in DIRECT or value.op in COMPARED:
            return 1
        if value.op in ("mod", "floordiv"):
            return 4 if divides_fast(value.args[1]) else 100
        if value.op in MATH + ["pow"] and value.op not in ("sqrt", "copysign"):
            near = nears_power(value) if value.op == "pow" else fast(value.op)
            return 10 if self.narrow and near else 400
        return 4

    def _overlaid(self, result, overlays):
        """Writes values that are computed for those numbers that take a path of their own."""
        if not overlays:
            return result if result.text[0] == "v" else Register(self._full(result.text), None)
        parts = [_Part(side, self.narrow, self, self.texts) for side, _ in overlays]
        y = self._line("own(n, %s)" % result.text)
        error = None
        if result.error or any(part.result.error for part in parts):
            error = self._line("own(n, %s)" % (result.error or "0.0"))
        outputs = [y, error]
        for name in ("asks", "doubts"):
            output = None
            if any(getattr(part, name) for part in parts):
                output = self._line("own_truth(n, %s)" % either_of(getattr(self, name)))
                setattr(self, name, [output])
            outputs.append(output)
        outputs = ", ".join(map(str, outputs))
        for part, (_, mask) in zip(parts, overlays):
            inputs = "".join(outside + ", " for outside, _ in part.inputs)
            self.lines.append("overlay(%s, %s, (%s), %s)" % (mask, part.name, inputs, outputs))
        return Register(y, error)

    def _note(self, masks, mask, text):
        if text is not None:
            masks.append(self._both(mask, text))


def _names_in(text):
    return re.findall(r"\bv\d+\b", text)


# What the lines call.
_NAMES = {name: getattr(math, name) for name in MATH if hasattr(math, name)}
for _name in "abs ceil copysign floor fmod full rint sqrt trunc".split() + TRUTHS:
    _NAMES[_name] = getattr(np, _name)
for _name in COMPARED.values():
    _NAMES[_name] = getattr(np, _name)
for _module in (bounds, exact):
    _NAMES.update((name, getattr(_module, name)) for name in _module.__all__)
_NAMES.update({"near_" + name: functools.partial(near, name) for name in NUMPY})
_NAMES.update(float64=np.float64, inf=np.inf, nan=np.nan, round=np.rint)
