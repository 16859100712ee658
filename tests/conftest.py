"""What the tests share: graphs, sessions, and how much of the golden data they walk."""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random
import sys

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
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", worlds(), indirect=True)


@pytest.fixture
def graph_mode():
    """A new default graph and a session on it, which the test gets."""
    from legacy_spiky._tf import tf

    with tf.Graph().as_default(), tf.Session() as session:
        yield session


@pytest.fixture
def busy_threads():
    """Threads take turns as often as they can, so that races show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def worlds():
    """The worlds that this TensorFlow has."""
    from legacy_spiky._tf import tf

    names = ["session", "caller's thread"]
    if hasattr(tf, "control_flow_v2_enabled"):
        names.append("other control flow")
    if hasattr(tf, "numpy_function"):
        names.append("migration in a session")
    if hasattr(tf, "executing_eagerly") and tf.executing_eagerly():
        names += ["migration, eager", "migration, tape inside", "migration, tape outside"]
    return names


@pytest.fixture
def world(request):
    """Where the tests of the contract run; see worlds.py."""
    from worlds import Eager, Session

    import legacy_spiky
    from legacy_spiky._tf import tf

    if request.param == "session":
        yield Session(legacy_spiky)
    elif request.param == "caller's thread":
        yield Session(legacy_spiky, threads=-1)
    elif request.param == "other control flow":
        # TensorFlow 1's in TensorFlow 2, as after disable_v2_behavior, and the other way round.
        switch = [tf.enable_control_flow_v2, tf.disable_control_flow_v2]
        enabled = tf.control_flow_v2_enabled()
        switch[enabled]()
        yield Session(legacy_spiky)
        switch[not enabled]()
    else:
        from legacy_spiky import migration

        kind = request.param.split()[-1]
        yield (
            Session(migration)
            if kind == "session"
            else Eager(migration, None if kind == "eager" else kind)
        )
