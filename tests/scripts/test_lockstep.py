"""Training in lockstep: what the comparison accepts, what it finds, and what it names."""

import json

import numpy as np
import pytest
from said import EAGER
from test_scripts import scripts  # noqa: F401, a fixture
from test_verify_parity import here, verify  # noqa: F401, a fixture


@pytest.fixture
def lockstep(scripts):  # noqa: F811
    return scripts("shared.lockstep")


def step(loss=1.0, before=0.25, gradient=0.5, weight=1.0):
    """What a trainer gives for a step: the arrays of a network of two units."""
    arrays = [loss, [[before, -0.75]]] + [[gradient, 0.125]] * 4 + [[weight, -0.5]] * 4
    return [np.float32(array) for array in arrays]


def up(number):
    return np.nextafter(np.float32(number), np.float32(np.inf))


def compare(lockstep, tolerance, *pairs):
    comparison = lockstep.Comparison("other", tolerance)
    for ours, theirs in pairs:
        comparison.add(ours, theirs)
    json.dumps(comparison.to_json(), allow_nan=False)
    return comparison


@pytest.mark.parametrize("tolerance", [0, 1e-5])
def test_the_same(lockstep, tolerance):
    comparison = compare(lockstep, tolerance, *[(step(), step())] * 3)
    assert comparison.ok and not comparison.ended
    assert comparison.tried == 3
    assert set(map(tuple, comparison.worst.values())) == {(0.0, None)}


@pytest.mark.parametrize(
    "quantity, change",
    [
        ("loss", {"loss": up(1)}),
        ("pre-activations", {"before": up(0.25)}),
        ("gradients", {"gradient": up(0.5)}),
        ("weights", {"weight": up(1)}),
    ],
)
def test_one_bit(lockstep, quantity, change):
    pairs = [(step(), step()), (step(), step(**change))]
    comparison = compare(lockstep, 0, *pairs)
    assert not comparison.ok and comparison.ended
    assert (comparison.wrong["step"], comparison.wrong["quantity"]) == (2, quantity)
    assert "they differ at step 2: %s, by " % quantity in comparison.text()
    assert comparison.worst[quantity][1] == 2
    assert compare(lockstep, 1e-5, *pairs).ok


def test_the_sign_of_zero_is_a_bit(lockstep):
    assert not compare(lockstep, 0, (step(weight=0.0), step(weight=-0.0))).ok


@pytest.mark.parametrize("quantity", ["loss", "gradient", "weight"])
def test_the_tolerance_is_of_the_largest_entry(lockstep, quantity):
    for factor, ok in [(0.99, True), (1.01, False)]:
        ours = {"loss": 2.0, "gradient": 8.0, "weight": 4.0}[quantity]
        theirs = ours * (1 + factor * 2.0**-14)
        pair = step(**{quantity: ours}), step(**{quantity: theirs})
        assert compare(lockstep, 2.0**-14, pair).ok == ok


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_number(lockstep, number):
    comparison = compare(lockstep, 1e-5, (step(), step(gradient=number)))
    assert not comparison.ok
    assert comparison.wrong["quantity"] == "gradients"


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("place", [2, 3, 5])
def test_nan_in_any_array(lockstep, side, place):
    pair = step(), step()
    pair[side][place] = np.float32([1, np.nan])
    comparison = compare(lockstep, 1e-5, pair)
    assert comparison.wrong == {"step": 1, "quantity": "gradients", "difference": np.inf}


@pytest.mark.parametrize("before, after", [(0.5, up(0.5)), (np.float32(-1e-8), 0.0)])
def test_on_the_other_side_of_a_jump(lockstep, before, after):
    """Both are right, and from there on they part."""
    pair = step(before=before), step(before=after, gradient=0.0, loss=5.0)
    comparison = compare(lockstep, 1e-5, (step(), step()), pair)
    assert comparison.ok and comparison.ended
    assert comparison.tried == 1
    assert comparison.parted == {
        "step": 2,
        "example": 0,
        "unit": 0,
        "tape": str(np.float32(before)),
        "other": str(np.float32(after)),
    }
    text = comparison.text()
    assert "they part at step 2, for good, and neither is wrong" in text
    assert "unit 0 is on the other side of a jump" in text
    assert "%s on the tape and %s in the other" % (np.float32(before), np.float32(after)) in text


def test_far_on_the_other_side_is_wrong(lockstep):
    comparison = compare(lockstep, 1e-5, (step(before=0.5), step(before=0.6)))
    assert comparison.parted is None
    assert comparison.wrong["quantity"] == "pre-activations"


def test_bit_for_bit_there_is_no_other_side(lockstep):
    assert not compare(lockstep, 0, (step(before=0.5), step(before=up(0.5)))).ok


@pytest.mark.skipif(not EAGER, reason="needs a gradient tape")
def test_session_and_tape(tmp_path):
    pytest.importorskip("sklearn")
    path = str(tmp_path / "report.json")
    status, lines, stderr = verify("--training", "--seed", "3", "--json", path)
    assert (status, stderr) == (0, "")
    assert "session against the tape, bit for bit, 675 steps" in lines
    assert lines[-1].startswith("675 steps, 2 implementations, 0 that differ (")
    with open(path) as text:
        (result,) = json.load(text)["results"]
    assert result["ok"] and result["parted"] is None
    losses = np.array(result["losses"])
    assert losses.shape == (675, 2) and (losses[:, 0] == losses[:, 1]).all()
    assert losses[0, 0] > 2 > 0.2 > losses[-50:, 0].mean()  # it learns


@pytest.mark.skipif(not EAGER, reason="needs a gradient tape")
def test_another_gradient_is_found(lockstep, here, scripts, monkeypatch):  # noqa: F811
    pytest.importorskip("sklearn")
    from legacy_spiky import migration

    monkeypatch.setattr(migration, "tf_spiky", migration.tf_d_spiky)
    monkeypatch.setattr(scripts("verify_parity"), "EPOCHS", 1)
    status, lines, _ = here("--training")
    assert status == 1
    assert "  they differ at step 1: " in "\n".join(lines)
    assert lines[-1].startswith("1 steps, 2 implementations, 1 that differ (")


@pytest.mark.skipif(EAGER, reason="there is a gradient tape")
def test_no_tape(here):  # noqa: F811
    pytest.importorskip("sklearn")
    status, _, stderr = here("--training")
    assert status == 2
    assert "--training wants TensorFlow 2 here" in stderr


@pytest.mark.skipif(not EAGER, reason="needs a gradient tape")
def test_plot(here, scripts, monkeypatch, tmp_path):  # noqa: F811
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scripts("verify_parity"), "EPOCHS", 1)
    path = str(tmp_path / "x.png")
    assert here("--training", "--plot", path)[0] == 0
    with open(path, "rb") as image:
        assert image.read(8) == b"\x89PNG\r\n\x1a\n"
