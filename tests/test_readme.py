"""README and docs/: every snippet runs and prints what stands there, every link leads somewhere.

The commands, the blocks of `sh`, are run by .ci/run, which reads them there.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys

import pytest
import tensorflow
from pages import MADE, PAGES, ROOT, blocks, read, words

from legacy_spiky._ops.versions import tf

VERIFY = PAGES["docs/verify.md"]
VERSION = tuple(int(number) for number in tf.VERSION.split(".")[:2])


def file_name(snippet):
    """Returns the name of the file that a snippet is, said in its first line, or None."""
    named = re.match(r"# (\w+\.py)\n", snippet)
    return named and named.group(1)


SNIPPETS = [
    pytest.param(snippet, id="%s-%d" % (os.path.basename(page)[:-3], i))
    for page in PAGES
    if page != MADE
    for i, snippet in enumerate(blocks(page, "python"))
    if not file_name(snippet)
]
PAIR = {file_name(snippet): snippet for snippet in blocks("docs/verify.md", "python")}
PAIR.pop(None)

# What a snippet needs: what it says, whether it is here, and where it is.
NEEDS = [
    ("GradientTape", getattr(tf, "executing_eagerly", bool)(), "TensorFlow 2"),
    ("eager(", getattr(tf, "executing_eagerly", bool)(), "TensorFlow 2"),
    ("migration", hasattr(tf, "numpy_function"), "TensorFlow 1.15 or newer"),
    ("jit_compile", VERSION >= (2, 5), "TensorFlow 2.5 or newer"),
    (
        "register_keras",
        hasattr(tensorflow.keras.utils, "register_keras_serializable")
        if hasattr(tensorflow, "keras")
        else False,
        "TensorFlow 2.1 or newer",
    ),
    ("legacy_spiky.native", VERSION >= (2, 15), "TensorFlow 2.15 or newer"),
]


def promised(snippet):
    """Returns what a snippet says that it prints: the comments at `print` and under it."""
    said, after_print = [], False
    for line in snippet.splitlines():
        comment = re.match(r" *# (.*)$", line)
        if "print(" in line:
            after_print = True
            said += re.findall(r"  # (.*)$", line)
        elif comment and after_print:
            said.append(comment.group(1))
        else:
            after_print = False
    return " ".join(said)


def same(a, b):
    try:
        return a == b or abs(float(a) - float(b)) < 1e-6
    except ValueError:
        return False


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet(snippet, tmp_path, capsys):
    for said, is_here, where in NEEDS:
        if said in snippet and not is_here:
            pytest.skip("for " + where)
    if not hasattr(tensorflow.compat, "v1"):  # the README says what to write then
        snippet = snippet.replace("import tensorflow.compat.v1 as tf", "import tensorflow as tf")
    path = str(tmp_path / "snippet.py")  # a file, from which sources can be read
    with open(path, "w") as text:
        text.write(snippet)
    exec(compile(snippet, path, "exec"), {"__name__": "snippet"})
    ours, theirs = [
        re.findall(r"[^\s\[\],]+", text) for text in (promised(snippet), capsys.readouterr().out)
    ]
    assert len(ours) == len(theirs) and all(map(same, ours, theirs)), (ours, theirs)
    assert bool(ours) == ("print(" in snippet)


def test_what_is_promised():
    snippet = "x = 1  # one\nprint(x)  # 1\n# alone\ny = 2\n# no\nprint(y)\n# 2\n    # 3\n"
    assert promised(snippet) == "1 alone 2 3"
    assert same("0.1", "0.10000001") and same("True", "True")
    assert not same("0.1", "0.2") and not same("True", "0.1")


# But for what TensorFlow's own import warns of.
STRICT = ["-W", "error", "-W", "ignore::DeprecationWarning"]


def test_the_pair(tmp_path):
    if not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("for TensorFlow 2")
    for name, snippet in PAIR.items():
        (tmp_path / name).write_text(snippet)
    (command,) = blocks("docs/verify.md", "console")
    dollar, name, *arguments = command.split()
    assert (dollar, name) == ("$", "legacy-spiky")
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
    for name in ("old.py", "new.py"):
        wrong = PAIR[name].replace("0.125", "0.25") if name == "new.py" else PAIR[name]
        exec(wrong, pair.setdefault(name, {"__name__": "new"}))
    assert "This is with\n0.25 for 0.125 in `new.py`:" in VERIFY
    new = eager(pair["new.py"]["leaky_step"])
    new.label = "new:leaky_step, eager"
    lines = str(compare(session(pair["old.py"]["leaky_step"]), new)).splitlines()
    _, block = blocks("docs/verify.md", "")
    assert lines[-7:-4] == block.splitlines()


def test_the_versions_are_those_of_the_noxfile():
    (matrix,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(read("noxfile.py")).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "MATRIX"
    ]
    rows = ["| %s | %s | %s |" % (tf, ", ".join(pythons), other) for tf, pythons, other in matrix]
    table = "\n".join(["| TensorFlow | Python | with |", "|---|---|---|"] + rows)
    assert "\n\n%s\n\n" % table.replace("|  |", "| |") in PAGES["docs/versions.md"]


def test_ci_runs_the_commands_as_they_stand():
    fences = {page: set(re.findall(r"^```(.*)$", text, re.M)[::2]) for page, text in PAGES.items()}
    assert set().union(*fences.values()) == {"python", "sh", "console", ""}
    # What the demo prints; the exhaustive run, and a difference.
    plain = {page: len(blocks(page, "")) for page in PAGES if "" in fences[page]}
    assert plain == {"README.md": 1, "docs/verify.md": 2}
    # Run here, and by test_native_table.py.
    consoles = [page for page in PAGES if "console" in fences[page]]
    assert consoles == ["docs/native.md", "docs/verify.md"]
    assert "python3 - README.md docs/*.md" in read(".ci", "run") and "```sh" in read(".ci", "run")


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", re.sub("(?ms)^```.*?^```$", "", PAGES[page]), re.M)
    return {re.sub(r"[^a-z0-9_ -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)#?([^):]*)\)", PAGES[page]):
        path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
        assert os.path.exists(os.path.join(ROOT, path)), (target, path)
        assert not anchor or anchor in anchors(path.replace(os.sep, "/")), anchor


def test_each_page_is_in_the_site_and_in_the_index():
    names = {os.path.basename(page) for page in PAGES if page != "README.md"}
    listed = re.findall(r"^ +- ([\w-]+\.md)$", read("mkdocs.yml"), re.M)
    assert sorted(listed) == sorted(names)
    assert names - {"index.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["docs/index.md"]))


def test_the_readme_is_two_screens():
    assert words("README.md") <= 900


@pytest.mark.parametrize(
    "name, made, path", [("twins", "page", "twins.md"), ("road", "picture", "road.svg")]
)
def test_what_is_made_is_current(name, made, path):
    script = os.path.join(ROOT, "docs", "made", name + ".py")
    spec = importlib.util.spec_from_file_location("made_" + name, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert getattr(module, made)() == read("docs", path), "run: python docs/made/%s.py" % name


def test_the_twins_are_whole():
    """What is beside each other on the page is all of both functions."""
    text = PAGES[MADE]
    assert text.count("```python") == 9
    for path in ("graph.py", "migration.py"):
        lines = {line for line in read("legacy_spiky", path).splitlines()}
        shown = [
            block
            for i, block in enumerate(blocks(MADE, "python")[1:])
            if i % 2 == (path != "graph.py")
        ]
        assert len(shown) == 4
        assert all(line in lines or not line for block in shown for line in block.splitlines())
