"""The parity checker: it finds what is planted, and nothing else."""

import json

import numpy as np
import planted
import pytest

from legacy_spiky import np_d_spiky, np_spiky, tf_spiky
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf
from legacy_spiky.parity import (
    Report,
    arrays,
    assert_parity,
    boundaries,
    compare,
    eager,
    function,
    samples,
    session,
    xla,
)

EAGER = getattr(tf, "executing_eagerly", bool)()
WORLDS = [session, eager, function] if EAGER else [session]
REFERENCE = arrays(np_spiky, np_d_spiky)


@pytest.fixture(params=WORLDS, ids=lambda world: world.__name__)
def run_in(request):
    return request.param


def row(report, quantity):
    (found,) = [row for row in report.rows if row["quantity"] == quantity]
    return found


def test_what_agrees(run_in):
    report = assert_parity(REFERENCE, session(tf_spiky), run_in(planted.right))
    assert report.ok and report.mismatches == 0
    assert report.tried == len(samples())
    assert [row["quantity"] for row in report.rows] == ["value", "gradient"] * 2
    assert all(row["tried"] == report.tried for row in report.rows)
    assert all(row["worst ulp"] == row["worst absolute"] == 0 for row in report.rows)


# The planted faults.


def test_the_obvious_formula(run_in):
    # It differs on one float32, which the boundaries have; on TensorFlow 1.0 on subnormals too.
    x = boundaries("float32")
    report = compare(REFERENCE, run_in(planted.obvious), inputs=x, flush_subnormals=True)
    for quantity in ("value", "gradient"):
        found = row(report, quantity)
        assert found["mismatches"] == 1
        assert found["first"] == [found["worst"]]
        assert found["worst"]["input"] == ["-0.49999997 (0xbeffffff)"]
    assert row(report, "value")["worst"]["candidate"] == "0.5 (0x3f000000)"
    assert row(report, "value")["worst"]["reference"] == "0.0 (0x00000000)"


def test_one_ulp_on_one_input(run_in):
    report = compare(REFERENCE, run_in(planted.one_ulp), inputs=boundaries("float32"))
    assert report.mismatches == 1
    found = row(report, "value")["worst"]
    assert (found["ulp"], found["absolute"]) == (1, 2.0**-25)
    assert found["input"] == ["0.25 (0x3e800000)"]
    assert found["candidate"] == "0.25000003 (0x3e800001)"


def test_a_gradient_of_the_wrong_sign(run_in):
    x = np.float32([0.25, 0.75, 1.5])
    report = compare(
        REFERENCE, run_in(planted.wrong_sign), inputs=x, upstream=np.float32([1, 1, 2])
    )
    assert row(report, "value")["mismatches"] == 0
    found = row(report, "gradient")
    assert (found["tried"], found["mismatches"]) == (3, 3)  # 0.0 and -0.0 differ, bit for bit
    assert found["worst"]["index"] == [2]
    assert found["worst"]["candidate"] == "-2.0 (0xc0000000)"
    assert row(report, "value")["first"] == []
    words = "  x = 0.25 (0x3e800000), upstream 1.0 (0x3f800000): -1.0 (0xbf800000), and 1.0 (0x3f"
    assert words in str(report)


def test_nan_handled_otherwise(run_in):
    x = np.float32([1, np.nan, np.inf])
    report = compare(REFERENCE, run_in(planted.nan_kept), inputs=x)
    assert report.mismatches == 1
    found = row(report, "value")
    assert found["worst ulp"] == found["worst absolute"] == np.inf
    assert found["worst"]["input"] == ["nan (0x7fc00000)"]
    # No tolerance makes a number of NaN.
    assert not compare(REFERENCE, run_in(planted.nan_kept), inputs=x, ulp=2**31, atol=1e30).ok


def test_a_derivative_off_on_a_part_of_the_range(run_in):
    report = compare(REFERENCE, run_in(planted.off_in_part))
    assert row(report, "value")["mismatches"] == 0
    x = samples()
    with np.errstate(invalid="ignore"):
        wrong = (x > 2) & (x <= 2.5)
    assert row(report, "gradient")["mismatches"] == wrong.sum() > 1000
    assert float(row(report, "gradient")["worst"]["input"][0].split()[0]) > 2


