"""TensorFlow without its messages, for what runs on a terminal."""

import os
import warnings

__all__ = ["quiet"]


def quiet():
    """Keeps TensorFlow's messages off the terminal; to be called before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN announces itself whatever the log level, and rounds matrix products its own way.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for category in (DeprecationWarning, FutureWarning, RuntimeWarning):
        warnings.filterwarnings("ignore", category=category)
