"""Where the op of a Python function may run on a cluster: in the process that built it.

TensorFlow finds the function by a name that counts within a process, `pyfunc_0`. In another
process that is no function, or another one, which then runs and nobody is told.
"""

import contextlib
import gc
import re
import weakref

from legacy_spiky._errors import caller, describe, warn
from legacy_spiky._ops import versions
from legacy_spiky._ops.graphs import op_of
from legacy_spiky._ops.versions import tf

__all__ = ["beside", "on_this_process"]

_served = set()  # the tasks of this process, as job and number: a server lasts as long
_unserved = weakref.WeakSet()  # graphs in which that was asked before there was any


def _job_and_task(device):
    """Returns the job of a device and the number of its task, None for what it does not say."""
    # Without a cluster the job is localhost.
    job, task = re.search("/job:(?!localhost)([^/]+)", device), re.search("/task:([0-9]+)", device)
    return job and job.group(1), task and int(task.group(1))


def _look_for_servers():
    # TensorFlow keeps no list of them; the garbage collector does.
    Server = tf.train.Server
    for x in gc.get_objects():
        if issubclass(type(x), Server):
            _served.add((x.server_def.job_name, x.server_def.task_index))


def on_this_process(build, name, func):
    """Returns what `build(name)` gives, on a device of this process.

    An op that says no job is left alone: its session may be of one process.

    Args:
      build: builds the op of a Python function.
      name: of the op.
      func: the user's function in it.

    Raises:
      ValueError: it was put on the task of another process.
    """
    y = build(name)
    op = op_of(y)
    device = None if op is None else _instead(op, func)  # without state and outputs it never runs
    if device is None:
        return y
    # The device is known when there is an op; that one is left unused.
    with op.graph.colocate_with(None, ignore_existing=True), tf.device(device):
        return build(None)


def _instead(op, func):
    """Returns the device to build an op on instead of its own, None if that will do."""
    device = versions.device_of(op)
    job, task = _job_and_task(device)
    if job is None or (job, task) in _served:
        return None
    if op.graph in _unserved or versions.runs_eagerly():
        return None
    _look_for_servers()
    if (job, task) in _served:
        return None
    if not _served:
        _unserved.add(op.graph)
        warn(
            func,
            "the op of %s was put on %s, but this process has no tf.train.Server: if that is "
            "another process, it does not know the function, or runs another one of its own in "
            "its place; start the server before you build" % (describe(func), device),
            caller(),
        )
        return None
    own = min(_served, key=lambda served: (served[0] != job, served))
    colocated = ("loc:@" + op.name).encode() not in op.colocation_groups()
    # A job without a task is its first one for TensorFlow 1, and what is colocated with a
    # variable, as its regularizer, is where that is: nobody said that the function is to be there.
    if colocated or (task is None and job == own[0]):
        return "/job:%s/task:%d/device:CPU:0" % own
    raise ValueError(
        "the op %s was put on %s, but %s is a Python function of this process, /job:%s/task:%d: "
        "another one does not know it, or runs one of its own in its place; build it outside of "
        "that tf.device" % (op.name, device, describe(func), own[0], own[1])
    )


def beside(op):
    """Returns the scope to build the gradient of an op in: on the same task, if it says one."""
    job, task = _job_and_task(op.device)
    if job is None or task is None:
        return contextlib.ExitStack()  # none
    return tf.device("/job:%s/task:%d" % (job, task))
