"""The NumPy form of an expression gives the interpreter's numbers, or says where to ask it."""

import functools
import math
import sys
import threading

import activations
import numpy as np
import pytest
from expressions import ASK, evaluate

from legacy_spiky._arrays import dtypes, patterns
from legacy_spiky._scalar import arrays, bounds, exact
from legacy_spiky._scalar.arrays import array_form
from legacy_spiky._scalar.expression import COMPARISONS, MATH, Choice, Path, Value
from legacy_spiky._scalar.reading import read
from legacy_spiky.functions import d_spiky, spiky

DTYPES = ["float16", "float32", "float64"]
try:
    # TensorFlow's; in 1.0 it is a dtype of integers, and without TensorFlow there is none.
    import tensorflow  # noqa: F401

    DTYPES += ["bfloat16"] * (patterns._dtype("bfloat16").name == "bfloat16")
except ImportError:
    pass
NARROW = [name for name in DTYPES if name != "float64"]
inf, nan = math.inf, math.nan


def inputs(name, count=250):
    """Boundaries, every bit pattern alike, and numbers of everyday size."""
    random, dtype = np.random.RandomState(0), patterns._dtype(name)
    edges = patterns.boundaries(name)
    chosen = np.frombuffer(random.bytes(dtype.itemsize * count), "u%d" % dtype.itemsize)
    plain = [random.uniform(-8, 8, count), np.arange(-20, 21) / 4]
    plain.append(10 ** random.uniform(-12, 3, count) * random.choice([-1, 1], count))
    plain = dtypes.round_to(np.concatenate(plain), dtype)
    return np.concatenate([edges[:: 1 + len(edges) // (2 * count)], chosen.view(dtype), plain])


def same(a, b):
    """Returns where arrays have the same bits; NaN is NaN."""
    nans = np.isnan(dtypes.to_double(a)) & np.isnan(dtypes.to_double(b))
    return (patterns.bits(a) == patterns.bits(b)) | nans


def expected_of(f, x):
    """Returns what a function gives, and for which numbers it raises or asks."""
    expected, raises = np.zeros(x.size), np.zeros(x.size, bool)
    for i, number in enumerate(x.tolist()):
        try:
            result = f(number)
            raises[i] = result is ASK
            expected[i] = 0 if result is ASK else result
        except Exception:
            raises[i] = True
    return expected, raises


def check(path, f, x):
    """Compares the form of a path with a function; returns the numbers that it asks for."""
    dtype, form = x.dtype, array_form(path)
    for flush in (False, True):
        wide = dtypes.to_double(x)
        wide = dtypes.flush(wide, dtype) if flush else wide
        before = wide.copy()
        expected, raises = expected_of(f, wide)
        given, ask = form(wide, dtype)
        assert given.dtype == np.float64 and given.shape == x.shape
        assert same(wide, before).all()  # is not written to
        ask = np.zeros(x.size, bool) if ask is None else ask
        assert ask.dtype == bool and not (raises & ~ask).any()
        rounded = [
            dtypes.round_to(dtypes.flush(y, dtype) if flush else y, dtype)
            for y in (given, expected)
        ]
        wrong = np.flatnonzero(~same(*rounded) & ~ask)[:5]
        assert not wrong.size, [(before[wrong], given[wrong], expected[wrong])]
        alone = np.flatnonzero(~ask)[::97]
        for i in alone.tolist():
            y, one = form(before[i : i + 1], dtype)
            assert one is None or not one.any()
            assert same(dtypes.round_to(y, dtype), dtypes.round_to(given[i : i + 1], dtype))
    return ask


# Functions that are read.


def nested(x):
    e = math.exp(-abs(x))
    if e > 0.5:
        s = math.sin(e)
        return math.erf(s) if s > 0.6 else s * e
    return math.lgamma(1 + e) + e


def steps(x):
    for i in range(60):
        if x < i / 8 - 4:
            return math.exp(x) * i if i % 3 else i
    return math.sin(x) if abs(x) < 1e300 else 0


def tree(x):
    y = 0.0
    for i in range(6):
        y += 2.0 ** (2 - i) if math.tanh(x) > y else -(2.0 ** (2 - i))
    return math.exp(y) * x


FUNCTIONS = [
    nested,
    steps,
    tree,
    # Constants, truths, integers, signs of zeros.
    lambda x: 3,
    lambda x: True,
    lambda x: math.pi,
    lambda x: nan if x > 1 else -inf,
    lambda x: x,
    lambda x: x > 0,
    lambda x: -0.0 if x < 0 else 0,
    lambda x: -x if x else x,
    lambda x: (x > 0) + (x > 1) * 2,
    lambda x: int(x) ** 2 % 7,
    lambda x: int(x) ** 3 // -5,
    lambda x: -int(x) * 0,
    lambda x: int(x) / -5 if abs(x) < 1e9 else 0,
    lambda x: 2 ** abs(int(x)) if abs(x) < 40 else 0,
    lambda x: (int(x) % 10) ** (int(x) % 7),
    # NumPy's functions, and what is made of them: with a bound.
    lambda x: math.exp(x) - 1,
    lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    lambda x: math.exp(x) % 1,
    lambda x: math.exp(x) // 3,
    lambda x: math.floor(math.exp(x) * 4) / 4,
    lambda x: round(math.sin(x) * 3),
    lambda x: int(math.tanh(x) * 5),
    lambda x: math.ceil(math.sin(x)),
    lambda x: 1 if math.sin(x) > 0.5 else math.cos(x),
    lambda x: math.sqrt(1 - math.tanh(x) ** 2),
    lambda x: math.log(math.cosh(x)) if abs(x) < 300 else abs(x),
    lambda x: math.sinh(x) / math.cosh(x) if abs(x) < 300 else 1.0,
    lambda x: math.log2(1 + x * x),
    lambda x: math.log10(1 + math.exp(min(x, 700))),
    lambda x: math.asinh(math.sinh(x)) if abs(x) < 100 else x,
    lambda x: math.expm1(math.log1p(abs(x))),
    lambda x: math.exp(math.exp(x)) if x < 6 else 0,
    lambda x: math.cosh(math.sin(x)) + math.atan(math.exp(-abs(x))),
    lambda x: math.copysign(math.exp(-abs(x)), math.sin(x)) if abs(x) < 1e30 else x,
    lambda x: max(min(x, math.exp(min(x, 1))), math.sin(x) if abs(x) < 1e5 else 0),
    lambda x: 1 if math.isfinite(math.exp(min(x, 3))) else 2,
    lambda x: -round(math.exp(-abs(x))),
    lambda x: math.copysign(2.5, math.atan2(1.0, math.copysign(x - x, x))),
    # Without one.
    lambda x: math.erf(math.exp(min(x, 5))),
    lambda x: math.tan(math.exp(min(x, 5))),
    lambda x: math.asin(math.tanh(x)),
    lambda x: math.atan2(math.tanh(x), x),
    lambda x: math.gamma(abs(x) + 1) if abs(x) < 100 else 1.0,
    lambda x: math.fmod(x, 0.7),
    lambda x: math.hypot(x, 3),
    *[lambda x: math.hypot(x), lambda x: math.hypot(x, x + 1, 3.0)] * (sys.version_info >= (3, 8)),
    # Powers.
    lambda x: x**2,
    lambda x: x**-3,
    lambda x: x**0.5,
    lambda x: abs(x) ** (1 / 3),
    lambda x: x**65,
    lambda x: 2**x,
    lambda x: math.tanh(x) ** 3,
    lambda x: abs(math.tanh(x)) ** 1.5,
    # Where doubles end.
    lambda x: math.exp(-x * x) * 1e300 * 1e200 if abs(x) < 1e3 else 0,
    lambda x: (math.exp(-x * x) * 1e-200) * 1e-200 * 1e300 * 1e100 if abs(x) < 1e3 else 0,
    lambda x: 1 / (1e-300 * math.exp(-abs(x))),
    lambda x: (x * 1e-310) % 2 + (x * 5e-324) // 2,
    # Where numbers of the dtype begin.
    lambda x: math.exp(x / 8 - 87.3),
    lambda x: math.exp(x / 8 - 103.97),
    lambda x: math.sin(x) * 2.0**-126,
]


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize(
    "f", [spiky, d_spiky] + activations.CORPUS + FUNCTIONS, ids=lambda f: f.__name__
)
def test_functions(f, name):
    x = inputs(name)
    asked = check(read(f).path, f, x)
    assert (~asked).sum() > 100


@pytest.mark.parametrize(
    "divisor", [1, 2, 0.5, 3, 0.75, 10, -2, -1, -3, 0.1, 2 * math.pi, 2**27 + 1]
)
def test_mod_and_floordiv(divisor):
    numbers = [5e-324, 2.0**-1022, 2.0**-1000, 1e300, 2.0**53, 2.0**26 * divisor, inf, nan, 0.0]
    for i in [0, 1, 2, 3, 7, 1000, 2**26, 2**40]:
        multiple = float(i * divisor)
        numbers += [multiple, np.nextafter(multiple, inf), np.nextafter(multiple, -inf)]
    for name in DTYPES:
        x = dtypes.round_to(np.array(numbers + [-x for x in numbers]), patterns._dtype(name))
        x = np.concatenate([x, inputs(name, 100)])
        for f in (
            lambda x: x % divisor,
            lambda x: x // divisor,
            lambda x: math.exp(-x * x) % divisor,
        ):
            check(read(f).path, f, x)


@pytest.mark.parametrize("divisor", [1e-300, 1e300, 2.0**-1022, 2.0**1000, -(2.0**-1000), inf])
def test_divisors_that_overflow(divisor):
    for f in (lambda x: x % divisor, lambda x: x // divisor, lambda x: divisor % x):
        check(read(f).path, f, inputs("float64"))


def test_a_million_numbers():
    x = np.random.RandomState(3).uniform(-8, 8, 1 << 20).astype(np.float32)
    for f in (activations.triangle, activations.selu, lambda x: math.exp(x) - 1):
        form = array_form(read(f).path)
        y, ask = form(dtypes.to_double(x), x.dtype)
        assert ask is None or not ask.any()
        expected = np.array(list(map(f, x.tolist())))
        assert same(y.astype(np.float32), expected.astype(np.float32)).all()


# Each operation, as its rule stands.

X = Value("argument", (), "float")


def constant(number):
    return Value("constant", (), type(number).__name__, number)


def of(op, *args, **how):
    args = tuple(arg if isinstance(arg, Value) else constant(arg) for arg in args)
    return Value(op, args, how.get("kind", "float"), how.get("number"))


def path_to(end, asks=()):
    path = Path()
    path.end, path.asks = end, list(asks)
    return path


def whole(x, op="trunc"):
    return of(op, x, kind="int")


SMALL = of("lt", of("abs", X), 1e9, kind="bool")
LARGE = of("not", SMALL, kind="bool")
POSITIVE = of("gt", X, 0.5, kind="bool")
NEAR = of("atan", X)  # which has a bound
ABOVE = of("lt", 0.25, NEAR, kind="bool")
TABLE = (0.5, -1.0, 7.25, -0.0, 1e300)
OUTSIDE = of("ge", of("abs", X), 5.0, kind="bool")

VALUES = [of(op, arg) for op in ("neg", "abs") for arg in (X, NEAR)]
VALUES += [
    of(op, *args)
    for op in "add sub mul div copysign".split()
    for args in [
        (X, 0.75),
        (-1.5, X),
        (X, NEAR),
        (NEAR, X),
        (NEAR, -0.75),
        (3.0, NEAR),
        (NEAR, NEAR),
    ]
]
VALUES += [
    of(op, *args, kind="bool")
    for op in COMPARISONS
    for args in [(X, 0.5), (0.5, X), (X, X), (NEAR, 0.5), (X, NEAR), (NEAR, NEAR), (1.0, 2.0)]
]
VALUES += [
    of(op, a, b, kind="bool")
    for op in ("and", "or", "xor")
    for a, b in [(POSITIVE, SMALL), (POSITIVE, ABOVE), (True, POSITIVE)]
]
VALUES += [of(op, x, kind="bool") for op in "isnan isinf isfinite".split() for x in (X, NEAR)]
VALUES += [of("not", x, kind="bool") for x in (POSITIVE, ABOVE)]
VALUES += [
    of("select", c, a, b) for c in (POSITIVE, ABOVE) for a in (X, NEAR, 0.0) for b in (0.0, X)
]
VALUES += [of("select", POSITIVE, NEAR, -1.0), of("select", ABOVE, 2.0, -0.0)]
VALUES += [of("convert", c, kind=k) for c in (POSITIVE, ABOVE) for k in ("int", "float64")]
VALUES += [of("convert", X, kind="float64"), of("mul", 2.0, of("add", 1.0, 3.0))]
VALUES += [of(op, X, kind="float64") for op in ("trunc", "floor", "ceil")]


@pytest.mark.parametrize("name", DTYPES)
def test_operations(name):
    x = inputs(name, 40)
    for end in VALUES:
        path = path_to(end)
        if end.op == "div" and end.args[1].op != "constant":
            path.asks = [of("eq", end.args[1], 0.0, kind="bool")]
            check(path, functools.partial(evaluate, path), x)
            continue
        assert not check(path, functools.partial(evaluate, path), x).any(), end


INTEGERS = [
    whole(arg, op)
    for op in ("trunc", "floor", "ceil", "round")
    for arg in (X, of("mul", 3.0, NEAR), of("mul", 0.25, X))
]
INTEGERS += [
    of(op, whole(X), b, kind="int")
    for op in ("add", "sub", "mul", "mod", "floordiv")
    for b in (3, -4, 5)
]
INTEGERS += [of("neg", whole(X), kind="int"), of("abs", whole(X), kind="int")]
INTEGERS += [of("div", whole(X), -5), of("ipow", of("mod", whole(X), 9, kind="int"), 5, kind="int")]
INTEGERS += [of("table", of("mod", whole(X), 5, kind="int"), number=TABLE)]


@pytest.mark.parametrize("name", DTYPES)
def test_integers(name):
    x = inputs(name, 40)
    for end in INTEGERS:
        path = path_to(end, [LARGE])
        asked = check(path, functools.partial(evaluate, path), x)
        assert asked.any() and (~asked).sum() > 100, end


@pytest.mark.parametrize("name", DTYPES)
def test_tables(name):
    for place in (whole(X), whole(of("mul", 5.0, NEAR))):
        outside = of("ge", of("abs", place), 5.0, kind="bool")
        path = path_to(of("table", place, number=TABLE), [LARGE, outside])
        check(path, functools.partial(evaluate, path), inputs(name))


@pytest.mark.parametrize("name", DTYPES)
def test_paths(name):
    """Each way through a choice: computed for all, or for some; without an end; with asks."""
    for condition in (POSITIVE, ABOVE, of("lt", of("erf", X), 0.5, kind="bool")):
        for yes in (X, of("erf", X), of("exp", of("neg", of("abs", X))), None):
            for no in (constant(2.0), of("lgamma", of("abs", X)), None):
                path = path_to(Choice(condition))
                path.end.yes.end, path.end.no.end = yes, no
                path.end.no.asks = [
                    of("lt", X, -3.0, kind="bool"),
                    of("le", NEAR, -1.5, kind="bool"),
                ]
                if no is not None and no.op == "lgamma":
                    path.end.no.asks.append(of("eq", X, 0.0, kind="bool"))
                check(path, functools.partial(evaluate, path), inputs(name, 40))


def test_who_is_asked():
    path = path_to(of("sqrt", X), [of("lt", X, 0.0, kind="bool")])
    y, ask = array_form(path)(np.array([-1.0, 4.0, nan, -0.0]), np.dtype(np.float32))
    assert ask.tolist() == [True, False, False, False] and y[1] == 2
    y, ask = array_form(path_to(None))(np.zeros(2), np.dtype(np.float32))
    assert ask.all()
    y, ask = array_form(path_to(X))(np.zeros(2), np.dtype(np.float32))
    assert ask is None
    # Where a function raises that no ask has foreseen.
    for name in ("float32", "float64"):
        y, ask = array_form(path_to(of("lgamma", X)))(np.array([-1.0, 3.0]), np.dtype(name))
        assert ask.tolist() == [True, False] and y[1] == math.lgamma(3)


def test_empty_and_one():
    for f in (spiky, activations.sigmoid, lambda x: 3):
        form = array_form(read(f).path)
        y, ask = form(np.zeros(0), np.dtype(np.float32))
        assert y.shape == (0,) and (ask is None or ask.shape == (0,))
        y, ask = form(np.array([0.25]), np.dtype(np.float64))
        assert y.tolist() == [f(0.25)] and (ask is None or not ask.any())


def test_large_functions():
    """Long chains of paths, which are parts in parts, and many operations."""

    def chain(x):
        for i in range(120):
            if math.erf(x / (i + 1)) > i / 120 - 0.5:
                return math.erf(x - i)
        return x

    def knots(x):
        for i in range(200):
            if x < i / 20 - 5:
                return i * x
        return 1

    def series(x):
        y = 0.0
        for i in range(1000):
            y = y * x * 0.1 + i % 7
        return y

    for f in (chain, knots, series):
        for name in ("float32", "float64"):
            x = np.random.RandomState(0).uniform(-8, 8, 60).astype(name)
            assert not check(read(f).path, f, x).any()


def test_threads():
    form = array_form(read(nested).path)
    x = np.random.RandomState(0).uniform(-8, 8, 1 << 15)
    results = [None] * 4

    def work(i):
        results[i] = form(x, np.dtype(np.float32))[0].astype(np.float32).tobytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] and results.count(results[0]) == 4


def test_floating_point_state():
    with np.errstate(all="raise"):
        y, _ = array_form(read(activations.mish).path)(np.array([700.0, -1.0]), np.dtype("f4"))
    assert y[0] == 700


# Bounds.


@pytest.fixture
def planted(monkeypatch):
    """Puts another function in the place of one of NumPy's."""

    def plant(name, function):
        monkeypatch.setattr(np, name, function)
        bounds.fast.cache_clear()

    yield plant
    monkeypatch.undo()
    bounds.fast.cache_clear()


def off_by(function, relative, where=lambda *_: True):
    """Returns a function that is off by as much, up and down by turns."""

    def other(*args):
        y = function(*args)
        signs = np.where(patterns.bits(y) & np.uint64(1), 1.0, -1.0)
        return np.where((y != 0) & where(*args), y + y * (signs * relative), y)

    return other


def test_functions_of_numpy_are_near():
    used = [name for name in bounds.NUMPY if bounds.fast(name)]
    assert {"exp", "log", "tanh", "sin", "cos"} <= set(used)
    assert not {"erf", "erfc", "gamma", "lgamma"} & set(used)


@pytest.mark.parametrize(
    "name, where",
    [
        ("exp", lambda x: True),
        ("sinh", lambda x: abs(x) > 300),
        ("tanh", lambda x: abs(x) < 2.0**-20),
        ("log", lambda x: abs(x - 1) < 2.0**-8),
        ("sin", lambda x: abs(x - math.pi * 3) < 1e-3),
        ("cos", lambda x: abs(x - math.pi / 2) < 1e-3),
        ("arctan", lambda x: x > 1e4),
        ("log1p", lambda x: (x > 0) & (x < 1e-9)),
        ("arctan2", lambda y, x: x < 0),
        ("power", lambda x, y: y < -1),
    ],
)
def test_one_that_is_not_is_not_used(planted, name, where):
    short = {numpy: name for name, numpy in bounds.NUMPY.items()}[name]
    assert bounds.fast(short) is getattr(np, name)
    planted(name, off_by(getattr(np, name), 2.0**-45, where))
    assert bounds.fast(short) is None
    if short in ("atan2", "pow"):
        f = {"atan2": lambda x: math.atan2(x, -1.0), "pow": lambda x: abs(x) ** -1.3}[short]
        path = read(f).path
    else:
        f, path = getattr(math, short), path_to(of(short, X))
    check(path, f, inputs("float32", 60))


NEARLY = (
    [nested, tree] + activations.CORPUS + [f for f in FUNCTIONS if "math" in f.__code__.co_names]
)


@pytest.mark.parametrize("f", NEARLY, ids=lambda f: f.__name__)
def test_bounds_hold(planted, f):
    """NumPy's functions may be off as far as is taken to be so: the results are the same."""
    for name in set(bounds.NUMPY.values()):
        planted(name, off_by(getattr(np, name), bounds._BOUND / 5))
    assert bounds.fast("exp") is np.exp
    for name in NARROW:
        check(read(f).path, f, inputs(name))


def test_signs_of_zeros_count(planted):
    planted("tanh", lambda x, tanh=np.tanh: tanh(x) + 0.0)
    assert bounds.fast("tanh") is None
    check(path_to(of("tanh", X)), math.tanh, inputs("float32", 60))


def test_cancellation_is_found(planted):
    """exp(x) - 1 near 0 has few right bits: the numbers that would be wrong are not certain."""
    planted("exp", off_by(np.exp, bounds._BOUND / 5))
    path, dtype = read(lambda x: math.exp(x) - 1).path, np.dtype(np.float32)
    x = dtypes.to_double(np.random.RandomState(0).uniform(-1e-5, 1e-5, 4000).astype(dtype))
    y, error, ask, doubt = arrays._program(path, True)(x.size, x)
    expected = np.array([math.exp(number) - 1 for number in x.tolist()])
    assert (abs(y - expected) <= error).all()
    wrong = y.astype(dtype) != expected.astype(dtype)
    uncertain = bounds.uncertain(y, error, dtype)
    assert wrong.sum() > 100 and uncertain[wrong].all()
    given, _ = array_form(path)(x, dtype)
    assert same(given.astype(dtype), expected.astype(dtype)).all()
    # And where nothing cancels next to none is.
    x = dtypes.to_double(np.random.RandomState(0).uniform(1, 8, 4000).astype(dtype))
    y, error, _, _ = arrays._program(path, True)(x.size, x)
    assert bounds.uncertain(y, error, dtype).sum() < 10


@pytest.mark.parametrize("name", NARROW)
def test_uncertain(name):
    """Numbers beside a tie, beside 0 and beside what is flushed."""
    dtype = patterns._dtype(name)
    one = 1 + 2.0 ** {"float16": -11, "bfloat16": -8, "float32": -24}[name]  # between two numbers
    tiny, rounds_to_tiny = dtypes.limits(dtype)
    table = [(one, 1e-12, True), (one + 2e-12, 1e-12, False), (one - 2e-12, 1e-12, False)]
    table += [(0.0, 0.0, False), (-0.0, 0.0, False), (0.0, 1e-60, True), (1e-60, 2e-60, True)]
    table += [(2e-60, 1e-60, False), (inf, nan, True), (inf, inf, True), (nan, 0.0, True)]
    table += [(inf, 0.0, False), (1e60, 1e50, False), (1.0, inf, True), (1.0, nan, True)]
    if tiny:
        for y in (rounds_to_tiny, -rounds_to_tiny):
            table += [(y, abs(y) * 1e-14, True), (y * (1 + 1e-14), 0.0, False)]
            table += [(y * (1 + 1e-12), abs(y) * 1e-13, False)]
    y, error, expected = map(np.array, zip(*table))
    with np.errstate(all="ignore"):
        assert bounds.uncertain(y, error, dtype).tolist() == expected.tolist()


def test_integers_beyond_all_doubles():
    x = np.array([1.0, 2.0, 900.0, -901.0])
    for f in (lambda x: int(x) ** 301, lambda x: (int(x) ** 301 < 5) + x):
        y, ask = array_form(read(f).path)(x.copy(), x.dtype)
        assert ask.tolist() == [False, True, True, True] and y[0] == f(1.0)


def test_each():
    numbers = np.array([4.0, -1.0, 0.0, 9.0])
    y, raises = exact.each(math.sqrt, None, numbers)
    assert raises.tolist() == [False, True, False, False] and y[[0, 3]].tolist() == [2, 3]
    y, raises = exact.each(math.sqrt, np.array([False, True, True, False]), numbers)
    assert not raises.any() and y[[0, 3]].tolist() == [2, 3]
    y, raises = exact.each(math.atan2, None, 1.0, numbers)
    assert raises is None and y.tolist() == [math.atan2(1.0, x) for x in numbers.tolist()]


def test_math_is_known():
    for name in MATH:
        if hasattr(math, name):
            assert name in arrays._NAMES
