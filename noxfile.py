"""The matrix: the tests, the demo and the digits on each TensorFlow that is promised; and the site.

nox --list           what there is
nox                  all of it, one after the other
nox -s tf-1.4.1      one version
nox -s tf-2.21.0     one version, on each of its Pythons
nox -s tf-2.0.4 -- tests/test_graph.py    what pytest is to run there
nox -s docs          the documentation as a site, in build/site; a warning is an error

The long tests run on two versions, and not on each.

An interpreter is looked for among pyenv's and on the PATH; a missing one is an error.
"""

import ast
import glob
import os
import re

import nox

# The table of docs/versions.md is this one.
MATRIX = [
    ("tensorflow==1.0.1", ["3.6"], "numpy<1.17 protobuf<3.18"),
    ("tensorflow==1.4.1", ["3.6"], "numpy<1.17 protobuf<3.18"),
    ("tensorflow==1.12.3", ["3.6"], "numpy<1.17 protobuf<3.18"),
    ("tensorflow==1.13.2", ["3.7"], "numpy<1.17 protobuf<3.18"),
    ("tensorflow==1.15.5", ["3.7"], "numpy<1.22 protobuf<3.21"),
    ("tensorflow==2.0.4", ["3.7"], "numpy<1.19 protobuf<3.18"),
    ("tensorflow-cpu==2.4.4", ["3.8"], "protobuf<3.21"),
    ("tensorflow-cpu==2.15.1", ["3.10"], ""),
    ("tensorflow-cpu==2.16.2", ["3.12"], ""),
    ("tensorflow-cpu==2.21.0", ["3.11", "3.13"], ""),
]

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True
# Before what is there: pyenv's own python3.6 is a script that fails where 3.6 is not its choice.
pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
os.environ["PATH"] = os.pathsep.join(
    glob.glob(os.path.join(pyenv, "versions", "3.*", "bin")) + [os.environ["PATH"]]
)


# Not the package itself, which is run from here: two sessions at once would build it at once.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "setup.py")) as setup:
    extras = re.findall(r'^ +"([a-z]+)": (\[.*?\])', setup.read(), re.M | re.S)
    EXTRAS = {name: ast.literal_eval(packages) for name, packages in extras}


WHOLE = [("1.15.5", "3.7"), ("2.21.0", "3.11")]


def matrix(tensorflow, pythons, versions):
    version = tensorflow.split("==")[1]

    @nox.session(name="tf-" + version, python=pythons)
    def session(session):
        if session.python in ("3.6", "3.7"):
            session.install("-q", "-U", "pip<21.4")
        session.install("-q", tensorflow, *versions.split(), *EXTRAS["test"])
        session.run("python", "scripts/session_demo.py")
        session.run("python", "scripts/train_digits.py")
        tests = session.posargs or ["--long"] * ((version, session.python) in WHOLE)
        session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


for row in MATRIX:
    matrix(*row)


@nox.session
def docs(session):
    session.install("-q", *EXTRAS["docs"])
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
    # mkdocstrings says nothing of a name that it leaves out, as one that a module has too.
    with open("build/site/api/index.html", encoding="utf-8") as page:
        shown = set(re.findall(r'id="legacy_spiky\.[\w.]*?(\w+)"', page.read()))
    names = set()
    for path in glob.glob("legacy_spiky/*.py") + glob.glob("legacy_spiky/*/__init__.py"):
        if re.search(r"/_(?!_init)", path) is None:
            with open(path) as module:
                found = re.search(r"^__all__ = (\[.*?\])", module.read(), re.M | re.S)
            names.update(ast.literal_eval(found.group(1)))
    if names - shown:
        session.error("docs/api.md lacks " + ", ".join(sorted(names - shown)))
