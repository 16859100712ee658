"""Saved graphs: what they need, bound again, in other TensorFlows than wrote them."""

import gc
import glob
import json
import os
import re
import subprocess
import sys
import weakref
import zipfile

import numpy as np
import pytest
import recipe
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

from legacy_spiky import activation, spikygrad, tf_d_spiky, tf_spiky
from legacy_spiky._ops import placement
from legacy_spiky._ops.versions import tf
from legacy_spiky.checkpoint import find_callbacks, rebind, restore
from legacy_spiky.checkpoint.__main__ import main
from legacy_spiky.checkpoint.saved import each_node

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.join(HERE, os.pardir)
VERSION = tuple(int(part) for part in tf.VERSION.split(".")[:2])
V2 = hasattr(tf, "control_flow_v2_enabled")


# What real TensorFlows saved with the recipe's own helper: those in tests/data, those in the folder
# that SAVED_GRAPHS names, and those that this TensorFlow saves now. See save_recipe.py.


def writer(archive):
    return tuple(int(n) for n in re.search(r"recipe-(\d+)\.(\d+)", archive).groups())


SAVED = sorted(glob.glob(os.path.join(HERE, "data", "saved", "recipe-*.zip")))
if "SAVED_GRAPHS" in os.environ:
    SAVED += sorted(glob.glob(os.path.join(os.environ["SAVED_GRAPHS"], "recipe-*.zip")))
    assert len(SAVED) > 6
NEWER = [archive for archive in SAVED if writer(archive) > VERSION]
NOW = ["recipe-%s.zip" % tf.VERSION] + ["recipe-%s-v2.zip" % tf.VERSION] * V2
KINDS = ["model", "model.meta", "frozen.pb", "saved"]
X = np.float32([[0.25, 0.5, -0.75, 1], [1, 0, 0.5, 0.25]])


def script(name, *arguments, **kwargs):
    """Runs one of the scripts beside this file; returns what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", os.path.join(HERE, name)] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stdout, stderr = process.communicate(**kwargs)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    """The folder of what this TensorFlow saves, in a process that is gone by now."""
    folder = str(tmp_path_factory.mktemp("now"))
    script("save_recipe.py", folder)
    assert sorted(os.listdir(folder)) == sorted(NOW)
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, now):
    """Returns the folder of what one of the archives holds."""
    folders = {}

    def unpack(archive):
        if archive not in folders:
            folders[archive] = str(tmp_path_factory.mktemp("saved"))
            path = os.path.join(now, archive)  # archive itself, where that is a whole path
            with zipfile.ZipFile(path) as file:
                file.extractall(folders[archive])
        return folders[archive]

    return unpack


@pytest.fixture
def saved(unpacked):
    """The checkpoint, frozen graph and SavedModel that this TensorFlow saved."""
    return unpacked(NOW[0])


def contents(folder):
    """Returns each file below a folder with its bytes and the time it was written at."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                found[path, name] = os.stat(file.name).st_mtime, file.read()
    return found


def difference(a, b):
    return a - b, np.sign(a).astype(np.int32)


def difference_grad(op, grad, _):
    return +1 * grad, -1 * tf.reduce_sum(grad, 0)


ACTIVATION = {"*spiky*": tf_spiky, "pair": (difference, difference_grad)}


def functions(callbacks):
    """The recipe's own functions, for each token."""
    bindings = {}
    for token, nodes in callbacks:
        if nodes[0].name == "pair":
            bindings[token] = difference, difference_grad
        elif nodes[0].gradient_of:
            bindings[token] = recipe.np_d_spiky_32
        else:
            bindings[token] = recipe.np_spiky_32, recipe.spikygrad
    return bindings


def check_numbers(session, folder, frozen):
    """Compares outputs and gradients, the saved ones and new ones, over two steps of training."""
    with np.load(os.path.join(folder, "numbers.npz")) as file:
        numbers = {name: file[name] for name in file.files}
    tensor = session.graph.get_tensor_by_name
    names = [name.split("/")[1] for name in numbers if name.startswith("first/")]
    if frozen:
        names = [name for name in names if not name.startswith("value_of_")]
    assert len(names) >= (9 if frozen else 13)
    fetches = {name: tensor(name + ":0") for name in names}
    # Where TensorFlow cannot differentiate a frozen graph anew: see rebind.
    loops = any(op.type == "LoopCond" for op in session.graph.get_operations())
    lost = ["looped"] * (frozen and loops) + ["branched"] * (frozen and VERSION < (1, 4))
    with session.graph.as_default():
        for name in names:
            if "gradient_of_" + name in names and name not in lost:
                new = tf.gradients(tensor(name + ":0"), tensor("x:0"))[0]
                fetches["new " + name] = tf.convert_to_tensor(new)
    assert len(fetches) - len(names) + len(lost) >= 4
    for step in ["first"] if frozen else ["first", "second"]:
        values = session.run(fetches, {"x:0": X})
        for name, value in values.items():
            expected = numbers[step + "/" + name.replace("new ", "gradient_of_")]
            assert value.dtype == expected.dtype
            np.testing.assert_array_equal(value, expected, name)
        if not frozen:
            session.run("train", {"x:0": X})


