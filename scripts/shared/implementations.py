"""The ways there are to compute spiky, for the parity scripts: each with its gradient."""

import importlib
import inspect

import numpy as np

import legacy_spiky
from legacy_spiky import parity
from legacy_spiky._arrays.dtypes import flush, round_to, to_double
from legacy_spiky.parity.pair import in_each_world, named
from shared.quiet import tf

# Whether a tf.function can be compiled, from TensorFlow 2.5 on.
XLA = hasattr(tf, "function") and "jit_compile" in inspect.signature(tf.function).parameters


def one_by_one(f):
    """The recipe's way from a number to an array: a call for each element."""

    def array_function(x):
        return np.array([f(number) for number in x.ravel().tolist()], float).reshape(x.shape)

    return array_function


def as_they_are(f, df, label):
    """Array functions outside of TensorFlow, where nothing counts subnormals as 0."""

    def run(inputs, upstream):
        (x,) = inputs
        y, slope = [np.asarray(function(x)) for function in (f, df)]
        return [round_to(y, x.dtype)], [round_to(to_double(upstream[0]) * slope, x.dtype)]

    return named(run, label)


def fixed(results, label):
    """An implementation that ran already, with these results."""
    return named(lambda inputs, upstream=None: results, label)


SCALAR = named(
    parity.arrays(one_by_one(legacy_spiky.spiky), one_by_one(legacy_spiky.d_spiky)),
    "spiky, d_spiky",
)
ARRAY = named(parity.arrays(legacy_spiky.np_spiky, legacy_spiky.np_d_spiky), "np_spiky, np_d_spiky")
# Ops count a subnormal as 0, the functions keep it: they are compared with each other too.
SCALAR_KEPT = as_they_are(
    one_by_one(legacy_spiky.spiky), one_by_one(legacy_spiky.d_spiky), SCALAR.label
)
ARRAY_KEPT = as_they_are(
    legacy_spiky.np_spiky,
    legacy_spiky.np_d_spiky,
    "np_spiky, np_d_spiky, subnormals kept",
)


def second_gradient(x):
    """tf_spiky with spikygrad2, the gradient in TensorFlow ops."""

    def value(x):
        x = np.asarray(x)
        # In double: bfloat16 is no dtype of NumPy's, which `flush` could search for subnormals.
        return round_to(legacy_spiky.np_spiky(flush(to_double(x), x.dtype)), x.dtype)

    return legacy_spiky.py_func(value, [x], x.dtype, grad=legacy_spiky.spikygrad2)


def of_spiky(python=None):
    """Returns the implementations of spiky as an op.

    With `python` also a session in that interpreter.
    """
    found = [
        named(parity.session(legacy_spiky.tf_spiky), "tf_spiky, session"),
        named(parity.session(second_gradient), "tf_spiky with spikygrad2, session"),
    ]
    try:
        compiled = legacy_spiky.activation(
            legacy_spiky.vectorize(legacy_spiky.spiky, compile=True),
            legacy_spiky.vectorize(legacy_spiky.d_spiky, compile=True),
        )
        found.append(named(parity.session(compiled), "spiky, d_spiky compiled, session"))
    except ImportError:  # Numba is optional
        pass
    if python is not None:
        other = parity.interpreter(python, "legacy_spiky:tf_spiky")
        found.append(named(other, "tf_spiky, session of TensorFlow " + other.about["tensorflow"]))
    try:
        migration = importlib.import_module("legacy_spiky.migration")
    except ImportError:  # TensorFlow 1.14 and older
        return found
    found += in_each_world(migration.tf_spiky, "migration.tf_spiky")
    made = migration.native(legacy_spiky.spiky, legacy_spiky.d_spiky)
    for op, name in [
        (migration.native_spiky, "native_spiky"),
        (made, "native(spiky, d_spiky)"),
    ]:
        found += in_each_world(op, name)
        if XLA:
            found.append(named(parity.xla(op), name + ", XLA"))
    return found
