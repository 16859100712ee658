"""The one place that knows that TensorFlow has versions."""

import functools
import inspect
import re
import sys
import weakref

try:
    import tensorflow
except ImportError as error:
    if getattr(error, "name", None) != "tensorflow":
        raise  # TensorFlow is there, but broken: its own words say why.
    raise ImportError(
        "legacy_spiky needs TensorFlow, and none is installed for %s. Install the one that your "
        "code runs on (1.0 or newer), or the newest: pip install tensorflow-cpu (for a GPU: "
        "pip install tensorflow)" % sys.executable
    ) from None

__all__ = [
    "FLOATING",
    "MetaGraphDef",
    "SavedModel",
    "autograph",
    "captures",
    "device_of",
    "executing_eagerly",
    "in_function",
    "is_within",
    "keras_name",
    "load_control_flow_v2",
    "out_of_reach",
    "register_keras_serializable",
    "runs_eagerly",
    "static_value",
    "text_format",
    "tf",
    "tf_py_func",
    "wants_autograph",
]

_version = tuple(int(number) for number in tensorflow.__version__.split(".")[:2])
if _version < (1, 0):
    raise ImportError(
        "legacy_spiky needs TensorFlow 1.0 or newer; this is %s" % tensorflow.__version__
    )

# Here, where it was said what is wrong if TensorFlow is missing or too old.
from google.protobuf import text_format  # noqa: E402
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef  # noqa: E402
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402

# The TensorFlow 1 names: tf.compat.v1 since 1.13, TensorFlow itself before.
tf = getattr(tensorflow.compat, "v1", tensorflow)

# What py_func takes: it learned float16 in 1.4 and bfloat16 in 1.15.
FLOATING = [
    dtype
    for dtype, since in [
        (tf.float16, (1, 4)),
        (tf.bfloat16, (1, 15)),
        (tf.float32, (1, 0)),
        (tf.float64, (1, 0)),
    ]
    if _version >= since
]


def executing_eagerly():
    """Whether an op that is built here runs at once."""
    return hasattr(tf, "executing_eagerly") and tf.executing_eagerly()  # since 1.7


def runs_eagerly():
    """Whether what is built here runs eagerly, or in a tf.function of an eager program."""
    if not hasattr(tf, "init_scope"):  # before eager mode
        return False
    if tf.executing_eagerly() or not in_function():
        return tf.executing_eagerly()
    with tf.init_scope():  # leaves the graphs of functions, not a session's graph
        return tf.executing_eagerly()


def captures(graph):
    """Returns what the graph of a function has from outside: tensors of others and eager ones."""
    return list(getattr(graph, "external_captures", []))  # since 1.14; eagerly there is no graph


def out_of_reach(x, graph, forward):
    """Whether TensorFlow fails to find `x` for the gradient of a branch or a loop.

    Args:
      x: a tensor that `graph` captures.
      graph: that of the gradient.
      forward: that of the branch or loop.
    """
    kind, own = type(graph).__name__, getattr(x, "graph", None)
    if not isinstance(own, tf.Graph):  # an eager tensor, or the handle of a variable
        return kind in ("_CondGradFuncGraph", "_WhileBodyGradFuncGraph")
    around = [forward]
    while graph is not None:
        around.append(graph)
        graph = getattr(graph, "outer_graph", None)
    return kind == "_CondGradFuncGraph" and not any(own is graph for graph in around)


def is_within(graph, outer):
    """Whether a graph is another one, or that of a branch or a loop in it."""
    while graph is not outer and re.search("Cond|While", type(graph).__name__):
        graph = graph.outer_graph
    return graph is outer


def static_value(x):
    """Returns the value of a tensor as an array, if that is known when it is built, else None."""
    if executing_eagerly():
        return x.numpy()
    if x.op.type == "Identity":
        x = x.op.inputs[0]
    known = getattr(tf, "get_static_value", None)  # since 1.14
    return known(x) if known else tensorflow.contrib.util.constant_value(x)


