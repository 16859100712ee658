"""Saves the digits network in mid-training, and the losses of the steps after that.

    python tests/save_digits.py DIR

writes DIR/digits-VERSION.zip: the checkpoint after the first epoch of two, as `train_digits.py
--epochs 2 --stop-after 1 --save` leaves it, and `losses.npy` of the second epoch, in the same
session.
"""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "scripts"))

import numpy as np
import train_digits
from train_digits import tf


def main(target):
    folder = tempfile.mkdtemp()
    with tf.Graph().as_default(), tf.Session() as session:
        train_digits.build(seed=0, epochs=2, freeze_hidden=False)
        session.run(tf.global_variables_initializer())
        train_digits.train(session, stop_after=1)
        train_digits.save(session, folder)
        losses, _ = train_digits.train(session)
        np.save(os.path.join(folder, "losses.npy"), losses)
    shutil.make_archive(os.path.join(target, "digits-" + tf.VERSION), "zip", folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1])
