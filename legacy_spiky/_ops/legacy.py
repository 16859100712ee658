"""A legacy gradient function while it runs: graph-building code, in every mode."""

import contextlib

from legacy_spiky._errors import call, describe
from legacy_spiky._ops.graphs import building_lock, graph_of, op_of
from legacy_spiky._ops.plain import answered_by, ours
from legacy_spiky._ops.refusals import no_second, note
from legacy_spiky._ops.versions import (
    autograph,
    captures,
    executing_eagerly,
    in_function,
    is_within,
    out_of_reach,
    runs_eagerly,
    tf,
    wants_autograph,
)

__all__ = ["Inside", "inside_of", "note_no_gradient", "on_the_host"]


_REFUSING = "_legacy_spiky_refusing"  # of a graph: gradient functions that run, their override


class Inside:
    """A legacy gradient function while it runs; called for TensorFlow's own `py_func` in it."""

    def __init__(self, world, grad, op):
        self.world = world
        self.grad = grad
        self.graph = None if executing_eagerly() else tf.get_default_graph()
        # What runs after the function. By way of a new op: an op that a session ran may get no
        # control edges (TensorFlow 2.21 says so); and an output also leads into the gradient of a
        # branch's or a loop's body, which is a graph of its own.
        self.after = [] if self.graph is None else [tf.identity(y) for y in op.outputs[:1]]

    def __call__(self, func, inp, Tout, stateful=True, name=None):
        return self.world.py_func(func, inp, Tout, stateful, name)

    def call(self, op, upstream):
        """Calls the function; reports what TensorFlow will not find, or find too late."""
        graph = self.graph
        before = len(graph.get_operations()) if in_function() else 0
        captured = set(map(id, captures(graph)))
        try:
            results = call(self.grad, op, *upstream)
        except TypeError as error:
            # Eagerly `if tensor:` will do. What ran twice if it began anew must not have a state.
            if not wants_autograph(error):
                raise
            if any(op.op_def.is_stateful for op in graph.get_operations()[before:]):
                raise
            results = autograph(self.grad)(op, *upstream)
        for x in captures(graph):
            if id(x) not in captured and out_of_reach(x, graph, graph_of(op.outputs[0])):
                raise ValueError(
                    "%s reads %s from outside, which TensorFlow cannot reach in a branch or a loop "
                    "of a tf.function: give it as an input of py_func, whose gradient may be None"
                    % (describe(self.grad), _told(x))
                )
        return results

    def waits(self):
        """Returns the scope of ops that run after the function, as those of Python functions do."""
        graph = tf.get_default_graph()
        if self.graph in (None, graph):
            return tf.control_dependencies(self.after)
        if is_within(graph, self.graph):  # a branch, a loop
            return tf.control_dependencies([tf.identity(y) for y in self.after])
        # Another graph, or a tf.function that may be called elsewhere, where `after` is not.
        return contextlib.ExitStack()

    @contextlib.contextmanager
    def refuses(self):
        """The scope in which an op of a Python function in a session has no second derivative."""
        if runs_eagerly():
            yield
            return
        # Around the whole function, so that an override of its own counts. Other threads may build
        # meanwhile, and gradients of this graph too: the first to come enters, the last leaves.
        name = no_second(self.world)
        scope = self.graph.gradient_override_map({"PyFunc": name, "PyFuncStateless": name})
        with building_lock:
            running, scope = getattr(self.graph, _REFUSING, (0, scope))
            setattr(self.graph, _REFUSING, (running + 1, scope))
            if not running:
                scope.__enter__()
        try:
            yield
        finally:
            with building_lock:
                running, scope = getattr(self.graph, _REFUSING)
                setattr(self.graph, _REFUSING, (running - 1, scope))
                if running == 1:
                    delattr(self.graph, _REFUSING)
                    scope.__exit__(None, None, None)


def inside_of():
    """Returns the gradient function of which the code is that builds here, or None."""
    inside = ours()
    if inside is None or executing_eagerly():
        return inside
    graph = tf.get_default_graph()
    # It may build a graph of its own, with its own session, where it is code as any other.
    return inside if graph is inside.graph or graph.building_function else None


@contextlib.contextmanager
def on_the_host():
    """The scope in which the op of a Python function is built."""
    inside = inside_of()
    waits = contextlib.ExitStack() if inside is None else inside.waits()
    # A Python function is the host's, wherever the code around it is.
    with waits, tf.device("/cpu:0"), answered_by(None):
        yield


def note_no_gradient(y, func):
    """Notes that an op has no gradient, for the error of a second derivative that wants it."""
    op = op_of(y)
    if op is not None and inside_of() is not None:
        note(op, func)


def _told(x):
    """Returns what a tensor from outside is, in words."""
    if x.dtype == tf.resource:
        return "a variable"
    return "the tensor %s" % (x.name if graph_of(x) is not None else x)
