import copy
import functools
import math
import pickle
import subprocess
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest

import legacy_spiky
from legacy_spiky._arrays import blocks
from legacy_spiky.functions import spiky
from legacy_spiky.vectorize import vectorize


def test_the_first_element_does_not_decide():
    y = vectorize(spiky)([0.7, 0.2, 1.2])
    np.testing.assert_array_equal(y, [0, 0.2, 1.2 % 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 3, 4)])
def test_dtype_and_shape_are_kept(dtype, shape):
    y = vectorize(lambda x: x + 1)(np.full(shape, 0.25, dtype))
    assert (y.dtype, y.shape) == (dtype, shape)
    assert np.all(y == 1.25)


@pytest.mark.parametrize("x", [[0, 1], [True], 7, []])
def test_not_floating_becomes_float64(x):
    assert vectorize(abs)(x).dtype == np.float64


def test_order_of_the_elements():
    x = np.arange(24.0).reshape(2, 3, 4)
    for view in (x, x.T, x[::-1, :, ::2], np.asfortranarray(x), np.broadcast_to(x[0], x.shape)):
        np.testing.assert_array_equal(vectorize(lambda x: x + 1)(view), view + 1)


def test_f_sees_python_floats_in_order():
    seen = []
    vectorize(lambda x: seen.append(x) or 0)(np.float32([[0.1, -0.0], [np.inf, 3]]))
    assert [type(x) for x in seen] == [float] * 4
    assert seen == [np.float32(0.1).item(), 0.0, math.inf, 3.0]
    assert math.copysign(1, seen[1]) == -1


def test_results_are_rounded_once():
    # 1 + 2**-24 + 2**-50 is above the tie of float32; float32 arithmetic gives the tie, 1.
    y = vectorize(lambda x: 1 + 2.0**-24 + 2.0**-50)(np.float32([1]))
    assert y == np.nextafter(np.float32(1), np.float32(2))
    # The same for float16, by way of float32 it would be a tie.
    y = vectorize(lambda x: 1 + 2.0**-11 + 2.0**-40)(np.float16([1]))
    assert y == np.nextafter(np.float16(1), np.float16(2))


def test_overflow_gives_infinity(recwarn):
    y = vectorize(lambda x: x * 1e300, compile=False)(np.float32([1, -1]))
    np.testing.assert_array_equal(y, [np.inf, -np.inf])
    assert not list(recwarn)


@pytest.mark.parametrize(
    "result", [1, True, 1.5, np.float32(1.5), np.int8(3), np.bool_(True), Fraction(1, 2), 10**20]
)
def test_real_results(result):
    assert vectorize(lambda x: result)(np.float64([0]))[0] == float(result)


def test_mixed_results():
    results = iter([1, 0.5, True, np.float32(0.25)])
    y = vectorize(lambda x: next(results))(np.zeros(4))
    np.testing.assert_array_equal(y, [1, 0.5, 1, 0.25])


@pytest.mark.parametrize("result", [1j, "0.5", None, [1.0], np.zeros(1), np.complex64(1), b"1"])
def test_results_that_are_not_real(result):
    with pytest.raises(TypeError) as error:
        vectorize(lambda x: result if x > 1 else x)([1, 2, 3])
    assert "test_results_that_are_not_real.<locals>.<lambda> (" + __file__ in str(error.value)
    expected = "returned %r (%s) for x = 2.0; expected a real number"
    assert expected % (result, type(result).__name__) in str(error.value)


@pytest.mark.parametrize("x", [1j, "0.5", [None]])
def test_arguments_that_are_not_real(x):
    with pytest.raises(TypeError) as error:
        vectorize(abs)(x)
    assert "expected real numbers (floating, integer or bool), got" in str(error.value)


@pytest.mark.parametrize("f", [3, "abs", None])
def test_not_callable(f):
    with pytest.raises(TypeError) as error:
        vectorize(f)
    assert "f must be a function or another callable, got %r" % (f,) in str(error.value)


def test_an_exception_passes():
    with pytest.raises(ZeroDivisionError):
        vectorize(lambda x: 1 / x)([1, 0])


def test_overflow_of_an_integer():
    with pytest.raises(OverflowError) as error:
        vectorize(lambda x: 10**400)([1])
    assert "a result of " in str(error.value)
    assert __file__ in str(error.value)


