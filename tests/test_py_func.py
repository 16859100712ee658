"""The contract of py_func: each case in each world."""

import functools

import numpy as np
import pytest

from legacy_spiky._ops.versions import tf

X = np.float32([1, -2, 3])


def square(x):
    return x * x


def square_grad(op, grad):
    return 2 * op.inputs[0] * grad


class Squarer:
    def __call__(self, x):
        return x * x

    def method(self, x):
        return x * x

    def gradient(self, op, grad):
        return square_grad(op, grad)

    @staticmethod
    def static(x):
        return x * x

    @classmethod
    def klass(cls, x):
        return x * x


CALLABLES = {
    "function": square,
    "lambda": lambda x: x * x,
    "ufunc": np.square,
    "bound method": Squarer().method,
    "static method": Squarer.static,
    "class method": Squarer.klass,
    "object": Squarer(),
    "partial": functools.partial(lambda n, x: x**n, np.float32(2)),
    "partial of a method": functools.partial(Squarer().method),
    "np.vectorize with otypes": np.vectorize(square, otypes=[np.float32]),
}


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_callables(world, name, stateful):
    func = CALLABLES[name]

    def build(x):
        return world.py_func(func, [x], tf.float32, stateful=stateful, grad=square_grad)

    values, gradients = world.run(build, X)
    np.testing.assert_array_equal(values[0], X * X)
    np.testing.assert_array_equal(gradients[0], 2 * X)


GRADS = {
    "function": square_grad,
    "lambda": lambda op, grad: 2 * op.inputs[0] * grad,
    "bound method": Squarer().gradient,
    "partial": functools.partial(lambda n, op, grad: n * op.inputs[0] * grad, 2),
    "list": lambda op, grad: [2 * op.inputs[0] * grad],
    "tuple": lambda op, grad: (2 * op.inputs[0] * grad,),
    "array": lambda op, grad: 2 * X,
    "float64 array": lambda op, grad: 2 * X.astype(np.float64),
    "nested list of arrays": lambda op, grad: [2 * X],
}


@pytest.mark.parametrize("name", sorted(GRADS))
def test_what_a_gradient_may_return(world, name):
    _, gradients = world.run(lambda x: world.py_func(square, [x], tf.float32, grad=GRADS[name]), X)
    np.testing.assert_array_equal(gradients[0], 2 * X)


def test_gradient_reads_outputs_and_outer_tensors(world):
    def build(x):
        factor = tf.constant(3.0)
        return world.py_func(
            np.exp, [x], tf.float32, grad=lambda op, grad: factor * op.outputs[0] * grad
        )

    values, gradients = world.run(build, X)
    np.testing.assert_array_equal(gradients[0], 3 * values[0])


def test_gradient_of_the_outer_tensor(world):
    def build(x, scale):
        def grad(op, upstream):
            return upstream * scale, upstream * op.inputs[0]

        return world.py_func(lambda x, scale: x * scale, [x, scale], tf.float32, grad=grad)

    _, gradients = world.run(build, X, 2 * X)
    np.testing.assert_array_equal(gradients[0], 2 * X)
    np.testing.assert_array_equal(gradients[1], X)


def test_gradient_none(world):
    def build(a, b):
        return world.py_func(np.subtract, [a, b], tf.float32, grad=lambda op, grad: (grad, None))

    values, gradients = world.run(build, X, X)
    np.testing.assert_array_equal(gradients[0], np.ones(3))
    assert gradients[1] is None


def test_gradient_of_two_inputs(world):
    # The recipe's own example.
    def build(a, b):
        return world.py_func(
            np.subtract, [a, b], [tf.float32], grad=lambda op, grad: (+1 * grad, -1 * grad)
        )

    values, gradients = world.run(build, X, 2 * X)
    np.testing.assert_array_equal(values[0], -X)
    np.testing.assert_array_equal(gradients[0], np.ones(3))
    np.testing.assert_array_equal(gradients[1], -np.ones(3))


