"""Activations as people write them by hand, of one number: the corpus for compiled code."""

import math

ALPHA = 0.1
KNOTS = (-1.0, 0.0, 0.5, 1.0)


def step(x):
    return 1 if x > 0 else 0


def leaky_step(x):
    return 1 if x > 0 else ALPHA * x


def relu(x):
    return max(0, x)


def leaky_relu(x):
    return x if x > 0 else 0.01 * x


def relu6(x):
    return min(max(x, 0.0), 6.0)


def hard_sigmoid(x):
    return max(0.0, min(1.0, 0.2 * x + 0.5))


def hard_tanh(x):
    if x < -1:
        return -1
    elif x > 1:
        return 1
    return x


def sigmoid(x):
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


def overflowing_sigmoid(x):
    return 1 / (1 + math.exp(-x))  # an OverflowError from -710 down


def soft_sign(x):
    return x / (1 + abs(x))


def soft_plus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0)


def swish(x):
    return x * sigmoid(x)


def mish(x):
    return x * math.tanh(soft_plus(x))


def gelu(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x):
    return x if x > 0 else math.expm1(x)


def selu(x, scale=1.0507009873554805, alpha=1.6732632423543772):
    return scale * (x if x > 0 else alpha * (math.exp(x) - 1))


def bent(x):
    return (math.sqrt(x**2 + 1) - 1) / 2 + x


def sinc(x):
    return 1 if x == 0 else math.sin(x) / x  # a ValueError at infinity


def gaussian(x):
    return math.exp(-(x**2))


def quantiser(x):
    return math.floor(x * 8) / 8  # a ValueError at NaN, an OverflowError at infinity


def rounding(x):
    return round(4 * x) / 4


def triangle(x):
    r = x % 2
    return r if r < 1 else 2 - r


def staircase(x):
    return int(x) + 0.5 * (x > 0)


def snake(x):
    return x + math.sin(3 * x) ** 2 / 3


def cubic(x):
    return x**3 - x


def root(x):
    return x**0.5  # a complex number below 0


def pole(x):
    return 1 / x  # a ZeroDivisionError at 0


def horner(x):
    y = 0.0
    for c in (0.5, -0.25, 0.125):
        y = y * x + c
    return y


def knots(x):
    for i in range(len(KNOTS)):
        if x < KNOTS[i]:
            return i / len(KNOTS)
    return 1


def arctan(x):
    return 2 / math.pi * math.atan2(x, 1)


def log_squash(x):
    return math.copysign(math.log(1 + abs(x)), x)


# With integers, loops, tables, helpers, defaults and closures.


def hard_swish(x):
    return x * min(max(0, x + 3), 6) / 6


def hard_shrink(x, threshold=0.5):
    return x if x > threshold or x < -threshold else 0


def soft_shrink(x, *, threshold=0.5):
    if x > threshold:
        return x - threshold
    if x < -threshold:
        return x + threshold
    return 0


def tanh_shrink(x):
    return x - math.tanh(x)


def celu(x, alpha=1.5):
    return max(0, x) + min(0, alpha * (math.exp(min(x, 0) / alpha) - 1))


def isru(x, alpha=1):
    return x / math.sqrt(1 + alpha * x**2)


def isrlu(x):
    return x if x >= 0 else isru(x)


def smooth_step(x):
    if x <= 0:
        return 0
    if x >= 1:
        return 1
    return x * x * (3 - 2 * x)


def smoother_step(x):
    t = min(1, max(0, x))
    return t**3 * (t * (t * 6 - 15) + 10)


def cloglog(x):
    return -math.expm1(-math.exp(x)) if x < 5 else 1


def logit(x):
    return math.log(x / (1 - x)) if 0 < x < 1 else 0


def hard_window(x):
    return -1 < x < 1


def truth_sum(x):
    return (x > -1) + (x > 0) + 2 * (x > 1)


def clipped_exponential(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def refuses_nan(x):
    if math.isnan(x):
        raise ValueError("not a number: {!r}".format(x))
    return x if not math.isinf(x) else math.copysign(10.0, x)


def sawtooth(x, period=3):
    return x % period / period


def reversed_sawtooth(x):
    return x % -0.7


def floor_division(x):
    return x // 0.3


def quotient_and_rest(x):
    quotient, rest = divmod(x, 2)
    return rest if quotient % 2 else 2 - rest


def parity(x):
    return 1.0 if int(x) % 2 == 0 else -1.0


def cube_of_whole(x):
    k = round(x)
    return k**3 / 8


def two_to_the(x):
    k = math.floor(x)
    return 2.0**k if -10 < k < 10 else 0


def collatz_step(x):
    n = math.trunc(x)
    return n // 2 if n % 2 == 0 else 3 * n + 1


def fixed_point(x, bits=4):
    scale = 2**bits
    return max(-8 * scale, min(8 * scale - 1, round(x * scale))) / scale


LEVELS = (-2.0, -0.75, -0.25, 0.25, 0.75, 2.0)
WEIGHTS = (3, -1, 4, 1, -5)


def look_up(x):
    return LEVELS[int(min(max(x, -2.5), 2.5) + 3)]


def wrapped_look_up(x):
    return WEIGHTS[math.floor(x) % len(WEIGHTS)] * x


def eight_levels(x):
    y = 0.0
    for i, level in enumerate(LEVELS):
        if x > level:
            y = (i + 1) / len(LEVELS)
    return y


def spline(x):
    y = 0.1 * x
    for knot, slope in zip(KNOTS, WEIGHTS):
        if x > knot:
            y += slope * (x - knot)
    return y


def polynomial(x):
    y = 0
    for i, c in enumerate(WEIGHTS):
        y += c * x**i
    return y


def iterated_sine(x):
    for _ in range(3):
        x = math.sin(2 * x)
    return x


def newton_root(x):
    y = 1.0
    for _ in range(5):
        y = 0.5 * (y + abs(x) / y)
    return y


def _slope_of(x, slope):
    return slope * x if x < 0 else x


def nested_helper(x):
    return _slope_of(_slope_of(x - 1, slope=0.5), 0.25) + 1


def _scaled(scale, shift=0.5):
    def scaled(x, power=2):
        return scale * abs(x) ** power - shift

    return scaled


scaled_square = _scaled(0.75)


def softmax_of_two(x):
    top = max(x, 0.0)
    a, b = math.exp(x - top), math.exp(-top)
    return a / (a + b)


def log_cosh(x):
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)


def erf_sigmoid(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def power_mix(x):
    return abs(x) ** 1.5 / (1 + abs(x) ** 0.5)


def either(x):
    return (x > 2 and x - 2) or (x < -2 and x + 2) or 0


def typed(x):
    return x / 2 if isinstance(x, float) else x // 2


def sines(x):
    return math.sin(x) + math.cos(2 * x) / 2 if abs(x) < 1e6 else 0


CORPUS = [
    value
    for name, value in list(vars().items())
    if getattr(value, "__module__", None) == __name__ and callable(value) and name[0] != "_"
]
