"""Any activation in TensorFlow ops: its numbers, its gradients, where it runs, what it refuses."""

import contextlib
import importlib
import inspect
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow

from legacy_spiky import d_spiky, spiky, vectorize
from legacy_spiky._arrays import dtypes, patterns
from legacy_spiky._ops.versions import tf

if not hasattr(tf, "where_v2"):
    pytest.skip("native ops need TensorFlow 1.15", allow_module_level=True)

import activations
import contexts
from worlds import Eager, Session

from legacy_spiky import migration
from legacy_spiky.native import native, native_spiky, source

EAGER = tf.executing_eagerly()
VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])
eager_only = pytest.mark.skipif(not EAGER, reason="TensorFlow 1 is not eager here")
newest_only = pytest.mark.skipif(VERSION < (2, 16), reason="the newest TensorFlow's, with Keras 3")

ALL_DTYPES = ["float16", "bfloat16", "float32", "float64"]
FUNCTIONS = activations.CORPUS + [spiky, d_spiky]
WORLDS = {"session": Session(migration)}
if EAGER:
    WORLDS["eager"] = Eager(migration)
    WORLDS["tape outside of tf.function"] = Eager(migration, "outside")
    WORLDS["tape inside of tf.function"] = Eager(migration, "inside")
PLAIN = WORLDS["eager" if EAGER else "session"]


def in_session(op):
    def run(x):
        with tf.Graph().as_default(), tf.Session() as session:
            fed = tf.placeholder(x.dtype, x.shape)
            return session.run(op(fed), {fed: x})

    return run


MODES = {"session": in_session}
if EAGER:
    MODES["eager"] = lambda op: lambda x: op(tf.constant(x)).numpy()
    MODES["tf.function"] = lambda op: MODES["eager"](tf.function(op, autograph=False))


def named(table):
    return dict(argnames="f", argvalues=table, ids=lambda f: getattr(f, "__name__", None))


# Values.


def expected(f, x):
    """What the interpreter gives for an array, and where it gives something."""
    wide, known = [], []
    for number in dtypes.flush(dtypes.to_double(x), x.dtype).tolist():
        try:
            y = f(number)
            y = None if isinstance(y, complex) else float(y)
        except (ArithmeticError, ValueError):
            y = None
        known.append(y is not None)
        wide.append(0.0 if y is None else y)
    wide = np.array(wide)
    return dtypes.round_to(dtypes.flush(wide, x.dtype), x.dtype), np.array(known)


def differing(given, y, known):
    nan = np.isnan(dtypes.to_double(given)) & np.isnan(dtypes.to_double(y))
    return np.flatnonzero((patterns.bits(given) != patterns.bits(y)) & ~nan & known)


# Their last bits are TensorFlow's, seen where numbers cancel: 1 + erf(x), of x = -5.
CANCEL = [
    activations.gelu, activations.gelu_tanh, activations.tanh_shrink, activations.log_cosh
]  # fmt: skip
# Those whose doubles are the interpreter's too.
IEEE = "step leaky_step relu leaky_relu relu6 hard_sigmoid hard_tanh soft_sign quantiser rounding"
IEEE += " triangle staircase pole horner knots spiky d_spiky"
IEEE = [f for f in FUNCTIONS if f.__name__ in IEEE.split()]


def check(f, op, dtype, modes):
    x = patterns.samples(dtype, count=500)
    y, known = expected(f, x)
    for mode in modes:
        given = MODES[mode](op)(x)
        assert given.dtype == x.dtype
        wrong = differing(given, y, known)
        assert not len(wrong), (mode, x[wrong], given[wrong], y[wrong])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize(**named([f for f in FUNCTIONS if f not in CANCEL]))
def test_each_bit_is_the_interpreter_s(f, dtype):
    modes = set(MODES)
    if f is activations.horner and VERSION < (2, 21):
        modes = {"eager"} & modes  # a graph makes 0 of 0.0 * x, at infinity too
    check(f, native(f), dtype, modes)


@eager_only
@pytest.mark.parametrize(**named(IEEE))
def test_of_doubles_too(f):
    check(f, native(f), "float64", ["eager"])


@pytest.mark.parametrize(**named(CANCEL))
def test_what_cancels_is_close(f):
    x = patterns.samples("float32", -8, 8, count=2000)
    y, known = expected(f, x)
    assert known.all()
    for mode in MODES.values():
        np.testing.assert_allclose(mode(native(f))(x), y, rtol=2e-7, atol=1e-14)