def test_a_swapped_shape(run_in):
    words = r"value: the candidate \(planted.swapped, .*\) gives float32 of shape \(3, 2\), the "
    words += (
        r"reference \(legacy_spiky.functions.np_spiky, array function\) float32 of shape \(2, 3\)"
    )
    with pytest.raises(ValueError, match=words):
        compare(REFERENCE, run_in(planted.swapped), inputs=np.zeros((2, 3), np.float32))


def test_another_dtype(run_in):
    with pytest.raises(ValueError, match="gives float64 of shape .* float32 of shape"):
        compare(REFERENCE, run_in(planted.another_dtype))


def test_no_gradient(run_in):
    report = compare(REFERENCE, run_in(planted.no_gradient), inputs=np.zeros(5, np.float32))
    found = row(report, "gradient")
    assert found["mismatches"] == 5
    assert found["worst"]["candidate"] == "no gradient (None)"
    turned = compare(run_in(planted.no_gradient), REFERENCE, inputs=np.zeros(5, np.float32))
    assert row(turned, "gradient")["worst"]["reference"] == "no gradient (None)"
    assert not compare(REFERENCE, run_in(planted.no_gradient), inputs=np.zeros(0, np.float32)).ok
    # Neither has one: nothing to compare, and said so.
    both = compare(run_in(planted.no_gradient), run_in(planted.no_gradient))
    assert both.ok and row(both, "gradient")["tried"] == 0
    lines = str(both).splitlines()
    assert lines[-1].endswith(", gradient: neither side has a gradient")
    assert lines[2].split()[-3:] == ["none", "0", "0"]
    assert lines[2].split()[-4] == "0"


def test_another_number_of_outputs(run_in):
    with pytest.raises(ValueError, match="candidate .*planted.two.* gives 2 values, the ref.* 1$"):
        compare(REFERENCE, run_in(planted.two))


@pytest.mark.skipif(not hasattr(tf, "numpy_function"), reason="needs numpy_function")
def test_inputs_are_not_shared(run_in):
    """TensorFlow hands on an array that is aligned as its own are."""
    memory = np.zeros(64, np.float32)
    start = -memory.ctypes.data % 64 // 4
    x = memory[start : start + 4]
    x[:] = [-1, 2, -3, 4]
    report = compare(run_in(tf.identity), run_in(planted.in_place), inputs=x)
    assert row(report, "value")["mismatches"] == 2
    assert x.tolist() == [-1, 2, -3, 4]


def test_upstreams_are_not_shared():
    def greedy(inputs, upstream=None):
        if upstream is not None:
            upstream[0][:] = 0
        return inputs, [] if upstream is None else upstream

    upstream = np.float32([1, 2])
    x = np.float32([0, 0])
    report = compare(greedy, lambda *both: both, inputs=x, upstream=upstream)
    assert upstream.tolist() == [1, 2]
    assert row(report, "gradient")["mismatches"] == 2


def test_the_other_byte_order(run_in):
    x = samples("float32", -2, 2, count=100)
    swapped = x.astype(x.dtype.newbyteorder())
    ones = np.ones_like(swapped)
    report = assert_parity(REFERENCE, run_in(planted.right), inputs=swapped, upstream=ones)
    assert report.tried == len(x)


# Nothing to compare.


@pytest.mark.parametrize("op", ["softmax", "half_softmax", "summed"])
def test_ops_that_mix_elements(run_in, op):
    """The default inputs have NaN, which makes NaN of everything."""
    ops = (
        session(planted.softmax if op != "summed" else planted.summed),
        run_in(getattr(planted, op)),
    )
    words = "nothing to compare: .* of the value are NaN on both sides; an op that mixes elements"
    with pytest.raises(ValueError, match=words):
        compare(*ops)
    found = compare(*ops, inputs=samples(low=-8, high=8), rtol=1e-5, atol=1e-9)
    assert found.ok == (op != "half_softmax")