def test_no_grad_is_a_plain_py_func(world):
    values, gradients = world.run(lambda x: world.py_func(square, [x], tf.float32), X)
    np.testing.assert_array_equal(values[0], X * X)
    assert gradients == [None]


def cube(world):
    """x ** 3, whose gradients are py_func again, to any order."""

    def power(n, factor):
        def build(x):
            return world.py_func(
                lambda x: np.float32(factor) * x**n,
                [x],
                tf.float32,
                stateful=n == 3,
                grad=lambda op, grad: grad * power(n - 1, factor * n)(op.inputs[0]),
            )

        return build

    return power(3, 1)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_py_func_in_the_gradient(world, order):
    _, gradients = world.run(cube(world), X, order=order)
    expected = {1: 3 * X**2, 2: 6 * X, 3: np.full(3, 6)}[order]
    np.testing.assert_array_equal(gradients[0], expected)


TOUTS = {
    "tensor": (tf.float32, None),
    "numpy type": (np.float32, None),
    "numpy dtype": (np.dtype("float32"), None),
    "list": ([tf.float32], 1),
    "tuple": ((tf.float32,), 1),
    "list of a numpy type": ([np.float32], 1),
}


@pytest.mark.parametrize("grad", [None, square_grad])
@pytest.mark.parametrize("name", sorted(TOUTS))
def test_tout(world, name, grad):
    Tout, length = TOUTS[name]
    seen = []

    def build(x):
        result = world.py_func(square, [x], Tout, grad=grad)
        seen.append(result)
        return result

    values, _ = world.run(build, X)
    assert isinstance(seen[0], list) == (length is not None)
    np.testing.assert_array_equal(values[0], X * X)


def test_several_outputs_of_mixed_dtypes(world):
    def func(x):
        return x * x, np.argsort(x).astype(np.int64), x.astype(np.float64), x > 0

    upstreams = []

    def grad(op, *upstream):
        upstreams.append([None if g is None else g.dtype.name for g in upstream])
        return 2 * op.inputs[0] * upstream[0] + tf.cast(upstream[2], tf.float32)

    def build(x):
        return world.py_func(func, [x], [tf.float32, tf.int64, tf.float64, tf.bool], grad=grad)

    values, gradients = world.run(build, X)
    assert [value.dtype.name for value in values] == ["float32", "int64", "float64", "bool"]
    np.testing.assert_array_equal(values[1], [1, 0, 2])
    np.testing.assert_array_equal(gradients[0], 2 * X + 1)
    assert upstreams
    assert all(dtypes == ["float32", None, "float64", None] for dtypes in upstreams)


def test_integer_inputs(world):
    # What a gradient function gives for an integer is dropped, of any dtype.
    def build(x, n):
        return world.py_func(
            lambda x, n: x * n.astype(np.float32),
            [x, n],
            tf.float32,
            grad=lambda op, grad: (grad * tf.cast(op.inputs[1], tf.float32), grad),
        )

    values, gradients = world.run(build, X, np.int32([2, 3, 4]))
    np.testing.assert_array_equal(values[0], X * [2, 3, 4])
    np.testing.assert_array_equal(gradients[0], [2, 3, 4])


INPUTS = {
    "array": lambda: np.float32([4, 5, 6]),
    "number": lambda: 4.0,
    "integer": lambda: 4,
    "list": lambda: [4.0, 5.0, 6.0],
    "constant": lambda: tf.constant(4.0),
    "variable": lambda: tf.Variable([4.0, 5.0, 6.0]),
    "resource variable": lambda: tf.get_variable(
        "v", initializer=[4.0, 5.0, 6.0], use_resource=True
    ),
}


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_inputs(world, name):
    if name == "resource variable" and tf.VERSION < "1.1":
        pytest.skip("TensorFlow 1.0 has no resource variables")

    # A tf.function makes no variables, a graph holds its own.
    ready = INPUTS[name]() if world.eager else None

    def build(x):
        return world.py_func(
            lambda x, y: (x * y).astype(np.float32),
            [x, INPUTS[name]() if ready is None else ready],
            tf.float32,
            grad=lambda op, grad: (grad * tf.cast(op.inputs[1], tf.float32), None),
        )

    values, gradients = world.run(build, X)
    expected = np.float32([4, 5, 6]) if name.split()[-1] in ("array", "list", "variable") else 4
    np.testing.assert_array_equal(values[0], X * expected)
    np.testing.assert_array_equal(gradients[0], np.float32([1, 1, 1]) * expected)


