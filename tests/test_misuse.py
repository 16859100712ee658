"""Walks the table of misuse: each row in each world."""

import threading

import misuse
import pytest

DEADLINE = 60  # seconds


def within(deadline, function):
    """Calls a function in a thread, which may be left behind."""
    errors = []

    def call():
        try:
            function()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(deadline)
    assert not thread.is_alive(), "it hangs"
    for error in errors:
        raise error


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("row", [pytest.param(row, id=row.did) for row in misuse.ROWS])
def test_misuse(world, row):
    within(DEADLINE, lambda: row.check(world))


def test_the_table():
    assert len(misuse.ROWS) >= 40
    assert len({row.did for row in misuse.ROWS}) == len(misuse.ROWS)
