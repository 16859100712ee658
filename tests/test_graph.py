"""What graph mode alone has: graphs, sessions, the registry of gradients."""

import gc
import os
import random
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from legacy_spiky import activation, py_func, spikygrad, spikygrad2, tf_d_spiky, tf_spiky
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf


def square(x):
    return x * x


def square_grad(op, grad):
    return 2 * op.inputs[0] * grad


def test_graph_mode_fixture(graph_mode):
    assert tf.get_default_graph() is graph_mode.graph
    assert tf.get_default_session() is graph_mode
    assert not graph_mode.graph.get_operations()


def test_one_op_as_the_bare_one(graph_mode):
    x = tf.placeholder(tf.float32)
    before = len(graph_mode.graph.get_operations())
    for stateful, kind in [(True, "PyFunc"), (False, "PyFuncStateless")]:
        y = py_func(square, [x], tf.float32, stateful=stateful, grad=square_grad)
        assert y.op.type == kind
        assert list(y.op.inputs) == [x]
        assert y.get_shape().ndims is None
    assert len(graph_mode.graph.get_operations()) == before + 2


def test_names(graph_mode):
    x = tf.constant(1.0)
    assert py_func(square, [x], tf.float32, name="mine", grad=square_grad).op.name == "mine"
    with tf.name_scope("outer"):
        assert tf_spiky(x).op.name == "outer/spiky"
        assert tf_spiky(x).op.name == "outer/spiky_1"
        assert tf_d_spiky(x, name="mine").op.name == "outer/mine"


def test_no_outputs(graph_mode):
    seen = []
    op = py_func(seen.append, [tf.constant(3.0)], [])
    graph_mode.run(op)
    assert seen == [3]


def test_no_outputs_without_state(graph_mode):
    # What TensorFlow gives, which leaves nothing to run.
    assert py_func(lambda x: None, [tf.constant(3.0)], [], stateful=False) == []


def test_name_of_a_registered_gradient(graph_mode):
    name = "Mine%x" % random.SystemRandom().getrandbits(64)
    tf.RegisterGradient(name)(lambda op, grad: 5 * grad)
    for stateful in (True, False):
        x = tf.constant([1.0, 2.0])
        y = py_func(square, [x], tf.float32, stateful=stateful, grad=name)
        y.set_shape(x.get_shape())
        np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), [5, 5])


def test_name_of_a_registered_gradient_while_migrating(graph_mode):
    migration = pytest.importorskip("legacy_spiky.migration")
    name = "Mine%x" % random.SystemRandom().getrandbits(64)
    tf.RegisterGradient(name)(lambda op, grad: 5 * grad)
    x = tf.constant([1.0, 2.0])
    y = migration.py_func(square, [x], tf.float32, grad=name)
    y.set_shape(x.get_shape())
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), [5, 5])


def test_name_of_no_gradient(graph_mode):
    x = tf.constant([1.0, 2.0])
    y = py_func(square, [x], tf.float32, grad="NobodyHasThis")
    with pytest.raises(LookupError):
        tf.gradients(y, x)


def test_under_a_foreign_override_map(graph_mode):
    name = "Foreign%x" % random.SystemRandom().getrandbits(64)
    tf.RegisterGradient(name)(lambda op, grad: 7 * grad)
    x = tf.constant([1.0, 2.0])
    foreign = {"PyFunc": name, "PyFuncStateless": name, "Identity": name}
    with graph_mode.graph.gradient_override_map(foreign):
        ours = py_func(square, [x], tf.float32, grad=square_grad)
        plain = py_func(square, [x], tf.float32)
        identity = tf.identity(x)
        spiky = tf_spiky(x)
    for y in (ours, plain):
        y.set_shape(x.get_shape())
    for y, expected in [(ours, [2, 4]), (plain, [7, 7]), (identity, [7, 7]), (spiky, [1, 1])]:
        np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), expected)


def test_sparse_gradients(graph_mode):
    # Both upstream of the op, where tf.gather makes them, and returned by its gradient.
    x = tf.constant([[1.0], [2.0], [3.0]])

    def grad(op, upstream):
        gathered = tf.gather(op.inputs[0], [0, 2])
        return tf.gradients(gathered, op.inputs[0], grad_ys=tf.gather(upstream, [0, 2]))

    kinds = []

    def dense(op, upstream):
        kinds.append(type(upstream))
        return 2 * upstream

    y = py_func(square, [x], tf.float32, grad=grad)
    y.set_shape(x.get_shape())
    z = py_func(square, [y], tf.float32, grad=dense)
    z.set_shape(x.get_shape())
    gradient = tf.convert_to_tensor(tf.gradients(tf.gather(z, [1, 2]), x)[0])
    np.testing.assert_array_equal(graph_mode.run(gradient), [[0], [0], [2]])
    assert issubclass(kinds[0], tf.Tensor)


