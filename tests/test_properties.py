"""Random shapes, types, bit patterns and structures: each world gives the same, bit for bit."""

import math
from fractions import Fraction

import numpy as np
import pytest

from legacy_spiky._ops.versions import tf

if tuple(map(int, tf.VERSION.split(".")[:2])) < (2, 15):
    pytest.skip("not all worlds, or not whole ones: docs/versions.md", allow_module_level=True)

from conftest import worlds
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from worlds import Eager, Session

import legacy_spiky
from legacy_spiky import d_spiky, migration, spiky, vectorize

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of any bit pattern

WORLDS = {
    "session": Session(legacy_spiky),
    "caller's thread": Session(legacy_spiky, threads=-1),
    "migration in a session": Session(migration),
    "migration, eager": Eager(migration),
    "migration, tape inside": Eager(migration, "inside"),
    "migration, tape outside": Eager(migration, "outside"),
}

# Of a floating type: its bits, those of the significand with the hidden one, the least exponent.
FORMATS = {
    "float16": (16, 11, -14),
    "bfloat16": (16, 8, -126),
    "float32": (32, 24, -126),
    "float64": (64, 53, -1022),
}
OTHERS = ["int32", "int64", "uint8", "bool"]


def test_all_worlds_are_here():
    assert set(WORLDS) == set(worlds()) - {"other control flow"}


# What is drawn.


