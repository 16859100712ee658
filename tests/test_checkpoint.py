"""Saved graphs: what they need, bound again, in other TensorFlows than wrote them."""

import gc
import glob
import json
import os
import re
import subprocess
import sys
import weakref
import zipfile

import numpy as np
import pytest
import recipe

import legacy_spiky
from legacy_spiky import _saved, activation, checkpoint, tf_spiky
from legacy_spiky._tf import tf
from legacy_spiky.checkpoint import find_callbacks, rebind, restore

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, os.pardir)
VERSION = tuple(int(part) for part in tf.VERSION.split(".")[:2])
V2 = hasattr(tf, "control_flow_v2_enabled")


# What real TensorFlows saved with the recipe's own helper: those in tests/data, those in the folder
# that SAVED_GRAPHS names, and those that this TensorFlow saves now. See save_recipe.py.

SAVED = sorted(glob.glob(os.path.join(HERE, "data", "saved", "recipe-*.zip")))
if "SAVED_GRAPHS" in os.environ:
    SAVED += sorted(glob.glob(os.path.join(os.environ["SAVED_GRAPHS"], "recipe-*.zip")))
NOW = ["recipe-%s.zip" % tf.VERSION] + ["recipe-%s-v2.zip" % tf.VERSION] * V2
KINDS = ["model", "model.meta", "frozen.pb", "saved"]
X = np.float32([[0.25, 0.5, -0.75, 1], [1, 0, 0.5, 0.25]])


def script(name, *arguments, **kwargs):
    """Runs one of the scripts beside this file; returns what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", os.path.join(HERE, name)] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stdout, stderr = process.communicate(**kwargs)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    """The folder of what this TensorFlow saves, in a process that is gone by now."""
    folder = str(tmp_path_factory.mktemp("now"))
    script("save_recipe.py", folder)
    assert sorted(os.listdir(folder)) == sorted(NOW)
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, now):
    """Returns the folder of what one of the archives holds."""
    folders = {}

    def unpack(archive):
        if archive not in folders:
            folders[archive] = str(tmp_path_factory.mktemp("saved"))
            path = os.path.join(now, archive)  # archive itself, where that is a whole path
            with zipfile.ZipFile(path) as file:
                file.extractall(folders[archive])
        return folders[archive]

    return unpack


@pytest.fixture
def saved(unpacked):
    """The checkpoint, frozen graph and SavedModel of the oldest TensorFlow that is here."""
    return unpacked(os.path.join(HERE, "data", "saved", "recipe-1.4.1.zip"))


def writer(archive):
    return tuple(int(n) for n in re.search(r"recipe-(\d+)\.(\d+)", archive).groups())


def contents(folder):
    """Returns each file below a folder with its bytes and the time it was written at."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                found[path, name] = os.stat(file.name).st_mtime, file.read()
    return found


def difference(a, b):
    return a - b, np.sign(a).astype(np.int32)


def difference_grad(op, grad, _):
    return +1 * grad, -1 * tf.reduce_sum(grad, 0)


ACTIVATION = {"*spiky*": tf_spiky, "pair": (difference, difference_grad)}


def functions(callbacks):
    """The recipe's own functions, for each token."""
    bindings = {}
    for token, nodes in callbacks:
        if nodes[0].name == "pair":
            bindings[token] = difference, difference_grad
        elif nodes[0].gradient_of:
            bindings[token] = recipe.np_d_spiky_32
        else:
            bindings[token] = recipe.np_spiky_32, recipe.spikygrad
    return bindings


def check_numbers(session, folder, frozen):
    """Compares outputs and gradients, the saved ones and new ones, over two steps of training."""
    with np.load(os.path.join(folder, "numbers.npz")) as file:
        numbers = {name: file[name] for name in file.files}
    tensor = session.graph.get_tensor_by_name
    names = [name.split("/")[1] for name in numbers if name.startswith("first/")]
    if frozen:
        names = [name for name in names if not name.startswith("value_of_")]
    assert len(names) >= (9 if frozen else 13)
    fetches = {name: tensor(name + ":0") for name in names}
    loops = any(op.type == "LoopCond" for op in session.graph.get_operations())
    with session.graph.as_default():
        for name in [name for name in names if "gradient_of_" + name in names]:
            if not (frozen and loops and name == "looped"):  # TensorFlow cannot: see rebind
                new = tf.gradients(tensor(name + ":0"), tensor("x:0"))[0]
                fetches["new " + name] = tf.convert_to_tensor(new)
    assert len(fetches) >= len(names) + 3
    for step in ["first"] if frozen else ["first", "second"]:
        values = session.run(fetches, {"x:0": X})
        for name, value in values.items():
            expected = numbers[step + "/" + name.replace("new ", "gradient_of_")]
            assert value.dtype == expected.dtype
            np.testing.assert_array_equal(value, expected, name)
        if not frozen:
            session.run("train", {"x:0": X})


@pytest.mark.parametrize("functional", [False, True], ids=["activation", "functions"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("archive", SAVED + NOW, ids=os.path.basename)
def test_restored(unpacked, archive, kind, functional):
    folder = unpacked(archive)
    before = contents(folder)
    path = os.path.join(folder, kind)
    callbacks = find_callbacks(path)
    bindings = functions(callbacks) if functional else dict(ACTIVATION)
    if kind == "frozen.pb" and not functional:
        assert any(node.name == "pair" for _, nodes in callbacks for node in nodes)
    try:
        if kind == "frozen.pb":
            session = tf.Session(graph=rebind(path, bindings))
        else:
            session = restore(path, bindings)
    except ValueError as error:
        # An older TensorFlow may lack an op or an attribute, and says which.
        assert writer(archive) > VERSION
        assert re.search(r"does not know the (op \w+|attribute \w+ of the op \w+)$", str(error))
        assert "TensorFlow %s cannot import %s" % (tf.VERSION, path) in str(error)
    else:
        with session:
            check_numbers(session, folder, kind == "frozen.pb")
    assert contents(folder) == before


@pytest.mark.skipif(VERSION >= (2, 0), reason="for TensorFlow 1")
@pytest.mark.parametrize(
    "kind, words",
    [
        ("model", "attribute debug_name of the op VarHandleOp"),
        ("frozen.pb", "attribute grad_a of the op MatMul"),
    ],
)
def test_of_a_newer_tensorflow(unpacked, kind, words):
    path = os.path.join(unpacked(os.path.join(HERE, "data", "saved", "recipe-2.21.0.zip")), kind)
    assert len(find_callbacks(path)) >= 10  # the table needs none of it
    with pytest.raises(ValueError) as error:
        rebind(path, ACTIVATION)
    assert "it does not know the " in str(error.value)
    if VERSION == (1, 15):
        assert str(error.value).endswith("it does not know the " + words)
