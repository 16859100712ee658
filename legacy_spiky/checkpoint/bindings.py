"""Which Python function serves which callback of a saved graph."""

import collections
import difflib
import fnmatch
import inspect

from legacy_spiky import _ops
from legacy_spiky._errors import describe
from legacy_spiky.checkpoint.family import Family, typed
from legacy_spiky.checkpoint.nodes import in_gradient, owners_of

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
    family = Family(callbacks, bound)
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
            typed(node),
        )
    gradient = binding.gradient
    if gradient is not None and node.op == "EagerPyFunc":
        return "TensorFlow has its own gradient for this: bind a function alone, to %s" % typed(
            node
        )
    if callable(gradient) and not _takes(gradient, 1 + len(node.outputs)):
        return "%s does not take the op and %d upstream gradients; this is %s" % (
            describe(gradient),
            len(node.outputs),
            typed(node),
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
