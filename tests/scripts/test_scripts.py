"""The scripts, as a person runs them."""

import glob
import importlib
import os
import re
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
from pages import README

from legacy_spiky._ops.versions import tf

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPTS = os.path.join(HERE, os.pardir, "scripts")


def run(script, *arguments, **kwargs):
    """Returns the exit status, what came on stdout and what on stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    process = subprocess.Popen(
        [sys.executable, os.path.join(SCRIPTS, script)] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        **kwargs,
    )
    stdout, stderr = process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


def test_demo(tmp_path):
    """It is the command `demo`."""
    status, stdout, stderr = run("session_demo.py", cwd=str(tmp_path))
    assert (status, stderr) == (0, "")
    assert stdout.splitlines()[0] in README.splitlines()
    status, stdout, _ = run("session_demo.py", "--help", cwd=str(tmp_path))
    assert (status, stdout[:24]) == (0, "usage: legacy-spiky demo")


@pytest.fixture
def scripts(monkeypatch):
    """Imports a script, to call its main here."""
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setattr("warnings.filters", list(warnings.filters))
    verbosity = tf.logging.get_verbosity()
    yield importlib.import_module
    tf.logging.set_verbosity(verbosity)


@pytest.mark.parametrize(
    "script, arguments, words",
    [
        ("train_digits", ["--epochs", "0"], "expected a whole number from 1 on, got '0'"),
        ("train_digits", ["--epochs", "many"], "expected a whole number from 1 on, got 'many'"),
        ("train_digits", ["--seed", "-1"], "--seed must be from 0 to 4294967295, got -1"),
        ("train_digits", ["--sede", "1"], "unrecognized arguments"),
        ("train_digits", ["--save", __file__], "--save: "),
        ("train_digits", ["--stop-after", "0"], "expected a whole number from 1 on, got '0'"),
        ("train_digits", ["--resume", "nowhere"], "--resume: there is no file nowhere/digits, nor"),
        ("train_digits", ["--resume", "x", "--seed", "0"], "--resume goes on with the seed, "),
        ("train_digits", ["--resume", "x", "--epochs", "1"], "--resume goes on with the seed, "),
        ("train_digits", ["--resume", "x", "--freeze-hidden"], "--resume goes on with the seed, "),
    ],
)
def test_wrong_arguments(scripts, script, arguments, words, capsys):
    with pytest.raises(SystemExit) as error:
        scripts(script).main(arguments)
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert words in " ".join(stderr.split())


def test_help(scripts, capsys):
    with pytest.raises(SystemExit) as error:
        scripts("train_digits").main(["--help"])
    assert error.value.code == 0
    assert "in a TensorFlow 1 session" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "script, arguments, missing, extra",
    [
        ("train_digits", [], "sklearn.datasets", "demo"),
        ("verify_parity", ["--plot", "x.png"], "matplotlib.pyplot", "plot"),
    ],
)
def test_missing_extra(scripts, script, arguments, missing, extra, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as error:
        scripts(script).main(arguments)
    assert error.value.code == 2
    _, stderr = capsys.readouterr()
    assert missing in stderr
    assert "install what this needs with: pip install 'legacy_spiky[%s]'" % extra in stderr


def held_out(stdout):
    return float(re.search(r"held-out accuracy: (\S+)", stdout).group(1))


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    status, stdout, stderr = run("train_digits.py", "--save", str(tmp_path / "new" / "folder"))
    assert (status, stderr) == (0, "")
    lines = stdout.splitlines()
    assert lines[0] == "TensorFlow " + tf.VERSION
    assert [line for line in lines if line.startswith("epoch 15/15  loss ")]
    assert held_out(stdout) >= 0.94
    frozen = held_out(run("train_digits.py", "--freeze-hidden")[1])
    assert frozen < held_out(stdout)
    # The checkpoint holds the weights, what the optimizers have for each, and the step.
    prefix = re.search(r"saved (.*)", stdout).group(1)
    reader = tf.train.NewCheckpointReader(prefix)
    shapes = sorted(map(tuple, reader.get_variable_to_shape_map().values()))
    assert shapes == sorted([()] + 2 * [(10,), (64, 256), (256,), (256, 10)])


def test_digits_same_seed_same_numbers(scripts, capsys):
    pytest.importorskip("sklearn")
    outputs = []
    for seed in "778":
        scripts("train_digits").main(["--epochs", "1", "--seed", seed])
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]


def test_digits_interrupted(scripts, tmp_path, capsys):
    pytest.importorskip("sklearn")
    main = scripts("train_digits").main
    main(["--epochs", "3", "--seed", "4294967295"])
    whole = capsys.readouterr().out.splitlines()
    folder = str(tmp_path)
    main(["--epochs", "3", "--seed", "4294967295", "--stop-after", "1", "--save", folder])
    assert capsys.readouterr().out.splitlines()[:2] == whole[:2]
    main(["--resume", folder, "--stop-after", "2", "--save", folder])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == whole[2] and lines[2].startswith("saved ")
    main(["--resume", folder, "--save", folder])
    lines = capsys.readouterr().out.splitlines()
    assert [lines[1]] + lines[-1:] == whole[3:]
    main(["--resume", folder])  # nothing is left to do
    assert capsys.readouterr().out.splitlines() == [whole[0], whole[-1]]


@pytest.mark.parametrize("saves", [True, False])
def test_digits_stopped_by_ctrl_c(scripts, monkeypatch, tmp_path, capsys, saves):
    """What was done is kept, to the step, and gives the same in the end."""
    pytest.importorskip("sklearn")
    main = scripts("train_digits").main
    main(["--epochs", "2"])
    whole = capsys.readouterr().out.splitlines()
    original, folder, steps = tf.Session.run, str(tmp_path), []

    def run(session, fetches, *arguments):
        if fetches == ["loss:0", "update"]:
            steps.append(fetches)
            if len(steps) == 60:
                raise KeyboardInterrupt
        return original(session, fetches, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(tf.Session, "run", run)
        assert main(["--epochs", "2"] + ["--save", folder] * saves) == 130
    stdout, stderr = capsys.readouterr()
    assert stdout.splitlines() == whole[:2]
    prefix = os.path.join(folder, "digits") if saves else "nothing: no --save"
    assert stderr == "interrupted; saved %s\n" % prefix
    if saves:
        main(["--resume", folder])
        assert capsys.readouterr().out.splitlines()[-1] == whole[-1]


# The digits in mid-training, as TensorFlow 1.15.5 saved them; see save_digits.py.
DIGITS = glob.glob(os.path.join(HERE, "data", "saved", "digits-*.zip"))
DIGITS += glob.glob(os.path.join(os.environ.get("SAVED_GRAPHS", HERE), "digits-*.zip"))


@pytest.mark.parametrize("archive", DIGITS, ids=os.path.basename)
def test_digits_of_another_tensorflow(scripts, tmp_path, archive, capsys):
    pytest.importorskip("sklearn")
    if tuple(map(int, tf.VERSION.split(".")[:2])) < (1, 15):
        pytest.skip("older than the one that saved")
    with zipfile.ZipFile(archive) as file:
        file.extractall(str(tmp_path))
    train_digits = scripts("train_digits")
    with train_digits.resume(str(tmp_path)) as session:
        losses, _ = train_digits.train(session)
    saved = np.load(str(tmp_path / "losses.npy"))
    assert len(losses) == len(saved) == 45
    assert abs(losses[0] - saved[0]) < 1e-6
    assert abs(np.mean(losses) - np.mean(saved)) < 0.02  # and it goes on
