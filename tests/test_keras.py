"""Keras rebuilds a layer from its config: with the user's own activation, or not at all.

One table: the ways in which Keras does so x names, most of which are Keras's own x how it is told
of the function.
"""

import contextlib
import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow

import legacy_spiky
from legacy_spiky._ops.versions import tf

if not hasattr(tensorflow, "keras"):
    pytest.skip("TensorFlow has a Keras since 1.4", allow_module_level=True)

VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])
if hasattr(tf, "numpy_function"):
    from legacy_spiky.migration import activation, native_spiky, tf_spiky
else:
    from legacy_spiky import activation

UNKNOWN = "needs_register_keras_serializable_or_custom_objects"
KERAS_3 = VERSION >= (2, 16)


# TensorFlow's own; and, where it is installed, Keras 2 beside Keras 3.
KERAS = ["tf.keras"] + ["tf_keras"] * (KERAS_3 and bool(importlib.util.find_spec("tf_keras")))


@pytest.fixture(params=KERAS)
def keras(request):
    keras = tensorflow.keras
    if request.param == "tf_keras":
        keras = importlib.import_module("tf_keras")
    before = dict(keras.utils.get_custom_objects())
    yield keras
    keras.utils.get_custom_objects().clear()
    keras.utils.get_custom_objects().update(before)
    if VERSION < (2, 0):  # one graph for all
        keras.backend.clear_session()


def is_keras_3(keras):
    return KERAS_3 and keras is tensorflow.keras


def straight_through(name="relu"):
    """An activation with a gradient that is not that of Keras's own of this name."""
    return activation(lambda x: np.maximum(x, 0), np.ones_like, name=name)


def model(keras, op):
    x = keras.layers.Input((1,))
    hidden = keras.layers.Dense(2, activation=op)(x)
    return keras.models.Model(x, keras.layers.Activation(op)(hidden))


def sequential(keras, op):
    layers = [keras.layers.InputLayer((1,)), keras.layers.Dense(2, activation=op)]
    return keras.models.Sequential(layers)


def from_config(layer, **kwargs):
    return type(layer).from_config(layer.get_config(), **kwargs)


def clone(keras, model):
    if not hasattr(keras.models, "clone_model"):
        pytest.skip("it came later")
    return keras.models.clone_model(model)


def clone_functional(keras, op, folder):
    return clone(keras, model(keras, op))


def clone_sequential(keras, op, folder):
    return clone(keras, sequential(keras, op))


def config_of_a_model(keras, op, folder):
    return from_config(model(keras, op))


def config_of_a_sequential(keras, op, folder):
    return from_config(sequential(keras, op))


def config_of_a_dense(keras, op, folder):
    return from_config(keras.layers.Dense(1, activation=op))


def config_of_an_activation(keras, op, folder):
    return from_config(keras.layers.Activation(op))


def serialized_layer(keras, op, folder):
    if not hasattr(keras.layers, "deserialize"):
        pytest.skip("it came later")
    layer = keras.layers.Dense(1, activation=op)
    return keras.layers.deserialize(keras.layers.serialize(layer))


def serialized_activation(keras, op, folder):
    config = keras.activations.serialize(op)
    return keras.layers.Activation(keras.activations.get(config))


def bidirectional(keras, op, folder):
    return keras.layers.Bidirectional(keras.layers.LSTM(2, activation=op, recurrent_activation=op))


def time_distributed(keras, op, folder):
    return from_config(keras.layers.TimeDistributed(keras.layers.Dense(1, activation=op)))


def json(keras, op, folder):
    return keras.models.model_from_json(model(keras, op).to_json())


def keras_file(keras, op, folder):
    return saved(keras, model(keras, op), os.path.join(folder, "model.keras"))


def h5_file(keras, op, folder):
    return saved(keras, model(keras, op), os.path.join(folder, "model.h5"))


def saved(keras, model, path):
    if pytest.importorskip("h5py").__version__ >= "3" and VERSION < (2, 1):
        pytest.skip("this TensorFlow decodes what is text in h5py 3")
    model.save(path)
    return keras.models.load_model(path)


WAYS = [
    clone_functional,
    clone_sequential,
    config_of_a_model,
    config_of_a_sequential,
    config_of_a_dense,
    config_of_an_activation,
    serialized_layer,
    serialized_activation,
    bidirectional,
    time_distributed,
    json,
    keras_file,
    h5_file,
]


@contextlib.contextmanager
def by_nothing(keras, op):
    yield


@contextlib.contextmanager
def by_registering(keras, op, *name):
    if not hasattr(keras.utils, "register_keras_serializable"):
        pytest.skip("it came with TensorFlow 2.1")
    keras.utils.register_keras_serializable("tests", *name)(op)
    yield


def by_registering_under_a_name(keras, op):
    return by_registering(keras, op, "relu")


def by_custom_objects(keras, op):
    return keras.utils.custom_object_scope({op.__name__: op})


KNOWN = [by_nothing, by_registering, by_registering_under_a_name, by_custom_objects]

