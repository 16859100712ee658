"""Each trap of the recipe that graph mode can show: the recipe falls into it, the package does not.

A trap is a function that takes either of them, `recipe` or `legacy_spiky`, and fails in it.
"""

import gc
import json
import os
import socket
import subprocess
import sys
import weakref

import numpy as np
import pytest
import recipe
from worlds import telling

import legacy_spiky
from legacy_spiky._ops.versions import tf

TF2 = not tf.VERSION.startswith("1.")


def run(fetches, feed=None, threads=0):
    config = tf.ConfigProto(inter_op_parallelism_threads=threads)
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        with telling():
            return session.run(fetches, feed)


def the_first_element_decides_the_dtype(package):
    values = package.vectorize(package.spiky)(np.float32([0.7, 0.2, 1.2]))
    np.testing.assert_array_equal(values, np.float32([0, 0.2, 0.20000005]))
    y = run(package.tf_spiky(tf.constant([0.7, 0.2, 1.2])))
    np.testing.assert_array_equal(y, np.float32([0, 0.2, 0.20000005]))


def an_empty_batch_raises(package):
    assert run(package.tf_spiky(tf.zeros([0, 3]))).shape == (0, 3)


def stateless_loses_the_gradient(package):
    x = tf.constant([1.0, 2.0])
    y = package.py_func(
        lambda x: x * x,
        [x],
        [tf.float32],
        stateful=False,
        grad=lambda op, grad: 2 * op.inputs[0] * grad,
    )[0]
    y.set_shape(x.get_shape())
    np.testing.assert_array_equal(run(tf.gradients(y, x)[0]), [2, 4])


def the_same_seed_registers_twice(package):
    for _ in range(2):
        np.random.seed(20160101)
        package.tf_spiky(tf.constant([1.0]))


def building_draws_from_the_user_s_random_stream(package):
    np.random.seed(20160102)
    expected = np.random.rand()
    np.random.seed(20160102)
    package.tf_spiky(tf.constant([1.0]))
    assert np.random.rand() == expected


def the_shape_is_lost(package):
    assert package.tf_spiky(tf.placeholder(tf.float32, [None, 3])).get_shape().as_list() == [
        None,
        3,
    ]


def float64_becomes_float32(package):
    y = package.tf_spiky(tf.constant([0.1], tf.float64))
    assert y.dtype == tf.float64
    assert run(y) == [0.1]


def the_second_derivative_is_none(package):
    x = tf.constant([0.2, 0.7])
    first = tf.gradients(package.tf_spiky(x), x)[0]
    np.testing.assert_array_equal(run(tf.gradients(first, x)[0]), [0, 0])


def writing_to_the_argument_changes_the_variable(package):
    def double(x):
        x *= 2
        return x

    variable = tf.Variable([1.0, 2.0])
    y = package.py_func(double, [variable], [tf.float32], grad=lambda op, grad: 2 * grad)[0]
    with tf.Session() as session:
        session.run(variable.initializer)
        np.testing.assert_array_equal(session.run(y), [2, 4])
        np.testing.assert_array_equal(session.run(variable), [1, 2])


def every_call_keeps_its_closure(package):
    class Anchor:
        pass

    def build():
        anchor = Anchor()
        with tf.Graph().as_default():
            package.py_func(
                lambda x: x,
                [tf.constant(1.0)],
                [tf.float32],
                grad=lambda op, grad: (anchor, grad)[1],
            )
        return weakref.ref(anchor)

    anchor = build()
    gc.collect()
    assert anchor() is None


def the_thread_decides_what_a_subnormal_is(package):
    x = tf.placeholder(tf.float32, [1])
    y = package.tf_spiky(x)
    y.set_shape([1])
    gradient = tf.gradients(y, x)[0]
    # TensorFlow's own threads, then the caller's.
    assert [run(gradient, {x: [-1e-40]}, threads=n) for n in (0, -1)] == [[1], [1]]


def the_two_gradients_disagree(package):
    x = tf.constant([0.2, -0.49999997, 0.7])
    y = package.tf_spiky(x)
    ones = tf.ones([3])
    python, native = run([package.spikygrad(y.op, ones), package.spikygrad2(y.op, ones)])
    np.testing.assert_array_equal(python, [1, 0, 0])
    np.testing.assert_array_equal(native, [1, 0, 0])


