"""Walks the table of contexts; on TensorFlow 1 its row of sessions."""

import pytest

from legacy_spiky._ops.versions import tf

if not hasattr(tf, "numpy_function"):
    pytest.skip("migration needs TensorFlow 1.15", allow_module_level=True)

if (2, 0) <= tuple(int(number) for number in tf.VERSION.split(".")[:2]) < (2, 16):
    pytest.skip("the table is the newest TensorFlow's, with Keras 3", allow_module_level=True)

import contexts
from pages import read

CELLS = [
    pytest.param(context, op, row[2 + i], id="%s-%s" % (context.__name__, name.strip("`")))
    for row in contexts.CONTEXTS
    for context in [row[1]]
    for i, (name, op) in enumerate(contexts.OPS.items())
    if context is contexts.session or tf.executing_eagerly()
]


@pytest.mark.parametrize("context, op, cell", CELLS)
def test_context(context, op, cell):
    if context is contexts.tf_keras:
        pytest.importorskip("tf_keras")
    if cell == contexts.WORKS:
        context(op)
    else:
        kind, words, _ = cell
        with pytest.raises(kind) as error:
            context(op)
        assert words in str(error.value)


def test_the_page_shows_them():
    page = read("docs", "contexts.md")
    assert "\n\n%s\n" % contexts.in_both() in page
    assert "\n\n%s\n" % contexts.others() in page


def test_the_op_for_sessions_is_refused_elsewhere():
    for _, context, cell, *_ in contexts.CONTEXTS:
        assert (cell == contexts.WORKS) == (context is contexts.session)