NAMES = {
    "relu": straight_through,
    "tanh": lambda: activation(np.tanh, np.ones_like),
    "linear": lambda: straight_through("linear"),
    "free": lambda: straight_through("free"),
}


def functions_of(layer):
    """The activations in a model or a layer."""
    inner = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer", "layer")]
    inner += [getattr(layer, "cell", None)] + list(getattr(layer, "layers", []))
    found = [f for part in inner if part is not None for f in functions_of(part)]
    names = ["activation", "recurrent_activation"]
    return found + [getattr(layer, name) for name in names if hasattr(layer, name)]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.__name__)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_own_function_or_an_error(keras, way, name, known, tmp_path):
    op = NAMES[name]()
    with known(keras, op):
        if known is by_nothing:
            with pytest.raises((TypeError, ValueError), match=UNKNOWN):
                way(keras, op, str(tmp_path))
        elif way is h5_file and VERSION >= (2, 15) and not is_keras_3(keras):
            # Keras's own: it writes "function" where it will look for the name.
            with pytest.raises(TypeError, match="Unknown activation function: 'function'"):
                way(keras, op, str(tmp_path))
        else:
            found = functions_of(way(keras, op, str(tmp_path)))
            assert found and all(f is op for f in found)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_two_of_one_name(keras, way, tmp_path):
    """The one that is not registered is not taken for the other."""
    with by_registering(keras, straight_through()):
        with pytest.raises((TypeError, ValueError), match=UNKNOWN):
            way(keras, straight_through(), str(tmp_path))


@pytest.mark.parametrize("package", [legacy_spiky, importlib.import_module(activation.__module__)])
def test_name(package):
    op = package.activation(np.tanh, np.cos)
    assert op.__name__.startswith("tanh") and op.__name__.endswith(UNKNOWN)
    assert op.__qualname__ == "tanh" and repr(op).startswith("<function tanh at ")


def test_the_clone_has_the_gradient(keras):
    op = straight_through()
    with by_custom_objects(keras, op):
        x = keras.layers.Input((1,))
        copy = clone(keras, keras.models.Model(x, keras.layers.Activation(op)(x)))
    if getattr(tf, "executing_eagerly", bool)():
        x = tf.constant([[-1.0], [2]])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = copy(x)
        gradient = tape.gradient(y, x).numpy()
    else:
        (gradient,) = keras.backend.get_session().run(
            tf.gradients(copy.output, copy.input), {copy.input: [[-1], [2]]}
        )
    assert gradient.tolist() == [[1], [1]]


@pytest.mark.skipif(VERSION < (1, 15) or KERAS_3, reason="Estimators: 1.15 to 2.15 have both")
@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.__name__)
def test_estimator(keras, known, tmp_path):
    """A step from an input where Keras's own relu has the gradient 0."""
    op = straight_through()
    weight = keras.layers.Dense(1, activation=op, use_bias=False, kernel_initializer="ones")
    model = keras.models.Sequential([keras.layers.InputLayer((1,), name="x"), weight])
    optimizers = getattr(keras.optimizers, "legacy", keras.optimizers)
    sgd = tf.train.GradientDescentOptimizer if VERSION < (2, 0) else optimizers.SGD
    model.compile(sgd(0.125), "mse")

    def data():
        x = {model.input_names[0]: np.float32([[-1]])}
        return tf.data.Dataset.from_tensors((x, np.float32([[1]])))

    def weights():
        folder = str(tmp_path)
        estimator = keras.estimator.model_to_estimator(model, model_dir=folder)
        estimator.train(data, steps=1)
        found = [estimator.get_variable_value(v) for v in estimator.get_variable_names()]
        return [value.item() for value in found if np.shape(value) == (1, 1)]

    with known(keras, op):
        if known is by_nothing:
            with pytest.raises((TypeError, ValueError), match=UNKNOWN):
                weights()
        else:
            assert weights() == [0.75]  # 1 - 0.125 * 2 * (0 - 1) * 1 * -1


def lambda_layer(keras, op):
    layers = [keras.layers.InputLayer((1,)), keras.layers.Lambda(op)]
    return keras.models.Sequential(layers)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_lambda_layer(keras, ending, tmp_path):
    """Copied, it has its function; saved, it is an error that says what to do."""
    op = straight_through()
    path = str(tmp_path / ("model" + ending))
    if is_keras_3(keras):
        with pytest.raises(TypeError, match=UNKNOWN):
            saved(keras, lambda_layer(keras, op), path)
        with by_registering(keras, op):
            assert saved(keras, lambda_layer(keras, op), path).layers[-1].function is op
        return
    with pytest.raises(TypeError) as error:
        saved(keras, lambda_layer(keras, op), path)
    assert "a Lambda layer of the activation straight_through.<locals>.<lambda> (" in str(error)
    assert "cannot be saved: use keras.layers.Activation(...) of it in its place" in str(error)
    copy = clone(keras, lambda_layer(keras, op))
    assert copy.predict(np.float32([[-1], [2]])).tolist() == [[0], [2]]


