"""Files, here and by URL."""

import os

import pytest

from legacy_spiky import _files
from legacy_spiky._tf import tf

VERSION = tuple(int(part) for part in tf.VERSION.split(".")[:2])


@pytest.fixture(params=["", "file://", "ram://"])
def folder(request, tmp_path):
    if request.param == "ram://":
        if VERSION < (2, 4):
            pytest.skip("TensorFlow %s has no ram://" % tf.VERSION)
        path = "ram://" + tmp_path.name
        tf.gfile.MakeDirs(path)
        return path
    return request.param + str(tmp_path)


def write(path, data):
    with tf.gfile.Open(path, "wb") as file:
        file.write(data)
    return path


def test_what_is_there(folder):
    path = write(os.path.join(folder, "x"), b"\0a\xff\r\n")
    assert _files.read(path) == b"\0a\xff\r\n"
    assert _files.exists(path) and _files.exists(folder)
    assert (_files.is_file(path), _files.is_folder(path)) == (True, False)
    assert (_files.is_file(folder), _files.is_folder(folder)) == (False, True)
    assert _files.fingerprint(path) == _files.fingerprint(path)
    assert _files.fingerprint(path) != _files.fingerprint(write(path, b"longer than it was"))


def test_what_is_not_there(folder):
    path = os.path.join(folder, "nowhere")
    assert not (_files.exists(path) or _files.is_file(path) or _files.is_folder(path))
    words = "^TensorFlow cannot read %s: ." if "://" in folder else r"^\[Errno \d+\] .*%s'$"
    for function in (_files.read, _files.fingerprint):
        with pytest.raises(OSError, match=words % path):
            function(path)
    with pytest.raises(OSError, match=words % folder):
        _files.read(folder)


@pytest.mark.parametrize("function", [_files.exists, _files.is_file, _files.read])
def test_a_file_system_that_there_is_not(function):
    words = "^TensorFlow cannot read nosuch://a/b: File system scheme '?nosuch'? not implemented"
    with pytest.raises(OSError, match=words):
        function("nosuch://a/b")


def test_a_name_that_is_no_text(tmp_path):
    path = os.fsdecode(os.path.join(str(tmp_path).encode(), b"\xff\xc3\xa9"))
    assert not (_files.exists(path) or _files.is_file(path) or _files.is_folder(path))
    with open(path, "wb") as file:
        file.write(b"abc")
    assert _files.is_file(path) and not _files.is_folder(path)
    assert _files.read(path) == b"abc" and _files.fingerprint(path)[0] == 3


@pytest.mark.parametrize("path", ["", "a\0b", __file__ + "/x"])
def test_a_name_that_no_file_has(path):
    assert not (_files.exists(path) or _files.is_file(path) or _files.is_folder(path))


@pytest.mark.parametrize(
    "path, expected",
    [("x", "/a/x"), ("/b/x", "/b/x"), ("file:///b/x", "file:///b/x"), ("gs://b", "gs://b")],
)
def test_absolute(path, expected, monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: "/a")
    assert _files.absolute(path) == expected