@pytest.mark.parametrize("f", [np.log, np.sqrt, np.log1p, np.exp, np.negative])
def test_domains_and_nan_are_no_mixing(f):
    with np.errstate(all="ignore"):
        assert_parity(arrays(f, f), arrays(f, f))
        assert_parity(arrays(f, f), arrays(f, f), inputs=np.float32([-1, -2, -3]))
        assert_parity(arrays(f, f), arrays(f, f), inputs=np.float32([np.nan, np.nan]))


def test_nothing_to_compare(run_in):
    with pytest.raises(ValueError, match="nothing to compare: no candidate is given"):
        compare(REFERENCE)
    with pytest.raises(ValueError, match=r"reference \(planted.nothing, session\) gives \[\]"):
        compare(session(planted.nothing), run_in(planted.nothing))
    with pytest.raises(ValueError, match="gives 0 values, the reference .* 1"):
        compare(session(planted.right), run_in(planted.nothing))


def test_no_inputs():
    with pytest.raises(ValueError, match="inputs is empty; give an array for each argument"):
        compare(REFERENCE, REFERENCE, inputs=[])


def test_masked_inputs():
    with pytest.raises(TypeError, match="a masked one, whose mask would be lost; fill it"):
        compare(REFERENCE, REFERENCE, inputs=np.ma.array(np.float32([1, 2]), mask=[True, False]))


@pytest.mark.parametrize("name", ["ulp", "rtol", "atol"])
@pytest.mark.parametrize("tolerance", [-1, float("nan")])
def test_a_tolerance_that_is_none(name, tolerance):
    words = "%s must be a number from 0 on, got %r" % (name, tolerance)
    with pytest.raises(ValueError, match=words):
        compare(REFERENCE, REFERENCE, **{name: tolerance})


@pytest.mark.parametrize("shape", [0, (0, 3), (2, 0)])
def test_empty_inputs(run_in, shape):
    x = np.zeros(shape, np.float32)
    assert compare(REFERENCE, run_in(planted.right), inputs=x).ok  # shapes and dtypes agree
    words = r"^nothing to compare: the results of the reference \(legacy_spiky.functions.np_spiky, "
    words += r"array function\) are empty; give inputs with numbers in them$"
    with pytest.raises(ValueError, match=words):
        assert_parity(REFERENCE, run_in(planted.right), inputs=x)
    with pytest.raises(AssertionError):  # a difference counts for more
        assert_parity(REFERENCE, run_in(planted.no_gradient), inputs=x)
    assert_parity(REFERENCE, run_in(planted.right), inputs=np.zeros(1, np.float32))


# Labels.


def labelled(label, *values):
    run = known(*values)
    run.label = label
    return run


def test_candidates_of_one_label_have_rows_of_their_own():
    labels = ["a", "a", "b", "a (2)", "a"]
    candidates = [labelled(label, i) for i, label in enumerate(labels)]
    report = compare(labelled("a", 1), *candidates, inputs=np.float32([0]))
    names = ["a", "a (2)", "b", "a (2) (2)", "a (3)"]
    assert [row["candidate"] for row in report.rows] == names
    assert [row["mismatches"] for row in report.rows] == [1, 0, 1, 1, 1]
    assert [row["tried"] for row in report.rows] == [1] * 5
    assert (report.tried, report.mismatches) == (1, 4)
    assert [line.split("  ")[0] for line in str(report).splitlines()[2:7]] == names


def test_the_candidate_of_one_label_that_raises():
    def raising(inputs, upstream=None):
        raise KeyError("planted")

    raising.label = "a"
    with pytest.raises(RuntimeError, match=r"^the candidate \(a \(2\)\) raised KeyError"):
        compare(labelled("a", 1), labelled("a", 1), raising, inputs=np.float32([0]))
    with pytest.raises(ValueError, match=r"candidate \(a \(2\)\) gives float32 of shape \(2,"):
        compare(labelled("a", 1), labelled("a", 1), labelled("a", 1, 2), inputs=np.float32([0]))


# What raises, and on which side.