def test_name_and_docstring():
    assert vectorize(spiky).__name__ == "spiky"
    assert vectorize(spiky).__doc__ == spiky.__doc__
    assert vectorize(spiky).__wrapped__ is spiky


@pytest.mark.parametrize(
    "f", [abs, np.sin, math.sin, functools.partial(pow, 2), np.float64(2).__mul__, float]
)
def test_callables(f):
    np.testing.assert_array_equal(vectorize(f)([1.0, 2.0]), [f(1.0), f(2.0)])


def test_vectorize_of_a_vectorized():
    np.testing.assert_array_equal(vectorize(vectorize(spiky))([0.2, 0.7]), [0.2, 0])


# What np.vectorize takes, too: NumPy's functions of one number return arrays of no dimension.
NO_DIMENSION = [
    lambda x: np.where(x > 0, x, 0.125 * x),
    lambda x: np.select([x > 0], [x], 0.125 * x),
    lambda x: np.piecewise(x, [x > 0], [lambda x: x, lambda x: 0.125 * x]),
    lambda x: np.array(x if x > 0 else 0.125 * x, np.float32),
    lambda x: x if x > 0 else np.array(Fraction(x) / 8, object),
    lambda x: np.array(x > 0) if x > 0 else 0.125 * x,
    lambda x: np.array(1, np.uint64) if x > 0 else 0.125 * x,
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("f", NO_DIMENSION)
def test_results_that_are_arrays_of_no_dimension(f, dtype):
    y = vectorize(f, compile=False)(np.array([1, -2], dtype))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, [1, -0.25])


@pytest.mark.parametrize(
    "result",
    [
        np.array(1j),
        np.array("text"),
        np.array(None),
        np.ma.masked,
        np.ma.array(1.0),
        np.ones((1, 1)),
    ],
)
def test_arrays_that_are_no_real_number(result):
    with pytest.raises(TypeError, match="expected a real number: float, integer or bool"):
        vectorize(lambda x: result, compile=False)([1.0])


LONG = np.longdouble(2) ** -62
wider = pytest.mark.skipif(LONG + 1 == 1, reason="a longdouble is a double here")
ONCE = [  # one unit below a tie that is a double, that tie's upper neighbour in float32 and float16
    (2**60 + 2**36 + 1, np.float32, 2**60 + 2**37),
    (-(2**60) - 2**36 - 1, np.float32, -(2**60) - 2**37),
    (2**60 + 2**36 - 1, np.float32, 2**60),
    (np.int64(2**60 + 2**36 + 1), np.float32, 2**60 + 2**37),
    (np.uint64(2**63 + 2**39 + 1), np.float32, 2**63 + 2**40),
    (np.array(2**60 + 2**36 + 1), np.float32, 2**60 + 2**37),
    (2**60 + 2**36, np.float32, 2**60),  # a tie, to even
    (2**53 + 1, np.float64, 2**53),
    (2**53 + 3, np.float64, 2**53 + 4),
    (2**100 + 2**76 + 1, np.float32, 2**100 + 2**77),
    (Fraction(1) + Fraction(1, 2**24) + Fraction(1, 2**90), np.float32, 1 + 2.0**-23),
    (Fraction(1) + Fraction(1, 2**11) + Fraction(1, 2**90), np.float16, 1 + 2.0**-10),
    (Fraction(1) + Fraction(1, 2**11) - Fraction(1, 2**90), np.float16, 1),
    (Fraction(1, 2**2000), np.float32, 0),
    pytest.param(1 + np.longdouble(2.0**-24) + LONG, np.float32, 1 + 2.0**-23, marks=wider),
    pytest.param(1 + np.longdouble(2.0**-11) + LONG, np.float16, 1 + 2.0**-10, marks=wider),
    pytest.param(1 + np.longdouble(2.0**-11) - LONG, np.float16, 1, marks=wider),
]


@pytest.mark.parametrize("result, dtype, expected", ONCE)
def test_results_that_no_double_holds_are_rounded_once(result, dtype, expected):
    for several in ([result], [result, 0.5], [0.5, 7, result]):  # among others, too
        results = iter(several)
        y = vectorize(lambda x: next(results), compile=False)(np.zeros(len(several), dtype))  # noqa: B023
        assert y[several.index(result)] == dtype(expected)
        assert all(y[i] == several[i] for i in range(len(several)) if several[i] is not result)


