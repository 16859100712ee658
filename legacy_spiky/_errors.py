"""What errors say of a user's function."""

import functools
import re

import numpy as np

__all__ = [
    "call",
    "check_array_function",
    "check_callable",
    "describe",
    "qualified_name",
    "reason",
    "tellable",
]


def _unwrap(func):
    """Returns the function inside of a partial, `np.vectorize` or decorated one."""
    for _ in range(100):  # an object may have any attribute, itself for instance
        if isinstance(func, functools.partial):
            inner = func.func
        elif isinstance(func, np.vectorize):
            inner = func.pyfunc
        else:
            inner = getattr(func, "__wrapped__", func)
        if inner is func:
            break
        func = inner
    return func


def _named(func):
    try:
        named = _unwrap(func)
        if not isinstance(getattr(named, "__name__", None), str):  # an object with __call__
            named = type(named).__call__
    except Exception:  # an object may raise where it is asked for an attribute
        named = type(func).__call__
    func = named
    return func, getattr(func, "__qualname__", None) or getattr(func, "__name__", repr(func))


def qualified_name(func):
    """Returns the name of a callable with its module: `legacy_spiky.functions.spiky`."""
    func, name = _named(func)
    return "%s.%s" % (func.__module__, name) if getattr(func, "__module__", None) else name


def describe(func):
    """Returns the name of a callable and where it is defined: `spiky (functions.py:21)`."""
    func, name = _named(func)
    code = getattr(func, "__code__", None)
    return "%s (%s:%d)" % (name, code.co_filename, code.co_firstlineno) if code else name


# Those whose text can be replaced.
_PLAIN = (TypeError, ValueError, OverflowError, ZeroDivisionError)


def call(func, *arguments):
    """Calls a user's function; names it where the error would not.

    An error of a Python function shows its file and line. One of C code does not, and neither
    does one of a call with the wrong arguments.
    """
    try:
        return func(*arguments)
    except _PLAIN as error:
        if error.__traceback__.tb_next is not None or type(error) not in _PLAIN:
            raise
        text = "%s, called with %d arguments: %s" % (describe(func), len(arguments), error)
        raise type(error)(text) from error


def tellable(error, func):
    """Returns the error of a callback, or one in its place that TensorFlow can tell.

    It crashes on text that is no Unicode (1.4, 2.16), says nothing of an error without text, and
    lets `sys.exit` end the process (1.0).
    """
    text = None
    try:
        text = str(error)
        text.encode("utf-8")
        if not isinstance(error, SystemExit):
            return error
    except Exception:
        text = "its text cannot be shown" if text is None else ascii(text)
    return RuntimeError("%s raised %s: %s" % (describe(func), type(error).__name__, text))


def check_callable(role, func):
    """Raises TypeError where `func` cannot be called."""
    if not callable(func):
        raise TypeError(
            "%s must be a function or another callable, got %r (%s)"
            % (role, func, type(func).__name__)
        )


def check_array_function(role, func):
    """Raises TypeError where `func` cannot be called, or takes its dtype from one element."""
    check_callable(role, func)
    if isinstance(func, np.vectorize) and not func.otypes:
        raise TypeError(
            "%s is np.vectorize of %s, which takes its dtype from the first element it meets: "
            "give legacy_spiky.vectorize of it instead" % (role, describe(func))
        )


# What TensorFlow says before the reason: where the op was made, in its several versions.
_PREAMBLE = r"\s*($|Graph execution error:|Detected at node |File \"|Node: '|<stack traces un)"


def reason(error):
    """Returns the line of an error's text that says most; TensorFlow's run to pages."""
    lines = [line for line in str(error).splitlines() if not re.match(_PREAMBLE, line)]
    telling = [line for line in lines if re.match(r"\s*[\w.]*(Error|Exception|Exit): ", line)]
    return (telling or lines or [""])[0].strip()
