"""A Python function called in another interpreter: its own Python, NumPy and TensorFlow."""

import importlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import traceback

import numpy as np

from legacy_spiky import _ops
from legacy_spiky._arrays import native
from legacy_spiky._errors import reason
from legacy_spiky._ops import tf

__all__ = ["Interpreter", "explain", "load", "serve"]


def load(name):
    """Returns what `"module:name"` stands for.

    Raises:
      ImportError: there is no such module, or nothing of that name in it.
      ValueError: it is not of that form.
    """
    module, _, attribute = name.partition(":")
    if module.endswith(".py"):
        instead = "%s:%s" % (os.path.basename(module)[:-3], attribute or "name")
        raise ValueError("expected module:name, got %r: write %s" % (name, instead))
    if not module or not attribute:
        raise ValueError("expected module:name, as legacy_spiky:tf_spiky, got %r" % name)
    try:
        found = target = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if module != error.name and not module.startswith("%s." % error.name):
            raise  # the module is there, what it imports is not
        places = "the current folder is looked in first (%s), then PYTHONPATH" % os.getcwd()
        raise ModuleNotFoundError("%s: %s" % (error, places), name=error.name) from None
    for part in attribute.split("."):
        if not hasattr(target, part):
            place = getattr(found, "__file__", "built in")
            raise ImportError("%s (%s) has no %s" % (module, place, attribute))
        target = getattr(target, part)
    return target


def explain(error):
    """Returns the type and the reason of what a user's op raised, and what may be behind it."""
    text, hint = "%s: %s" % (type(error).__name__, reason(error)), ""
    if isinstance(error, TypeError) and "required positional argument" in text:
        hint = (
            "; arguments without a default are taken for tensors: give inputs=[x, a], or fix a "
            "parameter with a wrapper or functools.partial"
        )
    elif isinstance(error, (AttributeError, TypeError)) and tf.VERSION >= "2":
        if re.search("module 'tensorflow.* has no attribute|unexpected keyword", text):
            hint = (
                "; written for TensorFlow 1? Then run it there: --tf1-python "
                ".venv-tf1/bin/python, or interpreter('.venv-tf1/bin/python', 'module:name')"
            )
    return text + hint


# Messages: JSON, in which an array is {"array": [dtype, shape]}, then the bytes of the arrays in
# their order. Pickles of NumPy 2 cannot be read by NumPy 1.


def _encode(message):
    arrays = []

    def stand_in(array):
        array = native(array)
        if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
            raise TypeError("only numbers go to another interpreter and back, not %s" % array.dtype)
        arrays.append(array)
        return {"array": [array.dtype.name, array.shape]}

    text = json.dumps(message, default=stand_in).encode()
    return [struct.pack("<Q", len(text)), text] + [array.tobytes() for array in arrays]


def _send(stream, parts):
    for part in parts:
        stream.write(part)
    stream.flush()


