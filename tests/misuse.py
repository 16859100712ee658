"""What you did, and what you get: one table of misuse, walked by test_misuse.py in each world.

A row says in words what somebody did, does it, and says what comes of it: the right numbers, or an
error that says what is wrong and in whose function. Where eager mode or tf.function answer
otherwise than a session, the row says that too.
"""

import array
import collections
import decimal
import functools
import math
import operator
import threading
import traceback
import warnings
from unittest import mock

import numpy as np

import legacy_spiky
from legacy_spiky._ops.versions import tf

VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])
HERE = __file__
X = np.float32([1, -2, 3])


def square(x):
    return x * x


def square_grad(op, upstream):
    return 2 * op.inputs[0] * upstream


# What you get.


class Gives:
    """These values and gradients, of these dtypes and shapes."""

    def __init__(self, values, gradients):
        self.expected = values, gradients

    def check(self, world, do):
        for results, expected in zip(do(world), self.expected):
            assert len(results) == len(expected), results
            for result, right in zip(results, expected):
                if right is None or isinstance(right, bytes):
                    assert result == right
                elif right.dtype.kind == "O":  # text
                    assert result.tolist() == right.tolist()
                else:
                    assert (result.dtype, result.shape) == (right.dtype, right.shape)
                    np.testing.assert_array_equal(result, right)


class Raises:
    """An error of this kind, with these words."""

    def __init__(self, kind, *words):
        self.kind = kind
        self.words = words

    def check(self, world, do):
        self.raised(self.kind, world, do)

    def raised(self, kind, world, do):
        try:
            results = do(world)
        except kind as error:
            for words in self.words:
                assert words in str(error), error
            return error
        raise AssertionError("no error, but %r" % (results,))


class Fails(Raises):
    """An error when it runs: in a graph it is TensorFlow's, which tells this one."""

    def check(self, world, do):
        self.raised(in_graph(self.kind) if in_a_graph(world) else self.kind, world, do)


class Passes:
    """The user's own exception, by `faulty`; in a graph TensorFlow's, with its text and place."""

    def __init__(self, exception, *words):
        self.exception = exception
        self.words = words

    def check(self, world, do):
        kind = type(self.exception)
        if in_a_graph(world):
            words = self.words + (("in faulty",) if VERSION >= (1, 12) else ())
            Raises(in_graph(kind), kind.__name__, *words).check(world, do)
        else:
            AsItIs(self.exception).check(world, do)


class AsItIs:
    """The user's own exception, by `faulty`, in a graph too."""

    def __init__(self, exception):
        self.exception = exception

    def check(self, world, do):
        error = Raises(type(self.exception)).raised(type(self.exception), world, do)
        assert error is self.exception
        assert traceback.extract_tb(error.__traceback__)[-1][2] == "faulty"


def in_a_graph(world):
    return not world.eager or world.function is not None


def in_graph(kind):
    """What TensorFlow makes of an exception in a callback."""
    kind = kind[0] if isinstance(kind, tuple) else kind
    if VERSION >= (1, 4):
        for kinds, error in [
            (StopIteration, tf.errors.OutOfRangeError),
            (MemoryError, tf.errors.ResourceExhaustedError),
            (NotImplementedError, tf.errors.UnimplementedError),
            ((TypeError, ValueError), tf.errors.InvalidArgumentError),
        ]:
            if issubclass(kind, kinds):
                return error
    return tf.errors.UnknownError


class Row(collections.namedtuple("Row", "did do get eagerly in_function")):
    """One row; without `eagerly` and `in_function` all worlds give the same."""

    def check(self, world):
        get = self.get
        if world.eager:
            get = (self.in_function if world.function else self.eagerly) or get
        get.check(world, self.do)


def row(did, do, get, eagerly=None, in_function=None):
    return Row(did, do, get, eagerly, in_function)


# What you do.


def op(func, Tout=tf.float32, grad=square_grad, inputs=(X,), **others):
    """An op of `func`, built and run."""

    def do(world):
        return world.run(
            lambda *x: world.py_func(func, list(x), Tout, grad=grad, **others), *inputs
        )

    return do


def result(func, Tout=tf.float32):
    return op(func, Tout, grad=None)


def gradient(grad):
    return op(square, grad=grad)


def of(*values):
    """What an op without a gradient gives."""
    return Gives(values, [None])


SQUARE = Gives([X * X], [2 * X])
IDENTITY = of(X)
WRONG = TypeError, ValueError


# Functions of each kind.


def generator(x):
    yield x


async def coroutine(x):
    return x


class Unhashable(list):
    def __call__(self, x):
        return x * x


class Incomparable:
    def __eq__(self, other):
        raise RuntimeError("no ==")

    def __bool__(self):
        raise RuntimeError("no bool")

    __call__ = staticmethod(square)


class Evasive:
    """Raises wherever it is asked for an attribute."""

    def __getattribute__(self, name):
        raise RuntimeError("no " + name)

    def __call__(self, x):
        return [x, x]


class Anything:
    """Has every attribute: itself."""

    def __getattr__(self, name):
        return self

    def __call__(self, x):
        return x * x


class Thing:
    def __init__(self, x):
        pass


def endless(*arguments):
    return endless(*arguments)


def triangle(n):
    return n + triangle(n - 1) if n else n


def keyword_only(x, *, factor):
    return factor * x


def itself(x):
    return itself


@functools.lru_cache()
def cached(x):
    return x