# The user's floating-point state: for the user's functions.


def overflowing(x):
    return float(np.float64(x) * 1e300)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_numpy_s_errors_are_not_the_package_s(dtype):
    """NaN, overflow, underflow and what is not exact, in what comes and in what goes."""
    x = np.array([np.nan, np.inf, 1e-7, 65504, 0], dtype)
    tiny, huge = vectorize(lambda x: 5e-324, False), vectorize(lambda x: 1e300, False)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(vectorize(lambda x: x, False)(x), x)
        results = tiny(x), huge(x)
    expected = np.array([5e-324, 1e300], dtype) if dtype == np.float64 else [0, np.inf]
    if dtype != np.longdouble:
        np.testing.assert_array_equal([y[0] for y in results], expected)


def test_the_function_sees_the_user_s_state():
    seen = []
    f = vectorize(lambda x: seen.append(np.geterr()) or x, compile=False)
    with np.errstate(all="raise", under="call"):
        expected = np.geterr()
        f(np.float32([1, 2]))
    assert seen == [expected] * 2
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        vectorize(overflowing, compile=False)([1e300])
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="overflow"):
            vectorize(overflowing, compile=False)([1e300])


# Pickle.


@vectorize
def decorated(x):
    return x + 1


class Slope:
    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        return self.slope * x

    def method(self, x):
        return self.slope * x + 1


CAN_BE_PICKLED = [
    spiky, math.sin, np.sin, functools.partial(pow, 2), Slope(3), Slope(3).method, decorated
]  # fmt: skip


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
@pytest.mark.parametrize("f", CAN_BE_PICKLED, ids=str)
def test_pickle(f, copied):
    x = np.float32([0.25, 0.75])
    f = vectorize(f, compile=False)
    g = copied(f)
    np.testing.assert_array_equal(g(x), f(x))
    assert g(x).dtype == x.dtype
    assert blocks.steps_of(g) is not None and blocks.steps_of(f) is not None
    assert g.__wrapped__.__class__ is f.__wrapped__.__class__
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(f, protocol))(x), f(x))


def test_pickle_of_what_is_decorated():
    """By its name, as of a function."""
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.deepcopy(decorated) is decorated


def test_pickle_keeps_whether_to_compile():
    assert pickle.loads(pickle.dumps(vectorize(spiky, compile=False)))._made_of == (spiky, False)


def test_what_pickle_cannot():
    f = lambda x: x  # noqa: E731
    with pytest.raises((pickle.PicklingError, AttributeError)) as error:
        pickle.dumps(f)
    with pytest.raises(type(error.value)) as of_vectorized:
        pickle.dumps(vectorize(f))
    assert str(error.value)[:40] in str(of_vectorized.value)


def test_repr():
    assert repr(vectorize(spiky)).startswith("<vectorize of spiky (")


# The warning of what is not read.

SCRIPT = """
import sys, types
package = types.ModuleType("legacy_spiky")
package.__path__ = [sys.argv[1]]
sys.modules["legacy_spiky"] = package
import threading
from fractions import Fraction
from legacy_spiky.vectorize import vectorize
from legacy_spiky.functions import spiky
def f(x, seen=[]):
    return x if seen else x
for _ in range(2):
    for g in (f, Fraction):
        g = vectorize(g)  # line 14
        thread = threading.Thread(target=g, args=([1.0],))
        thread.start()
        thread.join()
g = vectorize(spiky)  # nothing is said of what is read
g(1.0)
"""


def test_the_warning_shows_the_user_s_line(tmp_path):
    """The function's own, or that which made it of one without: in each thread, once."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), legacy_spiky.__file__[: -len("__init__.py")]]
    output = subprocess.check_output(command, stderr=subprocess.STDOUT).decode()
    lines = [line for line in output.splitlines() if "RuntimeWarning" in line]
    assert [line.split(": ")[0] for line in lines] == ["%s:%d" % (script, n) for n in (10, 14)]
    assert "f (%s:10) runs in the interpreter, number by number" % script in lines[0]
    assert "\n  def f(x, seen=[]):\n" in output
    assert "\n  g = vectorize(g)  # line 14\n" in output
