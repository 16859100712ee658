"""Files, here and by URL."""

import os

import pytest

from legacy_spiky._ops.versions import tf
from legacy_spiky.checkpoint import files

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
    assert files.read(path) == b"\0a\xff\r\n"
    assert files.exists(path) and files.exists(folder)
    assert (files.is_file(path), files.is_folder(path)) == (True, False)
    assert (files.is_file(folder), files.is_folder(folder)) == (False, True)
    assert files.fingerprint(path) == files.fingerprint(path)
    assert files.fingerprint(path) != files.fingerprint(write(path, b"longer than it was"))


def test_what_is_not_there(folder):
    path = os.path.join(folder, "nowhere")
    assert not (files.exists(path) or files.is_file(path) or files.is_folder(path))
    words = "^TensorFlow cannot read %s: ." if "://" in folder else r"^\[Errno \d+\] .*%s'$"
    for function in (files.read, files.fingerprint):
        with pytest.raises(OSError, match=words % path):
            function(path)
    with pytest.raises(OSError, match=words % folder):
        files.read(folder)


@pytest.mark.parametrize("function", [files.exists, files.is_file, files.read])
def test_a_file_system_that_there_is_not(function):
    words = "^TensorFlow cannot read nosuch://a/b: File system scheme '?nosuch'? not implemented"
    with pytest.raises(OSError, match=words):
        function("nosuch://a/b")


def test_a_name_that_is_no_text(tmp_path):
    path = os.fsdecode(os.path.join(str(tmp_path).encode(), b"\xff\xc3\xa9"))
    assert not (files.exists(path) or files.is_file(path) or files.is_folder(path))
    with open(path, "wb") as file:
        file.write(b"abc")
    assert files.is_file(path) and not files.is_folder(path)
    assert files.read(path) == b"abc" and files.fingerprint(path)[0] == 3


@pytest.mark.parametrize("path", ["", "a\0b", __file__ + "/x"])
def test_a_name_that_no_file_has(path):
    assert not (files.exists(path) or files.is_file(path) or files.is_folder(path))


@pytest.mark.parametrize(
    "path, expected",
    [("x", "/a/x"), ("/b/x", "/b/x"), ("file:///b/x", "file:///b/x"), ("gs://b", "gs://b")],
)
def test_absolute(path, expected, monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: "/a")
    assert files.absolute(path) == expected