FUNCTIONS = [
    row(
        "gave a generator function",
        result(generator),
        Fails(TypeError, "result 0 of generator (" + HERE, "is of type generator, but Tout"),
    ),
    row(
        "gave a generator function for text",
        result(generator, tf.string),
        Fails(TypeError, "result 0 of generator (" + HERE, "has a value of type generator in it"),
    ),
    row(
        "gave a coroutine function",
        result(coroutine),
        Fails(TypeError, "result 0 of coroutine (" + HERE, "is of type coroutine, but Tout"),
    ),
    row(
        "gave what a coroutine function returns",
        lambda world: op(coroutine(X))(world),
        Raises(TypeError, "func must be a function or another callable", "(coroutine)"),
    ),
    row("gave a tensor", lambda world: op(tf.constant(1.0))(world), Raises(TypeError, "func must")),
    row(
        "gave a function in C of one number",
        result(math.sin),
        Fails(TypeError, "sin, called with 1 arguments: only "),
    ),
    row(
        "gave a function in C that returns a Python float",
        op(math.sin, grad=None, inputs=[np.float32(0)]),
        Fails(TypeError, "result 0 of sin is float64, but Tout promises float32"),
    ),
    row(
        "gave a function in C that overflows",
        op(math.exp, tf.float64, grad=None, inputs=[np.float64(1e9)]),
        Fails(OverflowError, "exp, called with 1 arguments: math range error"),
    ),
    row(
        "gave a function in C that takes arrays",
        op(operator.neg, grad=lambda op, g: -g),
        Gives([-X], [np.float32([-1, -1, -1])]),
    ),
    row("gave len", result(len, tf.int64), of(np.int64(3))),
    row("gave a ufunc", op(np.square), SQUARE),
    row("gave a NumPy type", result(np.float32), IDENTITY),
    row(
        "gave the type list",
        result(list),
        Fails(ValueError, "list returned 3 results, but Tout promises 1 (float32)"),
    ),
    row(
        "gave a class",
        result(Thing),
        Fails(TypeError, "result 0 of Thing is of type Thing, but Tout promises float32"),
    ),
    row("gave an object without a hash", op(Unhashable(), grad=square_grad), SQUARE),
    row("gave an object without == and truth", op(Incomparable()), SQUARE),
    row("gave an object that has every attribute", op(Anything()), SQUARE),
    row(
        "gave an object that raises at each attribute, and returns too much",
        result(Evasive(), [tf.float32]),
        Fails(ValueError, "Evasive.__call__ (" + HERE, "returned 2 results, but Tout promises 1"),
    ),
    row("gave a mock", op(mock.Mock(side_effect=square)), SQUARE),
    row(
        "gave a mock that returns a mock",
        result(mock.Mock()),
        Fails(TypeError, "__call__ (", "is of type Mock, but Tout promises float32"),
    ),
    row("gave a recursive function", op(triangle, tf.int64, None, [np.int64(9)]), of(np.int64(45))),
    row(
        "gave a function that returns itself",
        result(itself),
        Fails(TypeError, "result 0 of itself (" + HERE, "is of type function"),
    ),
    row(
        "gave a partial with too many arguments",
        result(functools.partial(square, X)),
        Fails(TypeError, "square (" + HERE, "called with 1 arguments: ", "but 2 were given"),
    ),
    row(
        "gave a partial that sets an argument once more",
        result(functools.partial(square, x=X)),
        Fails(TypeError, "square (" + HERE, "multiple values for argument 'x'"),
    ),
    row(
        "gave a function of no arguments for one input",
        result(lambda: X),
        Fails(TypeError, "<lambda> (" + HERE, "takes 0 positional arguments but 1 was given"),
    ),
    row(
        "gave a function of two arguments for one input",
        result(lambda x, y: x),
        Fails(TypeError, "<lambda> (" + HERE, "missing 1 required positional argument: 'y'"),
    ),
    row(
        "gave a function of one argument for no inputs",
        op(square, inputs=[]),
        Fails(TypeError, "square (" + HERE, "missing 1 required positional argument: 'x'"),
    ),
    row(
        "gave a function with a keyword-only argument",
        result(keyword_only),
        Fails(TypeError, "keyword_only (" + HERE, "keyword-only argument: 'factor'"),
    ),
    row(
        "cached a function of arrays",
        result(cached),
        Fails(TypeError, "cached (" + HERE, "called with 1 arguments: unhashable type: 'numpy."),
    ),
]


# Exceptions of each kind.


class NoText(Exception):
    pass


class NotAnException(BaseException):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


class NotText(Exception):
    def __str__(self):
        return 3


EXCEPTIONS = [
    ValueError("my text"),
    TypeError("my text"),
    KeyError("my text"),
    NoText(),
    NotAnException("my text"),
    StopIteration("my text"),
    KeyboardInterrupt("my text"),
    GeneratorExit("my text"),
    MemoryError("my text"),
    RecursionError("my text"),
    NotImplementedError("my text"),
    AssertionError("my text"),
    UserWarning("my text"),
    OSError(2, "my text"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "my text"),
    tf.errors.OutOfRangeError(None, None, "my text"),
    ValueError("my text: \u00fc \u65e5 \U0001f600"),
    ValueError("my text " + 100000 * "x"),
]
# Of which TensorFlow cannot tell the text.
UNTELLABLE = [
    (SystemExit("my text"), "raised SystemExit: my text"),
    (SystemExit(0), "raised SystemExit: 0"),
    (ValueError("my text: \ud800"), "raised ValueError: 'my text: \\ud800'"),
    (Unprintable(), "raised Unprintable: its text cannot be shown"),
    (NotText(), "raised NotText: its text cannot be shown"),
]


def raiser(exception):
    def faulty(*arguments):
        raise exception

    return faulty


def in_the_gradient(func):
    """What runs `func` in the gradient: by an op of its own."""

    def do(world):
        def grad(op, upstream):
            return upstream * world.py_func(func, [op.inputs[0]], tf.float32)

        return world.run(lambda x: world.py_func(square, [x], tf.float32, grad=grad), X)

    return do


def exceptions():
    for exception in EXCEPTIONS:
        what = "raised %.60r " % exception
        words = [] if isinstance(exception, NoText) else ["my text"]
        faulty = raiser(exception)
        yield row(what + "in the function", result(faulty), Passes(exception, *words))
        yield row(
            what + "where the gradient runs", in_the_gradient(faulty), Passes(exception, *words)
        )
        yield row(what + "where the gradient is built", op(square, grad=faulty), AsItIs(exception))
    for exception, words in UNTELLABLE:
        what = "raised %.60a " % exception
        faulty = raiser(exception)
        told = "faulty (" + HERE, words
        failed = Raises(tf.errors.UnknownError, *told)
        # TensorFlow's tape, which is in C++, tells no better than its sessions.
        raised = Raises(RuntimeError, *told) if isinstance(exception, Exception) else None
        yield row(what + "in the function", result(faulty), failed, AsItIs(exception))
        yield row(
            what + "where the gradient runs",
            in_the_gradient(faulty),
            failed,
            eagerly=Raises(RuntimeError, HERE, words) if raised else AsItIs(exception),
        )
        yield row(
            what + "where the gradient is built",
            op(square, grad=faulty),
            AsItIs(exception),
            eagerly=raised,
            in_function=raised,
        )


def divides_by_zero(x):
    with np.errstate(all="raise"):
        return x / (x - x)


def warns(x):
    warnings.warn("my text", stacklevel=1)
    return x


def with_warnings_as_errors(world):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return result(warns)(world)


RAISING = list(exceptions()) + [
    row("recursed without end", result(endless), Fails(RecursionError, "maximum recursion depth")),
    row(
        "recursed without end in the gradient",
        gradient(endless),
        Raises(RecursionError, "maximum recursion depth"),
    ),
    row(
        "divided by zero under np.errstate(all='raise')",
        result(divides_by_zero),
        Fails(FloatingPointError, "divide by zero"),
    ),
    row(
        "made warnings errors, and warned",
        with_warnings_as_errors,
        Fails(UserWarning, "my text"),
    ),
]


