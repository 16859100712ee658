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


CORPUS = [
    value
    for value in list(vars().values())
    if getattr(value, "__module__", None) == __name__ and callable(value)
]
