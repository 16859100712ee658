"""What the tests share: graphs, sessions, threads."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import signal
import sys
import warnings

import numpy as np
import pytest

try:
    from hypothesis import settings
except ImportError:  # test_properties.py says so
    pass
else:
    # About 30 seconds of test_properties.py, the same examples each time, so that a change is what
    # fails; and ten minutes of others: --hypothesis-profile=long.
    for profile, examples in [("short", 80), ("long", 1500)]:
        settings.register_profile(
            profile,
            max_examples=examples,
            derandomize=profile == "short",
            deadline=None,
            database=None,
            print_blob=True,
        )
    settings.load_profile("short")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--as-errors",
        action="store_true",
        help="run the tests as a user does who made NumPy's floating-point errors and all warnings "
        "errors: np.seterr(all='raise'), python -W error",
    )
    parser.addoption("--long", action="store_true", help="run the long tests too")


# These take minutes each; named on the command line they run without --long.
LONG = "benchmark forms leaks lockstep misuse native_table parity_command properties train_cluster"
LONG = ["test_%s.py" % name for name in (LONG + " verify_parity").split()]


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long, and runs with --long or by its name")


def leave_long_ones(config, items):
    left = []
    for item in items:
        name = os.path.basename(item.nodeid.partition("::")[0])
        if name in LONG:
            item.add_marker(pytest.mark.long)
            if not (config.getoption("--long") or any(name in arg for arg in config.args)):
                left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


# What the package says of speed is an error there too, as it should be, and is tested apart.
SLOW = ".* runs in the interpreter, number by number, which is slow: "


@pytest.fixture(autouse=True)
def as_errors(request):
    """With --as-errors: which concern the user's functions, and not the package's arithmetic."""
    if not request.config.getoption("--as-errors"):
        yield
        return
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", SLOW, RuntimeWarning)
        # TensorFlow's and Keras's own code on a newer Python or NumPy.
        theirs = r"(tensorflow|tensorflow_core|keras|tf_keras)(\.|$)"
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=theirs)
        yield


def pytest_generate_tests(metafunc):
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", worlds(), indirect=True)


# Outside of sessions TensorFlow's own tf.custom_gradient, tapes or functions fail here before 2.15,
# or do not end; docs/versions.md says so. And a session may run an op on a thread that keeps
# subnormals.
LATER = re.compile(
    "migration, .*control_flow|control_flow.*migration,|(eager|tape|function).*bfloat16"
    "|bfloat16.*eager|bfloat16.*function|built_late.*tape.*loop|flush_subnormals.(session|function|eager)|vectorized_map|XLA|xla|forward_mode|layer_below_trains"
    "|reads_from_outside.*tape|lacks_a_term.*tape .*-in a"
    "|ends_before.*eager-stop"
    "|verify_parity.py::test_quick|parity_command.py::test_the_obvious_formula_by|test_the_pair|doctest.*parity"
)


def pytest_collection_modifyitems(config, items):
    leave_long_ones(config, items)
    later = [item for item in items if LATER.search(item.nodeid)]
    if not later:  # where there may be no TensorFlow
        return
    from legacy_spiky._ops.versions import tf

    if (2, 0) <= tuple(int(number) for number in tf.VERSION.split(".")[:2]) < (2, 15):
        for item in later:
            item.add_marker(pytest.mark.skip(reason="TensorFlow 2.15 and newer can do this"))


@pytest.fixture
def graph_mode():
    """A new default graph and a session on it, which the test gets."""
    from legacy_spiky._ops.versions import tf

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
    from legacy_spiky._ops.versions import tf

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
    from legacy_spiky._ops.versions import tf

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
