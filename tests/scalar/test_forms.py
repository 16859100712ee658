"""What is read of a function, as arrays or compiled, gives what the interpreter gives."""

import functools
import gc
import math
import random
import subprocess
import sys
import threading
import warnings
import weakref
from fractions import Fraction

import activations
import numpy as np
import programs
import pytest

import legacy_spiky
from legacy_spiky._arrays import blocks, dtypes, threads
from legacy_spiky._arrays.patterns import boundaries
from legacy_spiky._scalar import reading
from legacy_spiky.functions import d_spiky, np_d_spiky, np_spiky, spiky
from legacy_spiky.vectorize import vectorize

_vectorize = sys.modules[vectorize.__module__]  # of the package it is the function

try:
    import numba
except ImportError:
    numba = None

with_numba = pytest.mark.skipif(numba is None, reason="it needs Numba")
FORMS = [pytest.param(False, id="NumPy"), pytest.param(True, id="Numba", marks=with_numba)]
DTYPES = [np.float16, np.float32, np.float64]
try:
    from tensorflow import bfloat16

    DTYPES.insert(1, bfloat16.as_numpy_dtype)
except ImportError:
    pass

warnings.filterwarnings("ignore", category=RuntimeWarning, message="invalid value")


class Interpreted:
    """A function that is not read."""

    def __init__(self, f):
        self.__wrapped__ = f  # by its name errors call it

    def __call__(self, x):
        return self.__wrapped__(x)


@functools.lru_cache(maxsize=None)
def fast(f, compile):
    """Returns its array function, and sees that the interpreter is not asked for all numbers."""
    made = vectorize(f, compile=compile)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            made(0.25)
        except RuntimeWarning:
            raise
        except Exception:
            pass
    return made