def numbers(dtype):
    """Bit patterns of a floating type: any, and often those next to where something changes."""
    size, precision, _ = FORMATS[dtype]
    fraction = precision - 1
    sign, infinity, one = 1 << (size - 1), (1 << (size - 1)) - (1 << fraction), 1 << fraction
    half = infinity // 2 & ~(one - 1)  # 0.5 or 1.0
    edges = [0, 1, one - 1, one, one + 1, half, half - one, half + one, half - 1, half + 1]
    edges += [infinity - 1, infinity, infinity + 1, infinity + one // 2, infinity + one - 1]
    return st.one_of(
        st.sampled_from(edges + [sign | edge for edge in edges]), st.integers(0, (1 << size) - 1)
    )


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def arrays(dtype, shape):
    if dtype == "bool":
        return hnp.arrays(np.bool_, shape)
    if dtype in OTHERS:
        return hnp.arrays(dtype, shape)
    bits = hnp.arrays("uint%d" % FORMATS[dtype][0], shape, elements=numbers(dtype), fill=None)
    return bits.map(lambda array: array.view(tf.as_dtype(dtype).as_numpy_dtype))


def any_array(dtypes):
    return st.tuples(st.sampled_from(dtypes), SHAPES).flatmap(lambda drawn: arrays(*drawn))


def in_each_world(check):
    """Runs a check in each world, and says in which it failed."""
    for name, world in WORLDS.items():
        try:
            check(world)
        except Exception as error:
            raise AssertionError("%s: %s" % (name, error)) from error


def assert_same_bits(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes(), "%r is not %r" % (found, expected)


def assert_same_gradient(world, found, expected):
    """That they are the same bits; but where the tape is outside, TensorFlow may have added 0."""
    if getattr(world, "function", None) != "outside":
        assert_same_bits(found, expected)
        return
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if found.dtype.name != "float16":
        same |= (found == 0) & (np.abs(expected) < 2.0 ** FORMATS[found.dtype.name][2])
    assert np.all(same), "%r is not %r" % (found, expected)


# py_func: what goes in comes in, and what comes out goes out.


@st.composite
def calls(draw):
    """Inputs, outputs, an upstream gradient for each floating output, a gradient for each input."""
    inputs = draw(st.lists(any_array(sorted(FORMATS) + OTHERS), max_size=3))
    outputs = draw(st.lists(any_array(sorted(FORMATS) + OTHERS), max_size=3))
    upstream = [
        draw(arrays(y.dtype.name, y.shape)) if y.dtype.name in FORMATS else None for y in outputs
    ]
    gradients = [
        draw(st.one_of(st.none(), arrays(x.dtype.name, x.shape)))
        if x.dtype.name in FORMATS
        else draw(st.sampled_from([None, x]))
        for x in inputs
    ]
    return inputs, outputs, upstream, gradients


@settings(suppress_health_check=list(HealthCheck))
@given(
    call=calls(),
    kind=st.sampled_from([list, tuple, None]),
    returns=st.sampled_from([list, tuple, None]),
    stateful=st.booleans(),
    static=st.booleans(),
)
def test_py_func(call, kind, returns, stateful, static):
    inputs, outputs, upstream, gradients = call
    dtypes = [tf.as_dtype(y.dtype) for y in outputs]
    alone = len(outputs) == 1
    Tout = dtypes[0] if kind is None and alone else (kind or list)(dtypes)
    differentiable = [g is not None for g in upstream]

    def func(*arguments):
        for argument, x in zip(arguments, inputs):
            assert_same_bits(argument, x)
        assert len(arguments) == len(inputs)
        results = [y.copy() for y in outputs]
        return results[0] if returns is None and alone else (returns or list)(results)

    def check(world):
        def grad(op, *grads):
            assert [g is not None for g in grads] == differentiable

            def backward(*arguments):
                for argument, x in zip(arguments, inputs):
                    assert_same_bits(argument, x)
                for argument, g in zip(arguments[len(inputs) :], known):
                    assert_same_gradient(world, np.asarray(argument), g)
                return [g for g in gradients if g is not None]

            known = [g for g in upstream if g is not None]
            arguments = list(op.inputs) + [g for g in grads if g is not None]
            given = [g.dtype for g in gradients if g is not None]
            results = iter(world.py_func(backward, arguments, given) if given else [])
            return [None if g is None else next(results) for g in gradients]

        def build(*tensors):
            # No gradient comes through integers alone, and giving one is an error.
            known = grad if any(differentiable) or not outputs else None
            ys = world.py_func(func, tensors, Tout, stateful=stateful, grad=known)
            if not outputs:  # the operation, in a graph
                with tf.control_dependencies([] if isinstance(ys, list) else [ys]):
                    return tf.constant(0)
            assert isinstance(ys, list) == isinstance(Tout, (list, tuple))
            return ys

        values, found = world.run(
            build, *inputs, static=static, upstream=[g for g in upstream if g is not None]
        )
        for value, y in zip(values, outputs):
            assert_same_bits(value, y)
        for g, x, expected in zip(found, inputs, gradients):
            if x.dtype.name not in FORMATS or not any(differentiable):
                assert g is None
            elif expected is not None:
                assert_same_gradient(world, g, expected)
            else:  # where the tape is outside, TensorFlow may make zeros of it
                assert g is None or not (g.any() or world.function != "outside")

    in_each_world(check)


# Activations: evaluated in double precision, rounded once, subnormals zero on both sides.


def rounded(number, dtype, least=None):
    """Returns a number rounded to a type, half to even, as if its least exponent were another."""
    _, precision, own = FORMATS[dtype]
    if number == 0 or not math.isfinite(number):
        return number
    exponent = number.bit_length() if isinstance(number, int) else math.frexp(number)[1]
    exponent = max(exponent, (own if least is None else least) + 1) - precision
    whole = round(Fraction(number) / Fraction(2) ** exponent)
    if abs(whole) << max(exponent, 0) >= 1 << (2 - own):  # too large
        return math.copysign(math.inf, number)
    return math.copysign(math.ldexp(whole, exponent), number)


def flushed(number, dtype):
    if dtype == "float16" or not abs(number) < 2.0 ** FORMATS[dtype][2]:
        return number
    return math.copysign(0.0, number)


def wide(x):
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return x.astype(np.float64)


def model(function, x, upstream=None):
    """Returns what an activation op gives, or the product with an upstream gradient, as doubles."""
    dtype = x.dtype.name
    seen = [flushed(number, dtype) for number in wide(x).ravel().tolist()]
    with np.errstate(all="ignore"):
        ys = np.asarray(function(np.array(seen, np.float64).reshape(x.shape)))
    if ys.dtype.name == "float32" and dtype == "bfloat16":  # of one kind: its subnormals are zeros
        ys = np.array([flushed(y, dtype) for y in ys.ravel().tolist()], np.float64)
    # A number that rounds to the least normal one is that, and no subnormal.
    least = None if dtype == "float16" else -2000
    ys = [flushed(rounded(y, dtype, least), dtype) for y in ys.ravel().tolist()]
    if upstream is not None:
        us = [flushed(u, dtype) for u in wide(upstream).ravel().tolist()]
        ys = [flushed(rounded(y * u, dtype), dtype) for y, u in zip(ys, us)]
    return np.array(ys, np.float64).reshape(x.shape)


def of(f, df):
    """Returns how to make the op of two functions, and the functions."""
    return lambda world: world.activation(f, df, name="f"), (f, df)


SCALAR = [np.vectorize(f, otypes=[float]) for f in (spiky, d_spiky)]
OPS = {
    "spiky": (lambda world: world.tf_spiky, SCALAR),
    "spiky of one number": (of(vectorize(spiky), vectorize(d_spiky))[0], SCALAR),
    "tanh": of(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "tiny": of(lambda x: x * 1e-40, lambda x: np.full_like(x, 1e-40)),
    "smaller than that": of(lambda x: x * 1e-310 * 1e310, lambda x: x * 1e-320 * 1e310),
    "huge": of(lambda x: x * 1e300, lambda x: x * x * x),
    "bool and integer": of(lambda x: x > 0, lambda x: np.sign(np.nan_to_num(x)).astype(int)),
    "float32": of(lambda x: x.astype(np.float32), lambda x: np.cos(x).astype(np.float32)),
}


@st.composite
def near_ties(draw, dtype, shape):
    """Doubles in the middle between two numbers of a type, and next to it."""
    x = wide(draw(arrays(dtype, shape)))
    # A quarter of a step below a power of two.
    steps = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.5, -0.5, -0.25])))
    towards = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0, np.inf, -np.inf])))
    with np.errstate(all="ignore"):
        ties = x + np.ldexp(steps, np.frexp(x)[1] - FORMATS[dtype][1])
        return np.where(towards == 0, ties, np.nextafter(ties, towards))