@pytest.mark.parametrize("threads", [0, -1])
@pytest.mark.parametrize("dtype", versions.FLOATING)
def test_the_two_gradients_of_spiky_agree(dtype, threads):
    size = dtype.size
    if size == 2:
        bits = np.arange(1 << 16, dtype=np.uint16)
    else:
        bits = np.frombuffer(np.random.RandomState(0).bytes(1 << 20), "u%d" % size)
    x = bits.view(dtype.as_numpy_dtype)
    config = tf.ConfigProto(inter_op_parallelism_threads=threads)
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        tensor = tf.placeholder(dtype, x.shape)
        y = tf_spiky(tensor)
        grad = tf.fill(tf.shape(tensor), tf.cast(-3.0, dtype))
        gradients = [spikygrad(y.op, grad), spikygrad2(y.op, grad)]
        again = tf.gradients(gradients[1], tensor)[0]
        python, native, again = session.run(gradients + [again], {tensor: x})
        np.testing.assert_array_equal(python.view(bits.dtype), native.view(bits.dtype))
        assert not again.view(bits.dtype).any()


def test_gradient_built_after_a_run_says_nothing(capfd):
    # TensorFlow 2.21 warns of an op that is changed after a session ran it.
    code = """
import legacy_spiky
from legacy_spiky._ops.versions import tf
with tf.Graph().as_default(), tf.Session() as session:
    x = tf.constant([0.2, 0.7])
    y = legacy_spiky.tf_spiky(x)
    session.run(y)
    gradient = tf.gradients(y, x)[0]
    session.run([y, gradient])
    session.run(tf.gradients(gradient, x)[0])
"""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="1")
    subprocess.check_call([sys.executable, "-c", code], env=environment)
    assert "was changed by" not in capfd.readouterr().err


def test_random_streams_are_left_alone(graph_mode):
    np.random.seed(0)
    random.seed(0)
    states = str(np.random.get_state()), str(random.getstate())
    x = tf.constant([1.0])
    tf.gradients(tf_spiky(x), x)
    tf.gradients(py_func(square, [x], tf.float32, grad=square_grad), x)
    assert (str(np.random.get_state()), str(random.getstate())) == states


def test_gradient_taken_in_another_graph_s_context(graph_mode):
    x = tf.constant([0.2, 0.7])
    y = tf_spiky(x)
    with tf.Graph().as_default():
        tf_spiky(tf.constant([1.0]))
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), [1, 0])


def test_graph_that_another_default_graph_hides():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.constant([1.0, 3.0])
        y = py_func(square, [x], tf.float32, grad=square_grad)
        y.set_shape(x.get_shape())
    for _ in range(2):
        with graph.as_default(), tf.Session() as session:
            np.testing.assert_array_equal(session.run(tf.gradients(y, x)[0]), [2, 6])


@pytest.mark.parametrize("package", ["graph", "migration"])
def test_threads_that_build_one_graph(package, busy_threads):
    package = pytest.importorskip("legacy_spiky." + package)
    py_func = package.py_func
    # An override holds for the graph: an op that another thread builds meanwhile must not get it.
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.constant([1.0, 2.0])
        ops = []

        def work(k):
            with graph.as_default():
                for _ in range(20):
                    ops.append((k, py_func(square, [x], tf.float32, grad=lambda op, g: g * k)))
                    ops.append((None, py_func(square, [x], tf.float32)))

        threads = [threading.Thread(target=work, args=[float(k)]) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ops.append((None, tf.py_func(square, [x], tf.float32)))
        assert len(ops) == 241
        for k, y in ops:
            y.set_shape([2])
            gradient = tf.gradients(y, x)[0]
            if k is None:
                assert gradient is None
            else:
                np.testing.assert_array_equal(session.run(gradient), [k, k])


def test_inputs_from_a_graph_that_is_not_the_default_one(graph_mode):
    x = tf.constant([1.0, 2.0])
    with tf.Graph().as_default() as other:
        y = py_func(square, [x], tf.float32, grad=square_grad)
        spiky = tf_spiky(x)
    assert not other.get_operations()
    y.set_shape(x.get_shape())
    gc.collect()
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), [2, 4])
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(spiky, x)[0]), [1, 1])


def test_inputs_from_two_graphs(graph_mode):
    x = tf.constant(1.0)
    with tf.Graph().as_default(), pytest.raises(ValueError):
        py_func(np.add, [x, tf.constant(1.0)], tf.float32, grad=lambda op, grad: (grad, grad))


