"""Saved graphs: which Python functions they need, and the same graphs with these bound again.

A `.meta` file, a frozen graph or a SavedModel holds for each op of a Python function the name that
the function had in the process that saved it, `pyfunc_0`, and the random name of its gradient. Here
functions of this process take their place.

    python -m legacy_spiky.checkpoint PATH

prints what the saved graph at PATH needs.
"""

import argparse
import collections
import os
import re
import sys
import threading
from typing import Any, Dict, Optional, Sequence, Union

from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef

from legacy_spiky import _bindings, _op, _saved, _tf, graph
from legacy_spiky._errors import reason
from legacy_spiky._tf import tf

__all__ = ["find_callbacks", "rebind", "restore"]

Source = Union[str, "os.PathLike[str]", "tf.GraphDef", "tf.MetaGraphDef"]


def find_callbacks(source: Source, tags: Optional[Sequence[str]] = None) -> _saved.Callbacks:
    """Finds the Python functions that a saved graph calls.

    Args:
      source: a `GraphDef`, a `MetaGraphDef`, or the path of a `.meta` file, of a frozen `.pb` or
        `.pbtxt`, of a SavedModel's folder, or the prefix of a checkpoint.
      tags: of a SavedModel that holds several graphs, those of the one that is meant; without
        them, the one for serving.

    Returns:
      A tuple that prints as a table. For each function there is its `token`, by which the saved
      graph knows it, and the `nodes` that call it, in the graph, in loops and branches, and in
      functions of the graph's library. Of each node there are `name`, `scope`, `function`, `op`,
      `inputs`, `input_shapes`, `outputs`, `output_shapes`, its own `gradient`, and the node that
      it is part of the gradient of, `gradient_of`. Nothing of the graph is run.

    Raises:
      TypeError: `source` is something else.
      OSError: there is no such file.
      ValueError: the file is no saved graph, or is damaged.

    >>> with tf.Graph().as_default() as saved:
    ...     y = graph.tf_spiky(tf.placeholder(tf.float32, [3], name="x"))
    >>> (callback,) = find_callbacks(saved.as_graph_def())
    >>> callback.nodes[0].name, callback.nodes[0].inputs, callback.nodes[0].outputs
    ('spiky', ['float32'], ['float32'])
    """
    return _saved.callbacks(_saved.read(source, tags))


def rebind(
    source: Source, bindings: Dict[str, Any], tags: Optional[Sequence[str]] = None
) -> "tf.Graph":
    """Makes a graph of a saved one, with its callbacks bound to functions of this process.

    Args:
      source: as for `find_callbacks`. It is not written to.
      bindings: a dictionary. A key is a token, the name of a node (with that of its function and a
        slash before it, if it likes, where it is in one) or a pattern for names, as `"*spiky*"`. A
        value is a function, of arrays as for `legacy_spiky.py_func`; a pair (function, gradient)
        of it and `grad(op, *upstream)`, as there; or an activation, as `activation` makes and
        `tf_spiky` is, which also serves the nodes of its derivative, where these have no key
        of their own. A function alone has no gradient: where the saved one had, asking for
        it is an error.
      tags: as for `find_callbacks`.

    Returns:
      A new `tf.Graph`, with collections and all, and without weights: see `restore`. Its
      callbacks live as long as it does.

    Raises:
      TypeError: `source` or `bindings` is something else.
      OSError: there is no such file.
      ValueError: the file is no saved graph, or is damaged or of a newer TensorFlow; it has no
        callbacks; or some are not bound, are bound twice, or to what does not fit. Then all of
        them are named, and none is bound.

    TensorFlow itself takes no gradient through a `tf.while_loop` of TensorFlow 1 in a frozen graph,
    which has lost what a loop is; gradients that were saved with it run.

    >>> with tf.Graph().as_default() as saved:
    ...     y = graph.tf_spiky(tf.placeholder(tf.float32, [3], name="x"))
    >>> with rebind(saved.as_graph_def(), {"spiky": graph.tf_spiky}).as_default():
    ...     gradient = tf.gradients("spiky:0", "x:0")[0]
    ...     with tf.Session() as session:
    ...         session.run(gradient, {"x:0": [0.2, 0.7, 1.2]}).tolist()
    [1.0, 0.0, 1.0]
    """
    return _rebind(_saved.read(source, tags), bindings)


