"""What is compiled gives what the interpreter gives, or is not compiled."""

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
import pytest

from legacy_spiky import _blocks, _compiled, _dtypes, _threads
from legacy_spiky._bits import boundaries
from legacy_spiky.functions import d_spiky, np_d_spiky, np_spiky, spiky
from legacy_spiky.vectorize import vectorize

_vectorize = sys.modules[vectorize.__module__]  # of the package it is the function

pytest.importorskip("numba")

DTYPES = [np.float16, np.float32, np.float64]


def inputs(dtype):
    """Boundaries, every bit pattern alike, and numbers of everyday size."""
    random = np.random.RandomState(0)
    bits = np.frombuffer(random.bytes(np.dtype(dtype).itemsize << 12), dtype)
    return np.concatenate([boundaries(dtype), bits, random.uniform(-8, 8, 1 << 12).astype(dtype)])


def outcome(f, *arguments):
    """Returns the bits that a function gives, NaN being NaN, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            y = f(*arguments)
        except Exception as error:
            return type(error), str(error)
    y = np.asarray(y, getattr(y, "dtype", float))
    return np.where(np.isnan(y), y.dtype.type(np.nan), y).tobytes()


@functools.lru_cache(maxsize=None)
def both(f):
    return vectorize(f, compile=True), vectorize(f, compile=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", activations.CORPUS + [spiky, d_spiky], ids=lambda f: f.__name__)
def test_corpus(f, dtype):
    fast, slow = both(f)
    x = inputs(dtype)
    expected = outcome(slow, x)
    assert outcome(fast, x) == expected
    if isinstance(expected, tuple):  # the interpreter raises: where?
        alone = [x[i : i + 1] for i in range(len(x))]
        raises = np.array([isinstance(outcome(slow, one), tuple) for one in alone])
        for i in np.flatnonzero(raises)[:: max(1, raises.sum() // 20)]:
            assert outcome(fast, alone[i]) == outcome(slow, alone[i])
        x = x[~raises]
        assert len(x) > 1000 and outcome(fast, x) == outcome(slow, x)
    for upstream in (None, x[::-1].copy()):
        by_op = functools.partial(_blocks.apply, x=x, upstream=upstream, flush=True)
        assert outcome(by_op, _blocks.steps_of(fast)) == outcome(by_op, _blocks.steps_of(slow))


def test_corpus_is_large():
    assert len(activations.CORPUS) >= 30


@pytest.mark.parametrize("name", _compiled._MATH)
def test_functions_of_math(name):
    """Those that are taken to be the same are, on each bit."""
    function = getattr(math, name)
    if name in ("atan2", "copysign", "pow"):
        f, g = (lambda x: function(x, 0.7)), (lambda x: function(0.7, x))
        fs = [f, g]
    else:
        fs = [function, lambda x: function(8 * x)]
    random = np.random.RandomState(1)
    x = np.concatenate([random.uniform(-1, 1, 20000), random.uniform(-100, 100, 20000)])
    x = np.concatenate([x, np.frombuffer(random.bytes(8 * 20000), np.float64)])
    for f in fs:
        slow = vectorize(f, compile=False)
        if isinstance(outcome(slow, x), tuple):
            good = [not isinstance(outcome(f, number), tuple) for number in x]
            assert sum(good) > 1000
            x = x[np.array(good)]
        assert outcome(vectorize(f, compile=True), x) == outcome(slow, x)


@pytest.mark.parametrize("exponent", [-1, 2, 3, 0.5, 1 / 3])
def test_powers(exponent):
    x = np.random.RandomState(2).uniform(-20, 20, 2000)
    for f in (lambda x: x**exponent, lambda x: exponent**x):
        fast, slow = both(f)
        for part in (x, abs(x), np.round(x), np.zeros(1)):
            assert outcome(fast, part) == outcome(slow, part)


# What is not compiled, and what is said of it.

TABLE = [1.0, 2.0]
ARRAY = np.ones(3)


class Callable:
    def __call__(self, x):
        return x

    def method(self, x):
        return x


def makes_a_function(x):
    def power(y):
        return y**3

    return [power, power][0](x)


def counts(x):
    TABLE.append(x)
    return x


def recursive(x):
    return x if x < 1 else recursive(x - 1)


REFUSED = [
    (lambda x: math.hypot(x, 1), "it reads math.hypot (builtin_function_or_method)"),
    (math.gamma, "and this is of type builtin_function_or_method"),
    (lambda x: np.exp(x), "it reads numpy.exp (ufunc)"),
    (lambda x: np.tanh(x), "it reads numpy.tanh (ufunc)"),
    (lambda x: np.random.uniform(), "it reads numpy.random (module)"),
    (lambda x: random.random(), "it reads random (module)"),
    (lambda x: TABLE[0] * x, "it reads TABLE (list), which may be something else when compiled"),
    (lambda x: ARRAY[0] * x, "it reads ARRAY (ndarray)"),
    (lambda x: print(x) or x, "it reads print (builtin_function_or_method)"),
    (lambda x: round(x, 2), ""),
    (lambda x: 1j * x, "it returns complex128 when compiled"),
    (lambda x: None if x > 1 else x, "it returns OptionalType(float64) when compiled"),
    (lambda x: "text", "it returns "),
    (lambda x: x.hex(), "Unknown attribute 'hex' of type float64"),
    (lambda x, y: x, "it takes no single number: missing a required argument: 'y'"),
    (counts, "it reads TABLE (list)"),
    (recursive, "it calls itself"),
    (makes_a_function, "it makes a function"),
    (functools.partial(pow, 2), "and this is of type partial"),
    (Callable(), "and this is of type Callable"),
    (Callable().method, "and this is of type method"),
    # Integers of 64 bits run over.
    (lambda x: (int(x) * int(x)) ** 2 * int(x) * int(x) * int(x) % 7, " when compiled"),
]


@pytest.mark.parametrize("f, reason", REFUSED)
def test_refused(f, reason):
    with pytest.raises(TypeError) as error:
        vectorize(f, compile=True)
    assert " is not compiled: " in str(error.value)
    assert reason in str(error.value)


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


def test_what_compiles_does_not_warn(recwarn):
    np.testing.assert_array_equal(
        vectorize(lambda x: x * 1e300)(np.float32([1, -1])), [np.inf, -np.inf]
    )
    vectorize(spiky)([0.2, np.nan, np.inf])
    assert not list(recwarn)


def test_false_does_not_compile():
    seen = []
    vectorize(lambda x: seen.append(x) or x, compile=False)([1.0])
    assert seen == [1.0]


SLOPE = 2.0


def test_a_constant_that_changes(monkeypatch):
    inner = 1.0

    def f(x):
        return SLOPE * x + inner

    fast, sure = vectorize(f), vectorize(f, compile=True)
    assert fast(1.0) == sure(1.0) == 3
    monkeypatch.setitem(globals(), "SLOPE", 2.0 * 1)  # equal: nothing changed
    assert sure(1.0) == 3
    monkeypatch.setitem(globals(), "SLOPE", 5.0)
    with pytest.warns(RuntimeWarning, match="SLOPE, which it reads, is another now than when it"):
        assert fast(1.0) == 6
    with pytest.raises(TypeError, match="is not compiled: SLOPE, which it reads, is another now"):
        sure(1.0)
    monkeypatch.setitem(globals(), "SLOPE", 2.0)
    assert sure(1.0) == 3
    inner = 7.0
    with pytest.raises(TypeError, match="inner, which it reads, is another now"):
        sure(1.0)
    assert fast(1.0) == 9


@pytest.mark.parametrize("name", ["__code__", "__defaults__"])
@pytest.mark.parametrize("which", ["itself", "what it calls"])
def test_a_function_that_changes(name, which):
    """IPython's autoreload gives a function of a module that was edited the new code."""

    def inner(x, scale=2.0):
        return scale * x

    def f(x):
        return inner(x)

    def other(x, scale=5.0):
        return scale * x + 0.0

    fast = vectorize(inner if which == "itself" else f)
    sure = vectorize(inner if which == "itself" else f, compile=True)
    assert fast(1.0) == sure(1.0) == 2
    inner.__defaults__ = (2.0,)  # equal: nothing changed
    assert sure(1.0) == 2
    setattr(inner, name, getattr(other, name))
    with pytest.warns(RuntimeWarning, match="%s, which it reads, is another now" % name):
        assert fast(1.0) == inner(1.0)
    with pytest.raises(TypeError, match="%s, which it reads, is another now" % name):
        sure(1.0)


