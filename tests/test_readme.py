"""Every snippet of the README and of docs/native.md runs.

The README's commands are run by .ci/run, which reads them there.
"""

import ast
import os
import re
import subprocess
import sys

import pytest
import tensorflow

from legacy_spiky._ops.versions import tf

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as text:
        return text.read()


README = read("README.md")
NATIVE = read("docs", "native.md")
SNIPPETS, OF_NATIVE = [
    re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S) for page in (README, NATIVE)
]

VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])

# What a snippet prints, up to spacing; in the order of the README.
PRINTS = [
    [],
    [],
    ["[2. 4.] [1. 1.] [-1. -1.]"],
    ["[-0.625 0. 0.875] [0.7 1. 1.3]"],
    ["[0. 0.25 1.] [0. 1. 0.]"],
    ["[0. 0.25 1.] [0. 1. 0.]"],
    ["[-1.03125  0.       1.03125  4.5    ] [1.75 1.   1.75 1.5 ]"],
    ["True"],
    [],
    [],
    [],
    ["True [-8.0, -7.5, -7.0]"],
]


def file_name(snippet):
    """Returns the name of the file that a snippet is, said in its first line, or None."""
    named = re.match(r"# (\w+\.py)\n", snippet)
    return named and named.group(1)


@pytest.mark.parametrize("i", range(len(SNIPPETS)))
def test_snippet(i, capsys):
    if file_name(SNIPPETS[i]):
        pytest.skip("a file, run by test_the_pair")
    if "GradientTape" in SNIPPETS[i] and not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    if "legacy_spiky.migration" in SNIPPETS[i] and not hasattr(tf, "numpy_function"):
        pytest.skip("for TensorFlow 1.15 or newer")
    if "jit_compile" in SNIPPETS[i] and VERSION < (2, 5):
        pytest.skip("for TensorFlow 2.5 or newer")
    if "register_keras" in SNIPPETS[i] and not hasattr(
        tensorflow.keras.utils, "register_keras_serializable"
    ):
        pytest.skip("for TensorFlow 2.1 or newer")
    snippet = SNIPPETS[i]
    if not hasattr(tensorflow.compat, "v1"):  # the README says what to write then
        snippet = snippet.replace("import tensorflow.compat.v1 as tf", "import tensorflow as tf")
    exec(compile(snippet, "README.md, snippet %d" % i, "exec"), {})
    output = capsys.readouterr().out
    assert len(PRINTS) == len(SNIPPETS)
    for words in PRINTS[i]:
        assert re.sub(r"\s", "", words) in re.sub(r"\s", "", SNIPPETS[i])
        assert re.sub(r"\s", "", words) in re.sub(r"\s", "", output)


@pytest.mark.parametrize("snippet", OF_NATIVE)
def test_snippet_of_native_ops(snippet, tmp_path, capsys):
    """Each comment after two spaces, or alone in its line, is what the snippet prints."""
    if tuple(map(int, tf.VERSION.split(".")[:2])) < (2, 15):
        pytest.skip("for TensorFlow 2.15 or newer")
    path = str(tmp_path / "snippet.py")
    with open(path, "w") as text:
        text.write(snippet)
    exec(compile(snippet, path, "exec"), {"__name__": "snippet"})
    said = " ".join(re.findall(r"(?:^ *|  )# (.*)$", snippet, re.M))
    ours, theirs = [re.findall(r"[^\s\[\]]+", text) for text in (said, capsys.readouterr().out)]
    assert 0 < len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a == b or abs(float(a) - float(b)) < 1e-6


# But for what TensorFlow's own import warns of.
STRICT = ["-W", "error", "-W", "ignore::DeprecationWarning"]


def test_the_pair(tmp_path):
    if not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    for snippet in filter(file_name, SNIPPETS):
        (tmp_path / file_name(snippet)).write_text(snippet)
    (commands,) = re.findall(r"^```console\n(.*?)^```$", README, re.M | re.S)
    (command,) = commands.splitlines()
    assert command.startswith("$ .venv/bin/legacy-spiky parity ")
    arguments = command.split()[2:]
    environment = dict(os.environ, PYTHONPATH=ROOT)
    for run in [["-m", "legacy_spiky"] + arguments, ["-m", "pytest", "-q"] + STRICT]:
        process = subprocess.Popen(
            [sys.executable] + run,
            cwd=str(tmp_path),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = process.communicate()[0].decode()
        assert process.returncode == 0, output
        assert " 0 mismatches (" in output or "1 passed" in output


def test_what_a_difference_looks_like():
    from legacy_spiky.parity import compare, eager, session

    if not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    pair = {}
    for snippet in filter(file_name, SNIPPETS):
        if "def leaky_step" in snippet:
            wrong = snippet.replace("0.125", "0.25") if "# new.py" in snippet else snippet
            exec(wrong, pair.setdefault(file_name(snippet), {"__name__": "new"}))
    assert "with 0.25 for\n0.125 in `new.py`" in README
    new = eager(pair["new.py"]["leaky_step"])
    new.label = "new:leaky_step, eager"
    lines = str(compare(session(pair["old.py"]["leaky_step"]), new)).splitlines()
    (block,) = re.findall(r"^```\n(new:leaky_step, .*?)\n```$", README, re.M | re.S)
    assert lines[-7:-4] == block.splitlines()


def test_the_versions_are_those_of_the_noxfile():
    (matrix,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(read("noxfile.py")).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "MATRIX"
    ]
    rows = ["| %s | %s | %s |" % (tf, ", ".join(pythons), other) for tf, pythons, other in matrix]
    table = "\n".join(["| TensorFlow | Python | with |", "|---|---|---|"] + rows)
    assert "\n\n%s\n\n" % table.replace("|  |", "| |") in README


def test_ci_runs_the_commands_as_they_stand():
    fences = re.findall(r"^```(.*)$", README, re.M)[::2]
    assert set(fences) == {"python", "sh", "console", ""}
    assert fences.count("") == 3  # what the demo, the exhaustive run and a difference print
    assert "README.md" in read(".ci", "run") and "```sh" in read(".ci", "run")


def test_links_lead_somewhere():
    for folder, page in [(ROOT, README), (os.path.join(ROOT, "docs"), NATIVE)]:
        for target in re.findall(r"\]\(([^)#:]+)[#)]", page):
            assert os.path.exists(os.path.join(folder, target)), target


def test_anchors_lead_somewhere():
    headings = re.findall(r"^#+ (.*)$", README, re.M)
    anchors = {re.sub(r"[^a-z0-9_ -]", "", h.lower()).replace(" ", "-") for h in headings}
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in anchors, anchor
