"""The command line, as a person runs it: `python -m legacy_spiky`, which `legacy-spiky` is too."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from pages import README

import legacy_spiky
from legacy_spiky import __main__ as door
from legacy_spiky import _terminal
from legacy_spiky._ops.versions import tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(legacy_spiky.__file__)))


def command(*arguments, start=("-m", "legacy_spiky"), **kwargs):
    """Returns the exit status, what came on stdout and what on stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    environment["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable] + list(start) + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        **kwargs,
    )
    stdout, stderr = process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


def numbers(line):
    return [[float(x) for x in row.split()] for row in re.findall(r"\[(.*?)\]", line)]


def test_demo(tmp_path):
    status, stdout, stderr = command("demo", cwd=str(tmp_path))
    assert (status, stderr) == (0, "")
    first, second = stdout.splitlines()
    x, y, gradient = numbers(first)
    assert x == [0.2, 0.7, 1.2, 1.7]
    assert y == [0.2, 0, 0.20000005, 0]
    assert gradient == [1, 0, 1, 0]
    assert first in README.splitlines()  # the same on each version
    assert second.startswith("TensorFlow %s, NumPy %s" % (tf.VERSION, np.__version__))


def test_demo_plot(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = str(tmp_path / "spiky.png")
    assert door.main(["demo", "--plot", path]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "drew " + path
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"


ALONE = """
import runpy, sys
sys.modules["tensorflow"] = None
runpy.run_module("legacy_spiky", run_name="__main__", alter_sys=True)
"""

PAIR = "parity --reference a:b --candidate a:b"


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        ("--help", 0, "demo the recipe's own test"),
        ("--version", 0, "legacy_spiky " + legacy_spiky.__version__),
        ("", 2, "the following arguments are required: COMMAND"),
        ("show", 2, "invalid choice: 'show' (choose from"),
        ("demo --help", 0, "usage: legacy-spiky demo [-h]"),
        ("demo --plot spiky.jpg", 2, "--plot wants a name that ends in .png"),
        ("demo --plot nowhere/x.png", 2, "there is no folder for nowhere/x.png"),
        ("demo", 2, "legacy_spiky needs TensorFlow, and none is installed for"),
        ("parity --help", 0, "Exit status: 0 all agree"),
        ("parity", 2, "required: --reference, --candidate"),
        (PAIR + " --ulp -1", 2, "legacy-spiky parity: error: --ulp: expected a number"),
        (PAIR, 2, "legacy_spiky needs TensorFlow, and none is installed for"),
        ("checkpoint --help", 0, "usage: legacy-spiky checkpoint [-h]"),
        ("checkpoint", 2, "legacy-spiky checkpoint: error: the following arguments are required"),
        ("checkpoint x", 2, "legacy_spiky needs TensorFlow, and none is installed for"),
    ],
)
def test_without_tensorflow(arguments, status, words):
    found, stdout, stderr = command(*arguments.split(), start=["-c", ALONE])
    assert found == status
    assert words in " ".join((stderr if status else stdout).split())
    assert (stdout if status else stderr) == ""


def test_each_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        door.main(["--help"])
    stdout = " ".join(capsys.readouterr().out.split())
    for name, (_, words) in door.COMMANDS.items():
        assert "%s %s" % (name, words) in stdout


def test_missing_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(SystemExit) as error:
        door.main(["demo", "--plot", "x.png"])
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.endswith("; install what this needs with: pip install 'legacy_spiky[plot]'\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_no_bar(terminal, monkeypatch, capsys):
    """Where there is a terminal that could show one."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    bar = _terminal.progress(2, "block")
    bar.update()
    bar.close()
    hint = "for a progress bar: pip install 'legacy_spiky[verify]'\n"
    assert capsys.readouterr().err == hint * terminal


INTERRUPTED = """
import legacy_spiky._demo, os, signal, sys
from legacy_spiky import __main__ as door
def evaluate(points):
    os.kill(os.getpid(), signal.SIGINT)
    return evaluate(points)
legacy_spiky._demo.evaluate = evaluate
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(door.main(["demo"]))
"""


def test_interrupted():
    status, stdout, stderr = command(start=["-c", INTERRUPTED])
    assert (status, stdout, stderr) == (130, "", "interrupted\n")


def test_interrupted_while_tensorflow_is_imported(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise KeyboardInterrupt")
    status, stdout, stderr = command("demo", cwd=str(tmp_path))
    assert (status, stdout, stderr) == (130, "", "interrupted\n")
