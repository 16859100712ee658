"""What the commands say: in which worlds, and what of it is TensorFlow's."""

import re

from legacy_spiky._ops.versions import tf

EAGER = getattr(tf, "executing_eagerly", bool)()
WORLDS = ["eager", "tf.function"] if EAGER else ["session"]

# What XLA of TensorFlow 2.15 logs, whatever the log level.
NOISE = re.compile(r"^(WARNING: All log messages before absl.*|.*Compiled cluster .*)\n", re.M)
