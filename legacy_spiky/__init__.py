"""TensorFlow activations, and ops with a gradient of their own, in plain Python.

The recipe's names for TensorFlow 1 graphs and sessions:

    from legacy_spiky import py_func, tf_spiky

and the tools to write your own: `vectorize(f)`, `activation(f, df)`. TensorFlow is imported when
something that needs it is asked for.
"""

from typing import TYPE_CHECKING

from legacy_spiky._late import bind_late
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


bind_late(__name__, {"graph": "activation graph py_func spikygrad spikygrad2 tf_d_spiky tf_spiky"})
