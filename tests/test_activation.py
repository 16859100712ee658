"""The contract of activation and tf_spiky: each case in each world."""

import math
import threading
import warnings

import numpy as np
import pytest

import legacy_spiky
from legacy_spiky import d_spiky, np_d_spiky, np_spiky, spiky, vectorize
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf

ALL_DTYPES = ["float16", "bfloat16", "float32", "float64"]
DTYPES = [dtype.name for dtype in versions.FLOATING]

# On each boundary and next to it. In float32 the number below -0.5 is -0.50000006, the one
# above is the one that the float32 formula gets wrong.
EDGES = np.array(
    [0.0, -0.0, 0.2, 0.5, 0.7, 1.0, 1.2, 1.5, -0.5, -1.0, -1e-30, 1e30, np.inf, -np.inf, np.nan],
    np.float32,
)
EDGES = np.concatenate(
    [EDGES, np.nextafter(EDGES, np.float32(-np.inf)), np.nextafter(EDGES, np.float32(np.inf))]
)
TINY = np.float32(2.0**-126)


def flushed(x):
    """What an op sees of a float32, in plain Python."""
    return math.copysign(0.0, x) if abs(x) < TINY else x


def swish(x):
    return x / (1 + math.exp(-x))


def d_swish(x):
    s = 1 / (1 + math.exp(-x))
    return s + x * s * (1 - s)


def as_dtype(x, dtype):
    """An array in a dtype of TensorFlow's; TensorFlow 1's bfloat16 casts from float32 alone."""
    x = np.asarray(x)
    x = x.astype(np.float32) if dtype == "bfloat16" else x
    return x.astype(tf.as_dtype(dtype).as_numpy_dtype)


def wide(x):
    """A floating array as float64."""
    with np.errstate(invalid="ignore"):  # signalling NaN
        return x.astype(np.float32 if x.dtype.itemsize == 2 else x.dtype).astype(np.float64)


def bits(x):
    kind = {2: np.uint16, 4: np.uint32, 8: np.uint64}[x.dtype.itemsize]
    return np.ascontiguousarray(x).view(kind)


def test_spiky_on_the_edges(world):
    values, gradients = world.run(world.tf_spiky, EDGES)
    expected = np.float32([spiky(flushed(x)) for x in EDGES.tolist()])
    np.testing.assert_array_equal(bits(values[0]), bits(expected))
    expected = np.float32([d_spiky(flushed(x)) for x in EDGES.tolist()])
    np.testing.assert_array_equal(bits(gradients[0]), bits(expected))


def test_d_spiky_on_the_edges(world):
    values, gradients = world.run(world.tf_d_spiky, EDGES)
    expected = np.float32([d_spiky(flushed(x)) for x in EDGES.tolist()])
    np.testing.assert_array_equal(bits(values[0]), bits(expected))
    np.testing.assert_array_equal(gradients[0], np.zeros(len(EDGES)))


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype.endswith("16")])
def test_every_16_bit_number(world, dtype):
    x = np.arange(1 << 16, dtype=np.uint16).view(tf.as_dtype(dtype).as_numpy_dtype)
    values, gradients = world.run(world.tf_spiky, x)
    seen = wide(x).tolist()
    if dtype == "bfloat16":
        seen = [flushed(number) for number in seen]
    for result, function in [(values[0], spiky), (gradients[0], d_spiky)]:
        expected = as_dtype([function(number) for number in seen], dtype)
        np.testing.assert_array_equal(bits(result), bits(expected))


def test_float64_next_to_the_edges(world):
    x = EDGES.astype(np.float64)
    with np.errstate(under="ignore"):
        x = np.concatenate([x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf), [1e300, -1e-300]])
    values, gradients = world.run(world.tf_spiky, x)
    least = 2.0**-1022
    seen = [math.copysign(0.0, number) if abs(number) < least else number for number in x.tolist()]
    np.testing.assert_array_equal(bits(values[0]), bits(np.float64([spiky(x) for x in seen])))
    np.testing.assert_array_equal(bits(gradients[0]), bits(np.float64([d_spiky(x) for x in seen])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (2, 3, 1, 2)])