@pytest.mark.skipif(not hasattr(tf, "numpy_function"), reason="legacy_spiky.migration")
def test_a_loss_and_a_metric_of_py_func(keras):
    """Keras 3 wants to know their static shape."""
    from legacy_spiky.migration import py_func

    def squares(x, y):
        return (x - y) ** 2

    def squares_grad(op, upstream):
        x, y = op.inputs
        return 2 * (x - y) * upstream, None

    def loss(y_true, y_pred):
        return py_func(squares, [y_pred, y_true], tf.float32, grad=squares_grad, shapes=[None, 1])

    def metric(y_true, y_pred):
        return py_func(squares, [y_pred, y_true], [tf.float32], shapes=[y_pred.shape])[0]

    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))
    model = keras.Sequential([dense])
    model.compile(keras.optimizers.SGD(0.25), loss, metrics=[metric])
    x, y = np.float32([[1], [1]]), np.float32([[3], [3]])
    history = model.fit(x, y, batch_size=2, verbose=0).history
    assert (history["loss"], history["metric"]) == ([4.0], [4.0])
    np.testing.assert_array_equal(model.get_weights()[0], [[2]])  # 1 + 0.25 * 2 * 2


@pytest.mark.skipif(VERSION < (2, 0), reason="of TensorFlow 2's fit")
def test_loss_and_metric(keras):
    """An activation has a static shape, which is what they want."""
    op = activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)

    def loss(y_true, y_pred):
        return op(y_pred - y_true) ** 2

    def metric(y_true, y_pred):
        return op(y_true - y_pred)

    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.models.Sequential([keras.layers.InputLayer((1,)), dense])
    model.compile(keras.optimizers.SGD(0.5), loss, metrics=[metric])
    history = model.fit(np.float32([[1]]), np.float32([[0.5]]), verbose=0).history
    y = np.tanh(0.5)
    np.testing.assert_allclose(history["loss"], y**2, rtol=1e-6)
    np.testing.assert_allclose(history["metric"], -y, rtol=1e-6)
    np.testing.assert_allclose(dense.get_weights()[0].item(), 1 - y * (1 - y**2), rtol=1e-6)


@pytest.mark.skipif(VERSION < (2, 0), reason="migration.tf_spiky outside of sessions")
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_the_package_s_own_are_registered(keras, ending, tmp_path):
    from legacy_spiky._ops import versions

    if ending == ".h5" and VERSION >= (2, 15) and not is_keras_3(keras):
        pytest.skip("Keras's own fault, see test_own_function_or_an_error")
    if not hasattr(keras.utils, "register_keras_serializable"):
        pytest.skip("it came with TensorFlow 2.1")
    if keras is not tensorflow.keras:  # imported since
        versions.register_keras_serializable(tf_spiky, native_spiky)
    for op in (tf_spiky, native_spiky):
        loaded = saved(keras, model(keras, op), str(tmp_path / (op.__name__ + ending)))
        assert functions_of(loaded) == [op, op]


@pytest.mark.skipif(not KERAS_3, reason="Keras 3 compiles by itself")
def test_a_gpu_makes_keras_3_compile(monkeypatch):
    """What docs/gpus.md says of `jit_compile=False`, where TensorFlow lists a GPU."""
    real = tensorflow.config.list_physical_devices
    gpu = tensorflow.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(
        tensorflow.config,
        "list_physical_devices",
        lambda kind=None: (real(kind) or []) + [gpu] * (kind in (None, "GPU")),
    )
    keras = tensorflow.keras

    def fit(op, **kwargs):
        weight = keras.layers.Dense(1, activation=op, use_bias=False, kernel_initializer="ones")
        model = keras.models.Sequential([keras.layers.InputLayer((1,)), weight])
        model.compile("sgd", "mse", **kwargs)
        model.fit(np.float32([[0.25]]), np.float32([[9]]), verbose=0)
        assert weight.get_weights()[0] > 1

    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        fit(straight_through())
    fit(straight_through(), jit_compile=False)
    fit(native_spiky)


LAYERS = """
import numpy as np
import tensorflow.compat.v1 as tf
from legacy_spiky import activation
with tf.Graph().as_default():
    print(tf.layers.dense(tf.ones([1, 1]), 2, activation=activation(np.tanh, np.cos)).name)
"""


@pytest.mark.skipif("tf_keras" not in KERAS, reason="tf.layers are in tf_keras")
def test_tf_layers_want_tf_keras():
    environment = dict(os.environ, TF_USE_LEGACY_KERAS="1", PYTHONPATH=os.pathsep.join(sys.path))
    output = subprocess.check_output([sys.executable, "-c", LAYERS], env=environment)
    assert output.decode().strip() == "dense/tanh:0"


bound = straight_through("bound")  # under its name, in the module of its function


def test_pickle():
    assert pickle.loads(pickle.dumps(bound)) is bound
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(straight_through("bound"))