def test_no_inputs(world):
    def grad(op, grad):
        raise AssertionError("nothing to differentiate")

    values, _ = world.run(lambda: world.py_func(lambda: X, [], tf.float32, grad=grad))
    np.testing.assert_array_equal(values[0], X)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3, 4, 5)])
@pytest.mark.parametrize("static", [True, False])
def test_shapes(world, shape, static):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    values, gradients = world.run(
        lambda x: world.py_func(square, [x], tf.float32, grad=square_grad), x, static=static
    )
    np.testing.assert_array_equal(values[0], x * x)
    np.testing.assert_array_equal(gradients[0], 2 * x)
    assert values[0].shape == gradients[0].shape == shape


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.complex64, np.bool_])
def test_other_dtypes(world, kind):
    x = np.array([0, 1], dtype=kind)
    values, _ = world.run(lambda x: world.py_func(lambda x: x, [x], x.dtype), x)
    np.testing.assert_array_equal(values[0], x)
    assert values[0].dtype == kind


def test_bytes_that_end_in_zeros(world):
    values, _ = world.run(lambda: world.py_func(lambda: b"ab\x00", [], tf.string))
    assert np.asarray(values[0], object)[()] == b"ab\x00"


def test_text(world):
    def func(texts, text):
        return np.array([t + text for t in texts], dtype=object)

    def build():
        return world.py_func(func, [tf.constant(["a", "b"]), tf.constant("c")], tf.string)

    values, _ = world.run(build)
    assert values[0].tolist() == [b"ac", b"bc"]


def test_arguments_are_the_function_s_own(world):
    def double_in_place(x):
        x *= 2
        return x

    def build(x):
        upstream = x + 1
        return [world.py_func(double_in_place, [upstream], tf.float32), tf.identity(upstream)]

    values, _ = world.run(build, X)
    np.testing.assert_array_equal(values[0], 2 * (X + 1))
    np.testing.assert_array_equal(values[1], X + 1)


def recorder(world, calls):
    """x ** 2 whose function and derivative say when they run."""

    def forward(x):
        calls.append("forward")
        return x * x

    def backward(x):
        calls.append("backward")
        return np.float32(2) * x

    def grad(op, upstream):
        return upstream * world.py_func(backward, [op.inputs[0]], tf.float32)

    def build(x):
        y = world.py_func(forward, [x], tf.float32, grad=grad)
        y.set_shape(x.get_shape())
        return y

    return build


STRAIGHT_THROUGH = {
    "upstream": lambda op, grad: grad,
    "outer tensor": lambda outer: lambda op, grad: outer,
    "input": lambda op, grad: op.inputs[0],
}


@pytest.mark.parametrize("name", sorted(STRAIGHT_THROUGH))
def test_function_runs_where_the_gradient_builds_nothing(world, name):
    calls = []

    def forward(x):
        calls.append("forward")
        return x

    def build(x):
        grad = STRAIGHT_THROUGH[name]
        grad = grad(x) if name == "outer tensor" else grad
        y = world.py_func(forward, [x], tf.float32, grad=grad)
        y.set_shape(x.get_shape())
        return y

    world.run(build, X, values=False)
    assert calls == ["forward"]


def test_complex_gradients(world):
    def build(x):
        y = world.py_func(np.square, [tf.cast(x, tf.complex64)], tf.complex64, grad=square_grad)
        return tf.cast(tf.real(y), tf.float32)

    _, gradients = world.run(build, X)
    np.testing.assert_array_equal(gradients[0], 2 * X)