@pytest.mark.parametrize("static", [True, False])
def test_dtypes_and_shapes(world, dtype, shape, static):
    x = as_dtype(np.arange(np.prod(shape)).reshape(shape) / 8, dtype)
    shapes = []

    def build(x):
        y = world.tf_spiky(x)
        shapes.append((x.get_shape(), y.get_shape()))
        return y

    values, gradients = world.run(build, x, static=static)
    for result, function in [(values[0], np_spiky), (gradients[0], np_d_spiky)]:
        assert result.dtype == x.dtype
        assert result.shape == shape
        np.testing.assert_array_equal(bits(result), bits(np.asarray(function(x))))
    assert str(shapes[0][0]) == str(shapes[0][1])


def test_partly_known_shape(world):
    assert world.shape_of(world.tf_spiky, [None, 3]) == [None, 3]
    assert world.shape_of(world.activation(np.tanh, np.cos), [None, 3]) == [None, 3]


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalar_functions_are_rounded_once(world, dtype):
    op = world.activation(vectorize(swish), vectorize(d_swish))
    x = as_dtype(np.random.RandomState(0).randn(1000), dtype)
    values, gradients = world.run(op, x)
    for result, function in [(values[0], swish), (gradients[0], d_swish)]:
        exact = np.float64([function(number) for number in wide(x).tolist()])
        if dtype == "bfloat16":
            # Of the bfloat16 below and above the exact result, the nearer: no tie in this data.
            below = (exact.view(np.uint64) >> 45 << 45).view(np.float64)
            above = ((exact.view(np.uint64) >> 45 << 45) + (1 << 45)).view(np.float64)
            assert not np.any(exact - below == above - exact)
            expected = np.where(np.abs(exact - below) < np.abs(above - exact), below, above)
            np.testing.assert_array_equal(wide(result), expected)
        else:
            np.testing.assert_array_equal(bits(result), bits(exact.astype(dtype)))


REAL_RESULTS = {
    "bool": lambda x: x > 0,
    "integer": lambda x: np.sign(x).astype(np.int64),
    "float64": lambda x: np.float64(x) / 3,
    "float16": lambda x: np.float16(x),
    "not contiguous": lambda x: np.stack([x, x])[::-1].T[:, 0],
    "read-only": lambda x: np.broadcast_to(np.float32(1), x.shape),
    "its argument": lambda x: x,
    "bfloat16": lambda x: as_dtype(x, "bfloat16"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(REAL_RESULTS))
def test_real_results_are_rounded(world, name, dtype):
    function = REAL_RESULTS[name]
    x = as_dtype([1.0, -2.0, 0.0, 7.0], dtype)
    values, _ = world.run(world.activation(function, function), x)
    expected = function(np.float64([1, -2, 0, 7]))
    expected = wide(expected) if name == "bfloat16" else expected
    assert values[0].dtype == x.dtype
    np.testing.assert_array_equal(wide(values[0]), wide(as_dtype(expected, dtype)))


def test_upstream_gradient(world):
    x = np.float32([0.2, 0.7, 1.2])
    _, gradients = world.run(lambda x: world.tf_spiky(x) * [2.0, 3.0, -4.0], x)
    np.testing.assert_array_equal(gradients[0], np.float32([2, 0, -4]))


@pytest.mark.parametrize("order", [2, 3, 4])
def test_spiky_s_higher_derivatives_are_zero(world, order):
    _, gradients = world.run(world.tf_spiky, EDGES, order=order)
    np.testing.assert_array_equal(gradients[0], np.zeros(len(EDGES)))


def test_second_derivative(world):
    op = world.activation(lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x)
    x = np.float32([1, 2, -3])
    for order, expected in [(1, 3 * x**2), (2, 6 * x)]:
        _, gradients = world.run(op, x, order=order)
        np.testing.assert_array_equal(gradients[0], expected)


def test_second_derivative_of_a_square(world):
    # d/dx (2 y y') with y = x**2: 12 x**2, through the product rule.
    op = world.activation(lambda x: x**2, lambda x: 2 * x, lambda x: np.full_like(x, 2))
    x = np.float32([1, 2, -3])
    _, gradients = world.run(lambda x: op(x) * op(x), x, order=2)
    np.testing.assert_array_equal(gradients[0], 12 * x**2)


def test_second_derivative_that_was_not_given(world):
    op = world.activation(vectorize(swish), vectorize(d_swish))
    with pytest.raises(world.REFUSED) as error:
        world.run(op, np.float32([1]), order=2, values=False)
    assert "the second derivative of swish (" in str(error.value)
    assert "activation(f, df); give d2f too" in str(error.value)


def test_forward_mode_needs_no_second_derivative(graph_mode):
    """The gradient for the upstream gradient: a Jacobian times a vector."""
    op = legacy_spiky.activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    x, v = tf.constant([0.5, -1.0]), tf.constant([2.0, 3.0])
    u = tf.zeros(2)
    (product,) = tf.gradients(tf.gradients(op(x), x, u), u, v)
    expected = np.float32(1 - np.tanh([0.5, -1.0]) ** 2) * np.float32([2, 3])
    np.testing.assert_array_equal(graph_mode.run(product), expected)
    with pytest.raises(NotImplementedError, match="second derivative of tanh"):
        tf.gradients(tf.gradients(op(x), x), x)


def test_a_first_derivative_alone_needs_no_function(graph_mode):
    """An activation's derivative is of its input: nothing waits for the function."""
    seen = []
    op = legacy_spiky.activation(lambda x: seen.append("f") or x, lambda x: np.ones_like(x))
    x = tf.constant([1.0])
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(op(x), x)[0]), [1])
    assert seen == []