@eager_only
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize(**named([f for f in FUNCTIONS if f not in CANCEL]))
def test_under_xla(f, dtype):
    x = patterns.samples(dtype, count=500)
    y, known = expected(f, x)
    given = tf.function(native(f), jit_compile=True)(tf.constant(x)).numpy()
    wrong = differing(given, y, known)
    # It fuses x * x * x - x, which moves a float32 now and then.
    assert len(wrong) <= 4 * (f is activations.cubic)
    assert (patterns.distance(given[wrong], y[wrong]) <= 1).all()


@eager_only
def test_products_with_a_truth_under_xla():
    """They keep the sign of 0, and the NaN of a product of 0 and infinity."""
    x = np.float32([-math.inf, -2, -0.0, 0, 0.5, 3, math.inf, math.nan])
    for f in (
        lambda x: (x > 0) * x,
        lambda x: -3.0 * (x > 0),
        lambda x: x * (x < 1) * (x < 2) + 0.25,
        lambda x: (0 < x) * (x - math.copysign(0.5, x)),
    ):
        y, known = expected(f, x)
        given = tf.function(native(f), jit_compile=True)(tf.constant(x)).numpy()
        assert not len(differing(given, y, known))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(**named([f for f in FUNCTIONS if f is not activations.floor_division]))
def test_in_single_precision(f, dtype):
    """No promise of bits: near enough where the function is not steep."""
    x = np.linspace(-4, 4, 161).astype(tf.as_dtype(dtype).as_numpy_dtype)
    y, known = expected(f, x)
    op = native(f, compute_dtype="float32")
    for mode in MODES.values():
        given = mode(op)(x)
        assert given.dtype == x.dtype
        given, wide = dtypes.to_double(given)[known], dtypes.to_double(y)[known]
        near = np.isclose(given, wide, rtol=1e-2 if dtype.endswith("16") else 1e-5, atol=1e-5)
        assert near.mean() > 0.97, (x[known][~near], given[~near], wide[~near])


