"""The compiled form of an expression gives what the interpreter gives, or has it asked."""

import functools
import math
import sys
import threading

import activations
import numpy as np
import pytest

from legacy_spiky._arrays import dtypes, patterns
from legacy_spiky._scalar import compiled, loop
from legacy_spiky._scalar.compiled import NotCompiled, compiled_form
from legacy_spiky._scalar.expression import MATH, TRUTHS, Choice, Path, Value
from legacy_spiky._scalar.reading import read
from legacy_spiky.functions import d_spiky, spiky

numba = pytest.importorskip("numba")

DTYPES = [np.float32, np.float64]


def inputs(dtype, count=1 << 11):
    """Boundaries, every bit pattern alike, and numbers of everyday size."""
    random = np.random.RandomState(0)
    chosen = np.frombuffer(random.bytes(np.dtype(dtype).itemsize * count), dtype)
    everyday = random.uniform(-8, 8, count).astype(dtype)
    return np.concatenate([patterns.boundaries(dtype), chosen, everyday])


def run(loop, x, upstream=None, flush=False):
    """Returns what a loop writes for an array, and for which numbers it asks."""
    y, asked = np.full_like(x, 7), np.full(x.size, 7, np.uint8)
    limits = dtypes.limits(x.dtype) if flush else (0.0, 0.0)
    anywhere = loop(x, upstream, y, asked if loop.asks else None, *limits)
    if not loop.asks:
        asked[:] = 0
    assert set(asked) <= {0, 1} and anywhere == asked.any()
    return y, asked.astype(bool)


def interpreted(f, x, upstream=None, flush=False):
    """Returns what the interpreter gives for an array, and for which numbers it raises."""
    wide, raises = dtypes.to_double(x), np.zeros(x.size, bool)
    results = np.zeros(x.size)
    for i, number in enumerate((dtypes.flush(wide, x.dtype) if flush else wide).tolist()):
        try:
            results[i] = f(number)
        except (ArithmeticError, ValueError, TypeError, IndexError):
            raises[i] = True
    if flush:
        results = dtypes.flush(results, x.dtype)
    y = dtypes.round_to(results, x.dtype)
    return (y if upstream is None else dtypes.product(y, upstream)), raises


def same(a, b):
    return (patterns.bits(a) == patterns.bits(b)) | (np.isnan(a) & np.isnan(b))


def check(f, x, upstream=None, flush=False):
    """Asserts that the compiled form is right where it does not ask, and asks where it has to.

    For numbers of everyday size that is where the interpreter raises.
    """
    y, asked = run(form(f), x, upstream, flush)
    expected, raises = interpreted(f, x, upstream, flush)
    wrong = ~asked & (raises | ~same(y, expected))
    assert not wrong.any(), (x[wrong], y[wrong], expected[wrong])
    everyday = (abs(x) > 1e-3) & (abs(x) < 80)
    np.testing.assert_array_equal(asked[everyday], raises[everyday])
    return asked


@functools.lru_cache(maxsize=None)
def form(f):
    return compiled_form(read(f).path)


@pytest.mark.parametrize("f", activations.CORPUS + [spiky, d_spiky], ids=lambda f: f.__name__)
def test_corpus(f):
    check(f, inputs(np.float64))
    x = inputs(np.float32)
    with np.errstate(all="ignore"):
        check(f, x, x[::-1].copy(), flush=True)


# Operations that Python has rules of its own for.

TABLE = 0.5, -0.0, math.inf, 7, True
NAN = math.nan