def _rebind(saved, bindings):
    """Returns the graph, and the saver of its weights if it has one."""
    callbacks = _saved.callbacks(saved)
    if not callbacks:
        raise ValueError(
            "%s has no callbacks, so there is nothing to bind: load it with TensorFlow" % saved.name
        )
    served = _bindings.resolve(callbacks, bindings)
    nodes = {(node.function, node.name): node for _, nodes in callbacks for node in nodes}
    made = {}
    for function, node_def in _saved.each_node(saved.meta.graph_def):
        if node_def.op in _saved.CALLS:
            node = nodes[function, node_def.name]
            key = node_def.attr["token"].s, node.signature, node.gradient is None
            if key not in made:
                made[key] = _live(node, *served[node])
            _, node_def.attr["token"].s, gradient = made[key]
            if gradient is not None:
                node_def.attr["_gradient_op_type"].s = gradient
    _make_calls_differentiable(saved.meta.graph_def)
    rebound, saver = _import(saved)
    # A graph keeps its functions alive, and they their gradients: so this one keeps those.
    rebound._legacy_spiky_callbacks = [live for live, _, _ in made.values()]
    return rebound, saver


def _live(node, binding, order):
    """Builds an op that does what a saved node did, in a graph of its own.

    Returns the graph, and the token of the op and the name of its gradient (or None), which make
    the saved node do the same.
    """
    outputs = [tf.as_dtype(dtype) for dtype in node.outputs]
    refused = None
    with tf.Graph().as_default() as live:
        inputs = [tf.placeholder(tf.as_dtype(dtype)) for dtype in node.inputs]
        if node.op == "EagerPyFunc":
            tf.py_function(binding.function, inputs, outputs)
        elif binding.activation is None:
            graph.py_func(binding.function, inputs, outputs, grad=binding.gradient)
            if binding.gradient is None and node.gradient:
                refused = (
                    "%s is bound to %s alone; for its gradient bind it to a pair: (%s, ...)"
                    % (
                        node.path,
                        binding,
                        "function, gradient",
                    )
                )
        elif len(inputs) == 1:
            _op.elementwise(*binding.activation, order, *inputs)
        else:
            _op.product(*binding.activation, order, *inputs)
            try:
                binding.activation[-1][order + 1]
            except NotImplementedError as error:  # the saved input is not sealed, as a new one is
                refused = str(error)
        (op,) = [op for op in live.get_operations() if op.type in _saved.CALLS]
    attributes = op.node_def.attr
    gradient = attributes["_gradient_op_type"].s if "_gradient_op_type" in attributes else None
    return live, attributes["token"].s, _op.refusal(refused).encode() if refused else gradient


def _make_calls_differentiable(graph_def):
    """Turns calls of functions with callbacks into branches: `f(x)` into `f(x) if True else f(x)`.

    The gradient of a call in an imported graph TensorFlow leaves to its runtime, which knows none
    of Python functions; that of a branch it builds, as in the graph that was saved.
    """
    callees = collections.defaultdict(set)  # of each function: ops and functions
    for function, node in _saved.each_node(graph_def):
        attributes = node.attr.values()
        callees[function].add(node.op)
        callees[function].update(f.name for a in attributes for f in [a.func, *a.list.func])
    holders = set(_saved.CALLS)
    while True:
        more = {function for function in callees if callees[function] & holders} - holders
        if not more:
            break
        holders |= more
    bodies = [graph_def.node] + [function.node_def for function in graph_def.library.function]
    for body in bodies:
        for node in list(body):
            calls = node.op in ("PartitionedCall", "StatefulPartitionedCall")
            if calls and node.attr["f"].func.name in holders:
                _make_branch(body, node, body is bodies[0])


def _make_branch(body, call, in_graph):
    true = body.add(name=call.name + "/always", op="Const")
    true.attr["dtype"].type = tf.bool.as_datatype_enum
    true.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(True))
    if in_graph:  # in the same loop, if there is one
        true.input.extend("^" + name.lstrip("^").split(":")[0] for name in call.input)
    call.op = "If"
    call.input.insert(0, true.name + (":0" if in_graph else ":output:0"))
    function = call.attr["f"].func
    for branch in ("then_branch", "else_branch"):
        call.attr[branch].func.CopyFrom(function)
    call.attr["Tcond"].type = tf.bool.as_datatype_enum
    for name in ("f", "config", "config_proto", "executor_type", "_gradient_op_type"):
        if name in call.attr:
            del call.attr[name]


# What TensorFlow says of what it does not know.
_UNKNOWN = [
    (r"Op type not registered '([^']*)'|No op named (\S+) in defined", "the op %s"),
    (r"NodeDef mentions attr '([^']*)' not in Op<name=([^;]*);", "the attribute %s of the op %s"),
]