@st.composite
def points(draw):
    """Numbers, an upstream gradient, and an op: a known one, or one of any results whatever."""
    x = draw(any_array(sorted(FORMATS)))
    dtype, shape = x.dtype.name, x.shape
    upstream = draw(arrays(dtype, shape))
    if draw(st.booleans()):
        return x, upstream, OPS[draw(st.sampled_from(sorted(OPS)))]
    others = st.sampled_from(["float64", "float32", "int64"]).flatmap(lambda t: arrays(t, shape))
    results = st.one_of(near_ties(dtype, shape), others)
    return x, upstream, of(fixed(draw(results)), fixed(draw(results)))


def fixed(results):
    return lambda x: results.copy()


def assert_same_numbers(found, expected, dtype):
    """That they are the same, and the same bits where they are not NaN."""
    assert (found.dtype.name, found.shape) == (dtype, expected.shape)
    found = wide(found)
    same = (found == expected) & (np.signbit(found) == np.signbit(expected))
    assert np.all(same | np.isnan(found) & np.isnan(expected)), "%r is not %r" % (found, expected)


@settings(suppress_health_check=list(HealthCheck))
@given(points(), st.booleans())
@example(  # subnormals of float32 that are none of float64, on each thread
    (np.ones(1), np.ones(1), of(*[fixed(np.float32([1e-40]))] * 2)), True
)
def test_activation(drawn, static):
    x, upstream, (op_in, (f, df)) = drawn
    first = []

    def check(world):
        (y,), (g,) = world.run(op_in(world), x, static=static, upstream=[upstream])
        if not first:
            first.extend([y, g])
            for found, expected in [(y, model(f, x)), (g, model(df, x, upstream))]:
                assert_same_numbers(found, expected, x.dtype.name)
        assert_same_bits(y, first[0])  # those of NaN too
        assert_same_gradient(world, g, first[1])

    in_each_world(check)
