"""Another interpreter on the other side: here, this one."""

import os
import signal
import stat
import sys
import threading

import numpy as np
import planted
import pytest

from legacy_spiky import np_d_spiky, np_spiky
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf
from legacy_spiky.parity import arrays, assert_parity, boundaries, compare, interpreter, session
from legacy_spiky.parity.process import _GREETING, Interpreter, _encode, load

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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


@pytest.mark.parametrize("dtype", [dtype.name for dtype in versions.FLOATING] + ["int32", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_there_and_back(echo, dtype, shape):
    dtype = np.dtype(tf.as_dtype(dtype).as_numpy_dtype)
    array = np.frombuffer(np.random.RandomState(0).bytes(64), dtype)[: int(np.prod(shape))]
    array = array.reshape(shape)
    (result,) = echo(array)
    assert (result.dtype, result.shape) == (array.dtype, array.shape)
    assert result.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", [">f4", ">i8", "<f4"])
def test_byte_orders(echo, dtype):
    (result,) = echo(np.array([1, 2], dtype))
    assert result.dtype.isnative and result.tolist() == [1, 2]


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
        "dtypes": [dtype.name for dtype in versions.FLOATING],
    }


def test_an_exception_does_not_end_it(echo):
    with pytest.raises(RuntimeError, match="in .*: ZeroDivisionError: division by zero"):
        echo("raise")
    with pytest.raises(RuntimeError, match="in .*: SystemExit: 0"):
        echo("sys.exit")
    with pytest.raises(RuntimeError, match="TypeError: only numbers go to another .* not <U4"):
        echo("strings")
    with pytest.raises(TypeError, match="only numbers go to another interpreter and back, not obj"):
        echo({1})
    assert echo(1) == [1]


def test_it_ends_when_it_is_collected():
    other = Interpreter(sys.executable, "planted:echo", path=[HERE])
    process = other._process
    other("thread")  # which runs on
    del other
    assert process.poll() == 0


def test_it_ends_in_the_middle():
    other = Interpreter(sys.executable, "planted:echo", path=[HERE])
    with pytest.raises(RuntimeError, match="ended with status 3: gone"):
        other("exit")
    with pytest.raises(RuntimeError, match="ended with status 3: gone"):  # and again
        other(1)


def pretender(tmp_path, answers, *after):
    """An interpreter that says what it was told to, whatever it is asked."""
    messages = [_GREETING] + _encode(["answer", {}]) + list(answers)
    (tmp_path / "answers").write_bytes(b"".join(messages))
    path = script(tmp_path, "cat %s; exec sleep 60\n" % (tmp_path / "answers"))
    return Interpreter(path, "any:thing")


@pytest.mark.parametrize(
    "answers, words",
    [
        ([b"\xff" * 8], "a message of 18446744073709551615 bytes"),
        ([b"\3" + bytes(7), b"{]}"], "Expecting "),
        (_encode([1, 2, 3]), "too many values to unpack"),
        (_encode(3), "cannot unpack|not iterable"),
    ],
)
def test_an_answer_that_cannot_be_read(tmp_path, answers, words):
    other = pretender(tmp_path, answers)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stopped within an answer .*(%s)" % words):
            other(1)
    assert other._process.wait() < 0


def test_interrupted(tmp_path):
    """The answer that comes too late is not taken for that to the next question."""
    other = pretender(tmp_path, [])
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        other(1)
    with pytest.raises(RuntimeError, match=r"within an answer \(KeyboardInterrupt\): make another"):
        other(2)


def test_numbers_of_no_dimension():
    x = np.float64([1, 2])
    other = interpreter(sys.executable, "planted:summed")
    assert_parity(session(planted.summed), other, inputs=x)


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


@pytest.mark.parametrize("answer", ["echo 'no Python'", "yes"])
def test_what_writes_something_else(tmp_path, answer):
    with pytest.raises(RuntimeError, match="is no Python that runs legacy_spiky: it wrote '[ny]"):
        interpreter(script(tmp_path, answer), "planted:right")


def test_a_wrapper_that_prints(tmp_path):
    path = script(tmp_path, 'echo loading modules; exec %s "$@"\n' % sys.executable)
    assert Interpreter(path, "planted:echo")("text") == ["text"]


def test_a_folder(tmp_path):
    with pytest.raises(RuntimeError, match="does not start: .*; for a folder give its bin/python"):
        interpreter(str(tmp_path), "planted:right")


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
        (
            "nowhere:right",
            ImportError,
            "No module named 'nowhere': the current folder is looked in first .*, then PYTHONPATH",
        ),
        ("planted:absent", ImportError, r"planted \(.*planted.py\) has no absent"),
        ("sys:nothing", ImportError, r"sys \(built in\) has no nothing"),
        ("planted.py:right", ValueError, "got 'planted.py:right': write planted:right"),
        ("./planted.py", ValueError, "got './planted.py': write planted:name"),
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
