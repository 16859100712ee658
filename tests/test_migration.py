"""What the twin alone has: the stand-in for the op, native ops, Keras, tf.function."""

import importlib
import inspect
import re
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
import tensorflow

import legacy_spiky
from legacy_spiky import d_spiky, spiky
from legacy_spiky._errors import describe, qualified_name
from legacy_spiky._ops.versions import tf

if not hasattr(tf, "numpy_function"):
    pytest.skip("migration needs TensorFlow 1.15", allow_module_level=True)

from test_activation import EDGES, as_dtype, bits, flushed, wide
from worlds import Eager

from legacy_spiky import migration

EAGER = tf.executing_eagerly()
needs_autograph = pytest.mark.skipif(
    not hasattr(tf.autograph, "to_graph"), reason="there is no AutoGraph to write files"
)
eager_only = pytest.mark.skipif(not EAGER, reason="TensorFlow 1 is not eager here")
X = np.float32([1, -2, 3])


@pytest.mark.parametrize("name", ["py_func", "tf_spiky", "tf_d_spiky", "activation"])
def test_same_signatures(name):
    def parameters(package):
        signature = inspect.signature(getattr(package, name))
        return [(p.name, p.default) for p in signature.parameters.values()]

    assert parameters(migration) == parameters(legacy_spiky)


def run(build, x):
    """The value and the gradient, in a session on TensorFlow 1, eagerly on TensorFlow 2."""
    if EAGER:
        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = build(x)
        return y.numpy(), tape.gradient(y, x).numpy()
    with tf.Graph().as_default(), tf.Session() as session:
        tensor = tf.placeholder(tf.as_dtype(x.dtype), x.shape)
        y = build(tensor)
        return session.run([y, tf.gradients(y, tensor)[0]], {tensor: x})


@eager_only
@pytest.mark.parametrize("attribute", ["graph", "device", "node_def", "get_attr"])
def test_the_stand_in_says_what_it_has(attribute):
    def grad(op, upstream):
        return getattr(op, attribute)

    with pytest.raises(AttributeError) as error:
        run(lambda x: migration.py_func(np.sin, [x], tf.float32, name="mine", grad=grad), X)
    expected = (
        "the op mine of legacy_spiky.migration has no %r: it has inputs, outputs, name and type"
    )
    assert expected % attribute in str(error.value)


@eager_only
@pytest.mark.parametrize("stateful, kind", [(True, "PyFunc"), (False, "PyFuncStateless")])
def test_the_stand_in(stateful, kind):
    seen = []

    def grad(op, a, b):
        seen.append((op.name, op.type, len(op.inputs), len(op.outputs)))
        return a + b

    def build(x):
        Tout = [tf.float32, tf.float32]
        return migration.py_func(lambda x: (x, x), [x], Tout, stateful, grad=grad)[0]

    _, gradient = run(build, X)
    assert seen == [(kind, kind, 1, 2)]
    np.testing.assert_array_equal(gradient, np.ones(3))


@eager_only
def test_name_of_a_registered_gradient():
    with pytest.raises(TypeError) as error:
        run(lambda x: migration.py_func(np.sin, [x], tf.float32, grad="Mine"), X)
    assert "is the name of a registered gradient, 'Mine'" in str(error.value)
    assert "outside of sessions: give the function itself" in str(error.value)


@eager_only
def test_no_outputs():
    seen = []
    assert migration.py_func(seen.append, [tf.constant(3.0)], []) == []
    assert seen == [3]


WRONG_SHAPES = {
    "op": lambda op, upstream: tf.reduce_sum(upstream, keepdims=True),
    "py_func": lambda op, upstream: migration.py_func(lambda x: x[:1], [upstream], tf.float32),
}


@eager_only
@pytest.mark.parametrize("name", sorted(WRONG_SHAPES))
@pytest.mark.parametrize("mode", ["eager", "inside", "outside"])
def test_a_gradient_of_another_shape_where_the_graph_cannot_tell(name, mode):
    world = Eager(migration, None if mode == "eager" else mode)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)) as error:
        world.run(
            lambda x: migration.py_func(lambda x: x, [x], tf.float32, grad=WRONG_SHAPES[name]), X
        )
    assert "gradient 0 of <lambda> (" + __file__ in str(error.value)
    words = str(error.value).replace("] [", " ")  # as an Assert op tells it
    assert "has shape" in words and re.search(r"but the input has shape (\(3,\)|3)", words)