@pytest.mark.parametrize("upstream", [2.0**-127, -(2.0**-149), 1.0, np.nan, np.inf])
def test_subnormal_upstream_gradients_count_as_zero(world, upstream):
    x = np.float32([0.25, 0.75])
    for op in (world.tf_spiky, world.activation(np_spiky, lambda x: np_d_spiky(x))):
        _, gradients = world.run(lambda x: op(x) * np.float32(upstream), x)  # noqa: B023
        with np.errstate(invalid="ignore"):  # infinity times 0
            expected = flushed(upstream) * np.float32([1, 0])
        np.testing.assert_array_equal(gradients[0], expected)


def test_arithmetic_is_the_same_on_each_thread(world):
    """Of doubles that TensorFlow's own threads flush to zero."""

    def f(x):
        return x * 1e-310 * 1e310

    for function in (f, vectorize(f)):
        values, gradients = world.run(world.activation(function, function), np.float32([1]))
        np.testing.assert_array_equal(values + gradients, np.float32([[f(1.0)]] * 2))


def test_results_in_float32_are_the_same_on_each_thread(world):
    small = np.float32([1e-40, -1e-45, 1])
    op = world.activation(lambda x: small.copy(), lambda x: small.copy())
    values, gradients = world.run(op, np.float64([1, 2, 3]))
    np.testing.assert_array_equal(values + gradients, [small, small])


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_products_at_the_least_normal_number_are_the_same_on_each_thread(world, dtype):
    """Halfway between it and the next one below, a subnormal: half to even is the normal one."""
    if tf.as_dtype(dtype) not in versions.FLOATING:
        pytest.skip("py_func learned bfloat16 in TensorFlow 1.15")
    precision, least = {"bfloat16": (8, -126), "float32": (24, -126), "float64": (53, -1022)}[dtype]
    slope, least = 1 - 2.0**-precision, 2.0**least
    for df in (lambda x: np.full_like(x, slope), vectorize(lambda x: slope)):
        _, gradients = world.run(
            world.activation(np.sin, df),
            as_dtype([0.0], dtype),
            upstream=[as_dtype([least], dtype)],
        )
        assert wide(gradients[0]).tolist() == [least]


def test_third_derivative(world):
    op = world.activation(np.exp, np.exp, np.exp)
    with pytest.raises(world.REFUSED) as error:
        world.run(op, np.float32([1]), order=3, values=False)
    assert "the third derivative of exp was asked for" in str(error.value)