def only_the_gradient_skips_the_function(package):
    calls = []

    def func(x):
        calls.append("forward")
        return x

    x = tf.constant([1.0])
    y = package.py_func(func, [x], [tf.float32], grad=lambda op, grad: 2 * op.inputs[0])[0]
    y.set_shape([1])
    run(tf.gradients(y, x)[0])
    assert calls == ["forward"]


def an_error_names_a_token(package):
    def forgetful(x):
        return [x, x]

    with pytest.raises(tf.errors.OpError) as error:
        run(package.py_func(forgetful, [tf.constant(1.0)], [tf.float32], grad=lambda op, g: g))
    assert "forgetful (" + __file__ in str(error.value), str(error.value)


def results_in_one_array_change_each_other(package):
    memory = np.zeros(64 + 8, np.uint8)
    start = -memory.ctypes.data % 64
    buffer = memory[start : start + 8].view(np.float32)  # aligned as TensorFlow likes it

    def times(x, factor):
        return np.multiply(x, factor, out=buffer)

    def grad(op, grad):
        return grad * op.inputs[1], None

    x = tf.constant([1.0, 2.0])
    double = package.py_func(times, [x, 2.0], [tf.float32], grad=grad)[0]
    with tf.control_dependencies([double]):
        triple = package.py_func(times, [x, 3.0], [tf.float32], grad=grad)[0]
    np.testing.assert_array_equal(run([double, triple]), [[2, 4], [3, 6]])


def big_endian_numbers_are_read_the_wrong_way(package):
    x = np.array([1, 2], ">f4")
    y = package.py_func(lambda x: x, [x], [tf.float32], grad=lambda op, grad: grad)[0]
    np.testing.assert_array_equal(run(y), [1, 2])


# What the recipe does, in the words of its failure.
TRAPS = {
    the_first_element_decides_the_dtype: (AssertionError, "array\\(\\[0, 0, 0\\]\\)"),
    an_empty_batch_raises: (tf.errors.OpError, "size 0 inputs"),
    stateless_loses_the_gradient: (TypeError, "None has invalid type|NoneType"),
    the_same_seed_registers_twice: (KeyError, "Registering two gradient"),
    building_draws_from_the_user_s_random_stream: (AssertionError, "assert 0\\.[0-9]+ == 0\\."),
    the_shape_is_lost: (ValueError, "unknown"),
    float64_becomes_float32: (AssertionError, "float32"),
    the_second_derivative_is_none: (TypeError, "None has invalid type|NoneType"),
    writing_to_the_argument_changes_the_variable: (AssertionError, "4"),
    every_call_keeps_its_closure: (AssertionError, "Anchor object"),
    the_thread_decides_what_a_subnormal_is: (AssertionError, "0"),
    the_two_gradients_disagree: (AssertionError, "1., 1., 0."),
    an_error_names_a_token: (AssertionError, "pyfunc_[0-9]+"),
    results_in_one_array_change_each_other: (AssertionError, "[36]\\."),
    big_endian_numbers_are_read_the_wrong_way: (AssertionError, "e-41"),
    only_the_gradient_skips_the_function: (AssertionError, "assert \\[\\] == \\['forward'\\]"),
}

# TensorFlow 2.4 and older hand py_func a copy; before 1.15 no op runs in the caller's thread, and
# big-endian arrays are refused; 1.0 copies results, and gives no reason.
SINCE = {
    writing_to_the_argument_changes_the_variable: (2, 15),
    the_thread_decides_what_a_subnormal_is: (1, 15),
    an_empty_batch_raises: (1, 4),
    results_in_one_array_change_each_other: (1, 4),
    big_endian_numbers_are_read_the_wrong_way: (1, 15),
}
VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])


@pytest.mark.parametrize("trap", sorted(TRAPS, key=lambda trap: trap.__name__))
def test_the_package_avoids(graph_mode, trap):
    trap(legacy_spiky)


@pytest.mark.parametrize(
    "trap",
    sorted((t for t in TRAPS if VERSION >= SINCE.get(t, VERSION)), key=lambda trap: trap.__name__),
)
def test_the_recipe_falls_into(graph_mode, trap):
    kind, words = TRAPS[trap]
    np.random.seed()  # or the recipe draws a name that another test has registered
    with pytest.raises(kind, match=words):
        trap(recipe)


# In eager mode, where tf_upgrade_v2 leaves the recipe's code.
EAGER = """
import sys; sys.path[:0] = {path!r}
import numpy as np
import {package} as package
from legacy_spiky._ops.versions import tf
tf.enable_eager_execution()
x = tf.constant([[0.2, 0.7], [1.2, 1.7]])
try:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = package.py_func(np.tanh, [x], [tf.float32], grad=lambda op, grad: grad)[0]
except RuntimeError as error:
    assert "legacy_spiky.migration" in str(error)
    print("refused")
else:
    print("gradient", tape.gradient(y, x), "shape", y.shape)
"""


