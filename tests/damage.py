"""Damages saved graphs in many ways and rebinds them: each time an error, or a graph.

    python tests/damage.py CUTS FLIPS PATH...

cuts each file at so many random places, and flips random bytes of it so many times; prints how
often what came of it, as JSON. In a process of its own, since what it looks for is a crash.
"""

import collections
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from legacy_spiky._ops.versions import tf
from legacy_spiky.checkpoint import find_callbacks, rebind
from legacy_spiky.checkpoint.saved import read


def outcome(path, nodes):
    """Returns what comes of a damaged file, in words; `nodes` are those of the whole one."""
    # A SavedModel is called by the name of its folder.
    name = os.path.dirname(path) if os.path.basename(path) == "saved_model.pb" else path
    try:
        callbacks = find_callbacks(path)
        assert str(callbacks) and callbacks.skeleton()
        rebound = rebind(path, {callback.token: lambda *xs: xs for callback in callbacks})
    except ValueError as error:
        return "error" if name in str(error) else "error that names no file: %s" % error
    assert rebound.get_operations()
    left = list(read(path).meta.graph_def.node)
    if left == nodes:
        return "right graph"  # what is cut is another part
    return "fewer nodes" if left == nodes[: len(left)] else "graph"


def damaged(data, flip, seed):
    chance = random.Random(seed)
    if not flip:
        return data[: chance.randrange(len(data))]
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def main(cuts, flips, *paths):
    tf.logging.set_verbosity(tf.logging.ERROR)
    outcomes = collections.Counter()
    for path in paths:
        nodes = list(read(path).meta.graph_def.node)
        outcomes["whole: " + outcome(path, nodes)] += 1
        with open(path, "rb") as file:
            data = file.read()
        for kind, count in [("cut", int(cuts)), ("flip", int(flips))]:
            for seed in range(count):
                with open(path, "wb") as file:
                    file.write(damaged(data, kind == "flip", seed))
                what = outcome(path, nodes)
                if what == "fewer nodes":  # flipped bytes may hide what follows, too
                    what = "graph" if kind == "flip" else what + " of " + os.path.basename(path)
                outcomes["%s: %s" % (kind, what)] += 1
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
