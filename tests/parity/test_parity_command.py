"""`legacy-spiky parity`: two functions of the user's, and their faults planted."""

import json
import os
import sys
import warnings

import pytest
from said import EAGER, NOISE, WORLDS
from test_command import command

from legacy_spiky import parity
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf
from legacy_spiky.parity import blocks
from legacy_spiky.parity import command as room
from legacy_spiky.parity.pair import in_each_world
from legacy_spiky.parity.process import load

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# TensorFlow 1.0 prints what a callback raised, and its error does not say.
TELLS = not tf.VERSION.startswith("1.0.")
PLANTED, EXIT = ["KeyError: 'planted'", "SystemExit: 0"] if TELLS else ["see error log"] * 2
RIGHT = ["--reference", "planted:right"]


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs the command in this process; the reference too, if a test does not say otherwise."""

    def interpreter(python, name):
        found = parity.session(load(name))
        found.about = {
            "dtypes": [dtype.name for dtype in versions.FLOATING],
            "tensorflow": tf.VERSION,
        }
        return found

    def main(*arguments):
        status = room.main(list(arguments), "legacy-spiky parity")
        stdout, stderr = capsys.readouterr()
        return status, stdout.splitlines(), NOISE.sub("", stderr)

    monkeypatch.chdir(HERE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("warnings.filters", list(warnings.filters))
    verbosity = tf.logging.get_verbosity()
    monkeypatch.setattr(parity, "interpreter", interpreter)
    yield main
    tf.logging.set_verbosity(verbosity)


def test_the_obvious_formula_by_the_boundaries(here):
    status, lines, _ = here(*RIGHT + ["--candidate", "planted:obvious", "--flush-subnormals"])
    assert status == 1
    text = "\n".join(lines)
    for world in WORLDS:
        line = "planted:obvious, %s, value, float32:\n  x = -0.49999997 (0xbeffffff): 0.5" % world
        assert line in text
    assert text.count("-0.49999997 (0xbeffffff)") == 2 * len(WORLDS)


def test_options_are_named_as_here(here):
    pair = ["--reference", "planted:right", "--candidate", "planted:other_zeros"]
    status, lines, _ = here(*pair)
    assert status == 1
    (said,) = {line.split(" are ")[1] for line in lines if line.startswith("  all are ")}
    assert said.startswith("signs of zeros alone, 0.0 and -0.0: ")
    assert " --atol 5e-324 " in said and "atol=" not in said
    status, lines, _ = here("--atol", "5e-324", *pair)
    assert status == 0


def test_pair(tmp_path):
    path = str(tmp_path / "report.json")
    status, stdout, stderr = command(
        "parity",
        "--reference",
        "planted:right",
        "--candidate",
        "legacy_spiky%s:tf_spiky" % (".migration" if hasattr(tf, "numpy_function") else ""),
        "--json",
        path,
        cwd=HERE,
    )
    lines = stdout.splitlines()
    assert (status, NOISE.sub("", stderr)) == (0, "")
    assert lines[1] == "reference: planted.right, session of TensorFlow " + tf.VERSION
    assert "inputs, %d implementations, 0 mismatches (" % len(WORLDS) in lines[-1]


def test_pair_of_two_inputs_in_a_range(here):
    status, lines, stderr = here(
        *"--reference planted:difference --candidate planted:difference --low 1 --high 2 --seed 3 "
        "--dtype float64".split()
    )
    assert (status, stderr) == (0, "")
    assert "float64" in lines[-2]


@pytest.mark.skipif(not hasattr(tf, "where_v2"), reason="native ops need TensorFlow 1.15")
def test_a_native_op_is_a_candidate(here, monkeypatch, tmp_path):
    (tmp_path / "made_native.py").write_text(
        "from legacy_spiky.native import native\n"
        "from legacy_spiky import d_spiky, spiky\n"
        "right = native(spiky, d_spiky)\n"
        "wrong = native(spiky, lambda x: 2 * d_spiky(x))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    pair = ["--reference", "planted:right", "--candidate"]
    status, lines, _ = here(*pair + ["made_native:right"])
    assert status == 0 and "made_native:right, %s" % WORLDS[0] in "\n".join(lines)
    status, lines, _ = here(*pair + ["made_native:wrong"])
    assert status == 1 and "made_native:wrong, %s, gradient" % WORLDS[0] in "\n".join(lines)


@pytest.mark.parametrize("tolerance", ["--ulp 1", "--rtol 2e-7", "--atol 1e-7"])
def test_pair_with_a_tolerance(here, tolerance):
    pair = ["--reference", "planted:right", "--candidate", "planted:one_ulp"]
    assert here(*pair)[0] == 1
    assert here(*pair + tolerance.split())[0] == 0


def check(block, reference, candidate, **tolerance):
    reference, name = load(reference), candidate
    candidates = in_each_world(load(candidate), name)
    return blocks.check(block, parity.session(reference), candidates, **tolerance)


OBVIOUS = 0xBEFFFFFF >> 20


def test_the_obvious_formula_among_all(here):
    report = check(OBVIOUS, "planted:right", "planted:obvious")
    assert report.mismatches == 2 * len(WORLDS)
    for row in report.rows:
        assert row["first"][0]["input"] == ["-0.49999997 (0xbeffffff)"]
    assert check(OBVIOUS - 1, "planted:right", "planted:obvious").ok


def test_every_float32_of_a_pair(here):
    pair = "planted:right", "planted:one_ulp"
    assert check(0x3E8, *pair).mismatches == len(WORLDS)
    assert check(0x3E8, *pair, ulp=1).ok
    assert check(0x3E7, *pair).tried == 2**20


def test_blocks_of_ops_of_other_forms(here):
    assert check(0x3E8, *["planted:with_an_integer"] * 2).tried == 2**21
    with pytest.raises(RuntimeError, match=r"the reference \(planted.raises_when.*" + PLANTED):
        check(0x3E8, "planted:raises_when_it_runs", "planted:right")


def test_a_sample_of_blocks():
    pair = RIGHT + ["--candidate", "planted:right"]
    status, stdout, stderr = command(
        "parity", *pair + ["--exhaustive", "2", "--seed", "5"], cwd=HERE
    )
    assert (status, NOISE.sub("", stderr)) == (0, "")
    lines = stdout.splitlines()
    assert lines[1] == "2 of 4096 blocks of 2**20 float32, drawn with --seed 5"
    assert lines[-1].startswith("2,097,152 inputs, ")
    assert ", 0 mismatches (" in lines[-1]


@pytest.mark.skipif(not EAGER, reason="eager execution is off anyway")
def test_a_reference_that_turns_eager_execution_off(tmp_path):
    (tmp_path / "old.py").write_text(
        "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\nsquare = tf.square\n"
    )
    (tmp_path / "new.py").write_text("import tensorflow as tf\nsquare = tf.square\n")
    status, stdout, stderr = command(
        *"parity --reference old:square --candidate new:square --low 1 --high 2".split(),
        cwd=str(tmp_path),
    )
    assert (status, NOISE.sub("", stderr)) == (0, "")
    assert "new:square, eager" in stdout and "new:square, tf.function" in stdout


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["--candidate", "nowhere:x"],
            "the candidate nowhere:x: ModuleNotFoundError: No module",
        ),
        (["--candidate", "planted:x"], "planted:x: ImportError: planted (%s" % HERE),
        (
            ["--candidate", "planted"],
            "the candidate planted: ValueError: expected module:name",
        ),
        (["--candidate", "planted.py:x"], "got 'planted.py:x': write planted:x"),
        (["--candidate", "planted_exit:x"], "the candidate planted_exit:x: SystemExit: 0"),
        (["--candidate", "planted:exits"], "raised SystemExit: 0"),
        (["--candidate", "planted:exits_when_it_runs"], EXIT),
        (
            ["--candidate", "planted:old"],
            "written for TensorFlow 1? Then run it there" if EAGER else "AttributeError: ",
        ),
        (
            ["--reference", "planted:difference", "--candidate", "planted:right"],
            "a default are taken for tensors: give inputs=[x, a]",
        ),
        (
            ["--candidate", "planted:not_callable"],
            "the candidate planted:not_callable is no fun",
        ),
        (["--candidate", "planted:raises"], "the candidate (planted:raises, "),
        (["--candidate", "planted:raises_when_it_runs"], PLANTED),
        (["--candidate", "planted:another_dtype"], "gives float64 of shape"),
        (["--candidate", "planted:two"], "gives 2 values, the reference "),
        (["--candidate", "planted:right", "--low", "2", "--high", "1"], "expected low <="),
        (
            ["--candidate", "planted:right", "--tf1-python", "/nowhere/python"],
            "the interpreter /nowhere/python does not start",
        ),
    ],
)
def test_what_cannot_be_verified(here, monkeypatch, arguments, words):
    if "/nowhere/python" in words:
        monkeypatch.undo()
    status, _, stderr = here(*RIGHT + arguments)
    assert status == 2
    assert stderr.startswith("not verified: ") or not TELLS
    assert words in stderr[stderr.index("not verified: ") :]


def test_no_reference(here, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(HERE)
    status, _, stderr = here("--reference", "nowhere:x", "--candidate", "planted:right")
    assert status == 2
    assert stderr.startswith("not verified: the reference nowhere:x: in ")
    assert "ModuleNotFoundError: No module named 'nowhere'" in stderr


def test_interrupted(here, monkeypatch, tmp_path):
    """What was compared until then is printed and written."""
    compared = []

    def compare(*arguments, **options):
        if compared:
            raise KeyboardInterrupt
        compared.append(original(*arguments, **options))
        return compared[0]

    original = parity.compare
    monkeypatch.setattr(parity, "compare", compare)
    monkeypatch.setattr(room, "sides_of", lambda options: (reference, [reference] * 2))
    reference = parity.interpreter(None, "planted:right")
    path = str(tmp_path / "x.json")
    status, lines, stderr = here(*RIGHT + ["--candidate", "planted:right", "--json", path])
    assert (status, stderr) == (130, "not verified: interrupted\n")
    assert " inputs, 1 implementations, 0 mismatches (" in lines[-1]
    with open(path) as text:
        report = json.load(text)
    assert (report["ok"], report["problem"]) == (False, "interrupted")
    assert report["results"][0]["tried"] > 200000


@pytest.mark.parametrize("error", [SystemExit(0), KeyError("x"), AssertionError("no")])
@pytest.mark.parametrize("place", ["compare_samples", "draw"])
def test_what_nobody_expected(here, monkeypatch, tmp_path, error, place):
    """Is neither 0, all agree, nor 1, something differs."""
    pytest.importorskip("matplotlib")

    def raises(*_):
        raise error

    monkeypatch.setattr(room, place, raises)
    pair = RIGHT + ["--candidate", "planted:right", "--plot", str(tmp_path / "x.png")]
    status, _, stderr = here(*pair)
    assert status == 2
    assert "Traceback" in stderr
    assert stderr.endswith("not verified: %s: %s\n" % (type(error).__name__, error))


def test_json_of_infinite_limits(here, tmp_path):
    path = str(tmp_path / "x.json")
    pair = RIGHT + ["--candidate", "planted:right", "--low=-inf", "--high=2"]
    assert here(*pair + ["--json", path])[0] == 0
    with open(path) as text:
        assert "Infinity" not in text.read()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(here):
    status, lines, stderr = here(*RIGHT + ["--candidate", "planted:right", "--json", "/dev/full"])
    assert status == 2
    assert " 0 mismatches (" in lines[-1]
    assert "not verified: [Errno 28] No space left on device" in stderr


def test_the_last_seed(here):
    pair = "--reference planted:difference --candidate planted:difference --low 1 --high 2"
    assert here(*pair.split() + ["--seed", str(2**32 - 1)])[0] == 0


PAIR = "--reference a:b --candidate a:b "


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--reference a:b", "the following arguments are required: --candidate"),
        (PAIR + "--exhaustive --high 1", "--low and --high do not go with --exhaustive"),
        (PAIR + "--exhaustive --dtype float64", "--dtype float64 does not go with --exhaustive"),
        (PAIR + "--exhaustive 0", "--exhaustive takes from 1 to 4096 blocks, got 0"),
        (PAIR + "--exhaustive 4097", "--exhaustive takes from 1 to 4096 blocks, got 4097"),
        (PAIR + "--exhaustive some", "invalid int value: 'some'"),
        (PAIR + "--rtol -1", "expected a number from 0 on, got -1"),
        (PAIR + "--atol nan", "expected a number from 0 on, got nan"),
        (PAIR + "--ulp -1", "--ulp: expected a number from 0 on, got -1"),
        (PAIR + "--seed -1", "--seed must be from 0 to 4294967295, got -1"),
        (PAIR + "--json nowhere/x.json", "--json: there is no folder for nowhere/x.json"),
        (PAIR + "--plot x.jpg", "--plot wants a name that ends in .png, got x.jpg"),
        (PAIR + "--dtype int8", "invalid choice: 'int8'"),
    ],
)
def test_wrong_arguments(arguments, words, capsys):
    with pytest.raises(SystemExit) as error:
        room.main(arguments.split(), "legacy-spiky parity")
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == "" and words in stderr


def test_missing_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(SystemExit) as error:
        room.main((PAIR + "--plot x.png").split(), "legacy-spiky parity")
    assert error.value.code == 2
    hint = "install what this needs with: pip install 'legacy_spiky[plot]'"
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("names", ["obvious", "difference", "no_gradient"])
def test_plot(here, monkeypatch, tmp_path, names):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(room, "compare_samples", lambda *_: None)
    path = str(tmp_path / "x.png")
    reference = "difference" if names == "difference" else "right"
    arguments = ["--reference", "planted:" + reference, "--candidate", "planted:%s" % names]
    status, _, stderr = here(*arguments + ["--plot", path])
    assert (status, stderr) == (0, "")
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"