@functools.lru_cache(maxsize=None)
def slow(f):
    made = vectorize(Interpreted(f), compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made(0.25)
        except Exception:
            pass
    return made


def inputs(dtype):
    """Boundaries, every bit pattern alike, and numbers of everyday size."""
    chance = np.random.RandomState(0)
    bits = np.frombuffer(chance.bytes(dtype.itemsize << 12), dtype)
    return np.concatenate([boundaries(dtype), bits, chance.uniform(-8, 8, 1 << 12).astype(dtype)])


def outcome(f, *arguments):
    """Returns the bits that a function gives, NaN being NaN, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            y = f(*arguments)
        except Exception as error:
            return type(error), str(error)
    y = np.asarray(y, getattr(y, "dtype", float))
    return np.where(np.isnan(y), y.dtype.type(np.nan), y).tobytes()


CORPUS = activations.CORPUS + [spiky, d_spiky]


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("f", CORPUS, ids=lambda f: f.__name__)
def test_corpus(f, dtype, compile):
    compare(f, compile, inputs(np.dtype(dtype)))


def compare(f, compile, x):
    """Compares a form with the interpreter, and the errors where that raises."""
    quick, sure = fast(f, compile), slow(f)
    expected = outcome(sure, x)
    assert outcome(quick, x) == expected
    if isinstance(expected, tuple):  # the interpreter raises: where?
        alone = [x[i : i + 1] for i in range(len(x))]
        raises = np.array([isinstance(outcome(sure, one), tuple) for one in alone])
        for i in np.flatnonzero(raises)[:: max(1, raises.sum() // 20)]:
            assert outcome(quick, alone[i]) == outcome(sure, alone[i])
        x = x[~raises]
        assert outcome(quick, x) == outcome(sure, x)
    for upstream in (None, x[::-1].copy()):
        by_op = functools.partial(blocks.apply, x=x, upstream=upstream, flush=True)
        assert outcome(by_op, blocks.steps_of(quick)) == outcome(by_op, blocks.steps_of(sure))


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("f", CORPUS, ids=lambda f: f.__name__)
def test_integers(f, compile):
    x = np.arange(-(2**12), 2**12 + 1) / 1.0
    x = np.concatenate([x, x * 16, x * 2.0**14 + 1])
    compare(f, compile, x)


def test_corpus_is_large():
    assert len(activations.CORPUS) >= 64


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("exponent", [-1, 2, 3, 0.5, 1 / 3])
def test_powers(exponent, compile):
    x = np.random.RandomState(2).uniform(-20, 20, 2000)
    for f in (lambda x: x**exponent, lambda x: exponent**x):
        for part in (x, abs(x), np.round(x), np.zeros(1)):
            assert outcome(vectorize(f, compile), part) == outcome(slow(f), part)


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed, compile):
    """What chance writes, integers too, is read right, or not."""
    chance = random.Random(seed)
    for _ in range(1 if compile else 20):
        f = programs.function(chance)
        try:
            reading.read(f)
        except reading.NotRead:
            continue
        quick, sure = fast(f, compile), slow(f)
        for x in (programs.NUMBERS, programs.NUMBERS.astype(np.float32)):
            expected = outcome(sure, x)
            assert outcome(quick, x) == expected, f.source
            if isinstance(expected, tuple):
                for one in x:
                    assert outcome(quick, one) == outcome(sure, one), (f.source, one)


# Integers and variables that are unbound: cases in which compiled code was wrong.


def weight(x):
    k = round(x)
    if k < 0 or k > 30:
        return 0.0
    factorial = 1
    for i in range(2, k + 1):
        factorial *= i
    return 4.0**k / factorial


def unbound(x):
    if x > 0:
        y = 1
    elif x < 0:
        y = 2
    return y


def empty_loop(x):
    for i in range(0):  # noqa: B007
        pass
    return i if x > 1 else x


WRONG_ONCE = [
    weight, unbound, empty_loop, lambda x: int(x) ** 3, lambda x: int(x) ** 3 / 7,
    lambda x: (int(x) * int(x)) ** 2 * int(x) * int(x) * int(x) % 7,
]  # fmt: skip


@pytest.mark.parametrize("compile", [None, False])
@pytest.mark.parametrize("f", WRONG_ONCE)
def test_integers_and_unbound_variables(f, compile):
    chance = np.random.RandomState(0)
    x = np.concatenate([chance.randint(0, 2**26, 2000), np.arange(31), -chance.randint(0, 99, 99)])
    made = vectorize(f, compile)
    for one in x.astype(np.float64):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert outcome(made, one) == outcome(slow(f), one)


def wrapped(x):
    while x > math.pi:
        x -= 2 * math.pi
    return x


def as_often_as_its_argument(x):
    total = 0.0
    for i in range(int(abs(x))):
        total += i
    return total


@pytest.mark.parametrize("f", [wrapped, as_often_as_its_argument])
def test_what_would_not_end_is_called_for_the_user_s_numbers_alone(f):
    with pytest.warns(RuntimeWarning, match="runs in the interpreter.*: (it has|how often)"):
        np.testing.assert_array_equal(vectorize(f)([1.0, 7.5]), [f(1.0), f(7.5)])


# What is not read, and what is said of it.

TABLE = [1.0, 2.0]


@with_numba
@pytest.mark.parametrize(
    "f, why",
    [
        (lambda x: TABLE[0] * x, "it reads TABLE (list), which may be something else later"),
        (lambda x: math.hypot(x, 1), "math.hypot is the interpreter's own code"),
        (math.gamma, "math.gamma is the interpreter's own code"),
    ],
)
def test_compile_or_an_error(f, why):
    with pytest.raises(TypeError) as error:
        vectorize(f, compile=True)
    assert " is not compiled: " in str(error.value)
    assert why in str(error.value)


def test_the_warning_comes_once_and_the_result_is_right():
    f = vectorize(lambda x: TABLE[0] * x)
    with pytest.warns(RuntimeWarning) as caught:
        for _ in range(3):
            np.testing.assert_array_equal(f([1.0, 2.0]), [1, 2])
    (warning,) = caught
    words = str(warning.message)
    assert "<lambda> (" + __file__ in words
    assert (
        "runs in the interpreter, number by number, which is slow: it reads TABLE (list)" in words
    )


@pytest.mark.parametrize("compile", [None, False])
def test_what_is_read_does_not_warn(recwarn, compile):
    np.testing.assert_array_equal(
        vectorize(lambda x: x * 1e300, compile)(np.float32([1, -1])), [np.inf, -np.inf]
    )
    vectorize(spiky, compile)([0.2, np.nan, np.inf])
    vectorize(math.gamma, compile)([0.2, 7])
    assert not list(recwarn)


@pytest.mark.parametrize("compile", [None, False])
def test_what_differs_is_not_used(compile, monkeypatch):
    """A reading that is wrong at one number, as of another library."""
    right = reading.read

    def wrong(f):
        found = right(f)
        found.path = right(lambda x: x + 1 if x != 0.5 else 7).path
        return found

    monkeypatch.setattr(_vectorize, "read", wrong)
    f = vectorize(lambda x: x + 1, compile)
    words = "for x = 0.5 it gives 1.5, but 7.0 when read"
    with pytest.warns(RuntimeWarning, match="number by number, which is slow: " + words):
        np.testing.assert_array_equal(f([0.5, 2.0]), [1.5, 3])


@with_numba
def test_what_differs_when_compiled_is_left_to_numpy(monkeypatch, recwarn):
    right = _vectorize.compiled_form
    other = reading.read(lambda x: x + 2).path
    monkeypatch.setattr(_vectorize, "compiled_form", lambda path: right(other))
    np.testing.assert_array_equal(vectorize(lambda x: x + 1)([0.5, 2.0]), [1.5, 3])
    assert not list(recwarn)
    with pytest.raises(TypeError, match="is not compiled: for x = .* it gives"):
        vectorize(lambda x: x + 1, compile=True)


# What changes.

SLOPE = 2.0


@pytest.mark.parametrize("compile", FORMS)
def test_a_constant_that_changes(compile, monkeypatch, recwarn):
    inner = 1.0

    def f(x):
        return SLOPE * x + inner

    made = vectorize(f, compile)
    assert made(1.0) == 3
    monkeypatch.setitem(globals(), "SLOPE", 5.0)
    assert made(1.0) == 6
    inner = 7.0
    assert made(1.0) == 12
    monkeypatch.setitem(globals(), "SLOPE", 0.0)
    inner = -0.0
    assert math.copysign(1, made(-1.0)) == -1
    monkeypatch.setitem(globals(), "SLOPE", -0.0)
    assert math.copysign(1, made(-1.0)) == 1
    del inner
    assert not list(recwarn)
    with pytest.raises(NameError if compile is False else TypeError):
        made(1.0)
    recwarn.clear()
    inner = 1.0
    assert made(1.0) == 1
    assert not list(recwarn)


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("name", ["__code__", "__defaults__"])
@pytest.mark.parametrize("which", ["itself", "what it calls"])
def test_a_function_that_changes(name, which, compile, recwarn):
    """IPython's autoreload gives a function of a module that was edited the new code."""

    def inner(x, scale=2.0):
        return scale * x

    def f(x):
        return inner(x)

    def other(x, scale=5.0):
        return scale * x + 0.5

    made = vectorize(inner if which == "itself" else f, compile)
    assert made(1.0) == 2
    setattr(inner, name, getattr(other, name))
    assert made(1.0) == inner(1.0) != 2
    assert not list(recwarn)


def test_what_can_no_longer_be_read(monkeypatch):
    f = vectorize(lambda x: SLOPE * x)
    assert f(1.0) == 2
    monkeypatch.setitem(globals(), "SLOPE", np.float32(3))
    with pytest.warns(RuntimeWarning, match="it reads SLOPE .float32., which may be something"):
        assert f(1.0) == 3
    monkeypatch.setitem(globals(), "SLOPE", 4.0)
    assert f(1.0) == 4


@with_numba
def test_what_can_no_longer_be_compiled(monkeypatch):
    f = vectorize(lambda x: SLOPE * x, compile=True)
    assert f(1.0) == 2
    monkeypatch.setitem(globals(), "SLOPE", np.float32(3))
    for _ in range(2):
        with pytest.raises(TypeError, match="is not compiled: it reads SLOPE"):
            f(1.0)
    monkeypatch.setitem(globals(), "SLOPE", 4.0)
    assert f(1.0) == 4


# Errors, threads, memory.


@pytest.mark.parametrize("compile", FORMS)
def test_errors_are_those_of_the_interpreter(compile):
    f = vectorize(activations.pole, compile)
    with pytest.raises(ZeroDivisionError) as error:
        f(np.r_[np.ones(5000), 0, np.ones(5000)])
    assert "activations.py" in str(error.traceback[-1].path)
    np.testing.assert_array_equal(f([1.0, 2.0]), [1, 0.5])


@pytest.mark.parametrize("compile", FORMS)
def test_where_the_interpreter_is_asked(compile):
    """Large integers, in the midst of many small ones."""
    x = np.random.RandomState(0).uniform(-8, 8, 100000)
    x[[0, 5000, 99999]] = 1e300, 2.0**53 + 2, -(2.0**63)
    np.testing.assert_array_equal(
        fast(activations.quantiser, compile)(x), slow(activations.quantiser)(x)
    )


@pytest.mark.parametrize("compile", FORMS)
def test_threads_that_meet_at_the_first_call(compile):
    f, results = vectorize(lambda x: x * 3 + 1, compile), []
    threads = [threading.Thread(target=lambda: results.append(f(2.0))) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == [7.0] * 8


soft = activations.soft_sign


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("order", ["C", "F", "strided", "read-only", "swapped", "empty"])
def test_memory(order, compile):
    x = np.arange(24, dtype=np.float32).reshape(4, 6) / 7
    f = fast(soft, compile)
    if order == "F":
        x = np.asfortranarray(x)
    elif order == "strided":
        x = x[::2, ::3]
    elif order == "read-only":
        x.setflags(write=False)
    elif order == "swapped":
        x = x.astype(">f4")
    elif order == "empty":
        x = x[:0]
    y = f(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(y, slow(soft)(x))


@pytest.mark.parametrize("compile", FORMS)
def test_more_than_one_thread(compile):
    x = np.random.RandomState(0).uniform(-8, 8, (1 << 20) + 12345).astype(np.float32)
    np.testing.assert_array_equal(fast(spiky, compile)(x), np_spiky(x))
    np.testing.assert_array_equal(fast(d_spiky, compile)(x), np_d_spiky(x))


WITHOUT_NUMBA = """
import sys, types
sys.modules["numba"] = None
package = types.ModuleType("legacy_spiky")
package.__path__ = [sys.argv[1]]
sys.modules["legacy_spiky"] = package
import warnings
from legacy_spiky.vectorize import vectorize
with warnings.catch_warnings():
    warnings.simplefilter("error")
    def f(x): return x + 1
    g = vectorize(f)
    assert g([1.0]).tolist() == g([1.0]).tolist() == [2.0]
try:
    vectorize(f, compile=True)
except ImportError as error:
    print(error)
"""


def test_without_numba():
    package = legacy_spiky.__file__[: -len("__init__.py")]
    output = subprocess.check_output([sys.executable, "-c", WITHOUT_NUMBA, package]).decode()
    (line,) = output.splitlines()
    assert line.startswith("f (<string>:") and " is not compiled: " in line
    assert "pip install" in line


def product_of_small_numbers(x):
    return x * 1e-310 * 1e5


@pytest.mark.parametrize("compile", FORMS)
def test_subnormals_on_every_thread(compile):
    """They are what they are on Python's own thread."""
    x = np.full((1 << 20) + 7, 1.0)
    assert set(fast(product_of_small_numbers, compile)(x)) == {1e-310 * 1e5}


@pytest.mark.parametrize("compile", FORMS)
def test_rounding_to_the_least_normal_number(compile):
    least = 2.0**-126
    x = np.float64([least, least * (1 - 2.0**-25), least * (1 - 2.0**-24), least / 2, 2.0**-149])
    table = tuple(x.tolist())

    def f(i):
        return table[int(i)]

    for g in (fast(f, compile), slow(f)):
        y = blocks.apply(blocks.steps_of(g), np.arange(5, dtype=np.float32), flush=True)
        np.testing.assert_array_equal(y, np.float32([least, least, 0, 0, 0]))
    assert dtypes.limits(np.dtype(np.float32)) == (least, least * (1 - 2.0**-25))


@pytest.mark.parametrize("compile", [None, False])
@pytest.mark.parametrize("factors", [(2.0,), np.ones(1)])  # read, and not
def test_functions_are_freed(factors, compile):
    f = [lambda x: factors[0] * x]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert vectorize(f[0], compile)(1.0) == factors[0]
    gone = weakref.ref(f.pop())
    gc.collect()
    assert gone() is None


# The user's floating-point state and warnings.


def rooted(x):
    return np.sqrt(x) * 1e-300


@pytest.mark.parametrize("compile", FORMS)
@pytest.mark.parametrize("state", ["ignore", "raise"])
def test_nothing_is_refused_for_numbers_that_nobody_passed(state, compile):
    with np.errstate(all=state), warnings.catch_warnings():
        warnings.simplefilter("error")
        f = vectorize(rooted, compile)
        np.testing.assert_array_equal(f([4.0, 0.0]), [2e-300, 0])
        with np.errstate(all="ignore"):
            assert np.isnan(f(-1.0))


@pytest.mark.parametrize("compile", FORMS)
def test_what_is_read_sees_the_user_s_state(compile):
    """A root of a negative number: an error, a warning or nothing, as the user says."""
    f = fast(rooted, compile)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        f([1.0, -1.0])
    with np.errstate(invalid="warn"), pytest.warns(RuntimeWarning, match="invalid value"):
        f([1.0, -1.0])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(np.float32([4, -1, np.nan])), [0, np.nan, np.nan])
    with np.errstate(under="raise"), pytest.raises(FloatingPointError):
        vectorize(lambda x: np.sqrt(x) * 5e-324, compile)([0.01])


@pytest.mark.parametrize("compile", FORMS)
def test_the_interpreter_is_asked_on_the_caller_s_thread(compile, monkeypatch):
    """Where the user's errstate is, for one; in the order of the numbers, and for no others."""
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setattr(threads, "_PART", 1 << 14)
    threads._threads.cache_clear()
    interpret, seen = _vectorize._interpret, []

    def noted(f, flush, x, upstream, y):
        seen.append((threading.get_ident(), np.geterr()["under"], x.tolist()))
        interpret(f, flush, x, upstream, y)

    monkeypatch.setattr(_vectorize, "_interpret", noted)
    x = np.arange(1 << 16) + 0.5
    x[::10000] *= -(2.0**60)  # int() of more than 2**53 is the interpreter's
    with np.errstate(under="call"):
        y = vectorize(lambda x: int(x), compile)(x)
    np.testing.assert_array_equal(y, np.trunc(x))
    assert seen == [(threading.get_ident(), "call", x[::10000].tolist())]


@pytest.mark.parametrize("compile", FORMS)
def test_where_the_interpreter_is_asked_results_are_rounded_once(compile):
    """An integer that no double holds: (2**30 + 2**18)**2 + 1 is above a tie of float32."""

    def f(x):
        return int(x) * int(x) + 1

    x = np.float32([3, 2**30 + 2**18, -(2**28) - 2**16])
    exact = [int(number) ** 2 + 1 for number in x.tolist()]
    y = fast(f, compile)(x)
    assert y.tolist() == [float(nearest(number)) for number in exact]
    assert y.tolist() != np.float32(np.float64(exact)).tolist()


def nearest(number):
    """The integer with 24 bits that is nearest to another one, ties to even."""
    unit = Fraction(2) ** max(0, number.bit_length() - 24)
    return round(number / unit) * unit