OPERATIONS = [
    lambda x: x % 3,
    lambda x: x % -0.1,
    lambda x: 3 % x,
    lambda x: x // 3,
    lambda x: x // -0.1,
    lambda x: -7.5 // x,
    lambda x: x % x,
    lambda x: x // x,
    lambda x: x % math.inf,
    lambda x: x // -math.inf,
    lambda x: x / 0.25,
    lambda x: x / -3,
    lambda x: -x,
    lambda x: abs(x),
    lambda x: x**2,
    lambda x: x**-3,
    lambda x: 2**x,
    lambda x: x**0.5,
    lambda x: math.pow(x, 1 / 3),
    lambda x: math.floor(x),
    lambda x: math.ceil(x),
    lambda x: math.trunc(x),
    lambda x: int(x),
    lambda x: round(x),
    lambda x: -int(x),
    lambda x: int(x) * -2,
    lambda x: int(x) % -4,
    lambda x: -int(x) % 7,
    lambda x: int(x) // 2,
    lambda x: int(x) // -7,
    lambda x: int(x) / -8,
    lambda x: 1 / int(x),
    lambda x: int(x) ** 3,
    lambda x: (-3) ** (int(x) % 34),
    lambda x: (int(x) % 9) ** (int(x) % 7),
    lambda x: np.floor(x),
    lambda x: np.ceil(x),
    lambda x: np.trunc(x),
    lambda x: np.copysign(0.0, x),
    lambda x: math.copysign(x, -1),
    lambda x: x > 0.5,
    lambda x: x == x,
    lambda x: not x,
    lambda x: (x > 1) ^ (x < 2),
    lambda x: (x > 1) & (x != 2) | (x <= -1),
    lambda x: (x >= 1) + (x > 2) * 0.5,
    lambda x: max(x, 0.0),
    lambda x: max(-0.0, x),
    lambda x: min(x, NAN),
    lambda x: min(0, x, -0.5),
    lambda x: math.isnan(x),
    lambda x: math.isinf(x),
    lambda x: math.isfinite(x),
    lambda x: math.fmod(x, 0.3),
    lambda x: math.sqrt(x),
]


@pytest.mark.parametrize("i", range(len(OPERATIONS)))
def test_operations(i):
    check(OPERATIONS[i], inputs(np.float64))


WIDTHS = [1, 2, 0.5, -1, -4.0, -0.25, 2.0**970, -(2.0**970), 2.0**-970, 2.0**971, 2.0**-1074]


