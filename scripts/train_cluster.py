"""Trains the network of train_digits.py on a cluster, in TensorFlow 1 sessions.

A parameter server has the variables; two workers have half of the images each and update them
without waiting for each other. The three are processes on the loopback; they are started from
here, and again when they are killed. Try it, with the numbers that it prints:

  kill -9 <worker 1>   worker 0 goes on, and worker 1 joins again
  kill -9 <worker 0>   the chief: training goes on from the last checkpoint
  kill -9 <ps 0>       the variables are lost: from the last checkpoint too

Each update takes one step and is counted in a variable of its own. In the end both are --steps.

With --twin, for TensorFlow 2: each batch shared by two processes in a MultiWorkerMirroredStrategy,
and one process with all of it. The losses of the first 50 steps are compared.

Ends with status 0 if all is as it should be, 1 if it is not, 2 for what cannot be run.
"""

import argparse
import json
import os
import sys
import tempfile
import time

import numpy as np
from shared import mirrored
from shared.processes import Processes, free_addresses, watch_parent
from shared.quiet import tf
from train_digits import (
    LAYERS,
    batches,
    count,
    cross_entropy,
    initial_weights,
    load,
    network,
    updates,
)

from legacy_spiky._terminal import need, status_of, stop

ORDER = PS, CHIEF, SECOND = "ps 0", "worker 0", "worker 1"  # each needs those before it
SAVE_STEPS = 100
RESTARTS = 10
TWINS = ["worker 0", "worker 1", "alone 0"]
RTOL = 1e-5


# A worker.


def build(seed, steps):
    """Builds the network, its variables on the parameter server; returns what a worker runs."""
    x = tf.placeholder(tf.float32, [None, 64])
    labels = tf.placeholder(tf.int32, [None])
    weights = [
        tf.get_variable("weights_%d" % i, initializer=value)
        for i, value in enumerate(initial_weights(seed))
    ]
    global_step = tf.train.get_or_create_global_step()
    applied = tf.get_variable("applied", initializer=np.int64(0), trainable=False)

    _, logits = network(x, weights)
    loss = cross_entropy(logits, labels)
    right = tf.equal(tf.cast(tf.argmax(logits, 1), tf.int32), labels)
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

    gradients = tf.gradients(loss, weights)
    # From where the gradients have arrived all is done by the parameter server: a worker that is
    # killed leaves no update half done.
    with tf.device("/job:ps/task:0"):
        gradients = [tf.identity(gradient) for gradient in gradients]
        with tf.control_dependencies(gradients):
            step = tf.count_up_to(global_step, steps)  # OutOfRangeError when all are taken
        with tf.control_dependencies([step]):
            cosine = (1 + tf.cos(tf.cast(step, tf.float32) * (np.pi / steps))) / 2
            update = updates(gradients, weights, cosine, LAYERS)
        with tf.control_dependencies(update):
            update = tf.assign_add(applied, 1, use_locking=True)
    return x, labels, [step, loss, update], [global_step, applied, accuracy]


class Begin(tf.train.SessionRunHook):
    """Says at which step a session begins, the first one and each after a loss."""

    def __init__(self, chief, directory, global_step, applied):
        self.chief = chief
        self.directory = directory
        self.global_step = global_step
        self.forget = tf.assign(global_step, applied)

    def after_create_session(self, session, coord):
        words = "joins at step %d"
        if self.chief:
            # A checkpoint may have met an update that had taken its step and was not done.
            session.run(self.forget)
            saved = tf.train.latest_checkpoint(self.directory)
            words = "goes on from step %d, the last checkpoint" if saved else "starts at step %d"
        print(words % session.run(self.global_step), flush=True)


def serve(cluster, job, task):
    """Starts the server of a task, or ends the script and says why not."""
    try:
        return tf.train.Server(cluster, job_name=job, task_index=task)
    except tf.errors.OpError as error:
        sys.exit("no server at %s, run it again: %s" % (cluster.job_tasks(job)[task], error))


