import ctypes
import sys
import threading

import numpy as np
import pytest

from legacy_spiky._arrays import arithmetic, dtypes

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith(("linux", "darwin")), reason="not known how on this system"
)


def flushes():
    return np.float64(5e-324) * 1 == 0


@pytest.fixture
def flushing():
    """This thread as TensorFlow sets its own: bits 15 and 6 of MXCSR, in the fenv_t of x86-64."""
    get, set_, _ = arithmetic._LIBRARY
    before, changed = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
    get(before)
    get(changed)
    control = ctypes.c_uint32.from_buffer(changed, 28)
    control.value |= 0x8040
    set_(changed)
    yield
    set_(before)


x86 = pytest.mark.skipif(np.dtype(np.longdouble).itemsize != 16, reason="the bits are those of x86")


def test_nothing_changes_where_nothing_is_flushed():
    with arithmetic.ieee():
        assert not flushes()
    assert not flushes()


@x86
def test_subnormals_are_kept_while_it_lasts(flushing):
    assert flushes()
    with arithmetic.ieee():
        assert not flushes()
        with arithmetic.ieee():
            assert not flushes()
        assert not flushes()
    assert flushes()


@x86
def test_after_an_error_all_is_as_before(flushing):
    with pytest.raises(KeyError):
        with arithmetic.ieee():
            raise KeyError
    assert flushes()


@x86
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4", ">f8"])
def test_subnormals_are_found_where_they_count_as_zero(dtype, flushing):
    """A thread that flushes them takes them for zeros, which need no search."""
    dtype = np.dtype(dtype)
    numbers = np.array([1, 0x7FFFFF, 0, 0x80000000, 0x80000001], "u4")
    if dtype.itemsize == 8:
        numbers = numbers.astype("u8")
        numbers[3:] += 0x7FFFFFFF80000000
    kind = dtype.str.replace("f", "u")
    flushed = dtypes.flush(numbers.astype(kind).view(dtype), np.dtype("f%d" % dtype.itemsize))
    sign = numbers.max() - 1
    assert flushed.view(kind).tolist() == [0, 0, 0, sign, sign]


@x86
def test_a_new_thread_inherits(flushing):
    """Which is why what runs in a thread of ours says what it wants."""
    found = []
    thread = threading.Thread(target=lambda: found.append(flushes()))
    thread.start()
    thread.join()
    assert found == [True]


def test_where_the_library_is_not_known(monkeypatch):
    monkeypatch.setattr(arithmetic, "_LIBRARY", None)
    with arithmetic.ieee():
        pass
    monkeypatch.setattr(sys, "platform", "win32")
    assert arithmetic._library() is None
