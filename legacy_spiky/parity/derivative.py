"""Whether a derivative that was written by hand fits its function: finite differences."""

import collections
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from legacy_spiky import _ops
from legacy_spiky._arrays import plain
from legacy_spiky._errors import check_array_function, describe

__all__ = ["DerivativeReport", "check_derivative"]

SHOWN = 5


class DerivativeReport:
    """What `check_derivative` found. Prints as text; `ok` says whether the derivative fits.

    Attributes:
      tried: how many points.
      jumps: those where the derivative from the left and from the right differ.
      rough: those where there is no derivative to compare with: the function is not finite
        there, or too rough for finite differences.
      wrong: a dictionary for each point where the derivative fits neither side: `"x"`,
        `"given"`, `"left"` and `"right"`, the worst first.
    """

    def __init__(
        self, label: str, tried: int, jumps: List[float], rough: List[float], wrong: List[Dict]
    ):
        self.label = label
        self.tried = tried
        self.jumps = jumps
        self.rough = rough
        self.wrong = wrong

    @property
    def ok(self) -> bool:
        """Whether it fits at each point that could be judged."""
        return not self.wrong

    def to_json(self) -> Dict[str, Any]:
        """Returns it as what `json.dump` takes; what is not finite becomes text."""
        return plain(dict(vars(self), ok=self.ok))

    def __str__(self) -> str:
        lines = [
            "%s: %d points, %d on a jump%s, %d too rough%s, %d wrong"
            % (
                self.label,
                self.tried,
                len(self.jumps),
                _some(self.jumps),
                len(self.rough),
                _some(self.rough),
                len(self.wrong),
            )
        ]
        for row in self.wrong[:SHOWN]:
            lines.append(
                "  x = {x!r}: {given!r} is given, differences say {left:.9g} from the left and "
                "{right:.9g} from the right".format(**row)
            )
        return "\n".join(lines)


def _some(points):
    if not points:
        return ""
    shown = ", ".join("%.6g" % x for x in points[:SHOWN])
    return " (%s%s)" % (shown, ", ..." if len(points) > SHOWN else "")


# Steps to try, as parts of max(1, |x|): then larger ones, which see less of the rounding, then
# smaller ones, which see less of what bends fast. The last two see what all others step over.
_STEPS = [2.0**k for k in (-20, -17, -14, -23, -26, -36, -46)]

# What rounding may do to a slope, for each h: the results of a good function are off by an ULP.
_ROUNDING = 24 * np.finfo(np.float64).eps


# One side of a point. fits: whether the derivative given is what a step says that counts; value
# and slope: by that step, or by the first that counts, NaN where none does; noise: what rounding
# may do to the slope; sure: whether no smaller step contradicts.
_Side = collections.namedtuple("_Side", "fits value slope noise sure")


def _differences(f, x, step, sign):
    """Returns what a step says: value, slope, how unsettled it is, and what rounding may do.

    From three points beside `x`, so that `f(x)` itself, on a jump, has no part in it:
    `f'(x) = (-5/2 f(x + h) + 4 f(x + 2h) - 3/2 f(x + 3h)) / h + O(h^2)`, for `h` and `h / 2`.
    """
    size = step * np.maximum(1, np.abs(x))
    h = sign * size
    y = {k: f(x + k * h) for k in (0.5, 1, 1.5, 2, 3)}
    coarse = (-2.5 * y[1] + 4 * y[2] - 1.5 * y[3]) / h
    fine = (-2.5 * y[0.5] + 4 * y[1] - 1.5 * y[1.5]) / (h / 2)
    value, slope = 3 * y[0.5] - 3 * y[1] + y[1.5], fine + (fine - coarse) / 3
    noise = _ROUNDING * np.max(np.abs(list(y.values())), axis=0) / size
    # At worst: where f has terms of 1 that cancel; and x + h is rounded, too.
    at_worst = np.maximum(noise, _ROUNDING * (1 + np.abs(slope * x)) / size)
    return value, slope, np.abs(fine - coarse), noise, at_worst


def _one_side(f, x, given, sign, tolerance):
    """Returns the `_Side` of each point `x`, from steps of several sizes.

    A step counts where `h` and `h / 2` give a common answer and rounding leaves it within the
    tolerance. Where that is so of none, the one with the least rounding counts, with a tolerance
    that is wider by as much.
    """
    steps = [_differences(f, x, step, sign) for step in _STEPS]
    values, slopes, unsettled, noises, at_worst = map(np.array, zip(*steps))
    good = (unsettled <= tolerance(slopes) / 2 + noises) & np.isfinite(noises)
    least = np.min(np.where(good, noises, np.inf), axis=0)
    counts = good & ((noises <= tolerance(slopes)) | (noises == least))
    fit = counts & (np.abs(given - slopes) <= tolerance(slopes) + noises)
    fits = fit.any(axis=0)
    chosen = np.argmax(np.where(fits, fit, counts), axis=0)
    none, place = ~counts.any(axis=0), (chosen, np.arange(len(x)))
    value, slope, noise = [np.where(none, np.nan, a[place]) for a in (values, slopes, noises)]
    # A smaller step contradicts where it sees what the chosen one stepped over.
    against = np.abs(slopes - slope) > 2 * unsettled + at_worst + noise + tolerance(slope)
    smaller = np.array(_STEPS)[:, None] < np.array(_STEPS)[chosen]
    return _Side(fits, value, slope, noise, ~(against & smaller).any(axis=0))


