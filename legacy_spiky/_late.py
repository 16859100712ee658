"""Names of a package that are bound when they are asked for: what they need may be missing."""

import importlib
import sys
import types

__all__ = ["bind_late"]


def bind_late(package, modules):
    """Says in which modules the names are that a package does not have yet.

    Args:
      package: the name of the package.
      modules: for each module, by its name within the package, the names, in one string.
    """
    package = sys.modules[package]
    package.__dict__["_late"] = {name: m for m, names in modules.items() for name in names.split()}
    package.__class__ = _Package


class _Package(types.ModuleType):
    """A package. Python 3.6 has no `__getattr__` in modules, but takes another class for one."""

    def __getattr__(self, name):
        late = vars(self)["_late"]
        if name not in late:
            raise AttributeError("module %r has no attribute %r" % (self.__name__, name))
        module = importlib.import_module("%s.%s" % (self.__name__, late[name]))
        # A module may be asked for too, by its own name.
        found = {each: getattr(module, each, module) for each in late if late[each] == late[name]}
        vars(self).update(found)
        return found[name]

    def __dir__(self):
        return sorted(set(self._late) | set(vars(self)))
