"""Arrays of floats, by NumPy alone: dtypes and rounding, bit patterns, blocks, threads.

bfloat16, which NumPy lacks, is known by its name.
"""

from legacy_spiky._arrays.arithmetic import ieee, silent
from legacy_spiky._arrays.blocks import apply, empty, steps_of, works_by
from legacy_spiky._arrays.dtypes import (
    HARDWARE,
    doubles,
    flush,
    least_normal,
    limits,
    product,
    round_and_flush,
    round_to,
    to_double,
    widen,
)
from legacy_spiky._arrays.patterns import (
    bits,
    boundaries,
    distance,
    native,
    plain,
    samples,
    upstreams,
)
from legacy_spiky._arrays.threads import cores, in_parallel

__all__ = [
    "HARDWARE",
    "apply",
    "bits",
    "boundaries",
    "cores",
    "distance",
    "doubles",
    "empty",
    "flush",
    "ieee",
    "in_parallel",
    "least_normal",
    "limits",
    "native",
    "plain",
    "product",
    "round_and_flush",
    "round_to",
    "samples",
    "silent",
    "steps_of",
    "to_double",
    "upstreams",
    "widen",
    "works_by",
]
