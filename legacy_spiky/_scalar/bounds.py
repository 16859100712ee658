"""Operations of array forms by NumPy's own functions, with a bound of how far they may be off.

Errors are absolute bounds, of one who computes in double, too: each is twice what it has to be and
more, so that its own rounding does not count.
"""

import functools
import math

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._scalar.exact import each, endless, python_divmod
from legacy_spiky._scalar.expression import MATH, TRUTHS

__all__ = [
    "CARRIED",
    "NUMPY",
    "by_products",
    "classified",
    "compared",
    "divided",
    "fast",
    "near",
    "near_add",
    "near_copysign",
    "near_div",
    "near_mul",
    "near_sqrt",
    "near_sub",
    "power",
    "stepped",
    "uncertain",
]


# NumPy's functions are taken to be so near to those of `math`, and tested to be four times nearer.
_BOUND = 2.0**-44


_ROUNDING = 2.0**-51  # that of one operation on either side, and twice as much again


_SMALL = 2.0**-900  # below it a relative bound may be none


def by_products(power):
    return power == 0.5 or (float(power).is_integer() and 0 < abs(power) <= 64)


def _unless_small(y, size, error, exact):
    """Bounds are relative to numbers that have all of their bits."""
    if not size.min() >= _SMALL:
        error[(size < _SMALL) & ~((y == 0) & exact())] = np.inf
    return error


def _is_zero(x, error):
    return np.equal(x, 0) if error is None else np.equal(x, 0) & (error == 0)


def _near_sum(a, a_error, b, b_error, y):
    error = abs(y)
    error *= _ROUNDING
    for other in (a_error, b_error):
        if other is not None:
            error += other
    return y, error


def near_add(a, a_error, b, b_error):
    return _near_sum(a, a_error, b, b_error, a + b)


def near_sub(a, a_error, b, b_error):
    return _near_sum(a, a_error, b, b_error, a - b)


def near_mul(a, a_error, b, b_error):
    y = a * b
    size = abs(y)
    error = size * _ROUNDING
    if a_error is not None:
        error += a_error * abs(b)
    if b_error is not None:
        error += b_error * (abs(a) if a_error is None else abs(a) + a_error)

    def exact():
        return _is_zero(a, a_error) | _is_zero(b, b_error)

    return y, _unless_small(y, size, error, exact)


def near_div(a, a_error, b, b_error):
    y = a / b
    size = abs(y)
    error = size * _ROUNDING
    if b_error is None:
        error += a_error / abs(b)
    else:
        missing = size * b_error if a_error is None else size * b_error + a_error
        error += missing / np.maximum(abs(b) - b_error, 0.0)
    return y, _unless_small(y, size, error, lambda: _is_zero(a, a_error))


def near_sqrt(a, a_error):
    y = np.sqrt(a)
    return y, np.where(a_error == 0, 0.0, a_error / y + y * _ROUNDING)


def near_copysign(a, a_error, b, b_error):
    y = np.copysign(a, b)
    error = np.zeros_like(y) if a_error is None else a_error
    if b_error is not None:
        # NaN has a sign, too.
        error = error + endless(~(abs(b) > b_error) & ~(b_error == 0))
    return y, error


def compared(function, a, a_error, b, b_error):
    error = a_error if b_error is None else b_error if a_error is None else a_error + b_error
    return function(a, b), ~(abs(a - b) > error)


def classified(function, a, a_error):
    return function(a), ~np.isfinite(2 * (abs(a) + a_error))


def stepped(function, a, error):
    y = function(a)
    # The sign of a zero is that of the number.
    same = (function(a - error) == function(a + error)) & ((abs(a) > error) | (error == 0))
    return y, endless(~same)


def divided(op, a, error, b):
    div, mod = python_divmod(a, b)
    size = abs(mod)
    same = (size > 2 * error) & (abs(b) - size > 2 * error) | (error == 0)
    if op == "floordiv":
        return div, endless(~same)
    return mod, np.where(same, error + (size + abs(b)) * _ROUNDING * (error > 0), np.inf)


def power(a, error, b):
    """The power by a number or an array that is exact."""
    if not isinstance(b, np.ndarray) and by_products(b):
        y = np.sqrt(abs(a)) if b == 0.5 else _products(a, int(abs(b)))
        y = 1 / y if b < 0 else y
    else:
        y = fast("pow")(a, b)
    size = abs(y)
    bound = size * _BOUND
    if not size.max() <= 1 / _SMALL:
        bound[~(size <= 1 / _SMALL)] = np.inf
    if error is not None:
        # Of the logarithm.
        apart = np.where(error == 0, 0.0, error / np.maximum(abs(a) - error, 0.0))
        bound += size * np.expm1(abs(b) * apart)
    return y, _unless_small(y, size, bound, lambda: _is_zero(a, error))


