"""Legacy gradient functions: code that builds a graph, and means the same in every mode."""

import functools
import inspect
import threading

import numpy as np
import pytest
import recipe
from worlds import Session

import legacy_spiky
from legacy_spiky._ops.versions import tf

X = np.float32([[1, 2], [3, 4], [5, 6]])
EARLY = tf.py_func  # the name imported early


def cube(x):
    return x**3


def slope(x):
    return 3 * x**2


def early(x):
    return EARLY(slope, [x], [tf.float32])[0]


class Layer:
    dtypes = [tf.float32]

    def slope(self, x):
        return tf.py_func(slope, [x], self.dtypes)[0]


def of_two(x):
    twice, once = tf.py_func(lambda x: (6 * x**2, slope(x)), [x], [tf.float32, tf.float32])
    return twice - once


def by_numpy_function(x):
    return tf.numpy_function(slope, [x], [tf.float32])[0]


def by_the_recipe(x):
    return recipe.py_func(slope, [x], [tf.float32], grad=lambda op, g: 6 * op.inputs[0] * g)[0]


# How a gradient function comes to TensorFlow's own py_func: the derivative of x**3, 3 x**2.
FORMS = {
    "attribute": lambda x: tf.py_func(slope, [x], [tf.float32])[0],
    "keywords": lambda x: tf.py_func(func=slope, inp=[x], Tout=[tf.float32], name="mine")[0],
    "imported early": early,
    "method": Layer().slope,
    "partial": lambda x: functools.partial(tf.py_func, slope)([x], [tf.float32])[0],
    "looked up": lambda x: {"op": EARLY}["op"](slope, [x], [tf.float32])[0],
    "single dtype": lambda x: tf.py_func(slope, [x], tf.float32),
    "tuple": lambda x: tf.py_func(slope, (x,), (tf.float32,))[0],
    "stateless": lambda x: tf.py_func(slope, [x], [tf.float32], stateful=False)[0],
    "two outputs": of_two,
    "rows": lambda x: tf.stack([FORMS["attribute"](row) for row in tf.unstack(x)]),
    "in a branch": lambda x: tf.cond(x[0, 0] > 0, lambda: early(x), lambda: x),
    "in a loop": lambda x: tf.while_loop(
        lambda i, y: i < 1,
        lambda i, y: (i + 1, early(x)),
        [0, x],
        [tf.TensorShape([]), tf.TensorShape(None)],
    )[1],
    "the recipe's helper": by_the_recipe,
}
if hasattr(tf, "numpy_function"):
    FORMS["numpy_function"] = by_numpy_function
    if "stateful" not in inspect.signature(tf.numpy_function).parameters:  # before 2.8
        FORMS["name by place"] = lambda x: tf.numpy_function(slope, [x], [tf.float32], "mine")[0]


def op_of(world, form, seen=None):
    """x**3, whose gradient function computes the derivative in that form."""

    def grad(op, upstream):
        if seen is not None:
            seen.append(upstream)
        return upstream * FORMS[form](op.inputs[0])

    return lambda x: world.py_func(cube, [x], [tf.float32], grad=grad)[0]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_plain_py_func_in_a_gradient_is_its_whole_output(world, form):
    (value,), (gradient,) = world.run(op_of(world, form), X)
    np.testing.assert_array_equal(value, X**3)
    np.testing.assert_array_equal(gradient, 3 * X**2)


# TensorFlow builds more gradients in a graph than it needs: it is told when it runs.
LACKING = (NotImplementedError, tf.errors.UnimplementedError)
if tf.VERSION.startswith("1.0."):
    LACKING += (tf.errors.UnknownError,)


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"the recipe's helper", "rows"}))
def test_a_second_derivative_never_lacks_a_term(world, form):
    with pytest.raises(LACKING) as error:
        world.run(op_of(world, form), X, order=2, values=False)
    text = str(error.value)
    assert "the second derivative was asked for, and would lack a term" in text
    assert "tf.stop_gradient around what counts as a constant" in text
    name = "of_two.<locals>.<lambda>" if form == "two outputs" else "slope"
    assert "%s (%s:" % (name, __file__) in text


def test_a_second_derivative_that_the_recipe_gave(graph_mode):
    x = tf.constant(X)
    (first,) = tf.gradients(op_of(legacy_spiky, "the recipe's helper")(x), x)
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(first, x)[0]), 6 * X)