def test_the_derivative_of_spiky_is_stateless_as_in_the_recipe(graph_mode):
    x = tf.constant([1.0])
    assert tf_spiky(x).op.type == "PyFunc"
    assert tf_d_spiky(x).op.type == "PyFuncStateless"
    tf.gradients(activation(np.sin, np.cos, name="sine")(x), x)
    types = {op.name.split("/")[-1]: op.type for op in graph_mode.graph.get_operations()}
    assert types["sine"] == "PyFunc"
    assert types["d_sine"] == "PyFunc"  # it may read what changes


def test_an_activation_lives_as_long_as_the_graph_of_its_ops(graph_mode):
    x = tf.constant([1.0])
    y = activation(np.sin, np.cos)(x)
    gc.collect()
    (slope,) = graph_mode.run(tf.gradients(y, x))
    np.testing.assert_array_equal(slope, np.cos(np.float32([1.0])))


def test_gradient_tape_in_a_graph_sees_no_override(graph_mode):
    # TensorFlow's, and said in docs/differences.md.
    if not hasattr(tf, "GradientTape"):
        pytest.skip("tapes came with TensorFlow 1.7")
    x = tf.constant([1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf_spiky(x)
    assert tape.gradient(y, x) is None


def test_graphs_in_threads():
    results = {}

    def work(i):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [3])
            y = py_func(
                lambda x: np.float32(i) * x, [x], tf.float32, grad=lambda op, grad: grad * float(i)
            )
            y.set_shape([3])
            fetches = [y, tf.gradients(y, x)[0]]
            results[i] = [session.run(fetches, {x: [1, 2, 3]}) for _ in range(20)]

    threads = [threading.Thread(target=work, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        for value, gradient in results[i]:
            np.testing.assert_array_equal(value, np.float32(i) * np.float32([1, 2, 3]))
            np.testing.assert_array_equal(gradient, [i, i, i])


class Anchor:
    """Something that a closure holds."""


@pytest.mark.parametrize("package", ["graph", "migration"])
def test_closures_are_freed_with_their_graph(package):
    package = pytest.importorskip("legacy_spiky." + package)
    activation, py_func = package.activation, package.py_func

    def build():
        anchors = [Anchor() for _ in range(4)]

        def func(x, anchor=anchors[0]):
            return x * x

        def grad(op, upstream, anchor=anchors[1]):
            return 2 * op.inputs[0] * upstream

        op = activation(
            lambda x, anchor=anchors[2]: x * 1, lambda x, anchor=anchors[3]: np.ones_like(x)
        )
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.constant([1.0, 2.0])
            y = py_func(func, [op(x)], tf.float32, grad=grad)
            y.set_shape(x.get_shape())
            np.testing.assert_array_equal(session.run(tf.gradients(y, x)[0]), [2, 4])
        return [weakref.ref(anchor) for anchor in anchors]

    anchors = build()
    gc.collect()
    assert [anchor() for anchor in anchors] == [None] * 4


@pytest.mark.parametrize("package", ["graph", "migration"])
@pytest.mark.parametrize("stateful", [True, False])
def test_closures_that_lead_to_their_graph_are_freed_with_it(package, stateful):
    package = pytest.importorskip("legacy_spiky." + package)

    class Model:
        """Has the tensors and the functions, as models have."""

        def __init__(self):
            self.x = tf.constant([1.0, 2.0])
            self.y = package.py_func(self.square, [self.x], tf.float32, stateful, grad=self.grad)
            self.y.set_shape(self.x.get_shape())

        def square(self, x):
            return x * x

        def grad(self, op, upstream):
            return 2 * self.x * upstream

    def build():
        with tf.Graph().as_default() as graph, tf.Session() as session:
            model = Model()
            gc.collect()
            gradient = tf.gradients(model.y, model.x)[0]
            np.testing.assert_array_equal(session.run(gradient), [2, 4])
        return [weakref.ref(kept) for kept in (graph, model)]

    kept = build()
    gc.collect()
    assert [thing() for thing in kept] == [None, None]


def test_closures_live_as_long_as_their_graph():
    def build(x):
        factor = np.float32([3.0])
        y = py_func(
            lambda x: factor * x, [x], tf.float32, grad=lambda op, grad: tf.constant(factor) * grad
        )
        y.set_shape(x.get_shape())
        return y

    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant([2.0])
        y = build(x)
        gc.collect()
        assert session.run([y, tf.gradients(y, x)[0]]) == [6, 3]


@pytest.mark.parametrize("package", ["keras", "layers"])
def test_as_the_activation_of_a_layer(graph_mode, package):
    try:
        dense = getattr(tf, package).layers.Dense if package == "keras" else tf.layers.Dense
    except AttributeError:
        pytest.skip("tf.layers ended with Keras 3")
    op = activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    x = tf.placeholder(tf.float32, [None, 3])
    y = dense(2, activation=op)(dense(4, activation=tf_spiky)(x))
    assert y.get_shape().as_list() == [None, 2]
    gradients = tf.gradients(y, tf.trainable_variables())
    graph_mode.run(tf.global_variables_initializer())
    results = graph_mode.run(gradients, {x: np.random.RandomState(0).randn(5, 3)})
    assert [result.shape for result in results] == [(3, 4), (4,), (4, 2), (2,)]
    assert all(result.any() for result in results)


def test_in_a_dataset(graph_mode):
    if not hasattr(tf, "data"):
        pytest.skip("tf.data came with TensorFlow 1.4")
    dataset = tf.data.Dataset.from_tensor_slices(np.float32([1, 2, 3]))
    dataset = dataset.map(lambda x: py_func(square, [x], tf.float32))
    element = (
        tf.data.make_one_shot_iterator(dataset).get_next()
        if hasattr(tf.data, "make_one_shot_iterator")
        else dataset.make_one_shot_iterator().get_next()
    )
    assert [graph_mode.run(element) for _ in range(3)] == [1, 4, 9]


def test_import_of_a_graph_in_the_same_process(graph_mode):
    x = tf.placeholder(tf.float32, [2], name="x")
    tf_spiky(x, name="y")
    definition = graph_mode.graph.as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = tf.import_graph_def(definition, return_elements=["x:0", "y:0"])
        value, gradient = session.run([y, tf.gradients(y, x)[0]], {x: [0.25, 0.75]})
        np.testing.assert_array_equal(value, [0.25, 0])
        np.testing.assert_array_equal(gradient, [1, 0])


def test_gradient_of_a_graph_that_is_gone():
    def build():
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [2], name="x")
            py_func(np.negative, [x], tf.float32, name="y", grad=lambda op, upstream: -upstream)
            return graph.as_graph_def()

    definition = build()
    gc.collect()
    with tf.Graph().as_default():
        x, y = tf.import_graph_def(definition, return_elements=["x:0", "y:0"])
        with pytest.raises(RuntimeError) as error:
            tf.gradients(y, x)
        assert "is gone with the graph that it was built in" in str(error.value)


def test_gradient_of_an_activation_outlives_its_graph():
    """It is registered once, for all ops of the activation, and freed with that."""
    kept = np.ones(3)
    gone = weakref.ref(kept)
    op = activation(lambda x: x, lambda x, kept=kept: np.full_like(x, kept[0]))
    del kept
    names = set()
    for _ in range(3):
        with tf.Graph().as_default():
            y = op(tf.placeholder(tf.float32, [2]))
            names.add(y.op.node_def.attr["_gradient_op_type"].s)
    assert len(names) == 1
    gc.collect()
    assert gone() is not None
    del op, y
    gc.collect()
    assert gone() is None


EAGER = """
import numpy as np
import tensorflow
import legacy_spiky

tf = tensorflow.compat.v1
tf.enable_eager_execution()
x = tf.constant([0.2, 0.7])
ops = [
    legacy_spiky.tf_spiky,
    legacy_spiky.tf_d_spiky,
    legacy_spiky.activation(np.sin, np.cos),
    lambda x: legacy_spiky.py_func(np.sin, [x], tf.float32, grad=lambda op, grad: grad),
    lambda x: legacy_spiky.py_func(np.sin, [x], [tf.float32]),
]
for op in ops:
    for mode in (op, tf.function(op)):
        try:
            mode(x)
        except RuntimeError as error:
            assert "legacy_spiky.migration" in str(error), error
            assert "disable_eager_execution() at the start" in str(error), error
        else:
            raise AssertionError("built without a gradient")
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(op(tf.constant([0.2, 0.7])))
print("refused")
"""


def test_eager_mode_and_tf_function_are_refused():
    if not hasattr(tf, "function"):
        pytest.skip("tf.function came with TensorFlow 1.14")
    output = subprocess.check_output([sys.executable, "-c", EAGER])
    assert output.split() == [b"refused"]


def test_tf_function_in_a_session(graph_mode):
    if not hasattr(tf, "function"):
        pytest.skip("tf.function came with TensorFlow 1.14")
    x = tf.constant([0.2, 0.7])
    y = tf.function(tf_spiky)(x)
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(y, x)[0]), [1, 0])