def _read(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("the other side is gone")
    return data


def _receive(stream):
    def array(message):
        if set(message) != {"array"}:
            return message
        name, shape = message["array"]
        dtype = np.dtype(tf.as_dtype(name).as_numpy_dtype)  # NumPy alone knows no bfloat16
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(bytearray(_read(stream, size)), dtype).reshape(shape)

    (size,) = struct.unpack("<Q", _read(stream, 8))
    if size > 1 << 26:  # arrays are not in it
        raise ValueError("a message of %d bytes" % size)
    return json.loads(_read(stream, size).decode(), object_hook=array)


# What comes before the first message; before it a wrapper may have printed what it likes.
_GREETING = b"\0legacy_spiky answers\n"

# Loads this package from where it is, without its neighbours, which are of another Python.
_BOOTSTRAP = """
import sys
if sys.version_info < (3, 6):
    sys.exit("legacy_spiky needs Python 3.6 or newer, this is %s" % sys.version.split()[0])
import importlib.util
sys.path += sys.argv[2:]
spec = importlib.util.spec_from_file_location("legacy_spiky", sys.argv[1])
package = sys.modules["legacy_spiky"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from legacy_spiky.parity.process import serve
serve()
"""


class Interpreter:
    """A function that lives in another interpreter, where `factory(*arguments)` made it.

    Calling it sends arguments there and returns what comes back: lists, numbers, text, None
    and arrays. `about` has the versions there. It ends when it is collected.

    Args:
      python: the path of the interpreter.
      factory: `"module:name"`, called there with `arguments` to make the function.
      path: folders to look for modules in, after the current one.

    Raises:
      RuntimeError: it does not start, or what is called there raises.
    """

    def __init__(self, python, factory, *arguments, path=()):
        self.python = python
        self._gone = None  # why it is no more
        self._messages = tempfile.TemporaryFile()
        package = os.path.abspath(sys.modules["legacy_spiky"].__file__)
        # A home would be of this Python.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONHOME"}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            self._process = subprocess.Popen(
                [python, "-c", _BOOTSTRAP, package] + list(path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                env=environment,
            )
        except OSError as error:
            hint = "; for a folder give its bin/python" if os.path.isdir(python) else ""
            raise RuntimeError(
                "the interpreter %s does not start: %s%s" % (python, error, hint)
            ) from None
        self._await_greeting()
        self.about = self._ask([factory, arguments])

    def __call__(self, *arguments):
        return self._ask(arguments)

    def _await_greeting(self):
        wrote = bytearray()
        for _ in range(1 << 16):
            byte = self._process.stdout.read(1)
            wrote += byte
            if wrote.endswith(_GREETING):
                return
            if not byte:
                break
        else:
            self._process.kill()
        raise RuntimeError(self._last_words(wrote))

    def _last_words(self, wrote=b""):
        status = self._process.wait()
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip().splitlines()
        if wrote and not said:
            words = "is no Python that runs legacy_spiky: it wrote %r"
            words %= bytes(wrote[:60]).decode(errors="replace")
        else:
            words = "ended with status %d: %s" % (status, said[-1] if said else "it said nothing")
        return "the interpreter %s %s" % (self.python, words)

    def _ask(self, message):
        question = _encode(message)
        if self._gone is None:
            try:
                _send(self._process.stdin, question)
                kind, content = _receive(self._process.stdout)
            except (EOFError, BrokenPipeError):
                self._gone = self._last_words()
            except BaseException as error:
                # What is left of this answer would be taken for the next one.
                self._process.kill()
                why = str(error) or type(error).__name__
                self._gone = "the interpreter %s was stopped within an answer (%s): make another"
                self._gone %= (self.python, why)
                if not isinstance(error, Exception):
                    raise
        if self._gone is not None:
            raise RuntimeError(self._gone)
        if kind == "error":
            raise RuntimeError("in %s: %s" % (self.python, content))
        return content

    def __del__(self):
        process = getattr(self, "_process", None)
        if process is not None:
            try:
                process.stdin.close()  # it ends when it has read this
            except BrokenPipeError:  # it ended before
                pass
            process.stdout.close()
            process.wait()
            self._messages.close()


def serve():
    """Answers, on the standard streams, what an `Interpreter` asks, until that ends."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What functions read and print would spoil the messages.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    _send(answers, [_GREETING])
    tf.logging.set_verbosity(tf.logging.ERROR)
    function = None
    while True:
        try:
            message = _receive(questions)
        except EOFError:
            os._exit(0)  # whatever threads there are
        try:
            if function is None:
                factory, arguments = message
                function = load(factory)(*arguments)
                answer = {
                    "python": "%d.%d.%d" % sys.version_info[:3],
                    "tensorflow": tf.VERSION,
                    "numpy": np.__version__,
                    "dtypes": [dtype.name for dtype in _ops.FLOATING],
                }
            else:
                answer = function(*message)
            _send(answers, _encode(["answer", answer]))
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            _send(answers, _encode(["error", explain(error)]))