def check_derivative(
    f: Callable[[np.ndarray], Any],
    df: Callable[[np.ndarray], Any],
    low: float = -8.0,
    high: float = 8.0,
    points: Optional[np.ndarray] = None,
    rtol: float = 1e-6,
    atol: float = 1e-7,
    seed: int = 0,
) -> DerivativeReport:
    """Does a hand-written derivative fit its function? Finite differences that know of jumps.

    In double precision, from the left and from the right of each point. Where both agree, `df`
    has to be what they say, up to `atol + rtol * |difference|`. Where they disagree, or the value
    jumps, the point is reported as a jump, and `df` has to be what one of the two sides says; where
    the value does not jump, as for ReLU at 0, it may lie between them.

    Args:
      f: an array function, as for `legacy_spiky.activation`: for a function of one number give
        `vectorize(f)`.
      df: its derivative, likewise.
      low: the least point.
      high: the greatest point.
      points: where to look, instead of 1025 points at even distances from `low` to `high` and
        1000 random ones.
      rtol: the relative tolerance.
      atol: the absolute tolerance.
      seed: of the random points.

    Returns:
      A `DerivativeReport`: prints as text, and `ok` says whether the derivative fits.

    Raises:
      TypeError: `f` or `df` is not callable, or takes no array.
      ValueError: `low` is not less than `high`, `points` is empty, or most are too rough,
        as where `f` rounds to float32.

    >>> from legacy_spiky import np_d_spiky, np_spiky
    >>> check_derivative(np_spiky, np_d_spiky).ok, check_derivative(np_spiky, np.sign).ok
    (True, False)
    """
    check_array_function("f", f)
    check_array_function("df", df)
    if points is None:
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError("expected finite low < high, got low %r and high %r" % (low, high))
        random = np.random.RandomState(seed).uniform(low, high, 1000)
        points = np.concatenate([np.linspace(low, high, 1025), random])
    x = np.unique(np.asarray(points, np.float64))
    if not x.size:
        raise ValueError("nothing to check: points is empty")

    def tolerance(slope):
        return atol + rtol * np.abs(slope)

    def near(a, b):
        return np.abs(a - b) <= tolerance(b)

    function = _ops.guard_elementwise(f, np.float64)
    with np.errstate(all="ignore"):
        value, given = function(x), _ops.guard_elementwise(df, np.float64)(x)
        sides = [_one_side(function, x, given, sign, tolerance) for sign in (-1, 1)]
        left, right = [side.slope for side in sides]
        steady = near(sides[0].value, value) & near(sides[1].value, value)
        smooth = steady & (np.abs(left - right) <= tolerance(right) + sum(s.noise for s in sides))
        between = (given >= np.fmin(left, right)) & (given <= np.fmax(left, right))
        fits = sides[0].fits | sides[1].fits | (steady & between)
        judged = np.isfinite(value) & ~(np.isnan(left) & np.isnan(right))
        # Where one side is too rough it may be that which the derivative is of.
        sure = ~(np.isnan(left) | np.isnan(right)) & sides[0].sure & sides[1].sure
        judged &= fits | sure
        error = np.fmin(np.abs(given - left), np.abs(given - right))
        # Of numbers that no float32 holds, a good function makes others.
        beside = function(x + 1e-9 * np.maximum(1, np.abs(x)))
        beside = beside[np.isfinite(beside)]
        single = beside.astype(np.float32)
    # To the last bit: the steps of a step function are powers of two, too.
    odd = single.view(np.uint32) & 1
    if np.array_equal(single, beside) and odd.sum() > 0.1 * len(odd):
        raise ValueError(
            "%s rounds to float32, too rough for finite differences: give a function that computes "
            "in float64, as the activation calls it" % describe(f)
        )
    if judged.sum() * 2 < len(x):
        raise ValueError(
            "%s is not finite, or too rough for finite differences, at %d of %d points: give a "
            "function that computes in float64, and a range where it is finite"
            % (describe(f), len(x) - judged.sum(), len(x))
        )
    wrong = np.flatnonzero(judged & ~fits)
    wrong = wrong[np.argsort(-np.where(np.isnan(error), np.inf, error)[wrong], kind="mergesort")]
    columns = {"x": x, "given": given, "left": left, "right": right}
    rows = [{name: float(column[i]) for name, column in columns.items()} for i in wrong]
    jumps, rough = x[judged & ~smooth].tolist(), x[~judged].tolist()
    label = "%s as the derivative of %s" % (describe(df), describe(f))
    return DerivativeReport(label, len(x), jumps, rough, rows)
