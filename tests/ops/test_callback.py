"""The callbacks without TensorFlow; what they do inside it is in the tests of the contract."""

import numpy as np
import pytest

from legacy_spiky._ops.callback import guard
from legacy_spiky._ops.callback import guard_elementwise as elementwise


def test_guard_gives_arrays_of_its_own():
    x = np.float32([1, 2])
    view = x[:]

    def double(x):
        x *= 2
        return x

    np.testing.assert_array_equal(guard(double, [np.float32])(view)[0], [2, 4])
    np.testing.assert_array_equal(x, [1, 2])


def test_guard_gives_an_array_that_nobody_else_has_as_it_is():
    x, seen = np.float32([1, 2]), []
    guard(seen.append, [])(x)
    assert seen[0] is x


@pytest.mark.parametrize("size", [0, 2, 1 << 16])
def test_guard_returns_arrays_of_its_own(size):
    kept = np.ones((size, 2), np.float32)
    for result in (kept, kept.T, kept[::-1], kept[:0]):
        (array,) = guard(lambda result=result: result, [np.float32])()
        np.testing.assert_array_equal(array, result)
        assert not np.shares_memory(array, kept)
        assert array.flags.c_contiguous


def test_guard_passes_scalars():
    seen = []
    callback = guard(lambda *arguments: seen.extend(arguments), [])
    assert callback(np.float32(1), b"text") == []
    assert [type(argument) for argument in seen] == [np.float32, bytes]


@pytest.mark.parametrize("results", [(1.5, 2), [1.5, 2], (np.float64(1.5), np.array(2))])
def test_guard_returns_a_list_of_arrays(results):
    arrays = guard(lambda: results, [np.float64, np.int64])()
    assert [type(array) for array in arrays] == [np.ndarray] * 2
    assert [array.tolist() for array in arrays] == [1.5, 2]


TEXTS = [
    ("a\u00e4\0", b"a\xc3\xa4\0"),
    (b"a\0", b"a\0"),
    (np.array(["a", "\u00e4"]), [b"a", b"\xc3\xa4"]),
    (np.array([b"a"], object), [b"a"]),
    ([["a", b"b"]], [b"a", b"b"]),
    (np.empty((0, 3), object), []),
]


@pytest.mark.parametrize("text, expected", TEXTS)
def test_guard_makes_bytes_of_text_where_objects_are_promised(text, expected):
    result = guard(lambda: text, [object])()[0]
    assert result.dtype == object
    assert result.shape == (np.shape(text[0]) if isinstance(text, list) else np.shape(text))
    assert result.tolist() == expected


def test_guard_counts():
    with pytest.raises(ValueError) as error:
        guard(lambda: (1, 2), [np.float32, np.int32, np.int64])()
    assert "returned 2 results, but Tout promises 3 (float32, int32, int64)" in str(error.value)
    with pytest.raises(ValueError) as error:
        guard(lambda: 1, [])()
    assert "returned 1 results, but Tout promises 0 (nothing)" in str(error.value)


@pytest.mark.parametrize("result", [np.array(1, ">f4"), np.float64(1), 1, True, "1", None, 1j])
def test_guard_wants_the_dtype(result):
    with pytest.raises(TypeError) as error:
        guard(lambda: result, [np.dtype("<f4")])()
    assert "result 0 of " in str(error.value)
    assert "but Tout promises float32; return np.asarray(result, dtype)" in str(error.value)
    assert __file__ in str(error.value)


@pytest.mark.parametrize("shape", [(), (0,), (2,), (2, 0, 1), (2, 3)])
def test_elementwise(shape):
    x = np.full(shape, 1.5, np.float32)
    y = elementwise(lambda x: x > 1, np.float32)(x[()])
    assert (y.dtype, y.shape) == (np.float32, shape)
    assert np.all(y == 1)


def test_elementwise_gives_an_array_of_its_own():
    x = np.float32([1, 2])

    def double(x):
        x *= 2
        return x

    np.testing.assert_array_equal(elementwise(double, np.float32)(x), [2, 4])
    np.testing.assert_array_equal(x, [1, 2])


def test_elementwise_returns_an_array_of_its_own():
    kept = np.float32([1, 2])
    callback = elementwise(lambda x: kept, np.float32)
    assert callback(kept) is not callback(kept)
    assert not np.shares_memory(callback(kept), kept)


def test_elementwise_keeps_the_user_s_error_as_the_cause():
    with pytest.raises(TypeError) as error:
        elementwise(lambda x: x if x > 0 else 0, np.float32)(np.float32([1, 2]))
    assert isinstance(error.value.__cause__, ValueError)
    assert str(error.value.__cause__) in str(error.value)


def test_elementwise_gives_doubles():
    seen = []
    for dtype in (np.float16, np.float32, np.float64):
        elementwise(lambda x: seen.append(x.dtype) or x, dtype)(np.ones(2, dtype))
    assert seen == [np.float64] * 3


def test_elementwise_leaves_other_errors_alone():
    def wrong(x):
        raise ValueError("my own text")

    with pytest.raises(ValueError) as error:
        elementwise(wrong, np.float32)(np.float32([1, 2]))
    assert str(error.value) == "my own text"