@pytest.mark.parametrize("functional", [False, True], ids=["activation", "functions"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("archive", sorted(set(SAVED) - set(NEWER)) + NOW, ids=os.path.basename)
def test_restored(unpacked, archive, kind, functional):
    folder = unpacked(archive)
    before = contents(folder)
    path = os.path.join(folder, kind)
    bindings = functions(find_callbacks(path)) if functional else ACTIVATION
    frozen = kind == "frozen.pb"
    with tf.Session(graph=rebind(path, bindings)) if frozen else restore(path, bindings) as session:
        check_numbers(session, folder, frozen)
    assert contents(folder) == before


# TensorFlow says what it does not know; of a frozen graph that names no version, we do.
UNKNOWN = [
    r"^TensorFlow %s cannot import .*: it does not know the (op \w+|attribute \w+ of the op \w+)$"
    % re.escape(tf.VERSION),
    r"frozen.pb is damaged, or of a newer TensorFlow: it has fields that .* does not know$",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("archive", NEWER, ids=os.path.basename)
def test_of_a_newer_tensorflow(unpacked, archive, kind):
    path = os.path.join(unpacked(archive), kind)
    try:
        assert rebind(path, ACTIVATION).get_operations()
        assert VERSION >= (2, 0) or writer(archive) < (2, 0)
    except ValueError as error:
        if kind == "frozen.pb" and re.search(UNKNOWN[1], str(error)):
            return
        assert re.search(UNKNOWN[0], str(error))
        assert len(find_callbacks(path)) >= 9  # which needs none of it
        if VERSION == (1, 15):
            attribute = (
                r"grad_[ab] of the op MatMul" if kind == "frozen.pb" else "debug_name of the op Var"
            )
            assert re.search("it does not know the attribute " + attribute, str(error))


# Graphs that are built here, as if the process were gone.


def gone(graph, number=0):
    """Returns a graph as it is saved, with tokens and gradients that nobody has."""
    graph_def = graph.as_graph_def(add_shapes=True)
    for _, node in each_node(graph_def):
        if node.op in ("PyFunc", "PyFuncStateless", "EagerPyFunc"):
            node.attr["token"].s = node.attr["token"].s.replace(b"_", b"_of_the_dead_")
        if "_gradient_op_type" in node.attr:
            if not node.attr["_gradient_op_type"].s.startswith(b"CustomGradient-"):
                node.attr["_gradient_op_type"].s = b"PyFuncGradOfTheDead"
    return graph_def


def placeholder(dtype=tf.float32, shape=(3,)):
    return tf.placeholder(dtype, shape, name="x")


@pytest.fixture
def simple():
    """A saved graph: the recipe's op and its gradient, and one of two inputs."""
    with tf.Graph().as_default() as graph:
        x = placeholder()
        with tf.name_scope("layer"):
            y = recipe.tf_spiky(x)
        y.set_shape([3])
        tf.identity(tf.gradients(y, x)[0], name="dx")
        recipe.py_func(
            difference, [y, x], [tf.float32, tf.int32], name="pair", grad=difference_grad
        )
    return gone(graph)


def test_what_is_found(simple):
    callbacks = find_callbacks(simple)
    (spiky,), (derivative,), (pair,) = [nodes for _, nodes in callbacks]
    tokens = [token for token, _ in callbacks]
    assert len(set(tokens)) == 3 and all(t.startswith("pyfunc_of_the_dead_") for t in tokens)
    assert (spiky.name, spiky.scope, spiky.function) == ("layer/spiky", "layer", None)
    assert (spiky.op, spiky.gradient) == ("PyFunc", "PyFuncGradOfTheDead")
    assert (spiky.inputs, spiky.input_shapes) == (("float32",), ((3,),))
    assert (spiky.outputs, spiky.output_shapes) == (("float32",), ((3,),))
    assert spiky.gradient_of is None
    assert derivative.name == "gradients/layer/spiky_grad/d_spiky"
    assert (derivative.op, derivative.gradient) == ("PyFuncStateless", None)
    assert derivative.output_shapes == (None,)
    assert derivative.gradient_of == "layer/spiky"
    assert pair.scope == ""
    assert pair.signature == "float32 [3], float32 [3] -> float32, int32"


def test_the_table_and_the_skeleton(simple):
    callbacks = find_callbacks(simple)
    title, head, *rows = str(callbacks).splitlines()
    assert title == "the GraphDef: 3 callbacks"
    assert head.split("  ")[0].strip() == "token" and head.endswith("part of")
    columns = [head.index(word) for word in ("node", "function", "op", "inputs", "gradient")]
    for row, callback in zip(rows, callbacks):
        node = callback.nodes[0]
        cells = [row[i:].split("  ")[0].rstrip() for i in [0] + columns]
        assert cells == [
            callback.token,
            node.name,
            "-",
            node.op,
            node.signature,
            node.gradient or "-",
        ]
    assert rows[1].endswith("  gradient of layer/spiky")


def filled_in(saved, values):
    """Runs the code that is printed for a saved graph, with its lines filled in, or deleted."""
    lines = find_callbacks(saved).skeleton().splitlines()
    start, end = lines.index("bindings = {") + 1, lines.index("}")
    keys = [re.match(r"    '(.*)': \.\.\.,  # ", line).group(1) for line in lines[start:end]]
    assert set(values) <= set(keys)
    lines[start:end] = ["    %r: values[%r]," % (key, key) for key in keys if key in values]
    code = "\n".join(lines).replace("rebind('the GraphDef'", "rebind(saved")
    names = {"saved": saved, "values": values}
    exec(compile(code, "skeleton", "exec"), names)
    return keys, names["graph"]


def test_the_skeleton_is_filled_in(simple):
    forward, back = recipe.np_spiky_32, recipe.np_d_spiky_32
    of_pairs = {
        "layer/spiky": (forward, spikygrad),
        "gradients/layer/spiky_grad/d_spiky": back,
        "pair": (difference, difference_grad),
    }
    assert filled_in(simple, of_pairs)[0] == list(of_pairs)
    of_an_activation = {"layer/spiky": tf_spiky, "pair": (difference, difference_grad)}
    for values in (of_pairs, of_an_activation):
        graph = filled_in(simple, values)[1]
        assert evaluate(graph)[:2] == SPIKY[:2]
        with tf.Session(graph=graph) as session:
            assert session.run("dx:0", {"x:0": [0.2, 0.7, 1.2]}).tolist() == [1, 0, 1]


def test_what_the_skeleton_says_of_each(simple):
    lines = find_callbacks(simple).skeleton().splitlines()
    assert lines[2:8] == [
        "# For each a function of arrays; where it has a gradient (function, gradient), or an",
        "# activation, which also serves what is in its gradient: delete the line of that.",
        "bindings = {",
        "    'layer/spiky': ...,  # float32 [3] -> float32 [3], with a gradient",
        "    'gradients/layer/spiky_grad/d_spiky': ...,  # float32 [3] -> float32, in the gradient "
        "of layer/spiky",
        "    'pair': ...,  # float32 [3], float32 [3] -> float32, int32, with a gradient",
    ]


def test_the_skeleton_of_a_checkpoint(saved):
    prefix = os.path.join(saved, "model")
    assert "session = restore(%r, bindings)" % prefix in find_callbacks(prefix).skeleton()
    path = os.path.join(saved, "saved")
    assert "session = restore(%r, bindings)" % path in find_callbacks(path).skeleton()
    path = os.path.join(saved, "frozen.pb")
    assert "graph = rebind(%r, bindings)" % path in find_callbacks(path).skeleton()


def test_the_skeleton_of_a_graph_without_weights(copied):
    os.remove(os.path.join(copied, "model.index"))
    path = os.path.join(copied, "model.meta")
    assert "graph = rebind(%r, bindings)" % path in find_callbacks(path).skeleton()


def evaluate(graph, y="layer/spiky:0", x="x:0", value=(0.2, 0.7, 1.2)):
    """Returns `y`, its gradient and its second gradient."""
    with graph.as_default(), tf.Session() as session:
        x, y = graph.get_tensor_by_name(x), graph.get_tensor_by_name(y)
        first = tf.gradients(y, x)[0]
        second = tf.gradients(first, x)[0]
        fetches = [y, first] + ([] if second is None else [second])
        return [result.tolist() for result in session.run(fetches, {x: value})]


SPIKY = [list(map(float, np.float32([0.2, 0, 0.20000005]))), [1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("key", ["layer/spiky", "layer/*", "*spiky*", "*/spiky"])
def test_an_activation_serves_its_derivative(simple, key):
    graph = rebind(simple, {key: tf_spiky, "pair": (difference, difference_grad)})
    assert evaluate(graph) == SPIKY
    with tf.Session(graph=graph) as session:
        assert session.run("dx:0", {"x:0": [0.2, 0.7, 1.2]}).tolist() == [1, 0, 1]
        with graph.as_default():  # the saved derivative has a gradient now
            d = graph.get_tensor_by_name("gradients/layer/spiky_grad/d_spiky:0")
            second = tf.gradients(d, graph.get_tensor_by_name("x:0"))[0]
        assert session.run(second, {"x:0": [0.2, 0.7, 1.2]}).tolist() == [0, 0, 0]


def test_keys_are_tokens_too(simple):
    tokens = [callback.token for callback in find_callbacks(simple)]
    pair = difference, difference_grad
    graph = rebind(simple, {tokens[0]: tf_spiky, tokens[1]: tf_spiky, tokens[2]: pair})
    assert evaluate(graph) == SPIKY


def test_functions_with_gradients(simple):
    graph = rebind(
        simple,
        {
            "layer/spiky": (lambda x: x * x, lambda op, grad: 2 * op.inputs[0] * grad),
            "*d_spiky": lambda x: 5 * x,
            "pair": (difference, difference_grad),
        },
    )
    assert evaluate(graph, value=[1, 2, 3]) == [[1, 4, 9], [2, 4, 6], [2, 2, 2]]
    with tf.Session(graph=graph) as session:
        assert session.run("dx:0", {"x:0": [1, 2, 3]}).tolist() == [5, 10, 15]
        x = [0.5, 0.25, 1]
        values = session.run(["pair:0", "pair:1"], {"layer/spiky:0": [1, 2, 3], "x:0": x})
        assert [value.tolist() for value in values] == [[0.5, 1.75, 2], [1, 1, 1]]


def test_a_function_alone_has_no_gradient(simple):
    graph = rebind(simple, {"layer/spiky": one, "*d_spiky": one, "pair": difference})
    with tf.Session(graph=graph) as session:
        assert session.run("layer/spiky:0", {"x:0": [1, 2, 3]}).tolist() == [1, 2, 3]
    with pytest.raises(NotImplementedError) as error:
        evaluate(graph)
    assert str(error.value).startswith(
        "layer/spiky has a gradient, and is bound to one (%s:" % __file__
    )
    assert str(error.value).endswith(") alone: bind it to a pair of both")


def test_the_name_of_a_registered_gradient(simple):
    name = "Mine%d" % id(simple)
    tf.RegisterGradient(name)(lambda op, grad: 7 * grad)
    bindings = {"layer/spiky": (np.square, name), "*d_spiky": np.square, "pair": difference}
    with rebind(simple, bindings).as_default() as graph, tf.Session() as session:
        x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("layer/spiky:0")
        assert session.run(tf.gradients(y, x)[0], {x: [1, 2, 3]}).tolist() == [7, 7, 7]


def wrong_dtype(x):
    return x.astype(np.float64)


def test_what_a_function_returns_is_checked(simple):
    graph = rebind(simple, {"*spiky": wrong_dtype, "*d_spiky": one, "pair": difference})
    with tf.Session(graph=graph) as session, pytest.raises(tf.errors.OpError) as error:
        session.run("layer/spiky:0", {"x:0": [1, 2, 3]})
    if VERSION >= (1, 4):  # TensorFlow 1.0 says it in its log alone
        assert "wrong_dtype (" + __file__ in str(error.value)


def one(x):
    return x


def two(x, y):
    return x


BAD = [
    ({}, ["layer/spiky (%s): not bound", "gradients/layer/spiky_grad/d_spiky (%s): not bound"]),
    ({"layer/spiky": tf_spiky}, ["pair (%s): not bound"]),
    ({"layer/spiky": one}, ["gradients/layer/spiky_grad/d_spiky (%s): not bound"]),
    ({"layer/spikey": one}, ["'layer/spikey': no callback has it; there is 'layer/spiky'"]),
    ({"zzz*": one}, ["'zzz*': no callback has it\n"]),
    ({"p*": one, "*r": two}, ["pair (%s): bound twice, to one (", "by 'p*' and to two ("]),
    (
        {"p*": one, "*r": (one, two)},
        ["to one (", "by 'p*' and to one (", ") with a gradient by '*r'"],
    ),
    (
        {"*": one},  # of all functions, but not of what is in their gradients
        ["d_spiky (%s): not bound; it is part of the gradient of layer/spiky, and a function "],
    ),
    ({"pair": (tf_spiky, one)}, ["'pair': tf_spiky (", ") is an activation, with its gradient: "]),
    (
        {"pair": one},
        ["pair (%s): one (", "does not take 2 inputs; this is PyFunc of float32 [3], "],
    ),
    ({"pair": (two, one)}, ["pair (%s): one (", "does not take the op and 2 upstream gradients"]),
    ({"pair": tf_spiky}, ["pair (%s): an activation gives a tensor of the dtype of its own, "]),
    ({"pair": 3}, ["'pair': give a function, a pair (function, gradient) or an activation, not 3"]),
    ({"pair": (two, 3)}, ["'pair': give a function, a pair (function, gradient) or an activation"]),
    ({"pair": ...}, ["'pair': give a function", "not Ellipsis (ellipsis)"]),
    (
        {"*d_spiky": tf_spiky, "layer/spiky": one},
        [
            "d_spiky (%s): it is in the gradient of layer/spiky, which is not bound to the "
            "activation of np_spiky ("
        ],
    ),
]


@pytest.mark.parametrize("bindings, words", BAD, ids=[str(sorted(row[0])) for row in BAD])
def test_all_that_is_wrong_is_said_at_once(simple, bindings, words):
    before = simple.SerializeToString()
    with pytest.raises(ValueError) as error:
        rebind(simple, bindings)
    said = str(error.value) + "\n"
    assert re.match(
        "the GraphDef is not bound: [0-3] of its 3 callbacks are served, and this", said
    )
    for word in words:
        pattern = r"pyfunc_of_the_dead_\d+".join(re.escape(part) for part in word.split("%s"))
        assert re.search(pattern, said), said
    assert simple.SerializeToString() == before


@pytest.mark.parametrize(
    "bindings, count",
    [
        ({}, 0),
        ({"pair": difference}, 1),
        ({"pair": one}, 0),
        ({"layer/spiky": tf_spiky}, 2),
        ({"layer/spiky": one, "pair": difference}, 2),
        ({"*spiky": one, "*d_spiky": one, "pair": difference, "nothing": one}, 3),
    ],
)
def test_how_many_would_be_bound(simple, bindings, count):
    words = "^the GraphDef is not bound: %d of its 3 callbacks are served, and this is wrong:\n"
    with pytest.raises(ValueError, match=words % count):
        rebind(simple, bindings)


def test_many_are_wrong(simple):
    with pytest.raises(ValueError) as error:
        rebind(simple, {"pair": one, "nothing": two, "*d_spiky": 3})
    lines = str(error.value).splitlines()
    assert [line.split(" (")[0].split(":")[0] for line in lines[1:]] == [
        "  'nothing'",
        "  '*d_spiky'",
        "  layer/spiky",
        "  pair",
    ]


@pytest.mark.parametrize("bindings", [None, [("*", one)], one])
def test_bindings_must_be_a_dictionary(simple, bindings):
    with pytest.raises(TypeError, match="bindings must be a dictionary"):
        rebind(simple, bindings)


def test_nodes_of_one_token_are_one_function(simple):
    for node in simple.node:
        if node.name == "pair":
            copy = simple.node.add()
            copy.CopyFrom(node)
            copy.name = "again"
    assert [len(nodes) for _, nodes in find_callbacks(simple)] == [1, 1, 2]
    with pytest.raises(ValueError) as error:
        rebind(simple, {"layer/*": tf_spiky, "pair": two, "again": difference})
    assert "bound twice, to two (" in str(error.value)
    assert "; what has one token is one function" in str(error.value)
    pair = difference, difference_grad
    graph = rebind(simple, {"layer/*": tf_spiky, "pair": pair, "again": pair})
    tokens = [graph.get_operation_by_name(name).get_attr("token") for name in ("pair", "again")]
    assert tokens[0] == tokens[1]
    rebind(simple, {"layer/*": tf_spiky, "again": pair})


def test_a_graph_without_callbacks():
    with tf.Graph().as_default() as graph:
        placeholder()
    assert str(find_callbacks(graph.as_graph_def())).endswith(
        "no callbacks, nothing to bind; TensorFlow loads it as it is"
    )
    with pytest.raises(ValueError, match="has no callbacks, so there is nothing to bind"):
        rebind(graph.as_graph_def(), {})


def test_the_source_stays_as_it_is(simple):
    meta = MetaGraphDef(graph_def=simple)
    for source in (simple, meta):
        before = source.SerializeToString()
        rebind(source, {"layer/*": tf_spiky, "pair": difference})
        assert source.SerializeToString() == before
    assert str(find_callbacks(meta)).startswith("the MetaGraphDef: 3 callbacks\n")


def test_what_is_no_source():
    for source in (None, 3, tf.Graph(), b"model.meta"):
        with pytest.raises(TypeError, match="a saved graph is given as a GraphDef, "):
            find_callbacks(source)


# Activations that cannot be told apart.


def test_a_stateless_function_may_be_any():
    # The recipe's own trap: with stateful=False its op has no gradient.
    with tf.Graph().as_default() as graph:
        recipe.py_func(one, [placeholder()], [tf.float32], False, "mine", lambda op, grad: grad)
    with pytest.raises(ValueError, match="it may be the activation of np_spiky .* or one of its "):
        rebind(gone(graph), {"mine": tf_spiky})
    graph = rebind(gone(graph), {"mine": (np.square, lambda op, grad: 3 * grad)})
    assert evaluate(graph, y="mine:0")[1] == [3, 3, 3]


def noisy_grad(op, grad):
    x = op.inputs[0]
    return grad * recipe.tf_d_spiky(x) * tf.py_func(one, [x], tf.float32, name="noise")


def test_two_callbacks_in_one_gradient():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = recipe.py_func(recipe.np_spiky_32, [x], [tf.float32], name="y", grad=noisy_grad)[0]
        y.set_shape([3])
        tf.identity(tf.gradients(y, x)[0], "dx")
    for key in ("y", "*y*"):
        with pytest.raises(ValueError) as error:
            rebind(gone(graph), {key: tf_spiky})
        assert (
            str(error.value).count("the gradient of y has the callbacks pyfunc_of_the_dead_") == 2
        )
    bindings = {"y": tf_spiky, "gradients/y_grad/d_spiky": tf_spiky, "*noise": lambda x: 2 * x}
    with tf.Session(graph=rebind(gone(graph), bindings)) as session:
        assert session.run("dx:0", {"x:0": [1, 1.75, 2]}).tolist() == [2, 0, 4]


@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_an_activation_and_another_dtype(dtype):
    with tf.Graph().as_default() as graph:
        recipe.py_func(one, [placeholder(dtype)], [tf.float32], name="y", grad=one)
    with pytest.raises(ValueError) as error:
        rebind(gone(graph), {"y": tf_spiky})
    assert "or float64; this is PyFunc of %s [3] -> float32" % dtype in str(error.value)


def sigmoid(x):
    return (1 / (1 + np.exp(-x))).astype(x.dtype)


SIGMOID = activation(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)))


def stateless(func, *inputs):
    (y,) = tf.py_func(func, inputs, [tf.float32], stateful=False, name="back")
    return y


def slope_of_output(y):
    return y * (1 - y)


def step_back(grad, x):
    return grad * slope_of_output(sigmoid(x))


def step_back_by_output(x, y):
    return slope_of_output(y)


GRADIENTS = {
    "of the output": (lambda x, y, g: g * stateless(slope_of_output, y), slope_of_output),
    "of another order": (lambda x, y, g: stateless(step_back, g, x), step_back),
    "of both": (lambda x, y, g: g * stateless(step_back_by_output, x, y), step_back_by_output),
    "of the gradient": (lambda x, y, g: stateless(one, g * y * (1 - y)), lambda g: g),
    "of a product": (lambda x, y, g: g * stateless(one, 3 * x), lambda x: x),
}


@pytest.mark.parametrize("inside_a_loop", [False, True], ids=["", "loop"])
@pytest.mark.parametrize("name", sorted(GRADIENTS))
def test_a_gradient_that_is_none_of_the_input(name, inside_a_loop):
    # As people write those of sigmoid and tanh: an activation would give wrong numbers there.
    gradient, function = GRADIENTS[name]

    def op(x):
        def grad(op, g):
            return gradient(op.inputs[0], op.outputs[0], g)

        y = recipe.py_func(sigmoid, [x], [tf.float32], name="y", grad=grad)[0]
        y.set_shape(x.get_shape())
        return y

    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = placeholder()
        if inside_a_loop:
            y = tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, op(v)), [0, x])[1]
        else:
            y = op(x)
        dx = tf.identity(tf.gradients(y, x)[0], name="dx")
        expected = session.run(dx, {x: [0.25, -1, 2]})
    saved = gone(graph)
    (path,) = [n.path for _, nodes in find_callbacks(saved) for n in nodes if n.gradient_of]
    with pytest.raises(ValueError, match="in the gradient of .*, but its input is not that of"):
        rebind(saved, {"*y*": SIGMOID})
    graph = rebind(saved, {"*y*": SIGMOID, path: function})
    with tf.Session(graph=graph) as session:
        value = session.run("dx:0", {"x:0": [0.25, -1, 2]})
    np.testing.assert_allclose(value, expected, rtol=1e-6)  # it was not in double precision


def test_a_step_back_in_one_function():
    def grad(op, g):
        return stateless(lambda x, g: g * slope_of_output(sigmoid(x)), op.inputs[0], g)

    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = placeholder()
        y = recipe.py_func(sigmoid, [x], [tf.float32], name="y", grad=grad)[0]
        y.set_shape([3])
        expected = session.run(tf.identity(tf.gradients(y, x)[0], "dx"), {x: [0.25, -1, 2]})
    with tf.Session(graph=rebind(gone(graph), {"y": SIGMOID})) as session:
        value = session.run("dx:0", {"x:0": [0.25, -1, 2]})
    np.testing.assert_allclose(value, expected, rtol=1e-6)


# Patterns.


def test_a_pattern_with_a_function_is_not_for_its_gradient(simple):
    forward = recipe.np_spiky_32, recipe.spikygrad
    for function in (forward, forward[0]):
        with pytest.raises(
            ValueError, match="d_spiky .*: not bound; it is part of the gradient of"
        ):
            rebind(simple, {"*spiky*": function, "pair": difference})
    graph = rebind(
        simple, {"*spiky*": forward, "*d_spiky": recipe.np_d_spiky_32, "pair": difference}
    )
    with tf.Session(graph=graph) as session:
        assert session.run("dx:0", {"x:0": [0.2, 0.7, 1.2]}).tolist() == [1, 0, 1]


def test_what_is_exact_counts_for_more_than_a_pattern(simple):
    graph = rebind(simple, {"*": two, "layer/spiky": one, "gradients/*": one})
    with tf.Session(graph=graph) as session:
        assert session.run("layer/spiky:0", {"x:0": [1, 2, 3]}).tolist() == [1, 2, 3]


# Names that are not what they seem.


def layer(op):
    with tf.Graph().as_default() as graph:
        x = placeholder()
        with tf.name_scope("layer"):
            y = op(x)
        tf.identity(tf.gradients(y, x)[0], name="dx")
    return graph.as_graph_def()


def old(f, df):
    """An activation, as the recipe makes it."""

    def op(x):
        def grad(op, g):
            return g * tf.py_func(df, [op.inputs[0]], [tf.float32], False, name="d")[0]

        y = recipe.py_func(f, [x], [tf.float32], name="act", grad=grad)[0]
        y.set_shape(x.get_shape())
        return y

    return op


OLD_SQUARE = old(lambda x: x * x, lambda x: 2 * x)
OLD_CUBE = old(lambda x: x * x * x, lambda x: 3 * x * x)


@pytest.mark.parametrize("ours", [False, True])
def test_two_graphs_imported_into_one(ours):
    square_, cube_ = (square, cube) if ours else (OLD_SQUARE, OLD_CUBE)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(layer(square_), name="")
        tf.import_graph_def(layer(cube_), name="b")
    names = ("layer/square", "b/layer/cube") if ours else ("layer/act", "b/layer/act")
    owners = [n.gradient_of for _, nodes in find_callbacks(gone(graph)) for n in nodes]
    assert [owner for owner in owners if owner] == list(names)
    graph = rebind(gone(graph), {names[0]: square, names[1]: cube})
    with tf.Session(graph=graph) as session:
        values = session.run(["dx:0", "b/dx:0"], {"x:0": [1, 2, 3], "b/x:0": [1, 2, 3]})
    assert [value.tolist() for value in values] == [[2, 4, 6], [3, 12, 27]]


def test_what_a_gradient_is_of_is_gone():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        h = OLD_SQUARE(x)
        with tf.name_scope("out"):
            y = OLD_CUBE(h)
        tf.negative(tf.gradients(tf.reduce_sum(y), x)[0], name="force")
    saved = gone(graph)
    frozen = tf.graph_util.extract_sub_graph(saved, ["force"])
    assert {n.gradient_of for _, nodes in find_callbacks(frozen) for n in nodes} == {None, "act"}
    with pytest.raises(ValueError, match="out/act_grad/d .* not bound; .* of gradients/out/act, "):
        rebind(frozen, {"act": square})
    with pytest.raises(ValueError, match="it may be the activation of .* or one of its"):
        rebind(frozen, {"act": square, "gradients/out/act_grad/d": cube})
    graph = rebind(frozen, {"act": square, "gradients/out/act_grad/d": lambda x: 3 * x * x})
    with tf.Session(graph=graph) as session:
        assert session.run("force:0", {"x:0": [1, 2, 3]}).tolist() == [-6, -192, -1458]


def test_what_a_second_derivative_is_of_is_gone():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = tf.identity(square(x), name="y")
        tf.identity(tf.gradients(tf.gradients(y, x)[0], x)[0], name="ddx")
    frozen = tf.graph_util.extract_sub_graph(gone(graph), ["y", "ddx"])
    with pytest.raises(ValueError, match="not bound; it is part of the gradient of"):
        rebind(frozen, {"square": square})


def test_a_derivative_outside_of_gradients():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        tf_spiky(x)
        tf.identity(tf_d_spiky(x), name="slope")
    saved = gone(graph)
    with pytest.raises(
        ValueError, match="d_spiky .* it may be the activation of np_spiky .* or one"
    ):
        rebind(saved, {"*spiky*": tf_spiky})
    graph = rebind(saved, {"spiky": tf_spiky, "d_spiky": recipe.np_d_spiky_32})
    with tf.Session(graph=graph) as session:
        assert session.run("slope:0", {"x:0": [0.2, 0.7, 1.2]}).tolist() == [1, 0, 1]


def test_gradients_of_other_python_functions():
    if not hasattr(tf, "custom_gradient"):
        pytest.skip("TensorFlow %s has no tf.custom_gradient" % tf.VERSION)
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = spiky(tf.custom_gradient(lambda z: (tf.identity(z), lambda g: 2 * g))(x))
        tf.identity(tf.gradients(y, x)[0], name="dx")
    graph = rebind(gone(graph), {"spiky": tf_spiky})
    with graph.as_default(), tf.Session() as session:
        assert session.run("dx:0", {"x:0": [0.2, 0.7, 1.2]}).tolist() == [2, 0, 2]
        # Its name is a number, which may be another function's in this process.
        with pytest.raises(NotImplementedError, match="the gradient of IdentityN is a Python func"):
            evaluate(graph, y="spiky:0")


def test_a_function_of_tensors(simple):
    def builder(x):
        return tf.constant(x)

    graph = rebind(simple, {"layer/spiky": builder, "*d_spiky": one, "pair": difference})
    with tf.Session(graph=graph) as session, pytest.raises(tf.errors.OpError) as error:
        session.run("layer/spiky:0", {"x:0": [1, 2, 3]})
    if VERSION >= (1, 4):
        assert "result 0 of test_a_function_of_tensors.<locals>.builder (" in str(error.value)
        assert "layer/spiky wants a function of arrays, or an activation" in str(error.value)


def test_a_result_of_another_shape_than_was_saved(simple):
    bindings = {"layer/spiky": lambda x: np.tile(x, 2), "*d_spiky": one, "pair": difference}
    with tf.Session(graph=rebind(simple, bindings)) as session:
        with pytest.raises(tf.errors.OpError) as error:
            session.run("layer/spiky:0", {"x:0": [1, 2, 3]})
    if VERSION >= (1, 4):
        assert "has shape (6,), but layer/spiky was saved with (3,)" in str(error.value)


# Graphs that legacy_spiky saved.

square = activation(np.square, lambda x: 2 * x, lambda x: np.full_like(x, 2), name="square")
cube = activation(lambda x: x**3, lambda x: 3 * x**2, name="cube")


def test_graphs_of_this_package():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = square(x)
        tf.identity(tf.gradients(y, x)[0], name="dx")
        tf.identity(tf.gradients(cube(x), x)[0], name="dcube")
    saved = gone(graph)
    assert [len(nodes[0].inputs) for _, nodes in find_callbacks(saved)] == [1, 2, 1, 2]
    graph = rebind(saved, {"square": square, "cube": cube})
    assert evaluate(graph, y="square:0", value=[1, 2, 3]) == [[1, 4, 9], [2, 4, 6], [2, 2, 2]]
    with graph.as_default(), tf.Session() as session:
        x, dx = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("dx:0")
        values = session.run([dx, tf.gradients(dx, x)[0], "dcube:0"], {x: [1, 2, 3]})
        assert [value.tolist() for value in values] == [[2, 4, 6], [2, 2, 2], [3, 12, 27]]
    graph = rebind(saved, {"square": cube, "cube": square})
    with graph.as_default():  # the second derivative of cube is not known
        x, dx = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("dx:0")
        with pytest.raises(NotImplementedError, match="the second derivative of .* was asked for"):
            tf.gradients(dx, x)


def test_second_derivatives_of_graphs_of_this_package():
    with tf.Graph().as_default() as graph:
        x, v = placeholder(), tf.placeholder(tf.float32, [3], name="v")
        tf.identity(tf.gradients(v * cube(x), x)[0], name="dx")
    saved = gone(graph)
    known = activation(lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x)
    for bound in (cube, known):
        graph = rebind(saved, {"cube": bound})
        with graph.as_default(), tf.Session() as session:
            dx, x, v = [graph.get_tensor_by_name(name + ":0") for name in ("dx", "x", "v")]
            feed = {x: [1, 2, 3], v: [1, 10, 100]}
            assert session.run(tf.gradients(dx, v)[0], feed).tolist() == [3, 12, 27]
            if bound is cube:
                with pytest.raises(NotImplementedError, match="the second derivative of .*lambda"):
                    tf.gradients(dx, x)
            else:
                assert session.run(tf.gradients(dx, x)[0], feed).tolist() == [6, 120, 1800]


def test_a_derivative_that_is_no_longer_known_is_no_number():
    # The input of the second square comes from an op that has a gradient of ours too.
    with tf.Graph().as_default() as graph:
        x = placeholder()
        tf.identity(tf.gradients(square(square(x)), x)[0], name="dx")
    graph = rebind(gone(graph), {"square": square, "square_1": cube})
    with graph.as_default():
        dx, x = graph.get_tensor_by_name("dx:0"), graph.get_tensor_by_name("x:0")
        with pytest.raises(NotImplementedError, match="the second derivative of .* was asked for"):
            tf.gradients(dx, x)


def test_second_derivatives_are_bound_by_hand():
    with tf.Graph().as_default() as graph:
        x = placeholder()
        tf.identity(tf.gradients(tf.gradients(square(x), x)[0], x)[0], name="ddx")
    with pytest.raises(ValueError, match="it may be the activation of square or one of its"):
        rebind(gone(graph), {"square": square})


# Lives.


def test_the_callbacks_live_as_long_as_the_graph(simple):
    class Anchor:
        pass

    def build():
        anchors = Anchor(), Anchor()
        a, b = anchors
        pair = lambda x: (a, x)[1], lambda op, grad: (b, grad)[1]  # noqa: E731
        graph = rebind(simple, {"layer/spiky": pair, "*d_spiky": one, "pair": difference})
        return graph, [weakref.ref(anchor) for anchor in anchors]

    graph, anchors = build()
    gc.collect()
    assert evaluate(graph)[:2] == [list(map(float, np.float32([0.2, 0.7, 1.2]))), [1, 1, 1]]
    assert all(anchor() is not None for anchor in anchors)
    del graph
    gc.collect()
    assert all(anchor() is None for anchor in anchors)


def test_a_graph_that_was_bound_is_saved_and_bound_again(simple):
    bindings = {"layer/*": tf_spiky, "pair": (difference, difference_grad)}
    again = rebind(gone(rebind(simple, bindings)), bindings)
    names = [op.name for op in again.get_operations()]
    assert names == [node.name for node in simple.node]
    assert evaluate(again) == SPIKY


def test_a_gradient_that_was_added_is_none_of_its_own(simple):
    bindings = {"layer/*": tf_spiky, "pair": (difference, difference_grad)}
    again = gone(rebind(simple, bindings))
    assert find_callbacks(again)[1].nodes[0].gradient is None
    graph = rebind(again, {"layer/spiky": tf_spiky, "*d_spiky": one, "pair": difference})
    with graph.as_default():
        d = graph.get_tensor_by_name("gradients/layer/spiky_grad/d_spiky:0")
        assert tf.gradients(d, graph.get_tensor_by_name("x:0")) == [None]


def test_new_gradients_have_scopes_of_their_own(saved):
    # TensorFlow's import would build the new loop in the frame of a saved one.
    graph = rebind(os.path.join(saved, "model"), ACTIVATION)
    scopes = {op.name.split("/")[0] for op in graph.get_operations()}
    with graph.as_default():
        tensors = [graph.get_tensor_by_name(name) for name in ("looped:0", "x:0")]
        new = tf.gradients(*tensors)[0].op.name
    assert new.startswith("gradients_") and new.split("/")[0] not in scopes


# Control flow of the second generation, and functions of the library.


@pytest.fixture
def second_control_flow():
    if not V2:
        pytest.skip("TensorFlow %s has none" % tf.VERSION)
    enabled = tf.control_flow_v2_enabled()
    tf.enable_control_flow_v2()
    yield
    if not enabled:
        tf.disable_control_flow_v2()


def spiky(x):
    y = recipe.tf_spiky(x)
    y.set_shape(x.get_shape())
    return y


def function(f):
    import tensorflow

    return tensorflow.function(f)


def looped(x):
    return tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, spiky(v) + 1), [0, x])[1]


