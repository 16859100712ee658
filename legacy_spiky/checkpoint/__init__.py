"""Saved graphs: which Python functions they need, and the same graphs with these bound again.

A `.meta` file, a frozen graph or a SavedModel holds for each op of a Python function the name that
the function had in the process that saved it, `pyfunc_0`, and the random name of its gradient. Here
functions of this process take their place.

    python -m legacy_spiky.checkpoint PATH

prints what the saved graph at PATH needs.
"""

import os
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Union

# TensorFlow is imported when something is read: --help and wrong arguments do not need it.
if TYPE_CHECKING:
    from legacy_spiky._ops import tf
    from legacy_spiky.checkpoint.nodes import Callbacks

__all__ = ["find_callbacks", "rebind", "restore"]

Source = Union[str, "os.PathLike[str]", "tf.GraphDef", "tf.MetaGraphDef"]


def find_callbacks(source: Source, tags: Optional[Sequence[str]] = None) -> "Callbacks":
    """Finds the Python functions that a saved graph calls.

    Args:
      source: a `GraphDef`, a `MetaGraphDef`, or the path of a `.meta` file, of a frozen `.pb` or
        `.pbtxt`, of a SavedModel's folder, or the prefix of a checkpoint. Paths may be URLs, as
        `gs://bucket/model`, of the file systems that TensorFlow knows.
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
      OSError: there is no such file, or TensorFlow cannot read it.
      ValueError: the file is no saved graph, or is damaged.

    >>> from legacy_spiky import tf_spiky
    >>> with tf.Graph().as_default() as saved:
    ...     y = tf_spiky(tf.placeholder(tf.float32, [3], name="x"))
    >>> (callback,) = find_callbacks(saved.as_graph_def())
    >>> callback.nodes[0].name, callback.nodes[0].inputs, callback.nodes[0].outputs
    ('spiky', ('float32',), ('float32',))
    """
    from legacy_spiky.checkpoint import nodes, saved

    return nodes.callbacks(saved.read(source, tags))


def rebind(
    source: Source,
    bindings: Dict[str, Any],
    tags: Optional[Sequence[str]] = None,
    clear_devices: bool = False,
) -> "tf.Graph":
    """Makes a graph of a saved one, with its callbacks bound to functions of this process.

    Args:
      source: as for `find_callbacks`. It is not written to.
      bindings: a dictionary. A key is a token, the name of a node (with that of its function and a
        slash before it, if it likes, where it is in one) or a pattern for names, as `"*spiky*"`,
        which counts for less than the others. A value is a function, of arrays as for
        `legacy_spiky.py_func`; a pair (function, gradient) of it and `grad(op, *upstream)`, as
        there; or an activation, as `activation` makes and `tf_spiky` is. An activation also serves
        the nodes of its derivative: those in its gradient that have its input. Others, as of its
        output, want a function of what they have. A function serves only what it is given for:
        a pattern leaves out the nodes in the gradient of what it fits. A function alone has no
        gradient: where the saved one had, asking for it is an error. For a `tf.py_function` it
        is one of eager tensors, and TensorFlow has the gradient.
      tags: as for `find_callbacks`.
      clear_devices: whether to drop the devices that were saved, as those of a cluster that is
        gone.

    Returns:
      A new `tf.Graph`, with collections and all, and without weights: see `restore`. Its
      callbacks live as long as it does.

    Raises:
      TypeError: `source` or `bindings` is something else.
      OSError: as `find_callbacks`.
      ValueError: the file is no saved graph, or is damaged, of a newer TensorFlow or a part of a
        graph, without its inputs; it has no callbacks; or some are not bound, are bound twice, or
        to what does not fit. Then all of them are named, and none is bound. Or one is on the
        device of another process.

    Gradients that were saved run. New ones there are not through a `tf.while_loop` of TensorFlow 1
    in a frozen graph, which has lost what a loop is, or where it calls a `tf.function`; through
    what `tf.custom_gradient` made, whose function is lost; and, in TensorFlow 2 before
    `tf.disable_control_flow_v2()`, through such a loop with a TensorArray, as of `tf.map_fn`.

    >>> from legacy_spiky import tf_spiky
    >>> with tf.Graph().as_default() as saved:
    ...     y = tf_spiky(tf.placeholder(tf.float32, [3], name="x"))
    >>> rebound = rebind(saved.as_graph_def(), {"spiky": tf_spiky})
    >>> with rebound.as_default(), tf.Session() as session:
    ...     x, y = [rebound.get_tensor_by_name(name) for name in ("x:0", "spiky:0")]
    ...     session.run(tf.gradients(y, x)[0], {x: [0.2, 0.7, 1.2]}).tolist()
    [1.0, 0.0, 1.0]
    """
    from legacy_spiky.checkpoint import rebound, saved

    return rebound.make(saved.read(source, tags), bindings, clear_devices)[0]


def restore(
    path: Union[str, "os.PathLike[str]"],
    bindings: Dict[str, Any],
    tags: Optional[Sequence[str]] = None,
    config: Optional[Any] = None,
    clear_devices: bool = False,
) -> "tf.Session":
    """Makes a session of a checkpoint or a SavedModel, with its graph, callbacks and weights.

    Args:
      path: the prefix of a checkpoint, beside which its `.meta` is, or a SavedModel's folder.
      bindings: as for `rebind`.
      tags: as for `find_callbacks`.
      config: a `tf.ConfigProto` for the session.
      clear_devices: as for `rebind`.

    Returns:
      A `tf.Session`; its `graph` is the saved one, and its variables have the values that were
      saved, an optimizer's slots too; what a checkpoint lacks, as local variables, is to be
      initialized. The values are read when it first runs, since TensorFlow builds gradients
      through branches and loops of TensorFlow 2 only before a session runs a graph.

    Raises:
      TypeError, OSError, ValueError: as `rebind`; and ValueError where there are no weights or
        they are damaged, in the latter case when the session runs; or where others have been
        written in their place by then.

    >>> import tempfile
    >>> from legacy_spiky import tf_spiky
    >>> folder = tempfile.mkdtemp()
    >>> with tf.Graph().as_default(), tf.Session() as session:
    ...     x = tf.Variable([0.2, 0.7, 1.2], name="x")
    ...     y = tf_spiky(x)
    ...     session.run(x.initializer)
    ...     prefix = tf.train.Saver().save(session, os.path.join(folder, "model"))
    >>> with restore(prefix, {"spiky": tf_spiky}) as session:
    ...     session.run("spiky:0").tolist()
    [0.20000000298023224, 0.0, 0.20000004768371582]
    """
    from legacy_spiky.checkpoint import restored, saved

    return restored.session(saved.read(path, tags), bindings, config, clear_devices)