# Results of each kind.


def read_only(x):
    y = x * x
    y.setflags(write=False)
    return y


def unaligned(x):
    return np.frombuffer(b"\0" + x.tobytes(), np.float32, 3, offset=1)


def field(x):
    y = np.zeros(3, [("a", np.int8), ("b", np.float32)])
    y["b"] = x
    return y["b"]


class Odd(np.ndarray):
    """A subclass with ideas of its own."""

    dtype = "odd"

    def __getitem__(self, key):
        raise RuntimeError("no items")

    def astype(self, *arguments, **others):
        raise RuntimeError("no other type")


class Array:
    """What NumPy makes an array of, or cannot."""

    def __init__(self, what):
        self.what = what

    def __array__(self, *arguments, **others):
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


def huge():
    """An array too large for any memory; that NumPy 1.18 says so can crash Python 3.7."""
    if np.__version__.startswith("1.18."):
        return Array(MemoryError("Unable to allocate 4.00 EiB"))
    return np.broadcast_to(X[0], (1 << 60,))


class Bottomless:
    """A sequence of more than there can be."""

    def __len__(self):
        return 1 << 60

    def __getitem__(self, i):
        return 1.0


def doubles_in_place(x):
    x *= 2
    return x


def symbolic(world):
    """Returns a tensor of the graph, as if it were an array."""

    def build(x):
        y = 2 * x
        return world.py_func(lambda a: y, [x], tf.float32)

    return world.run(build, X)


RESULTS = [
    row(
        "returned a transposed array", result(lambda x: np.stack([x, x]).T), of(np.stack([X, X], 1))
    ),
    row("returned every second number", result(lambda x: np.repeat(x, 2)[::2]), IDENTITY),
    row("returned the numbers backwards", result(lambda x: x[::-1]), of(X[::-1].copy())),
    row(
        "returned one number broadcast",
        result(lambda x: np.broadcast_to(x[1], (3,))),
        of(np.float32([-2, -2, -2])),
    ),
    row("returned a read-only array", op(read_only), SQUARE),
    row(
        "returned a view of bytes", result(lambda x: np.frombuffer(x.tobytes(), x.dtype)), IDENTITY
    ),
    row("returned an array that is not aligned", result(unaligned), IDENTITY),
    row("returned a field of a structured array", result(field), IDENTITY),
    row("returned the argument", result(lambda x: x), IDENTITY),
    row("returned a view of the argument", result(lambda x: x[1:]), of(X[1:])),
    row(
        "returned the argument twice",
        op(lambda x: (x, x), [tf.float32] * 2, grad=lambda op, a, b: a + b),
        Gives([X, X], [np.float32([2, 2, 2])]),
    ),
    row("changed the argument and returned it", result(doubles_in_place), of(2 * X)),
    row(
        "returned big-endian numbers",
        result(lambda x: x.astype(">f4")),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is >f4, but Tout promises float32"),
    ),
    row(
        "returned a masked array",
        result(lambda x: np.ma.masked_less(x, 2)),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "masked array, whose mask would be lost"),
    ),
    row(
        "returned np.ma.masked",
        result(lambda x: np.ma.masked),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "masked array, whose mask would be lost"),
    ),
    row("returned a matrix", result(lambda x: np.asmatrix(x)), of(X[None])),
    row("returned a record array", result(lambda x: x.view(np.recarray)), IDENTITY),
    row("returned a subclass that overrides dtype", result(lambda x: x.view(Odd)), IDENTITY),
    row("returned an object with __array__", op(lambda x: Array(x * x)), SQUARE),
    row(
        "returned an object whose __array__ raises",
        result(lambda x: Array(KeyError("no array"))),
        Fails(ValueError, "result 0 of <lambda> (" + HERE, "is no array: KeyError: 'no array'"),
    ),
    row(
        "returned an object whose __array__ is none",
        result(lambda x: Array(None)),
        Fails(ValueError, "result 0 of <lambda> (" + HERE, "is no array: "),
    ),
    row(
        "returned an array too large for any memory",
        result(lambda x: huge()),
        Fails(ValueError, "result 0 of <lambda> (" + HERE, "is no array: MemoryError"),
    ),
    row(
        "returned a sequence too long for any memory",
        result(lambda x: Bottomless()),
        Fails(ValueError, "result 0 of <lambda> (" + HERE, "is no array: MemoryError"),
    ),
    row(
        "returned nothing, of shape (0, 3)",
        result(lambda x: np.zeros((0, 3), np.float32)),
        of(np.zeros((0, 3), np.float32)),
    ),
    row(
        "returned nothing, transposed and backwards",
        result(lambda x: np.zeros((0, 3, 2), np.float32).T[:, ::-1]),
        of(np.zeros((2, 3, 0), np.float32)),
    ),
    row("returned a NumPy number", result(lambda x: x[0]), of(np.float32(1))),
    row(
        "returned a Python float",
        result(lambda x: 1.0),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is float64, but Tout promises float32"),
    ),
    row(
        "returned float64 for float32",
        result(lambda x: x.astype(np.float64)),
        Fails(TypeError, "is float64, but Tout promises float32; return np.asarray(result, dtype)"),
    ),
    row(
        "returned np.longdouble",
        result(lambda x: x.astype(np.longdouble)),
        Fails(TypeError, "is %s, but Tout promises float32" % np.dtype(np.longdouble)),
    ),
    row(
        "returned booleans for numbers",
        result(lambda x: x > 0),
        Fails(TypeError, "is bool, but Tout promises float32"),
    ),
    row(
        "returned complex numbers for real ones",
        result(lambda x: x * 1j),
        Fails(TypeError, "is complex64, but Tout promises float32"),
    ),
    row(
        "returned a structured array",
        result(lambda x: x.view([("a", np.float32)])),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "'<f4')], but Tout promises float32"),
    ),
    row(
        "returned a date for an integer",
        result(lambda x: np.datetime64("2016-01-01"), tf.int64),
        Fails(TypeError, "is datetime64[D], but Tout promises int64"),
    ),
    row(
        "returned an integer of 70 bits",
        result(lambda x: 1 << 70, tf.int64),
        Fails(TypeError, "is of type int, but Tout promises int64"),
    ),
    row(
        "returned a list of numbers, not an array of them",
        result(lambda x: [1.0, 2.0, 3.0]),
        Fails(ValueError, "<lambda> (" + HERE, "returned 3 results", "tuple counts as several"),
    ),
    row(
        "returned one result for two",
        result(lambda x: x, [tf.float32, tf.float32]),
        Fails(ValueError, "<lambda> (" + HERE, "returned 1 results, but Tout promises 2 (float32,"),
    ),
    row(
        "returned rows of different lengths",
        result(lambda x: ([[1.0], [2.0, 3.0]],)),
        Fails(WRONG, "result 0 of <lambda> (" + HERE),
    ),
    row(
        "returned None",
        result(lambda x: None),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is None, but Tout promises float32"),
    ),
    row(
        "returned a dict",
        result(lambda x: {"y": x}),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is of type dict, but Tout promises"),
    ),
    row(
        "returned a set",
        result(lambda x: {1.0}),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is of type set, but Tout promises"),
    ),
    row(
        "returned a Decimal",
        result(lambda x: decimal.Decimal(1)),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is of type Decimal, but Tout promises"),
    ),
    row("returned an array of the array module", result(lambda x: array.array("f", x)), IDENTITY),
    row("returned a memoryview", result(memoryview), IDENTITY),
    row(
        "returned text for numbers",
        result(lambda x: "1.0"),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "is <U3, but Tout promises float32"),
    ),
    row(
        "returned text with a zero in it",
        result(lambda x: "\u00fc\0", tf.string),
        of(b"\xc3\xbc\0"),
    ),
    row(
        "returned an array of text",
        result(lambda x: np.array(["a", "\u00fc"]), tf.string),
        of(np.array([b"a", b"\xc3\xbc"], object)),
    ),
    row(
        "returned an integer among text",
        result(lambda x: np.array(["a", 1], object), tf.string),
        Fails(TypeError, "result 0 of <lambda> (" + HERE, "has a value of type int in it"),
    ),
    row(
        "returned text that is no Unicode",
        result(lambda x: "\ud800", tf.string),
        Fails(
            ValueError, "result 0 of <lambda> (" + HERE, "is no text: 'utf-8' codec can't encode"
        ),
    ),
    row(
        "returned a tensor that was made before",
        symbolic,
        Fails(WRONG, "result 0 of symbolic.<locals>.build.<locals>.<lambda> (" + HERE),
        eagerly=of(2 * X),
    ),
]


