"""Every snippet of the README runs; its commands are run by .ci/run, which reads them there."""

import os
import re

import pytest

from legacy_spiky._tf import tf

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as text:
        return text.read()


README = read("README.md")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)

# What a snippet prints, up to spacing; in the order of the README.
PRINTS = [
    [],
    [],
    ["[2. 4.] [1. 1.] [-1. -1.]"],
    ["[-0.625 0. 0.875] [0.7 1. 1.3]"],
    ["[0. 0.25 1.] [0. 1. 0.]"],
    ["[0. 0.25 1.] [0. 1. 0.]"],
]


@pytest.mark.parametrize("i", range(len(SNIPPETS)))
def test_snippet(i, capsys):
    if "GradientTape" in SNIPPETS[i] and not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    exec(compile(SNIPPETS[i], "README.md, snippet %d" % i, "exec"), {})
    output = capsys.readouterr().out
    assert len(PRINTS) == len(SNIPPETS)
    for words in PRINTS[i]:
        assert re.sub(r"\s", "", words) in re.sub(r"\s", "", SNIPPETS[i])
        assert re.sub(r"\s", "", words) in re.sub(r"\s", "", output)


def test_ci_runs_the_commands_as_they_stand():
    fences = re.findall(r"^```(.*)$", README, re.M)[::2]
    assert set(fences) == {"python", "sh", ""}
    assert fences.count("") == 1  # what the demo prints
    assert "README.md" in read(".ci", "run") and "```sh" in read(".ci", "run")


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert os.path.exists(os.path.join(ROOT, target)), target


def test_anchors_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.M)
    anchors = {re.sub(r"[^a-z0-9_ -]", "", h.lower()).replace(" ", "-") for h in headings}
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in anchors, anchor
