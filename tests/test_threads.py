import os
import threading

import numpy as np
import pytest

from legacy_spiky import _threads
from legacy_spiky._threads import in_parallel


@pytest.fixture
def cores(monkeypatch):
    monkeypatch.setattr(_threads, "cores", lambda: 4)
    monkeypatch.setattr(_threads, "_PART", 10)


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 19, 20, 21, 25, 39, 40, 41, 1000])
def test_each_number_is_in_one_part(cores, size):
    x, y, seen = np.arange(size), np.zeros(size, int), []

    def double(x, nothing, y):
        assert nothing is None
        seen.append((len(x), threading.get_ident()))
        y += 2 * x

    in_parallel(double, x, None, y)
    np.testing.assert_array_equal(y, 2 * x)
    assert len(seen) == (min(4, size // 10) if size > 10 else 1)
    if len(seen) > 1:  # this thread, which need not wake up, does most
        (mine,) = [count for count, thread in seen if thread == threading.get_ident()]
        assert mine == max(count for count, _ in seen)


@pytest.mark.parametrize("bad", [0, 999])
def test_an_error_comes_when_all_parts_are_done(cores, bad):
    done = []

    def function(x):
        if bad in x:
            raise ValueError("planted")
        done.append(len(x))

    with pytest.raises(ValueError, match="planted"):
        in_parallel(function, np.arange(1000))
    assert len(done) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing to fork with")
def test_a_forked_process_has_threads_of_its_own(cores):
    in_parallel(lambda x: None, np.arange(1000))
    child = os.fork()
    if child == 0:  # without its own it would wait for ever
        in_parallel(lambda x: None, np.arange(1000))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_cores():
    assert _threads.cores() >= 1