# Memory that is used again.


def twice(func, x=X):
    """Runs an op of `func` for two factors, one after the other."""

    def do(world):
        def build(x):
            first = world.py_func(func, [x, np.float32(2)], tf.float32)
            with tf.control_dependencies([first]):
                return [first, world.py_func(func, [x, np.float32(3)], tf.float32)]

        return world.run(build, x)

    return do


def aligned(size):
    """Memory that TensorFlow may take as it is."""
    memory = np.zeros(4 * size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * size].view(np.float32)


def into(buffer):
    return lambda x, factor: np.multiply(x, factor, out=buffer)


def keeps_and_changes():
    kept = []

    def func(x, factor):
        for old in kept:
            old[...] = -7
        kept.append(aligned(x.size))
        kept[-1][...] = x * factor
        return kept[-1]

    return func


LARGE = np.ones(1 << 16, np.float32)

MEMORY = [
    row(
        "wrote each result to the same array",
        twice(into(np.empty(3, np.float32))),
        Gives([2 * X, 3 * X], [None]),
    ),
    row(
        "wrote each result to the same aligned array",
        twice(into(aligned(3))),
        Gives([2 * X, 3 * X], [None]),
    ),
    row(
        "wrote each result to the same large aligned array",
        twice(into(aligned(LARGE.size)), LARGE),
        Gives([2 * LARGE, 3 * LARGE], [None]),
    ),
    row(
        "kept each result, and changed it later",
        twice(keeps_and_changes()),
        Gives([2 * X, 3 * X], [None]),
    ),
]


# Gradient functions of each kind, and what they return.


def generator_grad(op, upstream):
    yield upstream


async def coroutine_grad(op, upstream):
    return upstream


def of_another_graph(op, upstream):
    with tf.Graph().as_default():
        return tf.constant(X)


def rows_of(values, indices, dense_shape=None):
    """Runs an op whose gradient is tf.IndexedSlices, of a product that makes it dense."""

    def do(world):
        def grad(op, upstream):
            shape = None if dense_shape is None else tf.constant(dense_shape)
            return tf.IndexedSlices(tf.constant(values), tf.constant(indices), shape)

        return world.run(lambda x: world.py_func(square, [1 * x], tf.float32, grad=grad), X)

    return do


def at_run_time(func):
    """Runs an op whose gradient has a shape that only the run shows."""

    def do(world):
        def grad(op, upstream):
            return world.py_func(func, [op.inputs[0]], tf.float32)

        return world.run(lambda x: 1 * world.py_func(square, [2 * x], tf.float32, grad=grad), X)

    return do


def second_derivative(world):
    tanh = world.activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    return world.run(tanh, X, order=2)


NO_NUMBERS = "but the input has dtype float32; return a tensor, or an array of numbers"
WRONG_SHAPE = "gradient 0 of <lambda> (" + HERE
WRONG_AT_RUN_TIME = "gradient 0 of at_run_time.<locals>.do.<locals>.grad (" + HERE

