"""Code of a user, for `mypy --strict`: what is wrong in it must be found, and nothing else."""

import math
from typing import Any

import numpy as np

import legacy_spiky
from legacy_spiky import activation, py_func, vectorize
from legacy_spiky.migration import activation as migrated
from legacy_spiky.native import native
from legacy_spiky.parity import assert_parity, compare, eager, session


def bent(x: float) -> float:
    return (math.sqrt(x**2 + 1) - 1) / 2 + x


def d_bent(x: float) -> float:
    return x / (2 * math.sqrt(x**2 + 1)) + 1


tf_bent = activation(vectorize(bent), vectorize(d_bent))
for op in (tf_bent, migrated(np.tanh, lambda x: 1 - np.tanh(x) ** 2), native(bent, d_bent)):
    y: Any = op([0.5], name="y")
    name: str = op.__name__
    op()  # type: ignore[call-arg]
    op([0.5], nam="y")  # type: ignore[call-arg]
    op([0.5], name=1)  # type: ignore[arg-type]
    sum_of_ops = op + 1  # type: ignore[operator]

activation(np.tanh)  # type: ignore[call-arg]
activation(bent, d_bent)  # type: ignore[arg-type]
native("bent")  # type: ignore[arg-type]
py_func(lambda x: x, [y], [np.float32], grad=1)  # type: ignore[arg-type]
spikey = legacy_spiky.spikey  # type: ignore[attr-defined]

mismatches: int = compare(session(tf_bent), eager(tf_bent)).mismatches
ok = assert_parity(session(tf_bent), eager(tf_bent)).okay  # type: ignore[attr-defined]
