"""What errors say of a user's function."""

import functools
import re
import sys
import tokenize
import types
import warnings

import numpy as np

__all__ = [
    "call",
    "caller",
    "check_array_function",
    "check_callable",
    "describe",
    "qualified_name",
    "reason",
    "tellable",
    "warn",
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
    name = getattr(func, "__qualname__", None) or getattr(func, "__name__", repr(func))
    return func, _CONVERTED.sub("", name)


def qualified_name(func):
    """Returns the name of a callable with its module: `legacy_spiky.functions.spiky`."""
    func, name = _named(func)
    return "%s.%s" % (func.__module__, name) if getattr(func, "__module__", None) else name


def describe(func):
    """Returns the name of a callable and where it is defined: `spiky (functions.py:21)`."""
    func, name = _named(func)
    place = _place(func)
    if place is None:
        return name
    return "%s (%s:%d)" % ((name,) + place) if place[1] else "%s (%s)" % (name, place[0])


# AutoGraph writes a function of a tf.function to a temporary file, within two of its own.
_CONVERTED = re.compile(
    r"(outer_factory\.<locals>\.inner_factory"
    r"|create_converted_entity_factory\.<locals>\.create_converted_entity)\.<locals>\.(tf__)?"
)


def _place(func):
    """Returns the file and the line of a Python function (0 if not known), or None."""
    code = getattr(func, "__code__", None)
    if code is None:
        return None
    if not _CONVERTED.match(getattr(func, "__qualname__", "")):
        return code.co_filename, code.co_firstlineno
    file = func.__globals__.get("__file__")  # a notebook has none
    return file and (file, _line(file, _named(func)[1], code))


# Not only for speed: AutoGraph, which may convert what calls this, leaves what is cached alone.
@functools.lru_cache(maxsize=64)
def _line(file, name, converted):
    """Returns the line in a file of what AutoGraph made a function of; 0 if that is not clear."""
    try:
        with tokenize.open(file) as source:
            found = codes = [compile(source.read(), file, "exec", dont_inherit=True)]
    except Exception:  # it is not there, or not what it was
        return 0
    for part in re.split(r"\.(?:<locals>\.)?", name):
        found = [code for outer in codes for code in _within(outer) if code.co_name == part]
        codes = found or codes  # AutoGraph's own, as if_body, are not there
    words = _words(converted)
    alike = [
        (len(_words(code)), code.co_firstlineno)
        for code in found
        if _parameters(code) == _parameters(converted) and _words(code) <= words
    ]
    lines = {line for count, line in alike if count == max(alike)[0]}
    return lines.pop() if len(lines) == 1 else 0


def _within(code):
    """Returns the code of all functions and classes in that of one."""
    inner = [value for value in code.co_consts if isinstance(value, types.CodeType)]
    return inner + [further for one in inner for further in _within(one)]


def _parameters(code):
    return code.co_varnames[: code.co_argcount]


def _words(code):
    """Returns the names and numbers in a function; AutoGraph keeps them, and adds its own."""
    words = set()
    for one in [code] + _within(code):
        words.update(one.co_names, one.co_varnames, one.co_freevars)
        words.update(_numbers(one.co_consts))
    return words


def _numbers(constants):
    numbers = [value for value in constants if type(value) in (int, float)]
    inner = [value for value in constants if isinstance(value, tuple)]
    return numbers + [number for one in inner for number in _numbers(one)]


def caller():
    """Returns the place that called this package, and the names of its module."""
    frame = sys._getframe()
    while frame.f_back and _is_ours(frame.f_globals):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno), frame.f_globals


def _is_ours(names):
    return names.get("__name__", "").startswith("legacy_spiky.")


def warn(func, message, where):
    """Warns of a user's function: at its own file and line, or where `caller()` was."""
    func, _ = _named(func)
    place, names = _place(func), getattr(func, "__globals__", None)
    if place is None or _is_ours(names):
        place, names = where
    warnings.warn_explicit(
        message,
        RuntimeWarning,
        *place,
        module=names.get("__name__"),
        registry=names.setdefault("__warningregistry__", {}),
    )


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