def test_a_gradient_that_stops_is_a_constant(world):
    def grad(op, upstream):
        (x,) = op.inputs
        return upstream * (tf.stop_gradient(FORMS["attribute"](x)) + x * x * x)

    def build(x):
        return world.py_func(lambda x: x**3 + x**4 / 4, [x], tf.float32, grad=grad)

    _, (second,) = world.run(build, X, order=2, values=False)
    np.testing.assert_array_equal(second, 3 * X**2)


def test_x_sin_x(world):
    """The first term of the second derivative at 1 is 0.5403, both are 0.2391."""

    def grad(op, upstream):
        (x,) = op.inputs
        sine = tf.py_func(lambda x: np.sin(x), [x], [tf.float32])[0]
        cosine = world.py_func(lambda x: np.cos(x), [x], [tf.float32])[0]
        return upstream * (sine + x * cosine)

    def build(x):
        return world.py_func(lambda x: x * np.sin(x), [x], [tf.float32], grad=grad)[0]

    _, (first,) = world.run(build, np.float32([1]))
    np.testing.assert_allclose(first, np.sin(1) + np.cos(1), rtol=1e-6)
    with pytest.raises(LACKING, match="would lack a term"):
        world.run(build, np.float32([1]), order=2, values=False)


STOPS = {"stop_gradient": tf.stop_gradient, "integers": lambda x: tf.cast(x, tf.int32)}


@pytest.mark.parametrize("stop", sorted(STOPS))
def test_a_second_derivative_that_ends_before_the_function(world, stop):
    """What it would lack is 0: the code ran in a graph, and gave this."""

    def grad(op, upstream):
        (x,) = op.inputs
        inputs = [STOPS[stop](x), 2.0]  # nobody asks for the gradient of 2.0 either
        return upstream * (tf.py_func(lambda x, y: np.float32(x * y), inputs, [tf.float32])[0] + x)

    _, (second,) = world.run(lambda x: world.py_func(cube, [x], tf.float32, grad=grad), X, order=2)
    np.testing.assert_array_equal(second, np.ones_like(X))


def test_a_result_of_another_dtype_is_named(world):
    def grad(op, upstream):
        return upstream * tf.py_func(lambda x: x.astype(np.float64), op.inputs, [tf.float32])[0]

    with pytest.raises(world.ERRORS) as error:
        world.run(lambda x: world.py_func(cube, [x], tf.float32, grad=grad), X)
    assert "result 0 of " in str(error.value) and __file__ in str(error.value)
    assert "is float64, but Tout promises float32" in str(error.value)


def test_outside_of_a_gradient_function_tensorflow_is_as_it_was():
    code = EARLY.__code__
    seen = []

    def grad(op, upstream):
        thread = threading.Thread(target=lambda: seen.append(plain()))
        thread.start()
        thread.join()
        return upstream

    def plain():
        with tf.Graph().as_default():  # another thread's own
            return tf.py_func(slope, [tf.constant(2.0)], [tf.float32])

    with tf.Graph().as_default():
        x = tf.constant(X)
        tf.gradients(legacy_spiky.py_func(cube, [x], tf.float32, grad=grad), x)
    assert EARLY.__code__ is code
    ((y,),) = seen
    assert "_gradient_op_type" not in y.op.node_def.attr
    assert y.op.control_inputs == []


@pytest.mark.parametrize("where", ["here", "thread", "callback"])
def test_a_graph_of_its_own(world, where):
    """It has its own session, and is code as any other."""

    def value():
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.constant([2.0])
            twice = legacy_spiky.py_func(lambda x: 2 * x, [x], tf.float32, grad=lambda op, g: 2 * g)
            plain = tf.py_func(slope, [x], [tf.float32])[0]
            return session.run(tf.gradients(twice + plain + x, x)[0])[0]

    def in_thread():
        results = []
        thread = threading.Thread(target=lambda: results.append(value()), daemon=True)
        thread.start()
        thread.join(30)  # for ever, if it waits for this one
        return results[0]

    def in_callback():
        config = tf.ConfigProto(use_per_session_threads=True)
        with tf.Graph().as_default(), tf.Session(config=config) as session:
            return session.run(legacy_spiky.py_func(in_thread, [], tf.float32))

    def grad(op, upstream):
        return upstream * {"here": value, "thread": in_thread, "callback": in_callback}[where]()

    _, (gradient,) = world.run(lambda x: world.py_func(cube, [x], tf.float32, grad=grad), X)
    np.testing.assert_array_equal(gradient, np.full_like(X, 3))


