"""Ops of Python functions, as both twins make them, on every TensorFlow.

Safe callbacks, what arguments and gradients have to be, activations and their derivatives, where an
op is to run. `versions` is the one place that knows that TensorFlow has versions.
"""

from legacy_spiky._ops.activations import Derivatives, activation, elementwise, product
from legacy_spiky._ops.arguments import gradient_of, not_floating, tensor
from legacy_spiky._ops.callback import array, for_graph, guard_elementwise
from legacy_spiky._ops.gradients import gradient_kept_by, gradients, keeper
from legacy_spiky._ops.graphs import building_lock
from legacy_spiky._ops.legacy import note_no_gradient, on_the_host
from legacy_spiky._ops.placement import on_this_process
from legacy_spiky._ops.plain import answered_by
from legacy_spiky._ops.refusals import REFUSED, absent, no_second, refusal
from legacy_spiky._ops.versions import (
    FLOATING,
    MetaGraphDef,
    SavedModel,
    keras_name,
    load_control_flow_v2,
    register_keras_serializable,
    runs_eagerly,
    text_format,
    tf,
    tf_py_func,
)
from legacy_spiky._ops.world import World

__all__ = [
    "Derivatives",
    "FLOATING",
    "MetaGraphDef",
    "REFUSED",
    "SavedModel",
    "World",
    "absent",
    "activation",
    "answered_by",
    "array",
    "building_lock",
    "elementwise",
    "for_graph",
    "gradient_of",
    "gradients",
    "guard_elementwise",
    "keras_name",
    "load_control_flow_v2",
    "no_second",
    "not_floating",
    "note_no_gradient",
    "on_this_process",
    "product",
    "refusal",
    "register_keras_serializable",
    "gradient_kept_by",
    "keeper",
    "runs_eagerly",
    "on_the_host",
    "tensor",
    "text_format",
    "tf",
    "tf_py_func",
]
