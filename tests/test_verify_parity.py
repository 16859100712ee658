"""scripts/verify_parity.py, as a person runs it, and its faults planted."""

import importlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_scripts import SCRIPTS, run, scripts  # noqa: F401, a fixture

from legacy_spiky import parity
from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf
from legacy_spiky.parity.process import load

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBA = importlib.util.find_spec("numba") is not None
EAGER = getattr(tf, "executing_eagerly", bool)()
# TensorFlow 1.0 prints what a callback raised, and its error does not say.
TELLS = not tf.VERSION.startswith("1.0.")
PLANTED, EXIT = ["KeyError: 'planted'", "SystemExit: 0"] if TELLS else ["see error log"] * 2
WORLDS = ["eager", "tf.function"] if EAGER else ["session"]


def verify(*arguments):
    """Runs the script where the planted ops are; returns its status and what it printed."""
    status, stdout, stderr = run("verify_parity.py", *arguments, cwd=HERE)
    return status, stdout.splitlines(), NOISE.sub("", stderr)


# The hint where tqdm is missing; what XLA of TensorFlow 2.15 logs, whatever the log level.
NOISE = re.compile(
    r"^(for a progress bar: .*|WARNING: All log messages before absl.*|.*Compiled cluster .*)\n",
    re.M,
)


def test_quick(tmp_path):
    status, lines, stderr = verify("--json", str(tmp_path / "report.json"))
    assert (status, stderr) == (0, "")
    assert lines[0].startswith("TensorFlow %s, NumPy %s" % (tf.VERSION, np.__version__))
    with open(str(tmp_path / "report.json")) as text:
        report = json.load(text)
    assert report["ok"] and report["problem"] is None
    (result,) = report["results"]
    # All 16 bit floats, a million and more of the others.
    assert result["tried"] > 4000000
    assert {row["dtype"] for row in result["rows"]} == {dtype.name for dtype in versions.FLOATING}
    expected = ["np_spiky, np_d_spiky, subnormals kept", "np_spiky, np_d_spiky"]
    expected += ["tf_spiky, session", "tf_spiky with spikygrad2, session"]
    expected += ["spiky, d_spiky compiled, session"] * NUMBA
    if hasattr(tf, "numpy_function"):
        expected += ["migration.tf_spiky, %s" % world for world in WORLDS]
        for name in ("native_spiky", "native(spiky, d_spiky)"):
            expected += ["%s, %s" % (name, world) for world in WORLDS + ["XLA"] * EAGER]
    found = list(dict.fromkeys(row["candidate"] for row in result["rows"]))
    assert found == expected
    words = "{:,} inputs, {} implementations, 0 mismatches (".format(result["tried"], len(found))
    assert lines[-1].startswith(words)


@pytest.fixture
def here(scripts, monkeypatch, capsys):  # noqa: F811
    """Runs the script in this process; the reference too, if a test does not say otherwise."""

    def interpreter(python, name):
        found = parity.session(load(name))
        found.about = {
            "dtypes": [dtype.name for dtype in versions.FLOATING],
            "tensorflow": tf.VERSION,
        }
        return found

    def main(*arguments):
        status = scripts("verify_parity").main(list(arguments))
        stdout, stderr = capsys.readouterr()
        return status, stdout.splitlines(), NOISE.sub("", stderr)

    monkeypatch.chdir(HERE)
    monkeypatch.setattr(parity, "interpreter", interpreter)
    return main


def test_the_obvious_formula_by_the_boundaries(here):
    status, lines, _ = here("--candidate", "planted:obvious", "--flush-subnormals")
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


@pytest.fixture
def exhaustive(scripts, monkeypatch):  # noqa: F811
    monkeypatch.chdir(HERE)
    return scripts("exhaustive")


OBVIOUS = 0xBEFFFFFF >> 20
FIXED = [0, 2055, OBVIOUS]  # subnormals, and the one number


def test_blocks(exhaustive):
    # Each time others.
    for block in FIXED + np.random.randint(1, 4096, 3).tolist():
        report = exhaustive.check(block)
        assert report.ok, "%d\n%s" % (block, report)
        assert report.tried == 2**20
        assert report.reference == "the recipe, session of TensorFlow 1.15.5"
        by_calls = [row for row in report.rows if row["candidate"].endswith("subnormals kept")]
        expected = 2**20 if block in exhaustive.SUBNORMAL else 2**12
        assert [row["tried"] for row in by_calls] == [expected] * 2


def test_the_obvious_formula_among_all(exhaustive):
    report = exhaustive.check(OBVIOUS, candidate="planted:obvious")
    assert report.mismatches == 2 * len(WORLDS)
    for row in report.rows:
        assert row["first"][0]["input"] == ["-0.49999997 (0xbeffffff)"]
    assert exhaustive.check(OBVIOUS - 1, candidate="planted:obvious").ok