def _products(a, power):
    y = None
    while power:
        if power & 1:
            y = a if y is None else y * a
        power >>= 1
        if power:
            a = a * a
    return y


def uncertain(y, error, dtype):
    """Returns where numbers within the errors do not all round to the same bits."""
    low, high = [_arrays.widen(_arrays.round_to(end, dtype)) for end in (y - error, y + error)]
    found = ~(low == high)
    size = abs(y)
    tiny, rounds_to_tiny = _arrays.limits(dtype)
    if not size.min() >= (2 * tiny or 2.0**-14):
        # The sign of what rounds to 0, and where what is flushed ends.
        found |= (error > 0) & ((size <= error) | (abs(size - rounds_to_tiny) <= error))
    return found


# NumPy's functions, for those of `math`.
NUMPY = {name: name for name in MATH if hasattr(np, name) and name not in TRUTHS}


NUMPY.update((name, name.replace("a", "arc", 1)) for name in MATH if name[0] == "a")


NUMPY["pow"] = "power"


for _name in ("sqrt", "copysign", "fmod"):  # exact
    del NUMPY[_name]


# How far apart a function's values are, at most, at numbers that are `e` apart: of its value `y` at
# a number `a`. (e is twice what it has to be.)
CARRIED = {
    "exp": lambda y, a, e: y * np.expm1(e),
    "exp2": lambda y, a, e: y * np.expm1(e),
    "expm1": lambda y, a, e: (y + (1 + 2.0**-40)) * np.expm1(e),
    "log": lambda y, a, e: e / np.maximum(a - e, 0.0),
    "log2": lambda y, a, e: 1.5 * e / np.maximum(a - e, 0.0),
    "log10": lambda y, a, e: e / np.maximum(a - e, 0.0),
    "log1p": lambda y, a, e: e / np.maximum(1 + a - e, 0.0),
    "cosh": lambda y, a, e: y * np.expm1(e),
    "sinh": lambda y, a, e: (abs(y) + 1) * np.expm1(e),
}


CARRIED.update((name, lambda y, a, e: e) for name in "asinh atan cos sin tanh".split())


_FROM_ZERO = "exp", "exp2"  # they come down to 0, and have fewer bits there


_THROUGH_ZERO = "asin asinh atan atan2 atanh cbrt expm1 hypot log1p sin sinh tan tanh".split()


def near(name, *arrays):
    a, a_error = arrays if name in CARRIED and len(arrays) == 2 else (arrays[0], None)
    y = fast(name)(*arrays[: 1 if a_error is not None else None])
    size = abs(y)
    error = size * _BOUND
    if name in _FROM_ZERO:
        error = np.maximum(error, _SMALL)
    elif name in _THROUGH_ZERO:
        _unless_small(y, size, error, lambda: np.equal(a, 0))
    if a_error is not None:
        error += CARRIED[name](y, a, a_error)
    return y, error


@functools.lru_cache(maxsize=None)
def fast(name):
    """Returns NumPy's function for one of `math` where it is near enough here, or None."""
    if name not in NUMPY or not hasattr(math, name):
        return None
    function, reference = getattr(np, NUMPY[name]), getattr(math, name)
    samples = _samples(name)
    values, raises = each(reference, None, *samples)
    with np.errstate(all="ignore"):
        given = function(*samples)
        near = abs(given - values) <= abs(values) * (_BOUND / 4)
    near &= np.signbit(given) == np.signbit(values)
    ordinary = (abs(values) > 1e-300) & (abs(values) < 1e300) | (samples[0] == 0)
    if raises is not None:
        ordinary &= ~raises
    return function if near[ordinary].all() else None


def _samples(name):
    random = np.random.RandomState(0)
    spread = random.uniform(-1, 1, 200) * 2.0 ** random.uniform(-60, 10, 200)
    turns = np.arange(-40, 41) * (math.pi / 2)
    numbers = np.concatenate(
        [
            random.uniform(-1, 1, 300),
            random.uniform(-30, 30, 300),
            random.uniform(-750, 750, 100),
            spread,
            abs(spread),
            1 + spread / 2**8,
            turns,
            turns * (1 + 2.0**-20),
            turns * 1e5,
            np.arange(-20, 21) / 4,
            2.0 ** np.arange(-300, 300, 7),
            [-0.0, np.inf, -np.inf],
        ]
    )
    if name not in ("atan2", "hypot", "pow"):
        return [numbers]
    first = random.permutation(numbers)
    return [abs(first) if name == "pow" else first, numbers / (64 if name == "pow" else 1)]
