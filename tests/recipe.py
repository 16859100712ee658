"""The recipe's own helper, as it is still copied: what the traps are shown on.

https://stackoverflow.com/questions/39921607, `tf` being TensorFlow 1's names.
"""

import numpy as np

from legacy_spiky._ops.versions import tf


def spiky(x):
    r = x % 1
    if r <= 0.5:
        return r
    else:
        return 0


def d_spiky(x):
    r = x % 1
    if r <= 0.5:
        return 1
    else:
        return 0


vectorize = np.vectorize
np_spiky = np.vectorize(spiky)
np_d_spiky = np.vectorize(d_spiky)


def np_d_spiky_32(x):
    return np_d_spiky(x).astype(np.float32)


def np_spiky_32(x):
    return np_spiky(x).astype(np.float32)


def tf_d_spiky(x, name=None):
    with tf.name_scope(name, "d_spiky", [x]) as name:
        y = tf.py_func(np_d_spiky_32, [x], [tf.float32], name=name, stateful=False)
        return y[0]


def py_func(func, inp, Tout, stateful=True, name=None, grad=None):
    rnd_name = "PyFuncGrad" + str(np.random.randint(0, 1e8))

    tf.RegisterGradient(rnd_name)(grad)
    g = tf.get_default_graph()
    with g.gradient_override_map({"PyFunc": rnd_name}):
        return tf.py_func(func, inp, Tout, stateful=stateful, name=name)


def spikygrad(op, grad):
    x = op.inputs[0]

    n_gr = tf_d_spiky(x)
    return grad * n_gr


def spikygrad2(op, grad):
    x = op.inputs[0]
    r = tf.mod(x, 1)
    n_gr = tf.cast(tf.less_equal(r, 0.5), tf.float32)
    return grad * n_gr


def tf_spiky(x, name=None):
    with tf.name_scope(name, "spiky", [x]) as name:
        y = py_func(np_spiky_32, [x], [tf.float32], name=name, grad=spikygrad)
        return y[0]