def test_gradients_of_one_graph_in_two_threads(graph_mode):
    """One after the other come and go; no op that is built later has their gradient."""
    came, went = threading.Event(), threading.Event()

    def first(op, upstream):
        came.set()
        went.wait(30)
        return upstream

    def second(op, upstream):
        went.set()
        thread.join(30)  # the first goes while the second is there
        return upstream * early(op.inputs[0])

    x = tf.constant(X)
    graph, results = tf.get_default_graph(), []

    def differentiate(grad):
        with graph.as_default():
            y = legacy_spiky.py_func(cube, [x], tf.float32, grad=grad)
            results.append(tf.gradients(y, x)[0])

    thread = threading.Thread(target=differentiate, args=[first])
    thread.start()
    came.wait(30)  # one at a time: TensorFlow builds no graph in two threads at once
    differentiate(second)
    assert not thread.is_alive()
    plain = tf.py_func(slope, [x], [tf.float32])[0]
    np.testing.assert_array_equal(graph_mode.run(tf.gradients(plain + x, x)[0]), np.ones_like(X))
    sums = sorted(graph_mode.run(gradient).sum() for gradient in results)
    assert sums == [X.size, (3 * X**2).sum()]


HELPERS = {
    "plain": lambda package, x: tf.py_func(slope, [x], [tf.float32])[0],
    "py_func": lambda package, x: package.py_func(slope, [x], tf.float32),
    "activation": lambda package, x: package.activation(slope, lambda x: 6 * x)(x),
}


@pytest.mark.parametrize("helper", sorted(HELPERS))
def test_a_function_that_it_calls_may_be_called_elsewhere(helper):
    """A tf.function is built once, where it is called first."""
    if not (hasattr(tf, "executing_eagerly") and tf.executing_eagerly()):
        pytest.skip("tf.function")
    from legacy_spiky import migration

    derivative = tf.function(lambda x: HELPERS[helper](migration, x))

    def grad(op, upstream):
        return upstream * derivative(op.inputs[0])

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = migration.py_func(cube, [x], tf.float32, grad=grad)
        return tape.gradient(y, x)

    for _ in range(2):
        np.testing.assert_array_equal(tf.function(gradient)(tf.constant(X)), 3 * X**2)
    np.testing.assert_array_equal(gradient(tf.constant(X)), 3 * X**2)
    np.testing.assert_array_equal(derivative(tf.constant(X)), 3 * X**2)


def test_a_callback_is_no_gradient_function(world):
    """What it calls itself is called as anywhere else."""
    if not world.eager:
        pytest.skip("in a session it runs in another thread")
    seen = []

    def derivative(x):
        seen.append(tf.py_func(slope, [tf.constant(X)], [tf.float32]))
        return slope(x)

    def grad(op, upstream):
        return upstream * world.py_func(derivative, op.inputs, tf.float32)

    world.run(lambda x: world.py_func(cube, [x], tf.float32, grad=grad), X)
    (y,) = seen
    np.testing.assert_array_equal(y, 3 * X**2)  # eagerly a bare tensor


def test_a_gradient_function_that_fails_leaves_tensorflow_as_it_was(world):
    code = EARLY.__code__

    def grad(op, upstream):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        world.run(lambda x: world.py_func(cube, [x], tf.float32, grad=grad), X)
    assert EARLY.__code__ is code


# What runs when.


def test_the_function_runs_before_the_python_functions_of_its_gradient(world):
    seen = []

    def function(x):
        seen.append("function")
        return cube(x)

    def derivative(x):
        seen.append("derivative")
        return slope(x)

    def grad(op, upstream):
        own = world.py_func(derivative, [op.inputs[0]], tf.float32)
        plain = tf.py_func(derivative, [op.inputs[0]], [tf.float32])[0]
        branch = tf.cond(
            tf.reduce_sum(upstream) > 0,
            lambda: world.py_func(derivative, [op.inputs[0]], tf.float32),
            lambda: tf.zeros_like(upstream),
        )
        return upstream * (own + plain - branch)

    build = functools.partial(world.py_func, function, Tout=tf.float32, grad=grad)
    _, (gradient,) = world.run(lambda x: build([x]), X, values=False)
    np.testing.assert_array_equal(gradient, 3 * X**2)
    assert seen == ["function"] + 3 * ["derivative"]