GRADIENTS = [
    row(
        "gave a generator function for the gradient",
        gradient(generator_grad),
        Raises(TypeError, "gradient 0 of generator_grad (" + HERE, "is of type generator"),
    ),
    row(
        "gave a coroutine function for the gradient",
        gradient(coroutine_grad),
        Raises(TypeError, "gradient 0 of coroutine_grad (" + HERE, "is of type coroutine"),
    ),
    row(
        "gave a gradient function without op",
        gradient(lambda upstream: upstream),
        Raises(TypeError, "<lambda> (" + HERE, "called with 2 arguments", "1 positional argument"),
    ),
    row(
        "gave a gradient function of one output too many",
        gradient(lambda op, a, b: a),
        Raises(TypeError, "<lambda> (" + HERE, "called with 2 arguments", "argument: 'b'"),
    ),
    row(
        "gave a gradient function in C",
        gradient(math.sin),
        Raises(TypeError, "sin, called with 2 arguments: "),
    ),
    row(
        "gave True for the gradient",
        gradient(True),
        Raises(TypeError, "grad must be a function or another callable, got True (bool)"),
    ),
    row(
        "gave the name of no gradient",
        gradient("NobodyHasThis"),
        Raises(LookupError, "PyFunc"),
        eagerly=Raises(
            TypeError, "grad of square (" + HERE, "'NobodyHasThis'", "give the function"
        ),
        in_function=Raises(TypeError, "grad of square (" + HERE, "'NobodyHasThis'"),
    ),
    row(
        "returned a gradient too many",
        gradient(lambda op, g: (g, g)),
        Raises(ValueError, "<lambda> (" + HERE, "returned 2 gradients for the 1 inputs of"),
    ),
    row(
        "returned a list of numbers for a gradient",
        gradient(lambda op, g: [2.0, 4.0, 6.0]),
        Raises(ValueError, "<lambda> (" + HERE, "returned 3 gradients for the 1 inputs of"),
    ),
    row(
        "returned a big-endian gradient",
        gradient(lambda op, g: (2 * X).astype(">f8")),
        SQUARE,
    ),
    row(
        "returned a gradient backwards, of float64",
        gradient(lambda op, g: 2 * X.astype(np.float64)[::-1]),
        Gives([X * X], [2 * X[::-1]]),
    ),
    row(
        "returned a masked gradient",
        gradient(lambda op, g: np.ma.masked_less(X, 2)),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "masked array, whose mask would be"),
    ),
    row(
        "returned a matrix for a gradient",
        gradient(lambda op, g: np.asmatrix(X)),
        Raises(ValueError, WRONG_SHAPE, "has shape (1, 3), but the input has shape (3,)"),
    ),
    row(
        "returned NaN for a gradient",
        gradient(lambda op, g: np.full(3, np.nan)),
        Gives([X * X], [np.float32([np.nan] * 3)]),
    ),
    row(
        "returned Nones in an array for a gradient",
        gradient(lambda op, g: np.array([None] * 3)),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is object, " + NO_NUMBERS),
    ),
    row(
        "returned text for a gradient",
        gradient(lambda op, g: np.array(["1", "2", "3"])),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is <U1, " + NO_NUMBERS),
    ),
    row(
        "returned dates for a gradient",
        gradient(lambda op, g: np.array([1, 2, 3], "M8[s]")),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is datetime64[s], " + NO_NUMBERS),
    ),
    row(
        "returned a structured array for a gradient",
        gradient(lambda op, g: X.view([("a", np.float32)])),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, NO_NUMBERS),
    ),
    row(
        "returned a dict for a gradient",
        gradient(lambda op, g: {"x": g}),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is of type dict, " + NO_NUMBERS),
    ),
    row(
        "returned a dtype for a gradient",
        gradient(lambda op, g: tf.float32),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is of type DType, " + NO_NUMBERS),
    ),
    row(
        "returned complex numbers for a gradient",
        gradient(lambda op, g: 1j),
        Raises(TypeError, "has dtype complex128, but the input has dtype float32; cast it"),
    ),
    row(
        "returned a float64 tensor for a gradient",
        gradient(lambda op, g: tf.cast(g, tf.float64)),
        Raises(TypeError, "has dtype float64, but the input has dtype float32; cast it"),
    ),
    row(
        "returned rows of different lengths for a gradient",
        gradient(lambda op, g: [[[1.0], [2.0, 3.0]]]),
        Raises(WRONG, "gradient 0 of <lambda> (" + HERE),
    ),
    row(
        "returned a gradient too large for any memory",
        gradient(lambda op, g: huge()),
        Raises(WRONG, "gradient 0 of <lambda> (" + HERE),
    ),
    row(
        "returned tf.SparseTensor for a gradient",
        gradient(lambda op, g: tf.SparseTensor([[0]], [1.0], [3])),
        Raises(TypeError, "gradient 0 of <lambda> (" + HERE, "is no tensor: "),
    ),
    row(
        "returned a tensor of another graph for a gradient",
        gradient(of_another_graph),
        Raises(ValueError, "gradient 0 of of_another_graph (" + HERE, "is of another graph"),
        eagerly=Raises(TypeError, "gradient 0 of of_another_graph (" + HERE, "it is of a graph"),
        in_function=Raises(TypeError, "gradient 0 of of_another_graph (" + HERE, "it is of a gr"),
    ),
    row(
        "returned a gradient of another shape",
        gradient(lambda op, g: tf.ones([3, 1])),
        Raises(ValueError, WRONG_SHAPE, "has shape (3, 1), but the input has shape (3,)"),
    ),
    row(
        "returned a number for a gradient",
        gradient(lambda op, g: 1.0),
        Raises(ValueError, WRONG_SHAPE, "has shape (), but the input has shape (3,); sum over"),
    ),
]
GRADIENTS += [
    row(
        "returned a gradient of shape %s, which only the run shows" % (shape,),
        at_run_time(func),
        Raises(tf.errors.InvalidArgumentError, WRONG_AT_RUN_TIME, "but the input has shape"),
        eagerly=Raises(ValueError, WRONG_AT_RUN_TIME, "but the input has shape (3,)"),
        in_function=Raises(tf.errors.InvalidArgumentError, "shape"),  # there AddN may see it first
    )
    for func, shape in [
        (np.sum, ()),
        (lambda x: x[None], (1, 3)),
        (lambda x: x[:, None], (3, 1)),
        (lambda x: np.stack([x] * 3), (3, 3)),
        (lambda x: x[:0], (0,)),
    ]
]
GRADIENTS += [
    row(
        "returned rows, and the shape of another array, for a gradient",
        rows_of([5.0], [1], [100]),
        Gives([X * X], [np.float32([0, 5, 0])]),
    ),
    row(
        "returned rows without a shape for a gradient",
        rows_of([5.0], [1]),
        Gives([X * X], [np.float32([0, 5, 0])]),
    ),
    row(
        "returned rows that are too long for a gradient",
        rows_of([[5.0, 6.0]], [1]),
        Raises(
            ValueError, "gradient 0 of ", HERE, "has rows of shape (2,), but the input has rows"
        ),
    ),
    row(
        "returned a row that is not there for a gradient",
        rows_of([5.0], [7]),
        Raises(tf.errors.InvalidArgumentError, "out of range"),
    ),
    row(
        "returned rows of another dtype for a gradient",
        rows_of(np.array([5.0]), [1]),
        Raises(TypeError, "gradient 0 of ", HERE, "has dtype float64, but the input has dtype"),
    ),
    row(
        "took the second derivative of an activation of f and df",
        second_derivative,
        Raises(
            (NotImplementedError, tf.errors.UnimplementedError),  # in a tf.function when it runs
            "the second derivative of tanh",
            "give d2f too",
        ),
    ),
]


# Inputs of each kind.


def given(make, func=square, Tout=tf.float32):
    """Runs an op of one input, that `make` makes."""

    def do(world):
        ready = make() if world.eager else None
        return world.run(lambda: world.py_func(func, [make() if ready is None else ready], Tout))

    return do


def inp(make):
    return lambda world: world.run(lambda x: world.py_func(square, make(x), tf.float32), X)


def no_input(make, *words):
    return given(make), Raises(TypeError, "input 0 of square (" + HERE, *words)


MASKED = "is a masked array, whose mask would be lost; fill it"

