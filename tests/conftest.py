"""What the tests share: graphs, sessions, and how much of the golden data they walk."""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random

import pytest

GOLDEN_BLOCKS = 4096


def golden_blocks(text):
    if text != "all" and not (text.isdigit() and int(text) <= GOLDEN_BLOCKS - 3):
        raise argparse.ArgumentTypeError("expected 'all' or a number up to 4093, got %r" % text)
    return text if text == "all" else int(text)


def pytest_addoption(parser):
    parser.addoption(
        "--golden",
        default=8,
        type=golden_blocks,
        metavar="N",
        help="how many blocks of 2**20 float32 to compare with the golden digests: a number, "
        "drawn anew each time, or 'all' (4096)",
    )


def pytest_generate_tests(metafunc):
    if "golden_block" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--golden")
        blocks = range(GOLDEN_BLOCKS)
        if wanted != "all":
            # The subnormals and the one number that the float32 formula gets wrong, always.
            fixed = [0, 2055, 0xBEFFFFFF >> 20]
            others = [block for block in blocks if block not in fixed]
            blocks = sorted(fixed + random.sample(others, wanted))
        metafunc.parametrize("golden_block", blocks)


@pytest.fixture
def graph_mode():
    """A new default graph and a session on it, which the test gets."""
    from legacy_spiky._tf import tf

    with tf.Graph().as_default(), tf.Session() as session:
        yield session


WORLDS = [
    "session",
    "caller's thread",
    "other control flow",
    "migration in a session",
    "migration, eager",
    "migration, tape in tf.function",
    "migration, tape around tf.function",
]


@pytest.fixture(params=WORLDS)
def world(request):
    """Where the tests of the contract run; see worlds.py."""
    from worlds import Eager, Session

    import legacy_spiky
    from legacy_spiky._tf import tf

    if request.param.startswith("migration"):
        if not hasattr(tf, "numpy_function"):
            pytest.skip("migration needs TensorFlow 1.15")
        from legacy_spiky import migration

        if request.param == "migration in a session":
            yield Session(migration)
        elif not tf.executing_eagerly():
            pytest.skip("TensorFlow 1 runs eagerly only where a program says so at its start")
        else:
            modes = {"eager": None, "tape in tf.function": "inside"}
            yield Eager(migration, modes.get(request.param[len("migration, ") :], "outside"))
    elif request.param != "other control flow":
        yield Session(legacy_spiky, threads=-1 if request.param == "caller's thread" else 0)
    elif not hasattr(tf, "control_flow_v2_enabled"):
        pytest.skip("TensorFlow 1.13 and older have one control flow")
    else:  # TensorFlow 1's in TensorFlow 2, as after disable_v2_behavior, and the other way round
        switch = [tf.enable_control_flow_v2, tf.disable_control_flow_v2]
        enabled = tf.control_flow_v2_enabled()
        switch[enabled]()
        yield Session(legacy_spiky)
        switch[not enabled]()
