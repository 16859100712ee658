"""Bit patterns, distances, and the inputs that find what differs."""

import numpy as np
import pytest

from legacy_spiky._arrays import dtypes
from legacy_spiky._arrays.patterns import bits, boundaries, distance, samples, upstreams
from legacy_spiky._ops import versions

LARGEST = float(np.finfo(np.float32).max)
DTYPES = [dtype.name for dtype in versions.FLOATING]


def test_bits():
    assert bits(np.float32([[1.0, -0.0]])).tolist() == [[0x3F800000, 0x80000000]]
    assert bits(np.array(1.0)).shape == ()


@pytest.mark.parametrize(
    "a, b, steps",
    [
        (0.0, -0.0, 0),
        (0.0, 2.0**-149, 1),
        (-(2.0**-149), 2.0**-149, 2),
        (1.0, 1 + 2.0**-23, 1),
        (1 + 2.0**-23, 1.0, 1),
        (1.0, 1 - 2.0**-24, 1),
        (0.5, 1.0, 2**23),
        (-1.0, 1.0, 2 * 0x3F800000),
        (np.inf, np.finfo(np.float32).max, 1),
        (-np.inf, np.inf, 2 * 0x7F800000),
    ],
)
def test_distance(a, b, steps):
    assert distance(np.float32([a]), np.float32([b])).tolist() == [steps]


def test_distance_of_the_widest_doubles():
    steps = distance(np.float64([-np.inf]), np.float64([np.inf]))
    assert int(steps[0]) == 2 * 0x7FF0000000000000


@pytest.mark.parametrize("dtype", DTYPES)
def test_boundaries_have_neighbours(dtype):
    edges = boundaries(dtype)
    assert edges.dtype.name == dtype
    wide = dtypes.to_double(edges)
    assert len(set(bits(edges).tolist())) == len(edges)
    for number in (0, 0.5, 1, 1.5, 2, 8, -0.5, -1, -8):
        (place,) = np.flatnonzero((wide == number) & (np.signbit(wide) == (number < 0)))
        pattern = int(bits(edges)[place])
        assert pattern + 1 in bits(edges)
        assert number == 0 or pattern - 1 in bits(edges)
    assert np.isinf(wide).sum() == 2
    assert np.isnan(wide).sum() == 4
    assert (wide == 0).sum() == 2


def test_boundaries_find_what_float32_gets_wrong():
    assert np.float32(-0.49999997) in boundaries("float32")


def test_boundaries_have_the_limits():
    edges = boundaries("float32")
    for number in (2.0**-149, 2.0**-126, 2.0**-126 - 2.0**-149, np.finfo(np.float32).max):
        assert np.float32(number) in edges and np.float32(-number) in edges


@pytest.mark.parametrize("dtype", DTYPES)
def test_samples(dtype):
    x = samples(dtype, count=70000)
    if np.dtype(x.dtype).itemsize == 2:  # each there is, once
        assert sorted(bits(x).tolist()) == list(range(2**16))
    else:
        assert len(x) == len(boundaries(dtype)) + 140000
        wide = dtypes.to_double(x)
        wide = wide[~np.isnan(wide)]
        assert (np.abs(wide) < 1e-20).sum() > 10000  # patterns
        assert ((wide > 1) & (wide < 8)).sum() > 20000  # numbers


@pytest.mark.parametrize("low, high", [(-1, 1), (0.5, 0.5), (0, None), (None, -3), (1e30, 2e30)])
def test_samples_in_a_range(low, high):
    x = samples("float32", low, high, count=1000)
    assert len(x) > 1000
    with np.errstate(under="ignore"):
        assert low is None or low <= x.min() <= np.nextafter(np.float32(low), np.float32(np.inf))
    assert high is None or high >= x.max() >= np.nextafter(np.float32(high), np.float32(-np.inf))
    assert not np.isnan(x).any()
    assert high is not None or np.inf in x


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_signalling_nan(dtype):
    for x in (boundaries(dtype), samples(dtype, count=1000)):
        patterns = bits(x)[np.isnan(dtypes.to_double(x))].astype(np.uint64)
        quiet = 1 << {"bfloat16": 6, "float16": 9, "float32": 22, "float64": 51}[dtype]
        assert len(patterns) and (patterns & np.uint64(quiet)).all()


@pytest.mark.parametrize(
    "low, high, least, greatest",
    [
        (-1e39, 1e39, -LARGEST, LARGEST),
        (1e39, None, np.inf, np.inf),
        (0.1, 0.100000005, np.float32(0.1), np.float32(0.1)),
        (-1e-50, 1e-50, 0, 0),
    ],
)
def test_limits_are_rounded_inward(low, high, least, greatest):
    x = samples("float32", low, high, count=100)
    assert (x.min(), x.max()) == (least, greatest)


@pytest.mark.parametrize("low, high", [(1e39, 1e40), (-1e40, -1e39), (1e-50, 2e-50), (0.1, 0.1)])
def test_nothing_in_between(low, high):
    with pytest.raises(ValueError, match="there is no float32 from low .* to high "):
        samples("float32", low, high)


def test_samples_take_each_number_of_a_small_range():
    x = samples("float32", 1, 1 + 2.0**-20, count=100)
    assert len(set(x.tolist())) == 9


def test_samples_of_a_seed():
    a, b, c = (samples("float32", count=100, seed=seed) for seed in (1, 1, 2))
    assert a.tobytes() == b.tobytes() != c.tobytes()


@pytest.mark.parametrize("low, high", [(1, -1), (np.nan, 1), (0, np.nan)])
def test_no_range(low, high):
    with pytest.raises(ValueError, match="expected low <= high, got low"):
        samples("float32", low, high)


@pytest.mark.parametrize("dtype", ["int32", np.int32, "complex64"])
def test_other_dtypes(dtype):
    with pytest.raises(TypeError, match="expected float16, bfloat16, float32 or float64, got"):
        boundaries(dtype)


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3)])
def test_upstreams(shape):
    g = upstreams(shape, np.float32)
    assert (g.shape, g.dtype) == (shape, np.float32)
    assert ((np.abs(g) >= 0.5) & (np.abs(g) <= 2)).all()
