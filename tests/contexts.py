"""What works where: one table of contexts, walked by test_contexts.py and shown in the README.

A context is a function that takes an op, spiky in one of its three forms, and runs and
differentiates it in its own way. A cell is "works" or the error that one gets.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

from legacy_spiky._tf import tf

X = np.float32([0.2, 0.7, 1.2, 1.7])
Y = np.float32([0.2, 0, 0.20000005, 0])
DY = np.float32([1, 0, 1, 0])


def check(y, dy):
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(dy, DY)


def gradient(f, x, **kwargs):
    """The value and the gradient by a tape."""
    with tf.GradientTape(**kwargs) as tape:
        tape.watch(x)
        y = f(x)
    return y, tape.gradient(y, x)


def session(op):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [4])
        y = op(x)
        check(*session.run([y, tf.gradients(y, x)[0]], {x: X}))


def eagerly(op):
    check(*gradient(op, tf.constant(X)))


def tape_in_function(op):
    check(*tf.function(lambda x: gradient(op, x))(tf.constant(X)))


def tape_around_function(op):
    check(*gradient(tf.function(lambda x: op(x)), tf.constant(X)))


def persistent_tape(op):
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = op(x)
        z = 2 * y
    check(y, tape.gradient(y, x))
    check(y, tape.gradient(z, x) / 2)


def nested_tapes(op):
    x = tf.constant(X)
    second = gradient(lambda x: gradient(op, x)[1], x)[1]
    np.testing.assert_array_equal(second, np.zeros(4))
    # The second derivative of y**2 is 2 y'**2.
    second = gradient(lambda x: gradient(lambda x: op(x) ** 2, x)[1], x)[1]
    np.testing.assert_array_equal(second, 2 * DY)


def jacobian(op):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = op(x)
    np.testing.assert_array_equal(tape.jacobian(y, x), np.diag(DY))


def forward_accumulator(op):
    import tensorflow

    x = tf.constant(X)
    with tensorflow.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = op(x)
    check(y, accumulator.jvp(y))


def map_fn(op):
    check(*gradient(lambda x: tf.map_fn(op, x), tf.constant(X)))


def vectorized_map(op):
    check(*gradient(lambda x: tf.vectorized_map(op, x), tf.constant(X)))


def while_loop(op):
    @tf.function
    def loop(x):
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, op(y)), [0, x])[1]

    check(*gradient(loop, tf.constant(X)))


def cond(op):
    @tf.function
    def branch(x):
        return tf.cond(x[0] > 0, lambda: op(x), lambda: x)

    check(*gradient(branch, tf.constant(X)))


def xla(op):
    check(*gradient(tf.function(lambda x: op(x), jit_compile=True), tf.constant(X)))


def layers(keras, activation):
    return [keras.layers.Input([4]), keras.layers.Dense(8, activation=activation, name="below")]


def fit(keras, model):
    """Trains a model; the weights of its layer `below` must move, by the gradient of spiky."""
    model.compile(keras.optimizers.SGD(0.1), "mse")
    random = np.random.RandomState(0)
    below = model.get_layer("below")
    before = below.get_weights()[0].copy()
    model.fit(random.randn(32, 4), random.randn(32, 1), epochs=2, verbose=0)
    assert not np.array_equal(before, below.get_weights()[0])
    return model


def keras_dense(op, keras=None):
    keras = keras or __import__("keras")
    return fit(keras, keras.Sequential(layers(keras, op) + [keras.layers.Dense(1)]))


def keras_activation(op, keras=None):
    keras = keras or __import__("keras")
    spiky = keras.layers.Activation(op)
    fit(keras, keras.Sequential(layers(keras, None) + [spiky, keras.layers.Dense(1)]))


def keras_functional(op, keras=None):
    keras = keras or __import__("keras")
    x = keras.layers.Input([4])
    below = keras.layers.Dense(8, name="below")(x)
    fit(keras, keras.Model(x, keras.layers.Dense(1)(keras.layers.Activation(op)(below))))


def keras_called_on_a_symbolic_tensor(op, keras=None):
    keras = keras or __import__("keras")
    x = keras.layers.Input([4])
    below = keras.layers.Dense(8, name="below")(x)
    fit(keras, keras.Model(x, keras.layers.Dense(1)(op(below))))


def keras_save_and_load(op, keras=None):
    keras = keras or __import__("keras")
    model = keras_dense(op, keras)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
    x = np.random.RandomState(1).randn(3, 4).astype(np.float32)
    np.testing.assert_array_equal(model(x), loaded(x))
    fit(keras, loaded)


def tf_keras(op):
    """All of them once more in Keras 2."""
    keras = __import__("tf_keras")
    from legacy_spiky import _tf, migration

    _tf.register_keras_serializable(migration.tf_spiky, migration.native_spiky)
    for context in (keras_dense, keras_activation, keras_functional, keras_save_and_load):
        context(op, keras)


LOAD = """
import sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
x = tf.constant([0.2, 0.7, 1.2, 1.7])
with tf.GradientTape() as tape:
    tape.watch(x)
    y = model.f(x)