def ops_in(build, dtype="float32"):
    """The types of the ops of a graph."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(dtype, [None])
        tf.gradients(build(x), x)
    return {op.type for op in graph.get_operations()}


# An integer as a place; the sign of a zero, which % and // ask for too.
CAST = "look_up wrapped_look_up".split()
SIGNED = (
    "log_squash refuses_nan sawtooth reversed_sawtooth floor_division quotient_and_rest "
    "collatz_step wrapped_look_up"
).split()


def test_what_is_not_needed_is_not_there():
    for f in FUNCTIONS:
        names = ops_in(native(f, compute_dtype="float32"))
        assert not names & {"Bitcast", "PyFunc", "StatelessPyFunc", "EagerPyFunc"}
        assert ("Cast" in names) == (f.__name__ in CAST)
        assert ("Bitcast" in ops_in(native(f))) == (f.__name__ in SIGNED)


def test_shapes_and_names():
    op = native(activations.swish)
    with tf.Graph().as_default():
        assert op(tf.placeholder(tf.float32, [None, 3])).get_shape().as_list() == [None, 3]
        assert op(tf.placeholder(tf.float32)).get_shape().ndims is None
    with tf.Graph().as_default():
        assert op(tf.placeholder(tf.float32, [2])).op.name.startswith("swish/")
        assert op(tf.placeholder(tf.float32, [2]), name="mine").op.name.startswith("mine/")
    for shape in ([], [0], [2, 0], [2, 1]):
        for world in WORLDS.values():
            ((y,), (g,)) = world.run(op, np.ones(shape, np.float32))
            assert y.shape == g.shape == tuple(shape)


def test_what_is_no_tensor():
    op = native(lambda x: 2 * x)
    for x in ([1.0, 2.0], np.float32([1, 2]), np.array([1.0, 2.0], ">f8"), 1.0):
        if EAGER:
            y = op(x).numpy()
        else:
            with tf.Graph().as_default(), tf.Session() as session:
                y = session.run(op(x))
        np.testing.assert_array_equal(y, 2 * np.asarray(x))


# Gradients.


def wave(x):
    return math.log(x) if x > 0 else 0.5 * x


def d_wave(x):
    return 1 / x if x > 0 else 0.5


def d2_wave(x):
    return -1 / x**2 if x > 0 else 0


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("dtype", ALL_DTYPES)
@pytest.mark.parametrize("f, df, d2f", [(spiky, d_spiky, None), (wave, d_wave, d2_wave)])
def test_gradients_are_those_of_an_activation(f, df, d2f, dtype, where):
    if dtype == "bfloat16" and where != "session" and VERSION < (2, 15):
        pytest.skip("migration.activation needs a newer TensorFlow there")
    if dtype == "float64" and f is wave:
        pytest.skip("a double of TensorFlow's logarithm has its own last bits")
    x = patterns.samples(dtype, count=400)
    x = x[(dtypes.to_double(x) > 1e-30) | (dtypes.to_double(x) <= 0)]  # 1 / x**2 is finite
    u = patterns.upstreams(x.shape, x.dtype)
    u[::7] *= u.dtype.type(2.0**-126)
    both = [native(f, df, d2f)]
    both.append(migration.activation(*[vectorize(g, compile=False) for g in (f, df, d2f) if g]))
    runs = [WORLDS[where].run(op, x, upstream=[u]) for op in both]
    for given, y in zip(runs[0][0] + runs[0][1], runs[1][0] + runs[1][1]):
        wrong = differing(given, y, np.ones(len(x), bool))
        assert not len(wrong), (x[wrong], given[wrong], y[wrong])
    if d2f:
        second = [WORLDS[where].run(op, x, order=2)[1][0] for op in both]
        assert not len(differing(*second, known=np.ones(len(x), bool)))


@pytest.mark.parametrize(**named(FUNCTIONS))
def test_derivatives_are_those_of_the_path(f):
    """Against differences, of the function and of one derivative less."""
    x = np.linspace(-4, 4, 41) + 0.0123
    if f is activations.root:
        x = np.abs(x)
    op, step = native(f), 1e-6
    x = np.stack([x - step, x, x + step])
    values, gradients = PLAIN.run(op, x)
    derivatives = [values[0], gradients[0]] + [PLAIN.run(op, x, order=k)[1][0] for k in (2, 3)]
    for less, given in zip(derivatives, derivatives[1:]):
        slope = (less[2] - less[0]) / (2 * step)
        np.testing.assert_allclose(given[1], slope, rtol=1e-4, atol=1e-4)


SAFE = [
    (lambda x: math.log(x) if x > 0 else 0.0, lambda x: 1 / x if x > 0 else 0.0),
    (lambda x: math.sqrt(x) if x > 0 else x, lambda x: 0.5 / math.sqrt(x) if x > 0 else 1.0),
    (lambda x: max(0.0, math.sqrt(abs(x))), lambda x: x and math.copysign(0.5, x) / abs(x) ** 0.5),
    (lambda x: 1 / x if x else 3.0, lambda x: -1 / x**2 if x else 0.0),
    (lambda x: math.exp(1 / x) if x > 1 else x, lambda x: -math.exp(1 / x) / x**2 if x > 1 else 1),
    (lambda x: min(1.0, math.exp(x)) if x == x else 0, lambda x: math.exp(x) if x < 0 else 0.0),
    (activations.sinc, lambda x: x and (x * math.cos(x) - math.sin(x)) / x**2),
    (lambda x: round(math.log(abs(x))) if x else 0, lambda x: 0),
]


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("f, df", SAFE)
def test_what_a_number_does_not_do_makes_no_nan(f, df, where):
    x = np.array([-2.0, -1.0, -0.0, 0.0, 0.25, 1.0, 4.0, 800.0])
    _, (given,) = WORLDS[where].run(native(f), x)
    np.testing.assert_allclose(given, [df(v) for v in x.tolist()], rtol=1e-13)


def test_at_nan_and_infinity():
    x = np.array([math.nan, math.inf, -math.inf])
    for f in (spiky, d_spiky, activations.relu, activations.knots):
        for world in WORLDS.values():
            _, (given,) = world.run(native(f), x)
            assert given.tolist() == [0, f is activations.relu, 0]


def test_steps_are_flat():
    """Where doubles are whole, too."""
    x = np.array([-1e300, -(2.0**53), -2.5, 0.0, 0.75, 2.0**52, 1e17, 1e300])
    for f in (round, int, math.floor, math.ceil, lambda x: x // 1, lambda x: round(x) // 1):
        _, (given,) = PLAIN.run(native(lambda x: f(x) + x), x)  # noqa: B023
        assert given.tolist() == [1] * len(x)


@pytest.mark.parametrize("where", WORLDS)
def test_rests_of_steps_are_flat(where):
    """In a graph, where TensorFlow asks for the gradient of each op on the way."""
    x = np.array([-7.5, -0.5, 0.0, 2.25, 11.0])
    for f in (
        lambda x: int(x) % 5 + 2 * x,
        lambda x: int(x) % -7 // 3 + 2 * x,
        lambda x: divmod(round(x), 3)[1] / 3 + 2 * x,
        lambda x: math.fmod(math.floor(x), 3) + 2 * x,
        lambda x: math.floor(x) % 2.5 + 2 * x,
        lambda x: 2 * x + 7 % (int(abs(x)) + 1),
    ):
        (y,), (given,) = WORLDS[where].run(native(f), x)
        assert y.tolist() == [f(v) for v in x.tolist()]
        assert given.tolist() == [2] * len(x)


def test_a_gradient_is_never_none():
    x = np.array([-1.5, 0.5, 3.0])
    for f in [lambda x: 1, lambda x: x, lambda x: True, activations.relu, lambda x: x**2 - x]:
        for op in (native(f), native(f, f), native(f, lambda x: 2, f)):
            assert PLAIN.run(op, x, order=5)[1][0].tolist() == [0, 0, 0]
    steep = [  # but not on the way back
        lambda x: round(math.tanh(x)) + x,
        lambda x: 2 * x if math.exp(x) > 1 else x,
        lambda x: 1 / x > 1,
    ]
    for f in steep:
        assert PLAIN.run(native(f), x, order=2)[1][0].tolist() == [0, 0, 0]


# Where it runs.

LEAKY = native(lambda x: x if x > 0 else 0.25 * x, name="leaky")
OWN = native(spiky, d_spiky, name="own_spiky")
FORMS = [native(spiky), OWN]


# By name in a new process is only what has one; and Keras is asked below.
ELSEWHERE = ("mirrored_strategy", "keras_save_and_load", "tf_keras", "float_dtypes")
CONTEXTS = [row[1:] for row in contexts.CONTEXTS if row[1].__name__ not in ELSEWHERE]


@newest_only
@pytest.mark.parametrize("op", FORMS, ids=["f", "f and df"])
@pytest.mark.parametrize("cells", CONTEXTS, ids=lambda cells: cells[0].__name__)
def test_a_context(cells, op):
    """Walks the table of contexts: spiky as `native_spiky` does."""
    if cells[-1] == contexts.WORKS:
        cells[0](op)
    else:
        with pytest.raises(cells[-1][0], match=cells[-1][1]):
            cells[0](op)


@newest_only
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_keras_saves_and_loads(name):
    keras = pytest.importorskip(name)
    with keras.utils.custom_object_scope({OWN.__name__: OWN}):
        contexts.keras_save_and_load(OWN, keras)
    with pytest.raises((TypeError, ValueError), match="needs_register_keras_serializable"):
        contexts.keras_save_and_load(OWN, keras)


@newest_only
def test_keras_compiles(name="keras"):
    """Keras 3's own choice where there is a GPU."""
    keras = importlib.import_module(name)
    layers = contexts.layers(keras, LEAKY) + [keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse", jit_compile=True)
    x = np.random.RandomState(0).randn(32, 4)
    model.fit(x, x[:, :1], verbose=0)
    assert model.jit_compile


@eager_only
def test_forward_mode_in_a_function():
    @tf.function
    def product(x, v):
        with tensorflow.autodiff.ForwardAccumulator(x, v) as accumulator:
            y = LEAKY(x)
        return accumulator.jvp(y)

    x = tf.constant([-1.0, 2.0])
    assert product(x, tf.constant([3.0, 5.0])).numpy().tolist() == [0.75, 5]


LOAD = """
import sys
sys.path[:] = [path for path in sys.path if path != {here!r}]
import tensorflow as tf
module = tf.saved_model.load(sys.argv[1])
x = tf.constant([-2.0, 0.0, 4.0])

def gradient(f):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return y, tape.gradient(y, x)

print([t.numpy().tolist() for t in gradient(module.f)])
print(gradient(lambda x: gradient(module.f)[1])[1].numpy().tolist())
assert not [name for name in sys.modules if name.startswith("legacy_spiky")]
"""


@eager_only
@pytest.mark.parametrize("derivatives", [(), (d_wave,), (d_wave, d2_wave)])
def test_a_saved_model_in_a_process_without_the_package(derivatives, tmp_path):
    """Differentiated there, as far as TensorFlow saves custom gradients."""
    op, module = native(wave, *derivatives), tensorflow.Module()
    specs = [tf.TensorSpec([None], tf.float32)]
    module.f = tf.function(lambda x: op(x), input_signature=specs, autograph=False)
    tensorflow.saved_model.save(module, str(tmp_path))
    here = os.path.dirname(os.path.dirname(os.path.abspath(migration.__file__)))
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD.format(here=here), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(tmp_path),
    )
    stdout, stderr = [output.decode() for output in process.communicate()]
    lines = stdout.splitlines()
    if derivatives and VERSION < (2, 15):
        assert not lines and "LookupError: No gradient defined for operation" in stderr
        return
    logarithm = np.log(np.float64(4)).astype(np.float32).item()
    assert lines[0] == str([[-1.0, 0.0, logarithm], [0.5, 0.5, 0.25]]), stderr
    if len(derivatives) < 2:
        assert lines[1:] == ["[0.0, 0.0, -0.0625]"], stderr
    else:
        assert not lines[1:] and "LookupError" in stderr  # the gradient of a gradient is not saved