@pytest.mark.parametrize(
    "name, words",
    [
        ("raises", "KeyError: 'planted'"),
        ("raises_when_it_runs", "KeyError: 'planted'"),
        ("exits", "SystemExit: 0"),
        ("exits_when_it_runs", "SystemExit: 0"),
        ("out_of_range", r"InvalidArgumentError: .*indices\[0\] = 7 is not in"),
    ],
)
def test_the_side_that_raises(run_in, name, words):
    op, x = run_in(getattr(planted, name)), np.zeros(2, np.float32)
    if tf.VERSION.startswith("1.0."):
        words = "(%s|see error log)" % words
    with pytest.raises(RuntimeError, match=r"the candidate \(planted.%s, .*%s" % (name, words)):
        compare(REFERENCE, op, inputs=x)
    with pytest.raises(RuntimeError, match=r"the reference \(planted.%s, .*%s" % (name, words)):
        compare(op, REFERENCE, inputs=x)


def test_no_tensor(run_in):
    with pytest.raises(RuntimeError, match="TypeError: expected a tensor, or a list or tuple of"):
        compare(REFERENCE, run_in(planted.no_tensor))


def test_complex_numbers(run_in):
    with pytest.raises(TypeError, match="gives complex64; parity is of real numbers"):
        compare(run_in(planted.complex_values), REFERENCE, upstream=np.ones(202214, np.complex64))


@pytest.mark.parametrize("make", WORLDS + [xla])
def test_not_callable(make):
    with pytest.raises(TypeError, match="op must be a function or another callable, got 3"):
        make(planted.not_callable)
    with pytest.raises(TypeError, match="an implementation must be a function"):
        compare(REFERENCE, planted.not_callable)


@pytest.mark.skipif(EAGER, reason="TensorFlow executes eagerly")
@pytest.mark.parametrize("make", [eager, function])
def test_no_eager_execution(make):
    with pytest.raises(RuntimeError, match="does not execute eagerly .*parity.interpreter"):
        make(tf.square)


@pytest.mark.skipif(not EAGER, reason="needs eager execution")
def test_eager_execution_turned_off(monkeypatch):
    monkeypatch.setattr(tf, "executing_eagerly", lambda: False)
    with pytest.raises(RuntimeError, match="disable_eager_execution"):
        eager(tf.square)


# What counts as equal.


def known(*values):
    """An implementation that gives float32 values, whatever the input."""
    return lambda inputs, upstream=None: ([np.float32(values)], [])


def agree(a, b, **tolerance):
    return compare(known(a), known(b), inputs=np.float32([0]), **tolerance).ok


ONE_UP = 1 + 2.0**-23
LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    "a, b, tolerance, expected",
    [
        (1, 1, {}, True),
        (0.0, -0.0, {}, False),
        (0.0, -0.0, {"ulp": 1}, True),
        (0.0, -0.0, {"rtol": 1e-9}, True),
        (1, ONE_UP, {}, False),
        (1, ONE_UP, {"ulp": 1}, True),
        (1, 1 + 2.0**-22, {"ulp": 1}, False),
        (1, 1 + 2.0**-22, {"ulp": 2}, True),
        (1, ONE_UP, {"rtol": 2.0**-23}, True),
        (1, ONE_UP, {"rtol": 2.0**-24}, False),
        (2, 2 + 2.0**-22, {"rtol": 2.0**-23}, True),
        (2, 2 + 2.0**-22, {"atol": 2.0**-22}, True),
        (2, 2 + 2.0**-22, {"atol": 2.0**-23}, False),
        (2.0**-149, -(2.0**-149), {"ulp": 2}, True),
        (2.0**-149, -(2.0**-149), {"ulp": 1}, False),
        (np.inf, np.inf, {}, True),
        (np.inf, -np.inf, {"rtol": 1, "atol": 1}, False),
        (np.inf, LARGEST, {"rtol": 1, "atol": 1e38}, False),
        (np.inf, LARGEST, {"ulp": 1}, True),
        (np.nan, -np.nan, {}, True),
        (np.nan, 1, {"ulp": 2**31, "rtol": 1e9, "atol": 1e30}, False),
        (np.nan, np.inf, {"ulp": 2**31, "rtol": 1e9, "atol": 1e30}, False),
    ],
)
def test_equal(a, b, tolerance, expected):
    assert agree(a, b, **tolerance) == agree(b, a, **tolerance) == expected


