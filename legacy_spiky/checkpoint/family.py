"""Saved nodes and those in their gradients: which derivative of an activation each one is."""

import collections

from legacy_spiky import _ops
from legacy_spiky._errors import describe
from legacy_spiky.checkpoint.flow import Tensor
from legacy_spiky.checkpoint.nodes import aliases, in_gradient

__all__ = ["Family", "typed"]


def typed(node):
    return "%s of %s" % (node.op, node.signature)


class Family:
    """Activations and the nodes of their derivatives."""

    def __init__(self, callbacks, bound):
        self.bound = bound
        self.flow = callbacks.flow
        self.tokens = {}
        self.named = collections.defaultdict(list)  # nodes of one name, in whatever function
        self.within = collections.defaultdict(set)  # tokens in the scope of one gradient
        for callback in callbacks:
            for node in callback.nodes:
                self.tokens[node] = callback.token
                for name in aliases(node.name, node.function):
                    self.named[name].append(node)
                self.within[_scope(node)].add(callback.token)

    def activation_of(self, callback):
        """Returns the activation in whose gradient a callback is, or None."""
        owners = [owner for node in callback.nodes for owner in self._owners(node)]
        one = owners and owners[0] and all(owner == owners[0] for owner in owners)
        return owners[0] if one and owners[0].activation else None

    def _owners(self, node):
        """Returns what those are bound to in whose gradient a node is; None for what is not."""
        owners = self.named[node.gradient_of] if node.gradient_of else []
        return [self.bound.get(self.tokens[owner]) for owner in owners] or [None]

    def order(self, node, binding, exact):
        """Returns which derivative of its activation a node is, and why it does not fit, or None.

        Outside of gradients it is the function, where it has a gradient of its own and state, as
        in the recipe and in `legacy_spiky`. Inside it is the first derivative: it has the input of
        the function, and no gradient, as in the recipe, or the upstream gradient too, as here.
        """
        dtypes = set(node.inputs + node.outputs)
        known = [dtype.name for dtype in _ops.FLOATING]
        counts = [1] if in_gradient(node.name) is None else [1, 2]
        fits = len(node.inputs) in counts and len(node.outputs) == 1 and len(dtypes) == 1
        if node.op == "EagerPyFunc" or not fits or not dtypes <= set(known):
            return None, "an activation gives a tensor of the dtype of its own, %s; this is %s" % (
                ", ".join(known[:-1]) + " or " + known[-1],
                typed(node),
            )
        inside, has_gradient = node.gradient_of is not None, node.gradient is not None
        if not inside and has_gradient and node.op == "PyFunc" and len(node.inputs) == 1:
            return 0, None
        deeper = any(owner.gradient_of for owner in self.named[node.gradient_of])
        if not inside or deeper or (has_gradient and len(node.inputs) == 1):
            return None, (
                "it may be the activation of %s or one of its derivatives: bind it to a function, "
                "or to (function, gradient)" % describe(binding.function)
            )
        if binding not in self._owners(node):
            words = "it is in the gradient of %s, which is not bound to the activation of %s"
            return None, words % (node.gradient_of, describe(binding.function))
        rivals = self.within[_scope(node)]
        if len(rivals) > 1 and not exact:
            return None, (
                "the gradient of %s has the callbacks %s, and which of them is the derivative? "
                "Bind each by its token or name" % (node.gradient_of, ", ".join(sorted(rivals)))
            )
        if not (exact or self._takes_input(node)):
            return None, (
                "it is in the gradient of %s, but its input is not that of %s%s: bind it to a "
                "function of what it has"
                % (
                    node.gradient_of,
                    node.gradient_of,
                    ", and the upstream gradient" * (len(node.inputs) - 1),
                )
            )
        return 1, None

    def _takes_input(self, node):
        """Whether a node takes the input of what it is in the gradient of, as far as is seen."""
        x, *upstream = self._inputs(node)
        if self.flow.is_given(x):  # it was left behind, and never runs
            return True
        for owner in self.named[node.gradient_of]:
            own = self._inputs(owner)[0]
            others = [own, Tensor(owner.function, owner.name, 0)]
            if self.flow.is_one(x, own):
                return not any(self.flow.is_one(g, other) for g in upstream for other in others)
        return False

    def _inputs(self, node):
        return self.flow.inputs(node.function, self.flow.node(node.function, node.name))


def _scope(node):
    """Returns the scope of the gradient that a node is in, with the function."""
    scope = in_gradient(node.name)
    return scope and (node.function, scope[1])
