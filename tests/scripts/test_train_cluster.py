"""scripts/train_cluster.py, as a person runs it, who also kills what it starts."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from test_scripts import SCRIPTS, run, scripts  # noqa: F401, a fixture

from legacy_spiky._ops.versions import tf

pytest.importorskip("sklearn")
VERSION = tuple(int(part) for part in tf.VERSION.split(".")[:2])
for_sessions = pytest.mark.skipif(VERSION < (1, 4), reason="needs TensorFlow 1.4")
for_strategies = pytest.mark.skipif(VERSION < (2, 4), reason="needs TensorFlow 2.4")
MINUTES = 5  # for what hangs; a training takes half of one


def gone(pid):
    """Whether a process has ended, be it that nobody has asked for its status yet."""
    process = subprocess.Popen(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE)
    state = process.communicate()[0].decode().strip()
    return not state or state.startswith("Z")


class Script:
    """The script while it runs: what it printed, and the processes that it started."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SCRIPTS, "train_cluster.py")] + list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines = []
        self.seen = 0  # of the lines
        self.pids = {}  # the latest, by name
        self.started = []
        self.timer = threading.Timer(MINUTES * 60, self.process.kill)

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *error):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        for pid in self.started:  # they end by themselves, unless they were stopped
            if not gone(pid):
                os.kill(pid, signal.SIGCONT)

    def read(self):
        line = self.process.stdout.readline().decode().rstrip()
        if not line and self.process.poll() is not None:
            raise AssertionError("\n".join(["it ended:"] + self.lines))
        self.lines.append(line)
        process = re.match("(.*): process ([0-9]+)$", line)
        if process:
            self.pids[process.group(1)] = int(process.group(2))
            self.started.append(int(process.group(2)))

    def until(self, pattern, least=0):
        """Returns the number in the next line that matches, if it is `least` or more."""
        while True:
            while self.seen < len(self.lines):
                self.seen += 1
                match = re.match(pattern, self.lines[self.seen - 1])
                if match and int(match.group(1)) >= least:
                    return int(match.group(1))
            self.read()

    def kill(self, name, number=signal.SIGKILL):
        os.kill(self.pids[name], number)

    def end(self):
        """Returns the exit status."""
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
        return self.process.wait()

    def assert_nothing_is_left(self):
        deadline = time.time() + 60  # while they import TensorFlow they do not look
        while not all(map(gone, self.started)):
            assert time.time() < deadline, self.started
            time.sleep(0.1)


STEP = "worker 0: step ([0-9]+) "
KILLED = "%s: killed by signal (9), started again"
FROM = "worker 0: goes on from step ([0-9]+), the last checkpoint"


def assert_all_steps(script, steps):
    assert script.end() == 0, script.lines
    words = "worker 0: global step %d, updates applied %d, held out (0.[0-9]+)" % (steps, steps)
    (result,) = [re.match(words, line) for line in script.lines if "global step" in line]
    assert float(result.group(1)) > 0.9
    script.assert_nothing_is_left()


@for_sessions
def test_the_second_worker_is_killed():
    with Script("--steps", "2500") as script:
        script.until("worker 1: joins at step ([0-9]+)")
        before = script.until(STEP, least=200)
        script.kill("worker 1")
        script.until(KILLED % "worker 1")
        after = script.until(STEP, least=before + 200)  # the chief goes on
        script.kill("worker 0", signal.SIGSTOP)  # or it may be done before the other is back
        assert script.until("worker 1: joins at step ([0-9]+)") >= before
        script.kill("worker 0", signal.SIGCONT)
        assert script.until(STEP, least=after) > after
        assert_all_steps(script, 2500)


@for_sessions
def test_the_chief_is_killed_then_the_parameter_server():
    with Script("--steps", "1500") as script:
        script.until("worker 1: joins at step ([0-9]+)")
        before = script.until(STEP, least=300)
        script.kill("worker 0")
        script.until(KILLED % "worker 0")
        first = script.until(FROM)
        assert before - 200 < first
        assert first < script.until(STEP) < first + 200
        before = script.until(STEP, least=first + 200)
        script.kill("ps 0")
        script.until(KILLED % "ps 0")
        second = script.until(FROM)
        assert max(first, before - 200) < second
        assert second < script.until(STEP) < second + 200
        assert_all_steps(script, 1500)


