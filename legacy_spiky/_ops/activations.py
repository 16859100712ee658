"""Activations: element-wise functions, their derivatives, and the ops of both."""

import re

from legacy_spiky._errors import check_array_function, describe
from legacy_spiky._ops.arguments import check_name, not_floating, tensor
from legacy_spiky._ops.callback import guard_elementwise
from legacy_spiky._ops.versions import FLOATING, keras_name, tf

__all__ = ["Derivatives", "Gradient", "activation", "elementwise", "product"]


class Derivatives:
    """A function and its derivatives, as far as they are known, of each order.

    Args:
      functions: array functions, from order 0 on.
      name: of their ops.
      rest: that of each higher order, if all of them are the same.
      stateful: whether a derivative may give other results for the same input, as where it reads
        a global. TensorFlow computes one of a constant just once if not.
    """

    def __init__(self, functions, name, rest=None, stateful=True):
        self.functions = functions
        self.name = name
        self.rest = rest
        self.stateful = stateful
        self.ops = []  # what the user calls, if that is not what these functions were given to
        self.gradients = {}  # of their ops: one for all, registered once

    def get_config(self):
        """Tells who saves a Lambda layer in Keras 2, which saves what the function closes over."""
        raise TypeError(
            "a Lambda layer of the activation %s cannot be saved: use keras.layers.Activation(...) "
            "of it in its place" % describe(self.functions[0])
        )

    def blamed(self, order):
        """Returns what errors speak of: the op that the user calls, or the function given to it."""
        return self.ops[order] if order < len(self.ops) else self[order]

    def __getitem__(self, order):
        if order < len(self.functions):
            return self.functions[order]
        if self.rest is not None:
            return self.rest
        raise NotImplementedError(
            "the %s derivative of %s was asked for, but it was made with activation(%s)%s"
            % (
                ("second", "third")[order - 2],
                describe(self.functions[0]),
                ", ".join(("f", "df", "d2f")[:order]),
                "; give d2f too" if order == 2 else "",
            )
        )


class Gradient:
    """The gradient function of an op of derivatives, which lives as long as they do."""

    def __init__(self, gradient, func):
        self.gradient = gradient
        self.func = func
        self.name = None  # under which it is registered

    def __call__(self, op, upstream):
        return self.gradient(op, upstream)


def elementwise(world, derivatives, order, x, name=None):
    """Builds the op of a derivative, or of the function itself; its gradient is the next one's."""

    def gradient(op, upstream):
        return product(world, derivatives, order + 1, op.inputs[0], upstream)

    x = tensor(x, "the input", derivatives.blamed(order))
    return _elementwise(world, derivatives, order, [x], gradient, name)


def product(world, derivatives, order, x, upstream):
    """Builds `upstream * derivative(x)`: the step back through an activation, as one op."""
    upstream = tf.convert_to_tensor(upstream, x.dtype.base_dtype)
    if x.get_shape().num_elements() == 0:
        return upstream * x  # nothing: a loop of no steps, as of tape.jacobian, wants to know it
    try:
        derivatives[order + 1]
        last = False
    except NotImplementedError as error:
        # Its gradient for `upstream` is known, as forward mode wants it, that for `x` is not.
        x, last = world.seal(x, str(error)), True

    def gradient(op, g):
        x, upstream = op.inputs
        of_upstream = product(world, derivatives, order, x, g)
        if last:  # NaN, should the seal be lost, and with one seal more for a derivative further
            return float("nan") * g * upstream * x, of_upstream
        return product(world, derivatives, order + 1, x, g * upstream), of_upstream

    return _elementwise(world, derivatives, order, [x, upstream], gradient)


def _elementwise(world, derivatives, order, inputs, gradient, name=None):
    x, dtype = inputs[0], inputs[0].dtype.base_dtype
    func = derivatives.blamed(order)
    if dtype not in FLOATING:
        raise not_floating("that of " + describe(func), dtype)
    callback = guard_elementwise(derivatives[order], dtype.as_numpy_dtype)
    callback.func = func
    grad = derivatives.gradients.setdefault((order, len(inputs)), Gradient(gradient, func))
    check_name(name, func)
    name = name or "d_" * order + derivatives.name
    y = world.build(callback, inputs, dtype, derivatives.stateful or order == 0, name, grad)
    y.set_shape(x.get_shape())
    return y


def activation(world, f, df, d2f, name):
    """Makes an activation op; see `legacy_spiky.activation`."""
    for role, function in [("f", f), ("df", df)] + [("d2f", d2f)] * (d2f is not None):
        check_array_function(role, function)
    default = getattr(f, "__name__", None) if name is None else name
    if not (isinstance(default, str) and re.match(r"[A-Za-z0-9.][A-Za-z0-9_.\\/-]*$", default)):
        if name is not None:
            raise ValueError("name must be one that TensorFlow takes for a scope, got %r" % (name,))
        default = "activation"  # for <lambda>
    derivatives = Derivatives([f, df] if d2f is None else [f, df, d2f], default)
    build = elementwise  # in the closure: a Lambda layer of Keras 2 is rebuilt without the globals

    def op(x, name=None):
        """The activation as an op: see `legacy_spiky.activation`."""
        return build(world, derivatives, 0, x, name)

    op.__name__ = keras_name(default)
    op.__qualname__ = default  # what Python shows, and pickle looks for
    op.__module__ = getattr(f, "__module__", None) or __name__
    op.activation = world, derivatives  # for checkpoint
    return op