@pytest.mark.parametrize("values", [True, False])
def test_function_runs_once_and_before_the_gradient(world, values):
    calls = []
    world.run(recorder(world, calls), X, values=values)
    assert calls == ["forward", "backward"]


@pytest.mark.parametrize("values", [True, False])
def test_function_runs_before_the_gradient_in_control_flow(world, values):
    calls = []
    op = recorder(world, calls)
    world.run(lambda x: tf.cond(x[0] > 0, lambda: op(x), lambda: -op(x)), X, values=values)
    assert calls == ["forward", "backward"]
    del calls[:]
    world.run(lambda x: tf.map_fn(op, x, parallel_iterations=1), X, values=values)
    assert calls == 3 * ["forward"] + 3 * ["backward"]


# Control flow: the loss is a sum of squares, cubes ... of x.


def squared(world, x):
    y = world.py_func(square, [x], tf.float32, grad=square_grad)
    y.set_shape(x.get_shape())
    return y


def in_while_loop(world, x):
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, squared(world, y)), [0, x])[1]


def in_cond(world, x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: squared(world, x), lambda: -squared(world, x))


def in_other_branch(world, x):
    return tf.cond(tf.reduce_sum(x) < 0, lambda: squared(world, x), lambda: -squared(world, x))


def in_map_fn(world, x):
    return tf.map_fn(lambda element: squared(world, element), x)


def in_scan(world, x):
    return tf.scan(lambda total, element: total + squared(world, element), x)


def in_cond_in_while_loop(world, x):
    def body(i, y):
        return i + 1, tf.cond(tf.equal(i, 1), lambda: squared(world, y), lambda: y * 1)

    return tf.while_loop(lambda i, y: i < 3, body, [0, x])[1]


CONTROL_FLOW = {
    in_while_loop: (X**8, 8 * X**7),
    in_cond: (X**2, 2 * X),
    in_other_branch: (-(X**2), -2 * X),
    in_map_fn: (X**2, 2 * X),
    in_scan: ([1, 5, 14], [2 * 3 - 3, -8, 6]),
    in_cond_in_while_loop: (X**2, 2 * X),
}


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("build", sorted(CONTROL_FLOW, key=lambda b: b.__name__))
def test_control_flow(world, build, static):
    value, gradient = CONTROL_FLOW[build]
    values, gradients = world.run(lambda x: build(world, x), X, static=static)
    np.testing.assert_array_equal(values[0], value)
    np.testing.assert_array_equal(gradients[0], gradient)


# Errors, with their wording.


def wrong_gradient(op, grad):
    raise ValueError("my own text")


BUILDING = {
    "func": (dict(func=3), TypeError, ["func must be a function", "got 3 (int)"]),
    "func is text": (dict(func="square"), TypeError, ["func must be", "got 'square' (str)"]),
    "grad": (dict(grad=3), TypeError, ["grad must be a function", "got 3 (int)"]),
    "inp": (dict(inp=X), TypeError, ["inp must be a list or tuple", "square (", __file__]),
    "None in inp": (dict(inp=[X, None]), TypeError, ["inp of square (", "None among its inputs"]),
    "inp is a number": (dict(inp=1.0), TypeError, ["inp must be a list or tuple", "(float)"]),
    "Tout": (dict(Tout="nonsense"), TypeError, ["Tout of square (", "nonsense"]),
    "Tout is missing": (dict(Tout=[None]), TypeError, ["None"]),
}


@pytest.mark.parametrize("name", sorted(BUILDING))
def test_wrong_arguments(world, name):
    change, kind, words = BUILDING[name]
    arguments = dict(dict(func=square, inp=[X], Tout=tf.float32, grad=square_grad), **change)
    with pytest.raises(kind) as error:
        world.run(lambda: world.py_func(**arguments))
    for word in words:
        assert word in str(error.value)


