import numpy as np
import pytest

from legacy_spiky._arrays import blocks
from legacy_spiky.functions import (
    d_spiky,
    np_d_spiky,
    np_d_spiky_32,
    np_spiky,
    np_spiky_32,
    spiky,
)
from legacy_spiky.vectorize import vectorize

PAIRS = [(np_spiky, spiky), (np_d_spiky, d_spiky)]

# On each boundary, and what comes of it.
TABLE = [
    (0.0, 0, 1),
    (-0.0, 0, 1),
    (0.2, 0.2, 1),
    (0.5, 0.5, 1),
    (np.nextafter(0.5, 1), 0, 0),
    (0.7, 0, 0),
    (np.nextafter(1.0, 0), 0, 0),
    (1.0, 0, 1),
    (1.5, 0.5, 1),
    (-0.25, 0, 0),
    (-0.5, 0.5, 1),
    (-0.75, 0.25, 1),
    (-1.0, 0, 1),
    (-1e-300, 0, 0),
    (-5e-324, 0, 0),
    (5e-324, 5e-324, 1),
    (-1e-40, 0, 0),
    (1e300, 0, 1),
    (np.float32(-0.49999997).item(), 0, 0),  # float32 arithmetic says 0.5
    (np.nextafter(-0.5, 0), 0.5, 1),  # float64 arithmetic says 0.5, and that is the recipe's
    (np.inf, 0, 0),
    (-np.inf, 0, 0),
    (np.nan, 0, 0),
]


def bits(array):
    array = np.atleast_1d(array)
    return array.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[array.dtype.itemsize])


@pytest.mark.parametrize("x, y, dy", TABLE)
def test_boundaries(x, y, dy):
    assert (spiky(x), d_spiky(x)) == (y, dy)
    assert not np.signbit(spiky(x))
    assert (np_spiky(x), np_d_spiky(x)) == (y, dy)
    assert not np.signbit(np_spiky(x))


def test_table_as_an_array():
    x, y, dy = np.array(TABLE, dtype=np.float64).T
    np.testing.assert_array_equal(bits(np_spiky(x)), bits(y))
    np.testing.assert_array_equal(bits(np_d_spiky(x)), bits(dy))


@pytest.mark.parametrize("array_function, function", PAIRS)
def test_every_float16(array_function, function):
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(invalid="ignore"):
        expected = np.array([function(number) for number in x.astype(float).tolist()], np.float16)
    np.testing.assert_array_equal(bits(array_function(x)), bits(expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("array_function, function", PAIRS)
def test_random_bits(array_function, function, dtype):
    unsigned = {4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    x = np.frombuffer(np.random.RandomState(0).bytes(1 << 18), unsigned).view(dtype)
    with np.errstate(invalid="ignore"):
        expected = np.array([function(number) for number in x.astype(float).tolist()], dtype)
    np.testing.assert_array_equal(bits(array_function(x)), bits(expected))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("function", [np_spiky, np_d_spiky])
def test_dtype_and_shape_are_kept(function, shape, dtype):
    y = function(np.full(shape, 0.25, dtype))
    assert (y.dtype, y.shape) == (dtype, shape)
    assert np.all(y == {np_spiky: 0.25, np_d_spiky: 1}[function])


@pytest.mark.parametrize("x", [[0, 1, -3], [True, False], 7, np.uint8([255]), []])
@pytest.mark.parametrize("array_function, function", PAIRS)
def test_not_floating_becomes_float64(array_function, function, x):
    y = array_function(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, np.vectorize(function, otypes=[float])(x))


@pytest.mark.parametrize("function", [np_spiky_32, np_d_spiky_32])
@pytest.mark.parametrize("x", [0.25, [0.25], np.float16([0.25]), np.float64([[0.25]]), []])
def test_32(function, x):
    y = function(x)
    assert y.dtype == np.float32
    assert y.shape == np.shape(x)


@pytest.mark.parametrize("x", [1j, "0.5", ["a"], [None], object()])
@pytest.mark.parametrize("function", [np_spiky, np_d_spiky])
def test_not_real(function, x):
    with pytest.raises(TypeError) as error:
        function(x)
    assert "expected real numbers (floating, integer or bool), got" in str(error.value)
    assert str(np.asarray(x).dtype) in str(error.value)


def test_the_argument_is_left_alone():
    x = np.float32([0.2, 0.7])
    x.setflags(write=False)
    np_spiky(x)
    np_d_spiky(x)
    np.testing.assert_array_equal(x, np.float32([0.2, 0.7]))


def test_no_warnings(recwarn):
    np_spiky([np.inf, np.nan, -np.inf, 1e300])
    np_d_spiky(np.float32([np.inf, np.nan]))
    signalling = np.uint32([0x7F800001, 1, 0x7F800000]).view(
        np.float32
    )  # NaN, a subnormal, infinity
    blocks.apply(blocks.steps_of(np_d_spiky), signalling, signalling, flush=True)
    assert not [str(warning.message) for warning in recwarn]


def test_masked_arrays():
    """NumPy makes arrays of them, without the mask."""
    masked = np.ma.array(np.float32([0.2, 0.7]), mask=[True, False])
    for function in (np_spiky, np_d_spiky, np_spiky_32, vectorize(spiky)):
        with pytest.raises(TypeError, match="a masked one, whose mask would be lost; fill it"):
            function(masked)
    np.testing.assert_array_equal(np_spiky(masked.filled(0)), np.float32([0, 0]))
