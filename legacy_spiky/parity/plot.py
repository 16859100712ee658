"""A picture of implementations: values, gradients, and how they differ from the reference's."""

import numpy as np

from legacy_spiky import _terminal

__all__ = ["draw"]


def draw(path, reference, candidates, inputs):
    """Draws implementations over the first of the inputs, for an upstream gradient of ones."""
    pyplot, x = _terminal.pyplot(), inputs[0]
    values, _ = reference(inputs)
    ones = [np.ones(y.shape, y.dtype) for y in values]
    ours = reference(inputs, ones)
    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(10, 9), constrained_layout=True)
    titles = ["value", "gradient", "difference of values", "difference of gradients"]
    for ax, title in zip(axes, titles):
        ax.set_title(title, loc="left")
        ax.grid(alpha=0.3)
    for i in range(2):
        if ours[i][0] is not None:
            axes[i].plot(x, ours[i][0], ".", color="black", ms=3, label=reference.label)
    for candidate in candidates:
        theirs = candidate(inputs, ones)
        for i in range(2):
            if theirs[i][0] is not None:
                axes[i].plot(x, theirs[i][0], ".", ms=1, label=candidate.label)
            if ours[i][0] is not None and theirs[i][0] is not None:
                difference = np.float64(theirs[i][0]) - np.float64(ours[i][0])
                axes[2 + i].plot(x, difference, ".", ms=2, label=candidate.label)
    axes[0].legend(fontsize=7, markerscale=3, loc="upper left", bbox_to_anchor=(1, 1))
    axes[3].set_xlabel("x")
    figure.savefig(path, dpi=120)
