"""Ops with planted faults, for the tests of the parity checker; by name, as a user gives them."""

import os
import sys
import threading
import time

import numpy as np

from legacy_spiky import np_d_spiky, np_spiky
from legacy_spiky._ops.versions import tf

try:
    from legacy_spiky.migration import activation, py_func
except ImportError:  # TensorFlow 1.14 and older
    from legacy_spiky import activation, py_func


def obvious(x):
    """The formula for spiky that one writes down first, in the dtype of x."""
    r = x - tf.floor(x)
    low = tf.cast(r <= 0.5, x.dtype)

    def value(r, low):
        return np.where(low == 1, r, np.zeros_like(r))

    def gradient(op, upstream):
        return upstream * op.inputs[1], None

    return py_func(
        value, [tf.stop_gradient(r) + (x - tf.stop_gradient(x)), low], x.dtype, grad=gradient
    )


right = activation(np_spiky, np_d_spiky)
one_ulp = activation(
    lambda x: np.where(x == 0.25, np.nextafter(np.float32(0.25), np.float32(1)), np_spiky(x)),
    np_d_spiky,
)
other_zeros = activation(lambda x: np.where(np_spiky(x) == 0, -0.0, np_spiky(x)), np_d_spiky)
wrong_sign = activation(np_spiky, lambda x: -np_d_spiky(x))
nan_kept = activation(lambda x: np.where(np.isnan(x), x, np_spiky(x)), np_d_spiky)


def d_off_in_part(x):
    with np.errstate(invalid="ignore"):  # NaN
        return np_d_spiky(x) * np.where((x > 2) & (x < 3), 1.5, 1)


off_in_part = activation(np_spiky, d_off_in_part)


def swapped(x):
    return tf.transpose(right(x))


def another_dtype(x):
    return tf.cast(right(x), tf.float64)


def no_gradient(x):
    return tf.stop_gradient(right(x))


def two(x):
    return [right(x), right(x)]


def no_tensor(x):
    return {"y": x}


def raises(x):
    raise KeyError("planted")


def raises_when_it_runs(x):
    def broken(x):
        raise KeyError("planted")

    return py_func(broken, [x], x.dtype, grad=lambda op, upstream: upstream)


def out_of_range(x):
    return tf.gather(x, [7])


def complex_values(x):
    return tf.complex(x, x)


def difference(a, b, name=None):
    def gradient(op, upstream):
        return upstream, -upstream

    return py_func(lambda a, b: a - b, [a, b], a.dtype, name=name, grad=gradient)


def of_the_thread(x):
    """A step whose function meets subnormals, on whatever thread it runs."""

    def value(x):
        with np.errstate(under="ignore", invalid="ignore"):
            return np.where(x > 0, 1, x / 8).astype(x.dtype)

    return py_func(value, [x], x.dtype, grad=lambda op, upstream: upstream)


def with_an_integer(x):
    def value(x):
        return x * 2, np.asarray(np.sign(x) > 0, np.int32)

    return py_func(value, [x], [x.dtype, tf.int32], grad=lambda op, g, _: 2 * g)


def in_place(x):
    """Identity, but for what its function does to its argument."""

    def value(x):
        x[x < 0] = 0
        return x

    return tf.numpy_function(value, [x], x.dtype)


def exits(x):
    sys.exit(0)


def exits_when_it_runs(x):
    return py_func(lambda x: sys.exit(0), [x], x.dtype)


def summed(x):
    return tf.reduce_sum(x)


def old(x):
    """As in TensorFlow 1, where this name was."""
    import tensorflow

    return tensorflow.to_bfloat17(x)


def softmax(x):
    return tf.exp(x) / tf.reduce_sum(tf.exp(x))


def half_softmax(x):
    return softmax(x) / 2


def nothing(x):
    return []


not_callable = 3


def echo():
    """For the tests of the other interpreter: a function that returns its arguments."""

    sys.stdin.read()  # nothing of what it is asked

    def function(*arguments):
        if arguments[0] is None or not isinstance(arguments[0], str):
            return arguments
        print("something")
        if arguments[0] == "raise":
            return 1 / 0
        if arguments[0] == "sys.exit":
            sys.exit(0)
        if arguments[0] == "exit":
            sys.stderr.write("gone")
            sys.stderr.flush()
            os._exit(3)
        if arguments[0] == "thread":
            threading.Thread(target=time.sleep, args=[60]).start()
        if arguments[0] == "strings":
            return np.array(["text"])
        return arguments

    return function