print(y.numpy().tolist(), tape.gradient(y, x).numpy().tolist())
"""


def saved_model(op):
    import tensorflow

    module = tensorflow.Module()
    module.f = tensorflow.function(
        lambda x: op(x), input_signature=[tensorflow.TensorSpec([None], tf.float32)]
    )
    options = tensorflow.saved_model.SaveOptions(experimental_custom_gradients=True)
    with tempfile.TemporaryDirectory() as folder:
        tensorflow.saved_model.save(module, folder, options=options)
        process = subprocess.Popen(
            [sys.executable, "-c", LOAD, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        stdout, stderr = process.communicate()
    if process.returncode:
        raise RuntimeError(stderr.decode())
    y, dy = eval("[%s]" % stdout.decode().replace("] [", "], ["))
    check(np.float32(y), np.float32(dy))


MIRRORED = """
import sys
sys.path[:0] = {path!r}
import numpy as np
import tensorflow as tf
import legacy_spiky
from legacy_spiky import migration
op = {op}
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    w = tf.Variable([0.2, 0.7, 1.2, 1.7])

@tf.function
def step():
    def replica():
        with tf.GradientTape() as tape:
            y = op(w)
        return y, tape.gradient(y, w)
    return strategy.run(replica)

y, dy = step()
for y, dy in zip(y.values, dy.values):
    np.testing.assert_array_equal(y, np.float32([0.2, 0, 0.20000005, 0]))
    np.testing.assert_array_equal(dy, [1, 0, 1, 0])
"""


def mirrored_strategy(op):
    name = {"native_spiky": "migration.native_spiky"}.get(
        op.__name__,
        op.__module__.replace("graph", "tf_spiky").split(".")[0]
        + "."
        + ("migration.tf_spiky" if op.__module__.endswith("migration") else "tf_spiky"),
    )
    name = name.replace("legacy_spiky.migration", "migration")
    process = subprocess.Popen(
        [sys.executable, "-c", MIRRORED.format(path=sys.path, op=name)], stderr=subprocess.PIPE
    )
    stderr = process.communicate()[1].decode()
    if process.returncode:
        raise RuntimeError(stderr)


def checkpoint(op):
    import tensorflow

    w = tensorflow.Variable(X)
    with tempfile.TemporaryDirectory() as folder:
        path = tensorflow.train.Checkpoint(w=w).save(os.path.join(folder, "model"))
        w.assign(tf.zeros([4]))
        tensorflow.train.Checkpoint(w=w).restore(path).assert_consumed()
    check(*gradient(op, tf.convert_to_tensor(w)))


def float_dtypes(op):
    for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64):
        y, dy = gradient(op, tf.constant([0.25, 0.75], dtype))
        assert y.dtype == dy.dtype == dtype
        np.testing.assert_array_equal(tf.cast(y, tf.float32), [0.25, 0])
        np.testing.assert_array_equal(tf.cast(dy, tf.float32), [1, 0])


def empty_and_scalar(op):
    for shape in ([0], [2, 0], []):
        y, dy = gradient(op, tf.fill(shape, 0.25))
        assert y.shape.as_list() == dy.shape.as_list() == shape
        assert not shape or not y.numpy().size
    assert (y.numpy(), dy.numpy()) == (0.25, 1)


def unknown_batch(op):
    function = tf.function(op, input_signature=[tf.TensorSpec([None], tf.float32)])
    assert function.get_concrete_function().outputs[0].shape.as_list() == [None]
    check(*gradient(function, tf.constant(X)))


WORKS = "works"
