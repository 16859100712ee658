import functools

import numpy as np
import pytest

from legacy_spiky._errors import check_array_function, check_callable, describe, reason
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
