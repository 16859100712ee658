"""The arithmetic of IEEE 754 on each thread, and what NumPy says of it.

TensorFlow sets its own threads to flush subnormals to zero (`port::ScopedFlushDenormal`), and a
new thread inherits that. The caller's thread keeps them, unless somebody set it so too.
"""

import ctypes
import functools
import sys

import numpy as np

__all__ = ["ieee", "silent"]


def _library():
    """Returns fegetenv, fesetenv and FE_DFL_ENV of the C library; None where they are not known."""
    try:
        library = ctypes.PyDLL(None)  # unlike CDLL it keeps the lock of the interpreter
        if sys.platform == "darwin":
            default = ctypes.addressof(ctypes.c_char.in_dll(library, "_FE_DFL_ENV"))
        elif sys.platform.startswith("linux"):
            default = -1
        else:
            return None
        get, set_ = library.fegetenv, library.fesetenv
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    get.argtypes = set_.argtypes = [ctypes.c_void_p]
    return get, set_, ctypes.c_void_p(default)


_LIBRARY = _library()
_SIZE = 64  # bytes, of the largest fenv_t and more


class ieee:
    """While it lasts this thread keeps subnormals, as Python's own thread does."""

    def __enter__(self):
        if _LIBRARY is not None:
            get, set_, default = _LIBRARY
            self._before = ctypes.create_string_buffer(_SIZE)
            get(self._before)
            set_(default)

    def __exit__(self, *_):
        if _LIBRARY is not None:
            _LIBRARY[1](self._before)


def silent(function):
    """Decorates what computes, and calls no function of the user's: NumPy's checks do not count.

    `np.seterr` and `-W error` are how the user wants to hear of the user's own functions.
    """

    @functools.wraps(function)
    def called(*arguments, **named):
        with np.errstate(all="ignore"):
            return function(*arguments, **named)

    return called
