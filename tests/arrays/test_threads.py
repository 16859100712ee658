import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import legacy_spiky
from legacy_spiky._arrays import threads
from legacy_spiky._arrays.threads import in_parallel


@pytest.fixture
def cores(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setattr(threads, "_PART", 10)
    threads._threads.cache_clear()
    yield
    threads._threads.cache_clear()


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 19, 20, 21, 25, 39, 40, 41, 1000])
def test_each_number_is_in_one_part(cores, size):
    x, y, seen = np.arange(size), np.zeros(size, int), []

    def double(part):
        seen.append((len(x[part]), threading.get_ident()))
        y[part] += 2 * x[part]

    in_parallel(double, size)
    np.testing.assert_array_equal(y, 2 * x)
    assert len(seen) == (4 * size // 10 if size >= 20 else 1)
    assert sum(length for length, _ in seen) == size
    assert len({thread for _, thread in seen}) <= max(1, min(4, size // 10))


def test_several_threads_at_once(cores):
    """Each waits for the others."""
    together = threading.Barrier(4, timeout=60)
    first = threading.local()

    def function(part):
        if not hasattr(first, "part"):
            first.part = part
            together.wait()

    in_parallel(function, 1000)
    assert not together.broken


@pytest.mark.parametrize("bad", [0, 999])
def test_an_error_comes_when_no_part_is_worked_on(cores, bad):
    begun, done = [], []

    def function(part):
        begun.append(part)
        if part.start <= bad < part.stop:
            raise ValueError("planted")
        time.sleep(1e-4)
        done.append(part)

    with pytest.raises(ValueError, match="planted"):
        in_parallel(function, 1000)
    assert len(done) == len(begun) - 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing to fork with")
def test_a_forked_process_has_threads_of_its_own(cores):
    in_parallel(lambda part: None, 1000)
    child = os.fork()
    if child == 0:  # without its own it would wait for ever
        in_parallel(lambda part: None, 1000)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_cores():
    assert threads.cores() >= 1


AFTER_THE_MAIN_THREAD = """
import sys, threading, types
package = types.ModuleType("legacy_spiky")
package.__path__ = [sys.argv[1]]
sys.modules["legacy_spiky"] = package
from legacy_spiky._arrays import threads
threads.cores, threads._PART = lambda: 4, 10
done = []
def work():
    threading.main_thread().join()
    threads.in_parallel(lambda part: done.append(part.stop - part.start), 1000)
    print(sum(done))
if sys.argv[2] == "used before":
    threads.in_parallel(lambda part: None, 1000)
threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("threads", ["used before", "new"])
def test_after_the_main_thread_has_ended(threads):
    """A training thread goes on."""
    package = os.path.dirname(legacy_spiky.__file__)
    command = [sys.executable, "-c", AFTER_THE_MAIN_THREAD, package, threads]
    assert subprocess.check_output(command, stderr=subprocess.STDOUT).decode() == "1000\n"


def test_no_thread_to_be_had(cores, monkeypatch):
    """Not even for what the pool was given already: it does nothing when it comes to it."""
    monkeypatch.setattr(threading.Thread, "start", refuse)
    threads._threads.cache_clear()
    done = []
    in_parallel(done.append, 1000)
    assert sum(part.stop - part.start for part in done) == 1000
    monkeypatch.undo()
    pool = threads._threads(os.getpid())
    pool.submit(int).result()
    assert len(done) == 400


def refuse(thread):
    raise RuntimeError("can't start new thread")