def test_an_array_function_that_is_wrong(exhaustive, monkeypatch):
    """Where the digests do not fit it the scalar functions take its place, and name the input."""
    wrong = exhaustive.ARRAY

    def off_by_one(inputs, upstream=None):
        values, gradients = wrong(inputs, upstream)
        values[0][values[0] == 0.375] += 1
        return values, gradients

    off_by_one.label = "wrong"
    monkeypatch.setattr(exhaustive, "ARRAY", off_by_one)
    block = 0x3EC00000 >> 20  # of 0.375
    report = exhaustive.check(block, candidate="planted:right")
    assert report.ok
    monkeypatch.setattr(exhaustive, "sides", lambda *_: (None, [off_by_one]))
    report = exhaustive.check(block, candidate="any")
    assert report.mismatches == 1
    assert report.rows[0]["worst"]["input"] == ["0.375 (0x3ec00000)"]
    monkeypatch.setattr(exhaustive, "SCALAR", off_by_one)
    with pytest.raises(ValueError, match="neither array nor scalar functions fit the digests"):
        exhaustive.recipe(block)


def test_golden_is_whole(exhaustive):
    assert sorted(exhaustive.golden()) == list(range(4096))
    assert len(set(exhaustive.golden().values())) > 100


def test_a_sample_of_blocks():
    status, lines, stderr = verify("--exhaustive", "2", "--seed", "5")
    assert (status, stderr) == (0, "")
    assert lines[1] == "2 of 4096 blocks of 2**20 float32, drawn with --seed 5"
    assert lines[-1].startswith("2,097,152 inputs, ")
    assert ", 0 mismatches (" in lines[-1]


def test_the_log(exhaustive, tmp_path):
    parity = exhaustive.parity
    path, options = str(tmp_path / "log"), {"ulp": 0}
    assert exhaustive.read_log(path, options, parity.Report()) == []
    report = parity.compare(
        exhaustive.SCALAR,
        parity.arrays(np.positive, np.positive),
        inputs=np.float32([1, np.nan]),
        upstream=np.float32([1, 1]),
    )
    assert report.rows[0]["worst ulp"] == np.inf
    for row in report.rows:
        row["tried"] = 2 << 20
    exhaustive.write_log(path, options, report, [7, 3])
    again = parity.Report()
    assert exhaustive.read_log(path, options, again) == [7, 3]
    assert (again.reference, again.rows) == (report.reference, report.rows)
    with open(path) as text:
        whole = json.load(text)
    damaged = [{}, [], 3, {"about": 1}]
    damaged += [{key: whole[key] for key in whole if key != missing} for missing in whole]
    damaged += [dict(whole, blocks=blocks) for blocks in (None, [7], [7, 3, 5], [7, 4096], ["7"])]
    damaged += [dict(whole, rows=rows) for rows in (None, [], [3], [{}], [{"candidate": "x"}])]
    for damage in ["{"] + list(map(json.dumps, damaged)):
        with open(path, "w") as text:
            text.write(damage)
        with pytest.raises(ValueError, match="is of other code, versions or options: delete it"):
            exhaustive.read_log(path, options, again)
    exhaustive.write_log(path, options, report, [7, 3])
    with pytest.raises(ValueError, match="other code"):
        exhaustive.read_log(path, {"ulp": 1}, again)


def test_interrupted_and_resumed(tmp_path):
    log = str(tmp_path / "log")
    command = [
        sys.executable,
        os.path.join(SCRIPTS, "verify_parity.py"),
        "--exhaustive",
        "--log",
        log,
    ]
    blocks = []
    for _ in range(2):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        before = len(blocks)
        started = time.time()
        while len(blocks) <= before and process.poll() is None and time.time() < started + 120:
            time.sleep(0.2)
            if os.path.exists(log):
                with open(log) as text:
                    blocks = json.load(text)["blocks"]
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to its workers too
        stdout, stderr = [stream.decode() for stream in process.communicate()]
        assert process.returncode == 2
        assert NOISE.sub("", stderr) == "not verified: interrupted\n"
        assert "all 4096 blocks of 2**20 float32, %d of them from the log" % before in stdout
        assert "they are in %s: run the same again to go on" % log in stdout
        assert " 0 mismatches (" in stdout
        with open(log) as text:
            blocks = json.load(text)["blocks"]
        assert "%d of 4096 blocks compared" % len(blocks) in stdout
        assert len(blocks) == len(set(blocks)) > before


