"""What commands and scripts share: TensorFlow without its messages, progress, and how they end."""

import importlib
import os
import platform
import sys
import warnings

import numpy as np

__all__ = [
    "check_files",
    "need",
    "progress",
    "pyplot",
    "quiet",
    "status_of",
    "stop",
    "tensorflow",
    "versions",
]


def quiet():
    """Keeps TensorFlow's messages off the terminal; to be called before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN announces itself whatever the log level, and rounds matrix products its own way.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for category in (DeprecationWarning, FutureWarning, RuntimeWarning):
        warnings.filterwarnings("ignore", category=category)


def tensorflow():
    """Imports TensorFlow quietly, or ends the command; returns its version 1 names."""
    quiet()
    try:
        from legacy_spiky._ops import tf
    except ImportError as error:
        stop(error)
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf


def versions():
    """Returns the versions that results are of, as text."""
    from legacy_spiky._ops import tf

    found = tf.VERSION, np.__version__, platform.python_version()
    return "TensorFlow %s, NumPy %s, Python %s" % found


def stop(message):
    """Ends the command with a message, as argparse does for wrong arguments."""
    print(message, file=sys.stderr)
    sys.exit(2)


def status_of(main, *arguments):
    """Returns the exit status of a command; after Ctrl-C it ends with one line."""
    try:
        return main(*arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def need(module, extra):
    """Imports an optional module, or ends the command and says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = "install what this needs with: pip install 'legacy_spiky[%s]'" % extra
        stop("%s; %s" % (error, hint))


def pyplot():
    """Imports Matplotlib to draw into files, or ends the command and says how to get it."""
    found = need("matplotlib.pyplot", "plot")
    found.switch_backend("agg")
    return found


def check_files(parser, options, *names):
    """Ends the command where an option names no folder that is there, or a plot that is no PNG."""
    for name in names:
        path = getattr(options, name)
        if path and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            parser.error("--%s: there is no folder for %s" % (name, path))
        if path and name == "plot" and not path.lower().endswith(".png"):
            parser.error("--plot wants a name that ends in .png, got %s" % path)


def progress(total, unit):
    """Returns a progress bar on the terminal's stderr; `update()` says that one more is done."""
    try:
        from tqdm import tqdm
    except ImportError:
        if sys.stderr.isatty():
            print("for a progress bar: pip install 'legacy_spiky[verify]'", file=sys.stderr)
        return _NoBar()
    return tqdm(total=total, unit=unit, smoothing=0.05, disable=None, leave=False)


class _NoBar:
    def update(self):
        pass

    def close(self):
        pass
