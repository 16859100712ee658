"""The network of train_digits.py in TensorFlow 2, in one process or shared by two."""

import itertools
import sys

import numpy as np
from train_digits import LAYERS, MOMENTUM, batches, initial_weights, load, network

from shared.quiet import tf

STEPS = 50


def available():
    """Whether this TensorFlow has what it takes."""
    import tensorflow

    return hasattr(getattr(tensorflow, "distribute", None), "MultiWorkerMirroredStrategy")


def losses(seed, job, task):
    """Returns the losses of the first steps, the same for both processes that share them.

    Args:
      seed: as for train_digits.py.
      job: "worker" for a process that takes one half of each batch, the other being that of
        the next task; any other name for one that takes all of it.
      task: 0 or 1.
    """
    import tensorflow

    from legacy_spiky import migration

    if job == "worker":
        strategy, share = tensorflow.distribute.MultiWorkerMirroredStrategy(), slice(task, None, 2)
    else:
        strategy, share = tensorflow.distribute.get_strategy(), slice(None)
    with strategy.scope():
        weights = [tensorflow.Variable(value) for value in initial_weights(seed)]
        optimizers = [(tf.train.MomentumOptimizer(step, MOMENTUM), layer) for step, layer in LAYERS]

    def step(images, labels, size):
        with tf.GradientTape() as tape:
            _, logits = network(images, weights, migration.tf_spiky)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_sum(each) / size
        gradients = tape.gradient(loss, weights)
        for optimizer, layer in optimizers:  # these add up what both processes have
            optimizer.apply_gradients(list(zip(gradients[layer], weights[layer])))
        return loss

    @tensorflow.function
    def run(*batch):
        return strategy.reduce("SUM", strategy.run(step, batch), axis=None)

    images, labels, _, _ = load(seed)
    found = []
    for _, _, rows in itertools.islice(batches(len(images), sys.maxsize, seed), STEPS):
        share_of_rows = rows[share]
        found.append(
            float(run(images[share_of_rows], labels[share_of_rows], np.float32(len(rows))))
        )
    return found
