"""The nodes of a saved graph that call Python functions, and what they say of these."""

import collections
import re
from typing import NamedTuple, Optional, Tuple

from legacy_spiky import _ops
from legacy_spiky._ops import tf
from legacy_spiky.checkpoint.flow import Flow
from legacy_spiky.checkpoint.saved import each_node

__all__ = [
    "ADDED",
    "CALLS",
    "Callback",
    "Callbacks",
    "Node",
    "aliases",
    "callbacks",
    "in_gradient",
    "owners_of",
]

# The ops that call a Python function: of tf.py_func, and of tf.py_function.
CALLS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")

# An attribute of a node that had no gradient of its own before it was bound.
ADDED = "_legacy_spiky_gradient"


class Node(NamedTuple):
    """A node of a saved graph that calls a Python function.

    Attributes:
      name: its name, with its scope.
      function: the function of the graph's library in which it is, or None.
      op: its op: `PyFunc`, `PyFuncStateless` or `EagerPyFunc`.
      inputs: the dtypes of its inputs.
      input_shapes: their static shapes, as tuples; None for what is not known.
      outputs: the dtypes of its outputs.
      output_shapes: their static shapes, likewise.
      gradient: the name of its own gradient, or None.
      gradient_of: the name of the callback's node that it is a part of the gradient of, or None.
    """

    name: str
    function: Optional[str]
    op: str
    inputs: Tuple[str, ...]
    input_shapes: Tuple[Optional[tuple], ...]
    outputs: Tuple[str, ...]
    output_shapes: Tuple[Optional[tuple], ...]
    gradient: Optional[str]
    gradient_of: Optional[str]

    @property
    def scope(self) -> str:
        """The scope of its name."""
        return self.name.rpartition("/")[0]

    @property
    def path(self) -> str:
        """Its name, after that of its function and a slash if it is in one."""
        return self.name if self.function is None else self.function + "/" + self.name

    @property
    def signature(self) -> str:
        """What goes in and what comes out, as `float32 [?, 3] -> float32 [?, 3]`."""
        return "%s -> %s" % (
            _tensors(self.inputs, self.input_shapes),
            _tensors(self.outputs, self.output_shapes),
        )


def _tensors(dtypes, shapes):
    return ", ".join(
        dtype if shape is None else "%s %s" % (dtype, str(list(shape)).replace("None", "?"))
        for dtype, shape in zip(dtypes, shapes)
    )


class Callback(NamedTuple):
    """A Python function that a saved graph calls.

    Attributes:
      token: what the saved graph knows it by.
      nodes: the nodes that call it.
    """

    token: str
    nodes: Tuple[Node, ...]


class Callbacks(tuple):
    """The callbacks of a saved graph, each a `Callback`. Prints as a table."""

    def __new__(cls, callbacks, saved, flow):
        self = super().__new__(cls, callbacks)
        self.saved, self.flow = saved, flow
        return self

    def __str__(self):
        version = self.saved.meta.meta_info_def.tensorflow_version
        title = self.saved.name + (", written by TensorFlow %s" % version if version else "")
        if not self:
            return "%s: no callbacks, nothing to bind; TensorFlow loads it as it is" % title
        rows = [("token", "node", "function", "op", "inputs and outputs", "gradient", "part of")]
        for token, nodes in self:
            for node in nodes:
                part = "gradient of " + node.gradient_of if node.gradient_of else "-"
                row = (node.function or "-", node.op, node.signature, node.gradient or "-", part)
                rows.append((token, node.name) + row)
                token = ""
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
        count = "1 callback" if len(self) == 1 else "%d callbacks" % len(self)
        return "\n".join(["%s: %s" % (title, count)] + lines)

    def skeleton(self) -> str:
        """Returns Python code that binds them, with the functions to fill in."""
        saved = self.saved
        name, made = ("restore", "session") if saved.weights else ("rebind", "graph")
        path = saved.weights if saved.weights and not saved.folder else saved.name
        lines = [
            "from legacy_spiky.checkpoint import " + name,
            "",
            "# For each a function of arrays; where it has a gradient (function, gradient), or an",
            "# activation, which also serves what is in its gradient: delete the line of that.",
            "bindings = {",
        ]
        for _, (node, *_) in self:
            line = "    %r: ...,  # %s" % (node.path, node.signature)
            line += ", of eager tensors" if node.op == "EagerPyFunc" else ""
            line += ", with a gradient" if node.gradient else ""
            line += ", in the gradient of %s" % node.gradient_of if node.gradient_of else ""
            lines.append(line)
        tags = "" if saved.tags is None else ", tags=%r" % (list(saved.tags),)
        return "\n".join(lines + ["}", "%s = %s(%r, bindings%s)" % (made, name, path, tags)])


