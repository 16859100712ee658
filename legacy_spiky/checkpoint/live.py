"""Ops that do what saved nodes did, bound to functions of this process."""

import functools

import numpy as np

from legacy_spiky import _ops, graph
from legacy_spiky._errors import describe
from legacy_spiky._ops import array, tf
from legacy_spiky.checkpoint.nodes import CALLS

__all__ = ["live"]


def live(node, binding, order, device, sealed):
    """Builds an op that does what a saved node did, in a graph of its own.

    Returns that graph, and the token of the op, the name of its gradient (or None) and its device:
    with these the saved node does the same. Last, why its input has no gradient (or None), where
    that is `sealed` to say so.
    """
    outputs = [tf.as_dtype(dtype) for dtype in node.outputs]
    refused = None
    with tf.Graph().as_default() as own, tf.device(device):
        inputs = [tf.placeholder(tf.as_dtype(dtype)) for dtype in node.inputs]
        if node.op == "EagerPyFunc":
            tf.py_function(binding.function, inputs, outputs)
        elif binding.activation is None:
            function = _of_shapes(binding.function, node)
            graph.py_func(function, inputs, outputs, grad=binding.gradient)
            if binding.gradient is None and node.gradient:
                refused = "%s has a gradient, and is bound to %s alone: bind it to a pair of both"
                refused %= node.path, describe(binding.function)
        elif len(inputs) == 1:
            _ops.elementwise(*binding.activation, order, *inputs)
        else:
            _ops.product(*binding.activation, order, *inputs)
            try:
                binding.activation[-1][order + 1]
            except NotImplementedError as error:
                refused = str(error)
        *_, op = [op for op in own.get_operations() if op.type in CALLS]
    attributes = op.node_def.attr
    gradient = attributes["_gradient_op_type"].s if "_gradient_op_type" in attributes else None
    if refused and not (sealed and binding.activation):
        gradient = _ops.refusal(graph.WORLD, refused).encode()
    return own, attributes["token"].s, gradient, op.device, refused


def _of_shapes(function, node):
    """Returns `function`, with its results checked: TensorFlow believes the saved shapes."""

    @functools.wraps(function, assigned=())
    def checked(*arguments):
        results = function(*arguments)
        several = isinstance(results, (list, tuple))
        for i, (y, shape) in enumerate(zip(results if several else [results], node.output_shapes)):
            what = "result %d" % i
            if isinstance(y, tf.Tensor):
                raise TypeError(
                    "%s of %s is a TensorFlow tensor, %r: %s wants a function of arrays, or an "
                    "activation that legacy_spiky made" % (what, describe(function), y, node.path)
                )
            if shape is not None and not _fits(array(what, function, y).shape, shape):
                raise ValueError(
                    "%s of %s has shape %s, but %s was saved with %s"
                    % (what, describe(function), np.shape(y), node.path, shape)
                )
        return results

    return checked


def _fits(shape, saved):
    """Whether a shape is one of those that a saved static shape has."""
    return len(shape) == len(saved) and all(s is None or n == s for n, s in zip(shape, saved))
