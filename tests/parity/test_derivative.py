"""The checker of derivatives: it must fail where it should, and only there."""

import json

import numpy as np
import pytest

from legacy_spiky import d_spiky, np_d_spiky, np_d_spiky_32, np_spiky, np_spiky_32, spiky, vectorize
from legacy_spiky.parity import check_derivative


def relu(x):
    return np.maximum(x, 0)


def step(x):
    return (x > 0) * 1.0


RIGHT = [
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (np.exp, np.exp),
    (np.sin, np.cos),
    (lambda x: x**3, lambda x: 3 * x**2),
    (lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x)),
    (np_spiky, np_d_spiky),
    (np_spiky, np_d_spiky_32),
    (vectorize(spiky), vectorize(d_spiky)),
    (relu, lambda x: x > 0),
    (relu, lambda x: x >= 0),
    (relu, lambda x: (np.sign(x) + 1) / 2),  # between both sides, at 0
    (step, np.zeros_like),
    (np.floor, np.zeros_like),
]


@pytest.mark.parametrize("f, df", RIGHT)
def test_right(f, df):
    report = check_derivative(f, df)
    assert report.ok and not report.wrong and not report.rough, report
    assert report.tried == 2025


FLOATS = np.random.RandomState(0).randn(1000).astype(np.float32)


@pytest.mark.parametrize(
    "f, df",
    [
        (np.abs, np.sign),
        (relu, lambda x: x > 0),
        (lambda x: np.clip(x, -1, 1), lambda x: np.abs(x) < 1),  # hard tanh
    ],
)
def test_exact_functions_of_float32(f, df):
    report = check_derivative(f, df, points=FLOATS)
    assert report.ok and report.tried == 1000 and not report.rough
    assert not check_derivative(f, lambda x: df(x) * 0.5, points=FLOATS).ok


def test_a_step_function_of_fine_steps():
    assert check_derivative(lambda x: np.round(x * 65536) / 65536, np.zeros_like).ok


@pytest.mark.parametrize("k", [1e3, 2e5, 1e6, 1e7, 1e10])
def test_what_large_steps_step_over(k):
    """Such a point is right or too rough, never wrong."""

    def sech(x):
        return k / np.cosh(np.minimum(np.abs(k * x), 300)) ** 2

    def slope(x):
        return np.where(np.abs(x - 4) < 1 / k, k, 0)

    assert check_derivative(lambda x: np.tanh(k * x), sech).ok
    assert check_derivative(lambda x: np.clip(k * (x - 4), -1, 1), slope).ok
    elsewhere = check_derivative(lambda x: np.tanh(k * x), lambda x: sech(x) + 1e-5)
    assert len(elsewhere.wrong) > 2000


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    "f, df, high",
    [
        (lambda x: 3e3 + np.tanh(x), lambda x: 1 / np.cosh(x) ** 2, 8),
        (lambda x: 1e4 + np.sin(x), np.cos, 8),
        (lambda x: 1e5 + np.sin(x), np.cos, 8),
        (lambda x: 1e3 * sigmoid(x), lambda x: 1e3 * sigmoid(x) * (1 - sigmoid(x)), 20),
    ],
)
def test_rounding_is_no_fault(f, df, high):
    report = check_derivative(f, df, -high, high)
    assert report.ok and not report.jumps and not report.rough, report
    for wrong in (lambda x: -df(x), lambda x: 0.999 * df(x)):
        report = check_derivative(f, wrong, -high, high)
        assert len(report.wrong) > 500 and not report.jumps and not report.rough


WRONG = [
    (np.sin, lambda x: -np.cos(x), "of the wrong sign"),
    (np.tanh, lambda x: (1 - np.tanh(x) ** 2) * 1.001, "off by a factor"),
    (np.tanh, lambda x: (1 - np.tanh(x) ** 2) * np.where((x > 1) & (x < 1.1), 1.001, 1), "in part"),
    (np.exp, lambda x: np.where(x == 2, np.nan, np.exp(x)), "NaN at a point"),
    (np_spiky, np.ones_like, "of another function"),
    (np_spiky, lambda x: np.where(x == 0.5, 0.25, np_d_spiky(x)), "neither side's, on a jump"),
    (relu, lambda x: np.where(x == 0, 2, x > 0), "not between both sides, on a kink"),
    (step, lambda x: np.where(x == 0, 1, 0), "on the jump of a step"),
    (np.floor, lambda x: np.where(x == 3, 5, 0), "on a jump of the value alone"),
]


