"""scripts/native_table.py: its figures, of differences planted; what it keeps; the page."""

import json
import os

import numpy as np
import pytest
from test_scripts import run, scripts  # noqa: F401, a fixture

from legacy_spiky._ops.versions import tf

if tuple(map(int, tf.VERSION.split(".")[:2])) < (2, 5):
    pytest.skip("for TensorFlow 2.5 or newer, with XLA", allow_module_level=True)

from legacy_spiky.native import native

QUARTER = 0x3E8  # the block that begins with 0.25
PLANTED = np.arange(0x3E800000, 0x3E800006, dtype=np.uint32).view(np.float32)


def pole(x):
    return 1 / (x - 0.25)  # the number that is left out


def wrong(f):
    """A native op with differences planted: 3 and 1 ULP, a NaN, a sign that is lost."""
    op = native(f)

    def planted(x):
        bits = tf.bitcast(op(x), tf.int32)
        bits += 3 * tf.cast(x == PLANTED[1], tf.int32) - tf.cast(x == PLANTED[3], tf.int32)
        y = tf.bitcast(bits, tf.float32)
        return tf.compat.v2.where((x == PLANTED[0]) | (x == PLANTED[4]), np.float32(np.nan), y)

    return planted


@pytest.fixture
def table(scripts, monkeypatch, tmp_path):  # noqa: F811
    """The script, of one function with planted differences, in this process."""
    table = scripts("native_table")
    table.forms.cache_clear()
    table.module.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table, "native", wrong)
    monkeypatch.setattr(table, "FUNCTIONS", {"pole": pole})
    table.done = []

    def one_by_one(work, jobs):
        for job in jobs:
            yield job, work(job)
            table.done.append(job)

    monkeypatch.setattr(table, "spread", one_by_one)
    yield table
    table.forms.cache_clear()
    table.module.cache_clear()


def test_figures(table):
    found = table.check(("pole", QUARTER))
    assert found["tried"] == 2**20 - 1 and found["left out"] == 1
    at = "0.25000003 (0x3e800001)"
    for world in table.WORLDS:
        assert found[world] == {"differ": 3, "nan": 1, "ulp": 3, "at": at}
    assert table.farthest(found["XLA"]) == "3 ULP; NaN for a number, or the reverse, 1 times"


def test_what_differs(table):
    x = np.float32([1, 2, 3, 4])
    expected, given = np.float32([0.0, np.nan, 5, 6]), np.float32([-0.0, np.nan, 5, 7])
    known = np.array([True, True, True, False])
    found = table.difference(x, expected, given, known)
    assert (found["differ"], found["nan"], found["ulp"]) == (1, 0, 0)
    assert table.farthest(found) == "the sign of 0"
    found = table.difference(x, expected, expected, known)
    assert found["differ"] == 0 and table.farthest(found) == ""


def test_sums(table):
    total = {}
    for ulp, at in [(2, "a"), (5, "b"), (3, "c")]:
        one = {"differ": ulp, "nan": 1, "ulp": ulp, "at": at}
        table.add(total, {"tried": 8, "left out": 2, "eager": one, "XLA": dict(one, differ=0)})
    assert total["tried"] == 24 and total["left out"] == 6
    assert total["eager"] == {"differ": 10, "nan": 3, "ulp": 5, "at": "b"}
    assert total["XLA"]["differ"] == 0


def test_the_page_has_rows_for_what_differs_alone(table, monkeypatch):
    monkeypatch.setattr(table, "FUNCTIONS", dict.fromkeys(["a", "b", "c", "d"]))
    none, some = {"differ": 0, "nan": 0, "ulp": 0}, {"differ": 5, "nan": 0, "ulp": 3}
    results = {
        "a": {"blocks": 1, "tried": 8, "eager": none, "XLA": none},
        "b": {"blocks": 1, "tried": 1000, "eager": none, "XLA": some},
        "c": {"blocks": 1, "tried": 9, "eager": none, "XLA": none},
    }
    assert table.told(results) == [
        "These differ on none, eagerly and under XLA:",
        "",
        "- on 9 tried: `c`.",
        "- on 8 tried: `a`.",
        "",
        "These differ:",
        "",
        "| function | float32 tried | differ, eagerly | at most | differ under XLA | at most |",
        "|---|--:|--:|---|--:|---|",
        "| `b` | 1,000 | 0 |  | 5 | 3 ULP |",
    ]


def test_blocks_are_spread(table):
    assert sorted(table.spread_out(4096)) == list(range(4096))
    assert table.spread_out(16) == table.spread_out(64)[:16]
    assert max(np.diff(sorted(table.spread_out(16)))) <= 500


def test_it_goes_on_where_it_was(table, capsys, monkeypatch):
    assert table.main("--functions pole --blocks 1 --json kept".split()) == 0
    assert table.done == [("pole", 0)]
    assert "| `pole` | 1,048,576 | 0 |  | 0 |  |" in capsys.readouterr().out
    assert table.main("--functions pole --blocks 2 --json kept".split()) == 0
    assert table.done == [("pole", 0), ("pole", table.STRIDE)]
    assert "| `pole` | 2,097,152 | 0 |  | 0 |  |" in capsys.readouterr().out
    monkeypatch.setattr(table, "about", lambda: {"tensorflow": "other"})
    assert table.main("--functions pole --blocks 2 --json kept".split()) == 2
    words = "not done: kept is of other versions: delete it, or give another with --json"
    assert words in capsys.readouterr().err
    assert len(table.done) == 2


