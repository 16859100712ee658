"""Import this first: TensorFlow's version 1 names, without its messages on the terminal."""

import importlib
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
if ROOT not in sys.path:  # a worker has it already, after the user's folder
    sys.path.insert(0, ROOT)

from legacy_spiky._quiet import quiet  # noqa: E402

quiet()


def stop(message):
    """Ends the script with a message, as argparse does for wrong arguments."""
    print(message, file=sys.stderr)
    sys.exit(2)


try:
    from legacy_spiky._ops.versions import tf
except ImportError as error:
    stop(error)

tf.logging.set_verbosity(tf.logging.ERROR)


def need(module, extra):
    """Imports an optional module, or ends the script and says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        stop("%s; install what this needs with: pip install -e '.[%s]'" % (error, extra))


def check_files(parser, options, *names):
    """Ends the script where an option names no folder that is there, or a plot that is no PNG."""
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
        print("for a progress bar: pip install -e '.[verify]'", file=sys.stderr)
        return _NoBar()
    return tqdm(total=total, unit=unit, smoothing=0.05, disable=None, leave=False)


class _NoBar:
    def update(self):
        pass

    def close(self):
        pass