RUNNING = {
    "dtype": (
        lambda x: x.astype(np.float64),
        tf.float32,
        ["result 0 of <lambda> (", "is float64, but Tout promises float32"],
    ),
    "dtype of a number": (lambda x: 1.0, tf.float32, ["is float64, but Tout promises"]),
    "dtype of the second": (
        lambda x: (x, x),
        [tf.float32, tf.int32],
        ["result 1 of <lambda> (", "is float32, but Tout promises int32"],
    ),
    "text": (lambda x: "text", tf.float32, ["is <U4, but Tout promises float32"]),
    "objects": (lambda x: np.array([None]), tf.float32, ["is object, but Tout promises float32"]),
    "too many": (
        lambda x: [x, x],
        [tf.float32],
        ["<lambda> (", "returned 2 results, but Tout promises 1 (float32)", "a list or tuple"],
    ),
    "too few": (lambda x: x, [tf.float32, tf.int32], ["returned 1 results", "2 (float32, int32)"]),
    "masked": (
        lambda x: np.ma.masked_less(x, 2),
        tf.float32,
        ["result 0 of <lambda> (", "is a masked array, whose mask would be lost"],
    ),
    "none": (lambda x: None, tf.float32, ["is None, but Tout promises float32"]),
    "empty": (lambda x: [], tf.float32, ["returned 0 results, but Tout promises 1"]),
    "exception": (lambda x: {}["my own text"], tf.float32, ["my own text"]),
}


@pytest.mark.parametrize("name", sorted(RUNNING))
@pytest.mark.parametrize("stateful", [True, False])
def test_wrong_results(world, name, stateful):
    func, Tout, words = RUNNING[name]
    with pytest.raises(world.ERRORS) as error:
        world.run(lambda x: world.py_func(func, [x], Tout, stateful), X)
    for word in words + ([] if name == "exception" else [__file__]):
        assert word in str(error.value)


GRADIENTS = {
    "too many": (
        lambda op, grad: (grad, grad),
        ValueError,
        ["<lambda> (", "returned 2 gradients for the 1 inputs of", "one for each input"],
    ),
    "none": (lambda op, grad: [], ValueError, ["returned 0 gradients for the 1 inputs of"]),
    "shape": (
        lambda op, grad: tf.ones([2]),
        ValueError,
        ["gradient 0 of <lambda> (", "has shape (2,), but the input has shape (3,)"],
    ),
    "scalar": (lambda op, grad: np.float32(1), ValueError, ["shape (), but the input has shape"]),
    "rank": (lambda op, grad: 1.0, ValueError, ["has shape (), but the input has shape (3,)"]),
    "array": (
        lambda op, grad: np.ones((3, 1)),
        ValueError,
        ["has shape (3, 1), but the input has shape (3,)"],
    ),
    "dtype": (
        lambda op, grad: tf.cast(op.inputs[0], tf.float64),
        TypeError,
        ["gradient 0 of <lambda> (", "dtype float64, but the input has dtype float32"],
    ),
    "complex": (
        lambda op, grad: np.array([1j, 1, 1]),
        TypeError,
        ["gradient 0 of <lambda> (", "dtype complex128, but the input has dtype float32"],
    ),
    "exception": (wrong_gradient, ValueError, ["my own text"]),
    "text": (lambda op, grad: "text", TypeError, ["gradient 0 of <lambda> (", "is <U4, but the"]),
}


@pytest.mark.parametrize("name", sorted(GRADIENTS))
def test_wrong_gradients(world, name):
    grad, kind, words = GRADIENTS[name]
    with pytest.raises(kind) as error:
        world.run(lambda x: world.py_func(square, [x], tf.float32, grad=grad), X)
    for word in words + ([] if name == "exception" else [__file__]):
        assert word in str(error.value)


# Promised shapes.

SHAPES = {
    "all of it": [3],
    "tuple": (3,),
    "None": None,
    "unknown size": [None],
    "TensorShape": tf.TensorShape([3]),
}


