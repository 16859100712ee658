"""What errors say of a user's function."""

import functools
import inspect

__all__ = ["check_callable", "describe"]


def describe(func):
    """Returns the name of a callable and where it is defined: `spiky (functions.py:21)`."""
    target = func
    while isinstance(target, functools.partial) or hasattr(target, "__wrapped__"):
        target = target.func if isinstance(target, functools.partial) else target.__wrapped__
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = getattr(type(target), "__call__", target)  # an object with __call__
    code = getattr(target, "__code__", None)
    name = getattr(target, "__qualname__", None) or repr(func)
    return "%s (%s:%d)" % (name, code.co_filename, code.co_firstlineno) if code else name


def check_callable(role, func):
    """Raises TypeError where `func` cannot be called."""
    if not callable(func):
        raise TypeError(
            "%s must be a function or another callable, got %r (%s)"
            % (role, func, type(func).__name__)
        )