INPUTS = [
    row("passed big-endian numbers", given(lambda: X.astype(">f4")), Gives([X * X], [])),
    row(
        "passed big-endian integers",
        given(lambda: np.array([1, 2], ">i4"), Tout=tf.int32),
        Gives([np.int32([1, 4])], []),
    ),
    row("passed numbers backwards", given(lambda: X[::-1]), Gives([(X * X)[::-1].copy()], [])),
    row("passed a matrix", given(lambda: np.asmatrix(X)), Gives([(X * X)[None]], [])),
    row(
        "passed nothing, of shape (0, 3)",
        given(lambda: np.zeros((0, 3), np.float32)),
        Gives([np.zeros((0, 3), np.float32)], []),
    ),
    row("passed a masked array", *no_input(lambda: np.ma.masked_less(X, 2), MASKED)),
    row("passed np.longdouble", *no_input(lambda: np.longdouble([1, 2]), "is no tensor: ")),
    row("passed an array of None", *no_input(lambda: np.array([None]), "is no tensor: ")),
    row(
        "passed a structured array",
        *no_input(lambda: X.view([("a", np.float32)]), "is no tensor: "),
    ),
    row("passed rows of different lengths", *no_input(lambda: [[1.0], [2.0, 3.0]], "is no tensor")),
    row("passed numbers and text", *no_input(lambda: [1, 2.5, "a"], "is no tensor: ")),
    row("passed an integer of 70 bits", *no_input(lambda: 1 << 70, "is no tensor: ")),
    row(
        "passed an array too large for any memory",
        given(huge),
        Raises(WRONG, "input 0 of square (" + HERE),
    ),
    row("passed a dict among the inputs", *no_input(lambda: {"a": 1}, "is no tensor: ")),
    row("passed a function", *no_input(lambda: square, "is no tensor: ")),
    row("passed a dtype", *no_input(lambda: tf.float32, "is no tensor: ")),
    row(
        "passed tf.SparseTensor",
        *no_input(lambda: tf.SparseTensor([[0]], [1.0], [3]), "is no tensor: "),
    ),
    row("passed None among the inputs", inp(lambda x: [x, None]), Raises(TypeError, "has None")),
    row(
        "passed the tensor, not a list of it",
        inp(lambda x: x),
        Raises(TypeError, "inp must be a list or tuple of tensors", "square (" + HERE),
    ),
    row(
        "passed a dict of tensors",
        inp(lambda x: {"x": x}),
        Raises(TypeError, "inp must be a list or tuple of tensors", "square (" + HERE, "(dict)"),
    ),
    row(
        "passed a generator of tensors",
        inp(lambda x: (v for v in [x])),
        Raises(TypeError, "inp must be a list or tuple of tensors", "square (" + HERE),
    ),
]


# What is promised: dtypes of each kind and library.


class Torch:
    """As a dtype of another library: no == with others, no hash."""

    is_floating_point = True
    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("no ==")

    def __repr__(self):
        return "torch.float32"


def no_dtype(Tout, *words):
    return result(square, Tout), Raises(TypeError, "Tout of square (" + HERE, *words)


DTYPES = [
    row("promised a dtype by name", op(square, "float32"), SQUARE),
    row("promised a NumPy dtype", op(square, np.dtype("float32")), SQUARE),
    row("promised what a variable of TensorFlow 1 has", op(square, tf.float32._as_ref), SQUARE),
    row("promised objects, and returned bytes", result(lambda x: b"a\0", object), of(b"a\0")),
    row("promised a dtype of another library", *no_dtype(Torch(), "is torch.float32: ")),
    row("promised np.longdouble", *no_dtype(np.longdouble)),
    row("promised a structured dtype", *no_dtype(np.dtype([("a", np.float32)]))),
    row("promised a dtype by a wrong name", *no_dtype("float33", "'float33'")),
    row("promised None", *no_dtype(None, "None")),
    row("promised [None]", *no_dtype([None], "[None]")),
    row("promised a list in a list", *no_dtype([[tf.float32]])),
    row("promised a set of dtypes", *no_dtype({tf.float32})),
    row("promised a dict of dtypes", *no_dtype({"y": tf.float32})),
    row("promised a shape", *no_dtype(tf.TensorShape([3]))),
    row("promised the number of no dtype", *no_dtype(9999, "9999")),
    row("promised a resource", *no_dtype(tf.resource)),
    row(
        "returned numbers where text is promised",
        result(square, tf.string),
        Fails(TypeError, "result 0 of square (" + HERE, "has a value of type float32 in it"),
    ),
]


# Arguments in the wrong place, and names.


def named(name):
    return op(square, name=name)


def names_of(name):
    """Runs two ops of one name, each with a factor and a gradient of its own."""

    def do(world):
        def build(x):
            return [
                world.py_func(
                    lambda x, factor=factor: np.float32(factor) * x,
                    [x],
                    tf.float32,
                    name=name,
                    grad=lambda op, upstream, factor=factor: factor * upstream,
                )
                for factor in (2.0, 3.0)
            ]

        return world.run(build, X)

    return do


BOTH = Gives([2 * X, 3 * X], [np.float32([5, 5, 5])])
NO_NAME = Raises(TypeError, "name of the op of square (" + HERE, "must be text, got")
NO_SCOPE = Raises(ValueError, "is not a valid")

NAMES = [
    row(
        "wrote the name for stateful",
        lambda world: world.run(lambda x: world.py_func(square, [x], tf.float32, "mine"), X),
        Raises(TypeError, "stateful of square (" + HERE, "must be True or False, got 'mine'"),
    ),
    row(
        "wrote the gradient for stateful",
        lambda world: world.run(lambda x: world.py_func(square, [x], tf.float32, square_grad), X),
        Raises(TypeError, "stateful of square (" + HERE, "write name=... and grad=..."),
    ),
    row("gave stateful as 0", op(square, stateful=0), SQUARE),
    row("gave no name", named(None), SQUARE),
    row("gave an empty name", named(""), SQUARE),
    row("gave a number for a name", named(3), NO_NAME),
    row("gave bytes for a name", named(b"x"), NO_NAME),
    row("gave a function for a name", named(square), NO_NAME),
    row("gave an array for a name", named(np.array(["a", "b"])), NO_NAME),
    row("gave a name of 5000 letters", named(5000 * "x"), SQUARE),
    row("gave a name that ends in a slash", named("x/"), SQUARE),
    row("gave a name that begins with a digit", named("1x"), SQUARE),
]
NAMES += [
    row("gave the name %a" % name, named(name), NO_SCOPE, eagerly=SQUARE)
    for name in ("a b", "\u00fc", "_x", "a:b", "/x", "^x", "a\0b", "a\nb")
]
NAMES += [
    row("gave two ops one name", names_of("mine"), BOTH),
    row("gave two ops the name that an op without one has", names_of("PyFunc"), BOTH),
    row("gave two ops an empty name", names_of(""), BOTH),
    row(
        "gave two ops one name that ends in a slash",
        names_of("mine/"),
        Raises(ValueError, "mine"),
        eagerly=BOTH,
    ),
]


