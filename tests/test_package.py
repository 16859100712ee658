"""The package as a whole: what it exports, what it needs, on what it runs."""

import ast
import doctest
import glob
import importlib
import inspect
import os
import re
import subprocess
import sys

import pytest

import legacy_spiky
from legacy_spiky._ops.versions import tf

PACKAGE = os.path.dirname(legacy_spiky.__file__)
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = sorted(glob.glob(os.path.join(PACKAGE, "*.py")) + glob.glob(PACKAGE + "/*/*.py"))
MODULES = [os.path.relpath(path, PACKAGE)[:-3].replace(os.sep, ".") for path in SOURCES]


def read(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def python(code, *arguments):
    """Runs code in a new interpreter; returns its exit status and what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code] + list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=os.path.dirname(PACKAGE),
    )
    output = process.communicate()[0].decode()
    return process.returncode, output


RECIPE = (
    "spiky d_spiky np_spiky np_d_spiky np_d_spiky_32 np_spiky_32 tf_d_spiky py_func spikygrad "
    "spikygrad2 tf_spiky"
)


@pytest.mark.parametrize("name", RECIPE.split() + ["vectorize", "activation"])
def test_names(name):
    assert name in legacy_spiky.__all__
    assert callable(getattr(legacy_spiky, name))
    assert getattr(legacy_spiky, name).__doc__


def test_all_is_sorted_and_nothing_else():
    assert legacy_spiky.__all__ == sorted(RECIPE.split() + ["vectorize", "activation"])


@pytest.mark.parametrize("module", [module for module in MODULES if "__init__" not in module])
def test_all_in_each_module(module):
    if module in ("migration", "native") and not hasattr(tf, "numpy_function"):
        words = "legacy_spiky.%s needs TensorFlow 1.15 or newer, " % module
        with pytest.raises(ImportError, match=words + ".* legacy_spiky"):
            importlib.import_module("legacy_spiky." + module)
        return
    module = importlib.import_module("legacy_spiky." + module)
    assert module.__all__ == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", ["", ".checkpoint", ".migration", ".native", ".parity"])
def test_public_functions_are_annotated(module):
    # py.typed says so.
    module = pytest.importorskip("legacy_spiky" + module)
    for name in module.__all__:
        if inspect.isfunction(getattr(module, name)):
            annotations = getattr(module, name).__annotations__
            assert "return" in annotations and len(annotations) > 1, name


def test_version():
    assert re.match(r"\d+\.\d+\.\d+$", legacy_spiky.__version__)
    assert "## " + legacy_spiky.__version__ in read(
        os.path.join(os.path.dirname(PACKAGE), "CHANGELOG.md")
    )


@pytest.mark.parametrize(
    "module", "checkpoint functions graph migration native parity vectorize".split()
)
def test_each_public_name_has_a_doctest_that_runs(module):
    if module in ("migration", "native", "parity") and not getattr(tf, "executing_eagerly", bool)():
        pytest.skip("its examples are eager")
    module = importlib.import_module("legacy_spiky." + module)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for name in module.__all__:
        member = getattr(module, name)
        # Those of a folder live in its rooms.
        globs = dict(vars(sys.modules[member.__module__]), **vars(module))
        globs["tf"] = tf
        tests = finder.find(member, name, globs=globs)
        assert sum(runner.run(test).attempted for test in tests), name
    assert runner.failures == 0


BUILDS = """
import importlib
from legacy_spiky._ops.versions import tf
for name in ("checkpoint", "migration", "native", "parity"):
    try:
        importlib.import_module("legacy_spiky." + name)
    except ImportError:  # TensorFlow is too old
        assert name in ("migration", "native")
print(tf.get_default_graph().get_operations())
"""


def test_import_builds_nothing():
    assert python(BUILDS)[1].splitlines()[-1] == "[]"


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
"""

LACKS = "ImportError: legacy_spiky needs TensorFlow, and none is installed for %s. Install"
LACKS %= sys.executable

# Each name is asked for before any other.
EACH_NAME = """
import importlib
for name in sys.argv[1:]:
    for module in [module for module in sys.modules if module.startswith("legacy_spiky")]:
        del sys.modules[module]
    import legacy_spiky
    assert not [module for module in sys.modules if module.startswith("tensorflow.")]
    assert set(legacy_spiky.__all__) <= set(dir(legacy_spiky))
    try:
        print(name, callable(getattr(legacy_spiky, name)))
    except (AttributeError, ImportError) as error:
        print(name, type(error).__name__ + ":", error)
"""


def test_import_without_tensorflow():
    names = legacy_spiky.__all__ + ["graph", "nothing"]
    status, output = python(WITHOUT_TENSORFLOW + EACH_NAME, *names)
    assert status == 0, output
    lines = dict(line.split(" ", 1) for line in output.splitlines())
    assert list(lines) == names
    assert (
        lines.pop("nothing") == "AttributeError: module 'legacy_spiky' has no attribute 'nothing'"
    )
    lacking = {name for name, said in lines.items() if said.startswith(LACKS)}
    needed = "activation graph py_func spikygrad spikygrad2 tf_d_spiky tf_spiky"
    assert lacking == set(needed.split())
    assert all("pip install tensorflow-cpu" in lines[name] for name in lacking)
    assert {lines[name] for name in set(lines) - lacking} == {"True"}


@pytest.mark.parametrize(
    "code",
    [
        "from legacy_spiky import tf_spiky",
        "from legacy_spiky import *",
        "import legacy_spiky.graph",
        "import legacy_spiky.migration",
        "import legacy_spiky.native",
        "from legacy_spiky.parity import compare",
        "import legacy_spiky.checkpoint as room; room.find_callbacks('x.meta')",
        "import legacy_spiky.checkpoint as room; room.rebind('x.meta', {})",
        "import legacy_spiky.checkpoint as room; room.restore('x', {})",
    ],
)
def test_importing_what_needs_tensorflow_without_it(code):
    status, output = python(WITHOUT_TENSORFLOW + "sys.modules['google'] = None\n" + code)
    assert (status, LACKS in output) == (1, True), output


# The function has the name of the module that it is in, which importing would bind in its place.
IMPORTS = """
import legacy_spiky
function = legacy_spiky.vectorize
assert "graph" not in vars(legacy_spiky)
import legacy_spiky.vectorize
from legacy_spiky.vectorize import vectorize
assert vectorize is function is legacy_spiky.vectorize
import legacy_spiky.graph, legacy_spiky.parity, legacy_spiky.checkpoint
assert vectorize is function is legacy_spiky.vectorize
names = {}
exec("from legacy_spiky import *", names)
assert set(legacy_spiky.__all__) == set(names) - {"__builtins__"}
assert all(names[name] is getattr(legacy_spiky, name) for name in legacy_spiky.__all__)
assert legacy_spiky.py_func is legacy_spiky.graph.py_func
assert not hasattr(legacy_spiky, "nothing")
print("done")
"""


def test_names_are_bound_when_they_are_asked_for():
    status, output = python(IMPORTS)
    assert (status, output.splitlines()[-1]) == (0, "done"), output


@pytest.mark.parametrize("name", ["legacy_spiky", "legacy_spiky.parity"])
def test_type_checkers_see_what_is_bound_later(name):
    package = importlib.import_module(name)
    (block,) = [node for node in ast.parse(read(package.__file__)).body if isinstance(node, ast.If)]
    assert block.test.id == "TYPE_CHECKING"
    modules = {name: getattr(package, name).__module__ for name in package.__all__}
    for statement in block.body:
        names = [alias.name for alias in statement.names]
        assert names == [name for name in modules if modules[name] == statement.module]
    late = {alias.name for statement in block.body for alias in statement.names}
    assert late == set(vars(package)["_late"]) - {"graph"}


def test_import_with_a_broken_tensorflow(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('a library is missing')")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import legacy_spiky.graph"
    status, output = python(code, str(tmp_path))
    assert status == 1
    assert "ImportError: a library is missing" in output
    assert "none is installed" not in output


# The rooms that hold no TensorFlow, with their tests, in an interpreter that has none.
BARE = (
    WITHOUT_TENSORFLOW
    + """
import pytest
status = pytest.main(["-q", "-p", "no:cacheprovider"] + sys.argv[1:])
assert not [name for name in sys.modules if name.startswith("tensorflow.")]
sys.exit(status)
"""
)


def test_the_rooms_without_tensorflow():
    names = "test_errors test_functions test_vectorize arrays/test_arithmetic arrays/test_dtypes "
    names += "arrays/test_threads scalar/test_reading scalar/test_array_form"
    paths = [os.path.join(HERE, name + ".py") for name in names.split()]
    status, output = python(BARE, *paths)
    assert status == 0, output
    assert re.search(r"\d\d\d passed", output)


OWN_IMPORTS = """
import sys, numpy, tensorflow
before = set(sys.modules)
from legacy_spiky import *
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_import_loads_nothing_but_its_own_modules():
    status, output = python(OWN_IMPORTS)
    assert status == 0
    assert output.splitlines()[-1].replace(", 'typing'", "") == "['legacy_spiky']"


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_nothing_private_of_tensorflow_and_numba(path):
    private = "tensorflow.python", "numba.core"
    for node in ast.walk(ast.parse(read(path))):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        names.append(getattr(node, "module", None) or "")
        assert not any(name.startswith(private) for name in names)
    assert not any(name in read(path) for name in private)


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_parses_on_python_3_6(path):
    # Python 3.7 and older have no feature_version, and parse no more than they know.
    new = sys.version_info >= (3, 8)
    ast.parse(read(path), **({"feature_version": (3, 6)} if new else {}))
