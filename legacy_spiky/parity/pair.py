"""Two functions of the user's: the reference in a session, the candidate in each world."""

import inspect

import numpy as np

from legacy_spiky import parity
from legacy_spiky._ops import tf
from legacy_spiky.parity.process import explain, load

__all__ = ["arity", "in_each_world", "inputs_of", "named", "sides"]


def named(implementation, label):
    """Returns an implementation, called `label` in reports."""
    implementation.label = label
    return implementation


def in_each_world(op, name):
    """Returns the implementations of an op: eagerly and in a tf.function, or else in a session."""
    if not getattr(tf, "executing_eagerly", bool)():
        return [named(parity.session(op), name + ", session")]
    return [
        named(parity.eager(op), name + ", eager"),
        named(parity.function(op), name + ", tf.function"),
    ]


def sides(python, reference, candidate):
    """Returns the implementation of the reference, and those of the candidate.

    The reference has a process of its own: a module for TensorFlow 1 may well turn eager
    execution off.

    Args:
      python: the interpreter of that process.
      reference: as `"module:name"`.
      candidate: likewise.

    Raises:
      RuntimeError: one of them cannot be imported.
      TypeError: the candidate is no function.
    """
    try:
        expected = parity.interpreter(python, reference)
    except RuntimeError as error:
        raise RuntimeError("the reference %s: %s" % (reference, error)) from None
    try:
        op = load(candidate)
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        raise RuntimeError("the candidate %s: %s" % (candidate, explain(error))) from error
    if not callable(op):
        raise TypeError("the candidate %s is no function, but %r" % (candidate, op))
    return expected, in_each_world(op, candidate)


def arity(candidate):
    """Returns how many tensors an op takes: its arguments without a default."""
    try:
        parameters = inspect.signature(load(candidate)).parameters.values()
    except ValueError:  # a function in C may have none
        return 1
    needed = [p for p in parameters if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    return max(len(needed), 1)


def inputs_of(candidate, x, seed):
    """Returns an array for each tensor that an op takes: `x`, and that in other orders."""
    orders = [np.random.RandomState((seed + i) % 2**32) for i in range(1, arity(candidate))]
    return [x] + [order.permutation(x) for order in orders]