# The wrong world, and graphs and sessions in the wrong order.


# A callback that runs a session keeps its thread, and TensorFlow's threads are few: 2 on 2 cores.
OWN_THREADS = tf.ConfigProto(use_per_session_threads=True, inter_op_parallelism_threads=2)


def in_a_session(do):
    """Calls `do(world, graph, session)` in a new graph."""

    def in_session(world):
        with tf.Graph().as_default() as graph, tf.Session(config=OWN_THREADS) as session:
            return do(world, graph, session)

    return in_session


def squared(world):
    return world.py_func(square, [tf.constant(X)], tf.float32, grad=square_grad)


@in_a_session
def closed_session(world, graph, session):
    y = squared(world)
    session.close()
    return [session.run(y)], []


@in_a_session
def session_of_another_graph(world, graph, session):
    tf.constant(1.0)
    with tf.Graph().as_default():
        y = squared(world)
    return session.run(y)


@in_a_session
def inputs_of_two_graphs(world, graph, session):
    with tf.Graph().as_default():
        x = tf.constant(X)
    return world.py_func(np.add, [x, tf.constant(X)], tf.float32, grad=lambda op, g: (g, g))


@in_a_session
def finalized_graph(world, graph, session):
    graph.finalize()
    return squared(world)


@in_a_session
def gradient_of_a_finalized_graph(world, graph, session):
    y = squared(world)
    graph.finalize()
    return tf.gradients(y, y.op.inputs[0])


EAGER = hasattr(tf, "executing_eagerly") and tf.executing_eagerly()
MADE_AT_IMPORT = tf.constant(X)  # eager on TensorFlow 2, else of the default graph


@in_a_session
def made_at_import(world, graph, session):
    return session.run(world.py_func(square, [MADE_AT_IMPORT], tf.float32))


def input_of_a_graph(world):
    """Gives an op of this world a tensor of a graph that is none of its own."""
    with tf.Graph().as_default():
        x = tf.constant(X)
    return world.run(lambda: world.py_func(square, [x], tf.float32))


@in_a_session
def run_itself_by_sessions(world, graph, session):
    def triangle(n):
        if n == 0:
            return np.int64(0)
        with tf.Graph().as_default(), tf.Session(config=OWN_THREADS) as inner:
            return n + inner.run(world.py_func(triangle, [tf.constant(n - 1)], tf.int64))

    return [session.run(world.py_func(triangle, [tf.constant(np.int64(9))], tf.int64))], []


@in_a_session
def run_the_same_session(world, graph, session):
    y = 2 * tf.constant(X)
    return [session.run(world.py_func(lambda x: session.run(y), [y], tf.float32))], []


@in_a_session
def build_ops_while_it_runs(world, graph, session):
    def func(x):
        with graph.as_default():
            return session.run(2 * tf.constant(x))

    return [session.run(world.py_func(func, [tf.constant(X)], tf.float32))], []


def session_in_the_gradient(op, upstream):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(2 * tf.constant(X))


def thread_in_the_function(x):
    results = []
    thread = threading.Thread(target=lambda: results.append(x * x))
    thread.start()
    thread.join()
    return results[0]


def ends_a_data_set(world):
    """What comes of data whose function raises StopIteration: they end."""

    def func(x):
        if x == 3:
            raise StopIteration
        return x

    with tf.Graph().as_default(), tf.Session() as session:
        data = tf.data.Dataset.from_tensor_slices(np.float32([1, 2, 3, 4]))
        data = data.map(lambda x: world.py_func(func, [x], tf.float32))
        one_shot = getattr(tf.data, "make_one_shot_iterator", None)
        element = (one_shot(data) if one_shot else data.make_one_shot_iterator()).get_next()
        seen = []
        try:
            while True:
                seen.append(session.run(element))
        except tf.errors.OutOfRangeError:
            return seen, []


def of_sessions(build):
    """Builds an op of `legacy_spiky`, which is for sessions, in any world."""
    return lambda world: world.run(build, X)


TWIN = Raises(RuntimeError, "is for TensorFlow 1 graphs and sessions", "legacy_spiky.migration")
SPIKY = Gives([np.float32([0, 0, 0])], [np.float32([1, 1, 1])])

WORLDS = [
    row(
        "ran legacy_spiky.py_func eagerly",
        of_sessions(lambda x: legacy_spiky.py_func(square, [x], tf.float32, grad=square_grad)),
        SQUARE,
        eagerly=TWIN,
        in_function=TWIN,
    ),
    row(
        "ran legacy_spiky.tf_spiky eagerly",
        of_sessions(legacy_spiky.tf_spiky),
        SPIKY,
        eagerly=TWIN,
        in_function=TWIN,
    ),
    row(
        "ran an activation of legacy_spiky eagerly",
        of_sessions(legacy_spiky.activation(np.square, lambda x: 2 * x)),
        SQUARE,
        eagerly=TWIN,
        in_function=TWIN,
    ),
    row(
        "ran a closed session",
        closed_session,
        Raises(RuntimeError, "closed Session") if VERSION >= (1, 12) else Gives([X * X], []),
    ),
    row(
        "ran an op in the session of another graph",
        session_of_another_graph,
        Raises(ValueError, "is not an element of this graph"),
    ),
    row(
        "passed tensors of two graphs",
        inputs_of_two_graphs,
        Raises(ValueError, "must be from the same graph"),
    ),
    row(
        "passed a tensor of a graph to another world",
        input_of_a_graph,
        Raises(ValueError, "is not an element of this graph"),
        eagerly=Raises(TypeError, "input 0 of square (" + HERE, "it is of a graph"),
        in_function=Raises(TypeError, "input 0 of square (" + HERE, "it is of a graph"),
    ),
    row(
        "passed a tensor that was made at import to an op of a graph",
        made_at_import,
        Raises((TypeError, RuntimeError), "is no tensor: " if EAGER else "Session graph is empty"),
    ),
    row("built an op in a finalized graph", finalized_graph, Raises(RuntimeError, "finalized")),
    row(
        "took the gradient in a finalized graph",
        gradient_of_a_finalized_graph,
        Raises(RuntimeError, "finalized"),
    ),
    row(
        "gave a function that runs itself by sessions with threads of their own",
        run_itself_by_sessions,
        Gives([np.int64(45)], []),
    ),
    row("gave a function that runs the same session", run_the_same_session, Gives([2 * X], [])),
    row(
        "gave a function that adds to the graph that runs",
        build_ops_while_it_runs,
        Gives([2 * X], []),
    ),
    row(
        "ran a session of another graph in the gradient", gradient(session_in_the_gradient), SQUARE
    ),
    row("gave a function that starts a thread", op(thread_in_the_function), SQUARE),
]
if hasattr(tf, "data"):  # since 1.4
    WORLDS.append(
        row(
            "raised StopIteration in a data set, which ends it",
            ends_a_data_set,
            Gives([np.float32(1), np.float32(2)], []),
        )
    )


