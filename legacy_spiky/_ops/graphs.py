"""Graphs of TensorFlow: which one a tensor is of; one op at a time."""

import threading

from legacy_spiky._ops.versions import tf

__all__ = ["building_lock", "graph_of", "op_of"]

# An override holds for a graph, not for a thread: one op at a time, in all threads.
building_lock = threading.RLock()


def graph_of(x):
    """Returns the graph of a tensor, None for an eager one and what else has none."""
    graph = getattr(x, "graph", None)
    return graph if isinstance(graph, tf.Graph) else None


def op_of(y):
    """Returns the operation of which a tensor, or a list of them, is the output; None of no one."""
    if isinstance(y, list):
        return y[0].op if y else None
    return getattr(y, "op", y)
