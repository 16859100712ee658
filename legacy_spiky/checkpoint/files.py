"""Files: those here, and by URL those of the file systems that TensorFlow knows."""

import contextlib
import os

from legacy_spiky._ops import tf

__all__ = ["absolute", "exists", "fingerprint", "is_file", "is_folder", "read"]


def _is_url(path):
    return "://" in path


@contextlib.contextmanager
def _as_os_error(path):
    try:
        yield
    except tf.errors.OpError as error:
        said = error.message or type(error).__name__
        raise OSError("TensorFlow cannot read %s: %s" % (path, said)) from error


def exists(path):
    """Whether there is a file or folder; raises OSError where that cannot be told."""
    if _is_url(path):
        with _as_os_error(path):
            return tf.gfile.Exists(path)
    # Not by TensorFlow: a name here need not be Unicode, which its errors want.
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no name has a null character
        return False
    return True


def is_folder(path):
    """Whether there is a folder."""
    if not _is_url(path):
        return exists(path) and os.path.isdir(path)
    with _as_os_error(path):
        return tf.gfile.IsDirectory(path)


def is_file(path):
    """Whether there is a file."""
    return exists(path) and not is_folder(path)


def read(path):
    """Returns the bytes of a file; raises OSError where there is none, or it cannot be read."""
    if not _is_url(path):
        with open(path, "rb") as file:
            return file.read()
    with _as_os_error(path), tf.gfile.Open(path, "rb") as file:
        return file.read()


def fingerprint(path):
    """Returns what tells whether a file is the same one: its size, and the time it was written."""
    if not _is_url(path):
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns
    with _as_os_error(path):
        found = tf.gfile.Stat(path)
        return found.length, found.mtime_nsec


def absolute(path):
    """Returns a path that means the same in each current folder."""
    return path if _is_url(path) else os.path.abspath(path)