# Activations.


def activation(f, df=square, x=X, **others):
    return lambda world: world.run(lambda x: world.activation(f, df, **others)(x), x)


def of_no_number(f, *words):
    return activation(f), Fails(TypeError, "<lambda> (" + HERE, *words)


def spiky_of(make):
    def do(world):
        ready = make() if world.eager else None
        return world.run(lambda: world.tf_spiky(make() if ready is None else ready))

    return do


def forgetful():
    """Keeps what it gets and what it returns, and changes that at its next call."""
    kept = []

    def f(x):
        for old in kept:
            old[...] = -7
        y = x * x
        kept.extend([x, y])
        return y

    return f


def changes(x):
    x *= x
    return x


def two_of(f):
    def do(world):
        op = world.activation(f, lambda x: 2 * x)

        def build(x):
            first = op(x)
            with tf.control_dependencies([first]):
                return [first, op(2 * x)]

        values, _ = world.run(build, X)
        return values, []

    return do


def strictly(world):
    """Numbers at the edges, with NumPy's warnings as errors."""
    x = np.float32([np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, -0.25])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return world.run(lambda x: world.tf_spiky(x), x)


KEEPS = Gives([X], [X * X])

ACTIVATIONS = [
    row(
        "gave an activation a function of one number",
        activation(lambda x: x if x > 0 else 0),
        Fails(TypeError, "<lambda> (" + HERE, "seems to take one number", "legacy_spiky.vectorize"),
    ),
    row(
        "gave an activation a function in C of one number",
        activation(math.sin),
        Fails(TypeError, "sin seems to take one number", "legacy_spiky.vectorize"),
    ),
    row(
        "gave an activation a function of two arguments",
        activation(lambda x, y: x),
        Fails(TypeError, "<lambda> (" + HERE, "called with 1 arguments", "argument: 'y'"),
    ),
    row(
        "gave an activation a generator function",
        activation(generator),
        Fails(TypeError, "generator (" + HERE, "returned of type generator"),
    ),
    row(
        "gave an activation a function of a number",
        activation(lambda x: 1.0),
        Fails(ValueError, "<lambda> (" + HERE, "returned shape () for an input of shape (3,)"),
    ),
    row(
        "gave an activation a function of another shape",
        activation(lambda x: x[:2]),
        Fails(ValueError, "<lambda> (" + HERE, "returned shape (2,) for an input of shape (3,)"),
    ),
    row(
        "gave an activation a derivative of another shape",
        activation(np.square, lambda x: x[:2]),
        Fails(ValueError, "<lambda> (" + HERE, "returned shape (2,) for an input of shape (3,)"),
    ),
    row("returned None of an activation", *of_no_number(lambda x: None, "returned None")),
    row("returned text of an activation", *of_no_number(lambda x: x.astype(str), "returned <U")),
    row(
        "returned complex numbers of an activation",
        *of_no_number(lambda x: x * 1j, "returned complex128"),
    ),
    row(
        "returned a masked array of an activation",
        *of_no_number(lambda x: np.ma.masked_less(x, 2), "is a masked array, whose mask would"),
    ),
    row(
        "returned big-endian numbers of an activation", activation(lambda x: x.astype(">f4")), KEEPS
    ),
    row("returned integers of an activation", activation(lambda x: x.astype(int)), KEEPS),
    row(
        "returned numbers of an activation backwards",
        activation(lambda x: x[::-1]),
        Gives([X[::-1]], [X * X]),
    ),
    row("changed the argument of an activation", activation(changes, lambda x: 2 * x), SQUARE),
    row(
        "kept what an activation gets and gives, and changed it later",
        two_of(forgetful()),
        Gives([X * X, 4 * X * X], []),
    ),
    row(
        "gave an activation an object without a hash",
        activation(Unhashable(), lambda x: 2 * x),
        SQUARE,
    ),
    row(
        "gave an activation an object without == and truth",
        activation(Incomparable(), lambda x: 2 * x),
        SQUARE,
    ),
    row(
        "gave an activation np.vectorize without otypes",
        activation(np.vectorize(square)),
        Raises(TypeError, "f is np.vectorize of square (" + HERE, "give legacy_spiky.vectorize of"),
    ),
    row("gave an activation None", activation(None), Raises(TypeError, "f must be a function")),
    row(
        "gave an activation no derivative",
        activation(np.square, None),
        Raises(TypeError, "df must be a function"),
    ),
    row(
        "gave an activation a name that is none",
        activation(np.square, name="a b"),
        Raises(ValueError, "name must be one that TensorFlow takes for a scope, got 'a b'"),
    ),
    row(
        "passed integers to an activation",
        spiky_of(lambda: [1, 2]),
        Raises(TypeError, "an activation takes a tensor of float", "int32; cast it first"),
    ),
    row(
        "passed text to an activation",
        spiky_of(lambda: "0.25"),
        Raises(TypeError, "an activation takes a tensor of float", "got string"),
    ),
    row(
        "passed None to an activation",
        lambda world: world.tf_spiky(None),
        Raises(TypeError, "the input of tf_spiky (", "is no tensor: "),
    ),
    row(
        "passed rows of different lengths to an activation",
        spiky_of(lambda: [[0.25], [0.75, 1.25]]),
        Raises(TypeError, "the input of tf_spiky (", "is no tensor: "),
    ),
    row(
        "passed a masked array to an activation",
        spiky_of(lambda: np.ma.masked_less(X, 2)),
        Raises(TypeError, "the input of tf_spiky (", "is a masked array, whose mask would be lost"),
    ),
    row(
        "passed big-endian numbers to an activation",
        spiky_of(lambda: np.array([0.25, 0.75], ">f4")),
        Gives([np.float32([0.25, 0])], []),
    ),
    row(
        "passed infinity, NaN and subnormals with NumPy's warnings as errors",
        strictly,
        Gives([np.zeros(7, np.float32)], [np.float32([0, 0, 0, 1, 1, 1, 0])]),
    ),
]


ROWS = FUNCTIONS + RAISING + RESULTS + MEMORY + GRADIENTS + INPUTS + DTYPES + NAMES + WORLDS
ROWS += ACTIVATIONS
