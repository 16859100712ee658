"""What works where: one table of contexts, walked by test_contexts.py, shown in docs/contexts.md.

A context is a function that takes an op, spiky in one of its three forms, and runs and
differentiates it in its own way. A cell is "works" or the error that one gets.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import legacy_spiky
from legacy_spiky import migration
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf

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
    keras = keras or importlib.import_module("keras")
    return fit(keras, keras.Sequential(layers(keras, op) + [keras.layers.Dense(1)]))


def keras_activation(op, keras=None):
    keras = keras or importlib.import_module("keras")
    spiky = keras.layers.Activation(op)
    fit(keras, keras.Sequential(layers(keras, None) + [spiky, keras.layers.Dense(1)]))


def keras_functional(op, keras=None):
    keras = keras or importlib.import_module("keras")
    x = keras.layers.Input([4])
    below = keras.layers.Dense(8, name="below")(x)
    fit(keras, keras.Model(x, keras.layers.Dense(1)(keras.layers.Activation(op)(below))))


def keras_called_on_a_symbolic_tensor(op, keras=None):
    keras = keras or importlib.import_module("keras")
    x = keras.layers.Input([4])
    below = keras.layers.Dense(8, name="below")(x)
    fit(keras, keras.Model(x, keras.layers.Dense(1)(op(below))))


def keras_save_and_load(op, keras=None):
    keras = keras or importlib.import_module("keras")
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
    keras = importlib.import_module("tf_keras")
    versions.register_keras_serializable(migration.tf_spiky, migration.native_spiky)
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
print([y.numpy().tolist(), tape.gradient(y, x).numpy().tolist()])
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
    check(*np.array(json.loads(stdout.decode()), np.float32))


MIRRORED = """
import sys
sys.path[:0] = {path!r}
import numpy as np
import tensorflow as tf
from {module} import {name} as op
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
    code = MIRRORED.format(path=sys.path, module=op.__module__, name=op.__name__)
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
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


OPS = {
    "`tf_spiky`": legacy_spiky.tf_spiky,
    "`migration.tf_spiky`": migration.tf_spiky,
    "`migration.native_spiky`": migration.native_spiky,
}

WORKS = "works"
# The error, words in it, and what the page says of it.
REFUSED = (RuntimeError, "legacy_spiky.migration", "`RuntimeError`: names the twin")
NO_XLA = (tf.errors.InvalidArgumentError, "PyFunc", "`InvalidArgumentError`: XLA has no `PyFunc`")
NOT_SAVED = (ValueError, "Problematic op name: spiky", "`ValueError` when it is saved")
SYMBOLIC = (TypeError, "KerasTensor", "`TypeError`: wrap it in a layer")

# What it is, how it is tried, and what each of the OPS does there.
CONTEXTS = [
    ("a session", session, WORKS, WORKS, WORKS),
    ("eager mode", eagerly, REFUSED, WORKS, WORKS),
    ("`tf.function`, tape inside", tape_in_function, REFUSED, WORKS, WORKS),
    ("`tf.function`, tape outside", tape_around_function, REFUSED, WORKS, WORKS),
    ("persistent tape", persistent_tape, REFUSED, WORKS, WORKS),
    ("nested tapes: second derivatives", nested_tapes, REFUSED, WORKS, WORKS),
    ("`tape.jacobian`", jacobian, REFUSED, WORKS, WORKS),
    ("`ForwardAccumulator`", forward_accumulator, REFUSED, WORKS, WORKS),
    ("`map_fn`", map_fn, REFUSED, WORKS, WORKS),
    ("`vectorized_map`", vectorized_map, REFUSED, WORKS, WORKS),
    ("`while_loop` in `tf.function`", while_loop, REFUSED, WORKS, WORKS),
    ("`cond` in `tf.function`", cond, REFUSED, WORKS, WORKS),
    ("XLA: `jit_compile=True`", xla, REFUSED, NO_XLA, WORKS),
    ("Keras 3 `fit`: activation of a `Dense`", keras_dense, REFUSED, WORKS, WORKS),
    ("Keras 3 `fit`: `Activation` layer", keras_activation, REFUSED, WORKS, WORKS),
    ("Keras 3 `fit`: functional model", keras_functional, REFUSED, WORKS, WORKS),
    ("called on a `KerasTensor`", keras_called_on_a_symbolic_tensor) + (SYMBOLIC,) * 3,
    ("Keras 3 `save`, `load_model`, `fit`", keras_save_and_load, REFUSED, WORKS, WORKS),
    ("all of `fit`, and a `.keras` file, in `tf_keras`", tf_keras, REFUSED, WORKS, WORKS),
    ("SavedModel, differentiated in a new process", saved_model, REFUSED, NOT_SAVED, WORKS),
    ("`MirroredStrategy`, two CPU devices", mirrored_strategy, REFUSED, WORKS, WORKS),
    ("checkpoint of the weights", checkpoint, REFUSED, WORKS, WORKS),
    ("float16, bfloat16, float32, float64", float_dtypes, REFUSED, WORKS, WORKS),
    ("empty, scalar", empty_and_scalar, REFUSED, WORKS, WORKS),
    ("unknown batch size", unknown_batch, REFUSED, WORKS, WORKS),
]


def in_both():
    """The list of those in which both ops of `migration` work, as docs/contexts.md shows it."""
    return "".join("- %s\n" % label for label, _, *cells in CONTEXTS if cells[1:] == [WORKS, WORKS])


def others():
    """The table of the others."""
    rows = [["where"] + list(OPS)[1:], ["---"] * 3]
    for label, _, *cells in CONTEXTS:
        if cells[1:] != [WORKS, WORKS]:
            rows.append([label] + [cell if cell == WORKS else cell[2] for cell in cells[1:]])
    return "".join("| %s |\n" % " | ".join(row) for row in rows)