@eager_only
@pytest.mark.skipif(
    tf.VERSION.startswith("2.0."), reason="its jacobian reads pytest's command line"
)
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function if EAGER else None])
def test_the_jacobian_of_a_gradient_whose_shape_only_the_run_shows(wrap):
    def grad(op, upstream):
        slope = migration.py_func(lambda x: 2 * x, [op.inputs[0]], tf.float32)
        return upstream * slope

    square = wrap(lambda x: migration.py_func(np.square, [x], tf.float32, grad=grad))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = square(x)
    np.testing.assert_array_equal(tape.jacobian(y, x), np.diag(2 * X))


@eager_only
@pytest.mark.parametrize("mode", [None, "inside", "outside"])
def test_a_function_that_reads_a_variable(mode):
    factor = tf.Variable(2.0)
    values, gradients = Eager(migration, mode).run(
        lambda x: migration.py_func(
            lambda x: np.float32(x * factor.numpy()), [x], tf.float32, grad=lambda op, g: 2 * g
        ),
        X,
    )
    np.testing.assert_array_equal(values[0], 2 * X)
    np.testing.assert_array_equal(gradients[0], [2, 2, 2])


WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["tf_keras"] = None
import tensorflow
from legacy_spiky import migration
print(migration.tf_spiky([0.25, 0.75]).numpy().tolist())
"""


@eager_only
def test_without_keras():
    output = subprocess.check_output([sys.executable, "-c", WITHOUT_KERAS])
    assert output.split() == [b"[0.25,", b"0.0]"]


@eager_only
def test_native_spiky_in_threads_that_build_one_graph(busy_threads):
    # tf.custom_gradient's own override holds for the graph, and not for the thread.
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.constant([0.25, 0.75])
        ys = []

        def work(k):
            with graph.as_default():
                for _ in range(20):
                    ys.append((k, migration.native_spiky(k * x)))

        threads = [threading.Thread(target=work, args=[float(k)]) for k in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        results = session.run([tf.gradients(y, x)[0] for _, y in ys])
        assert len(results) == 60
        for (k, _), result in zip(ys, results):
            assert result.tolist() == {1: [1, 0], 2: [2, 2], 3: [0, 3]}[k]


NATIVE = {
    "eager": lambda f: f,
    "tf.function": lambda f: tf.function(f),
    "XLA": lambda f: tf.function(f, jit_compile=True),
}


@eager_only
@pytest.mark.parametrize("mode", sorted(NATIVE))
def test_native_spiky_on_the_edges(mode):
    function = NATIVE[mode](migration.native_spiky)
    for dtype in (np.float32, np.float64):
        x = EDGES.astype(dtype)
        if dtype == np.float64:
            with np.errstate(under="ignore"):
                x = np.concatenate([x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)])
            least = 2.0**-1022
            seen = [np.copysign(0.0, v) if abs(v) < least else v for v in x.tolist()]
        else:
            seen = [flushed(v) for v in x.tolist()]
        value, gradient = run(function, x)
        np.testing.assert_array_equal(bits(value), bits(np.array([spiky(v) for v in seen], dtype)))
        expected = np.array([d_spiky(v) for v in seen], dtype)
        np.testing.assert_array_equal(bits(gradient), bits(expected))


@eager_only
@pytest.mark.parametrize("mode", sorted(NATIVE))
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_native_spiky_on_every_16_bit_number(mode, dtype):
    x = np.arange(1 << 16, dtype=np.uint16).view(tf.as_dtype(dtype).as_numpy_dtype)
    seen = wide(x).tolist()
    if dtype == "bfloat16":
        seen = [flushed(v) for v in seen]
    value, gradient = run(NATIVE[mode](migration.native_spiky), x)
    np.testing.assert_array_equal(bits(value), bits(as_dtype([spiky(v) for v in seen], dtype)))
    np.testing.assert_array_equal(bits(gradient), bits(as_dtype([d_spiky(v) for v in seen], dtype)))


def test_native_spiky_is_the_same_in_a_session():
    for build in (migration.native_spiky, migration.tf_spiky):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None])
            y = build(x, name="mine")
            assert y.get_shape().as_list() == [None]
            gradient = tf.gradients(y, x)[0]
            second = tf.gradients(gradient, x)[0]
            value, gradient, second = session.run([y, gradient, second], {x: EDGES})
        expected = np.float32([spiky(flushed(v)) for v in EDGES.tolist()])
        np.testing.assert_array_equal(bits(value), bits(expected))
        expected = np.float32([d_spiky(flushed(v)) for v in EDGES.tolist()])
        np.testing.assert_array_equal(bits(gradient), bits(expected))
        np.testing.assert_array_equal(second, np.zeros(len(EDGES)))


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_native_spiky_of_another_dtype(dtype):
    with pytest.raises(TypeError) as error:
        run(migration.native_spiky, np.array([0, 1], dtype))
    assert "float16, bfloat16, float32 or float64, and native_spiky got " + dtype in str(
        error.value
    )


@eager_only
def test_the_layer_below_trains_as_with_native_ops():
    import keras

    weights = {}
    for op in (migration.tf_spiky, migration.native_spiky):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.layers.Input([8]),
                keras.layers.Dense(16, name="below"),
                keras.layers.Activation(op),
                keras.layers.Dense(1),
            ]
        )
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
        random = np.random.RandomState(0)
        x = random.randn(64, 8).astype(np.float32)
        y = x[:, :1] * x[:, 1:2]
        steps = [[w.copy() for w in model.get_layer("below").get_weights()]]
        for _ in range(20):
            model.train_on_batch(x, y)
            steps.append([w.copy() for w in model.get_layer("below").get_weights()])
        weights[op.__name__] = steps
    python, native = weights["tf_spiky"], weights["native_spiky"]
    for before, after in zip(python, python[1:]):
        assert not np.array_equal(before[0], after[0])
    for mine, theirs in zip(python, native):
        for a, b in zip(mine, theirs):
            np.testing.assert_array_equal(a, b)


def test_a_tensorflow_that_is_too_old(monkeypatch):
    monkeypatch.setattr("legacy_spiky._ops.tf", types.SimpleNamespace(VERSION="1.13.2"))
    monkeypatch.delitem(sys.modules, "legacy_spiky.migration")
    with pytest.raises(ImportError) as error:
        importlib.import_module("legacy_spiky.migration")
    assert "legacy_spiky.migration needs TensorFlow 1.15 or newer" in str(error.value)
    assert "this is TensorFlow 1.13.2" in str(error.value)


# A second derivative that was not given, where it is not asked for and where it is.

TANH = migration.activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
SLOPE = np.float32(1 - np.tanh(np.float64(X)) ** 2)


def jvp(x, v):
    with tensorflow.autodiff.ForwardAccumulator(x, v) as accumulator:
        y = TANH(x)
    return accumulator.jvp(y)


@eager_only
def test_forward_mode_needs_no_second_derivative():
    np.testing.assert_array_equal(jvp(tf.constant(X), tf.constant(2 * X)), 2 * X * SLOPE)


@eager_only
def test_forward_mode_in_a_function_is_blind():
    """What docs/migrate.md warns of: tf.custom_gradient tells it nothing there."""
    product = tf.function(jvp, autograph=False)(tf.constant(X), tf.constant(X))
    np.testing.assert_array_equal(product, 0 * X)


@eager_only
@pytest.mark.parametrize("in_function", [False, True])
def test_of_the_upstream_gradient_alone(in_function):
    def product(x, u):
        with tf.GradientTape() as outer:
            outer.watch(u)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = TANH(x)
            g = inner.gradient(y, x, u)
        return outer.gradient(g, u)

    product = tf.function(product) if in_function else product
    np.testing.assert_array_equal(product(tf.constant(X), tf.constant(X)), SLOPE)


@eager_only
def test_vectorized_map_is_never_silently_wrong():
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.vectorized_map(TANH, x)
            g = inner.gradient(y, x)
        return outer.gradient(g, x)

    try:
        result = second(tf.constant(X))
    except (NotImplementedError, tf.errors.UnimplementedError):
        return
    assert np.isnan(result).all()


def test_changing_the_import_is_all():
    assert set(legacy_spiky.__all__) <= set(migration.__all__)
    for name in migration.__all__:
        assert getattr(migration, name).__name__


@eager_only
@pytest.mark.parametrize("grad", ["spikygrad", "spikygrad2"])
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function if EAGER else None])
def test_the_gradients_of_the_recipe(grad, wrap):
    def build(x):
        grad_func = getattr(migration, grad)
        return migration.py_func(migration.np_spiky_32, [x], [tf.float32], grad=grad_func)[0]

    y, gradient = run(wrap(build), np.float32([0.2, 0.7, 1.2, 1.7]))
    np.testing.assert_array_equal(y, np.float32([0.2, 0, 0.20000005, 0]))
    np.testing.assert_array_equal(gradient, [1, 0, 1, 0])


@eager_only
@pytest.mark.skipif(tf.VERSION < "2.1", reason="its jacobian reads pytest's command line")
def test_the_jacobian_of_an_empty_batch():
    for op in (migration.tf_spiky, migration.native_spiky, TANH):
        x = tf.zeros([0, 3])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = op(x)
        assert tape.jacobian(y, x).shape.as_list() == [0, 3, 0, 3]
    assert tf.vectorized_map(migration.native_spiky, x).shape.as_list() == [0, 3]
    with pytest.raises(
        tf.errors.InvalidArgumentError
    ):  # TensorFlow's, and said in docs/contexts.md
        tf.vectorized_map(TANH, x)


# What errors call the user's functions.


def converted(f):
    """The function as `tf.function` would call it: AutoGraph writes it to a temporary file."""
    return tf.autograph.to_graph(f)


@needs_autograph
def test_functions_in_a_tf_function_are_named_after_the_user_s_file():
    named = converted(defines_functions)(tf.constant([1.0]))
    first = defines_functions.__code__.co_firstlineno
    for (found, name), (line, expected) in zip(named, DEFINED):
        assert (name, found) == (expected, "%s (%s:%d)" % (expected, __file__, first + line))
    assert len(named) == len(DEFINED)


def described(*functions):
    return [(describe(f), qualified_name(f)[len(__name__) + 1 :]) for f in functions]


def defines_functions(x):
    def double(a):
        return a * 2

    def outer(n):
        def inner(a):
            return a * n

        return inner

    triple, half = lambda a: a * 3, lambda a: a * 0.5
    return described(double, outer(2), outer, triple, half)


DEFINED = [
    (1, "defines_functions.<locals>.double"),
    (5, "defines_functions.<locals>.outer.<locals>.inner"),
    (4, "defines_functions.<locals>.outer"),
    (10, "defines_functions.<locals>.<lambda>"),
    (10, "defines_functions.<locals>.<lambda>"),
]


class Layer:
    """Has functions of the names that another one has."""

    def __call__(self, x):
        def forward(a):
            return a + 5

        return described(forward)


class Another:
    def __call__(self, x):
        def forward(a):
            return a + 6

        same = lambda a, b: (a, b)  # noqa: E731
        return described(forward, same)

    def __eq__(self, other):
        same = lambda a, b: (b, a)  # noqa: E731
        return same(self, other)


@needs_autograph
def test_functions_that_look_alike_are_told_apart_or_have_no_line():
    ((one, _),) = converted(Layer.__call__)(Layer(), tf.constant(1.0))
    (two, _), (three, _) = converted(Another.__call__)(Another(), tf.constant(1.0))
    for text, of in [(one, Layer), (two, Another)]:
        line = of.__call__.__code__.co_firstlineno + 1
        assert text == "__call__.<locals>.forward (%s:%d)" % (__file__, line)
    line = Another.__call__.__code__.co_firstlineno + 4
    assert three == "__call__.<locals>.<lambda> (%s:%d)" % (__file__, line)


@needs_autograph
def test_where_the_file_is_not_there(monkeypatch):
    monkeypatch.setitem(globals(), "__file__", "/nowhere/script.py")
    (double, _), *_ = converted(defines_functions)(tf.constant([1.0]))
    assert double == "defines_functions.<locals>.double (/nowhere/script.py)"
    monkeypatch.delitem(globals(), "__file__")
    (double, _), *_ = converted(defines_functions)(tf.constant([1.0]))
    assert double == "defines_functions.<locals>.double"


@needs_autograph
@pytest.mark.skipif(not EAGER, reason="of eager programs")
def test_errors_in_a_tf_function_name_the_user_s_file():
    def step(x):
        def two(a):
            return a, a

        return migration.py_func(two, [x], [tf.float32])[0]

    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        tf.function(step)(tf.constant([1.0]))
    line = step.__code__.co_firstlineno + 1
    assert "step.<locals>.two (%s:%d) returned 2 results" % (__file__, line) in str(error.value)


@pytest.mark.parametrize("package", [legacy_spiky, migration])
@pytest.mark.parametrize("name", ["tf_spiky", "tf_d_spiky"])
def test_errors_name_the_op_that_was_called(package, name):
    op = getattr(package, name)
    named = re.escape("%s (%s:" % (name, op.__code__.co_filename))
    with tf.Graph().as_default():
        with pytest.raises(TypeError, match="that of %s.* got int32" % named):
            op(tf.constant([1]))
        with pytest.raises(TypeError, match="the input of %s.* is no tensor" % named):
            op(object())
        with pytest.raises(TypeError, match="name of the op of %s.* must be text" % named):
            op(1.0, name=3)
    if EAGER and package is legacy_spiky:
        for called, words in [(op, named), (ours, "np_like ")]:
            with pytest.raises(RuntimeError, match="the op of " + words) as error:
                called([1.0])
            assert "what made it (activation, py_func, tf_spiky)" in str(error.value)


def np_like(x):
    return x


ours = legacy_spiky.activation(np_like, np_like)