@pytest.mark.parametrize("width", WIDTHS)
def test_division_by_a_power_of_two(width):
    """Exact where the quotient is subnormal, or too large, too."""
    x = inputs(np.float64)
    for f in (lambda x: x % width, lambda x: x // width, lambda x: x / width):
        assert not check(f, x).any()
    if width == 2:
        text = loop.Source(read(lambda x: x % width).path).text
        assert "mod_by_power(x, 2.0, 0.5)" in text
    if width in (2.0**971, 2.0**-1074):
        assert "mod(x, c[0])" in loop.Source(read(lambda x: x % width).path).text


# Functions that are taken to be those of the C library are, on each bit.

LIBRARY = [name for name in MATH if hasattr(math, name)]
LIBRARY = [name for name in LIBRARY if name not in TRUTHS + loop.OWN]


@pytest.mark.parametrize("name", LIBRARY)
def test_functions_of_math(name):
    function = getattr(math, name)
    random = np.random.RandomState(1)
    parts = [random.uniform(-1, 1, 20000), random.uniform(-100, 100, 20000)]
    parts.append(np.frombuffer(random.bytes(8 * 20000), np.float64))
    x = np.concatenate(parts + [patterns.boundaries(np.float64)[::10]])
    if name in loop.OF_TWO:
        check(lambda x: function(x, 0.7), x)
        check(lambda x: function(0.7, x), x)
        check(lambda x: function(abs(x), 8 * x), x)
    else:
        check(function, x)
        check(lambda x: function(8 * x), x)


@pytest.mark.parametrize("name", loop.OWN)
def test_what_has_no_compiled_form(name):
    function, numbers = getattr(math, name), (2.0,) * (name == "hypot")
    with pytest.raises(NotCompiled) as error:
        form(lambda x: function(x, *numbers))
    assert str(error.value) == (
        "math.%s is the interpreter's own code, whose last bits are not the C library's" % name
    )


def test_size():
    def knots(x):
        for i in range(250):
            if x < i:
                return i + x
        return x

    with pytest.raises(NotCompiled, match="it has more than 300 operations, for which Numba takes"):
        form(knots)


@pytest.mark.parametrize("side", ["yes", "no"])
def test_long_chains_of_branches_need_no_indentation(side):
    """Python has 100 levels of it."""
    argument = Value("argument", (), "float")
    path = root = Path()
    for i in range(120):
        bound = Value("constant", (), "float", float(i if side == "no" else 120 - i))
        path.end = Choice(Value("lt", (argument, bound), "bool"))
        other = path.end.no if side == "yes" else path.end.yes
        other.end = bound
        path = getattr(path.end, side)
    path.end = argument
    scope = {}
    exec(loop.Source(root).text, scope)
    c = loop.Source(root).constants
    assert scope["scalar"](7.5, c, None) == (8.0 if side == "no" else 7.0, False)
    assert scope["scalar"](200.5, c, None) == (200.5 if side == "no" else 120.0, False)
    assert scope["scalar"](-1.5, c, None) == (0.0 if side == "no" else -1.5, False)


# Where the interpreter is asked.

ASKS = [
    (activations.quantiser, lambda x: ~(abs(8 * x) < 2.0**53)),
    (activations.pole, lambda x: x == 0),
    (activations.soft_sign, None),
    (activations.sinc, lambda x: np.isinf(x)),
    (lambda x: int(x) if x > 1 else x, lambda x: x >= 2.0**53),
    (lambda x: 1 / x if x < 1 else int(x), lambda x: (x == 0) | ~(x < 2.0**53)),
    (lambda x: x if x < 1 else [], lambda x: ~(x < 1)),
]


@pytest.mark.parametrize("f, expected", ASKS)
def test_where_the_interpreter_is_asked(f, expected):
    assert form(f).asks == (expected is not None)
    x = inputs(np.float64)
    _, asked = run(form(f), x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(asked, expected(x) if expected else np.zeros(x.size, bool))


def test_asked_may_be_of_bool():
    x = np.array([1.0, 0.0, 2.0])
    asked = np.ones(3, bool)
    assert form(activations.pole)(x, None, np.empty(3), asked, 0.0, 0.0)
    assert asked.tolist() == [False, True, False]


# Subnormals, and where they are rounded to.


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormals(dtype):
    info = np.finfo(dtype)
    least, step = float(info.tiny), float(info.tiny) * float(info.eps)
    x = np.array([least, -least, least - step, step - least, step, -step, 0.0, -0.0], dtype)
    for f in (lambda x: x, lambda x: x * 0.5, lambda x: x * (1 - 2.0**-25), lambda x: x + least):
        check(f, x)
        for upstream in (None, np.full(8, 0.5, dtype), np.full(8, -step, dtype), x / x[0]):
            check(f, x, upstream, flush=True)


# What is shared.


def test_functions_that_differ_in_constants_share_what_is_compiled():
    before = len(compiled._FORMS)
    forms = [form(lambda x, slope=slope: slope * x + 1 if x > slope else x) for slope in range(20)]
    assert len(compiled._FORMS) == before + 1
    y = [run(loop, np.array([19.5]))[0][0] for loop in forms]
    assert y == [slope * 19.5 + 1 for slope in range(20)]
    compiled_loops = list(compiled._FORMS.values())[-1]._loops
    assert list(compiled_loops) == [("d", False, False)]


@pytest.mark.parametrize("shift", [0.25, 7])
def test_tables_are_constants(shift):
    before = len(compiled._FORMS)
    path = Path()
    index = Value("trunc", (Value("argument", (), "float"),), "int")
    path.end = Value("table", (index,), "float", tuple(shift + number for number in range(4)))
    y = run(compiled_form(path), np.array([0.0, 1.5, -0.5, 3.9, -1, -4, 4, -5, 1e300, math.nan]))[0]
    assert (y[:6] - shift).tolist() == [0, 1, 0, 3, 3, 0] and np.isnan(y[6:]).all()
    assert len(compiled._FORMS) == before + (shift == 0.25)


def test_threads_that_meet_at_the_first_call(monkeypatch):
    made, results = [], []
    monkeypatch.setattr(compiled, "_compile", made_with(made, compiled._compile))
    path = read(lambda x: x * 3 + 1 - x * x * x).path
    ready = threading.Barrier(6)

    def first():
        ready.wait()
        results.append(run(compiled_form(path), np.array([2.0]))[0][0])

    threads = [threading.Thread(target=first) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == [-1.0] * 6
    assert made == ["scalar", "loop"]


def made_with(made, compile):
    def noted(function, *types):
        made.append(function.__name__)
        return compile(function, *types)

    return noted


# Memory.


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory(dtype, size):
    x = np.linspace(-3, 3, size).astype(dtype)
    upstream = np.linspace(2, 4, size).astype(dtype)
    expected = interpreted(activations.triangle, x, upstream)[0]
    x.setflags(write=False)
    upstream.setflags(write=False)
    loop, y = form(activations.triangle), np.empty_like(x)
    loop(x, upstream, y, None, 0.0, 0.0)
    np.testing.assert_array_equal(y, expected)
    y = x.copy()
    loop(y, upstream, y, None, 0.0, 0.0)  # in place
    np.testing.assert_array_equal(y, expected)


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r": pip install numba$"):
        compiled_form(read(spiky).path)


def test_what_numba_says(monkeypatch):
    monkeypatch.setitem(loop.OPERATORS, "add", "{0} @ {1}")
    with pytest.raises(NotCompiled, match="^Numba: "):
        form(lambda x: x + 12345.0 + x * x * x * x)
