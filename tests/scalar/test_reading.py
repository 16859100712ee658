"""What is read of a function is what the interpreter does, or the interpreter is asked."""

import functools
import math
import random
import signal
import struct
import sys

import activations
import numpy as np
import pytest
from expressions import ASK, evaluate

from legacy_spiky._arrays.patterns import boundaries
from legacy_spiky._scalar.expression import Choice, paths, values
from legacy_spiky._scalar.reading import NotRead, read
from legacy_spiky.functions import d_spiky, spiky

RANDOM = np.random.RandomState(0)
NUMBERS = np.concatenate(
    [
        boundaries("float64")[::37],
        boundaries("float32")[::23].astype(np.float64),
        RANDOM.uniform(-8, 8, 300),
        np.arange(-40, 41) / 4,
        np.arange(-(2**4), 2**4 + 1),
        np.frombuffer(RANDOM.bytes(8 * 200)),
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324],
    ]
).tolist()


def bits(number):
    """Returns the bits of a number; NaN is NaN."""
    return "nan" if number != number else struct.pack("d", number)


def check(f):
    """Compares a function with what was read of it; returns at how many numbers that is asked."""
    path, count = read(f).path, 0
    with np.errstate(all="ignore"):
        for x in NUMBERS:
            result = evaluate(path, x)
            if result is ASK:
                count += 1
                continue
            assert bits(result) == bits(float(f(x))), (x, f(x), result)
    return count


@pytest.mark.parametrize("f", activations.CORPUS + [spiky, d_spiky], ids=lambda f: f.__name__)
def test_corpus(f):
    assert check(f) < len(NUMBERS)


# Python's rules, one by one.

TABLE = (1.0, 2.0, 4.0)
WHOLE = (1, 2, 3)
ALPHA = 0.25
COUNT = 3
TANH = math.tanh


def times_alpha(x):
    return ALPHA * x


MIXED = (times_alpha, 2.0, [1.0])


def negative_zero(x):
    return -max(0, x)  # of the integer 0 there is none


def both(x):
    return max(0, x) + max(0, x - 1) * 2


def division_by_either(x):
    return 1 / max(1, abs(x)) - min(2, x) // 1 + max(0, x) % 3


def returns_an_operand(x):
    return x and (x > 1 and 3.0 or 2)


def unbound(x):
    if x > 0:
        y = 1
    elif x < 0:
        y = 2
    return y


def loop_variable(x):
    for i in range(0):  # noqa: B007
        pass
    return i if x > 3 else x


