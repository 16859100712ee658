"""What a scalar function reads from outside, while it is read: constants, functions, modules.

Each is noted, to see later whether it changed. Constants are given as they are; functions of
Python's own that are known, and functions of the user's, as what works on the stand-in; and all
else stops the reading once it is used.
"""

import dis
import functools
import math
import types

import numpy as np

from legacy_spiky._scalar.known import KNOWN
from legacy_spiky._scalar.number import NamedFloat, NamedInt
from legacy_spiky._scalar.stand_ins import (
    MISSING,
    Function,
    Known,
    Module,
    Names,
    Table,
    Unread,
    attribute,
    content,
    item,
    length,
    new_cell,
)

__all__ = ["Outside"]

_LONG = 100000  # steps of a loop

# Of the built-in functions, those that work on a stand-in as they are.
_AS_THEY_ARE = (
    abs, all, any, bool, dict, divmod, enumerate, filter, iter, len, list, map, next, pow, reversed,
    round, set, slice, sorted, tuple, zip,
)  # fmt: skip


def same(now, before):
    """Whether a constant is the one that it was: of one type, with the same bits."""
    if now is before:
        return True
    if type(now) is not type(before):
        return False
    if type(now) is tuple:
        return len(now) == len(before) and all(map(same, now, before))
    if type(now) is float:
        return now == before and math.copysign(1, now) == math.copysign(1, before)
    return type(now) in (int, bool, str) and now == before


class Outside:
    """What one function reads, with all the functions that it calls.

    Args:
      run: the reader.
    """

    def __init__(self, run):
        self.run = run
        self.notes = {}  # where it is and its name: how it is had, and what it was
        self.made = {}  # what stands for it
        self.loops = self.catches = False

    def changed(self):
        """Returns the name of what is another now than when it was read, or None."""
        for (_, name), (get, where, before) in self.notes.items():
            now = get(where, name)
            if now is not before and not same(now, before):
                return name
        return None

    def note(self, get, where, name):
        value = get(where, name)
        self.notes.setdefault((id(where), name), (get, where, value))
        return value

    def stand_for(self, value, name):
        """Returns what stands for a value from outside."""
        # The same thing is the same under another name; a constant's name is the user's.
        key = id(value), name if type(value) in (float, int, tuple) else None
        if key not in self.made:
            self.made[key] = value, self._stand_for(value, name)  # `value` keeps its id
        return self.made[key][1]

    def _stand_for(self, value, name):
        kind = type(value)
        if kind in (float, int) and name is not None:
            named = (NamedFloat if kind is float else NamedInt)(value)
            named.name = name
            return named
        if value is None or kind in (bool, float, int, str, np.float64):
            return value
        if kind is tuple:
            return Table(self, value, name)
        if kind is types.FunctionType:
            return self.function(value)
        if kind is functools.partial:
            return self.partial(value, name)
        if kind is types.ModuleType:
            return Module(self, value)
        if isinstance(value, type) and issubclass(value, Exception):
            return value
        if any(value is known for known in _AS_THEY_ARE):
            return value
        if value is range:
            return self.range
        # Others may have a hash, and attributes, that are code of the user's.
        if kind in (type, types.BuiltinFunctionType, np.ufunc) and _is_known(value):
            return Known(self, value, name)
        return Unread(self, "it reads %s (%s)" % (name, kind.__name__))

    def range(self, *ends):
        numbers = range(*ends)
        if len(numbers) > _LONG:
            self.run.stop("it has a loop of %d steps" % len(numbers))
        return numbers

    def partial(self, partial, name):
        self.note(attribute, partial, "func")
        arguments = self.note(attribute, partial, "args")
        arguments = [self.stand_for(value, None) for value in arguments]
        self.note(length, partial.keywords, "keywords")
        named = {
            key: self.stand_for(self.note(item, partial.keywords, key), key)
            for key in partial.keywords
        }
        func = self.stand_for(partial.func, name)
        return lambda *more, **others: func(*(arguments + list(more)), **dict(named, **others))

    def function(self, function):
        """Returns a function of the user's that reads what stands for what it reads."""
        code = self.note(attribute, function, "__code__")
        defaults = self.note(attribute, function, "__defaults__")
        named = self.note(attribute, function, "__kwdefaults__")
        self._check(code)
        parameters = code.co_varnames[: code.co_argcount]
        cells = []
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            value = self.note(content, cell, name)
            cells.append(new_cell(*[] if value is MISSING else [self.stand_for(value, name)]))
        read = types.FunctionType(
            code, Names(self, function.__globals__), function.__name__, None, tuple(cells)
        )
        if defaults is not None:
            names = parameters[len(parameters) - len(defaults) :]
            read.__defaults__ = tuple(map(self.stand_for, defaults, names))
        if named is not None:
            read.__kwdefaults__ = {
                name: self.stand_for(self.note(item, named, name), name) for name in named
            }
        return Function(self, read)

    def _check(self, code):
        """Refuses what assigns names outside; has loops watched."""
        loops = len(_codes(code)) > 1  # functions within may call themselves
        for inner in _codes(code):
            own = inner is code
            before, handlers = None, set()
            for line in dis.get_instructions(inner):
                # What stands for things is of other types, and not always the same object.
                if line.opname in ("LOAD_ATTR", "LOAD_METHOD") and line.argval[:2] == "__":
                    self.run.stop("it uses the attribute %s" % line.argval)
                if line.opname == "LOAD_BUILD_CLASS":  # its body would not find what is outside
                    self.run.stop("it defines a class")
                identity = line.opname == "IS_OP" or line.argval in ("is", "is not")
                if identity and (before.opname, before.argval) != ("LOAD_CONST", None):
                    self.run.stop("it asks whether two things are the same object")
                if line.opname in ("SETUP_EXCEPT", "SETUP_FINALLY"):  # up to Python 3.10
                    handlers.add(line.argval)
                if line.opname == "POP_TOP":
                    handled = before.opname == "PUSH_EXC_INFO" or line.offset in handlers
                    self.catches = self.catches or handled
                before = line
                stores = line.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")
                if stores or (own and line.opname in ("STORE_DEREF", "DELETE_DEREF")):
                    if stores or line.argval in code.co_freevars:
                        self.run.stop("it assigns %s, which is outside of it" % line.argval)
                jumps = line.opcode in dis.hasjrel or line.opcode in dis.hasjabs
                back = line.offset - line.argval if jumps else -1
                if back == 0:  # a tracer hears nothing of it
                    self.run.stop("it has a loop that does nothing, and may never end")
                loops = loops or back > 0
        for inner in _codes(code)[1:]:
            for line in dis.get_instructions(inner):
                if line.opname == "STORE_DEREF" and line.argval in code.co_freevars:
                    self.run.stop("it assigns %s, which is outside of it" % line.argval)
        self.loops = self.loops or loops
        if self.loops and self.catches:  # also what would end the loop
            self.run.stop("it has a loop, and an except that catches everything")
        if loops:
            self.run.watch_loops()


def _codes(code):
    """Returns the code of a function and of those within it."""
    found = [code]
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            found += _codes(value)
    return found


def _is_known(value):
    in_math = getattr(math, value.__name__, None) is value
    return value in KNOWN or in_math or type(value) is np.ufunc
