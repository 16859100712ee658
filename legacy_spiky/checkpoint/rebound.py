"""The graph of a saved one, with its callbacks bound to functions of this process."""

import collections
import itertools
import re

from legacy_spiky import _ops, graph
from legacy_spiky._errors import reason
from legacy_spiky._ops import tf
from legacy_spiky.checkpoint.bindings import resolve
from legacy_spiky.checkpoint.live import live
from legacy_spiky.checkpoint.nodes import ADDED, CALLS
from legacy_spiky.checkpoint.nodes import callbacks as callbacks_of
from legacy_spiky.checkpoint.saved import each_node

__all__ = ["make"]


def make(saved, bindings, clear_devices):
    """Makes a graph of what `saved.read` returned; returns it, and its saver if it has one."""
    for _, node_def in each_node(saved.meta.graph_def) if clear_devices else []:
        node_def.device = ""
    callbacks = callbacks_of(saved)
    if not callbacks:
        raise ValueError(
            "%s has no callbacks, so there is nothing to bind: load it with TensorFlow" % saved.name
        )
    _check_whole(saved)
    served = resolve(callbacks, bindings)
    nodes = {(node.function, node.name): node for _, nodes in callbacks for node in nodes}
    made, seals = {}, {}
    for function, node_def in each_node(saved.meta.graph_def):
        if node_def.op in CALLS:
            node = nodes[function, node_def.name]
            binding, order = served[node]
            attributes = node_def.attr
            seal = _seal(callbacks.flow, function, node_def)
            device = node_def.device
            key = attributes["token"].s, node.signature, node.gradient is None, order, device
            key += (seal is None,)
            if key not in made:
                made[key] = live(node, binding, order, device, seal is not None)
            _, attributes["token"].s, gradient, node_def.device, refused = made[key]
            if gradient is None and _own_gradient(node_def).startswith(_REFUSED):
                gradient = _ops.no_second(graph.WORLD).encode()
            _set_gradient(node_def, gradient)
            if seal is not None:
                seals[function, seal.name] = refused
            if gradient is not None and node.gradient is None:
                attributes[ADDED].b = True
    _set_other_gradients(saved.meta.graph_def, seals)
    _make_calls_differentiable(saved.meta.graph_def)
    _rename_functions(saved.meta.graph_def)
    rebound, saver = _import(saved)
    # A graph keeps its functions alive, and they their gradients: so this one keeps those graphs.
    rebound._legacy_spiky_callbacks = [own for own, *_ in made.values()]
    return rebound, saver


# What TensorFlow puts before the names of the inputs that it leaves out of an exported scope.
_UNBOUND = "$unbound_inputs_"


def _check_whole(saved):
    """Raises ValueError where a saved graph is a part of one, and lacks its inputs."""
    inputs = {name for _, node in each_node(saved.meta.graph_def) for name in node.input}
    unbound = sorted(name for name in inputs if name.lstrip("^").startswith(_UNBOUND))
    waits = [name for name in unbound if name.startswith("^")]
    if waits:
        advice = "TensorFlow imports no part that waits for others, %s; save the whole graph"
        advice %= ", ".join(waits)
    else:
        advice = (
            "Give them first, by tf.train.import_meta_graph(..., import_scope='part', input_map={"
            "%s}), and rebind what tf.train.export_meta_graph() returns then"
        ) % ", ".join("%r: tensor" % name for name in unbound)
    if unbound:
        raise ValueError(
            "%s is a part of a graph, as tf.train.export_meta_graph saves one with export_scope, "
            "without its inputs. %s" % (saved.name, advice)
        )


def _seal(flow, function, node_def):
    """Returns the node through which `legacy_spiky` refuses a derivative further, or None."""
    for x in flow.inputs(function, node_def)[:1]:
        node = flow.node(*x[:2])
        if node and node.op not in CALLS and _own_gradient(node).startswith(_OURS):
            return node
    return None


def _own_gradient(node_def):
    """Returns the name of the gradient that a node has instead of that of its op."""
    there = "_gradient_op_type" in node_def.attr  # asking for what is not there would add it
    return node_def.attr["_gradient_op_type"].s if there else b""


def _set_gradient(node_def, gradient):
    for name in ("_gradient_op_type", ADDED):
        if name in node_def.attr:
            del node_def.attr[name]
    if gradient is not None:
        node_def.attr["_gradient_op_type"].s = gradient


# What gradients are called that are Python functions of the process that saved: those of
# `legacy_spiky` and the recipe, and those of tf.custom_gradient, whose numbers other processes too
# give to gradients of theirs.
_OURS, _CUSTOM, _REFUSED = b"PyFuncGrad", b"CustomGradient-", _ops.REFUSED.encode()


def _set_other_gradients(graph_def, seals):
    """Sees to the nodes that call no Python function and have a gradient that is one."""
    for function, node_def in each_node(graph_def):
        if node_def.op in CALLS or not _own_gradient(node_def).startswith((_OURS, _CUSTOM)):
            continue
        refused = seals.get(
            (function, node_def.name),
            "the gradient of %s is a Python function of the process that saved it, as of "
            "tf.custom_gradient, and not of an op of one: it is lost" % node_def.name,
        )
        _set_gradient(node_def, refused and _ops.refusal(graph.WORLD, refused).encode())


