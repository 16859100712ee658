"""Files as TensorFlow reads them: those here, and by URL those of the file systems it knows."""

import contextlib
import os

from legacy_spiky._tf import tf

__all__ = ["absolute", "exists", "fingerprint", "is_file", "is_folder", "read"]


def _encoded(path):
    return path.encode("utf-8", "surrogateescape")  # a name here need not be Unicode


@contextlib.contextmanager
def _as_os_error(path):
    try:
        yield
    except tf.errors.OpError as error:
        said = error.message or type(error).__name__
        raise OSError("TensorFlow cannot read %s: %s" % (path, said)) from error


def exists(path):
    """Whether there is a file or folder; raises OSError where TensorFlow cannot tell."""
    with _as_os_error(path):
        return tf.gfile.Exists(_encoded(path))


def is_folder(path):
    """Whether there is a folder."""
    with _as_os_error(path):
        return tf.gfile.IsDirectory(_encoded(path))


def is_file(path):
    """Whether there is a file."""
    return exists(path) and not is_folder(path)


def read(path):
    """Returns the bytes of a file; raises OSError where there is none, or it cannot be read."""
    with _as_os_error(path), tf.gfile.Open(_encoded(path), "rb") as file:
        return file.read()


def fingerprint(path):
    """Returns what tells whether a file is the same one: its size, and the time it was written."""
    with _as_os_error(path):
        found = tf.gfile.Stat(_encoded(path))
        return found.length, found.mtime_nsec


def absolute(path):
    """Returns a path that means the same in each current folder."""
    return path if "://" in path else os.path.abspath(path)
