"""TensorFlow activations, and ops with a gradient of their own, in plain Python.

The recipe's names for TensorFlow 1 graphs and sessions:

    from legacy_spiky import py_func, tf_spiky

and the tools to write your own: `vectorize(f)`, `activation(f, df)`.
"""

from legacy_spiky.functions import (
    d_spiky,
    np_d_spiky,
    np_d_spiky_32,
    np_spiky,
    np_spiky_32,
    spiky,
)
from legacy_spiky.graph import (
    activation,
    py_func,
    spikygrad,
    spikygrad2,
    tf_d_spiky,
    tf_spiky,
)
from legacy_spiky.vectorize import vectorize

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