def test_interrupted_while_the_workers_start():
    """They ignore Ctrl-C, which goes to them too: it is the parent that says so."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(SCRIPTS, "verify_parity.py"), "--exhaustive", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    for line in iter(process.stdout.readline, b""):
        if b"1 of 4096 blocks" in line:
            break
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = [stream.decode() for stream in process.communicate()]
    assert process.returncode == 2
    assert NOISE.sub("", stderr) == "not verified: interrupted\n"


def test_the_users_folder_stays_first(scripts, monkeypatch, tmp_path):  # noqa: F811
    """In a worker of --exhaustive too, which is given the path and imports all again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    importlib.reload(scripts("quiet"))
    sys.path.insert(0, str(tmp_path))
    importlib.reload(scripts("quiet"))
    assert sys.path[0] == str(tmp_path)


# The user's own pair.


def test_pair(tmp_path):
    path = str(tmp_path / "report.json")
    status, lines, stderr = verify(
        "--reference",
        "planted:right",
        "--candidate",
        "legacy_spiky%s:tf_spiky" % (".migration" if hasattr(tf, "numpy_function") else ""),
        "--json",
        path,
    )
    assert (status, stderr) == (0, "")
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


def test_every_float32_of_a_pair(here, exhaustive):
    pair = {"reference": "planted:right", "candidate": "planted:one_ulp"}
    assert exhaustive.check(0x3E8, **pair).mismatches == len(WORLDS)
    assert exhaustive.check(0x3E8, ulp=1, **pair).ok
    assert exhaustive.check(0x3E7, **pair).tried == 2**20


def test_blocks_of_ops_of_other_forms(exhaustive, monkeypatch):
    def sides_of(reference, candidate):
        sides = parity.session(reference), [parity.session(candidate)]
        monkeypatch.setattr(exhaustive, "sides", lambda *_: sides)

    sides_of(load("planted:with_an_integer"), load("planted:with_an_integer"))
    assert exhaustive.check(0x3E8, candidate="any").tried == 2**21
    sides_of(load("planted:raises_when_it_runs"), load("planted:right"))
    with pytest.raises(RuntimeError, match=r"the reference \(planted.raises_when.*" + PLANTED):
        exhaustive.check(0x3E8, candidate="any")


@pytest.mark.skipif(not EAGER, reason="eager execution is off anyway")
def test_a_reference_that_turns_eager_execution_off(tmp_path):
    (tmp_path / "old.py").write_text(
        "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\nsquare = tf.square\n"
    )
    (tmp_path / "new.py").write_text("import tensorflow as tf\nsquare = tf.square\n")
    status, stdout, stderr = run(
        *"verify_parity.py --reference old:square --candidate new:square --low 1 --high 2".split(),
        cwd=str(tmp_path),
    )
    assert (status, NOISE.sub("", stderr)) == (0, "")
    assert "new:square, eager" in stdout and "new:square, tf.function" in stdout


RIGHT = ["--reference", "planted:right"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--candidate", "nowhere:x"], "the candidate nowhere:x: ModuleNotFoundError: No module"),
        (["--candidate", "planted:x"], "planted:x: ImportError: planted (%s" % HERE),
        (["--candidate", "planted"], "the candidate planted: ValueError: expected module:name"),
        (["--candidate", "planted.py:x"], "got 'planted.py:x': write planted:x"),
        (["--candidate", "planted_exit:x"], "the candidate planted_exit:x: SystemExit: 0"),
        (["--candidate", "planted:exits"], "raised SystemExit: 0"),
        (["--candidate", "planted:exits_when_it_runs"], EXIT),
        (
            ["--candidate", "planted:old"],
            "written for TensorFlow 1? Then run it there" if EAGER else "AttributeError: ",
        ),
        (
            ["--candidate", "planted:difference"],
            "a default are taken for tensors: give inputs=[x, a]",
        ),
        (["--candidate", "planted:not_callable"], "the candidate planted:not_callable is no fun"),
        (["--candidate", "planted:raises"], "the candidate (planted:raises, "),
        (["--candidate", "planted:raises_when_it_runs"], PLANTED),
        (RIGHT + ["--candidate", "planted:another_dtype"], "gives float64 of shape"),
        (RIGHT + ["--candidate", "planted:two"], "gives 2 values, the reference "),
        (RIGHT + ["--candidate", "planted:right", "--low", "2", "--high", "1"], "expected low <="),
        (["--tf1-python", "/nowhere/python"], "the interpreter /nowhere/python does not start"),
    ],
)
def test_what_cannot_be_verified(here, monkeypatch, arguments, words):
    if "/nowhere/python" in words:
        monkeypatch.undo()
    status, _, stderr = here(*arguments)
    assert status == 2
    assert stderr.startswith("not verified: ") or not TELLS
    assert words in stderr[stderr.index("not verified: ") :]


