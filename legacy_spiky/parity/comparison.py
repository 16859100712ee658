"""Implementations on the same inputs: where do they differ?"""

import itertools
from typing import Any, Callable, Sequence, Union

import numpy as np

from legacy_spiky._arrays import native, samples, upstreams
from legacy_spiky._errors import check_callable, describe
from legacy_spiky.parity.differences import check_comparable, compare_arrays, no_gradient
from legacy_spiky.parity.process import explain
from legacy_spiky.parity.report import Report, new_row
from legacy_spiky.parity.subnormals import flushed

__all__ = ["assert_parity", "compare", "run_side"]


def _as_arrays(x):
    return [native(array) for array in (x if isinstance(x, (list, tuple)) else [x])]


def _label(implementation):
    return getattr(implementation, "label", None) or describe(implementation)


def _labels(implementations):
    """Returns a label for each, those of the same name numbered."""
    labels = []
    for label in map(_label, implementations):
        number = itertools.count(2)
        different = label
        while different in labels:
            different = "%s (%d)" % (label, next(number))
        labels.append(different)
    return labels


def run_side(role, label, implementation, inputs, upstream=None):
    """Runs an implementation and says which side it was, where it fails."""
    side = "the %s (%s)" % (role, label)
    # Copies: an op may write to its argument, which TensorFlow need not have copied.
    inputs = [np.array(x) for x in inputs]
    upstream = None if upstream is None else [np.array(g) for g in upstream]
    try:
        values, gradients = implementation(inputs, upstream)
    except (Exception, SystemExit) as error:
        raise RuntimeError("%s raised %s" % (side, explain(error))) from error
    for array in list(values) + list(gradients):
        if array is not None and array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise TypeError("%s gives %s; parity is of real numbers" % (side, array.dtype))
    return values, gradients


def _check_alike(noun, reference, candidate, ours, theirs):
    """Raises ValueError unless the arrays of both have the same number, shapes and dtypes."""
    if len(ours) != len(theirs):
        raise ValueError(
            "the candidate (%s) gives %d %ss, the reference (%s) %d"
            % (candidate, len(theirs), noun, reference, len(ours))
        )
    for a, b in zip(ours, theirs):
        if a is not None and b is not None and (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ValueError(
                "%s: the candidate (%s) gives %s of shape %s, the reference (%s) %s of shape %s"
                % (noun, candidate, b.dtype.name, b.shape, reference, a.dtype.name, a.shape)
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
      ValueError: two sides have another number of outputs, other shapes or dtypes, or there is
        nothing to compare: no candidate, no output, or NaN for most inputs that are not NaN,
        as where an op that mixes elements meets the NaN and infinities of `samples()`.
      TypeError: a side gives what are not real numbers.

    >>> from legacy_spiky import migration, tf_spiky
    >>> print(compare(session(tf_spiky), eager(migration.tf_spiky)).mismatches)
    0
    """
    if not candidates:
        raise ValueError("nothing to compare: no candidate is given, only a reference")
    for implementation in (reference,) + candidates:
        check_callable("an implementation", implementation)
    for name, tolerance in [("ulp", ulp), ("rtol", rtol), ("atol", atol)]:
        if not tolerance >= 0:
            raise ValueError("%s must be a number from 0 on, got %r" % (name, tolerance))
    inputs = _as_arrays(samples() if inputs is None else inputs)
    if not inputs:
        raise ValueError("nothing to compare: inputs is empty; give an array for each argument")
    if flush_subnormals:
        inputs = flushed(inputs, results=False)
    label = _label(reference)
    if upstream is None:
        values, _ = run_side("reference", label, reference, inputs)
        upstream = [upstreams(y.shape, y.dtype, seed) for seed, y in enumerate(values)]
    else:
        upstream = _as_arrays(upstream)
    ours = run_side("reference", label, reference, inputs, upstream)
    if not ours[0]:
        raise ValueError("nothing to compare: the reference (%s) gives []" % label)
    report = Report(label)
    for name, candidate in zip(_labels(candidates), candidates):
        try:
            theirs = run_side("candidate", name, candidate, inputs, upstream)
        except RuntimeError:
            # The upstream gradient may not fit, since its values are unlike the reference's.
            values, _ = run_side("candidate", name, candidate, inputs)
            _check_alike("value", label, name, ours[0], values)
            raise
        for noun, expected, given in zip(("value", "gradient"), ours, theirs):
            _check_alike(noun, label, name, expected, given)
            if flush_subnormals:
                expected, given = flushed(expected), flushed(given)
            for i, (a, b) in enumerate(zip(expected, given)):
                quantity = noun if len(expected) == 1 else "%s %d" % (noun, i)
                row = new_row(name, quantity, "none" if a is None else a.dtype.name)
                if a is not None and b is not None:
                    check_comparable(quantity, inputs, a, b)
                    row["tried"] = a.size
                    feed = upstream if noun == "gradient" else []
                    compare_arrays(row, inputs, feed, a, b, ulp, rtol, atol)
                elif a is not b:
                    no_gradient(row, a, b)
                report.rows.append(row)
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
      ValueError: no number was compared, as where the inputs are empty.
      RuntimeError, ValueError, TypeError: as `compare`.

    >>> from legacy_spiky import migration, tf_spiky
    >>> assert_parity(session(tf_spiky), eager(migration.tf_spiky)).ok
    True
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    report = compare(reference, *candidates, **options)
    if not report.ok:
        raise AssertionError("%d mismatches\n%s" % (report.mismatches, report))
    if not report.tried:
        raise ValueError(
            "nothing to compare: the results of the reference (%s) are empty; give inputs with "
            "numbers in them" % report.reference
        )
    return report
