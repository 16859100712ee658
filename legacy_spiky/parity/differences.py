"""Where two arrays differ."""

import numpy as np

from legacy_spiky import _arrays
from legacy_spiky._arrays import bits, distance, silent
from legacy_spiky.parity.report import SHOWN, shown
from legacy_spiky.parity.subnormals import tiny

__all__ = ["check_comparable", "compare_arrays", "no_gradient"]


def no_gradient(row, reference, candidate):
    """Counts each number as a mismatch, where one side has a gradient and the other none."""
    one = candidate if reference is None else reference
    found = {
        "index": [],
        "input": ["any"],
        "upstream": [],
        "reference": "no gradient (None)" if reference is None else "a gradient",
        "candidate": "no gradient (None)" if candidate is None else "a gradient",
        "ulp": np.inf,
        "absolute": np.inf,
    }
    row.update(dtype=one.dtype.name, tried=one.size, mismatches=max(one.size, 1))
    row.update({"worst ulp": np.inf, "worst absolute": np.inf, "first": [found], "worst": found})


@silent
def compare_arrays(row, inputs, upstream, reference, candidate, ulp, rtol, atol):
    """Fills in `row` what is to be said of two arrays of the same shape and dtype."""
    inputs, upstream = [[x for x in xs if x.shape == reference.shape] for xs in (inputs, upstream)]
    places = np.flatnonzero(bits(reference) != bits(candidate))
    if not places.size:
        return
    a, b = reference.ravel()[places], candidate.ravel()[places]
    floating = a.dtype.kind not in "biu"
    wide_a, wide_b = [_arrays.to_double(x) if floating else x.astype(float) for x in (a, b)]
    keep = ~(np.isnan(wide_a) & np.isnan(wide_b))  # NaN is NaN, whatever its bits
    places, a, b, wide_a, wide_b = [x[keep] for x in (places, a, b, wide_a, wide_b)]
    absolute = np.abs(wide_a - wide_b)
    nan = np.isnan(absolute)
    absolute[nan] = np.inf
    if floating:
        steps = distance(a, b)
    else:  # exact, where float64 is not
        wide = a.astype(np.uint64), b.astype(np.uint64)
        steps = np.where(a < b, wide[1] - wide[0], wide[0] - wide[1])
        absolute = steps.astype(np.float64)
    near = np.isfinite(absolute) & (absolute <= atol + rtol * np.abs(wide_a))
    if ulp or rtol or atol:  # else each bit counts, that of -0.0 too
        wrong = ~(near | ((steps <= ulp) & ~nan & floating))
    else:
        wrong = np.ones(places.shape, bool)

    def found(i):
        return {
            "index": [int(k) for k in np.unravel_index(places[i], reference.shape)],
            "input": [shown(x.ravel()[places[i]]) for x in inputs],
            "upstream": [shown(g.ravel()[places[i]]) for g in upstream],
            "reference": shown(a[i]),
            "candidate": shown(b[i]),
            "ulp": np.inf if nan[i] else int(steps[i]),
            "absolute": float(absolute[i]),
        }

    if places.size:
        row["worst ulp"] = np.inf if nan.any() else int(steps.max())
        row["worst absolute"] = float(absolute.max())
    indices = np.flatnonzero(wrong)
    row["mismatches"] = len(indices)
    small = tiny(a) | tiny(b)
    for x in inputs:
        small |= tiny(x.ravel()[places], results=False)
    row["subnormal"] = int(small[indices].sum())
    row["zero signs"] = int((steps[indices] == 0).sum())
    row["first"] = [found(i) for i in indices[:SHOWN]]
    if len(indices):
        steps = np.where(nan, np.inf, steps)
        farthest = indices[steps[indices] == steps[indices].max()]
        row["worst"] = found(farthest[np.argmax(absolute[farthest])])


def check_comparable(noun, inputs, reference, candidate):
    """Raises ValueError where inputs that are not finite made NaN of most of the results.

    NaN agrees with NaN: whatever an op that mixes elements computes would pass.
    """
    made = _is_nan(reference) & _is_nan(candidate)
    for x in inputs:
        if x.shape == reference.shape:
            made &= ~_is_nan(x)
    if made.sum() * 2 > made.size and not all(map(_is_finite, inputs)):
        raise ValueError(
            "nothing to compare: %d of %d numbers of the %s are NaN on both sides; an op that "
            "mixes elements wants inputs without NaN and infinities: give "
            "inputs=samples(low=-8, high=8), or --low and --high" % (made.sum(), made.size, noun)
        )


def _is_finite(x):
    return x.dtype.kind in "biu" or np.isfinite(_arrays.to_double(x)).all()


def _is_nan(x):
    return np.zeros(x.shape, bool) if x.dtype.kind in "biu" else np.isnan(_arrays.to_double(x))
