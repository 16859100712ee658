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

    # What an exception in a callback becomes: TensorFlow 1.0 has no word for most.
    ERRORS = (tf.errors.InvalidArgumentError, tf.errors.UnknownError)

    def __init__(self, threads):
        # 0: TensorFlow's own threads; -1: the caller's, which keeps subnormals.
        self.config = tf.ConfigProto(inter_op_parallelism_threads=threads)

    def run(self, build, *arrays, static=True, order=1, values=True):
        """Returns the values of `build(*tensors)` and their gradients for each array.

        The gradient is that of the sum of the floating outputs, taken `order` times; None
        where there is none. With `static` False the shapes are unknown when built; with
        `values` False the gradients alone are fetched.
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
            fetches = [outputs if values else [], known]
            results, known = session.run(fetches, dict(zip(inputs, arrays)))
            return results, [known.get(i) for i in range(len(inputs))]

    def shape_of(self, op, shape):
        """Returns the static shape of an activation op for an input of a static shape."""
        with tf.Graph().as_default():
            return op(tf.placeholder(tf.float32, shape)).get_shape().as_list()

    def name_of(self, op, name):
        """Returns the name that an activation op's tensor gets."""
        with tf.Graph().as_default():
            return op(tf.placeholder(tf.float32), name=name).op.name