# TFLite has no op of its own for these, but takes TensorFlow's.
SELECTED = [activations.gelu]


@newest_only
@pytest.mark.parametrize(**named(FUNCTIONS + [lambda x: x % 3, lambda x: x // 0.3]))
def test_tflite(f):
    lite, op = tensorflow.lite, native(f, compute_dtype=np.float32)
    function = tf.function(lambda x: op(x), input_signature=[tf.TensorSpec([7], tf.float32)])
    converter = lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if f in SELECTED:
        converter.target_spec.supported_ops = [
            lite.OpsSet.TFLITE_BUILTINS,
            lite.OpsSet.SELECT_TF_OPS,
        ]
    if f is activations.erf_sigmoid:  # of erfc neither has one
        with pytest.raises(Exception, match="tf.Erfc"):
            converter.convert()
        return
    model = converter.convert()
    if f in SELECTED:
        return  # which Python's interpreter does not
    interpreter = lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    x = np.float32([-3, -1, -0.3, -0.0, 0.4, 1.7, 6])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(y, op(tf.constant(x)), rtol=3e-6, atol=3e-7)


# As text.


def of_text(text, name):
    names = {}
    exec(text, names)
    return names[name]


@pytest.mark.parametrize("compute_dtype", [None, "float32"])
@pytest.mark.parametrize(**named(FUNCTIONS))
def test_the_text_is_the_op(f, compute_dtype):
    for derivatives in ((), (f,)):
        text = source(f, *derivatives, compute_dtype=compute_dtype)
        both = [native(f, *derivatives, compute_dtype=compute_dtype), of_text(text, f.__name__)]
        for dtype in ("float32", "float16"):
            x = patterns.samples(dtype, count=100)[::3]
            runs = [PLAIN.run(op, x) for op in both]
            for given, y in zip(runs[0][0] + runs[0][1], runs[1][0] + runs[1][1]):
                assert not len(differing(given, y, np.ones(len(x), bool)))


TEXT = """
import sys
sys.modules["legacy_spiky"] = None
import mine
tf = mine.tf.compat.v1
with tf.Graph().as_default(), tf.Session() as session:
    x = tf.constant([-2.0, 4.0])
    y = mine.own(x)
    print([v.tolist() for v in session.run([y] + tf.gradients(y, x))])
"""


@pytest.mark.parametrize("derivatives", [(), (lambda x: 5 if x > 0 else 0.25,)])
def test_the_text_without_the_package(derivatives, tmp_path):
    text = source(lambda x: x if x > 0 else 0.25 * x, *derivatives, name="own")
    (tmp_path / "mine.py").write_text(text)
    output = subprocess.check_output([sys.executable, "-c", TEXT], cwd=str(tmp_path))
    slope = 5.0 if derivatives else 1.0
    assert output.decode().strip() == str([[-0.5, 4.0], [0.25, slope]])


def test_the_text_has_the_users_names():
    text = source(activations.leaky_step)
    assert "\n_ALPHA = 0.1\n" in text and "_ALPHA * x" in text
    assert "\ndef leaky_step(x, name=None):" in text
    assert "\ndef activation(x, name=None):" in source(lambda x: x)
    assert text.startswith('"""leaky_step as TensorFlow ops')


def test_a_native_op_holds_what_it_read():
    factor = 2.0

    def scaled(x):
        return factor * x

    op = native(scaled)
    factor = 3.0
    ((y,), _) = PLAIN.run(op, np.float32([1]))
    assert y.tolist() == [2] and scaled(1.0) == 3


# What it is called.


def test_names():
    for f, name, expected in [(spiky, None, "spiky"), (lambda x: x, None, "activation")]:
        op = native(f, name=name)
        assert op.__qualname__ == expected and op.__module__ == f.__module__
        assert op.__name__.startswith(expected)
        assert op.__name__.endswith("needs_register_keras_serializable_or_custom_objects")
    assert native(spiky, name="mine").__qualname__ == "mine"
    assert repr(LEAKY).startswith("<function leaky at ")


def test_one_signature():
    def parameters(function):
        return str(inspect.signature(function)).partition(" -> ")[0]

    assert parameters(native) == parameters(source)
    assert migration.native is native and migration.native_spiky is native_spiky


# What it refuses.


def raises(kind, *words):
    @contextlib.contextmanager
    def check():
        with pytest.raises(kind) as error:
            yield
        for word in words:
            assert word in str(error.value), str(error.value)

    return check()


def place(f):
    return "%s (%s:%d)" % (f.__qualname__, f.__code__.co_filename, f.__code__.co_firstlineno)


def loop(x):
    while x > 1:
        x = x / 2
    return x


def gamma(x):
    return math.gamma(x)


@pytest.mark.parametrize("make", [native, source])
def test_what_cannot_become_ops(make):
    words = "cannot become TensorFlow ops: ", "a loop", "Use legacy_spiky.migration.activation"
    with raises(TypeError, "f, " + place(loop), *words):
        make(loop)
    with raises(TypeError, "df, " + place(loop)):
        make(spiky, loop)
    with raises(TypeError, "d2f, " + place(loop)):
        make(spiky, d_spiky, loop)
    with raises(TypeError, "f, " + place(gamma), "it calls math.gamma, and TensorFlow has no"):
        make(gamma)
    with raises(TypeError, "df, " + place(gamma), "it calls math.gamma"):
        make(spiky, gamma)
    with raises(TypeError, "f, " + place(spiky), "this is of type vectorize"):
        make(np.vectorize(spiky))


@pytest.mark.parametrize("make", [native, source])
def test_arguments(make):
    with raises(TypeError, "f must be a function or another callable, got 3"):
        make(3)
    with raises(TypeError, "df must be a function or another callable, got 3"):
        make(spiky, 3)
    with raises(TypeError, "d2f is given, " + place(d_spiky), "but df is not: give both"):
        make(spiky, d2f=d_spiky)
    for name in ("a b", "_f", "class", 3, "", "tf"):
        with raises(ValueError, "name must be one that Python takes", "got %r" % (name,)):
            make(spiky, name=name)
    for dtype in ("int32", tf.complex64, np.bool_, 3, [], "floaty"):
        with raises(TypeError, "compute_dtype must be float16, bfloat16, float32 or float64, got"):
            make(spiky, compute_dtype=dtype)


def test_compute_dtypes():
    texts = {
        source(spiky, compute_dtype=dtype)
        for dtype in (tf.float32, np.float32, "float32", np.dtype("float32"))
    }
    assert len(texts) == 1 and "_DTYPE = tf.float32" in texts.pop()
    assert source(spiky) == source(spiky, compute_dtype=tf.float64)
    for dtype in ["float16"] + ["bfloat16"] * (VERSION >= (2, 4)):  # 2.0 compares none
        ((y,), _) = WORLDS["session"].run(native(spiky, compute_dtype=dtype), np.float32([0.25]))
        assert y.tolist() == [0.25]


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_dtypes(dtype):
    for world in WORLDS.values():
        with raises(TypeError, "that of " + place(spiky), "got " + dtype):
            world.run(native(spiky), np.array([0, 1], dtype))


def test_what_no_tensor_is_made_of():
    with raises(TypeError, "the input of " + place(spiky) + " is no tensor"):
        native(spiky)(object())
