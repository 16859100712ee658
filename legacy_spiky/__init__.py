"""TensorFlow activations, and ops with a gradient of their own, in plain Python.

The recipe's names for TensorFlow 1 graphs and sessions:

    from legacy_spiky import py_func, tf_spiky

and the tools to write your own: `vectorize(f)`, `activation(f, df)`. TensorFlow is imported when
something that needs it is asked for.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING

from legacy_spiky.functions import (
    d_spiky,
    np_d_spiky,
    np_d_spiky_32,
    np_spiky,
    np_spiky_32,
    spiky,
)

# The function has the name of its module, which Python binds when it is first imported: here.
from legacy_spiky.vectorize import vectorize

if TYPE_CHECKING:
    from legacy_spiky.graph import (
        activation,
        py_func,
        spikygrad,
        spikygrad2,
        tf_d_spiky,
        tf_spiky,
    )

__version__ = "0.1.0"

__all__ = [
    "activation",
    "d_spiky",
    "np_d_spiky",
    "np_d_spiky_32",
    "np_spiky",
    "np_spiky_32",
    "py_func",
    "spiky",
    "spikygrad",
    "spikygrad2",
    "tf_d_spiky",
    "tf_spiky",
    "vectorize",
]


class _Package(types.ModuleType):
    """This package. Python 3.6 has no `__getattr__` in modules, but takes another class for one."""

    def __getattr__(self, name):
        if name != "graph" and name not in __all__:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        graph = importlib.import_module("legacy_spiky.graph")
        globals().update((each, getattr(graph, each)) for each in __all__ if each not in globals())
        return globals()[name]

    def __dir__(self):
        return sorted(set(__all__) | set(globals()))


sys.modules[__name__].__class__ = _Package
