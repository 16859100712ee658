"""Sessions and threads: many on one session, sessions that end, sessions inside of functions."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import legacy_spiky
from legacy_spiky import np_d_spiky, np_spiky
from legacy_spiky._ops.versions import tf


def square(x):
    return x * x


def square_grad(op, grad):
    return 2 * op.inputs[0] * grad


def in_threads(work, count):
    """Calls `work(i)` in so many threads, which have 60 seconds; raises what one of them raises."""
    errors = []

    def run(i):
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[i]) for i in range(count)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "threads wait for each other"
    for error in errors:
        raise error


@pytest.mark.parametrize("package", ["graph", "migration"])
def test_threads_of_one_session(package, busy_threads):
    package = pytest.importorskip("legacy_spiky." + package)
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [64])
        y = package.py_func(square, [package.tf_spiky(x)], tf.float32, grad=square_grad)
        y.set_shape(x.get_shape())
        fetches = [y, tf.gradients(y, x)[0]]

        def steps(i):
            random = np.random.RandomState(i)
            for _ in range(2000):
                fed = random.uniform(-8, 8, 64).astype(np.float32)
                value, gradient = session.run(fetches, {x: fed})
                root = np_spiky(fed)
                np.testing.assert_array_equal(value, root * root)
                np.testing.assert_array_equal(gradient, 2 * root * np_d_spiky(fed))

        in_threads(steps, 8)


OWN_THREAD = tf.ConfigProto(inter_op_parallelism_threads=1, use_per_session_threads=True)


@pytest.mark.parametrize("config", [None, OWN_THREAD], ids=["shared threads", "own thread"])
def test_a_function_that_opens_a_graph_and_a_session(config):
    """With a thread of its own: those that sessions share may all be waiting for it."""

    def nested(x):
        with tf.Graph().as_default(), tf.Session(config=OWN_THREAD) as session:
            tensor = tf.constant(x)
            y = legacy_spiky.tf_spiky(tensor)
            return session.run(y + tf.gradients(y, tensor)[0])

    with tf.Graph().as_default(), tf.Session(config=config) as session:
        x = tf.placeholder(tf.float32, [2])
        y = legacy_spiky.py_func(nested, [x], tf.float32, grad=lambda op, grad: grad)
        y.set_shape(x.get_shape())
        fetches = [y, tf.gradients(y, x)[0]]

        def steps(i):
            for _ in range(5):
                value, gradient = session.run(fetches, {x: [i + 0.25, i + 0.75]})
                np.testing.assert_array_equal(value, [1.25, 0])
                np.testing.assert_array_equal(gradient, [1, 1])

        in_threads(steps, 4)


def test_functions_that_build_while_others_build(busy_threads):
    """An op is built under a lock, which no function that runs has to wait for, or holds."""

    def build():
        with tf.Graph().as_default():
            x = tf.constant([1.0, 2.0])
            y = legacy_spiky.py_func(square, [x], tf.float32, grad=square_grad)
            y.set_shape(x.get_shape())
            tf.gradients(y, x)

    def building(x):
        in_threads(lambda i: build(), 2)
        return x

    with tf.Graph().as_default() as graph, tf.Session() as session:
        y = legacy_spiky.py_func(building, [tf.constant(1.0)], tf.float32)

        def work(i):
            for _ in range(5):
                with graph.as_default():
                    (build if i % 2 else lambda: session.run(y))()

        in_threads(work, 6)


# In a process of their own, which ends in time or is ended.

START = """
import threading, time
import legacy_spiky
from legacy_spiky._ops.versions import tf

threads, running, go_on = [], threading.Semaphore(0), threading.Event()

def wait(x):
    running.release()
    go_on.wait()
    return x

def op(x):
    y = legacy_spiky.py_func(wait, [x], tf.float32, grad=lambda op, grad: grad)
    y.set_shape(x.get_shape())
    return y

def start(function):
    threads.append(threading.Thread(target=function))
    threads[-1].daemon = True
    threads[-1].start()
"""

CLOSED = """
outcomes = []

def step(session, fetches):
    try:
        outcomes.append(session.run(fetches))
    except Exception as error:
        outcomes.append(type(error).__name__)

for i in range(20):
    go_on.clear()
    running = threading.Semaphore(0)  # not counting what ran in the round before
    with tf.Graph().as_default():
        session = tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=2))
        x = tf.constant([1.0, 2.0])
        y = op(x)
        fetches = [tf.gradients(op(y), x)[0]]
        for _ in range(2):
            start(lambda: step(session, fetches))
        for _ in range(2):
            running.acquire()
        start(session.close)  # while two functions run
        time.sleep(0.001 * (i % 5))
        go_on.set()
        for thread in threads:
            thread.join()
assert len(outcomes) == 40, outcomes
print(sorted({o if isinstance(o, str) else "values" for o in outcomes}))
"""

EXIT = """
with tf.Graph().as_default():
    session = tf.Session()
    y = op(tf.constant(1.0))
start(lambda: session.run(y))
running.acquire()
print("exit")
"""


def run(code):
    """Returns what the code prints, in a process of its own that has 60 seconds."""
    return subprocess.check_output([sys.executable, "-c", START + code], timeout=60).decode()


def test_sessions_closed_while_functions_run():
    outcomes = run(CLOSED)
    assert "CancelledError" in outcomes
    assert set(eval(outcomes)) <= {"values", "CancelledError"}


def test_exit_while_a_function_runs():
    assert run(EXIT) == "exit\n"
