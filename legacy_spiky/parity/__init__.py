"""Whether implementations of an activation or op agree: values and gradients, down to the bit.

An implementation is an op in a world (`session`, `eager`, `function`, `xla`, `interpreter`), or
functions of arrays (`arrays`). `compare` runs two or more of them on the same inputs and upstream
gradients and reports where they differ; `assert_parity` is that for a test.
"""

from typing import TYPE_CHECKING

from legacy_spiky._arrays import boundaries, samples
from legacy_spiky._late import bind_late
from legacy_spiky.parity.report import Report

# What needs TensorFlow is imported when it is asked for: the command's --help does without.
if TYPE_CHECKING:
    from legacy_spiky.parity.comparison import assert_parity, compare
    from legacy_spiky.parity.derivative import check_derivative
    from legacy_spiky.parity.worlds import arrays, eager, function, interpreter, session, xla

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

bind_late(
    __name__,
    {
        "comparison": "assert_parity compare",
        "derivative": "check_derivative",
        "worlds": "arrays eager function interpreter session xla",
    },
)