def test_errors_within_the_tolerance_are_told():
    report = compare(known(1, 2), known(ONE_UP, 2), inputs=np.float32([0, 0]), ulp=1)
    found = row(report, "value")
    assert (found["mismatches"], found["worst ulp"], found["worst absolute"]) == (0, 1, 2.0**-23)
    assert found["first"] == [] and found["worst"] is None


def test_the_first_and_the_worst():
    a, b = np.zeros(100, np.float32), np.zeros(100, np.float32)
    b[10:90] = 2.0**-149
    b[50] = 3
    report = compare(known(*a), known(*b), inputs=np.arange(100, dtype=np.float32))
    found = row(report, "value")
    assert found["mismatches"] == 80
    assert [shown["index"] for shown in found["first"]] == [[i] for i in range(10, 15)]
    assert found["worst"]["index"] == [50]
    assert found["worst"]["input"] == ["50.0 (0x42480000)"]
    text = str(report)
    assert (
        "  x = 10.0 (0x41200000): 1e-45 (0x00000001), and 0.0 (0x00000000) in the reference" in text
    )
    assert "  worst: x = 50.0 (0x42480000): 3.0 (0x40400000)" in text


def test_subnormals_are_told_apart():
    a, b = known(2.0**-149, 1, 0, 1), known(0, 2, 2.0**-127, 0)
    inputs = np.float32([0, 0, 0, 2.0**-130])
    report = compare(a, b, inputs=inputs)
    found = row(report, "value")
    assert (found["mismatches"], found["subnormal"]) == (4, 3)
    assert "3 of 4 are of subnormals, which TensorFlow's threads set to 0" in str(report)
    few = compare(a, known(0, 2, 3, 1), inputs=inputs)
    assert row(few, "value")["subnormal"] == 1 and "subnormals" not in str(few)
    assert row(compare(a, b, inputs=inputs, atol=2.0**-126), "value")["mismatches"] == 2
    assert row(compare(a, b, inputs=inputs, flush_subnormals=True), "value")["mismatches"] == 2
    assert "subnormals" not in str(compare(known(1), known(2), inputs=np.float32([0])))


ZEROS = "signs of zeros alone, 0.0 and -0.0: any tolerance takes them for the same, %s hardly any"
SUBNORMALS = "of subnormals, which TensorFlow's threads set to 0 and the caller's keeps: %s takes "


@pytest.mark.parametrize(
    "a, b, zeros, subnormals",
    [
        ([0.0, -0.0, 1, 0], [-0.0, 0.0, 1, 0], "all are ", None),
        ([0.0, 0.0, 1, 0], [-0.0, -0.0, 2, 0], "2 of 3 are ", None),
        ([0.0, 0.0, 1, 0], [-0.0, 1, 2, 0], None, None),
        ([2.0**-149, 1], [0, 1], None, "all are "),
        ([2.0**-149, 1], [-0.0, 1], None, "all are "),
        ([2.0**-149, 0.0], [0, -0.0], None, None),
        ([2.0**-126, 1], [2.0**-127, 1], None, "all are "),
        ([1, 2], [2, 3], None, None),
        ([np.nan, 0.0], [1, -0.0], None, None),
    ],
)
def test_differences_that_an_option_takes_for_none(a, b, zeros, subnormals):
    x = np.ones(len(a), np.float32)
    for report in (
        compare(known(*a), known(*b), inputs=x),
        compare(known(*b), known(*a), inputs=x),
    ):
        for text, atol, flush in [
            (str(report), "atol=5e-324", "flush_subnormals=True"),
            (report.text(command_line=True), "--atol 5e-324", "--flush-subnormals"),
        ]:
            said = [line[2:] for line in text.splitlines() if " are " in line]
            expected = [zeros + ZEROS % atol] if zeros else []
            expected += [subnormals + SUBNORMALS % flush] if subnormals else []
            assert len(said) == len(expected)
            assert all(line.startswith(words) for line, words in zip(said, expected))
    alone = zeros == "all are "
    assert compare(known(*a), known(*b), inputs=x, atol=5e-324).ok == alone
    flushed = compare(known(*a), known(*b), inputs=x, flush_subnormals=True)
    assert flushed.mismatches <= report.mismatches
    if subnormals and b[0] == 0 and not np.signbit(b[0]):
        assert flushed.ok


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_least_tolerance_is_for_the_signs_of_zeros(dtype):
    with np.errstate(under="ignore"):
        least = np.nextafter(np.dtype(dtype).type(0), np.dtype(dtype).type(1))

    def value(*numbers):
        return lambda inputs, upstream=None: ([np.array(numbers, dtype)], [])

    assert compare(value(0.0), value(-0.0), inputs=0.0, atol=5e-324).ok
    one_up = compare(value(0.0), value(least), inputs=0.0, atol=5e-324).ok
    assert one_up == (dtype == "float64")  # its least subnormal is that number


