import functools
import math
from fractions import Fraction

import numpy as np
import pytest

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
