"""Where an op runs: one class for each world, all with the same few methods.

A test of the contract takes a world, builds with `world.py_func` or `world.activation`, and
reads values and gradients from `world.run`.
"""

import numpy as np

import legacy_spiky
from legacy_spiky._tf import tf


class Session:
    """Graph mode: placeholders, tf.gradients, a session."""

    py_func = staticmethod(legacy_spiky.py_func)
    activation = staticmethod(legacy_spiky.activation)
    tf_spiky = staticmethod(legacy_spiky.tf_spiky)
    tf_d_spiky = staticmethod(legacy_spiky.tf_d_spiky)

    def __init__(self, config=None):
        self.config = config

    def run(self, build, *arrays, static=True, order=1):
        """Returns the values of `build(*tensors)` and their gradients for each array.

        The gradient is that of the sum of the floating outputs, taken `order` times; None
        where there is none. With `static` False the shapes are unknown when built.
        """
        with tf.Graph().as_default(), tf.Session(config=self.config) as session:
            arrays = [np.asarray(array) for array in arrays]
            inputs = [
                tf.placeholder(tf.as_dtype(array.dtype), array.shape if static else None)
                for array in arrays
            ]
            outputs = build(*inputs)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            gradients = [y for y in outputs if y.dtype.is_floating]
            for _ in range(order):
                sums = [g for g in gradients if g is not None]
                gradients = tf.gradients(sums, inputs) if inputs and sums else []
            session.run(tf.global_variables_initializer())
            known = {i: g for i, g in enumerate(gradients) if g is not None}
            values, known = session.run([outputs, known], dict(zip(inputs, arrays)))
            return values, [known.get(i) for i in range(len(inputs))]
