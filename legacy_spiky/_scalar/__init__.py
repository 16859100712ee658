"""A function of one number, read: an expression, and what becomes of that.

`read` runs the function on a stand-in for its argument. `array_form` makes an array function of the
expression, by NumPy; `compiled_form` a loop, by Numba; `module_text` a module of TensorFlow ops.
"""

from legacy_spiky._scalar.arrays import BLOCK, array_form
from legacy_spiky._scalar.compiled import compiled_form
from legacy_spiky._scalar.loop import NotCompiled
from legacy_spiky._scalar.reading import NotRead, read
from legacy_spiky._scalar.source import is_name, lacking, module_text

__all__ = [
    "BLOCK",
    "NotCompiled",
    "NotRead",
    "array_form",
    "compiled_form",
    "is_name",
    "lacking",
    "module_text",
    "read",
]