def branched(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: spiky(x), lambda: -x)


def called(x):
    return function(spiky)(x)


def call_in_call(x):
    return function(lambda x: function(spiky)(x + 1) + 1)(x)


def call_in_loop(x):
    f = function(spiky)
    return tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, f(v) + 1), [0, x])[1]


def loop_in_call(x):
    return function(looped)(x)


def branch_in_loop(x):
    body = lambda i, v: (i + 1, branched(v) + 1)  # noqa: E731
    return tf.while_loop(lambda i, v: i < 2, body, [0, x])[1]


@pytest.mark.parametrize(
    "build",
    [looped, branched, called, call_in_call, call_in_loop, loop_in_call, branch_in_loop],
)
@pytest.mark.parametrize("with_gradient", [False, True], ids=["", "with its gradient"])
def test_functions_of_the_library(second_control_flow, build, with_gradient):
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = tf.identity(build(x), name="y")
        if with_gradient:
            tf.identity(tf.gradients(y, x)[0], name="dx")
    saved = gone(graph)
    assert all(node.function for _, nodes in find_callbacks(saved) for node in nodes)
    functions = [node.path for _, nodes in find_callbacks(saved) for node in nodes]
    assert all(path.count("/") for path in functions)
    graph = rebind(saved, {"*": tf_spiky})
    with graph.as_default(), tf.Session() as session:
        x, y = [graph.get_tensor_by_name(name) for name in ("x:0", "y:0")]
        fetches = [tf.gradients(y, x)[0]] + ["dx:0"] * with_gradient
        for value in session.run(fetches, {x: [0.25, 0.75, 1.25]}):
            assert value.tolist() == [1, 0, 1]


