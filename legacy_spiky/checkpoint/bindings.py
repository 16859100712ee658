"""Which Python function serves which callback of a saved graph."""

import collections
import difflib
import fnmatch
import inspect

from legacy_spiky import _ops
from legacy_spiky._errors import describe
from legacy_spiky.checkpoint.flow import Tensor
from legacy_spiky.checkpoint.nodes import aliases, in_gradient, owners_of

__all__ = ["resolve"]


# What a callback is bound to: a function and its gradient, or None; or the first function of an
# activation, and its world and derivatives.
Binding = collections.namedtuple("Binding", "function gradient activation")


def _activation(value):
    """Returns the world and derivatives of what `activation` made, else None."""
    found = getattr(value, "activation", None)
    return found if isinstance(found, tuple) and isinstance(found[-1], _ops.Derivatives) else None


def _binding(value):
    if _activation(value):
        return Binding(_activation(value)[-1][0], None, _activation(value))
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    function, gradient = value if pair else (value, None)
    if _activation(function):
        raise TypeError(
            "%s is an activation, with its gradient: bind it alone" % describe(function)
        )
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
        keys = _keys(callback, bindings, made)
        found = [(made[key], key) for key in keys if key in made]
        if not keys:
            unbound.append(callback)
        elif any(binding != found[0][0] for binding, _ in found):
            twice = " and ".join("to %s by %r" % (_what(b), key) for b, key in found)
            problems.append(
                "%s: bound twice, %s; what has one token is one function"
                % (_title(callback), twice)
            )
        elif found:
            bound[callback.token] = found[0][0]
    family = _Family(callbacks, bound)
    for callback in unbound:
        binding = family.activation_of(callback)
        if binding is None:
            problems.append("%s: not bound%s" % (_title(callback), _why_not(callback)))
        else:
            bound[callback.token] = binding
    served = {}
    for callback in callbacks:
        exact = any(key in _names(callback) for key in bindings)
        for node in callback.nodes if callback.token in bound else []:
            binding = bound[callback.token]
            if binding.activation:
                order, misfit = family.order(node, binding, exact)
            else:
                order, misfit = None, _misfit(node, binding)
            if misfit:
                problems.append("%s: %s" % (_title(callback, node), misfit))
            else:
                served[node] = binding, order
    if problems:
        count = sum(all(node in served for node in callback.nodes) for callback in callbacks)
        title = "%s is not bound: %d of its %d callbacks are served, and this is wrong:"
        title %= callbacks.saved.name, count, len(callbacks)
        raise ValueError("\n  ".join([title] + problems))
    return served


def _own_names(callback):
    """Returns what no other callback is called: its token, and names with those of functions."""
    return [callback.token] + [node.path for node in callback.nodes]


def _names(callback):
    return _own_names(callback) + [node.name for node in callback.nodes]


def _means(key, callback):
    """Whether a key is a callback's token, or the name of a node of it or a pattern for one."""
    token, names = callback.token, _names(callback)[1:]
    return key == token or any(fnmatch.fnmatchcase(name, str(key)) for name in names)


def _keys(callback, bindings, made):
    """Returns the keys that serve a callback: its own names, else others, else patterns."""
    for names in (_own_names(callback), _names(callback)):
        exact = [key for key in bindings if key in names]
        if exact:
            return exact
    return [
        key
        for key in bindings
        if any(
            fnmatch.fnmatchcase(name, str(key)) and not _means_another(key, name, made.get(key))
            for name in _names(callback)[1:]
        )
    ]


def _means_another(key, name, binding):
    """Whether a pattern for a node in a gradient also fits what that is the gradient of.

    Then a function is meant for the latter alone; an activation serves both.
    """
    if binding is None or binding.activation:
        return False
    return any(fnmatch.fnmatchcase(owner, str(key)) for owner in owners_of(name))


def _what(binding):
    return describe(binding.function) + (" with a gradient" if binding.gradient else "")


def _why_not(callback):
    owner = in_gradient(callback.nodes[0].name)
    if owner is None:
        return ""
    return "; it is part of the gradient of %s, and a function wants a key of its own" % (
        callback.nodes[0].gradient_of or owner[0]
    )


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
        return "TensorFlow %s does not know its %s" % (_ops.tf.VERSION, unknown[0])
    if not _takes(binding.function, len(node.inputs)):
        return "%s does not take %d inputs; this is %s" % (
            describe(binding.function),
            len(node.inputs),
            _typed(node),
        )
    gradient = binding.gradient
    if gradient is not None and node.op == "EagerPyFunc":
        return "TensorFlow has its own gradient for this: bind a function alone, to %s" % _typed(
            node
        )
    if callable(gradient) and not _takes(gradient, 1 + len(node.outputs)):
        return "%s does not take the op and %d upstream gradients; this is %s" % (
            describe(gradient),
            len(node.outputs),
            _typed(node),
        )
    return None


def _typed(node):
    return "%s of %s" % (node.op, node.signature)


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
                _typed(node),
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