def test_a_function_that_changed_is_begun_anew(table, capsys, monkeypatch):
    assert table.main("--functions pole --blocks 2 --json kept".split()) == 0
    table.module.cache_clear()
    monkeypatch.setitem(table.FUNCTIONS, "pole", lambda x: 2 / (x - 0.25))
    assert table.main("--functions pole --blocks 1 --json kept".split()) == 0
    assert "pole: its module is another one by now; it is begun anew" in capsys.readouterr().out
    assert table.done == [("pole", 0), ("pole", table.STRIDE), ("pole", 0)]
    assert table.read_results("kept")["pole"]["blocks"] == 1


def test_what_ends_out_of_order_is_counted_in_order(table, monkeypatch):
    spread = table.spread
    monkeypatch.setattr(table, "spread", lambda work, jobs: spread(work, jobs[::-1]))
    written = []
    monkeypatch.setattr(table, "EVERY", -1)
    write = table.write_results

    def noted(path, results):
        write(path, results)
        written.append(results["pole"]["blocks"])

    monkeypatch.setattr(table, "write_results", noted)
    assert table.main("--functions pole --blocks 3 --json kept".split()) == 0
    assert written == [0, 0, 3, 3]
    assert table.read_results("kept")["pole"]["blocks"] == 3


def test_results_that_are_none(table, capsys):
    assert table.main("--functions pole --blocks 1 --json kept".split()) == 0
    with open("kept") as text:
        whole = json.load(text)
    total = whole["functions"]["pole"]
    other = [dict(total, blocks=2), dict(total, tried=3), {}, 3]
    damaged = [{}, [], 3] + [dict(whole, functions={"pole": one}) for one in other]
    for damage in ["{"] + list(map(json.dumps, damaged)):
        with open("kept", "w") as text:
            text.write(damage)
        assert table.main("--functions pole --blocks 1 --json kept".split()) == 2
        assert "is of other versions" in capsys.readouterr().err


def test_interrupted(table, capsys, monkeypatch):
    spread = table.spread

    def interrupted(work, jobs):
        yield next(spread(work, jobs))
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "spread", interrupted)
    assert table.main("--functions pole --blocks 3 --json kept".split()) == 130
    said = "interrupted: what was done is in kept; run the same again\n"
    assert capsys.readouterr().err == said
    assert table.read_results("kept")["pole"]["blocks"] == 1


def test_the_page(table, capsys):
    start, end = table.MARKERS
    with open("page.md", "w") as text:
        text.write("before\n\n%s\nold\n%s\n\nafter\n" % (start, end))
    pages = []
    for _ in range(2):
        arguments = "--functions pole --blocks 1 --json kept --page page.md"
        assert table.main(arguments.split()) == 0
        with open("page.md") as text:
            pages.append(text.read())
    page = pages[0]
    assert pages[1] == page and "old" not in page
    assert page.startswith("before\n\n%s\nTensorFlow %s, " % (start, tf.VERSION))
    said = "These differ on none, eagerly and under XLA:\n\n- on 1,048,576 tried: `pole`.\n"
    assert page.endswith(
        "; 1 of the 4096 blocks of 2**20 float32.\n\n%s%s\n\nafter\n" % (said, end)
    )
    with open("page.md", "w") as text:
        text.write("no markers")
    assert table.main(arguments.split()) == 2
    assert "page.md has no place for the table: two lines, " in capsys.readouterr().err
    with open("page.md") as text:
        assert text.read() == "no markers"


def test_the_page_of_the_documentation(scripts):  # noqa: F811
    table = scripts("native_table")
    with open(table.PAGE, encoding="utf-8") as text:
        page = text.read()
    assert [page.count(marker) for marker in table.MARKERS] == [1, 1]
    assert page.index(table.MARKERS[0]) < page.index(table.MARKERS[1])


def test_each_function_is_taken_or_refused(scripts):  # noqa: F811
    table = scripts("native_table")
    names, refused = table.taken()
    assert len(names) + len(refused) == len(table.FUNCTIONS) > 70
    assert {"spiky", "d_spiky", "gelu"} <= set(names)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--blocks 0", "--blocks takes from 1 to 4096, got 0"),
        ("--blocks 4097", "--blocks takes from 1 to 4096, got 4097"),
        ("--functions relu nope", "--functions: 'nope' is none of step, "),
        ("--json nowhere/x", "--json: there is no folder for nowhere/x"),
    ],
)
def test_wrong_arguments(scripts, arguments, words, capsys):  # noqa: F811
    with pytest.raises(SystemExit) as error:
        scripts("native_table").main(arguments.split())
    assert error.value.code == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_as_a_person_runs_it(tmp_path):
    arguments = "--functions relu --blocks 1".split()
    status, stdout, _ = run("native_table.py", *arguments, cwd=str(tmp_path))
    assert status == 0
    assert stdout.splitlines()[-1] == "| `relu` | 1,048,576 | 0 |  | 0 |  |"
    assert os.listdir(str(tmp_path)) == []
