"""TensorFlow's version 1 names, without its messages on the terminal."""

from legacy_spiky._terminal import tensorflow

__all__ = ["tf"]

tf = tensorflow()
