"""On a cluster an op of a Python function is on a task of the process that built it."""

import re
import types
import weakref

import numpy as np
import pytest

from legacy_spiky import activation, py_func, tf_spiky
from legacy_spiky._ops import placement
from legacy_spiky._ops.versions import tf

CLUSTER = {"ps": ["127.0.0.1:0"], "worker": ["127.0.0.1:0", "127.0.0.1:0"]}
OWN = "/job:worker/task:1"
ON_HOST = OWN + "/device:CPU:0"


@pytest.fixture(autouse=True)
def nothing_found_yet(monkeypatch):
    monkeypatch.setattr(placement, "_served", set())
    monkeypatch.setattr(placement, "_unserved", weakref.WeakSet())


@pytest.fixture(scope="module")
def the_server():
    return tf.train.Server(tf.train.ClusterSpec(CLUSTER), job_name="worker", task_index=1)


@pytest.fixture
def server(the_server, monkeypatch):
    """This process is worker 1, and nothing else."""
    monkeypatch.setattr(placement, "gc", types.SimpleNamespace(get_objects=lambda: [the_server]))


@pytest.fixture
def no_server(monkeypatch):
    monkeypatch.setattr(placement, "gc", types.SimpleNamespace(get_objects=list))


def cube(x):
    return x**3


def setter(**kwargs):
    return tf.device(
        tf.train.replica_device_setter(cluster=tf.train.ClusterSpec(CLUSTER), **kwargs)
    )


def variable(regularizer=None):
    return tf.get_variable("v", initializer=[0.25, 0.75], regularizer=regularizer)


def test_the_servers_of_a_process_are_found(the_server):
    with tf.Graph().as_default(), tf.device(OWN):
        tf_spiky([1.0])
    assert ("worker", 1) in placement._served


@pytest.mark.parametrize("device", ["", "/cpu:0", "/job:localhost/replica:0/task:0/device:CPU:0"])
def test_without_a_job_nothing_is_looked_for(graph_mode, device, monkeypatch):
    monkeypatch.delattr(placement, "_look_for_servers")
    with tf.device(device):
        bare = tf.py_func(cube, [1.0], tf.float32).op
        y = tf_spiky([1.0])
        assert y.op.device == (bare.device or "/device:CPU:0")
    (gradient,) = tf.gradients(y, y.op.inputs[0])
    assert gradient.op.device == "/device:CPU:0"


@pytest.mark.parametrize("device", ["/gpu:0", "/gpu:1", "/job:localhost/task:0/gpu:0"])
def test_a_python_function_runs_on_the_host(graph_mode, device):
    """Old code has it within the device of its model; here there is no such device."""
    x, upstream = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
    with tf.device(device):
        y = tf_spiky(x)
        z = py_func(lambda x: 2 * x, [y], tf.float32)
    (gradient,) = tf.gradients(y, x, upstream)
    assert {op.op.device[-5:] for op in (y, z, gradient)} == {"CPU:0"}
    values = graph_mode.run([y, z, gradient], {x: [0.25, 0.75], upstream: [1, 1]})
    np.testing.assert_array_equal(values, [[0.25, 0], [0.5, 0], [1, 0]])


def within_the_device_of_the_worker():
    with tf.device(OWN):
        return tf_spiky(variable())


def within_a_device_setter():
    with setter(worker_device=OWN):
        return tf_spiky(variable())


def within_a_device_setter_that_names_no_task():
    with setter():
        return tf_spiky(variable())


def beside_a_variable():
    with setter(worker_device=OWN):
        v = variable()
        assert v.op.device == "/job:ps/task:0"
        with tf.get_default_graph().colocate_with(v.op):
            return tf_spiky(v)


def in_a_regularizer():
    made = []
    with setter(worker_device=OWN):
        variable(lambda v: made.append(tf_spiky(v)) or tf.reduce_sum(made[-1]))
    return made[-1]


def several_outputs():
    with setter():
        return py_func(lambda x: (x, x), [variable()], [tf.float32] * 2)[1]