@pytest.mark.parametrize("f, df, fault", WRONG)
def test_wrong(f, df, fault):
    report = check_derivative(f, df)
    assert not report.ok, fault
    json.dumps(report.to_json(), allow_nan=False)


def test_a_factor_on_a_part_is_found_there_alone():
    def df(x):
        return np.cos(x) * np.where((x > 1) & (x < 1.5), 1.001, 1)

    report = check_derivative(np.sin, df)
    assert report.wrong and all(1 < row["x"] < 1.5 for row in report.wrong)
    row = report.wrong[0]  # the worst
    assert row["given"] == df(row["x"])
    assert abs(row["left"] - np.cos(row["x"])) < 1e-8 > abs(row["right"] - np.cos(row["x"]))
    text = str(report)
    assert "%d wrong" % len(report.wrong) in text
    assert "x = %r: %r is given, differences say" % (row["x"], row["given"]) in text


def test_jumps_are_reported_and_no_errors():
    report = check_derivative(np_spiky, np_d_spiky)
    assert report.jumps == (np.arange(-16, 17) / 2).tolist()
    assert "33 on a jump (-8, -7.5, -7, -6.5, -6, ...)" in str(report)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_on_a_jump_either_side_will_do(value):
    report = check_derivative(np_spiky, lambda x: np.where(x % 0.5 == 0, value, np_d_spiky(x)))
    assert report.ok


def test_points():
    report = check_derivative(np.sin, np.cos, points=[1.0, 2.0, 2.0])
    assert (report.tried, report.ok) == (2, True)


def test_no_points():
    with pytest.raises(ValueError, match="nothing to check: points is empty"):
        check_derivative(np.sin, np.cos, points=[])


@pytest.mark.filterwarnings("error")
def test_overflow_is_rough():
    report = check_derivative(np.exp, np.exp, low=0, high=1000)
    assert report.ok and 500 < len(report.rough) < 700


@pytest.mark.parametrize("both", [[np.vectorize(spiky), np.cos], [np.sin, np.vectorize(d_spiky)]])
def test_vectorize_without_a_dtype(both):
    with pytest.raises(TypeError, match="is np.vectorize of .*spiky .*: give legacy_spiky.vectori"):
        check_derivative(*both)


def test_poles_are_rough():
    report = check_derivative(lambda x: 1 / x, lambda x: -1 / x**2)
    assert report.ok and report.rough == [0.0]
    assert "1 too rough (0)" in str(report)


def test_tolerances():
    def df(x):
        return np.cos(x) + 1e-4

    assert not check_derivative(np.sin, df).ok
    assert check_derivative(np.sin, df, atol=1e-3).ok
    assert not check_derivative(np.exp, lambda x: 1.01 * np.exp(x)).ok
    assert check_derivative(np.exp, lambda x: 1.01 * np.exp(x), rtol=0.1).ok


def test_functions_that_round_to_float32():
    with pytest.raises(ValueError, match="np_spiky_32 .* rounds to float32, too rough"):
        check_derivative(np_spiky_32, np_d_spiky)


def test_functions_that_are_nowhere_finite():
    with pytest.raises(ValueError, match="not finite, or too rough .* at 2025 of 2025 points"):
        check_derivative(np.log, lambda x: 1 / x, -8, -1)


@pytest.mark.parametrize("low, high", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_ranges(low, high):
    with pytest.raises(ValueError, match="expected finite low < high, got low"):
        check_derivative(np.sin, np.cos, low, high)


def test_scalar_functions_are_named():
    with pytest.raises(TypeError, match="spiky .* wrap it in legacy_spiky.vectorize"):
        check_derivative(spiky, d_spiky)


@pytest.mark.parametrize("f, df, role", [(1, np.cos, "f"), (np.sin, None, "df")])
def test_not_callable(f, df, role):
    with pytest.raises(TypeError, match="^%s must be a function" % role):
        check_derivative(f, df)
