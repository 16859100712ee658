"""Operations of array forms that are the interpreter's, bit for bit."""

import itertools
import math

import numpy as np

__all__ = [
    "QUOTIENT",
    "choose",
    "each",
    "either",
    "endless",
    "fast_divmod",
    "mask",
    "overlay",
    "own",
    "own_truth",
    "python_divmod",
    "table",
]


# A quotient below it times a divisor of few bits is exact.
QUOTIENT = 2.0**26


def either(*masks):
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found | mask
    return found


def own(n, y):
    return np.array(y) if isinstance(y, np.ndarray) else np.full(n, y)


def own_truth(n, mask):
    return np.zeros(n, bool) if mask is None else np.array(mask)


def overlay(mask, part, inputs, y, error, ask, doubt):
    """Computes a part for the numbers of a mask, and writes what it gives to the arrays."""
    where = np.flatnonzero(mask)
    if not where.size:
        return
    if where.size < mask.size:
        inputs = [x.take(where) for x in inputs]
    y[where], errors, *masks = part(where.size, *inputs)
    if error is not None:
        error[where] = 0.0 if errors is None else errors
    for whole, found in zip((ask, doubt), masks):
        if found is not None:
            whole[where] |= found


def mask(truth):
    """Returns integers of which all bits are set, or none."""
    return np.negative(truth.view(np.int8)).astype(np.int64)


def choose(mask, yes, no):
    """As np.where, of arrays and the bits of constants; masks that nobody foresees cost nothing."""
    yes, no = [x.view(np.int64) if isinstance(x, np.ndarray) else x for x in (yes, no)]
    if isinstance(no, int) and no == 0:
        return (mask & yes).view(np.float64)
    if isinstance(yes, int) and yes == 0:
        return (~mask & no).view(np.float64)
    return ((yes ^ no) & mask ^ no).view(np.float64)


def endless(mask):
    return np.where(mask, np.inf, 0.0)


def table(numbers, places):
    # Where the place is none the interpreter is asked. (mode="wrap" counts down from it.)
    places = np.where(places < 0, places + len(numbers), places)
    return np.take(numbers, places.astype(np.int64), mode="clip")


def each(function, skipped, *arrays):
    """Calls a function of `math` for each number but those skipped, and says where it raises."""
    n = max(x.size for x in arrays if isinstance(x, np.ndarray))
    if skipped is not None and skipped.any():
        where, y = np.flatnonzero(~skipped), np.zeros(n)
        raises = np.zeros(n, bool)
        if where.size:
            taken = [x.take(where) if isinstance(x, np.ndarray) else x for x in arrays]
            y[where], found = each(function, None, *taken)
            raises[where] = False if found is None else found
        return y, raises
    lists = [
        x.tolist() if isinstance(x, np.ndarray) else itertools.repeat(float(x)) for x in arrays
    ]
    try:
        return np.fromiter(map(function, *lists), np.float64, n), None
    except (ArithmeticError, ValueError):
        pass
    # Infinite: of a power of integers, the interpreter is asked where it is too large.
    y, raises = np.full(n, np.inf), np.zeros(n, bool)
    for i, numbers in enumerate(zip(*lists)):
        try:
            y[i] = function(*numbers)
        except (ArithmeticError, ValueError):
            raises[i] = True
    return y, raises


def python_divmod(a, b):
    """Python's // and % of floats."""
    mod = np.fmod(a, b)
    div = (a - mod) / b
    off = (mod != 0) & (np.less(b, 0) != (mod < 0))
    mod, div = np.where(off, mod + b, mod), np.where(off, div - 1, div)
    mod = np.where(mod == 0, np.copysign(0.0, b), mod)
    floor = np.floor(div)
    floor = np.where(div - floor > 0.5, floor + 1, floor)
    return np.where(div == 0, np.copysign(0.0, a / b), floor), mod


def fast_divmod(a, b):
    """The same, by a constant of few bits."""
    fraction, _ = math.frexp(b)
    power = abs(fraction) == 0.5
    quotient = np.floor(a * (1 / b) if power else a / b)
    # Exact, or the rest rounded once, where it is between 0 and b: what the quotient's rounding
    # does wrong puts it outside, and so do an overflow and an underflow.
    rest = a - quotient * b
    low, high = min(b, 0.0), max(b, 0.0)
    if not (rest.min() >= low and rest.max() <= high) or not (
        power or (quotient.min() >= -QUOTIENT and quotient.max() <= QUOTIENT)
    ):
        long = ~((rest >= low) & (rest <= high))
        if not power:
            long |= ~(abs(quotient) <= QUOTIENT)
        quotient[long], rest[long] = python_divmod(a[long], b)
    if b < 0:
        rest = np.copysign(rest, b)
    return quotient, rest


def is_power_of_two(value):
    if value.op != "constant":
        return False
    fraction, exponent = math.frexp(value.number)
    return abs(fraction) == 0.5 and abs(exponent) < 1000


def divides_fast(value):
    """Returns whether a value is a constant of few bits: its products by quotients are exact."""
    if value.op != "constant" or not 2.0**-900 < abs(value.number) < 2.0**900:
        return False
    return (math.frexp(value.number)[0] * 2.0**26).is_integer()
