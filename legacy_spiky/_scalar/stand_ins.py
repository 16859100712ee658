"""What stands for the things outside of a function that is read, and how they are had."""

import builtins
import sys

import numpy as np

from legacy_spiky._scalar.known import KNOWN
from legacy_spiky._scalar.number import Number

__all__ = [
    "Function",
    "Known",
    "MISSING",
    "Module",
    "Names",
    "Table",
    "Unread",
    "attribute",
    "content",
    "global_",
    "item",
    "length",
    "new_cell",
]


MISSING = object()


def new_cell(*content):
    """Returns a closure's cell; types.CellType is there since Python 3.8."""
    if content:
        (value,) = content
    cell = (lambda: value).__closure__[0]
    return cell


attribute = getattr


def item(namespace, name):
    return namespace.get(name, MISSING)


def length(namespace, _):
    return len(namespace)


def global_(namespace, name):
    value = namespace.get(name, MISSING)
    return vars(builtins).get(name, MISSING) if value is MISSING else value


def content(cell, name):
    try:
        return cell.cell_contents
    except ValueError:  # nothing was assigned yet, or it was deleted
        return MISSING


class Names(dict):
    """The global names of a function that is read."""

    def __init__(self, outside, names):
        dict.__init__(self, __builtins__={"__import__": self._import})
        self.outside = outside
        self.names = names

    def __getitem__(self, name):
        value = self.outside.note(global_, self.names, name)
        if value is MISSING:
            raise KeyError(name)
        return self.outside.stand_for(value, name)

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        if level or name not in sys.modules or ("." in name and not fromlist):
            self.outside.run.stop("it imports %s" % name)
        return self.outside.stand_for(self.outside.note(item, sys.modules, name), name)


class Function:
    """A function of the user's."""

    def __init__(self, outside, function):
        vars(self).update(_run=outside.run, _function=function)

    def __call__(self, *arguments, **named):
        self._run.count_call()
        return self._function(*arguments, **named)

    def __getattr__(self, name, *value):
        self._run.stop(
            "it uses the attribute %s of the function %s" % (name, self._function.__name__)
        )

    __setattr__ = __delattr__ = __getattr__


class Module:
    def __init__(self, outside, module):
        self._outside = outside
        self._module = module

    def __getattr__(self, name):
        value = self._outside.note(item, vars(self._module), name)
        if value is MISSING:
            raise AttributeError(name)
        whole = "%s.%s" % (self._module.__name__, name)
        return self._outside.stand_for(value, name if type(value) in (float, int) else whole)


class Known:
    """A function of Python's or NumPy's, of numbers."""

    def __init__(self, outside, function, name):
        self._outside = outside
        self._function = function
        self._name = name

    def __call__(self, *arguments, **named):
        run, rule = self._outside.run, KNOWN.get(self._function)
        if self._function is isinstance:
            return rule(run, *arguments)
        flat = list(arguments)
        for x in arguments + tuple(named.values()):
            flat += list(x) if isinstance(x, (list, tuple)) else [x]
        if not any(isinstance(x, Number) for x in flat):
            with np.errstate(all="ignore"):
                return self._function(*arguments, **named)
        if rule is None or named:
            run.stop("it calls %s, which is not read" % self._name)
        try:
            return rule(run, *arguments)
        except AttributeError:  # of what is no number
            return run.stop("it calls %s of what is no number" % self._name)

    def __getattr__(self, name):
        self._outside.run.stop("it reads %s.%s" % (self._name, name))


class Table(tuple):
    """A tuple, of which an element may be taken by a number that is read."""

    def __new__(cls, outside, value, name):
        names = [None if type(x) in (float, int) else name for x in value]
        self = tuple.__new__(cls, map(outside.stand_for, value, names))
        self._outside = outside
        self._name = name
        return self

    def __getitem__(self, i):
        if not isinstance(i, Number):
            found = tuple.__getitem__(self, i)
            if isinstance(i, slice) and set(map(type, found)) <= {float, int}:
                found = Table(self._outside, found, self._name)
            return found
        run = self._outside.run
        index = run.as_number(run.settled(i)._value)
        kinds = set(map(type, self))
        if index.kind != "int":
            raise TypeError("tuple indices must be integers")
        if kinds not in ({int}, {float}) or max(map(abs, self)) > 2**53:
            run.stop("it takes an element of %s, and they are not all float or int" % self._name)
        run.ask(run.compare("lt", index, -len(self)))
        run.ask(run.compare("ge", index, len(self)))
        kind = "int" if kinds == {int} else "float"
        return Number(run, run.value("table", (index,), kind, tuple(self), self._name))


class Unread:
    """What stops the reading once it is used."""

    def __init__(self, outside, words):
        vars(self).update(_run=outside.run, _words=words)

    def stop(self, *arguments, **named):
        vars(self)["_run"].stop(vars(self)["_words"] + ", which may be something else later")


for _name in (
    "abs add and bool call contains delattr delitem enter eq float floordiv format ge getattr "
    "getitem gt hash index int invert iter le len lt mod mul ne neg next or pos pow radd rand "
    "repr rfloordiv rmod rmul ror round rpow rsub rtruediv rxor setattr setitem str sub truediv xor"
).split():
    setattr(Unread, "__%s__" % _name, Unread.stop)