def test_dtypes():
    """Where this TensorFlow's py_func takes them."""
    version = tuple(int(number) for number in tf.VERSION.split(".")[:2])
    since = {"float16": (1, 4), "bfloat16": (1, 15)}
    assert DTYPES == [dtype for dtype in ALL_DTYPES if version >= since.get(dtype, (1, 0))]


@pytest.mark.parametrize(
    "dtype",
    ["int32", "int64", "bool", "complex64"] + [d for d in ALL_DTYPES if d not in DTYPES],
)
def test_other_dtypes(world, dtype):
    for op in [world.tf_spiky, world.tf_d_spiky, world.activation(np.tanh, np.cos)]:
        with pytest.raises(TypeError) as error:
            world.run(lambda x, op=op: op(tf.cast(x, dtype)), np.float32([0, 1]))
        assert ", ".join(DTYPES[:-1]) + " or float64" in str(error.value)
        assert "got " + dtype in str(error.value)
        assert ("cast it first: tf.cast(x, tf.float32)" in str(error.value)) == (
            dtype != "complex64"
        )


def test_text(world):
    with pytest.raises(TypeError) as error:
        world.run(lambda: world.tf_spiky(tf.constant("text")))
    assert "got string" in str(error.value)


@pytest.mark.parametrize("role", ["f", "df", "d2f"])
def test_not_callable(world, role):
    functions = dict(f=np.sin, df=np.cos, d2f=None)
    functions[role] = 3
    with pytest.raises(TypeError) as error:
        world.activation(**functions)
    assert str(error.value) == role + " must be a function or another callable, got 3 (int)"


def test_np_vectorize(world):
    # It would take its dtype from the first element, silently.
    for functions, role in [
        ((np.vectorize(spiky), np_d_spiky), "f"),
        ((np_spiky, np.vectorize(d_spiky)), "df"),
        ((np_spiky, np_d_spiky, np.vectorize(d_spiky)), "d2f"),
    ]:
        with pytest.raises(TypeError) as error:
            world.activation(*functions)
        assert str(error.value).startswith(role + " is np.vectorize of ")
        assert "takes its dtype from the first element" in str(error.value)
        assert "give legacy_spiky.vectorize of it instead" in str(error.value)
    op = world.activation(np.vectorize(spiky, otypes=[float]), np_d_spiky)
    values, _ = world.run(op, np.float32([0.75, 0.25]))
    np.testing.assert_array_equal(values[0], [0, 0.25])


def leaky_step(x):
    return 1.0 if x > 0 else 0.1 * x


WRONG = {
    "if": (
        leaky_step,
        ["leaky_step (", "seems to take one number", "wrap it in legacy_spiky.vectorize"],
    ),
    "math": (
        lambda x: math.exp(x),
        ["<lambda> (", "seems to take one number", "legacy_spiky.vectorize"],
    ),
    "a number": (lambda x: 1.0, ["returned shape () for an input of shape (3,)", "element by"]),
    "shape": (lambda x: x[:2], ["returned shape (2,) for an input of shape (3,)"]),
    "rank": (lambda x: x[None], ["returned shape (1, 3) for an input of shape (3,)"]),
    "complex": (lambda x: x * 1j, ["returned complex", "real numbers"]),
    "masked": (lambda x: np.ma.masked_less(x, 2), ["masked array, whose mask would be lost"]),
    "ragged": (lambda x: [[1.0], [1.0, 2.0], []], []),
    "text": (lambda x: np.array(["a"] * 3), ["returned <U1", "real numbers"]),
    "objects": (lambda x: np.array([None] * 3), ["returned object", "real numbers"]),
    "nothing": (lambda x: None, ["returned None", "real numbers"]),
    "exception": (lambda x: {}["my own text"], ["my own text"]),
}


@pytest.mark.parametrize("name", sorted(WRONG))
@pytest.mark.parametrize("where", ["value", "gradient"])
def test_wrong_functions(world, name, where):
    function, words = WRONG[name]
    functions = (function, np.cos) if where == "value" else (np.sin, function)
    with pytest.raises(world.ERRORS) as error:
        world.run(world.activation(*functions), np.float32([1, 2, 3]))
    for word in words + ([] if name == "exception" else [__file__]):
        assert word in str(error.value)