def test_a_variable_that_the_gradient_function_makes_is_initialized_at_once(graph_mode):
    def grad(op, upstream):
        factor = tf.Variable(tf.constant(3.0), name="factor")
        return upstream * factor

    x = tf.placeholder(tf.float32, [None])
    y = legacy_spiky.py_func(lambda x: 3 * x, [x], tf.float32, grad=grad)
    (gradient,) = tf.gradients(y, x)
    graph_mode.run(tf.global_variables_initializer())  # before: feed the placeholder
    np.testing.assert_array_equal(graph_mode.run(gradient, {x: [1, 2]}), [3, 3])


@pytest.mark.parametrize("constant", [True, False])
def test_a_derivative_that_changes_is_computed_anew(constant):
    """Of a constant too, which TensorFlow would compute once."""
    steep = [2.0]
    for package, world in packages():
        op = package.activation(lambda x: x * steep[0], lambda x: np.full_like(x, steep[0]))
        world = world(package)
        results = []
        for step in range(3):
            steep[0] = 2.0 + step
            results.append(world.step(op, constant))
        assert results == [(2.0, 2.0), (3.0, 3.0), (4.0, 4.0)]
        world.close()


class GraphStep:
    """One graph and session, run several times."""

    def __init__(self, package):
        self.session = None

    def step(self, op, constant):
        if self.session is None:
            with tf.Graph().as_default() as graph:
                self.x = tf.constant(1.0) if constant else tf.placeholder(tf.float32, [])
                y = op(self.x)
                self.fetches = [y, tf.gradients(y, self.x)[0]]
            self.session = tf.Session(graph=graph)
        feed = {} if constant else {self.x: 1.0}
        return tuple(float(value) for value in self.session.run(self.fetches, feed))

    def close(self):
        self.session.close()


class FunctionStep:
    """One tf.function, called several times."""

    def __init__(self, package):
        self.function = None

    def step(self, op, constant):
        if self.function is None:

            @tf.function
            def function(x):
                x = tf.constant(1.0) if constant else x
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = op(x)
                return y, tape.gradient(y, x)

            self.function = function
        return tuple(float(value) for value in self.function(tf.constant(1.0)))

    def close(self):
        pass


def packages():
    found = [(legacy_spiky, GraphStep)]
    if hasattr(tf, "numpy_function"):
        from legacy_spiky import migration

        found.append((migration, GraphStep))
        if tf.executing_eagerly():
            found.append((migration, FunctionStep))
    return found


# What a gradient function may return.


@pytest.mark.parametrize("number", [42, 2**24, -3])
def test_an_integer_constant_is_cast_where_the_dtype_holds_it(world, number):
    def grad(op, upstream):
        return tf.constant(number)

    build = functools.partial(world.py_func, np.copy, Tout=tf.float32, grad=grad)
    _, (gradient,) = world.run(lambda x: build([x]), np.float32(1))
    assert gradient.dtype == np.float32 and gradient == number


@pytest.mark.parametrize("number", [2**24 + 1, 2**53 + 1, 2**62 + 1])
def test_an_integer_constant_that_the_dtype_does_not_hold(world, number):
    def grad(op, upstream):
        return tf.constant(number, tf.int64)

    with pytest.raises(TypeError) as error:
        world.run(lambda x: world.py_func(np.copy, [x], tf.float32, grad=grad), np.float32(1))
    assert "has dtype int64, but the input has dtype float32; cast it" in str(error.value)


@pytest.mark.parametrize("Tout", [tf.int32, [tf.int64, tf.bool], (np.uint8,)])
def test_no_gradient_comes_through_an_integer(world, Tout):
    with pytest.raises(TypeError) as error:
        world.run(lambda x: world.py_func(np.sign, [x], Tout, grad=lambda op, g: g), X)
    assert "and no gradient comes through an integer" in str(error.value)
    assert "return float32, and cast after" in str(error.value)


def test_an_integer_output_beside_a_floating_one(world):
    def function(x):
        return x, np.int32(x.size)

    build = functools.partial(world.py_func, function, Tout=[tf.float32, tf.int32])
    _, (gradient,) = world.run(lambda x: build([x], grad=lambda op, g, _: 2 * g), X)
    np.testing.assert_array_equal(gradient, np.full_like(X, 2))