def work(cluster, task, seed, steps, directory, go):
    """Trains as a worker, until all steps are taken."""
    server = serve(cluster, "worker", task)
    train_x, train_y, test_x, test_y = load(seed)
    images, answers = train_x[task::2], train_y[task::2]
    chief, own = task == 0, "/job:worker/task:%d" % task
    setter = tf.train.replica_device_setter(cluster=cluster, worker_device=own)
    with tf.Graph().as_default(), tf.device(setter):
        x, labels, train, results = build(seed, steps)
        hooks = [Begin(chief, directory, *results[:2])]
        if chief:
            hooks.append(tf.train.CheckpointSaverHook(directory, save_steps=SAVE_STEPS))
        else:
            go.wait()  # for the variables, or the session would look again after 30 seconds
        with tf.train.MonitoredTrainingSession(
            server.target,
            is_chief=chief,
            checkpoint_dir=directory,
            hooks=hooks,
            save_checkpoint_secs=None,
            save_summaries_steps=None,
            save_summaries_secs=None,
            config=tf.ConfigProto(device_filters=["/job:ps", own]),  # not to need the other one
        ) as session:
            hundreds, tries = None, 1000
            for _, _, rows in batches(len(images), sys.maxsize, seed):
                try:
                    step, loss, _ = session.run(train, {x: images[rows], labels: answers[rows]})
                except tf.errors.OutOfRangeError:  # the other may be about its last one
                    counts = session.run(results, {x: test_x, labels: test_y})
                    tries -= 1
                    if not chief or counts[1] == steps or not tries:
                        break
                    time.sleep(0.01)
                    continue
                if chief and (step + 1) // 100 != hundreds:
                    hundreds = (step + 1) // 100
                    print("step %d  loss %.4f" % (step + 1, loss), flush=True)
    if chief:
        print("global step %d, updates applied %d, held out %.4f" % tuple(counts), flush=True)
        if not counts[0] == counts[1] == steps:
            sys.exit("both should be %d" % steps)


def train(processes):
    """Starts what is killed again, until the workers have ended; returns the exit status."""
    ready, restarts = False, RESTARTS
    for name in ORDER:
        processes.start(name)
    for name, said in processes.events():
        if isinstance(said, str):
            print("%s: %s" % (name, said), flush=True)
            if name == CHIEF and said.startswith(("starts at", "goes on from")):
                ready = True
        elif said > 0 or (said < 0 and not restarts):
            print("%s: ended with status %d" % (name, said), file=sys.stderr)
            return 1
        elif said < 0:
            restarts -= 1
            print("%s: killed by signal %d, started again" % (name, -said), flush=True)
            if name != SECOND:
                # Until the chief has restored the variables, an update would be lost, or one half
                # of it: the second worker begins again after that.
                ready = False
                processes.kill(SECOND)
            for each in ORDER[ORDER.index(name) :]:
                if each not in processes.running:
                    processes.start(each)
        if ready:
            processes.go(SECOND)
        if list(processes.running) == [PS]:
            return 0


# The twin for TensorFlow 2.


def twin(processes):
    """Compares the losses of two processes and of one; returns the exit status."""
    found = {}
    for name in TWINS:
        processes.start(name)
    for name, said in processes.events():
        if isinstance(said, str):
            found[name] = np.array(json.loads(said))
        elif said:
            print("%s: ended with status %d" % (name, said), file=sys.stderr)
            return 1
    two, other, one = [found[name] for name in TWINS]
    print("step  two processes  one process")
    for i in [0] + list(range(9, len(one), 10)):
        print("%4d  %13.8f  %11.8f" % (i + 1, two[i], one[i]))
    worst = np.max(np.abs(np.array([two, other]) - one) / one)
    print("largest relative difference in %d steps: %.2g" % (len(one), worst))
    return 0 if worst <= RTOL else 1


# The command.


def be_member(arguments):
    """Does what the process of a task does."""
    go = watch_parent()
    config = json.loads(os.environ["TF_CONFIG"])
    job, task = config["task"]["type"], config["task"]["index"]
    if arguments.twin:
        print(json.dumps(mirrored.losses(arguments.seed, job, task)), flush=True)
        return
    cluster = tf.train.ClusterSpec(config["cluster"])
    if job == "worker":
        work(cluster, task, arguments.seed, arguments.steps, arguments.member, go)
    else:
        server = serve(cluster, job, task)
        print("serves the variables at", server.target, flush=True)
        go.wait()  # nobody says so: until this process is ended


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the split, the weights and the batches (default: 0)"
    )
    parser.add_argument("--steps", type=count, default=4000, help="of both workers (default: 4000)")
    parser.add_argument("--twin", action="store_true", help="compare the losses of TensorFlow 2")
    parser.add_argument("--member", help=argparse.SUPPRESS)  # with the folder for the checkpoints
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.seed < 2**32:
        parser.error("--seed must be from 0 to 4294967295, got %d" % arguments.seed)
    if arguments.member:
        be_member(arguments)
        return 0
    need("sklearn.datasets", "demo")
    if arguments.twin and not mirrored.available():
        stop("--twin needs TensorFlow 2.4 or newer; this is " + tf.VERSION)
    if not hasattr(tf.train, "get_or_create_global_step"):
        stop("this needs TensorFlow 1.4 or newer; this is " + tf.VERSION)
    print("TensorFlow", tf.VERSION)
    first, *others = free_addresses(3)
    cluster = {"worker": others} if arguments.twin else {"ps": [first], "worker": others}
    with tempfile.TemporaryDirectory() as directory:
        command = [os.path.abspath(__file__), "--member", directory] + argv
        with Processes(command, cluster) as processes:
            return (twin if arguments.twin else train)(processes)


if __name__ == "__main__":
    sys.exit(status_of(main))
