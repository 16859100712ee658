import functools
import math
import warnings

import numpy as np
import pytest

from legacy_spiky._errors import (
    call,
    caller,
    check_array_function,
    check_callable,
    describe,
    reason,
    tellable,
    warn,
)
from legacy_spiky.functions import spiky
from legacy_spiky.vectorize import vectorize


def function(x):
    return x


class Class:
    def method(self, x):
        return x

    def __call__(self, x):
        return x


nameless = lambda x: x  # noqa: E731


class Proxy:
    """Has any attribute: itself."""

    def __getattr__(self, name):
        return self

    def __call__(self, x):
        return x


class Odd:
    __call__ = functools.partial(function)


class Evasive:
    """Raises wherever it is asked for an attribute."""

    def __getattribute__(self, name):
        raise RuntimeError("no " + name)

    def __call__(self, x):
        return x


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


LINE = function.__code__.co_firstlineno
HERE = "%s (" + __file__ + ":%d)"

TABLE = [
    (function, HERE % ("function", LINE)),
    (functools.partial(function), HERE % ("function", LINE)),
    (functools.partial(functools.partial(function)), HERE % ("function", LINE)),
    (vectorize(function), HERE % ("function", LINE)),
    (np.vectorize(function), HERE % ("function", LINE)),
    (functools.partial(np.vectorize(function)), HERE % ("function", LINE)),
    (functools.wraps(function)(lambda x: x), HERE % ("function", LINE)),
    (nameless, HERE % ("<lambda>", nameless.__code__.co_firstlineno)),
    (Class().method, HERE % ("Class.method", LINE + 5)),
    (Class.method, HERE % ("Class.method", LINE + 5)),
    (Class(), HERE % ("Class.__call__", LINE + 8)),
    (Class, "Class"),
    (Proxy(), HERE % ("Proxy.__call__", Proxy.__call__.__code__.co_firstlineno)),
    (Odd(), repr(Odd.__call__)),
    (abs, "abs"),
    (np.sin, "sin"),
]


@pytest.mark.parametrize("func, expected", TABLE)
def test_describe(func, expected):
    assert describe(func) == expected


def raises(x):
    raise ValueError("my own text")


@pytest.mark.parametrize("func", [raises, functools.partial(raises), np.vectorize(raises)])
def test_call_leaves_an_error_alone_that_shows_the_function(func):
    with pytest.raises(ValueError) as error:
        call(func, 1)
    assert str(error.value) == "my own text"
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "kind, func, arguments, words",
    [
        (TypeError, function, (1, 2), HERE % ("function", LINE) + ", called with 2 arguments: "),
        (TypeError, math.sin, ("a",), "sin, called with 1 arguments: must be real number"),
        (ValueError, math.sqrt, (-1,), "sqrt, called with 1 arguments: "),
        (OverflowError, math.exp, (1e9,), "exp, called with 1 arguments: math range error"),
        (ZeroDivisionError, divmod, (1, 0), "divmod, called with 2 arguments: "),
    ],
)
def test_call_names_the_function_where_the_error_does_not(kind, func, arguments, words):
    with pytest.raises(kind) as error:
        call(func, *arguments)
    assert str(error.value).startswith(words)
    assert type(error.value.__cause__) is kind


def test_call_leaves_other_errors_of_c_code_alone():
    with pytest.raises(KeyError) as error:
        call({}.__getitem__, "key")
    assert error.value.args == ("key",)
    with pytest.raises(UnicodeDecodeError):
        call(b"\xff".decode)


@pytest.mark.parametrize("error", [ValueError("\u00fc"), KeyError(), KeyboardInterrupt("x")])
def test_tellable(error):
    assert tellable(error, function) is error


@pytest.mark.parametrize(
    "error, words",
    [
        (SystemExit(0), "raised SystemExit: 0"),
        (ValueError("a\ud800"), "raised ValueError: 'a\\ud800'"),
        (Unprintable(), "raised Unprintable: its text cannot be shown"),
    ],
)
def test_not_tellable(error, words):
    told = tellable(error, function)
    assert type(told) is RuntimeError
    assert str(told) == HERE % ("function", LINE) + " " + words


def test_describe_what_raises_at_each_attribute():
    line = Evasive.__call__.__code__.co_firstlineno
    assert describe(Evasive()) == HERE % ("Evasive.__call__", line)


@pytest.mark.parametrize("func", [function, Class(), Class, abs, np.sin, functools.partial(abs)])
def test_callable(func):
    assert check_callable("func", func) is None


@pytest.mark.parametrize("func", [None, 3, "abs", [abs]])
def test_not_callable(func):
    with pytest.raises(TypeError) as error:
        check_callable("df", func)
    expected = "df must be a function or another callable, got %r (%s)"
    assert str(error.value) == expected % (func, type(func).__name__)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", ""),
        ("one\ntwo", "one"),
        ("Graph execution error:\n\nbad [2]\n\t [[{{node Assert}}]]", "bad [2]"),
        (
            "Graph execution error:\n\nDetected at node 'G' defined at (most recent call last):\n"
            "    File \"x.py\", line 3, in <module>\nNode: 'G'\n"
            "7 is not in [0, 2)\n\t [[{{node G}}]]",
            "7 is not in [0, 2)",
        ),
        (
            "Graph execution error:\n\nDetected at node G defined at (most recent call last):\n"
            "<stack traces unavailable>\n7 is not in [0, 2) [Op:G]",
            "7 is not in [0, 2) [Op:G]",
        ),
        (
            'in user code:\n\n    File "x.py", line 1, in f\n        f(x)\n    KeyError: 3',
            "KeyError: 3",
        ),
        ("SystemExit: 0\nTraceback (most recent call last):", "SystemExit: 0"),
    ],
)
def test_reason(text, words):
    assert reason(RuntimeError(text)) == words


def test_array_functions():
    check_array_function("f", np.sin)
    check_array_function("f", np.vectorize(function, otypes=[float]))
    with pytest.raises(TypeError, match="df is np.vectorize of function .*: give legacy_spiky.vec"):
        check_array_function("df", np.vectorize(function))
    with pytest.raises(TypeError, match="df must be a function"):
        check_array_function("df", 3)


def test_warn_shows_the_function_s_line_or_the_caller_s():
    with pytest.warns(RuntimeWarning) as caught:
        warn(function, "of a function", caller())
        warn(functools.partial(Class().method), "of a method", caller())
        warn(abs, "of none", caller())
        warn(spiky, "of the package's own", caller())
    line = test_warn_shows_the_function_s_line_or_the_caller_s.__code__.co_firstlineno
    lines = [LINE, LINE + 5, line + 4, line + 5]
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, n) for n in lines]


def test_a_warning_is_shown_once_for_a_line(recwarn):
    for category, count in [("default", 1), ("always", 3)]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(category)
            for _ in range(3):
                warn(function, "shown " + category, caller())
        assert len(caught) == count