@for_sessions
@pytest.mark.parametrize(
    "number, status, when",
    [
        (signal.SIGINT, 130, "worker 1: process ([0-9]+)"),
        (signal.SIGTERM, 143, "worker 1: process ([0-9]+)"),
        (signal.SIGKILL, -9, "worker 0: starts at step ([0-9]+)"),
    ],
)
def test_nothing_is_left_of_it(number, status, when):
    with Script() as script:
        script.until(when)
        script.process.send_signal(number)
        assert script.end() == status
        script.assert_nothing_is_left()


@for_strategies
def test_the_twin():
    status, stdout, stderr = run("train_cluster.py", "--twin")
    assert status == 0, stderr
    rows = [line.split() for line in stdout.splitlines() if re.match(" *[0-9]+ ", line)]
    assert [int(step) for step, _, _ in rows] == [1, 10, 20, 30, 40, 50]
    np.testing.assert_allclose(*np.float64(rows)[:, 1:].T, rtol=1e-5)
    assert float(rows[-1][1]) < float(rows[0][1]) / 2
    worst = re.search("largest relative difference in 50 steps: (.*)", stdout).group(1)
    assert float(worst) <= 1e-5


@for_strategies
def test_the_twin_that_differs(scripts, capsys):  # noqa: F811
    class Processes(list):
        start = list.append

        def events(self):
            return [(name, "[1, %s]" % (1 + 2e-5 * (name == "worker 1"))) for name in self]

    assert scripts("train_cluster").twin(Processes()) == 1
    assert "largest relative difference in 2 steps: 2e-05" in capsys.readouterr().out


@pytest.mark.skipif(VERSION >= (2, 4), reason="older versions")
@pytest.mark.parametrize("arguments", [["--twin"]] + [[]] * (VERSION < (1, 4)))
def test_what_it_needs(arguments):
    status, stdout, stderr = run("train_cluster.py", *arguments)
    assert (status, stdout) == (2, "")
    assert re.match(
        "(--twin|this) needs TensorFlow [0-9.]+ or newer; this is " + tf.VERSION, stderr
    )


@for_sessions
def test_an_update_is_done_by_the_parameter_server_alone(scripts):  # noqa: F811
    """What it gets from the worker it has before it takes the step: nothing can cut them apart."""
    train_cluster = scripts("train_cluster")
    ps, worker = scripts("shared.processes").free_addresses(2)
    cluster = tf.train.ClusterSpec({"ps": [ps], "worker": [worker]})
    servers = [tf.train.Server(cluster, job_name=job, task_index=0) for job in ("ps", "worker")]
    device = tf.train.replica_device_setter(cluster=cluster, worker_device="/job:worker/task:0")
    with tf.Graph().as_default(), tf.device(device):
        x, labels, train, results = train_cluster.build(seed=0, steps=1)
        with tf.Session(servers[1].target) as session:
            session.run(tf.global_variables_initializer())
            about = tf.RunMetadata()
            options = tf.RunOptions(output_partition_graphs=True)
            feed = {x: np.zeros([2, 64]), labels: [0, 1]}
            session.run(train, feed, options=options, run_metadata=about)
            assert session.run(results[:2]) == [1, 1]
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(train, feed)
            assert session.run(results[:2]) == [1, 1]
    graphs = [graph.node for graph in about.partition_graphs]
    (there,) = [nodes for nodes in graphs if any("/job:ps/" in node.device for node in nodes)]
    inputs = {node.name: [name.strip("^").split(":")[0] for name in node.input] for node in there}
    (taken,) = [node.name for node in there if node.op.endswith("CountUpTo")]
    before, new = set(), {taken}
    while new:
        before |= new
        new = {name for each in new for name in inputs[each]} - before
    received = {node.name for node in there if node.op == "_Recv"}
    assert len(received) == 4  # the gradients
    assert received <= before
    # And the Python functions are on the worker.
    (here,) = [nodes for nodes in graphs if nodes is not there]
    assert sorted(n.op for n in here if n.op.startswith("PyFunc")) == ["PyFunc", "PyFuncStateless"]