def no_outputs():
    with setter():
        return py_func(lambda x: None, [variable()], [])


PINNED = [
    within_the_device_of_the_worker,
    within_a_device_setter,
    within_a_device_setter_that_names_no_task,
    beside_a_variable,
    in_a_regularizer,
    several_outputs,
    no_outputs,
]


@pytest.mark.parametrize("build", PINNED, ids=lambda build: build.__name__)
def test_pinned(graph_mode, server, build):
    y = build()
    op = getattr(y, "op", y)
    assert op.type == "PyFunc"
    assert op.device == ON_HOST
    assert op.colocation_groups() == [("loc:@" + op.name).encode()]


@pytest.mark.parametrize("build", PINNED[:5], ids=lambda build: build.__name__)
@pytest.mark.parametrize("scope", ["", "/job:ps/task:0"])
@pytest.mark.parametrize("colocate", [False, True])
def test_the_gradient_is_where_the_function_is(graph_mode, server, build, scope, colocate):
    y = build()
    with tf.device(scope):
        (gradient,) = tf.gradients(
            y, y.op.inputs[0], tf.ones_like(y), colocate_gradients_with_ops=colocate
        )
    assert gradient.op.type == "PyFuncStateless"
    assert gradient.op.device == ON_HOST


def test_a_gradient_with_a_function_of_its_own(graph_mode, server):
    with setter(worker_device=OWN):
        y = py_func(np.sin, [variable()], tf.float32, grad=lambda op, g: g * tf_spiky(op.inputs[0]))
    tf.gradients(y, y.op.inputs[0])
    ops = [op for op in graph_mode.graph.get_operations() if op.type.startswith("PyFunc")]
    assert [op.device for op in ops] == [ON_HOST, ON_HOST]


@pytest.mark.parametrize("device", ["/job:worker/task:0", "/job:ps/task:0", "/job:ps"])
@pytest.mark.parametrize("kind", ["py_func", "activation"])
def test_elsewhere_is_an_error(graph_mode, server, device, kind):
    with tf.device(device), pytest.raises(ValueError) as error:
        if kind == "py_func":
            py_func(cube, [1.0], [tf.float32], name="third")
        else:
            activation(cube, cube, name="third")([1.0])
    line = cube.__code__.co_firstlineno
    assert str(error.value) == (
        "the op third was put on %s/device:CPU:0, but cube (%s:%d) is a Python function of this "
        "process, /job:worker/task:1: another one does not know it, or runs one of its own in its "
        "place; build it outside of that tf.device" % (device, __file__, line)
    )


def test_a_process_of_several_tasks(graph_mode, server):
    placement._served.update([("worker", 0), ("ps", 0), ("worker", 1)])
    for device in ["/job:worker/task:0", "/job:ps/task:0", OWN]:
        with tf.device(device):
            assert tf_spiky([1.0]).op.device == device + "/device:CPU:0"
    with setter():
        assert tf_spiky([1.0]).op.device == "/job:worker/task:0/device:CPU:0"


def test_no_server_is_a_warning_for_each_graph(no_server):
    for _ in range(2):
        with tf.Graph().as_default(), tf.device(OWN):
            with pytest.warns(RuntimeWarning) as caught:
                y = py_func(cube, [1.0], tf.float32)
                py_func(cube, [1.0], tf.float32)
            assert y.op.device == ON_HOST
            (message,) = [str(w.message) for w in caught if w.category is RuntimeWarning]
            assert re.match(
                r"the op of cube \(.*\) was put on /job:worker/task:1/device:CPU:0, but", message
            )
            assert message.endswith("start the server before you build")


def test_what_a_strategy_places_is_left_alone(graph_mode, server, monkeypatch):
    # In the tf.function of an eager program, as those of MultiWorkerMirroredStrategy.
    monkeypatch.setattr(placement.versions, "runs_eagerly", lambda: True)
    with tf.device("/job:worker/task:0"):
        op = tf.identity([1.0]).op
    assert placement._instead(op, cube) is None
