"""Another interpreter on the other side: here, this one."""

import os
import stat
import sys

import numpy as np
import planted
import pytest

from legacy_spiky import _tf, np_d_spiky, np_spiky
from legacy_spiky._interpreter import Interpreter, load
from legacy_spiky._tf import tf
from legacy_spiky.parity import arrays, assert_parity, boundaries, compare, interpreter, session

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def echo():
    return Interpreter(sys.executable, "planted:echo", path=[HERE])


@pytest.fixture(scope="module", autouse=True)
def planted_is_found():
    """The other interpreter looks for modules in the current folder, too."""
    here = os.getcwd()
    os.chdir(HERE)
    yield
    os.chdir(here)


@pytest.mark.parametrize("dtype", [dtype.name for dtype in _tf.FLOATING] + ["int32", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_there_and_back(echo, dtype, shape):
    dtype = np.dtype(tf.as_dtype(dtype).as_numpy_dtype)
    array = np.frombuffer(np.random.RandomState(0).bytes(64), dtype)[: int(np.prod(shape))]
    array = array.reshape(shape)
    (result,) = echo(array)
    assert (result.dtype, result.shape) == (array.dtype, array.shape)
    assert result.tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [None, 1, 0.1, "text", [1, [2, None]], {"a": [1]}])
def test_other_values_there_and_back(echo, value):
    assert echo(value, value) == [value, value]


def test_what_it_prints_does_not_come_between(echo):
    assert echo("print") == ["print"]


def test_about(echo):
    assert echo.about == {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "tensorflow": tf.VERSION,
        "numpy": np.__version__,
        "dtypes": [dtype.name for dtype in _tf.FLOATING],
    }


def test_an_exception_does_not_end_it(echo):
    with pytest.raises(RuntimeError, match="in .*: ZeroDivisionError: division by zero"):
        echo("raise")
    with pytest.raises(RuntimeError, match="in .*: SystemExit: 0"):
        echo("sys.exit")
    assert echo(1) == [1]


def test_it_ends_when_it_is_collected():
    other = Interpreter(sys.executable, "planted:echo", path=[HERE])
    process = other._process
    del other
    assert process.poll() == 0


def test_it_ends_in_the_middle():
    other = Interpreter(sys.executable, "planted:echo", path=[HERE])
    with pytest.raises(RuntimeError, match="ended with status 3: gone"):
        other("exit")
    with pytest.raises(RuntimeError, match="ended with status 3: gone"):  # and again
        other(1)


def test_parity():
    other = interpreter(sys.executable, "planted:right")
    assert other.label == "planted.right, session of TensorFlow " + tf.VERSION
    for dtype in other.about["dtypes"]:
        assert_parity(arrays(np_spiky, np_d_spiky), other, inputs=boundaries(dtype))


def test_several_inputs_and_no_gradient():
    inputs = [np.float32([1, 2]), np.float32([3, 5])]
    other = interpreter(sys.executable, "planted:difference")
    assert_parity(session(planted.difference), other, inputs=inputs)
    other = interpreter(sys.executable, "planted:no_gradient")
    assert not compare(session(planted.right), other, inputs=inputs[0]).ok


def test_what_raises_there():
    other = interpreter(sys.executable, "planted:out_of_range")
    words = r"the reference .planted.out_of_range, .*InvalidArgumentError: indices\[0\] = 7 is not"
    with pytest.raises(RuntimeError, match=words):
        compare(other, session(planted.right), inputs=np.zeros(2, np.float32))


# Where it does not begin.


def script(tmp_path, text):
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_no_interpreter(tmp_path):
    with pytest.raises(RuntimeError, match="the interpreter .*/nothing does not start: .*No such"):
        interpreter(str(tmp_path / "nothing"), "planted:right")


def test_no_python(tmp_path):
    path = script(tmp_path, "echo no Python at all >&2; exit 7\n")
    with pytest.raises(RuntimeError, match="ended with status 7: no Python at all"):
        interpreter(path, "planted:right")


def with_module(tmp_path, name, text):
    """An interpreter like this one, in which a module is another."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / (name + ".py")).write_text(text)
    return script(
        tmp_path, 'PYTHONPATH="%s" exec "%s" "$@"\n' % (tmp_path / "other", sys.executable)
    )


def test_no_tensorflow(tmp_path):
    text = "raise ImportError('No module named tensorflow', name='tensorflow')"
    with pytest.raises(RuntimeError, match="legacy_spiky needs TensorFlow, and none is installed"):
        interpreter(with_module(tmp_path, "tensorflow", text), "planted:right")


def test_too_old_a_tensorflow(tmp_path):
    python = with_module(tmp_path, "tensorflow", "__version__ = '0.12.1'; compat = None")
    words = "legacy_spiky needs TensorFlow 1.0 or newer; this is 0.12.1"
    with pytest.raises(RuntimeError, match=words):
        interpreter(python, "planted:right")


def test_too_old_a_python(tmp_path):
    text = "import sys; sys.version_info, sys.version = (3, 5, 2), '3.5.2 (default)'"
    python = with_module(tmp_path, "sitecustomize", text)
    with pytest.raises(RuntimeError, match="needs Python 3.6 or newer, this is 3.5.2"):
        interpreter(python, "planted:right")


@pytest.mark.parametrize(
    "name, kind, words",
    [
        ("nowhere:right", ImportError, "No module named 'nowhere'"),
        ("planted:nothing", ImportError, "planted has no nothing"),
        ("planted", ValueError, "expected module:name, as legacy_spiky:tf_spiky, got 'planted'"),
        (":right", ValueError, "expected module:name"),
    ],
)
def test_load_nothing(name, kind, words):
    with pytest.raises(kind, match=words):
        load(name)


@pytest.mark.parametrize(
    "name, words",
    [
        ("nowhere:right", "in .*: ModuleNotFoundError: No module named 'nowhere'"),
        ("planted:not_callable", "op must be a function or another callable, got 3"),
    ],
)
def test_no_op(name, words):
    with pytest.raises(RuntimeError, match=words):
        interpreter(sys.executable, name)


def test_load():
    assert load("planted:right") is planted.right
    assert load("legacy_spiky.parity:Report.add").__name__ == "add"
