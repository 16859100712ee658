"""Each trap of the recipe that graph mode can show: the recipe falls into it, the package does not.

A trap is a function that takes either of them, `recipe` or `legacy_spiky`, and fails in it.
"""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
import recipe
from worlds import telling

import legacy_spiky
from legacy_spiky._tf import tf

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
    only_the_gradient_skips_the_function: (AssertionError, "assert \\[\\] == \\['forward'\\]"),
}

# TensorFlow 2.4 and older hand py_func a copy; before 1.15 no op runs in the caller's thread; 1.0
# gives no reason.
SINCE = {
    writing_to_the_argument_changes_the_variable: (2, 15),
    the_thread_decides_what_a_subnormal_is: (1, 15),
    an_empty_batch_raises: (1, 4),
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
from legacy_spiky._tf import tf
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
        text = source.read().replace("from legacy_spiky._tf import tf", "import tensorflow as tf")
    (tmp_path / "old.py").write_text(text)
    tool = os.path.join(os.path.dirname(sys.executable), "tf_upgrade_v2")
    report = subprocess.check_output(
        [tool, "--infile", "old.py", "--outfile", "upgraded.py"], cwd=str(tmp_path)
    )
    assert b"Detected 0 issues that require attention" in report
    code = EAGER.format(package="upgraded", path=[str(tmp_path)] + sys.path)
    output = subprocess.check_output([sys.executable, "-c", code]).decode().strip()
    assert output == "gradient None shape (2,)"