def test_errors_are_those_of_the_interpreter():
    f = vectorize(activations.pole, compile=True)
    with pytest.raises(ZeroDivisionError) as error:
        f(np.r_[np.ones(5000), 0, np.ones(5000)])
    assert "activations.py" in str(error.traceback[-1].path)
    np.testing.assert_array_equal(f([1.0, 2.0]), [1, 0.5])


def test_where_the_interpreter_is_asked():
    """Large integers, in the midst of many small ones."""
    x = np.random.RandomState(0).uniform(-8, 8, 100000)
    x[[0, 5000, 99999]] = 1e300, 2.0**26 + 0.6, -(2.0**63)
    f, g = both(activations.quantiser)
    np.testing.assert_array_equal(f(x), g(x))


def test_threads_that_meet_at_the_first_call():
    f, results = vectorize(lambda x: x * 3 + 1), []
    threads = [threading.Thread(target=lambda: results.append(f(2.0))) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == [7.0] * 8


@pytest.mark.parametrize("order", ["C", "F", "strided", "read-only", "swapped", "empty"])
def test_memory(order):
    x = np.arange(24, dtype=np.float32).reshape(4, 6) / 7
    f = both(soft)[0]
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
    np.testing.assert_array_equal(y, both(soft)[1](x))


soft = activations.soft_sign


def test_more_than_one_thread():
    x = np.random.RandomState(0).uniform(-8, 8, (1 << 20) + 12345).astype(np.float32)
    np.testing.assert_array_equal(both(spiky)[0](x), np_spiky(x))
    np.testing.assert_array_equal(both(d_spiky)[0](x), np_d_spiky(x))


WITHOUT_NUMBA = """
import sys, types
sys.modules["numba"] = None
package = types.ModuleType("legacy_spiky")
package.__path__ = [sys.argv[1]]
sys.modules["legacy_spiky"] = package
import warnings
from legacy_spiky.vectorize import vectorize
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    def f(x): return x + 1
    g = vectorize(f)
    assert g([1.0]).tolist() == g([1.0]).tolist() == [2.0]
print(*[warning.message for warning in caught])
try:
    vectorize(f, compile=True)
except ImportError as error:
    print(error)
"""


def test_without_numba():
    package = _compiled.__file__[: -len("_compiled.py")]
    output = subprocess.check_output([sys.executable, "-c", WITHOUT_NUMBA, package]).decode()
    first, second = output.splitlines()
    assert first.startswith("f (<string>:")
    assert "runs in the interpreter, number by number, which is slow: " in first
    assert first.endswith("pip install numba")
    assert " is not compiled: " in second and second.endswith("pip install numba")


def test_subnormals_on_every_thread():
    """Compiled code meets them as Python's own thread does."""
    f = both(product_of_small_numbers)[0]
    x = np.full((1 << 20) + 7, 1.0)
    assert set(f(x)) == {1e-310 * 1e5}


def product_of_small_numbers(x):
    return x * 1e-310 * 1e5


def test_rounding_to_the_least_normal_number():
    least = 2.0**-126
    x = np.float64([least, least * (1 - 2.0**-25), least * (1 - 2.0**-24), least / 2, 2.0**-149])
    table = tuple(x.tolist())
    f = vectorize(lambda i: table[int(i)], compile=True)
    for g in (f, vectorize(lambda i: table[int(i)], compile=False)):
        y = _blocks.apply(_blocks.steps_of(g), np.arange(5, dtype=np.float32), flush=True)
        np.testing.assert_array_equal(y, np.float32([least, least, 0, 0, 0]))
    assert _dtypes.limits(np.dtype(np.float32)) == (least, least * (1 - 2.0**-25))


warnings.filterwarnings("ignore", category=RuntimeWarning, message="invalid value")


@pytest.mark.parametrize("factors", [(2.0,), np.ones(1)])  # compiled, and refused
def test_functions_are_freed(factors):
    f = [lambda x: factors[0] * x]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert vectorize(f[0])(1.0) == factors[0]
    gone = weakref.ref(f.pop())
    gc.collect()
    assert gone() is None


def rooted(x):
    return np.sqrt(x) * 1e-300


@pytest.mark.parametrize("state", ["ignore", "raise"])
def test_nothing_is_refused_for_numbers_that_nobody_passed(state):
    with np.errstate(all=state), warnings.catch_warnings():
        warnings.simplefilter("error")
        f = vectorize(rooted, compile=True)
        np.testing.assert_array_equal(f([4.0, 0.0]), [2e-300, 0])
        with np.errstate(all="ignore"):
            assert np.isnan(f(-1.0))


def test_what_is_compiled_sees_the_user_s_state():
    """A root of a negative number: an error, a warning or nothing, as the user says."""
    f = both(rooted)[0]
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        f([1.0, -1.0])
    with np.errstate(invalid="warn"), pytest.warns(RuntimeWarning, match="invalid value"):
        f([1.0, -1.0])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(np.float32([4, -1, np.nan])), [0, np.nan, np.nan])