def caught(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def raises_with_a_text(x):
    if x < 0:
        raise ValueError("a root of %r: {}".format(x) % x)
    return math.sqrt(x)


def swallows(x):
    try:
        return x / 0 if x > 1 else x
    except ZeroDivisionError:
        return 7


ERRORS = (ValueError, OverflowError)


def catches_a_tuple(x):
    try:
        try:
            return math.log(-1) if x > 1 else x
        except ERRORS:
            return 2 * x
    except TypeError:
        return 7.0


def imports(x):
    import math as m
    from math import cos

    return m.sin(x) + cos(x) if abs(x) < 100 else m.pi


def nested(x):
    def square(y):
        return y * y

    return sum_of(square(x) for _ in range(3)) + [square, square][1](2)


def sum_of(numbers):
    total = 0
    for number in numbers:
        total += number
    return total


def unpacked(x):
    a, (b, *c) = x, (2, 3, x)
    q, r = divmod(a, 0.3)
    return q + b * r + c[0] - c[1]


def keyword_only(x, *, slope=2.0, table=TABLE):
    return slope * x + table[0]


def outer(slope):
    offset = slope / 2

    def inner(x, power=2):
        return slope * x**power + offset + COUNT

    return inner


RULES = [
    negative_zero, both, division_by_either, returns_an_operand, unbound, loop_variable, caught,
    raises_with_a_text, swallows, imports, nested, unpacked, keyword_only, outer(3), outer(0.5),
    functools.partial(pow, 2), functools.partial(lambda a, x, b: a * x - b, 2.0, b=ALPHA),
    math.sin, math.floor, abs, float, int, round, math.gamma,
    lambda x: 0 < x < 1,
    lambda x: not x,
    lambda x: x > 10**16 and x < 3 * 10**15,
    lambda x: x * 10**20 + True,
    lambda x: (x > 0) * x + (x > 1) + (x > 2) / 3,
    lambda x: (x > 0) & (x < 1) | (x > 3),
    lambda x: TABLE[int(x)] * x,
    lambda x: WHOLE[-1 if x < 0 else round(x)] // 2,
    lambda x: x % 3 + x % -0.7 + x // 0.3 + x // -2,
    lambda x: int(x) % 3 + int(x) // -2 - int(x) * -1,
    lambda x: -int(x) * 0 + (int(x) - int(x)) * -1,
    lambda x: int(x) ** 3 / 7 + 2 ** int(x % 8) + 2 ** -int(x % 8),
    lambda x: int(x) ** -2 if int(x) else 0,
    lambda x: round(x) + math.ceil(x) * math.trunc(x) - math.floor(x),
    lambda x: x**2 + x**-1 + x**0.5 + 0.5**x if x > 0 else x**3,
    lambda x: abs(x) ** x if abs(x) < 9 else x,
    lambda x: math.log(x, 2) + math.log(2, x) if x > 1 else math.log1p(x) if x > -1 else 0,
    lambda x: math.degrees(x) - math.radians(x) + math.fabs(x) + math.copysign(2, x),
    lambda x: math.fmod(x, 0.7) if abs(x) < 1e300 else math.atan2(x, -1),
    lambda x: math.isnan(x) + math.isinf(x) * 2 + math.isfinite(x) * 4,
    lambda x: min(x, 1, key=None) if False else min(x, 1.0, -x),
    lambda x: max([x, 1.0]) + min((x, 0.5)),
    lambda x: sorted([x, 1.0, -1.0])[1],
    lambda x: x if isinstance(x, (int, float)) and not isinstance(x, int) else 0,
    lambda x: isinstance(x > 1, bool) + isinstance(round(x), int),
    lambda x: +(x > 1) - -(x > 2) + abs(x < 0),
    lambda x: np.sqrt(x) * 2.0 + np.abs(x) - np.floor(x),
    lambda x: np.float64(x) / 3 if np.isfinite(x) else 0,
    lambda x: np.float64(0.1) * x,
    lambda x: len(TABLE) * x + sum_of(TABLE) + sum_of(c * x for c in WHOLE),
    lambda x: x if TABLE == (1.0, 2.0, 4.0) and isinstance(TABLE, tuple) else 0,
    lambda x: ((1.0,) + TABLE * 2)[2] * x if TABLE < (2.0,) else 0,
    lambda x: TABLE[1:][int(x) % 2] * x,
    catches_a_tuple,
    lambda x: x if TANH == math.tanh and TANH in (math.sin, math.tanh) else 0,
    lambda x: MIXED[0](x) * MIXED[1] if x is not None else 0,
    lambda x: any(x > c for c in TABLE) + all(x > c for c in TABLE),
    lambda x: sum_of(i * c for i, c in enumerate(reversed(TABLE))) + x,
    lambda x: sum_of(a * b * x for a, b in zip(TABLE, WHOLE)),
]  # fmt: skip


@pytest.mark.parametrize("f", RULES)
def test_rules(f):
    assert check(f) < 0.99 * len(NUMBERS)


@pytest.mark.parametrize(
    "function, count",
    [(math.sqrt, 0), (math.log, 3), (math.isnan, 2), (np.sqrt, 2), (np.isnan, 2), (np.floor, 0)],
)
def test_how_many_numbers_a_function_takes(function, count):
    def f(x):
        return function(*[x] * count) if x > 0 else x

    with pytest.raises((TypeError, ValueError)):  # the latter of an old NumPy
        f(1.0)
    path = read(f).path
    assert path.end.yes.end is None and path.end.yes.why.startswith("it raises ")
    assert evaluate(path, -1.0) == -1.0


def test_the_interpreter_is_asked_where_it_raises():
    path = read(unbound).path
    assert evaluate(path, 0.0) is ASK and evaluate(path, math.nan) is ASK
    assert evaluate(path, 0.5) == 1 and evaluate(path, -0.5) == 2
    assert [part.why for part in paths(path) if part.why] == [
        "it raises %s" % error_of(unbound, 0.0)
    ]
    path = read(raises_with_a_text).path
    assert evaluate(path, -1.0) is ASK and evaluate(path, 4.0) == 2


def error_of(f, x):
    with pytest.raises(Exception) as error:
        f(x)
    return "%s: %s" % (error.type.__name__, error.value)


def test_integers_that_no_double_holds():
    path = read(lambda x: int(x) * int(x)).path
    assert evaluate(path, 2.0**26) == 2.0**52
    assert evaluate(path, 2.0**26 * 1.5) is ASK and evaluate(path, 2.0**53) is ASK
    assert evaluate(read(lambda x: int(x)).path, 2.0**53 - 1) == 2.0**53 - 1


# What is not read, and what is said of it.

LIST, ARRAY, OBJECT, DICT = [1.0], np.ones(3), object(), {1: 2}


class Callable:
    def __call__(self, x):
        return x

    def method(self, x):
        return x


class Hashed:
    def __hash__(self):
        raise AssertionError("code of the user's")

    __getattr__ = __hash__


HASHED = Hashed()


def assigns(x):
    global COUNT
    COUNT = 3
    return x


def counting():
    count = 0

    def f(x):
        nonlocal count
        count += 1
        return x * count

    return f


def counting_within():
    count = 0

    def f(x):
        def g():
            nonlocal count
            count += 1

        g()
        return x

    return f


def sets_its_attribute(x):
    sets_its_attribute.count = 1
    return x


def has_an_attribute(x):
    return x * has_an_attribute.slope


has_an_attribute.slope = 2


def catches_all(x):
    try:
        return x.real
    except:  # noqa: E722
        return 1.0


def prints(x):
    print(x)
    return x


def weight(x):
    k = round(x)
    if k < 0 or k > 30:
        return 0.0
    factorial = 1
    for i in range(2, k + 1):
        factorial *= i
    return 4.0**k / factorial


def defines_a_class(x):
    try:

        class Sizes:
            least = len("a")

        return Sizes.least * x
    except NameError:
        return 0.0


def missing(x, other=OBJECT):
    return x if other is OBJECT else 2 * x


LATER = ", which may be something else later"
DEPENDS = "how often a loop runs, or which element it takes, depends on the argument"
NOT_READ = [
    (assigns, "it assigns COUNT, which is outside of it"),
    (counting(), "it assigns count, which is outside of it"),
    (counting_within(), "it assigns count, which is outside of it"),
    (sets_its_attribute, "it uses the attribute count of the function sets_its_attribute"),
    (has_an_attribute, "it uses the attribute slope of the function has_an_attribute"),
    (catches_all, "it uses the attribute real of a number"),
    (prints, "it reads print (builtin_function_or_method)" + LATER),
    (weight, DEPENDS),
    (lambda x: (1.0, 2.0)[int(x)], DEPENDS),
    (lambda x: LIST[0] * x, "it reads LIST (list)" + LATER),
    (lambda x: ARRAY[0] * x, "it reads ARRAY (ndarray)" + LATER),
    (lambda x: ARRAY + x, "it reads ARRAY (ndarray)" + LATER),
    (lambda x: OBJECT, "it reads OBJECT (object)" + LATER),
    (lambda x: x if OBJECT == 1 else 2, "it reads OBJECT (object)" + LATER),
    (lambda x: DICT[1] * x, "it reads DICT (dict)" + LATER),
    (lambda x: {1.0: 2.0}.get(x, 0.0), "it looks a number up in a dict or a set"),
    (lambda x: random.random() * x, "it reads random.random (builtin_function_or_method)" + LATER),
    (lambda x: np.random.uniform() * x, "it reads numpy.random.uniform ("),
    (lambda x: open(x), "it reads open (builtin_function_or_method)" + LATER),
    (lambda x: np.exp(x), "it calls numpy.exp, which is not read"),
    (lambda x: np.where(x > 0, x, 0), "it reads "),
    (lambda x: np.sqrt(int(x)), "it gives an integer to NumPy, which has rules of its own"),
    (lambda x: np.sqrt(x) ** 2, "it computes with a number of NumPy's, which has rules of its own"),
    (lambda x: math.gcd(int(x), 4), "it calls math.gcd, which is not read"),
    (lambda x: round(x, 2), "it rounds to decimal places"),
    (lambda x: pow(int(x), 2, 3), "it takes a power with a modulus"),
    (lambda x: int(x) & 1, "it works on the bits of integers"),
    (lambda x: int(x) << 1, "it works on the bits of integers"),
    (lambda x: ~(x > 0), "it works on the bits of integers"),
    (lambda x: 1 if (x > 0) is True else 0, "it asks whether two things are the same object"),
    (defines_a_class, "it defines a class"),
    (missing, "it asks whether two things are the same object"),
    (lambda x: x.__class__(2), "it uses the attribute __class__"),
    (lambda x: MIXED[2][0] * x, "it reads MIXED (list)" + LATER),
    (lambda x: max(MIXED[2:]), "it reads MIXED (list)" + LATER),
    (lambda x: (MIXED + (1,))[2], "it reads MIXED (list)" + LATER),
    (lambda x: 1j * x, "it computes with a number of type complex"),
    (lambda x: complex(x), "it reads complex (type)"),
    (lambda x: float(str(x)), "it reads str (type)"),
    (lambda x: len("%r" % x), "it makes text of a number"),
    (lambda x: "text", "it returns str"),
    (lambda x: 10**5000, "it returns an integer that no double holds"),
    (lambda x: HASHED, "it reads HASHED (Hashed)" + LATER),
    (lambda x: None, "it returns NoneType"),
    (lambda x: x.hex(), "it uses the attribute hex of a number"),
    (lambda x: x > 10**400, "it compares with an integer that no double holds"),
    (lambda x: x > 2**53 + 1, "it compares with an integer that no double holds"),
    (lambda x: max("a", x), "it raises TypeError: what is no number is compared with one"),
    (lambda x: math.exp(x, 1), "it raises TypeError: math.exp takes another number of arguments"),
    (lambda x: math.fmod(x), "it raises TypeError: math.fmod takes another number of arguments"),
    (lambda x: 1 / 0, "it raises ZeroDivisionError: division by zero"),
    (lambda x, y: x, "it takes no single number: missing a required argument: 'y'"),
    (lambda: 1, "it takes no single number: too many positional arguments"),
    (Callable(), "functions are read, and this is of type Callable"),
    (Callable().method, "functions are read, and this is of type method"),
    (functools.partial(Callable()), "it reads "),
    (np.vectorize(abs), "functions are read, and this is of type vectorize"),
]


@pytest.mark.parametrize("f, why", NOT_READ)
def test_not_read(f, why):
    with pytest.raises(NotRead) as error:
        read(f)
    assert str(error.value).startswith(why)


def wrapped(x):
    while x > math.pi:
        x -= 2 * math.pi
    return x


def as_often_as_its_argument(x):
    total = 0.0
    for i in range(int(abs(x))):
        total += i
    return total


def recursive(x):
    return x if x < 1 else recursive(x - 1)


def endless_for_nan(x):
    if x != x:
        while True:
            pass
    return x


def endless_for_nan_too(x):
    i = 0
    while x != x:
        i += 1
    while i > 3:
        i += x
    return x


def endless_on_a_path(x):
    i = 0
    if x > 1e9:
        while True:
            i = i + 1
    return x


def huge(x):
    for _ in range(10**9):
        x = x + 1
    return x


def long_while(x):
    i = 0
    while i < 10**9:
        i += 1
    return x * i


def generated(x):
    return sum_of(i for i in range(10**9) if i > x)


def nested_loops(x):
    for i in range(1000):
        for j in range(1000):
            if i * j == 12345:
                x += 1
    return x


def thresholds(x):
    count = 0
    for i in range(250):
        if x * i % 7 > 3:
            count += 1
    return count


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def calls_on_a_path(x):
    return fibonacci(60) if x > 1e30 else x


def calls_within_on_a_path(x):
    def count(n):
        return 1 if n < 2 else count(n - 1) + count(n - 2)

    return count(60) if x > 1e30 else x


def catches_what_would_end_it(x):
    while x > 1:
        try:
            y = x.real
            y = x.real
            y = x.real
            y = x.real
            y = x.real
            return y
        except:  # noqa: E722
            pass


def catches_it_by_name(x):
    while x > 1:
        try:
            return x.real
        except BaseException:
            pass


LOOPS = [
    calls_on_a_path, calls_within_on_a_path, catches_what_would_end_it, catches_it_by_name,
    wrapped, as_often_as_its_argument, recursive, endless_for_nan, endless_for_nan_too,
    endless_on_a_path, huge, long_while, generated, nested_loops, thresholds,
]  # fmt: skip


@pytest.fixture
def in_time():
    """Ends a test that hangs."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(60)
        yield
        signal.alarm(0)
    else:
        yield


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_loops(f, in_time):
    try:
        path = read(f).path
    except NotRead as why:
        assert "loop" in str(why) or "calls" in str(why) or "real" in str(why)
    else:
        assert len(values(path)) < 20000


def long_chain(x):
    for _ in range(5000):
        x = x * 1.0001 + 0.5
    return x


def eight_choices(x):
    total = 0.0
    for i in range(8):
        if x * (i + 1.1) % 1 > 0.5:
            total += 2.0**i
    return total


def steps(x):
    """Paths that nobody takes are none."""
    count = 0
    for i in range(200):
        if x > i:
            count += 1
    return count


def test_how_much_is_read():
    assert len(values(read(long_chain).path)) > 10000
    ends = [part for part in paths(read(eight_choices).path) if not isinstance(part.end, Choice)]
    assert len(ends) == 256
    ends = [part for part in paths(read(steps).path) if not isinstance(part.end, Choice)]
    assert len(ends) == 201
    path = read(steps).path
    for x in (-1.0, 0.0, 0.5, 17.0, 17.5, 300.0, math.nan):
        assert evaluate(path, x) == steps(x)


def test_a_tracer_is_left_as_it_was():
    before = sys.gettrace()
    for f in (long_chain, eight_choices, LOOPS[0]):
        try:
            read(f)
        except NotRead:
            pass
        assert sys.gettrace() is before


# What is read from outside, and changes.

SLOPE = 2.0


def helper(x, scale=2.0, *, shift=1.0):
    return scale * x + shift


def changing(x):
    return SLOPE * x + helper(x) + math.pi * x * len(TABLE)


def other(x, scale=2.0, *, shift=1.0):
    return scale * x - shift


CHANGES = [
    ("SLOPE", lambda patch: patch.setitem(globals(), "SLOPE", 3.0)),
    ("SLOPE", lambda patch: patch.setitem(globals(), "SLOPE", 2)),
    ("SLOPE", lambda patch: patch.delitem(globals(), "SLOPE")),
    ("helper", lambda patch: patch.setitem(globals(), "helper", other)),
    ("__code__", lambda patch: patch.setattr(helper, "__code__", other.__code__)),
    ("__defaults__", lambda patch: patch.setattr(helper, "__defaults__", (3.0,))),
    ("__kwdefaults__", lambda patch: patch.setattr(helper, "__kwdefaults__", {"shift": 2.0})),
    ("shift", lambda patch: patch.setitem(helper.__kwdefaults__, "shift", 2.0)),
    ("__code__", lambda patch: patch.setattr(changing, "__code__", activations.relu.__code__)),
    ("pi", lambda patch: patch.setattr(math, "pi", 3.0)),
    ("TABLE", lambda patch: patch.setitem(globals(), "TABLE", (1.0, 2.0, 5.0))),
    ("len", lambda patch: patch.setitem(globals(), "len", abs)),
]


@pytest.mark.parametrize("name, change", CHANGES)
def test_what_changes_is_noticed(name, change, monkeypatch):
    reading = read(changing)
    assert reading.changed() is None
    change(monkeypatch)
    assert reading.changed() == name
    monkeypatch.undo()
    assert reading.changed() is None


def test_what_is_equal_did_not_change(monkeypatch):
    reading = read(changing)
    monkeypatch.setitem(globals(), "SLOPE", float("2.0"))
    monkeypatch.setitem(globals(), "TABLE", tuple(map(float, "124")))
    monkeypatch.setattr(helper, "__defaults__", (float("2.0"),))
    assert reading.changed() is None


@pytest.mark.parametrize("before, after", [(0.0, -0.0), (1, True), (1, 1.0), (0.5, math.nan)])
def test_bits_and_types_count(before, after):
    constant = before
    reading = read(lambda x: x * constant)
    assert reading.changed() is None
    constant = after
    assert reading.changed() == "constant"
    constant = before
    assert reading.changed() is None


def test_a_keyword_that_is_added():
    partial = functools.partial(helper)
    reading = read(partial)
    assert reading.changed() is None
    partial.keywords["scale"] = 3.0
    assert reading.changed() == "keywords"


def test_a_module_that_is_replaced(monkeypatch):
    reading = read(imports)
    assert reading.changed() is None
    monkeypatch.setitem(sys.modules, "math", type(math)("math"))
    assert reading.changed() == "math"


def test_what_a_function_in_a_tuple_reads(monkeypatch):
    reading = read(lambda x: MIXED[0](x))
    monkeypatch.setitem(globals(), "ALPHA", 0.5)
    assert reading.changed() == "ALPHA"


def test_a_cell_that_is_deleted_or_filled():
    slope = 2.0

    def f(x):
        return slope * x if x > 1 else x

    reading = read(f)
    del slope
    assert reading.changed() == "slope"
    path = read(f).path
    assert evaluate(path, 2.0) is ASK and evaluate(path, 0.5) == 0.5
    reading = read(f)
    slope = 3.0
    assert reading.changed() == "slope"
    assert evaluate(read(f).path, 2.0) == 6


def test_what_is_not_read_may_be_later(monkeypatch):
    with pytest.raises(NotRead) as error:
        read(lambda x: LIST[0] * x)
    assert error.value.changed() is None
    monkeypatch.setitem(globals(), "LIST", (2.0,))
    assert error.value.changed() == "LIST"


def test_names_of_constants():
    names = {value.name for value in values(read(changing).path)}
    assert {"SLOPE", "scale", "shift", "pi"} <= names
