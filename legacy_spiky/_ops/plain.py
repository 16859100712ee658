"""TensorFlow's own `py_func` and `numpy_function` in a legacy gradient function.

A legacy gradient function builds a graph, and means in every mode what it means in one. Eagerly
these two run at once and give a bare tensor where `Tout` is a list of one, of which `[0]` is the
first row. So in a legacy gradient function they are `legacy_spiky`'s own.

Code knows them by many names, bound early or looked up late, and the function object is the same
under each. So as long as a legacy gradient function runs, that object has other code, which asks
here whether it was called in one.
"""

import contextlib
import inspect
import threading
import types

from legacy_spiky._ops.versions import tf

__all__ = ["answered_by", "ours"]

_thread = threading.local()


def ours():
    """Returns what answers for TensorFlow's functions in this thread, or None."""
    return getattr(_thread, "answer", None)


@contextlib.contextmanager
def answered_by(answer):
    """While it lasts, `answer` takes the place of TensorFlow's functions in this thread."""
    before, _thread.answer = ours(), answer
    try:
        if answer is None:
            yield
        else:
            with _asking:
                yield
    finally:
        _thread.answer = before


# A function keeps its closure, so that its new code has to name as many cells.
_CODE = """
def outer({cells}):
    def {name}(*args, **kwargs):
        ({cells})
        from legacy_spiky._ops.plain import call
        return call({name!r}, args, kwargs)
    return {name}
"""


class _Asking:
    """While it lasts, in whatever thread, TensorFlow's functions ask `call`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = 0
        self.codes = []  # of each function: what it does, and what asks
        self.originals = {}  # functions that do what TensorFlow's did, by name
        self.signatures = {}
        for name in ("py_func", "numpy_function"):
            if hasattr(tf, name):
                self._add(name, getattr(tf, name))

    def _add(self, name, function):
        code = function.__code__
        self.signatures[name] = inspect.signature(function)
        namespace, cells = {}, ", ".join(code.co_freevars)
        exec(compile(_CODE.format(name=name, cells=cells), __file__, "exec"), namespace)
        asks = namespace["outer"](*code.co_freevars).__code__
        self.codes.append((function, code, asks))
        self.originals[name] = types.FunctionType(
            code, function.__globals__, name, function.__defaults__, function.__closure__
        )

    def __enter__(self):
        with self.lock:
            self.count += 1
            for function, _, asks in self.codes if self.count == 1 else []:
                function.__code__ = asks

    def __exit__(self, *_):
        with self.lock:
            self.count -= 1
            for function, code, _ in self.codes if self.count == 0 else []:
                function.__code__ = code


_asking = _Asking()


def call(name, args, kwargs):
    """Calls what a function of TensorFlow is in this thread at present."""
    answer = ours()
    if answer is None or not (len(args) > 1 or "inp" in kwargs):  # it may be used as a decorator
        return _asking.originals[name](*args, **kwargs)
    # By name: the fourth argument of numpy_function was its name before 2.8.
    return answer(**_asking.signatures[name].bind(*args, **kwargs).arguments)