def test_subnormal_inputs_whose_results_are_zeros_of_two_signs():
    x = np.float32([-(2.0**-130)])
    report = compare(known(0.0), known(-0.0), inputs=x)
    found = row(report, "value")
    assert (found["zero signs"], found["subnormal"]) == (1, 1)
    assert str(report).count("  all are ") == 2


def test_signs_of_zeros_in_each_world(run_in):
    x = samples("float32", -2, 2, count=100)
    report = compare(REFERENCE, run_in(planted.other_zeros), inputs=x)
    found = row(report, "value")
    assert found["mismatches"] == found["zero signs"] > 50
    assert "  all are signs of zeros alone" in str(report)
    assert_parity(REFERENCE, run_in(planted.other_zeros), inputs=x, atol=5e-324)


def test_reports_add_up_what_options_explain():
    total, x = Report(), np.float32([1])
    for b in (-0.0, -0.0, 1):
        total.add(compare(known(0.0), known(b), inputs=x))
    assert row(total, "value")["zero signs"] == 2
    assert "  2 of 3 are signs of zeros" in str(total)


def test_flush_subnormals(run_in):
    """What depends on the thread: in a session a subnormal is 0, to a Python function too."""
    inputs = boundaries("float32")
    report = compare(session(planted.of_the_thread), run_in(planted.of_the_thread), inputs=inputs)
    assert report.mismatches == sum(row["subnormal"] for row in report.rows)
    assert report.ok == (run_in is not eager)
    assert_parity(
        session(planted.of_the_thread),
        run_in(planted.of_the_thread),
        inputs=inputs,
        flush_subnormals=True,
    )


@pytest.mark.parametrize("dtype", [dtype.name for dtype in versions.FLOATING])
def test_flush_subnormals_of_each_dtype(dtype):
    def values(sign):
        return lambda inputs, upstream=None: (inputs if sign else [np.zeros_like(inputs[0])], [])

    x = boundaries(dtype)[:3]  # 0 and the two least subnormals
    assert compare(values(1), values(0), inputs=x, flush_subnormals=True).ok == (dtype != "float16")
    assert not compare(values(1), values(0), inputs=x).ok


# Ops of other forms.


def test_several_inputs(run_in):
    inputs = [np.float32([1, 2]), np.float32([3, 5])]
    report = compare(session(planted.difference), run_in(planted.difference), inputs=inputs)
    assert report.ok
    assert [row["quantity"] for row in report.rows] == ["value", "gradient 0", "gradient 1"]

    def reversed_difference(a, b):
        return planted.difference(b, a)

    report = compare(session(planted.difference), run_in(reversed_difference), inputs=inputs)
    assert row(report, "gradient 1")["first"][0]["input"] == [
        "1.0 (0x3f800000)",
        "3.0 (0x40400000)",
    ]