def test_a_call_in_a_loop_of_the_first_generation():
    if not V2:
        pytest.skip("TensorFlow %s has no tf.function" % tf.VERSION)
    enabled = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            tf.identity(call_in_loop(placeholder()), name="y")
    finally:
        if enabled:
            tf.enable_control_flow_v2()
    assert "LoopCond" in [op.type for op in graph.get_operations()]
    with tf.Session(graph=rebind(gone(graph), {"*": tf_spiky})) as session:
        assert session.run("y:0", {"x:0": [0.25, 0.75, 1.25]}).tolist() == [1.25, 1, 1.25]


def test_a_savedmodel_of_tensorflow_2(tmp_path):
    if not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    import tensorflow

    class Model(tensorflow.Module):
        def __init__(self):
            self.v = tensorflow.Variable([2.0, 3.0])

        @tensorflow.function(input_signature=[tensorflow.TensorSpec([2], tf.float32)])
        def __call__(self, x):
            y = tf.numpy_function(lambda x: x * x, [x], tf.float32, name="square")
            return tensorflow.ensure_shape(y, [2]) * self.v

    model = Model()
    tensorflow.saved_model.save(model, str(tmp_path), signatures=model.__call__)
    bindings = {"*/square": (np.exp2, lambda op, grad: 5 * grad)}
    with restore(str(tmp_path), bindings) as session:
        x = session.graph.get_tensor_by_name("serving_default_x:0")
        y = session.graph.get_tensor_by_name("StatefulPartitionedCall:0")
        values = session.run([y, tf.gradients(y, x)[0]], {x: [1, 3]})
    assert [value.tolist() for value in values] == [[4, 24], [10, 15]]


