"""Reads a scalar function: runs it on a stand-in for its argument, once for each path."""

import inspect
import sys
import types

from legacy_spiky._scalar.arithmetic import Arithmetic
from legacy_spiky._scalar.expression import Choice, Path, Value, paths
from legacy_spiky._scalar.number import Number
from legacy_spiky._scalar.outside import Outside
from legacy_spiky._scalar.ranges import Facts, Ranges
from legacy_spiky._scalar.stand_ins import Unread

__all__ = ["NotRead", "Reading", "read"]

# What is read at most: paths, values, operations on all paths, lines in functions with loops, calls
# of functions.
_PATHS, _VALUES, _OPERATIONS, _LINES, _CALLS = 300, 20000, 200000, 300000, 100000


class NotRead(Exception):
    """Why a function is left to the interpreter.

    `changed()` says, as that of a `Reading`, whether the function may be another one now.
    """

    def __init__(self, why, changed):
        Exception.__init__(self, why)
        self.changed = changed


class Reading:
    """A function that was read.

    Args:
      path: what it does, a `Path`.
      changed: returns the name of what it reads from outside and is another now, or None.
    """

    def __init__(self, path, changed):
        self.path = path
        self.changed = changed


def read(f):
    """Reads a function of one number.

    Args:
      f: the function.

    Returns:
      A `Reading`.

    Raises:
      NotRead: it cannot be read.
    """
    reader, tracer = _Reader(), sys.gettrace()
    try:
        reader.read(f)
    except _Stopped:
        pass
    finally:
        if sys.gettrace() is not tracer:
            sys.settrace(tracer)
    if reader.why is not None:
        raise NotRead(reader.why, reader.outside.changed)
    return Reading(reader.root, reader.outside.changed)


class _Stopped(BaseException):
    """Ends a run of the function, through what it catches."""


class _Reader(Arithmetic):
    """Runs a function, one path after the other."""

    def __init__(self):
        self.outside = Outside(self)
        self.root = Path()
        self.values = {}
        self.ranges = Ranges()
        self.why = None  # it is not read
        self.paths = self.operations = self.lines = self.calls = 0
        self.todo = [()]

    def read(self, f):
        function = self._function(f)
        argument = Number(self, self.value("argument", (), "float"))
        while self.todo:
            self.paths += 1
            self.decisions = self.todo.pop()
            self.at, self.taken, self.known, self.facts = self.root, 0, {}, Facts()
            self.ended = self.made_text = False
            result = error = None
            try:
                result = function(argument)
            except _Stopped:
                pass
            except RecursionError:
                self.why = "it calls itself too often"
            except Exception as caught:
                error = caught
            if self.why is not None:
                raise _Stopped
            if self.ended:
                continue
            if error is not None:
                self.at.why = "it raises %s: %s" % (type(error).__name__, error)
            elif self.made_text:
                self.stop("it makes text of a number")
            else:
                self._result(result)
        ends = list(paths(self.root))
        if not any(isinstance(path.end, Value) for path in ends):
            self.stop(next(path.why for path in ends if path.why))

    def _function(self, f):
        if isinstance(f, types.FunctionType):
            try:
                inspect.signature(f, follow_wrapped=False).bind(0.0)
            except TypeError as error:
                self.stop("it takes no single number: %s" % error)
        function = self.outside.stand_for(f, getattr(f, "__name__", type(f).__name__))
        if not callable(function) or isinstance(function, Unread):
            self.stop("functions are read, and this is of type " + type(f).__name__)
        return function

    def _line(self, frame, event, _):
        if frame.f_globals.get("__name__", "").startswith("legacy_spiky."):
            return None
        self.lines += event == "line"
        if self.lines > _LINES:
            self.stop("it has a loop that is too long to be read")
        return self._line

    def watch_loops(self):
        """Counts the lines that run: a loop may have no end on a path that nobody takes."""
        sys.settrace(self._line)

    def count_call(self):
        self.calls += 1
        if self.calls > _CALLS:
            self.stop("it calls functions too often to be read")

    def _result(self, result):
        if isinstance(result, Unread):
            result.stop()
        number = self.number(result)
        if number is None or (number._value.kind == "int" and self.bound(number._value) > 2**53):
            kind = type(result).__name__ if number is None else "an integer that no double holds"
            self.at.why = "it returns %s" % kind
        else:
            self.at.end = number._value

    # What the stand-in calls.

    def stop(self, why):
        self.why = self.why or why
        raise _Stopped

    def end(self, why):
        """Ends the path: the interpreter is asked for its numbers."""
        self.at.why, self.ended = why, True
        raise _Stopped

    def text(self):
        self.made_text = True
        return "x"

    def value(self, op, args, kind, number=None, name=None):
        """Returns the value; the same one for the same operation."""
        self.operations += 1
        # By their repr -0.0 is not 0.0, and NaN is itself. Integers may be too long to have one.
        which = number if number is None or kind == "int" else repr(number)
        key = op, args, kind, which, name
        found = self.values.get(key)
        if found is None:
            found = self.values[key] = Value(op, args, kind, number, name)
        if self.operations > _OPERATIONS or len(self.values) > _VALUES:
            self.stop("it has too many operations")
        return found

    def ask(self, condition):
        """Has the interpreter asked where a condition is true; the path goes on where it is not."""
        if condition in self.known or self.ranges.never(condition):
            return
        side = self.facts.implied(condition)
        if side:
            self.end("it raises here")
        if side is None and self.at.end is None:
            self.at.asks.append(condition)
        self._learn(condition, False)

    def decide(self, condition):
        """Returns on which side of a condition this path is."""
        known = self.known.get(condition)
        if known is None:
            known = False if self.ranges.never(condition) else self.facts.implied(condition)
        if known is not None:
            return known
        if self.at.end is None:
            if self.paths + len(self.todo) >= _PATHS:
                self.stop(
                    "it has more than %d paths, or a loop whose length depends on the argument"
                    % _PATHS
                )
            self.at.end = Choice(condition)
            self.todo.append(self.decisions + (False,))
            self.decisions += (True,)
        elif self.at.end.condition is not condition:
            self.stop("it does something else each time that it is called")
        side = self.decisions[self.taken]
        self.taken += 1
        self._learn(condition, side)
        self.at = self.at.end.yes if side else self.at.end.no
        return side

    def _learn(self, condition, side):
        self.known[condition] = side
        self.facts.learn(condition, side)

    def classes(self, classes):
        """Returns the classes of an `isinstance`."""
        if isinstance(classes, tuple):
            return tuple(map(self.classes, classes))
        return getattr(classes, "_function", classes)
