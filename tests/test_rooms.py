"""The rooms of the package: who imports what; none on a higher floor, none behind a room's door."""

import ast
import glob
import os

import pytest

import legacy_spiky

PACKAGE = os.path.dirname(os.path.abspath(legacy_spiky.__file__))
PATHS = sorted(glob.glob(os.path.join(PACKAGE, "**", "*.py"), recursive=True))
NAMES = [os.path.relpath(path, PACKAGE).replace(os.sep, "/") for path in PATHS]


def room(name):
    """Returns the room of a file: its folder, or the file itself."""
    return name.split("/")[0] if "/" in name else name[: -len(".py")]


ROOMS = set(map(room, NAMES))


def tree(name):
    with open(os.path.join(PACKAGE, name), encoding="utf-8") as source:
        return ast.parse(source.read())


def imports(name):
    """Yields each name of the package that a file imports, as a list of parts; in functions too."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "%s: a relative import" % name
            modules = ["%s.%s" % (node.module, alias.name) for alias in node.names]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "legacy_spiky":
                yield module.split(".")[1:]


def used():
    """Returns for each room the rooms that it imports; the front doors import all."""
    found = {each: set() for each in ROOMS}
    for name in NAMES:
        for parts in imports(name):
            if parts and parts[0] in ROOMS - {room(name)}:
                found[room(name)].add(parts[0])
    return {each: found[each] for each in ROOMS - {"__init__", "__main__"}}


def test_no_circle_and_so_floors():
    rest = used()
    while rest:
        ground = [each for each in rest if not rest[each] & set(rest)]
        assert ground, "a circle: %s" % {each: sorted(rest[each] & set(rest)) for each in rest}
        for each in ground:
            del rest[each]


@pytest.mark.parametrize(
    "each, may",
    [
        ("_errors", set()),
        ("_late", set()),
        ("_terminal", {"_ops"}),
        ("_types", set()),
        ("_arrays", set()),
        ("_scalar", {"_arrays"}),
        ("functions", {"_arrays"}),
        ("vectorize", {"_arrays", "_errors", "_scalar"}),
        ("_ops", {"_arrays", "_errors"}),
        ("graph", {"_arrays", "_errors", "_ops", "_types", "functions"}),
        ("native", {"_arrays", "_errors", "_ops", "_scalar", "_types"}),
        (
            "migration",
            {"_errors", "_ops", "_types", "functions", "graph", "native", "vectorize"},
        ),
        ("checkpoint", {"_errors", "_ops", "_terminal", "graph"}),
        ("parity", {"_arrays", "_errors", "_late", "_ops", "_terminal"}),
    ],
)
def test_what_a_room_may_import(each, may):
    assert used()[each] <= may


def test_no_room_is_entered_but_by_its_door():
    """Of another folder a file imports what its `__init__.py` exports."""
    for name in NAMES:
        for parts in imports(name):
            if len(parts) < 2 or parts[0] in (room(name), "__init__") or name == "__main__.py":
                continue
            door = parts[0] + "/__init__.py"
            if door in NAMES:
                assigned = [node for node in tree(door).body if isinstance(node, ast.Assign)]
                (exported,) = [
                    ast.literal_eval(node.value)
                    for node in assigned
                    if getattr(node.targets[0], "id", None) == "__all__"
                ]
                assert len(parts) == 2 and parts[1] in exported, (name, parts)


def test_no_file_is_long():
    for path in PATHS:
        with open(path, encoding="utf-8") as source:
            assert len(source.readlines()) <= 300, path


def test_no_private_module_of_tensorflow():
    for name in NAMES:
        for node in ast.walk(tree(name)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(module.startswith("tensorflow.python") for module in modules), name