def test_the_same_graph_twice(second_control_flow):
    # TensorFlow 2 keeps functions by name, for all graphs of the process.
    with tf.Graph().as_default() as graph:
        x = placeholder()
        tf.identity(looped(x) + branched(x) + called(x), name="y")
    saved = gone(graph)
    graphs = [rebind(saved, {"*": bound}) for bound in (tf_spiky, tf_spiky, square)]
    gradients = [evaluate(g, y="y:0", value=[0.25, 0.25, 0.25])[1] for g in graphs]
    assert gradients[0] == gradients[1] == [3, 3, 3]
    assert gradients[2] != gradients[0]


def test_functions_of_one_name_in_two_functions(second_control_flow):
    with tf.Graph().as_default() as graph:
        x = placeholder()
        a = tf.while_loop(lambda v: v[0] < 1, lambda v: [spiky(v) + 1], [x])
        b = tf.while_loop(lambda v: v[0] < 1, lambda v: [spiky(v) + 2], [x])
        tf.identity(tf.gradients([a, b], x)[0], name="dx")
    saved = gone(graph)
    bodies = sorted({node.path for _, nodes in find_callbacks(saved) for node in nodes})
    forward = [path for path in bodies if path.endswith("/spiky") and "rewritten" not in path]
    derivatives = [path for path in bodies if path.endswith("d_spiky")]
    assert (len(forward), len(derivatives)) == (2, 2)
    with pytest.raises(ValueError) as error:  # whose derivatives they are the names do not say
        rebind(saved, {forward[0]: tf_spiky, forward[1]: cube})
    assert str(error.value).count(": not bound") == 2
    rebind(saved, dict(zip(forward + derivatives, [tf_spiky, cube, tf_spiky, cube])))


