import warnings
from fractions import Fraction

import numpy as np
import pytest

from legacy_spiky._arrays import dtypes

FLOAT16, FLOAT32, FLOAT64 = map(np.dtype, [np.float16, np.float32, np.float64])


@pytest.fixture
def bfloat16():
    tensorflow = pytest.importorskip("tensorflow")
    dtype = np.dtype(tensorflow.bfloat16.as_numpy_dtype)
    if dtype == np.uint16:
        pytest.skip("this TensorFlow has no bfloat16 for NumPy")
    return dtype


def neighbours(dtype, x):
    return [np.nextafter(dtype.type(x), dtype.type(limit)) for limit in (-np.inf, np.inf)]


@pytest.mark.parametrize("dtype", [FLOAT16, FLOAT32])
def test_round_to_ties_and_next_to_them(dtype):
    for below in (1.0, 1.5, -3.0, 1024.0):
        above = neighbours(dtype, below)[1].item()
        tie = (below + above) / 2
        even = below if dtype.type(below).view("u%d" % dtype.itemsize) % 2 == 0 else above
        wide = np.array([tie] + [x.item() for x in neighbours(FLOAT64, tie)])
        np.testing.assert_array_equal(dtypes.round_to(wide, dtype), [even, below, above])


def test_round_to_overflow_and_integers(recwarn):
    largest = np.finfo(np.float32).max.item()
    wide = np.array([largest, largest * (1 + 2.0**-26), 1e300, -1e300, np.inf, np.nan])
    expected = np.float32([largest, largest, np.inf, -np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(dtypes.round_to(wide, FLOAT32), expected)
    np.testing.assert_array_equal(dtypes.round_to(np.array([True, False]), FLOAT16), [1, 0])
    assert dtypes.round_to(np.array([2**24 + 1]), FLOAT32) == 2**24
    assert not list(recwarn)


def exact_bfloat16(x):
    """The bits of the bfloat16 nearest to a finite double, ties to even, in rationals."""

    def value(bits):
        return Fraction(np.uint32(bits << 16).view(np.float32).item())

    with np.errstate(over="ignore"):
        toward_zero = np.float32(abs(x))
    bits = int(min(toward_zero.view(np.uint32), 0x7F7FFFFF)) >> 16
    while value(bits) > Fraction(abs(x)):
        bits -= 1
    below = value(bits)
    above = value(bits + 1) if bits < 0x7F7F else Fraction(2) ** 128
    middle = (below + above) / 2
    if Fraction(abs(x)) > middle or (Fraction(abs(x)) == middle and bits % 2):
        bits += 1
    return bits | (0x8000 if np.signbit(x) else 0)


def test_round_to_bfloat16(bfloat16, recwarn):
    random = np.random.RandomState(0)
    wide = np.frombuffer(random.bytes(8 * 2000), np.float64)
    wide = np.concatenate([wide[np.isfinite(wide)], random.randn(2000)])
    # Ties, and the doubles next to them, which a detour by float32 takes for ties.
    ties = 1 + (2 * np.arange(128) + 1) * 2.0**-8
    wide = np.concatenate([wide, ties, np.nextafter(ties, 0), np.nextafter(ties, 9)])
    # The largest number, the tie with infinity, the least normal, the subnormals.
    edges = [(2 - 2.0**-7) * 2.0**127, (2 - 2.0**-8) * 2.0**127, 2.0**-126, 2.0**-133, 2.0**-134]
    edges = np.array(edges + [0.0, 3 * 2.0**-134])
    with np.errstate(under="ignore"):
        wide = np.concatenate([wide, edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    wide = np.concatenate([wide, -wide])
    y = dtypes.round_to(wide, bfloat16)
    assert y.dtype == bfloat16
    expected = np.array([exact_bfloat16(x) for x in wide.tolist()], np.uint16)
    np.testing.assert_array_equal(y.view(np.uint16), expected)
    special = dtypes.round_to(np.array([np.inf, -np.inf, np.nan, -np.nan]), bfloat16)
    np.testing.assert_array_equal(
        dtypes.widen(special), np.float32([np.inf, -np.inf, np.nan, np.nan])
    )
    assert not list(recwarn)


def nearest(x, precision):
    """The fraction with so many bits that is nearest to another one, ties to even."""
    unit = Fraction(2) ** (abs(x.numerator).bit_length() - x.denominator.bit_length() - precision)
    while abs(x) >= 2**precision * unit:
        unit *= 2
    return round(x / unit) * unit


def ways(x, numbers, dtype):
    """An array, and the same numbers, rounded in each way: as doubles."""
    one_by_one = [dtypes.round_to(number.reshape(()), dtype).reshape(1) for number in x]
    by_python = dtypes.round_to(dtypes.doubles(numbers, dtype), dtype)
    for y in (dtypes.round_to(x, dtype), np.concatenate(one_by_one), by_python):
        assert y.dtype == dtype
        yield dtypes.to_double(y).tolist()


# What lies beside a tie by less than a double can tell, and on it; of either sign.
PRECISION = {"float16": 11, "bfloat16": 8, "float32": 24}
LARGEST = {"float16": 15, "bfloat16": 62, "float32": 62}


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
@pytest.mark.parametrize("name", sorted(PRECISION))
def test_round_to_of_integers(name, kind, request):
    dtype = request.getfixturevalue("bfloat16") if name == "bfloat16" else np.dtype(name)
    numbers = [0, 1, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**62 + 1]
    for exponent in range(PRECISION[name], LARGEST[name] + (kind == np.uint64)):
        for mantissa in (2**exponent, 3 << (exponent - 1), 2 ** (exponent + 1) - 1):
            tie = mantissa + (1 << (exponent - PRECISION[name]))
            numbers += [tie - 1, tie, tie + 1]
    numbers = [n for n in numbers if n < 65504 or name != "float16"]
    numbers += [] if kind == np.uint64 else [-n for n in numbers]
    x = np.array(numbers, kind)
    for y in ways(x, numbers, dtype):
        assert y == [nearest(Fraction(n), PRECISION[name]) for n in numbers]


@pytest.mark.skipif(np.longdouble(1) + np.longdouble(2) ** -60 == 1, reason="it is a double here")
@pytest.mark.parametrize("name", sorted(PRECISION))
def test_round_to_of_longdouble(name, request):
    dtype = request.getfixturevalue("bfloat16") if name == "bfloat16" else np.dtype(name)
    little, numbers = np.longdouble(2) ** -60, []
    for exact in (
        Fraction(1),
        Fraction(3, 2),
        Fraction(2) - Fraction(1, 2 ** (PRECISION[name] - 1)),
    ):
        tie = exact + Fraction(1, 2 ** PRECISION[name])
        for beside in (-little, 0 * little, little):
            numbers += [(np.longdouble(float(tie)) + beside, tie + Fraction(float(beside)))]
    x = np.array([number for number, _ in numbers])
    expected = [nearest(exact, PRECISION[name]) for _, exact in numbers]
    for sign in (1, -1):
        for y in ways(sign * x, list(sign * x), dtype):
            assert y == [sign * number for number in expected]
    special = np.array([np.nan, np.inf, -np.inf, -0.0, np.finfo(np.longdouble).max], np.longdouble)
    y = dtypes.to_double(dtypes.round_to(special, dtype))
    np.testing.assert_array_equal(y, [np.nan, np.inf, -np.inf, 0, np.inf])
    assert np.signbit(y[3])


def test_doubles_of_what_doubles_hold():
    numbers = [1, True, np.bool_(False), 0.1, np.float32(0.1), np.int8(-3), Fraction(1, 3), 2**53]
    numbers += [np.longdouble(0.1), float("inf"), 0.0]
    for dtype in (FLOAT16, FLOAT32, FLOAT64):
        y = dtypes.doubles(numbers, dtype)
        assert y.dtype == np.float64
        expected = [float(number) for number in numbers]
        if dtype != FLOAT64:  # to odd: a double is beside a third
            expected[6] = (
                np.nextafter(1 / 3, 1) if int(np.float64(1 / 3).view("u8")) % 2 == 0 else 1 / 3
            )
        assert y.tolist() == expected
    with pytest.raises(OverflowError):
        dtypes.doubles([10**400], FLOAT32)


@pytest.mark.skipif(np.longdouble(1) + np.longdouble(2) ** -60 == 1, reason="it is a double here")
def test_flush_of_longdouble_is_that_of_the_double_that_it_rounds_to():
    least = np.longdouble(2) ** -1022
    y = dtypes.flush(np.array([least, least * (1 - np.longdouble(2) ** -60), least / 2]), FLOAT64)
    np.testing.assert_array_equal(y, [least, least, 0])


def test_nothing_is_said_of_the_package_s_arithmetic():
    numbers = np.array([np.nan, np.inf, 1e300, 1e-300, 5e-324, 1 / 3, 0])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for dtype in (FLOAT16, FLOAT32, FLOAT64):
            y = dtypes.round_to(numbers, dtype)
            dtypes.flush(y, dtype)
            dtypes.to_double(y)
            dtypes.product(y, y[::-1].copy())
        dtypes.doubles([np.longdouble(1e300) * np.longdouble(1e300), 1], FLOAT32)


def test_widen_every_bfloat16(bfloat16):
    bits = np.arange(1 << 16, dtype=np.uint16)
    wide = dtypes.widen(bits.view(bfloat16))
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide.view(np.uint32), bits.astype(np.uint32) << 16)
    back = dtypes.round_to(wide, bfloat16).view(np.uint16)
    np.testing.assert_array_equal(back[~np.isnan(wide)], bits[~np.isnan(wide)])
    assert np.isnan(dtypes.widen(back[np.isnan(wide)].view(bfloat16))).all()


def test_least_normal():
    assert dtypes.least_normal(FLOAT32) == np.finfo(np.float32).tiny
    assert dtypes.least_normal(FLOAT64) == np.finfo(np.float64).tiny
    assert dtypes.least_normal(FLOAT16) == 0


LEAST = 2.0**-126
TABLE = [
    # dtype, type of the number, number, flushed
    (FLOAT32, np.float32, LEAST, LEAST),
    (FLOAT32, np.float32, LEAST - 2.0**-149, 0),
    (FLOAT32, np.float32, 2.0**-149, 0),
    (FLOAT32, np.float64, LEAST, LEAST),
    (FLOAT32, np.float64, LEAST - 2.0**-151, LEAST),  # rounds to the least normal number
    (FLOAT32, np.float64, np.nextafter(LEAST - 2.0**-151, 0), 0),
    (FLOAT32, np.float64, 5e-324, 0),
    (FLOAT32, np.float16, 2.0**-24, 2.0**-24),
    (FLOAT64, np.float64, 2.0**-1022, 2.0**-1022),
    (FLOAT64, np.float64, np.nextafter(2.0**-1022, 0), 0),
    (FLOAT64, np.float32, 2.0**-149, 2.0**-149),
    (FLOAT16, np.float16, 2.0**-24, 2.0**-24),
    (FLOAT16, np.float64, 5e-324, 5e-324),
]


@pytest.mark.parametrize("dtype, kind, number, flushed", TABLE)
def test_flush(dtype, kind, number, flushed):
    for sign in (1, -1):
        y = dtypes.flush(np.array([sign * number, np.nan, 7, sign * 0.0], kind), dtype)
        assert y.dtype == kind
        np.testing.assert_array_equal(y, np.array([sign * flushed, np.nan, 7, 0], kind))
        np.testing.assert_array_equal(np.signbit(y[[0, 3]]), sign < 0)


def test_flush_leaves_its_argument_alone():
    y = np.full(3, 1e-40, np.float32)
    y.setflags(write=False)
    np.testing.assert_array_equal(dtypes.flush(y, FLOAT32), 0)
    assert y.all()


@pytest.mark.parametrize("y", [np.array([True]), np.array([1, 0]), np.array([], np.float32)])
def test_flush_of_what_has_no_subnormals(y):
    assert dtypes.flush(y, FLOAT32) is y