@pytest.mark.parametrize("name", sorted(SHAPES))
@pytest.mark.parametrize("several", [True, False])
def test_promised_shapes(world, name, several):
    shape, static = SHAPES[name], []

    def build(x):
        Tout, shapes = ([tf.float32], [shape]) if several else (tf.float32, shape)
        y = world.py_func(square, [x], Tout, grad=square_grad, shapes=shapes)
        y = y[0] if several else y
        static.append(y.get_shape())
        return y

    (value,), (gradient,) = world.run(build, X, static=False)
    np.testing.assert_array_equal(value, X**2)
    np.testing.assert_array_equal(gradient, 2 * X)
    if not (world.eager and world.function is None):
        assert static[0].as_list() == list(shape) if shape is not None else static[0].ndims is None


def test_a_promised_scalar(world):
    def build(x):
        y = world.py_func(np.sum, [x], tf.float32, shapes=[])
        assert y.get_shape().as_list() == []
        return y

    assert world.run(build, X)[0] == [X.sum()]


WRONG_SHAPES = [
    (lambda x: x[:2], [3], "(2,)", "(3,)"),
    (lambda x: x[:, None], [None], "(3, 1)", "("),
    (lambda x: x[0], [3], "()", "(3,)"),
    (lambda x: x, [], "(3,)", "()"),
]


@pytest.mark.parametrize("func, promised, came, words", WRONG_SHAPES)
def test_a_result_of_another_shape_than_was_promised(world, func, promised, came, words):
    with pytest.raises(world.ERRORS) as error:
        world.run(lambda x: world.py_func(func, [x], tf.float32, shapes=promised), X)
    text = str(error.value)
    assert "result 0 of <lambda> (%s:%d)" % (__file__, func.__code__.co_firstlineno) in text
    assert "has shape %s, but shapes promises %s" % (came, words) in text


def test_shapes_that_are_none(world):
    for Tout, shapes, words in [
        ([tf.float32], [], "it must be a list of 1"),
        ([tf.float32], [[3], [3]], "it must be a list of 1"),
        ([tf.float32], 3, "it must be a list of 1"),
        (tf.float32, "three", "a shape is a list of numbers, as [None, 3] or []"),
        ([tf.float32], [["a"]], "a shape is a list of numbers, as [None, 3] or []"),
    ]:
        with pytest.raises((TypeError, ValueError)) as error:
            world.run(lambda x: world.py_func(square, [x], Tout, shapes=shapes), X)  # noqa: B023
        assert "shapes of square (%s:" % __file__ in str(error.value)
        assert words in str(error.value)


# Words of the helper's copies.


def test_grad_func(world):
    build = functools.partial(world.py_func, square, Tout=tf.float32, grad_func=square_grad)
    _, (gradient,) = world.run(lambda x: build([x]), X)
    np.testing.assert_array_equal(gradient, 2 * X)


def test_grad_and_grad_func(world):
    with pytest.raises(TypeError) as error:
        world.py_func(square, [X], tf.float32, grad=square_grad, grad_func=square_grad)
    assert "py_func of square (%s:" % __file__ in str(error.value)
    assert "got both grad and grad_func, which are the same" in str(error.value)


def test_an_unknown_argument(world):
    with pytest.raises(TypeError) as error:
        world.py_func(square, [X], tf.float32, my_grad_func=square_grad)
    assert str(error.value).endswith(
        "has no argument 'my_grad_func': it takes func, inp, Tout, stateful, name, grad (or "
        "grad_func) and shapes"
    )


@pytest.mark.parametrize("dtype", [tf.qint8, tf.quint8, tf.qint32])
def test_a_quantized_type(world, dtype):
    for Tout in (dtype, [tf.float32, dtype]):
        with pytest.raises(TypeError) as error:
            world.py_func(square, [X], Tout)
        assert "Tout of square (%s:" % __file__ in str(error.value)
        assert "no NumPy array is %s: return integers" % dtype.name in str(error.value)


def test_the_inputs_of_an_op(world):
    """TensorFlow 1 has a type of its own for them."""

    def grad(op, upstream):
        return upstream * world.py_func(lambda x: 2 * x, op.inputs, tf.float32)

    _, (gradient,) = world.run(lambda x: world.py_func(square, [x], tf.float32, grad=grad), X)
    np.testing.assert_array_equal(gradient, 2 * X)