def test_the_interpreter_is_asked_on_the_caller_s_thread(monkeypatch):
    """Where the user's errstate is, for one; in the order of the numbers."""
    monkeypatch.setattr(_threads, "cores", lambda: 4)
    monkeypatch.setattr(_threads, "_PART", 1 << 14)
    _threads._threads.cache_clear()
    interpret, seen = _vectorize._interpret, []

    def noted(f, flush, x, upstream, y):
        seen.append((threading.get_ident(), np.geterr()["under"], x[0]))
        interpret(f, flush, x, upstream, y)

    monkeypatch.setattr(_vectorize, "_interpret", noted)
    x = np.arange(1 << 16) + 0.5
    x[::10000] *= -(2.0**30)  # int() of more than 2**26 is the interpreter's
    with np.errstate(under="call"):
        y = vectorize(lambda x: int(x), compile=True)(x)
    np.testing.assert_array_equal(y, np.trunc(x))
    threads, states, numbers = zip(*seen)
    assert set(threads) == {threading.get_ident()} and set(states) == {"call"}
    assert len(numbers) == 7 and list(numbers[1:]) == sorted(numbers[1:])


def test_where_the_interpreter_is_asked_results_are_rounded_once():
    """An integer that no double holds: (2**30 + 2**18)**2 + 1 is above a tie of float32."""

    def f(x):
        return int(x) * int(x) + 1

    x = np.float32([3, 2**30 + 2**18, -(2**28) - 2**16])
    exact = [int(number) ** 2 + 1 for number in x.tolist()]
    y = both(f)[0](x)
    assert y.tolist() == [float(nearest(number)) for number in exact]
    assert y.tolist() != np.float32(np.float64(exact)).tolist()


def nearest(number):
    """The integer with 24 bits that is nearest to another one, ties to even."""
    unit = Fraction(2) ** max(0, number.bit_length() - 24)
    return round(number / unit) * unit
