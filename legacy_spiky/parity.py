"""Whether implementations of an activation or op agree: values and gradients, down to the bit.

An implementation is an op in a world (`session`, `eager`, `function`, `xla`, `interpreter`), or
functions of arrays (`arrays`). `compare` runs two or more of them on the same inputs and upstream
gradients and reports where they differ; `assert_parity` is that for a test.
"""

import collections
import re
from typing import Any, Callable, Dict, Sequence, Union

import numpy as np

from legacy_spiky import _dtypes
from legacy_spiky._bits import bits, boundaries, distance, plain, samples, upstreams
from legacy_spiky._derivative import check_derivative
from legacy_spiky._errors import check_callable, describe
from legacy_spiky._worlds import arrays, eager, function, interpreter, session, xla

__all__ = [
    "Report",
    "arrays",
    "assert_parity",
    "boundaries",
    "check_derivative",
    "compare",
    "eager",
    "function",
    "interpreter",
    "samples",
    "session",
    "xla",
]

SHOWN = 5  # differing inputs that a report names, for each row

_SUBNORMAL = (
    "  %d of %d are of subnormals, which TensorFlow's threads set to 0 and the caller's keeps: "
    "flush_subnormals takes them for 0 everywhere"
)


class Report:
    """What `compare` found. Prints as a table; `ok` says whether all agreed.

    Attributes:
      reference: the label of what the candidates were compared with.
      rows: a dictionary for each candidate, quantity (`"value"`, `"gradient"`) and dtype:
        how many numbers were `"tried"` and how many are `"mismatches"`; `"worst ulp"` and
        `"worst absolute"`, of all that differ, within the tolerance too (infinite where one
        side alone is NaN, or has no gradient); how many mismatches have a subnormal input or
        result, `"subnormal"`; and the mismatches themselves, `"first"` (up to five)
        and `"worst"`: the place, the input, both results and their bits.

    >>> x = np.float32([0.25, 1])
    >>> report = compare(arrays(np.sqrt, np.sign), arrays(np.square, np.sign), inputs=x)
    >>> report.ok, report.tried, report.mismatches
    (False, 2, 1)
    >>> report.rows[0]["first"][0]["input"]
    ['0.25 (0x3e800000)']
    """

    def __init__(self, reference: str = ""):
        self.reference = reference
        self.rows = []

    @property
    def mismatches(self) -> int:
        """How many numbers differ, values and gradients."""
        return sum(row["mismatches"] for row in self.rows)

    @property
    def ok(self) -> bool:
        """Whether none does."""
        return self.mismatches == 0

    @property
    def tried(self) -> int:
        """How many values of a candidate were compared: of the one with most."""
        tried = collections.Counter()
        for row in filter(_is_value, self.rows):
            tried[row["candidate"]] += row["tried"]
        return max(tried.values(), default=0)

    def add(self, other: "Report") -> None:
        """Adds what another report found; the reference named is the first one's."""
        self.reference = self.reference or other.reference
        for new in other.rows:
            for row in self.rows:
                if all(row[key] == new[key] for key in ("candidate", "quantity", "dtype")):
                    break
            else:
                self.rows.append(dict(new))
                continue
            row["tried"] += new["tried"]
            row["mismatches"] += new["mismatches"]
            row["subnormal"] += new["subnormal"]
            row["worst ulp"] = max(row["worst ulp"], new["worst ulp"])
            row["worst absolute"] = max(row["worst absolute"], new["worst absolute"])
            row["first"] = (row["first"] + new["first"])[:SHOWN]
            found = [worst for worst in (row["worst"], new["worst"]) if worst]
            row["worst"] = max(found, key=_error, default=None)

    def to_json(self) -> Dict[str, Any]:
        """Returns it as what `json.dump` takes; an infinite error is the text "inf"."""
        return {
            "reference": self.reference,
            "ok": self.ok,
            "tried": self.tried,
            "mismatches": self.mismatches,
            "rows": plain(self.rows),
        }

    def __str__(self) -> str:
        lines = ["candidate|dtype|inputs|values off|gradients off|worst ULP|worst error".split("|")]
        for candidate in dict.fromkeys(row["candidate"] for row in self.rows):
            rows = [row for row in self.rows if row["candidate"] == candidate]
            values = [row for row in rows if _is_value(row)]
            lines.append(
                [
                    candidate,
                    " ".join(dict.fromkeys(row["dtype"] for row in values)),
                    "{:,}".format(sum(row["tried"] for row in values)),
                    "{:,}".format(sum(row["mismatches"] for row in values)),
                    "{:,}".format(sum(row["mismatches"] for row in rows if not _is_value(row))),
                    "{:,}".format(max(row["worst ulp"] for row in rows)),
                    "{:.3g}".format(max(row["worst absolute"] for row in rows)),
                ]
            )
        widths = [max(map(len, column)) for column in zip(*lines)]
        text = ["reference: " + self.reference]
        for line in lines:
            cells = [cell.ljust(width) for cell, width in zip(line[:2], widths)]
            cells += [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
            text.append("  ".join(cells).rstrip())
        for row in self.rows:
            if row["mismatches"]:
                text.append("{candidate}, {quantity}, {dtype}:".format(**row))
                if row["subnormal"]:
                    text.append(_SUBNORMAL % (row["subnormal"], row["mismatches"]))
                text += ["  " + _sentence(found) for found in row["first"]]
                if row["worst"] not in row["first"]:
                    text.append("  worst: " + _sentence(row["worst"]))
        return "\n".join(text)


def _is_value(row):
    return row["quantity"].startswith("value")


def _error(found):
    return found["ulp"], found["absolute"]


def _sentence(found):
    place = "x = " + ", ".join(found["input"]) if found["input"] else "at %s" % found["index"]
    return "%s: %s, and %s in the reference; %s ULP, %.3g apart" % (
        place,
        found["candidate"],
        found["reference"],
        "{:,}".format(found["ulp"]),
        found["absolute"],
    )


def _shown(number):
    """Returns a NumPy scalar in decimal and in hex bits."""
    number = np.asarray(number)
    return "%s (0x%0*x)" % (number[()], 2 * number.dtype.itemsize, int(bits(number)))


def _row(candidate, quantity, dtype):
    return {
        "candidate": candidate,
        "quantity": quantity,
        "dtype": dtype,
        "tried": 0,
        "mismatches": 0,
        "subnormal": 0,
        "worst ulp": 0,
        "worst absolute": 0.0,
        "first": [],
        "worst": None,
    }


def _no_gradient(row, reference, candidate):
    """Counts each number as a mismatch, where one side has a gradient and the other none."""
    one = candidate if reference is None else reference
    found = {
        "index": [],
        "input": ["any"],
        "reference": "no gradient (None)" if reference is None else "a gradient",
        "candidate": "no gradient (None)" if candidate is None else "a gradient",
        "ulp": np.inf,
        "absolute": np.inf,
    }
    row.update(dtype=one.dtype.name, tried=one.size, mismatches=max(one.size, 1))
    row.update({"worst ulp": np.inf, "worst absolute": np.inf, "first": [found], "worst": found})


def _tiny(x, results=True):
    """Returns which numbers are subnormal, or, of results, the least normal number itself.

    A subnormal that rounds up to that one is flushed to 0 by what flushes before it rounds.
    """
    if x.dtype.kind in "biu":
        return np.zeros(x.shape, bool)
    least = _dtypes.least_normal(x.dtype)
    with np.errstate(invalid="ignore"):  # NaN
        size = np.abs(_dtypes.to_double(x))
        return (size != 0) & ((size < least) | (results & (size == least)))


def _flushed(arrays, results=True):
    """Returns arrays in which what is tiny is 0, its sign kept."""
    flushed = []
    for x in arrays:
        tiny = None if x is None else _tiny(x, results)
        if tiny is not None and tiny.any():
            pattern = bits(x).copy()
            pattern[tiny] &= pattern.dtype.type(1 << (8 * x.dtype.itemsize - 1))
            x = pattern.view(x.dtype)
        flushed.append(x)
    return flushed


def _compare_arrays(row, inputs, reference, candidate, ulp, rtol, atol):
    """Fills in `row` what is to be said of two arrays of the same shape and dtype."""
    places = np.flatnonzero(bits(reference) != bits(candidate))
    if not places.size:
        return
    a, b = reference.ravel()[places], candidate.ravel()[places]
    floating = a.dtype.kind not in "biu"
    wide_a, wide_b = [_dtypes.to_double(x) if floating else x.astype(float) for x in (a, b)]
    keep = ~(np.isnan(wide_a) & np.isnan(wide_b))  # NaN is NaN, whatever its bits
    places, a, b, wide_a, wide_b = [x[keep] for x in (places, a, b, wide_a, wide_b)]
    with np.errstate(all="ignore"):
        absolute = np.abs(wide_a - wide_b)
        near = np.isfinite(absolute) & (absolute <= atol + rtol * np.abs(wide_a))
    nan = np.isnan(absolute)
    absolute[nan] = np.inf
    steps = distance(a, b) if floating else absolute
    if ulp or rtol or atol:  # else each bit counts, that of -0.0 too
        wrong = ~(near | ((steps <= ulp) & ~nan & floating))
    else:
        wrong = np.ones(places.shape, bool)

    def found(i):
        elements = [x.ravel()[places[i]] for x in inputs if x.shape == reference.shape]
        return {
            "index": [int(k) for k in np.unravel_index(places[i], reference.shape)],
            "input": [_shown(element) for element in elements],
            "reference": _shown(a[i]),
            "candidate": _shown(b[i]),
            "ulp": np.inf if nan[i] else int(steps[i]),
            "absolute": float(absolute[i]),
        }

    if places.size:
        row["worst ulp"] = np.inf if nan.any() else int(steps.max())
        row["worst absolute"] = float(absolute.max())
    indices = np.flatnonzero(wrong)
    row["mismatches"] = len(indices)
    tiny = _tiny(a) | _tiny(b)
    for x in inputs:
        if x.shape == reference.shape:
            tiny |= _tiny(x.ravel()[places], results=False)
    row["subnormal"] = int(tiny[indices].sum())
    row["first"] = [found(i) for i in indices[:SHOWN]]
    if len(indices):
        steps = np.where(nan, np.inf, steps)
        farthest = indices[steps[indices] == steps[indices].max()]
        row["worst"] = found(farthest[np.argmax(absolute[farthest])])


def _label(implementation):
    return getattr(implementation, "label", None) or describe(implementation)


def _reason(error):
    """Returns the line of an error's text that says most; TensorFlow's run to pages."""
    lines = str(error).strip().splitlines() or [""]
    telling = [line for line in lines if re.match(r"\s*[\w.]*(Error|Exception): ", line)]
    return (telling or lines)[0].strip()


def _run(role, implementation, inputs, upstream=None):
    """Runs an implementation and says which side it was, where it fails."""
    side = "the %s (%s)" % (role, _label(implementation))
    try:
        values, gradients = implementation(inputs, upstream)
    except Exception as error:
        raise RuntimeError(
            "%s raised %s: %s" % (side, type(error).__name__, _reason(error))
        ) from error
    for array in list(values) + list(gradients):
        if array is not None and array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise TypeError("%s gives %s; parity is of real numbers" % (side, array.dtype))
    return values, gradients


def _check_alike(noun, reference, candidate, ours, theirs):
    """Raises ValueError unless the arrays of both have the same number, shapes and dtypes."""
    if len(ours) != len(theirs):
        raise ValueError(
            "the candidate (%s) gives %d %ss, the reference (%s) %d"
            % (_label(candidate), len(theirs), noun, _label(reference), len(ours))
        )
    for a, b in zip(ours, theirs):
        if a is not None and b is not None and (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ValueError(
                "%s: the candidate (%s) gives %s of shape %s, the reference (%s) %s of shape %s"
                % (
                    noun,
                    _label(candidate),
                    b.dtype.name,
                    b.shape,
                    _label(reference),
                    a.dtype.name,
                    a.shape,
                )
            )


def compare(
    reference: Callable[..., Any],
    *candidates: Callable[..., Any],
    inputs: Union[None, np.ndarray, Sequence[np.ndarray]] = None,
    upstream: Union[None, np.ndarray, Sequence[np.ndarray]] = None,
    ulp: int = 0,
    rtol: float = 0.0,
    atol: float = 0.0,
    flush_subnormals: bool = False,
) -> Report:
    """Compares implementations with a reference: values, and gradients of each input.

    Two numbers agree if they have the same bits or are both NaN. With a tolerance they also do
    if they are at most `ulp` numbers apart, or `|reference - candidate| <= atol + rtol *
    |reference|` and both are finite.

    Args:
      reference: an implementation: `session(op)`, `eager(op)`, `function(op)`, `xla(op)`,
        `interpreter(python, name)`, `arrays(f, df)`, or a function of the same form.
      *candidates: implementations to compare with it.
      inputs: an array, or a list of them, one for each argument of the op. By default
        `samples("float32")`, for an op of one argument.
      upstream: the upstream gradient of each output, of its shape and dtype. By default
        numbers from 0.5 to 2, of either sign.
      ulp: how many numbers apart two results may be.
      rtol: the relative tolerance.
      atol: the absolute tolerance.
      flush_subnormals: whether subnormals, and results that are the least normal number,
        count as 0. TensorFlow's threads set subnormals to 0, the caller's thread keeps them:
        a Python function may differ there from a session to eager mode.

    Returns:
      A `Report`.

    Raises:
      RuntimeError: a side raised; the message says which, and what.
      ValueError: two sides have another number of outputs, other shapes or dtypes.
      TypeError: a side gives what are not real numbers.

    >>> from legacy_spiky import migration, tf_spiky
    >>> print(compare(session(tf_spiky), eager(migration.tf_spiky)).mismatches)
    0
    """
    for implementation in (reference,) + candidates:
        check_callable("an implementation", implementation)
    inputs = samples() if inputs is None else inputs
    inputs = [np.asarray(x) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    if flush_subnormals:
        inputs = _flushed(inputs, results=False)
    if upstream is None:
        values, _ = _run("reference", reference, inputs)
        upstream = [upstreams(y.shape, y.dtype, seed) for seed, y in enumerate(values)]
    elif not isinstance(upstream, (list, tuple)):
        upstream = [upstream]
    ours = _run("reference", reference, inputs, upstream)
    report = Report(_label(reference))
    for candidate in candidates:
        try:
            theirs = _run("candidate", candidate, inputs, upstream)
        except RuntimeError:
            # The upstream gradient may not fit, since its values are unlike the reference's.
            values, _ = _run("candidate", candidate, inputs)
            _check_alike("value", reference, candidate, ours[0], values)
            raise
        for noun, expected, given in zip(("value", "gradient"), ours, theirs):
            _check_alike(noun, reference, candidate, expected, given)
            if flush_subnormals:
                expected, given = _flushed(expected), _flushed(given)
            for i, (a, b) in enumerate(zip(expected, given)):
                quantity = noun if len(expected) == 1 else "%s %d" % (noun, i)
                row = _row(_label(candidate), quantity, "none" if a is None else a.dtype.name)
                if a is not None and b is not None:
                    row["tried"] = a.size
                    _compare_arrays(row, inputs, a, b, ulp, rtol, atol)
                elif a is not b:
                    _no_gradient(row, a, b)
                new = Report(_label(reference))
                new.rows.append(row)
                report.add(new)
    return report


def assert_parity(
    reference: Callable[..., Any], *candidates: Callable[..., Any], **options: Any
) -> Report:
    """Raises AssertionError, with the report, unless the candidates agree with the reference.

    Args:
      reference: as for `compare`.
      *candidates: as for `compare`.
      **options: those of `compare`: `inputs`, `upstream`, `ulp`, `rtol`, `atol`,
        `flush_subnormals`.

    Returns:
      The `Report`.

    Raises:
      AssertionError: they differ.
      And what `compare` raises.

    >>> from legacy_spiky import migration, tf_spiky
    >>> assert_parity(session(tf_spiky), eager(migration.tf_spiky)).ok
    True
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = compare(reference, *candidates, **options)
    if not report.ok:
        raise AssertionError("%d mismatches\n%s" % (report.mismatches, report))
    return report