TIES = {"float16": -11, "bfloat16": -8, "float32": -24}


@pytest.mark.parametrize("kind", ["int64", "uint64", "longdouble"])
@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype in TIES])
def test_what_no_double_holds_is_rounded_once(world, dtype, kind):
    """Above a tie by less than a double can tell: results, and gradients that are arrays."""
    if kind == "longdouble":
        scale, little = np.longdouble(1), np.longdouble(2) ** -60
        if scale + little == scale:
            pytest.skip("a longdouble is a double here")
        result = np.array([scale + np.longdouble(2) ** TIES[dtype] + little])
    else:
        scale = 2**60
        result = np.array([scale + (scale >> -TIES[dtype]) + 1]).astype(kind)
    expected = float(scale) * (1 + 2.0 ** (TIES[dtype] + 1))
    if dtype == "float16" and kind != "longdouble":
        expected = np.inf
    x = as_dtype([0.0], dtype)
    for f in (lambda x: result, vectorize(lambda x: result[0], compile=False)):
        values, gradients = world.run(world.activation(f, f), x)
        assert wide(values[0]) == wide(gradients[0]) == expected
    if (dtype, expected) == ("float16", np.inf):
        return
    _, gradients = world.run(
        lambda x: world.py_func(lambda x: x, [x], x.dtype, grad=lambda op, g: result), x
    )
    assert gradients[0].dtype == x.dtype and wide(gradients[0]) == expected


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype == "bfloat16"])
def test_bfloat16_is_rounded_once(world, dtype):
    # Above a tie of bfloat16, by less than float32 can tell.
    op = world.activation(*[vectorize(lambda x: 1 + 2.0**-8 + 2.0**-30)] * 2)
    values, gradients = world.run(op, as_dtype([0.0], dtype))
    assert wide(values[0]) == wide(gradients[0]) == 1 + 2.0**-7


def test_array_functions_see_doubles(world):
    # In float32 the square would be a subnormal, which the thread might flush.
    op = world.activation(lambda x: x * x * 1e30, lambda x: 2 * x * 1e30)
    values, _ = world.run(op, np.float32([1e-21]))
    exact = np.float32(1e-21).item()
    assert values[0] == np.float32(exact * exact * 1e30)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: round(x),
        lambda x: float("%.2f" % x),
        lambda x: 1.0 if x.is_integer() else 0.0,
        lambda x: {0.0: 1.0}.get(x, 0.0),
        lambda x: float("{:.2f}".format(x)),
        lambda x: len(range(x)),
    ],
)
def test_functions_of_a_number_are_recognised(world, function):
    with pytest.raises(world.ERRORS) as error:
        world.run(world.activation(function, np.cos), np.float32([1, 2, 3]))
    assert "wrap it in legacy_spiky.vectorize" in str(error.value)


@pytest.mark.parametrize("name", ["bad name!", 3, "-"])
def test_wrong_names(world, name):
    with pytest.raises(ValueError) as error:
        world.activation(np.sin, np.cos, name=name)
    assert "name must be one that TensorFlow takes" in str(error.value)
    assert repr(name) in str(error.value)


def test_function_of_a_number_in_vectorize(world):
    op = world.activation(vectorize(leaky_step), vectorize(lambda x: 0.0 if x > 0 else 0.1))
    values, gradients = world.run(op, np.float32([1, -2]))
    np.testing.assert_array_equal(values[0], np.float32([1, -0.2]))
    np.testing.assert_array_equal(gradients[0], np.float32([0, 0.1]))


def test_vectorize_names_the_number(world):
    op = world.activation(vectorize(lambda x: "text" if x > 1 else x), np.cos)
    with pytest.raises(world.ERRORS) as error:
        world.run(op, np.float32([1, 2, 3]))
    assert "returned 'text' (str) for x = 2.0; expected a real number" in str(error.value)
    assert __file__ in str(error.value)


SMALL = np.float32([2.0**-126, 2.0**-127, 2.0**-149, 0.0])
SMALL = np.concatenate([SMALL, -SMALL, np.nextafter(SMALL, 1), np.nextafter(SMALL, -1)])