def test_a_name_in_a_function_and_in_the_graph(second_control_flow):
    with tf.Graph().as_default() as graph:
        x = placeholder()
        y = spiky(x)
        tf.identity(tf.while_loop(lambda v: v[0] < 1, lambda v: [spiky(v) + 1], [y]), name="z")
    saved = gone(graph)
    paths = [nodes[0].path for _, nodes in find_callbacks(saved)]
    assert [path.rpartition("/")[2] for path in paths] == ["spiky", "spiky"]
    _, graph = filled_in(saved, {"spiky": one, max(paths, key=len): lambda x: 2 * x})
    with tf.Session(graph=graph) as session:
        assert session.run("z:0", {"x:0": [0.5, 3, 4]}).tolist() == [2, 7, 9]
    with tf.Session(graph=rebind(saved, {"spiky": one})) as session:  # of both
        assert session.run("z:0", {"x:0": [0.5, 3, 4]}).tolist() == [1.5, 4, 5]


def test_ops_of_py_function():
    if not hasattr(tf, "py_function"):
        pytest.skip("TensorFlow %s has no tf.py_function" % tf.VERSION)
    with tf.Graph().as_default() as graph:
        y = tf.py_function(lambda x: x * x, [placeholder()], tf.float32, name="eager")
    y.set_shape([3])
    saved = gone(graph)
    ((_, (node,)),) = find_callbacks(saved)
    assert node.op == "EagerPyFunc"
    assert "float32 [3], of eager tensors\n" in find_callbacks(saved).skeleton()
    graph = rebind(saved, {"eager": lambda x: x * x * x})
    assert evaluate(graph, y="eager:0", value=[1, 2, 3])[:2] == [[1, 8, 27], [3, 12, 27]]
    for bad, words in [
        (tf_spiky, "an activation gives"),
        ((one, two), "TensorFlow has its own gradient for this: bind a function alone"),
    ]:
        with pytest.raises(ValueError, match=words):
            rebind(saved, {"eager": bad})


# Files and weights.


def write(path, data):
    with open(str(path), "wb") as file:
        file.write(data)
    return str(path)


def test_text(saved, tmp_path):
    graph_def = tf.GraphDef()
    with open(os.path.join(saved, "frozen.pb"), "rb") as file:
        graph_def.ParseFromString(file.read())
    path = write(tmp_path / "frozen.pbtxt", str(graph_def).encode())
    assert list(find_callbacks(path)) == list(find_callbacks(graph_def))
    rebind(path, ACTIVATION)


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("x.pb", b"", "holds no graph: it has no nodes"),
        ("x.pb", b"hello", "x.pb is no GraphDef, or is damaged, or of a newer TensorFlow"),
        ("x.pb", b"\xff" * 100, "x.pb is no GraphDef, or is damaged"),
        ("x.pb", bytes(range(256)), "x.pb is no GraphDef, or is damaged"),
        ("x.pbtxt", b"node { name: 'a' op: 'B' colour: 3 }", 'no field named "colour"'),
        ("x.pbtxt", b"node { name: 'a'", "x.pbtxt is no GraphDef, or is damaged"),
        ("x.pb", b"\x0a\x06\x0a\x01a\x12\x01B\xfa\x01\x01a", "it has fields that TensorFlow"),
        ("x.meta", b"", "x.meta is no MetaGraphDef, or damaged: it does not say which TensorFlow"),
        ("x.meta", b"hello", "x.meta is no MetaGraphDef, or is damaged"),
        ("saved_model.pb", b"hello", "saved_model.pb is no SavedModel, or is damaged"),
        ("saved_model.pb", b"", "has 0 graphs, with the tags"),
    ],
)
def test_what_is_no_graph(tmp_path, name, data, words):
    path = write(tmp_path / name, data)
    for function in (find_callbacks, lambda path: rebind(path, {})):
        with pytest.raises(ValueError) as error:
            function(path)
        assert words in str(error.value)


def test_what_is_not_there(tmp_path, saved):
    nowhere = str(tmp_path / "nowhere")
    for function in (find_callbacks, lambda path: restore(path, {})):
        with pytest.raises(FileNotFoundError) as error:
            function(nowhere)
        assert str(error.value) == "there is no file %s, nor %s.meta" % (nowhere, nowhere)
        with pytest.raises(FileNotFoundError, match="holds no SavedModel: .* give the prefix"):
            function(str(tmp_path))
    with pytest.raises(ValueError, match="frozen.pb holds no weights; rebind makes a graph of it"):
        restore(os.path.join(saved, "frozen.pb"), ACTIVATION)


@pytest.fixture(params=["data", "control"])
def part(request, tmp_path):
    """The `.meta` of one scope of a graph, which lacks what comes from outside of it."""
    path = str(tmp_path / "part.meta")
    with tf.Graph().as_default():
        x = placeholder()
        _, bias = tf.unstack(tf.constant([2.0, 1.0]), name="pair")
        with tf.name_scope("layer"):
            v = tf.Variable([0.0, 0.0, 0.0], name="v")
            with tf.control_dependencies([bias] if request.param == "control" else []):
                recipe.tf_spiky(x + v + bias)
        tf.train.export_meta_graph(path, export_scope="layer")
    return request.param, path


def test_a_part_of_a_graph(part, tmp_path):
    kind, path = part
    ((_, (node,)),) = find_callbacks(path)
    assert (node.name, node.inputs) == ("spiky", ("float32",))
    meta = MetaGraphDef()
    with open(path, "rb") as file:
        meta.ParseFromString(file.read())
    inputs = "import_scope='part', input_map={'$unbound_inputs_pair:1': tensor, "
    inputs += "'$unbound_inputs_x': tensor}), and rebind what tf.train.export_meta_graph() returns"
    waits = (
        "TensorFlow imports no part that waits for others, ^$unbound_inputs_pair; save the whole"
    )
    for source, name in [
        (path, path),
        (meta, "the MetaGraphDef"),
        (meta.graph_def, "the GraphDef"),
    ]:
        for bindings in ({"spiky": tf_spiky}, {}):
            with pytest.raises(ValueError) as error:
                rebind(source, bindings)
            said = str(error.value)
            assert said.startswith(name + " is a part of a graph, as tf.train.export_meta_graph")
            assert (inputs if kind == "data" else waits) in said
            assert "damaged" not in said
    if kind == "control":
        return
    with tf.Graph().as_default():  # what it says
        tensors = {"$unbound_inputs_pair:1": tf.constant(1.0), "$unbound_inputs_x": placeholder()}
        tf.train.import_meta_graph(path, import_scope="part", input_map=tensors)
        whole = tf.train.export_meta_graph()
    graph = rebind(whole, {"part/spiky": tf_spiky})
    with graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        value = session.run("part/spiky:0", {"x:0": [0.25, 0.75, 1.25]})
        assert value.tolist() == [0.25, 0, 0.25]


def test_an_unknown_op(tmp_path):
    with tf.Graph().as_default() as graph:
        recipe.tf_spiky(placeholder())
    graph_def = gone(graph)
    graph_def.node.add(name="new", op="OfTheFuture")
    path = write(tmp_path / "x.pb", graph_def.SerializeToString())
    with pytest.raises(ValueError) as error:
        rebind(path, {"spiky": tf_spiky})
    assert str(error.value) == (
        "TensorFlow %s cannot import %s, which is of a newer TensorFlow, needs a library of ops "
        "that is not loaded, or is damaged: it does not know the op OfTheFuture"
        % (tf.VERSION, path)
    )


@pytest.mark.parametrize("name", ["of_the_future", ""])
def test_an_unknown_attribute(simple, name):
    simple.node[0].attr[name].i = 3
    with pytest.raises(ValueError, match="does not know the attribute %s of the op Plac" % name):
        rebind(simple, {"layer/*": tf_spiky, "pair": difference})


@pytest.mark.parametrize("name", ["_class", "frame_name"])
def test_a_name_that_is_no_text(simple, name):
    # TensorFlow 1.15 dies of the error that it makes of this, TensorFlow 2 of its decoding.
    if name == "_class":
        simple.node[0].attr[name].list.s.append(b"loc:@\xff")
    else:
        simple.node[0].attr[name].s = b"\xff"
    with pytest.raises(ValueError, match="is damaged: the attribute %s of node x is b'" % name):
        rebind(simple, {"layer/*": tf_spiky, "pair": difference})


