"""An expression as the text of a module that needs TensorFlow alone, 1.15 or newer.

Where TensorFlow is to differentiate the text, what a number does not do makes no NaN. The gradient
of a `tf.where` is 0 on the side that is not taken, and times an infinite derivative that would be
NaN. So a side gets its numbers by `_only` or `_unless`, which stop such a gradient again. What is
on both sides, and what has a finite derivative in any case, is written once, before them.
"""

import keyword
import math
import re

from legacy_spiky._scalar.expression import BOOLS, Choice, Value, paths, values
from legacy_spiky._scalar.helpers import HELPERS
from legacy_spiky._scalar.rules import LACKING, ending
from legacy_spiky._scalar.writer import Writer

__all__ = ["is_name", "lacking", "module_text"]


_MODULE = '''"""%(name)s as TensorFlow ops; TensorFlow is all that it needs, 1.15 or newer."""

import tensorflow as tf

_DTYPE = tf.%(dtype)s
%(constants)s

@tf.autograph.experimental.do_not_convert
def %(name)s(x, name=None):
    """%(name)s of each number of a tensor of float16, bfloat16, float32 or float64."""
    with tf.compat.v1.name_scope(name, "%(name)s", [x]):
        x = tf.identity(tf.convert_to_tensor(x))
        if x.dtype not in (tf.float16, tf.bfloat16, tf.float32, tf.float64):
            raise TypeError(
                "%(name)s takes a tensor of float16, bfloat16, float32 or float64, got "
                + x.dtype.name
            )
        return _op(x)
'''

_LAST = '''

def %(op)s(x):
    """The %(what)s."""
    return _rounded(%(function)s(_widened(x)), x.dtype)
'''

_OF_ORDER = '''

@tf.custom_gradient
def %(op)s(x):
    """The %(what)s; its gradient is the next."""

    def gradient(upstream):
        return _product(upstream, %(next)s(tf.identity(x)))  # a tensor of the gradient's graph

    return _rounded(%(function)s(_widened(x)), x.dtype), gradient
'''

_ORDERS = [("_op", "_f", "function"), ("_d_op", "_df", "derivative")]
_ORDERS += [("_d2_op", "_d2f", "second derivative")]


def is_name(name):
    """Whether a module can define a function of this name."""
    return (
        isinstance(name, str)
        and re.match(r"[A-Za-z][A-Za-z0-9_]*\Z", name) is not None
        and not keyword.iskeyword(name)
        and name not in ("tf", "float", "len", "print", "sum", "TypeError")
    )


def lacking(path):
    """Returns the name of what a path needs and TensorFlow has not, or None."""
    for value in values(ending(_whole_value(path))):
        if value.op in LACKING:
            return "math." + value.op


def module_text(orders, name, dtype):
    """Writes a module.

    Args:
      orders: a path, that of its derivative, that of the second, as far as they are known; the last
        one is differentiated by TensorFlow.
      name: of the function that it defines: `is_name(name)`.
      dtype: the name of the one to compute in.

    Returns:
      The text. All other names in it begin with `_`.
    """
    constants = {"_DTYPE": None}
    last = len(orders) - 1
    functions, ops = [], []
    for i, path in enumerate(orders):
        op, function, what = _ORDERS[i]
        lines = Writer(constants, differentiable=i == last).write(_whole_value(path))
        functions.append(
            '\n\ndef %s(x):\n    """The %s, of a tensor of _DTYPE."""\n%s'
            % (function, what, "".join("    %s\n" % line for line in lines))
        )
        parts = {"op": op, "function": function, "what": what}
        if i < last:
            parts["next"] = _ORDERS[i + 1][0]
        ops.append((_LAST if i == last else _OF_ORDER) % parts)
    body = "".join(ops + functions)
    body += "".join("\n" + helper for helper in _helpers(body, dtype))
    for known, number in [("_INF", 'float("inf")'), ("_NAN", 'float("nan")')]:
        if re.search(known + r"\b", body):
            constants[known] = number
    del constants["_DTYPE"]
    lines = "".join("%s = %s\n" % item for item in constants.items())
    return _MODULE % {"name": name, "dtype": dtype, "constants": lines} + body


def _helpers(body, dtype):
    """Returns the text of each helper that is called, also by one of them."""
    found, rest = {}, [body]
    while rest:
        called = set(re.findall(r"\b(_\w+)\(", rest.pop()))
        for name in sorted(called & set(HELPERS) - set(found)):
            helper = HELPERS[name]
            if isinstance(helper, dict):
                helper = helper.get(dtype, helper[""])
            found[name] = helper
            rest.append(helper)
    return [found[name] for name in HELPERS if name in found]


def _whole_value(path):
    """Returns what is returned, on whatever path: each choice is a `select`."""
    found = {}
    for part in reversed(list(paths(path))):
        end = part.end
        if end is None:
            end = Value("constant", (), "float", math.nan)
        elif isinstance(end, Choice):
            sides = found[id(end.yes)], found[id(end.no)]
            end = Value("select", (end.condition,) + sides, "float")
        elif end.kind in BOOLS:
            end = Value("convert", (end,), "int")
        found[id(part)] = end
    return found[id(path)]