def test_a_sparse_gradient(world):
    if isinstance(world, Session):
        pytest.skip("test_py_func.py has it")
    table, rows = np.float32([[1, 2], [3, 4], [5, 6]]), np.int32([0, 2])

    def grad(op, upstream):
        return tf.IndexedSlices(upstream, op.inputs[1]), None

    def build(table, rows):
        return world.py_func(lambda table, rows: table[rows], [table, rows], tf.float32, grad=grad)

    _, (gradient, _) = world.run(build, table, rows)
    np.testing.assert_array_equal(gradient, [[1, 1], [0, 0], [1, 1]])


def test_if_tensor(world):
    if isinstance(world, Session):
        pytest.skip("a graph does not take it")

    def steeper(g):
        if tf.reduce_sum(g) > 0:
            return 2 * g
        return 3 * g

    def grad(op, upstream):
        return steeper(upstream)

    for sign in (1, -1):
        build = functools.partial(world.py_func, np.copy, Tout=tf.float32, grad=grad)
        _, (gradient,) = world.run(lambda x: sign * build([x]), X)  # noqa: B023
        np.testing.assert_array_equal(gradient, np.full_like(X, 2 if sign > 0 else -3))


# Branches and loops of a tf.function.


def loop(op, x):
    return tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, op(y)), [0, x])[1]


PLACES = {
    "here": lambda op, x: op(x),
    "cond": lambda op, x: tf.cond(x[0, 0] > 0, lambda: op(x), lambda: x),
    "while_loop": loop,
    "map_fn": lambda op, x: tf.map_fn(op, x),
    "scan": lambda op, x: tf.scan(lambda _, row: op(row), x, tf.zeros_like(x[0])),
}


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("what", ["variable", "tensor", "input"])
def test_a_gradient_function_that_reads_from_outside(world, place, what):
    if isinstance(world, Session):
        pytest.skip("a session's graph reaches all that is in it")
    outside = tf.Variable(2.0) if what == "variable" else tf.constant(2.0)

    def grad(op, upstream):
        factor = op.inputs[1] if what == "input" else outside
        return (upstream * factor, None)[: len(op.inputs)]

    def op(x):
        inputs = [x, outside] if what == "input" else [x]
        return world.py_func(lambda x, *_: 2 * x, inputs, tf.float32, grad=grad, shapes=x.shape)

    def run():
        return world.run(lambda x: PLACES[place](op, x), X)[1][0]

    if place == "here" or what == "input" or world.function is None:
        np.testing.assert_array_equal(run(), np.full_like(X, 2))
    else:
        # A scope of its own: map_fn and scan leave a device in it after an error.
        with pytest.raises(ValueError) as error, tf.variable_scope("own"):
            run()
        noun = "a variable" if what == "variable" else "the tensor tf.Tensor(2.0"
        assert "grad (%s:" % __file__ in str(error.value)
        assert "reads %s" % noun in str(error.value)
        assert "give it as an input of py_func, whose gradient may be None" in str(error.value)


def test_a_second_order_that_nobody_asked_for():
    """Another tape outside, or forward mode: TensorFlow builds one order more than is wanted."""
    if not (hasattr(tf, "executing_eagerly") and tf.executing_eagerly()):
        pytest.skip("tf.function")
    import tensorflow

    from legacy_spiky import migration

    square = migration.activation(np.square, lambda x: 2 * x)
    plain = functools.partial(op_of(migration, "attribute"))
    x, w = tf.constant(X), tensorflow.Variable(3.0)

    @tf.function
    def first(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square(x * w) + plain(x)
        return tape.gradient(y, x)

    with tf.GradientTape(persistent=True) as outer:
        outer.watch([x, w])
        g = first(x)
    np.testing.assert_array_equal(g, 18 * X + 3 * X**2)
    with pytest.raises(tf.errors.UnimplementedError, match="second derivative"):
        outer.gradient(g, w)
    function = tf.function(lambda x: square(x) + plain(x))
    if hasattr(tensorflow, "autodiff"):
        with tensorflow.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = function(x)
        np.testing.assert_array_equal(accumulator.jvp(y), 2 * X + 3 * X**2)
