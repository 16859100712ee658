"""Where an op runs: one class for each world, all with the same few methods.

A test of the contract takes a world, builds with `world.py_func` or `world.activation`, and
reads values and gradients from `world.run`.
"""

import contextlib
import io

import numpy as np

from legacy_spiky._ops.versions import tf


@contextlib.contextmanager
def telling():
    """TensorFlow 1.0 prints what a callback raised, and its error says "see error log" alone."""
    if not tf.VERSION.startswith("1.0."):
        yield
        return
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            yield
    except tf.errors.InternalError as error:
        message = error.message + printed.getvalue()
        raise tf.errors.UnknownError(error.node_def, error.op, message) from None


class Session:
    """Graph mode: placeholders, tf.gradients, a session."""

    eager = False

    # What an exception in a callback becomes.
    ERRORS = (tf.errors.InvalidArgumentError, tf.errors.UnknownError)
    REFUSED = NotImplementedError  # what a derivative that is not known raises

    def __init__(self, package, threads=0):
        self.py_func = package.py_func
        self.activation = package.activation
        self.tf_spiky = package.tf_spiky
        self.tf_d_spiky = package.tf_d_spiky
        # 0: TensorFlow's own threads; -1: the caller's, which keeps subnormals.
        self.config = tf.ConfigProto(inter_op_parallelism_threads=threads)

    def run(self, build, *arrays, static=True, order=1, values=True, upstream=None):
        """Returns the values of `build(*tensors)` and their gradients for each array.

        The gradient is that of the sum of the floating outputs, taken `order` times; None
        where there is none. With `static` False the shapes are unknown when built; with
        `values` False the gradients alone are fetched. `upstream` has the upstream gradient of
        each floating output instead of ones, where `order` is 1.
        """
        with tf.Graph().as_default(), tf.Session(config=self.config) as session:
            arrays = [np.asarray(array) for array in arrays]
            upstream = [np.asarray(array) for array in upstream or []]
            fed = [
                tf.placeholder(tf.as_dtype(array.dtype), array.shape if static else None)
                for array in arrays + upstream
            ]
            inputs, grad_ys = fed[: len(arrays)], fed[len(arrays) :] or None
            outputs = build(*inputs)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            gradients = [y for y in outputs if y.dtype.is_floating]
            for _ in range(order):
                sums = [g for g in gradients if g is not None]
                gradients = tf.gradients(sums, inputs, grad_ys) if inputs and sums else []
            session.run(tf.global_variables_initializer())
            known = {i: g for i, g in enumerate(gradients) if g is not None}
            fetches = [outputs if values else [], known]
            with telling():
                results, known = session.run(fetches, dict(zip(fed, arrays + upstream)))
            return results, [known.get(i) for i in range(len(inputs))]

    def shape_of(self, op, shape):
        """Returns the static shape of an activation op for an input of a static shape."""
        with tf.Graph().as_default():
            return op(tf.placeholder(tf.float32, shape)).get_shape().as_list()

    def name_of(self, op, name):
        """Returns the name that an activation op's tensor gets."""
        with tf.Graph().as_default():
            return op(tf.placeholder(tf.float32), name=name).op.name


class Eager:
    """TensorFlow 2: eager tensors, gradient tapes; with `function`, in a tf.function.

    Where the tape is "inside", the function takes the gradient too; where it is "outside",
    the gradient is taken of a call of the function.
    """

    eager = True

    def __init__(self, package, function=None):
        self.py_func = package.py_func
        self.activation = package.activation
        self.tf_spiky = package.tf_spiky
        self.tf_d_spiky = package.tf_d_spiky
        self.function = function
        in_graph = (tf.errors.InvalidArgumentError, tf.errors.UnknownError)
        self.ERRORS = in_graph if function else (TypeError, ValueError, LookupError)
        self.REFUSED = tf.errors.UnimplementedError if function else NotImplementedError

    def run(self, build, *arrays, static=True, order=1, values=True, upstream=None):
        """As Session.run; `values` makes no difference here."""
        inputs = [tf.convert_to_tensor(array) for array in arrays]
        upstream = upstream and [tf.convert_to_tensor(array) for array in upstream]
        specs = [tf.TensorSpec(x.shape if static else None, x.dtype) for x in inputs]

        def function(f):
            return tf.function(f, input_signature=specs, autograph=False)

        def outputs_of(*inputs):
            outputs = build(*inputs)
            return outputs if isinstance(outputs, list) else [outputs]

        def gradients_of(f, order):
            def gradients(*inputs):
                with tf.GradientTape(persistent=True) as tape:
                    for x in inputs:
                        tape.watch(x)
                    ys = f(*inputs)
                    sums = [y for y in ys if y is not None and y.dtype.is_floating]
                return ys, [
                    tape.gradient(sums, x, upstream) if x.dtype.is_floating and sums else None
                    for x in inputs
                ]

            def last(*inputs):
                return gradients(*inputs)[1]

            return gradients if order == 1 else gradients_of(last, order - 1)

        if self.function == "outside":
            run = gradients_of(function(outputs_of), order)
        else:
            run = gradients_of(outputs_of, order)
            run = function(run) if self.function else run
        outputs, gradients = run(*inputs)
        return [y.numpy() for y in outputs if y is not None], [
            None if g is None else tf.convert_to_tensor(g).numpy() for g in gradients
        ]

    def shape_of(self, op, shape):
        """As Session.shape_of."""
        function = tf.function(op, input_signature=[tf.TensorSpec(shape, tf.float32)])
        return function.get_concrete_function().outputs[0].shape.as_list()
