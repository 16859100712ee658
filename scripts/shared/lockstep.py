"""The network of train_digits.py, trained in several worlds at once: same weights, same batches."""

import os

import numpy as np
from train_digits import (
    LAYERS,
    MOMENTUM,
    batches,
    cross_entropy,
    load,
    network,
    updates,
)

from legacy_spiky import _terminal, np_d_spiky
from legacy_spiky._arrays.patterns import plain
from legacy_spiky.parity.process import Interpreter
from shared import ROOT
from shared.quiet import tf

SCRIPTS = os.path.join(ROOT, "scripts")

QUANTITIES = {
    "loss": slice(0, 1),
    "pre-activations": slice(1, 2),
    "gradients": slice(2, 6),
    "weights": slice(6, 10),
}

# A trainer: `step(x, labels, factor)` trains on a batch and returns the arrays of the QUANTITIES.


def in_session(weights):
    """Returns a trainer in a session."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 64])
        labels = tf.placeholder(tf.int32, [None])
        factor = tf.placeholder(tf.float32, [])
        variables = [tf.Variable(value) for value in weights]
        before, logits = network(x, variables)
        loss = cross_entropy(logits, labels)
        gradients = tf.gradients(loss, variables)
        update = updates(gradients, variables, factor, LAYERS)
        initializer = tf.global_variables_initializer()
    session = tf.Session(graph=graph)
    session.run(initializer)

    def step(batch, their_labels, step_factor):
        feed = {x: batch, labels: their_labels, factor: step_factor}
        loss_and_gradients = session.run([loss, before] + gradients + [update], feed)[:-1]
        return loss_and_gradients + session.run(variables)

    return step


def on_tape(weights):
    """Returns a trainer in eager mode, with a gradient tape and the migrated activation."""
    from legacy_spiky import migration

    variables = [tf.Variable(value) for value in weights]
    factor = tf.Variable(1.0)
    optimizers = [
        (tf.train.MomentumOptimizer(lambda step=step: step * factor, MOMENTUM), layer)
        for step, layer in LAYERS
    ]

    def step(batch, labels, step_factor):
        factor.assign(step_factor)
        with tf.GradientTape() as tape:
            before, logits = network(tf.constant(batch), variables, migration.tf_spiky)
            loss = cross_entropy(logits, labels)
        gradients = tape.gradient(loss, variables)
        for optimizer, layer in optimizers:
            optimizer.apply_gradients(list(zip(gradients[layer], variables[layer])))
        return [tensor.numpy() for tensor in [loss, before] + gradients + variables]

    return step


def in_interpreter(python, weights):
    """Returns a trainer in a session of another interpreter."""
    return Interpreter(python, "shared.lockstep:in_session", list(weights), path=[SCRIPTS])


def _piece(z):
    """Returns which linear piece of spiky each number is on."""
    return 2 * np.floor(z) + np_d_spiky(z)


def _difference(ours, theirs):
    """Returns the greatest difference between arrays, as part of the largest entry in all."""
    # NumPy's max, which keeps NaN; Python's drops it.
    with np.errstate(invalid="ignore"):  # inf - inf
        difference = np.max([np.max(np.abs(np.float64(a) - b)) for a, b in zip(ours, theirs)])
        if difference == 0:
            return 0.0
        part = difference / (np.max([np.max(np.abs(np.float64(a))) for a in ours]) or np.nan)
    return np.inf if np.isnan(part) else float(part)


class Comparison:
    """A trainer against the one on the tape, step by step.

    A unit of which the pre-activation lands on the other side of a jump of spiky, by a rounding,
    gives another output altogether: from there on the two part for good, and neither is wrong.
    The comparison ends there.

    Args:
      label: what the trainer is.
      tolerance: how much of its largest entry a quantity may differ by; 0: not by a bit.

    Attributes:
      tried: how many steps were compared.
      worst: for each quantity the greatest difference and its step.
      parted: where they parted: step, example, unit and both pre-activations, or None.
      wrong: what differs by more than the tolerance: step, quantity and difference, or None.
    """

    def __init__(self, label, tolerance):
        self.label = label
        self.tolerance = tolerance
        self.tried = 0
        self.losses = []
        self.worst = {quantity: [0.0, None] for quantity in QUANTITIES}
        self.parted = None
        self.wrong = None

    @property
    def ok(self):
        return self.wrong is None

    @property
    def ended(self):
        return self.parted is not None or self.wrong is not None

    def add(self, ours, theirs):
        """Compares what the trainer on the tape and the other gave for a step."""
        step = self.tried + 1
        z = QUANTITIES["pre-activations"]
        (before,), (other,) = ours[z], theirs[z]
        across = np.argwhere(_piece(before) != _piece(other))
        if len(across) and _difference([before], [other]) <= self.tolerance:
            example, unit = map(int, across[0])
            self.parted = {
                "step": step,
                "example": example,
                "unit": unit,
                "tape": str(before[example, unit]),
                "other": str(other[example, unit]),
            }
            return
        self.tried = step
        self.losses.append([float(ours[0]), float(theirs[0])])
        for quantity, place in QUANTITIES.items():
            difference = _difference(ours[place], theirs[place])
            if difference > self.worst[quantity][0]:
                self.worst[quantity] = [difference, step]
            if self.tolerance == 0:
                same = all(a.tobytes() == b.tobytes() for a, b in zip(ours[place], theirs[place]))
            else:
                same = difference <= self.tolerance
            if not same and self.wrong is None:
                self.wrong = {"step": step, "quantity": quantity, "difference": difference}

    def to_json(self):
        return plain(dict(vars(self), ok=self.ok))

    def text(self, command_line=True):
        bound = "bit for bit" if self.tolerance == 0 else "within %g" % self.tolerance
        lines = ["%s against the tape, %s, %d steps" % (self.label, bound, self.tried)]
        for quantity, (difference, step) in self.worst.items():
            place = "" if step is None else " (step %d)" % step
            lines.append("  %s: %.2g of the largest%s" % (quantity, difference, place))
        if self.parted:
            lines.append(
                "  they part at step {step}, for good, and neither is wrong: for example {example} "
                "of the batch unit {unit} is on the other side of a jump, its pre-activation is "
                "{tape} on the tape and {other} in the other".format(**self.parted)
            )
        if self.wrong:
            lines.append(
                "  they differ at step {step}: {quantity}, by {difference:.3g}".format(**self.wrong)
            )
        return "\n".join(lines)


def run(comparisons, trainers, seed, epochs):
    """Trains in all of them; yields the number of the step and of all steps.

    Args:
      comparisons: a `Comparison` for each trainer but the first.
      trainers: the trainers, that on the tape first.
      seed: as for train_digits.py.
      epochs: likewise.
    """
    images, labels, _, _ = load(seed)
    steps = list(batches(len(images), epochs, seed))
    for i, (_, factor, rows) in enumerate(steps):
        batch = images[rows], labels[rows], np.float32(factor)
        ours = trainers[0](*batch)
        for comparison, trainer in zip(comparisons, trainers[1:]):
            if not comparison.ended:
                comparison.add(ours, trainer(*batch))
        yield i + 1, len(steps)


def plot(path, comparisons):
    """Draws the losses, and their differences."""
    pyplot = _terminal.pyplot()
    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=(8, 6), constrained_layout=True)
    for comparison in comparisons:
        losses = np.array(comparison.losses).reshape(-1, 2)
        steps = np.arange(1, len(losses) + 1)
        axes[0].plot(steps, losses[:, 1], lw=1, label=comparison.label)
        difference = np.abs(losses[:, 1] / losses[:, 0] - 1)
        axes[1].plot(steps, difference, ".", ms=2, label=comparison.label)
    axes[0].set_title("loss", loc="left")
    axes[1].set_title("relative difference from the loss on the tape", loc="left")
    axes[1].set_xlabel("step")
    axes[0].legend()
    figure.savefig(path, dpi=120)