def test_several_outputs_and_integers(run_in):
    x = np.float32([-1, 0, 2])
    report = compare(session(planted.with_an_integer), run_in(planted.with_an_integer), inputs=x)
    assert report.ok
    kinds = [(row["quantity"], row["dtype"]) for row in report.rows]
    assert kinds == [("value 0", "float32"), ("value 1", "int32"), ("gradient", "float32")]
    values, gradients = run_in(planted.with_an_integer)(
        [x], [np.float32([1, 2, 3]), np.int32([0, 0, 0])]
    )
    assert values[1].tolist() == [0, 0, 1]
    assert gradients[0].tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    "dtype, a, b, steps",
    [
        (np.int32, 2, 7, 5),
        (np.int8, -128, 127, 255),
        (np.int64, 2**53, 2**53 + 1, 1),
        (np.uint64, 2**64 - 1, 2**64 - 2, 1),
        (np.bool_, False, True, 1),
    ],
)
def test_integers_that_differ(dtype, a, b, steps):
    def known(number):
        return lambda inputs, upstream=None: ([np.array([1, number, 0], dtype)], [])

    for report in (
        compare(known(a), known(b), inputs=0.0),
        compare(known(b), known(a), inputs=0.0),
    ):
        found = row(report, "value")["worst"]
        assert (found["index"], found["ulp"], found["absolute"]) == ([1], steps, steps)
    assert compare(known(a), known(b), inputs=0.0, atol=steps).ok
    assert not compare(known(a), known(b), inputs=0.0, ulp=steps).ok  # of floats


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_shapes(run_in, shape):
    x = np.random.RandomState(0).uniform(-2, 2, shape).astype(np.float32)
    x = np.asarray(x, np.float32)
    report = compare(REFERENCE, run_in(planted.right), inputs=x)
    assert report.ok and report.tried == x.size


@pytest.mark.parametrize("dtype", [dtype.name for dtype in versions.FLOATING])
def test_dtypes(run_in, dtype):
    assert assert_parity(REFERENCE, run_in(planted.right), inputs=boundaries(dtype)).ok


def test_variables_are_initialized():
    def op(x):
        return x * tf.Variable(2.0)

    values, gradients = session(op)([np.float32([3])], [np.float32([1])])
    assert (values[0].tolist(), gradients[0].tolist()) == ([6], [2])


def test_one_graph_for_each_shape(run_in):
    calls = []

    def op(x):
        calls.append(x)
        return planted.right(x)

    run = run_in(op)
    for _ in range(3):
        run([np.float32([1, 2])], [np.float32([1, 1])])
    if run_in is not eager:
        assert len(calls) == 1


# Reports.


def test_assert_parity():
    with pytest.raises(AssertionError) as error:
        assert_parity(REFERENCE, session(planted.one_ulp), inputs=boundaries("float32"))
    text = str(error.value)
    assert text.startswith(
        "1 mismatches\nreference: legacy_spiky.functions.np_spiky, array function"
    )
    assert "x = 0.25 (0x3e800000): 0.25000003 (0x3e800001), and 0.25 (0x3e800000) in the" in text
    assert assert_parity(
        REFERENCE, session(planted.one_ulp), inputs=boundaries("float32"), ulp=1
    ).ok


def test_json():
    report = compare(REFERENCE, session(planted.nan_kept), inputs=np.float32([1, np.nan]))
    text = json.dumps(report.to_json(), allow_nan=False)
    found = json.loads(text)
    assert (found["ok"], found["tried"], found["mismatches"]) == (False, 2, 1)
    assert found["rows"][0]["worst ulp"] == "inf"
    assert found["rows"][0]["first"][0]["input"] == ["nan (0x7fc00000)"]


def test_reports_add_up():
    total = Report()
    for x in ([0.25, 0.5], [0.25]):
        total.add(compare(REFERENCE, session(planted.one_ulp), inputs=np.float32(x)))
    assert (total.tried, total.mismatches, len(total.rows)) == (3, 2, 2)
    assert len(row(total, "value")["first"]) == 2
    assert total.reference == "legacy_spiky.functions.np_spiky, array function"


def test_the_table():
    report = compare(REFERENCE, session(planted.right), inputs=np.float32([0.25, 0.5]))
    head, columns, line = str(report).splitlines()
    assert head == "reference: legacy_spiky.functions.np_spiky, array function"
    assert columns.split("  ")[0] == "candidate"
    name, *numbers = [cell for cell in line.split("  ") if cell.strip()]
    assert [cell.strip() for cell in numbers] == ["float32", "2", "0", "0", "0", "0"]


@pytest.mark.skipif(not EAGER, reason="needs eager execution")
def test_xla():
    assert_parity(xla(tf.square), eager(tf.square), inputs=np.float32([1, 2, 3]))
    with pytest.raises(RuntimeError, match="functions.np_spiky, XLA"):
        compare(REFERENCE, xla(planted.right))