def eager(package):
    if not hasattr(tf, "GradientTape"):
        pytest.skip("eager mode came with TensorFlow 1.7")
    code = EAGER.format(package=package, path=sys.path)
    return subprocess.check_output([sys.executable, "-c", code]).decode().strip()


def test_the_package_refuses_eager_mode():
    assert eager("legacy_spiky") == "refused"


def test_the_recipe_loses_gradient_and_batch_in_eager_mode():
    # The gradient is None, and y[0] took the first example, not the first output.
    assert eager("recipe") == "gradient None shape (2,)"


@pytest.mark.skipif(not TF2, reason="tf_upgrade_v2 writes TensorFlow 2")
def test_tf_upgrade_v2_sees_nothing_in_the_recipe(tmp_path):
    with open(recipe.__file__) as source:
        text = source.read().replace(
            "from legacy_spiky._ops.versions import tf", "import tensorflow as tf"
        )
    (tmp_path / "old.py").write_text(text)
    tool = os.path.join(os.path.dirname(sys.executable), "tf_upgrade_v2")
    report = subprocess.check_output(
        [tool, "--infile", "old.py", "--outfile", "upgraded.py"], cwd=str(tmp_path)
    )
    assert b"Detected 0 issues that require attention" in report
    code = EAGER.format(package="upgraded", path=[str(tmp_path)] + sys.path)
    output = subprocess.check_output([sys.executable, "-c", code]).decode().strip()
    assert output == "gradient None shape (2,)"


# A worker of a cluster of two; each has functions of its own, under the same names, pyfunc_0 ...
WORKER = """
import json, sys; sys.path[:0] = {path!r}
import legacy_spiky, recipe
from legacy_spiky._ops.versions import tf
task, cluster = json.loads(sys.argv[1])
def mine(x):
    return (-x, 10 * x)[task]
def run(package, device):
    kept.append(tf.Graph())
    with kept[-1].as_default(), tf.device(device):
        x = tf.constant([1.0, 2.0])
        try:
            y = package.py_func(mine, [x], [tf.float32], grad=lambda op, g: g)[0]
        except ValueError as error:
            return "refused" if "mine (" in str(error) else str(error)
        with tf.Session(server.target, config=config) as session:
            return session.run(y).tolist()
kept = []
# The first worker does not wait for the second.
config = tf.ConfigProto(device_filters=["/job:worker/task:%d" % i for i in range(task + 1)])
server = tf.train.Server(tf.train.ClusterSpec(cluster), job_name="worker", task_index=task)
if task == 0:
    for _ in range(10):
        assert run(recipe, "/job:worker/task:0") == [-1, -2]
    print("ready")
    sys.stdout.flush()
sys.stdin.readline()
print(json.dumps({{
    package.__name__: {{device: run(package, device) for device in {devices!r}}}
    for package in (recipe, legacy_spiky)
}}))
"""
FIRST, SECOND, NO_TASK = "/job:worker/task:0", "/job:worker/task:1", "/job:worker"


@pytest.fixture(scope="module")
def second_worker():
    """What the second of two workers gives: for each package, for each device that it says."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    cluster = {"worker": ["127.0.0.1:%d" % each.getsockname()[1] for each in sockets]}
    for each in sockets:
        each.close()
    code = WORKER.format(path=sys.path, devices=[FIRST, SECOND, NO_TASK])
    first, second = [
        subprocess.Popen(
            [sys.executable, "-c", code, json.dumps([task, cluster])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for task in range(2)
    ]
    try:
        assert first.stdout.readline() == b"ready\n"
        second.stdin.write(b"go\n")
        second.stdin.flush()
        return json.loads(second.stdout.read().decode())
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def test_the_recipe_runs_the_function_of_another_process(second_worker):
    there, here = [-1, -2], [10, 20]
    # TensorFlow 2 takes the task of the session, but for its first version.
    no_task = here if TF2 and not tf.VERSION.startswith("2.0.") else there
    assert second_worker["recipe"] == {FIRST: there, SECOND: here, NO_TASK: no_task}


def test_the_package_runs_its_own(second_worker):
    here = [10, 20]
    assert second_worker["legacy_spiky"] == {FIRST: "refused", SECOND: here, NO_TASK: here}