def wants_autograph(error):
    """Whether code failed, in a tf.function, at a tensor in the place of a Python bool."""
    return type(error).__name__ == "OperatorNotAllowedInGraphError" and runs_eagerly()


def autograph(function):
    """Returns a function as AutoGraph makes it, with what it calls."""
    # It leaves as it is what it cannot make, but for what it is given itself.
    return functools.partial(tf.autograph.to_graph(_call), function)


def _call(function, *arguments):
    return function(*arguments)


def in_function():
    """Whether what is built here is the graph of a function, or of a branch or a loop."""
    return tf.get_default_graph().building_function


# numpy_function (1.14) is py_func without its deprecation warning; stateless since 2.8.
_numpy_function = getattr(tf, "numpy_function", None)
_takes_stateful = (
    _numpy_function is not None and "stateful" in inspect.signature(_numpy_function).parameters
)


def tf_py_func(func, inp, Tout, stateful, name):
    """Builds the bare op, `PyFunc` or `PyFuncStateless`, without a gradient."""
    if _version < (1, 9):
        func = _kept_by_the_graph(func)
    if _takes_stateful:
        return _numpy_function(func, inp, Tout, stateful=stateful, name=name)
    if stateful and _numpy_function is not None:
        return _numpy_function(func, inp, Tout, name=name)
    return tf.py_func(func, inp, Tout, stateful=stateful, name=name)


def _kept_by_the_graph(func):
    """Returns what calls `func` as long as the default graph is there, and does not keep it.

    TensorFlow's own registry, which keeps weak references since 1.9, would keep a function that
    leads to the graph, as by a tensor in a closure, and the graph with it, for ever.
    """
    graph = tf.get_default_graph()
    if graph.building_function:  # it ends before the function runs
        return func
    vars(graph).setdefault("_legacy_spiky_callbacks", []).append(func)
    callback = weakref.ref(func)
    return lambda *arguments: callback()(*arguments)


def device_of(op):
    """Returns the device of an op; before 1.13 it has not that of what it is beside."""
    if _version >= (1, 13):
        return op.device
    names = [group.decode()[len("loc:@") :] for group in op.colocation_groups()]
    beside = [op.graph.get_operation_by_name(name) for name in names if name != op.name]
    return beside[0].device if beside else op.device


def load_control_flow_v2():
    """Makes TensorFlow register the gradient of a `While` op, as 1.15 does when it builds one."""
    if not hasattr(tf, "control_flow_v2_enabled"):
        return
    enabled = tf.control_flow_v2_enabled()
    tf.enable_control_flow_v2()
    try:
        with tf.Graph().as_default():
            tf.while_loop(lambda i: i < 1, lambda i: i + 1, [0])
    finally:
        if not enabled:
            tf.disable_control_flow_v2()


def keras_name(name):
    """Returns the `__name__` of a function by which Keras does not take another one for it.

    Keras saves a function, and copies a layer, by this name, and looks among its own functions
    first. None of them is called so; nor does Keras 3, where there is a ">", look for one that is
    registered as "package>name". Its errors tell the name, so the name says what to do.
    """
    # Before 2.4 AutoGraph names no function with a ">", and TensorFlow 1 no scope.
    separator = ">" if _version >= (2, 4) else "_"
    return name + separator + "needs_register_keras_serializable_or_custom_objects"


def register_keras_serializable(*functions):
    """Lets the Keras that is there save and load models with these functions as activations.

    That is TensorFlow's own (Keras 3 since 2.16), and tf_keras where it is imported already.
    """
    for keras in (getattr(tensorflow, "keras", None), sys.modules.get("tf_keras")):
        try:
            register = keras.utils.register_keras_serializable(package="legacy_spiky")
        except (AttributeError, ImportError, RecursionError):  # none, or older, or not installed
            continue
        for function in functions:
            register(function)