def _import(saved):
    """Imports a saved graph into a new one; returns it, and the saver if it has one."""
    if any(node.op.endswith("While") for _, node in _saved.each_node(saved.meta.graph_def)):
        _tf.load_control_flow_v2()
    imported = tf.Graph()
    try:
        with imported.as_default():
            return imported, tf.train.import_meta_graph(saved.meta)
    except Exception as error:  # whatever TensorFlow has for a graph that it cannot read
        said = str(error)
        writer = saved.meta.meta_info_def.tensorflow_version
        for pattern, what in _UNKNOWN:
            match = re.search(pattern, said)
            if match:
                said = "it does not know " + what % tuple(filter(None, match.groups()))
        raise ValueError(
            "TensorFlow %s cannot import %s%s, which is damaged, of a newer TensorFlow, or needs a "
            "library of ops that is not loaded: %s"
            % (tf.VERSION, saved.name, writer and ", of TensorFlow " + writer, reason(said))
        ) from error


def restore(
    path: Union[str, "os.PathLike[str]"],
    bindings: Dict[str, Any],
    tags: Optional[Sequence[str]] = None,
    config: Optional[Any] = None,
) -> "tf.Session":
    """Makes a session of a checkpoint or a SavedModel, with its graph, callbacks and weights.

    Args:
      path: the prefix of a checkpoint, beside which its `.meta` is, or a SavedModel's folder.
      bindings: as for `rebind`.
      tags: as for `find_callbacks`.
      config: a `tf.ConfigProto` for the session.

    Returns:
      A `tf.Session`; its `graph` is the saved one, and its variables have the values that they had,
      an optimizer's slots too. These are read when it first runs, since TensorFlow builds
      gradients through branches and loops of TensorFlow 2 only before a session runs a graph.

    Raises:
      TypeError, OSError, ValueError: as `rebind`; and ValueError where there are no weights or
        they are damaged, in the latter case when the session runs.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     x = tf.Variable([0.2, 0.7, 1.2], name="x")
    ...     y = graph.tf_spiky(x)
    ...     session.run(x.initializer)
    ...     prefix = tf.train.Saver().save(session, os.path.join(folder, "model"))
    >>> with restore(prefix, {"spiky": graph.tf_spiky}) as session:
    ...     session.run("spiky:0").tolist()
    [0.20000000298023224, 0.0, 0.20000004768371582]
    """
    saved = _saved.read(path, tags)
    if saved.weights is None and saved.folder is None:
        raise ValueError("%s holds no weights; rebind makes a graph of it" % saved.name)
    rebound, saver = _rebind(saved, bindings)
    if saved.weights is not None:
        try:
            tf.train.NewCheckpointReader(saved.weights)
        except Exception as error:
            raise _weights_error(saved, error) from error

    def load(session):
        if saved.weights is not None:
            try:
                saver.restore(session, saved.weights)
            except Exception as error:
                raise _weights_error(saved, error) from error
        if saved.folder is not None:
            _initialize(session, saved)

    return _Session(rebound, config, load)


def _weights_error(saved, error):
    return ValueError("the weights of %s cannot be read: %s" % (saved.weights, reason(error)))


class _Session(tf.Session):
    """A session that gets its weights when it first runs."""

    def __init__(self, graph, config, load):
        super().__init__(graph=graph, config=config)
        self._load = load
        self._loading = threading.RLock()

    def run(self, *args, **kwargs):
        with self._loading:
            load, self._load = self._load, None
            if load is not None:
                try:
                    load(self)
                except BaseException:
                    self._load = load
                    raise
        return super().run(*args, **kwargs)


def _initialize(session, saved):
    """Runs what a SavedModel has for its start, as to fill tables from its assets."""
    assets = list(saved.meta.asset_file_def)
    for packed in session.graph.get_collection("saved_model_assets"):
        assets.append(AssetFileDef())
        packed.Unpack(assets[-1])
    feed = {
        asset.tensor_info.name: os.path.join(saved.folder, "assets", asset.filename)
        for asset in assets
    }
    for name in ("saved_model_main_op", "legacy_init_op"):
        for op in session.graph.get_collection(name):
            session.run(op, feed)
    signature = saved.meta.signature_def.get("__saved_model_init_op")
    if signature is not None:
        session.run(signature.outputs["__saved_model_init_op"].name, feed)


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m legacy_spiky.checkpoint",
        description="Prints which Python functions a saved graph needs, and code to bind them. "
        "Nothing of the graph is run.",
    )
    parser.add_argument(
        "path",
        help="a .meta file, a checkpoint's prefix, a frozen .pb or .pbtxt, or a SavedModel's folder",
    )
    parser.add_argument(
        "--tags", help="of the graph that is meant, in a SavedModel of several: serve,gpu"
    )
    arguments = parser.parse_args(argv)
    tags = None if arguments.tags is None else arguments.tags.split(",")
    try:
        callbacks = find_callbacks(arguments.path, tags)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(callbacks)
    if callbacks:
        print("\n" + callbacks.skeleton())
    return 0


if __name__ == "__main__":
    sys.exit(main())