def test_subnormal_inputs_count_as_zero(world):
    seen = []

    def function(x):
        seen.append(x.copy())
        return x

    world.run(world.activation(function, np.ones_like), SMALL, values=True)
    expected = np.float64([flushed(x) for x in SMALL.tolist()])
    np.testing.assert_array_equal(bits(seen[0]), bits(expected))


@pytest.mark.parametrize("way", ["array function", "scalar function"])
def test_subnormal_results_count_as_zero(world, way):
    # Those that round to the least normal number are that number, on each thread.
    least, below = 2.0**-126, 2.0**-126 - 2.0**-151
    results = [least, below, np.nextafter(below, 0), 2.0**-127, 2.0**-149, 0.0]
    results = np.array(results + [-x for x in results])
    expected = np.float32(2 * [least, least, 0, 0, 0, 0]) * np.repeat(np.float32([1, -1]), 6)

    def function(x):
        return results[int(x)] if way == "scalar function" else results

    op = world.activation(*[vectorize(function) if way == "scalar function" else function] * 2)
    values, gradients = world.run(op, np.arange(12, dtype=np.float32))
    np.testing.assert_array_equal(bits(values[0]), bits(expected))
    np.testing.assert_array_equal(gradients[0], expected)  # a tape may add 0 to -0


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype == "float16"])
def test_float16_keeps_its_subnormals(world, dtype):
    x = as_dtype([2.0**-24, -(2.0**-15)], dtype)
    values, _ = world.run(world.activation(lambda x: x, np.ones_like), x)
    np.testing.assert_array_equal(values[0], x)


def test_names(world):
    if not hasattr(world, "name_of"):
        pytest.skip("a name is a graph's")
    for op, name, expected in [
        (world.tf_spiky, None, "spiky"),
        (world.tf_d_spiky, None, "d_spiky"),
        (world.tf_spiky, "mine", "mine"),
        (world.activation(np.tanh, np.cos), None, "tanh"),
        (world.activation(np.tanh, np.cos, name="mine"), None, "mine"),
        (world.activation(np.tanh, np.cos, name="mine"), "other", "other"),
        (world.activation(lambda x: x, np.ones_like), None, "activation"),
        (world.activation(vectorize(swish), np.cos), None, "swish"),
    ]:
        assert world.name_of(op, name) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_user_s_errstate_and_warnings_are_for_the_user_s_functions(world, dtype):
    """NaN, infinities, overflow, underflow and subnormals, in each place there is."""
    with np.errstate(under="ignore"):
        numbers = as_dtype(np.float32([np.nan, np.inf, 6e4, 1e-7, 0, 1.5]), dtype)
    huge, tiny = np.full(6, 1e308), np.full(6, 1e-308)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", ".* runs in the interpreter, number by number")
        for f in (lambda x: x, lambda x: huge, lambda x: tiny):
            for g in (f, vectorize(lambda x, f=f: f(x * np.ones(6))[0], compile=False)):
                op = world.activation(g, g)
                values, gradients = world.run(op, numbers, upstream=[numbers])
                assert values[0].dtype == gradients[0].dtype == numbers.dtype
        values, _ = world.run(world.tf_spiky, numbers, upstream=[numbers])
    np.testing.assert_array_equal(bits(values[0]), bits(np_spiky(numbers)))


def test_the_user_s_function_sees_the_errstate_of_its_thread(world):
    seen, default = [], []
    thread = threading.Thread(target=lambda: default.append(np.geterr()))
    thread.start()
    thread.join()

    def f(x):
        seen.append((threading.get_ident() == here, np.geterr()))
        return x

    here = threading.get_ident()
    with np.errstate(all="raise", under="warn"):
        states = {True: np.geterr(), False: default[0]}
        for g in (f, vectorize(f, compile=False)):
            world.run(world.activation(g, g), np.float32([1]))
    assert len(seen) >= 4 and all(state == states[mine] for mine, state in seen)
    if not (world.eager and world.function is None):
        return
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        world.run(world.activation(lambda x: x / 0, lambda x: x), np.float32([1]))
