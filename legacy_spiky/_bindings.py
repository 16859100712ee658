"""Which Python function serves which callback of a saved graph."""

import collections
import difflib
import fnmatch
import inspect

from legacy_spiky import _op, _tf
from legacy_spiky._errors import describe

__all__ = ["resolve"]


class Binding(collections.namedtuple("Binding", "function gradient activation")):
    """What a callback is bound to: a function and its gradient, or an activation.

    Attributes:
      function: the user's function; of an activation its first.
      gradient: that of the function, or None.
      activation: the world and the derivatives of an activation, or None.
    """

    def __str__(self):
        return describe(self.function)


def _binding(value):
    activation = getattr(value, "activation", None)
    if isinstance(activation, tuple) and isinstance(activation[-1], _op.Derivatives):
        return Binding(activation[-1][0], None, activation)
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    function, gradient = value if pair else (value, None)
    if callable(function) and (gradient is None or isinstance(gradient, str) or callable(gradient)):
        return Binding(function, gradient, None)
    raise TypeError(
        "give a function, a pair (function, gradient) or an activation, not %r (%s)"
        % (value, type(value).__name__)
    )


def resolve(callbacks, bindings):
    """Finds what serves each callback.

    Args:
      callbacks: the `Callbacks` of a saved graph.
      bindings: a dictionary: tokens, names of nodes or patterns, and what they are bound to.

    Returns:
      A dictionary: for each `Node` its `Binding`, and which derivative of an activation it is.

    Raises:
      TypeError: `bindings` is no dictionary.
      ValueError: something is not bound, bound twice, or does not fit. All of it is said.
    """
    if not isinstance(bindings, dict):
        raise TypeError(
            "bindings must be a dictionary: tokens, names of nodes or patterns, and the function "
            "for each; got %r (%s)" % (bindings, type(bindings).__name__)
        )
    problems, made = [], {}
    for key, value in bindings.items():
        try:
            made[key] = _binding(value)
        except TypeError as error:
            problems.append("%r: %s" % (key, error))
        if not any(_means(key, callback) for callback in callbacks):
            problems.append("%r: no callback has it%s" % (key, _hint(key, callbacks)))
    bound, unbound = {}, []
    for callback in callbacks:
        keys = [key for key in bindings if _means(key, callback)]
        of_it = [(key, made[key]) for key in keys if key in made]
        if not keys:
            unbound.append(callback)
        elif len({binding for _, binding in of_it}) > 1:
            twice = " and ".join("to %s by %r" % (binding, key) for key, binding in of_it)
            problems.append(
                "%s: bound twice, %s; the nodes of a token are one function"
                % (_title(callback), twice)
            )
        elif of_it:
            bound[callback.token] = of_it[0][1]
    family = _Family(callbacks, bound)
    for callback in unbound:
        binding = family.activation_of(callback)
        if binding is None:
            problems.append("%s: not bound" % _title(callback))
        else:
            bound[callback.token] = binding
    served = {}
    for callback in callbacks:
        exact = any(key in _names(callback) for key in bindings)
        for node in callback.nodes if callback.token in bound else []:
            binding = bound[callback.token]
            order = family.order(node) if binding.activation else None
            misfit = (
                family.misfit(node, binding, order, exact)
                if binding.activation
                else _misfit(node, binding)
            )
            if misfit:
                problems.append("%s: %s" % (_title(callback, node), misfit))
            served[node] = binding, order
    if problems:
        raise ValueError("\n  ".join(["the callbacks are not bound, none of them:"] + problems))
    return served


def _names(callback):
    return [callback.token] + [name for node in callback.nodes for name in (node.name, node.path)]


def _means(key, callback):
    """Whether a key is a callback's token, or the name of a node of it or a pattern for one."""
    token, names = callback.token, _names(callback)[1:]
    return key == token or any(fnmatch.fnmatchcase(name, str(key)) for name in names)


def _hint(key, callbacks):
    names = [name for callback in callbacks for name in _names(callback)]
    close = difflib.get_close_matches(str(key), names, 1)
    return "; there is %r" % close[0] if close else ""