@for_sessions
@pytest.mark.parametrize("chief, step", [(True, 4), (False, 5)])
def test_a_step_that_was_taken_for_nothing(scripts, graph_mode, tmp_path, chief, step, capsys):  # noqa: F811
    global_step, applied = tf.Variable(5), tf.Variable(4)  # as a checkpoint may have them
    hook = scripts("train_cluster").Begin(chief, str(tmp_path), global_step, applied)
    graph_mode.run(tf.global_variables_initializer())
    hook.after_create_session(graph_mode, None)
    assert graph_mode.run([global_step, applied]) == [step, 4]
    assert capsys.readouterr().out == "%s at step %d\n" % ("starts" if chief else "joins", step)


class Told:
    """Stands in for the processes: some events, and what is done about them."""

    def __init__(self, *events):
        self.running = {}
        self.todo = events
        self.done = []

    def start(self, name):
        self.running[name] = True
        self.done.append("start " + name)

    def kill(self, name):
        self.running.pop(name, None)
        self.done.append("kill " + name)

    def go(self, name):
        self.done.append("go " + name)

    def events(self):
        for name, said in self.todo:
            if not isinstance(said, str):
                self.running.pop(name)
            del self.done[:]
            yield name, said


STARTS, ENDED, CRASHED = ("worker 0", "starts at step 0"), ("worker 0", 0), ("worker 0", 1)


@pytest.mark.parametrize(
    "events, done",
    [
        ([], ["start ps 0", "start worker 0", "start worker 1"]),
        ([STARTS], ["go worker 1"]),
        ([STARTS, ("worker 1", -9)], ["start worker 1", "go worker 1"]),
        ([("worker 1", -9)], ["start worker 1"]),
        ([STARTS, ("worker 0", -9)], ["kill worker 1", "start worker 0", "start worker 1"]),
        ([STARTS, ("ps 0", -9)], ["kill worker 1", "start ps 0", "start worker 1"]),
        (
            [STARTS, ENDED, ("ps 0", -9)],
            ["kill worker 1", "start ps 0", "start worker 0", "start worker 1"],
        ),
    ],
)
def test_what_is_started_again(scripts, events, done):  # noqa: F811
    told = Told(*events)
    scripts("train_cluster").train(told)
    assert told.done == done


@pytest.mark.parametrize(
    "events, status",
    [
        ([STARTS, ENDED, ("worker 1", 0)], 0),
        ([STARTS, ("worker 1", 0), ENDED], 0),
        ([STARTS, CRASHED], 1),
        ([STARTS] + [("worker 1", -6)] * 11, 1),
    ],
)
def test_how_it_ends(scripts, events, status, capsys):  # noqa: F811
    told = Told(*events)
    assert scripts("train_cluster").train(told) == status
    assert told.todo[-1][0] not in told.running
    _, stderr = capsys.readouterr()
    name, code = events[-1]
    assert stderr == ("%s: ended with status %d\n" % (name, code) if status else "")


@for_sessions  # TensorFlow 1.0 crashes
def test_a_port_that_was_taken(scripts):  # noqa: F811
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        with pytest.raises(SystemExit) as error:
            scripts("train_cluster").serve(tf.train.ClusterSpec({"ps": [address]}), "ps", 0)
    assert "no server at %s, run it again: " % address in error.value.code


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--steps", "0"], "expected a whole number from 1 on, got '0'"),
        (["--seed", "-1"], "--seed must be from 0 to 4294967295, got -1"),
        (["--workers", "3"], "unrecognized arguments"),
    ],
)
def test_wrong_arguments(scripts, arguments, words, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("train_cluster").main(arguments)
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert words in stderr


def test_help(scripts, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("train_cluster").main(["--help"])
    assert error.value.code == 0
    stdout = capsys.readouterr().out
    assert "kill -9 <worker 1>   worker 0 goes on, and worker 1 joins again" in stdout
    assert "--member" not in stdout
