import functools
import gc
import weakref

import numpy as np
import pytest

from legacy_spiky._arrays import blocks
from legacy_spiky._ops import guard_elementwise
from legacy_spiky.functions import np_d_spiky, np_spiky
from legacy_spiky.vectorize import vectorize

HUGE = (1 << 16) + 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4), (1 << 14,), (3, 1 << 13), (HUGE,)])
def test_large_arrays_are_aligned(shape, dtype):
    y = blocks.empty(shape, np.dtype(dtype))
    assert (y.shape, y.dtype) == (shape, dtype)
    assert y.flags.c_contiguous and y.flags.writeable
    if y.nbytes >= 1 << 15:
        assert y.__array_interface__["data"][0] % 64 == 0
    y[...] = 1


@pytest.mark.parametrize("size", [0, 1, HUGE - 2, HUGE - 1, HUGE, 2 * HUGE])
@pytest.mark.parametrize("function", [np_spiky, np_d_spiky])
def test_block_by_block(function, size):
    x = np.random.RandomState(0).uniform(-8, 8, size).astype(np.float32)
    y = function(x)
    for i in range(0, size, 1000):
        np.testing.assert_array_equal(y[i : i + 1000], function(x[i : i + 1000]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "upstream", [1.0, -3.0, 1e-45, 2.0**-127, -(2.0**-149), np.nan, np.inf, 0.0]
)
def test_products(dtype, upstream):
    """Those of np_d_spiky in one go are those of its values."""
    least = 2.0**-126 if dtype == np.float32 else 2.0**-1022
    x = np.array([0.25, 0.75, -0.0, least / 2, -least / 2, -least, np.nan, np.inf], dtype)
    upstream = np.full(x.shape, upstream, dtype)
    for function in (np_d_spiky, np_spiky):
        callback = guard_elementwise(function, dtype)
        generic = guard_elementwise(lambda x: function(x), dtype)  # noqa: B023
        assert callback(x).tobytes() == generic(x).tobytes()
        np.testing.assert_array_equal(callback(x, upstream), generic(x, upstream))
        zero = callback(x, upstream) == 0
        signs = [np.signbit(c(x, upstream)[zero]) for c in (callback, generic)]
        np.testing.assert_array_equal(*signs)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3)])
@pytest.mark.parametrize("slope", [0.0, -0.0, 1.0, 2.0**-140])
def test_products_of_each_shape(dtype, shape, slope):
    callback = guard_elementwise(lambda x: np.full_like(x, slope), dtype)
    y = callback(np.ones(shape, dtype), np.full(shape, -2, dtype))
    assert (y.shape, y.dtype) == (shape, dtype)
    np.testing.assert_array_equal(y, 0 if slope < 1 and dtype != np.float64 else -2 * slope)


def test_an_upstream_gradient_of_another_shape():
    with pytest.raises(ValueError) as error:
        guard_elementwise(np_d_spiky, np.float32)(np.zeros(3, np.float32), np.zeros(2))
    assert "upstream gradient of np_d_spiky (" in str(error.value)
    assert "has shape (2,), but its input has shape (3,)" in str(error.value)


def test_a_function_that_wraps_ours_is_not_ours():
    @functools.wraps(np_spiky)
    def doubled(x):
        return 2 * np_spiky(x)

    assert blocks.steps_of(doubled) is None
    x = np.float32([0.25])
    assert guard_elementwise(doubled, np.float32)(x) == [0.5]


class NoHash:
    __hash__ = None

    def __call__(self, x):
        return x


@pytest.mark.parametrize("function", [np.tanh, abs, NoHash(), functools.partial(np.add, 1)])
def test_functions_of_others_have_no_steps(function):
    assert blocks.steps_of(function) is None


class Model:
    """Has an array function that its own method leads to."""

    def __init__(self):
        self.array_function = vectorize(self.scalar)

    def scalar(self, x):
        return x


def test_steps_go_with_their_function():
    model = Model()
    assert blocks.steps_of(model.array_function) is not None
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