def _make_calls_differentiable(graph_def):
    """Turns calls of functions with callbacks into branches: `f(x)` into `f(x) if True else f(x)`.

    The gradient of a call in an imported graph TensorFlow leaves to its runtime, which knows none
    of Python functions; that of a branch it builds, as in the graph that was saved.
    """
    called = collections.defaultdict(set)  # by each function: ops and functions
    for function, node in each_node(graph_def):
        called[function].add(node.op)
        for value in node.attr.values():
            called[function].update(f.name for f in [value.func, *value.list.func])
    holders = set(CALLS)
    more = holders
    while more:
        more = {name for name in called if called[name] & holders} - holders
        holders |= more
    for function in [None, *graph_def.library.function]:
        body = graph_def.node if function is None else function.node_def
        for node in list(body):
            if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
                if node.attr["f"].func.name in holders:
                    _make_branch(node, body, function)


def _make_branch(call, body, function):
    true = body.add(name=call.name + "/true", op="Const")
    true.attr["dtype"].type = tf.bool.as_datatype_enum
    true.attr["value"].tensor.dtype = tf.bool.as_datatype_enum
    true.attr["value"].tensor.bool_val.append(True)
    if function is None:  # it may be in a loop, and then both are
        true.input.extend("^" + name.lstrip("^").split(":")[0] for name in call.input)
    call.op = "If"
    call.input.insert(0, true.name + (":0" if function is None else ":output:0"))
    for branch in ("then_branch", "else_branch"):
        call.attr[branch].func.CopyFrom(call.attr["f"].func)
    call.attr["Tcond"].type = tf.bool.as_datatype_enum
    for name in ("f", "config", "config_proto", "executor_type", "_gradient_op_type"):
        if name in call.attr:
            del call.attr[name]


_number = itertools.count(1)


def _rename_functions(graph_def):
    """Gives the functions of the library names that no other graph of the process has.

    TensorFlow 2 keeps those that it makes for gradients by such names, for all graphs at once.
    """
    library, number = graph_def.library, next(_number)
    new = {f.signature.name: "%s_rebound_%d" % (f.signature.name, number) for f in library.function}
    for function in library.function:
        function.signature.name = new[function.signature.name]
        for value in function.attr.values():  # as the name of its forward function
            name = value.s.decode("utf-8", "replace")
            if name in new:
                value.s = new[name].encode()
    for gradient in library.gradient:
        gradient.function_name = new.get(gradient.function_name, gradient.function_name)
        gradient.gradient_func = new.get(gradient.gradient_func, gradient.gradient_func)
    for _, node in each_node(graph_def):
        node.op = new.get(node.op, node.op)
        for value in node.attr.values():
            for called in [value.func, *value.list.func]:
                if called.name in new:
                    called.name = new[called.name]


def _import(saved):
    if any(node.op.endswith("While") for _, node in each_node(saved.meta.graph_def)):
        _ops.load_control_flow_v2()
    imported = tf.Graph()
    try:
        with imported.as_default():
            saver = tf.train.import_meta_graph(saved.meta)
    except Exception as error:  # whatever TensorFlow has for a graph that it cannot read
        raise _import_error(saved, str(error)) from error
    _check_attributes(saved, imported)
    # Saved scopes are taken: in one of them a new gradient's loop would have a saved one's name.
    names = {op.name for op in imported.get_operations()}
    parts = [name.split("/") for name in names]
    for scope in {"/".join(part[:i]) for part in parts for i in range(1, len(part))} - names:
        imported.unique_name(scope)
    return imported, saver


def _check_attributes(saved, imported):
    # TensorFlow 2 logs an attribute that it does not know, and goes on without it.
    known = {}
    for op in imported.get_operations():
        if op.type not in known:
            known[op.type] = {attribute.name for attribute in op.op_def.attr}
    for _, node in each_node(imported.as_graph_def()):
        for name in node.attr:
            if not name.startswith("_") and name not in known.get(node.op, [name]):
                raise _import_error(
                    saved, "NodeDef mentions attr '%s' not in Op<name=%s" % (name, node.op)
                )


# What TensorFlow says of what it does not know.
_UNKNOWN = [
    (r"Op type not registered '([^']*)'", "the op %s"),
    (r"No op named (\S+) in defined", "the op %s"),
    (r"^'(\w+)'$", "the op %s"),
    (r"NodeDef mentions attr '([^']*)' not in Op<name=(\w*)", "the attribute %s of the op %s"),
]


def _import_error(saved, said):
    for pattern, what in _UNKNOWN:
        match = re.search(pattern, said)
        if match:
            said = "it does not know " + what % match.groups()
    writer = saved.meta.meta_info_def.tensorflow_version
    return ValueError(
        "TensorFlow %s cannot import %s%s, which is of a newer TensorFlow, needs a library of ops "
        "that is not loaded, or is damaged: %s"
        % (tf.VERSION, saved.name, writer and ", of TensorFlow " + writer, reason(said))
    )