def test_what_was_proved_is_kept(scripts, monkeypatch, capsys, tmp_path):  # noqa: F811
    """Ctrl-C in the middle: what was compared until then is printed and written."""
    verify_parity = scripts("verify_parity")
    compared = []

    def compare(*arguments, **options):
        if len(compared) == 3:
            raise KeyboardInterrupt
        compared.append(1)
        return original(*arguments, **options)

    original = verify_parity.parity.compare
    monkeypatch.setattr(verify_parity.parity, "compare", compare)
    path = str(tmp_path / "report.json")
    assert verify_parity.main(["--json", path]) == 2
    stdout, stderr = capsys.readouterr()
    assert "not verified: interrupted" in stderr
    assert " inputs, 3 implementations, 0 mismatches (" in stdout
    with open(path) as text:
        report = json.load(text)
    assert (report["ok"], report["problem"]) == (False, "interrupted")
    assert len(report["results"][0]["rows"]) == 6


@pytest.mark.parametrize("error", [SystemExit(0), KeyError("x"), AssertionError("no")])
@pytest.mark.parametrize("place", ["compare_pair", "plot_functions"])
def test_what_nobody_expected(here, scripts, monkeypatch, tmp_path, error, place):  # noqa: F811
    """Is neither 0, all agree, nor 1, something differs."""
    pytest.importorskip("matplotlib")

    def raises(*_):
        raise error

    monkeypatch.setattr(scripts("verify_parity"), place, raises)
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


def test_the_last_seed(here, scripts):  # noqa: F811
    last = 2**32 - 1
    pair = "--reference planted:difference --candidate planted:difference --low 1 --high 2"
    assert here(*pair.split() + ["--seed", str(last)])[0] == 0
    assert len(scripts("verify_parity").inputs_of_spiky(last)) > 8


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(here):
    status, lines, stderr = here(*RIGHT + ["--candidate", "planted:right", "--json", "/dev/full"])
    assert status == 2
    assert " 0 mismatches (" in lines[-1]
    assert "not verified: [Errno 28] No space left on device" in stderr


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--reference a:b", "--reference wants a --candidate"),
        ("--training --candidate a:b", "--training goes with neither"),
        ("--training --exhaustive", "--training goes with neither"),
        ("--ulp 1", "spiky is compared bit for bit"),
        ("--rtol 1e-3", "spiky is compared bit for bit"),
        ("--flush-subnormals", "spiky is compared bit for bit"),
        ("--low 1", "--low and --high want a --reference"),
        (
            "--reference a:b --candidate a:b --exhaustive --high 1",
            "--low and --high want a --reference, and not --exhaustive",
        ),
        ("--dtype float64", "--dtype wants a --reference"),
        ("--exhaustive 0", "--exhaustive takes from 1 to 4096 blocks, got 0"),
        ("--exhaustive 4097", "--exhaustive takes from 1 to 4096 blocks, got 4097"),
        ("--exhaustive some", "invalid int value: 'some'"),
        ("--rtol -1", "expected a number from 0 on, got -1"),
        ("--atol nan", "expected a number from 0 on, got nan"),
        ("--ulp -1", "--ulp: expected a number from 0 on, got -1"),
        ("--seed -1", "--seed must be from 0 to 4294967295, got -1"),
        ("--json nowhere/x.json", "--json: there is no folder for nowhere/x.json"),
        ("--log nowhere/x", "--log: there is no folder for nowhere/x"),
        ("--plot x.jpg", "--plot wants a name that ends in .png, got x.jpg"),
        ("--dtype int8", "invalid choice: 'int8'"),
    ],
)
def test_wrong_arguments(scripts, arguments, words, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("verify_parity").main(arguments.split())
    assert error.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == "" and words in stderr


def test_help(scripts, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("verify_parity").main(["--help"])
    assert error.value.code == 0
    text = capsys.readouterr().out
    for words in (
        "Exit status: 0 all agree",
        "--tf1-python PATH",
        "old:leaky",
        "current folder first",
    ):
        assert words in text


@pytest.mark.parametrize("names", [[], "obvious", "difference", "no_gradient"])
def test_plot(here, scripts, monkeypatch, tmp_path, names):  # noqa: F811
    pytest.importorskip("matplotlib")
    for compare in ("compare_spiky", "compare_pair"):
        monkeypatch.setattr(scripts("verify_parity"), compare, lambda *_: None)
    path = str(tmp_path / "x.png")
    reference = "difference" if names == "difference" else "right"
    arguments = ["--reference", "planted:" + reference, "--candidate", "planted:%s" % names]
    status, _, stderr = here(*(arguments if names else []) + ["--plot", path])
    assert (status, stderr) == (0, "")
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"


def test_no_reference(here, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(HERE)
    status, _, stderr = here("--reference", "nowhere:x", "--candidate", "planted:right")
    assert status == 2
    assert stderr.startswith("not verified: the reference nowhere:x: in ")
    assert "ModuleNotFoundError: No module named 'nowhere'" in stderr