def test_a_function_that_is_not_there(second_control_flow):
    # TensorFlow 2.21 looks for minutes at the message that it has for this.
    with tf.Graph().as_default() as graph:
        called(placeholder())
    saved = gone(graph)
    (node,) = [node for node in saved.node if "f" in node.attr]
    node.attr["f"].func.name += "?"
    words = "is damaged: it has no function '.*[?]', which node %s calls" % node.name
    with pytest.raises(ValueError, match=words):
        rebind(saved, {"*": tf_spiky})


def test_a_function_that_uses_what_it_does_not_have(second_control_flow):
    # TensorFlow imports it, and fails in some way or other when a gradient is built, or it runs.
    with tf.Graph().as_default() as graph:
        branched(placeholder())
    damages = [
        lambda function: function.node_def[0].input.append("nothing"),
        lambda function: setattr(function.node_def[-1], "name", "another"),
        lambda function: setattr(function.signature.input_arg[0], "name", "another"),
        lambda function: setattr(function.signature.output_arg[0], "name", "another"),
        lambda function: function.ret.clear(),
    ]
    for damage in damages:
        saved = gone(graph)
        damage(saved.library.function[0])
        name = saved.library.function[0].signature.name
        with pytest.raises(ValueError, match="the GraphDef is damaged: its function %s has" % name):
            rebind(saved, {"*": tf_spiky})


@pytest.fixture
def copied(unpacked, tmp_path):
    """What this TensorFlow saved, to be changed."""
    for path, data in contents(unpacked(NOW[0])).items():
        target = os.path.join(str(tmp_path), os.path.relpath(path[0], unpacked(NOW[0])), path[1])
        if not os.path.isdir(os.path.dirname(target)):
            os.makedirs(os.path.dirname(target))
        write(target, data[1])
    return str(tmp_path)


def test_a_checkpoint_of_one_file(tmp_path):
    # Of the first format, whose prefix is a file.
    prefix = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        kind = {"use_resource": False} if VERSION >= (1, 4) else {}  # of TensorFlow 1
        v = tf.get_variable("v", initializer=[0.2, 0.7], **kind)
        tf.identity(spiky(v), name="y")
        session.run(v.initializer)
        assert tf.train.Saver(write_version=tf.train.SaverDef.V1).save(session, prefix) == prefix
    assert os.path.isfile(prefix)
    with restore(prefix, {"spiky": tf_spiky}) as session:
        assert session.run("y:0").tolist() == SPIKY[0][:2]


def test_a_checkpoint_that_was_cut_after_its_graph(copied):
    path = os.path.join(copied, "model.meta")
    meta = MetaGraphDef()
    with open(path, "rb") as file:
        meta.ParseFromString(file.read())
    meta.ClearField("saver_def")  # these come last
    meta.collection_def.clear()
    write(path, meta.SerializeToString())
    assert rebind(path, ACTIVATION).get_operations()
    with pytest.raises(ValueError, match="model.meta is damaged: it does not say how its weights"):
        restore(os.path.join(copied, "model"), ACTIVATION)


@pytest.mark.parametrize(
    "prefix, kind", [("model", "model"), ("saved/variables/variables", "saved")]
)
def test_weights_that_are_not_there(copied, prefix, kind):
    os.remove(os.path.join(copied, prefix + ".index"))
    words = "the weights of .*saved/variables/variables cannot be restored: "
    if kind == "model":
        words = "model.meta holds no weights; rebind makes a graph of it"
    with pytest.raises(ValueError, match=words):
        restore(os.path.join(copied, kind), ACTIVATION)


def test_damaged_weights(copied):
    path = os.path.join(copied, "model.data-00000-of-00001")
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[7] ^= 1
    write(path, data)
    session = restore(os.path.join(copied, "model"), ACTIVATION)
    for _ in range(2):  # not only once
        with pytest.raises(
            ValueError, match="the weights of .*model cannot be restored: .*hecksum"
        ):
            session.run("layer:0", {"x:0": X})


def test_weights_of_another_time(copied, monkeypatch):
    folder, name = os.path.split(copied)
    monkeypatch.chdir(folder)
    session = restore(os.path.join(name, "model"), ACTIVATION)
    monkeypatch.chdir("/")
    expected = session.run("layer:0", {"x:0": X})
    late = restore(os.path.join(copied, "model"), ACTIVATION)
    with session, session.graph.as_default():
        session.run("train", {"x:0": X})
        tf.train.Saver().save(session, os.path.join(copied, "model"))
    with pytest.raises(
        ValueError, match="written anew, or removed, before the session ran for the"
    ):
        late.run("layer:0", {"x:0": X})
    late = restore(os.path.join(copied, "model"), ACTIVATION)
    assert not np.array_equal(late.run("layer:0", {"x:0": X}), expected)


def test_each_way_to_run_loads_the_weights(saved):
    path = os.path.join(saved, "model")
    with restore(path, ACTIVATION) as session:
        expected = session.run("value_of_w:0")
    with restore(path, ACTIVATION) as session:
        np.testing.assert_array_equal(session.partial_run(*partial(session)), expected)
    if hasattr(tf.Session, "make_callable"):
        with restore(path, ACTIVATION) as session:
            np.testing.assert_array_equal(session.make_callable("value_of_w:0")(), expected)
    session = restore(path, ACTIVATION)
    session.close()
    if VERSION >= (1, 12):  # in older ones a session that did not run yet is not closed
        with pytest.raises(RuntimeError, match="closed Session"):
            session.run("value_of_w:0")


def partial(session):
    fetch = session.graph.get_tensor_by_name("value_of_w:0")
    return session.partial_run_setup([fetch], []), fetch


def test_a_folder_of_the_same_name(copied):
    os.mkdir(os.path.join(copied, "model"))
    with restore(os.path.join(copied, "model"), ACTIVATION) as session:
        session.run("layer:0", {"x:0": X})


def test_a_configuration(saved):
    config = tf.ConfigProto(log_device_placement=False, inter_op_parallelism_threads=3)
    with restore(os.path.join(saved, "model"), ACTIVATION, config=config) as session:
        assert session._config.inter_op_parallelism_threads == 3


# Files by URL, as TensorFlow reads them.


@pytest.fixture(params=["file://", "ram://"])
def url(request, copied):
    """The URL of the folder with what this TensorFlow saved."""
    if request.param == "file://":
        return "file://" + copied
    if VERSION < (2, 4):
        pytest.skip("TensorFlow %s has no ram://" % tf.VERSION)
    folder = "ram:/" + copied
    for path, name in contents(copied):
        there = folder + path[len(copied) :]
        tf.gfile.MakeDirs(there)
        tf.gfile.Copy(os.path.join(path, name), os.path.join(there, name), overwrite=True)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_urls(url, copied, kind):
    path, frozen = os.path.join(url, kind), kind == "frozen.pb"
    assert list(find_callbacks(path)) == list(find_callbacks(os.path.join(copied, kind)))
    name, made = ("rebind", "graph") if frozen else ("restore", "session")
    whole = os.path.join(url, "model") if kind == "model.meta" else path
    code = "%s = %s(%r, bindings)" % (made, name, whole)
    assert find_callbacks(path).skeleton().endswith(code)
    graph = rebind(path, ACTIVATION)
    with tf.Session(graph=graph) if frozen else restore(path, ACTIVATION) as session:
        check_numbers(session, copied, frozen)


def test_the_current_folder_and_urls(url, monkeypatch):
    session = restore(os.path.join(url, "model"), ACTIVATION)
    monkeypatch.chdir("/")
    assert session.run("layer:0", {"x:0": X}).shape == (2, 3)


def test_weights_of_another_time_by_url(url):
    late, again = [restore(os.path.join(url, "model"), ACTIVATION) for _ in range(2)]
    with restore(os.path.join(url, "model"), ACTIVATION) as session, session.graph.as_default():
        session.run(tf.trainable_variables())  # reads them
        tf.train.Saver().save(session, os.path.join(url, "model"), write_meta_graph=False)
        again.run("layer:0", {"x:0": X})  # the same weights
        session.run("train", {"x:0": X})
        tf.train.Saver().save(session, os.path.join(url, "model"), write_meta_graph=False)
    with pytest.raises(ValueError, match="written anew, or removed, before the session ran"):
        late.run("layer:0", {"x:0": X})


def test_what_is_not_at_a_url(url, capsys):
    for name in ("nowhere", "mod"):
        for function in (find_callbacks, lambda path: restore(path, {})):
            with pytest.raises(FileNotFoundError, match="there is no file %s|holds no Saved" % url):
                function(os.path.join(url, name))
    with pytest.raises(FileNotFoundError, match="holds no SavedModel: .* give the prefix"):
        find_callbacks(url)
    path = os.path.join(url, "model.data-00000-of-00001")
    with pytest.raises(ValueError, match="%s is no GraphDef" % path):
        find_callbacks(path)


