"""A Python function called in another interpreter: its own Python, NumPy and TensorFlow."""

import importlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import traceback

import numpy as np

from legacy_spiky import _tf
from legacy_spiky._errors import reason
from legacy_spiky._tf import tf

__all__ = ["Interpreter", "load", "serve"]


def load(name):
    """Returns what `"module:name"` stands for.

    Raises:
      ImportError: there is no such module, or nothing of that name in it.
      ValueError: it is not of that form.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("expected module:name, as legacy_spiky:tf_spiky, got %r" % name)
    target = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise ImportError("%s has no %s" % (module, attribute))
        target = getattr(target, part)
    return target


# Messages: JSON, in which an array is {"array": [dtype, shape]}, then the bytes of the arrays in
# their order. Pickles of NumPy 2 cannot be read by NumPy 1.


def _send(stream, message):
    arrays = []

    def stand_in(array):
        arrays.append(np.ascontiguousarray(array))
        return {"array": [arrays[-1].dtype.name, array.shape]}

    text = json.dumps(message, default=stand_in).encode()
    stream.write(struct.pack("<Q", len(text)) + text)
    for array in arrays:
        stream.write(array.tobytes())
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
    return json.loads(_read(stream, size).decode(), object_hook=array)


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
from legacy_spiky._interpreter import serve
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
        self._messages = tempfile.TemporaryFile()
        package = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__init__.py")
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
            raise RuntimeError("the interpreter %s does not start: %s" % (python, error)) from None
        self.about = self._ask([factory, arguments])

    def __call__(self, *arguments):
        return self._ask(arguments)

    def _ask(self, message):
        try:
            _send(self._process.stdin, message)
            answer = _receive(self._process.stdout)
        except (EOFError, BrokenPipeError):
            status = self._process.wait()
            self._messages.seek(0)
            said = self._messages.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(
                "the interpreter %s ended with status %d: %s"
                % (self.python, status, said[-1] if said else "it said nothing")
            ) from None
        if "error" in answer:
            raise RuntimeError("in %s: %s" % (self.python, answer["error"]))
        return answer["answer"]

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
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what functions print would spoil the messages
    tf.logging.set_verbosity(tf.logging.ERROR)
    function = None
    while True:
        try:
            message = _receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if function is None:
                factory, arguments = message
                function = load(factory)(*arguments)
                answer = {
                    "python": "%d.%d.%d" % sys.version_info[:3],
                    "tensorflow": tf.VERSION,
                    "numpy": np.__version__,
                    "dtypes": [dtype.name for dtype in _tf.FLOATING],
                }
            else:
                answer = function(*message)
            _send(stream, {"answer": answer})
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            _send(stream, {"error": "%s: %s" % (type(error).__name__, reason(error))})
