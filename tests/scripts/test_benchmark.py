"""scripts/benchmark.py, in small: what it says, not how fast it is."""

import json
import sys

import numpy as np
import pytest
from test_scripts import run, scripts  # noqa: F401, a fixture

from legacy_spiky._ops.versions import tf


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
    for name, found in report["corpus"].items():
        row = " ".join([name, found["kind"]])
        assert sum(" ".join(line.split()).startswith(row) for line in lines) == 1, name
        assert all(found[key] > 0 for key in ("first", "here", "there"))
    assert {found["kind"] for found in report["corpus"].values()} == {"arithmetic", "math"}
    assert any(line.startswith("building 10 ops: ") for line in lines)
    assert any(line.endswith("beyond TensorFlow and NumPy, Numba not loaded") for line in lines)
    said = lines[lines.index("figures") + 1 :]
    assert said[0].startswith("4 Ki, tf_spiky, faster than the recipe: ")
    assert said[-1].startswith("first call of a function of the corpus, median, ms: ")


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


def test_figures(scripts):  # noqa: F811
    times = {
        "the recipe": [50, 100],
        "tf_spiky": [1, 2],
        "vectorize(spiky), compiled": [1, 2],
        "two of vectorize(spiky), compiled": [1, 3],
        "best TensorFlow formula": [2, 4],
    }
    corpus = {
        name: {"kind": kind, "first": first, "here": 2.0, "there": there}
        for name, kind, first, there in [
            ("a", "arithmetic", 1.0, 2.0),
            ("b", "arithmetic", 2.0, 8.0),
            ("c", "arithmetic", 4.0, 4.0),
            ("d", "not read", 3.0, 200.0),
        ]
    }
    assert scripts("benchmark").figures({"1 Mi": times}, corpus) == [
        "",
        "figures",
        "1 Mi, tf_spiky, faster than the recipe: 50.00",
        "1 Mi, vectorize(spiky), compiled, faster than the recipe: 50.00",
        "1 Mi, vectorize(spiky), compiled, of best TensorFlow formula: 0.50",
        "1 Mi, two of vectorize(spiky), compiled, in one step, of two steps: 0.75",
        "corpus, arithmetic, faster than np.vectorize, median: 2.00",
        "corpus, arithmetic, faster than np.vectorize, least: 1.00",
        "first call of a function of the corpus, median, ms: 2.50",
    ]


def test_kinds(scripts):  # noqa: F811
    corpus = scripts("shared.corpus")
    functions = {f.__name__: corpus.kind(f) for f in corpus.load()}
    for name in ("step", "triangle", "newton_root", "refuses_nan"):
        assert functions[name] == "arithmetic", name
    for name in ("sigmoid", "gelu", "bent", "arctan"):
        assert functions[name] == "math", name
    assert corpus.kind(lambda x: [x][0] + len([x])) in ("arithmetic", "not read")


def test_numbers_at_which_it_raises_are_left_out(scripts):  # noqa: F811
    corpus = scripts("shared.corpus")
    answered = [corpus.is_answered(lambda x: x**0.5 / x, x) for x in (-1.0, 0.0, 4.0)]
    assert answered == [False, False, True]


def test_what_is_missing_is_said(scripts, monkeypatch, capsys):  # noqa: F811
    contenders = scripts("shared.contenders")
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "numba", None)
    labels = [label for label, _, _ in contenders.contenders()]
    assert not [label for label in labels if "jax" in label or "compiled" in label]
    assert capsys.readouterr().err.splitlines() == [
        "without Numba: nothing is compiled",
        "without JAX: its pure_callback is not timed",
    ]


def test_the_contenders_compute_what_they_say(scripts):  # noqa: F811
    """All but the two that are floors give the same numbers and gradients."""
    if tf.VERSION.startswith("1.0."):
        pytest.skip("no gradient of tf.mod")
    contenders = scripts("shared.contenders")
    x = np.random.RandomState(0).uniform(-8, 8, 1000).astype(np.float32)
    spiky, wave = {}, {}
    with tf.Graph().as_default(), tf.Session() as session:
        for label, run_in, op in contenders.contenders():
            if run_in is contenders.in_session:
                v = tf.constant(x)
                y = op(v)
                results = wave if "triangle" in label else spiky
                results[label] = session.run([y, tf.gradients(y, v)[0]])
    for label in (contenders.RELU, contenders.BARE):
        del spiky[label]
    for results, recipe in ((spiky, contenders.RECIPE), (wave, contenders.RECIPE_WAVE)):
        expected = results.pop(recipe)
        assert results
        for label, found in results.items():
            np.testing.assert_array_equal(found, expected, label)


def test_the_worlds_compute_it(scripts):  # noqa: F811
    """A step both ways gives the value and the gradient, wherever it returns them."""
    contenders = scripts("shared.contenders")
    if not contenders.EAGER:
        return
    x = np.random.RandomState(0).uniform(-8, 8, 1000).astype(np.float32)
    upstream = np.arange(1000, dtype=np.float32)
    r = x - np.floor(x)
    expected = np.where(r <= 0.5, r, 0), np.where(r <= 0.5, upstream, 0)
    worlds = contenders.eagerly, contenders.in_function, contenders.in_xla, contenders.in_jax
    for label, run_in, op in contenders.contenders():
        if run_in in worlds and "relu" not in label:
            forward, both = run_in(op, x, upstream)
            y, gradient = both()
            if run_in is contenders.in_jax:
                (gradient,) = gradient
            np.testing.assert_array_equal(forward(), expected[0], label)
            np.testing.assert_array_equal(y, expected[0], label)
            np.testing.assert_array_equal(gradient, expected[1], label)


def test_plot(scripts, tmp_path):  # noqa: F811
    pytest.importorskip("matplotlib")
    benchmark = scripts("benchmark")
    times = {label: [1.0, 2.0] for label, _, _ in scripts("shared.contenders").contenders()}
    path = str(tmp_path / "x.png")
    results = {
        name: {
            label: pair for label, pair in times.items() if size <= benchmark.SLOW.get(label, size)
        }
        for name, size in benchmark.SIZES.items()
    }
    benchmark.plot(path, results)
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