def callbacks(saved):
    """Returns the callbacks that a saved graph needs, in its order."""
    graph_def = saved.meta.graph_def
    flow = Flow(graph_def)
    calls = [(function, node) for function, node in each_node(graph_def) if node.op in CALLS]
    named = collections.defaultdict(list)
    for call in calls:
        for alias in aliases(call[1].name, call[0]):
            named[alias].append(call)
    found = collections.OrderedDict()
    for function, node in calls:
        token = node.attr["token"].s.decode("utf-8", "replace") if "token" in node.attr else ""
        inputs, outputs = _dtypes(node, "Tin"), _dtypes(node, "Tout")
        known = [_shape(flow, tensor) for tensor in flow.inputs(function, node)]
        shapes = _shapes(node)
        own = "_gradient_op_type" in node.attr and ADDED not in node.attr
        gradient = node.attr["_gradient_op_type"].s if own else b""
        if gradient.startswith(_ops.REFUSED.encode()):
            gradient = b""
        owners = [name for name in owners_of(node.name) if name in named]
        fitting = [name for name in owners if _shares_input(flow, (function, node), named[name])]
        found.setdefault(token, []).append(
            Node(
                node.name,
                function,
                node.op,
                inputs,
                tuple(known) if len(known) == len(inputs) else (None,) * len(inputs),
                outputs,
                shapes if len(shapes) == len(outputs) else (None,) * len(outputs),
                gradient.decode("utf-8", "replace") or None,
                (fitting + owners + [None])[0],
            )
        )
    return Callbacks([Callback(token, tuple(nodes)) for token, nodes in found.items()], saved, flow)


def _shares_input(flow, call, owners):
    x, *_ = flow.inputs(*call) + [None]
    others = [flow.inputs(*owner)[:1] for owner in owners]
    return x is not None and any(flow.is_one(x, other) for each in others for other in each)


def _dtypes(node, attribute):
    numbers = node.attr[attribute].list.type if attribute in node.attr else []
    return tuple(_dtype(number) for number in numbers)


def _dtype(number):
    try:
        return tf.as_dtype(number).name
    except TypeError:  # of a newer TensorFlow, or damaged
        return "dtype %d" % number


def _shapes(node):
    """Returns the static shapes of a node's outputs, where the graph was saved with them."""
    if "_output_shapes" not in node.attr:
        return ()
    return tuple(
        None if shape.unknown_rank else tuple(None if d.size < 0 else d.size for d in shape.dim)
        for shape in node.attr["_output_shapes"].list.shape
    )


def _shape(flow, tensor):
    """Returns the static shape of a tensor."""
    node = flow.node(*tensor[:2])
    shapes = () if node is None else _shapes(node)
    if tensor.function is not None:  # where the number is not that of all outputs
        return shapes[0] if len(shapes) == 1 else None
    return shapes[tensor.number] if tensor.number < len(shapes) else None


def aliases(name, function):
    """Returns the names that a node may have had when its gradient was built."""
    found = [name]
    while function is not None and re.search(r"_\d+$", found[-1]):  # numbered anew when saved
        found.append(found[-1].rpartition("_")[0])
    return found


# In the name of a node: the gradient of another, and the scopes that such gradients are in.
_GRADIENT = re.compile(r"_grad(_\d+)?/")
_GRADIENTS = re.compile(r"(gradients|gradient_tape)(_\d+)?$")


def in_gradient(name):
    """Returns the name up to what the node is part of the gradient of, and the whole scope."""
    ends = [match.span() for match in _GRADIENT.finditer(name)]
    return (name[: ends[-1][0]], name[: ends[-1][1]]) if ends else None


def owners_of(name):
    """Returns the names that the node may have of whose gradient `name` is, if it is of one.

    `tf.gradients` builds the gradient of `layer/spiky` in a scope `gradients/layer/spiky_grad`; in
    a graph that was imported as `model` both are in that scope.
    """
    if in_gradient(name) is None:
        return []
    parts = in_gradient(name)[0].split("/")
    scopes = [i for i, part in enumerate(parts) if _GRADIENTS.match(part)]
    if scopes:
        found = [parts[:j] + parts[i + 1 :] for i in scopes for j in range(i, -1, -1)]
    else:  # the scope has another name
        found = [parts[i:] for i in range(len(parts))]
    return ["/".join(each) for each in found]
