"""scripts/benchmark.py, in small: what it says, not how fast it is."""

import json

import numpy as np
import pytest
from test_scripts import run, scripts  # noqa: F401, a fixture

from legacy_spiky._tf import tf


def test_quick(tmp_path):
    path = str(tmp_path / "report.json")
    status, stdout, stderr = run("benchmark.py", "--quick", "--json", path)
    if tf.VERSION.startswith("1.0."):
        assert (status, "no gradient of tf.mod" in stderr) == (2, True)
        return
    assert status == 0, stderr
    lines = stdout.splitlines()
    assert lines[0].startswith("TensorFlow %s, NumPy %s" % (tf.VERSION, np.__version__))
    with open(path) as text:
        report = json.load(text)
    assert list(report["milliseconds"]) == ["4 Ki", "256 Ki"]
    for times in report["milliseconds"].values():
        assert {"the recipe", "tf_spiky", "best TensorFlow formula", "tf.nn.relu"} <= set(times)
        assert all(ms > 0 for pair in times.values() for ms in pair)
        for label in times:
            assert sum(line.startswith(label + "  ") for line in lines) == 2, label
    assert any(line.startswith("building 10 ops: ") for line in lines)
    assert lines[-1].endswith("beyond TensorFlow and NumPy, Numba not loaded")


def test_ratios(scripts):  # noqa: F811
    times = {
        "the recipe": [50, 100],
        "tf_spiky": [1, 2],
        "best TensorFlow formula": [2, 4],
        "tf.nn.relu": [0.5, 1],
        "bare py_func of an identity": [0.25, 0.5],
    }
    lines = scripts("benchmark").table("4 Ki", times)
    (ours,) = [line.split() for line in lines if line.startswith("tf_spiky")]
    assert ours == ["tf_spiky", "1.000", "2.000", "0.50", "2.00", "4.00", "50"]


def test_the_contenders_compute_spiky(scripts):  # noqa: F811
    """All but the two that are floors give the same numbers and gradients."""
    benchmark = scripts("benchmark")
    if tf.VERSION.startswith("1.0."):
        pytest.skip("no gradient of tf.mod")
    x = np.random.RandomState(0).uniform(-8, 8, 1000).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        results = {}
        for label, run_in, op in benchmark.contenders():
            if run_in is benchmark.in_session:
                v = tf.constant(x)
                y = op(v)
                results[label] = session.run([y, tf.gradients(y, v)[0]])
    for label in (benchmark.RELU, benchmark.BARE):
        del results[label]
    expected = results.pop(benchmark.RECIPE)
    assert len(results) >= 3
    for label, found in results.items():
        np.testing.assert_array_equal(found, expected, label)


def test_plot(scripts, tmp_path):  # noqa: F811
    pytest.importorskip("matplotlib")
    benchmark = scripts("benchmark")
    times = {label: [1.0, 2.0] for label, _, _ in benchmark.contenders()}
    path = str(tmp_path / "x.png")
    benchmark.plot(path, {name: times for name in benchmark.SIZES})
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--json nowhere/x.json", "--json: there is no folder for nowhere/x.json"),
        ("--plot nowhere/x.png", "--plot: there is no folder for nowhere/x.png"),
        ("--plot x.jpg", "--plot wants a name that ends in .png, got x.jpg"),
    ],
)
def test_wrong_arguments(scripts, arguments, words, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("benchmark").main(arguments.split())
    assert error.value.code == 2
    assert words in capsys.readouterr().err