def _title(callback, node=None):
    return "%s (%s)" % ((node or callback.nodes[0]).path, callback.token)


def _misfit(node, binding):
    """Returns why a function does not fit a node, or None."""
    unknown = [dtype for dtype in node.inputs + node.outputs if dtype.startswith("dtype ")]
    if unknown:
        return "TensorFlow %s does not know its %s" % (_tf.tf.VERSION, unknown[0])
    if binding.gradient is not None and node.op == "EagerPyFunc":
        return "an op of tf.py_function, whose gradient is TensorFlow's: bind a function alone"
    if not _takes(binding.function, len(node.inputs)):
        return "%s does not take its %d inputs (%s)" % (binding, len(node.inputs), node.signature)
    gradient = binding.gradient
    if callable(gradient) and not _takes(gradient, 1 + len(node.outputs)):
        return "%s does not take the op and %d upstream gradients, one for each output (%s)" % (
            describe(gradient),
            len(node.outputs),
            node.signature,
        )
    return None


def _takes(function, count):
    """Whether a function takes so many arguments, as far as Python can tell."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except ValueError:  # of a function in C that does not say
        return True
    except TypeError:
        return False
    return True


class _Family:
    """Activations and the nodes of their derivatives."""

    def __init__(self, callbacks, bound):
        self.bound = bound
        self.named = collections.defaultdict(list)  # nodes of this name, in whatever function
        self.within = collections.defaultdict(set)  # tokens in the scope of one gradient
        self.tokens = {}
        for callback in callbacks:
            for node in callback.nodes:
                self.named[node.name].append(node)
                self.tokens[node] = callback.token
                self.within[_scope(node)].add(callback.token)

    def activation_of(self, callback):
        """Returns the activation that a callback is the derivative of, or None."""
        owners = {self._owner(node) for node in callback.nodes}
        return owners.pop() if len(owners) == 1 else None

    def _owner(self, node):
        owners = {self.bound.get(self.tokens[owner]) for owner in self.named[node.gradient_of]}
        if len(owners) != 1:
            return None
        (owner,) = owners
        return owner if owner and owner.activation else None

    def order(self, node):
        """Returns which derivative a node is, or None where it may be one or another.

        It is the first in the gradient of a node, where it has no gradient, as the recipe's, or takes
        the upstream gradient too, as that of `legacy_spiky`.
        """
        if node.gradient_of is None:
            return 0 if node.gradient and len(node.inputs) == 1 else None
        deeper = any(owner.gradient_of for owner in self.named[node.gradient_of])
        first = len(node.inputs) == 2 or (len(node.inputs) == 1 and not node.gradient)
        return 1 if first and not deeper else None

    def misfit(self, node, binding, order, exact):
        """Returns why an activation does not fit a node, or None."""
        dtypes = set(node.inputs + node.outputs)
        if len(node.outputs) != 1 or not 1 <= len(node.inputs) <= 2 or len(dtypes) > 1:
            return "an activation has one dtype, in and out, and this is %s" % node.signature
        if not dtypes <= {dtype.name for dtype in _tf.FLOATING}:
            return str(_op.not_floating(str(binding), _tf.tf.as_dtype(dtypes.pop())))
        if order is None:
            return (
                "it may be the function, its derivative or a higher one of the activation %s: bind "
                "it to a function, or to (function, gradient)" % binding
            )
        if order == 0:
            return None
        if self._owner(node) != binding:
            return "it is in the gradient of %s, which is not bound to %s" % (
                node.gradient_of,
                binding,
            )
        rivals = self.within[_scope(node)]
        if len(rivals) > 1 and not exact:
            return (
                "which of the callbacks %s in the gradient of %s is the derivative? Bind each by "
                "its token or name" % (", ".join(sorted(rivals)), node.gradient_of)
            )
        return None


def _scope(node):
    """Returns the scope of the gradient that a node is in, with the function."""
    if node.gradient_of is None:
        return None
    end = node.name.rindex(node.gradient_of + "_grad") + len(node.gradient_of)
    return node.function, node.name[:end], node.name[end:].split("/")[0]