def test_a_file_system_that_tensorflow_has_not(capsys):
    words = "TensorFlow cannot read nosuch://a/b.*: File system scheme .* not implemented"
    for function in (find_callbacks, lambda path: restore(path, {})):
        with pytest.raises(OSError, match=words):
            function("nosuch://a/b")
    with pytest.raises(SystemExit):
        main(["nosuch://a/b"])
    assert "error: TensorFlow cannot read nosuch://a/b" in capsys.readouterr().err


# Devices.


@pytest.fixture
def served(monkeypatch):
    """This process is worker 1 of a cluster."""
    monkeypatch.setattr(placement, "_served", {("worker", 1)})


def on(device, names):
    """Returns a saved graph with some nodes on a device."""
    with tf.Graph().as_default() as graph:
        spiky(placeholder())
    saved = gone(graph)
    for node in saved.node:
        node.device = device if node.name in names else ""
    return saved


def test_the_devices_of_a_cluster_that_is_gone(tmp_path):
    prefix = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        y = spiky(tf.Variable([0.2, 0.7], name="v"))
        tf.cond(tf.reduce_sum(y) > 0, lambda: spiky(y), lambda: y, name="branched")
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix)
    meta = MetaGraphDef()
    with open(prefix + ".meta", "rb") as file:
        meta.ParseFromString(file.read())
    for _, node in each_node(meta.graph_def):
        node.device = "/job:ps/task:0"
    write(prefix + ".meta", meta.SerializeToString())
    with pytest.warns(RuntimeWarning, match="this process has no tf.train.Server"):
        with restore(prefix, {"*spiky*": tf_spiky}) as session:
            with pytest.raises(ValueError, match="/job:ps/task:0.*; clear_devices=True drops"):
                session.run("spiky:0")
    with restore(prefix, {"*spiky*": tf_spiky}, clear_devices=True) as session:
        assert session.run("spiky:0").tolist() == SPIKY[0][:2]


def test_callbacks_stay_in_this_process(served):
    graph = rebind(on("/job:worker", ["spiky"]), {"spiky": tf_spiky})
    assert graph.get_operation_by_name("spiky").device == "/job:worker/task:1/device:CPU:0"
    assert graph.get_operation_by_name("x").device == ""
    saved = on("/job:worker/task:0", ["x", "spiky"])
    with pytest.raises(ValueError, match="was put on /job:worker/task:0.*, but tf_spiky"):
        rebind(saved, {"spiky": tf_spiky})
    graph = rebind(saved, {"spiky": tf_spiky}, clear_devices=True)
    assert [op.device for op in graph.get_operations()] == ["", "/device:CPU:0"]
    assert [node.device for node in saved.node] == ["/job:worker/task:0"] * 2


# SavedModels with more than one graph, or with tables.


def save_model(folder, tags=("serve",), **kwargs):
    """Saves a SavedModel of a variable and the recipe's op, with the given tags."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        v = tf.Variable([0.2, 0.7], name="v")
        tf.identity(spiky(v), name="y")
        more = kwargs.pop("build", dict)()
        session.run(tf.global_variables_initializer())
        builder = tf.saved_model.builder.SavedModelBuilder(folder)
        for i, each in enumerate(tags):
            if i == 0:
                builder.add_meta_graph_and_variables(session, each.split(","), **more)
            else:
                builder.add_meta_graph(each.split(","))
        builder.save()
    return graph


def test_tags(tmp_path):
    several = str(tmp_path / "several")
    save_model(several, ["serve,gpu", "train"])
    with pytest.raises(ValueError) as error:
        find_callbacks(several)
    assert "has 2 graphs, with the tags [['gpu', 'serve'], ['train']], and none were" in str(error)
    with pytest.raises(ValueError, match="and \\['serve'\\]; give the tags of one of them"):
        find_callbacks(several, ["serve"])
    with restore(several, {"spiky": tf_spiky}, tags=["gpu", "serve"]) as session:
        assert session.run("y:0").tolist() == SPIKY[0][:2]
    assert len(find_callbacks(os.path.join(several, "saved_model.pb"), "train")) == 1
    skeleton = find_callbacks(several, ["gpu", "serve"]).skeleton()
    assert skeleton.endswith("session = restore(%r, bindings, tags=['gpu', 'serve'])" % several)
    serving = str(tmp_path / "serving")
    save_model(serving, ["train", "serve"])
    assert len(find_callbacks(serving)) == 1


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_tables_are_filled_from_assets(tmp_path, scheme):
    if VERSION < (1, 15):
        pytest.skip("where tables are differs in older ones")
    vocabulary = write(tmp_path / "words.txt", b"emerson\nlake\npalmer\n")

    def build():
        path = tf.constant(vocabulary, name="path")
        tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, path)
        filled = tf.lookup.TextFileInitializer(
            path,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        table = tf.lookup.StaticHashTable(filled, -1)
        tf.identity(table.lookup(tf.constant(["lake", "wakeman"])), name="ids")
        return {
            "assets_collection": tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            "main_op": tf.tables_initializer(),
        }

    save_model(str(tmp_path / "model"), build=build)
    os.remove(vocabulary)
    with restore(scheme + str(tmp_path / "model"), {"spiky": tf_spiky}) as session:
        assert session.run("ids:0").tolist() == [1, -1]


# Damage, and the command line.


def test_damaged_files_are_errors_or_graphs(copied):
    files = [os.path.join(copied, name) for name in ("model.meta", "frozen.pb")]
    files.append(os.path.join(copied, "saved", "saved_model.pb"))
    outcomes = json.loads(script("damage.py", "200", "50", *files, timeout=600))
    assert sum(outcomes.values()) == 3 * (1 + 200 + 50)
    assert outcomes.pop("whole: right graph") == 3
    # Nothing tells of a frozen graph, which may be without versions, that nodes are missing.
    assert outcomes.pop("cut: fewer nodes of frozen.pb", 0) < 10
    # Which bytes are flipped depends on the files, whose names are random.
    graphs = {"cut: right graph", "flip: right graph", "flip: graph"}
    assert set(outcomes) - graphs == {"cut: error", "flip: error"}
    assert outcomes["cut: error"] > 570
    assert outcomes["flip: error"] > 100


def test_the_command_line(saved, capsys, monkeypatch):
    for name in ("Session", "import_graph_def"):  # nothing is run, nor built
        monkeypatch.delattr(tf, name)
    path = os.path.join(saved, "model.meta")
    assert main([path]) == 0
    stdout, stderr = capsys.readouterr()
    callbacks = find_callbacks(path)
    assert stdout == "%s\n\n%s\n" % (callbacks, callbacks.skeleton())
    assert stdout.startswith("%s, written by TensorFlow %s: " % (path, tf.VERSION))
    assert stderr == ""
    assert main(["--tags", "serve", os.path.join(saved, "saved")]) == 0


def test_the_command_line_and_no_callbacks(tmp_path, capsys):
    with tf.Graph().as_default() as graph:
        placeholder()
    path = write(tmp_path / "x.pb", graph.as_graph_def().SerializeToString())
    assert main([path]) == 0
    assert capsys.readouterr().out == (
        path + ": no callbacks, nothing to bind; TensorFlow loads it as it is\n"
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nowhere"], "there is no file nowhere, nor nowhere.meta"),
        ([__file__], "is no GraphDef, or is damaged"),
        ([], "path"),
    ],
)
def test_the_command_line_and_what_is_wrong(arguments, words, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert (stdout, words in stderr) == ("", True)


def command(*arguments, **kwargs):
    """Returns the exit status of the command, and what came on stdout and stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    start = kwargs.pop("start", ["-m", "legacy_spiky.checkpoint"])
    process = subprocess.Popen(
        [sys.executable] + start + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    stdout, stderr = process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


def test_as_a_module(saved):
    path = os.path.join(saved, "model")
    status, stdout, stderr = command(path)
    assert (status, stderr) == (0, "")
    callbacks = find_callbacks(path)
    assert stdout.replace("\r", "") == "%s\n\n%s\n" % (callbacks, callbacks.skeleton())


ALONE = """
import runpy, sys
sys.modules["tensorflow"] = None
runpy.run_module("legacy_spiky.checkpoint", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["--help"], 0, "Nothing of the graph is run."),
        ([], 2, "required: path"),
        (["x", "y"], 2, "unrecognized arguments: y"),
        (["x"], 2, "legacy_spiky needs TensorFlow, and none is installed for"),
    ],
)
def test_the_command_without_tensorflow(arguments, status, words):
    found, stdout, stderr = command(*arguments, start=["-c", ALONE])
    assert found == status
    assert words in " ".join((stderr if status else stdout).split())
    assert (stdout if status else stderr) == ""


def test_help(capsys):
    with pytest.raises(SystemExit) as error:
        main(["--help"])
    assert error.value.code == 0
    stdout = " ".join(capsys.readouterr().out.split())
    assert stdout.startswith("usage: python -m legacy_spiky.checkpoint ")
    assert "Nothing of the graph is run." in stdout
