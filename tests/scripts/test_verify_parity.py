"""scripts/verify_parity.py, as a person runs it: spiky itself."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from said import EAGER, NOISE, WORLDS
from test_scripts import SCRIPTS, run, scripts  # noqa: F401, a fixture

from legacy_spiky._ops import versions
from legacy_spiky._ops.versions import tf
from legacy_spiky.parity import blocks

NUMBA = importlib.util.find_spec("numba") is not None


def verify(*arguments):
    """Runs the script; returns its status and what it printed."""
    status, stdout, stderr = run("verify_parity.py", *arguments)
    return status, stdout.splitlines(), NOISE.sub("", stderr)


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
def here(scripts, capsys):  # noqa: F811
    """Runs the script in this process."""

    def main(*arguments):
        status = scripts("verify_parity").main(list(arguments))
        stdout, stderr = capsys.readouterr()
        return status, stdout.splitlines(), NOISE.sub("", stderr)

    return main


@pytest.fixture
def exhaustive(scripts):  # noqa: F811
    return scripts("shared.exhaustive")


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


def test_an_array_function_that_is_wrong(exhaustive, monkeypatch):
    """Where the digests do not fit it the scalar functions take its place, and name the input."""
    right = exhaustive.ARRAY

    def off_by_one(inputs, upstream=None):
        values, gradients = right(inputs, upstream)
        values[0][values[0] == 0.375] += 1
        return values, gradients

    off_by_one.label = "wrong"
    monkeypatch.setattr(exhaustive, "ARRAY", off_by_one)
    block = 0x3EC00000 >> 20  # of 0.375
    expected = exhaustive.recipe(block)
    assert blocks.check(block, expected, [right]).ok
    report = blocks.check(block, expected, [off_by_one])
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
    done = []
    for _ in range(2):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        before = len(done)
        started = time.time()
        while len(done) <= before and process.poll() is None and time.time() < started + 120:
            time.sleep(0.2)
            if os.path.exists(log):
                with open(log) as text:
                    done = json.load(text)["blocks"]
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to its workers too
        stdout, stderr = [stream.decode() for stream in process.communicate()]
        assert process.returncode == 130
        assert NOISE.sub("", stderr) == "not verified: interrupted\n"
        assert "all 4096 blocks of 2**20 float32\n%d of them are in the log\n" % before in stdout
        assert "they are in %s: run the same again to go on" % log in stdout
        assert " 0 mismatches (" in stdout
        with open(log) as text:
            done = json.load(text)["blocks"]
        assert "%d of 4096 blocks compared" % len(done) in stdout
        assert len(done) == len(set(done)) > before


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
    assert process.returncode == 130
    assert NOISE.sub("", stderr) == "not verified: interrupted\n"


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
    assert verify_parity.main(["--json", path]) == 130
    stdout, stderr = capsys.readouterr()
    assert "not verified: interrupted" in stderr
    assert " inputs, 3 implementations, 0 mismatches (" in stdout
    with open(path) as text:
        report = json.load(text)
    assert (report["ok"], report["problem"]) == (False, "interrupted")
    assert len(report["results"][0]["rows"]) == 6


def test_no_interpreter(here):
    status, _, stderr = here("--tf1-python", "/nowhere/python")
    assert status == 2
    assert "not verified: the interpreter /nowhere/python does not start" in stderr


def test_the_last_seed(scripts):  # noqa: F811
    assert len(scripts("verify_parity").inputs_of_spiky(2**32 - 1)) > 8


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--training --exhaustive", "--training does not go with --exhaustive"),
        ("--candidate a:b", "unrecognized arguments: --candidate a:b"),
        ("--exhaustive 0", "--exhaustive takes from 1 to 4096 blocks, got 0"),
        ("--seed -1", "--seed must be from 0 to 4294967295, got -1"),
        ("--json nowhere/x.json", "--json: there is no folder for nowhere/x.json"),
        ("--log nowhere/x", "--log: there is no folder for nowhere/x"),
        ("--plot x.jpg", "--plot wants a name that ends in .png, got x.jpg"),
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
        "legacy-spiky parity",
    ):
        assert words in text


def test_plot(here, scripts, monkeypatch, tmp_path):  # noqa: F811
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scripts("verify_parity"), "compare_spiky", lambda *_: None)
    path = str(tmp_path / "x.png")
    status, _, stderr = here("--plot", path)
    assert (status, stderr) == (0, "")
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"
