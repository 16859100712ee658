"""Functions of one number compiled by Numba: to what the interpreter gives, bit for bit, or not.

Numba has its arithmetic from the hardware, as the interpreter has, and most of `math` from the
same C library. What it does in its own way is put right (powers, exceptions, integers that grow
too large) or refused: functions with other last bits, and what can change unnoticed. Then the
compiled function is compared with the interpreter before it is trusted.
"""

import builtins
import ctypes
import functools
import inspect
import math
import operator
import os
import re
import threading
import types

import numpy as np

from legacy_spiky import _bits, _dtypes
from legacy_spiky._arithmetic import silent

__all__ = ["NotCompiled", "compiled"]


class NotCompiled(Exception):
    """Why a function is left to the interpreter."""


# What both have from the same library, or compute exactly. math.hypot and math.gamma, np.exp and
# np.tanh are not among them: their last bits differ.
_MATH = (
    "acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees erf erfc exp expm1 fabs "
    "floor isfinite isinf isnan log log10 log1p pow radians sin sinh sqrt tan tanh trunc"
).split()
_NUMPY = "abs absolute ceil copysign fabs float64 floor isfinite isinf isnan sqrt trunc".split()
_BUILTINS = "abs bool float int len max min pow range round".split()

# Compiled integers have 64 bits, and become doubles: products of two up to this are exact.
_LARGEST_INTEGER = 2**26


@functools.lru_cache(maxsize=None)
def _numba():
    try:
        import numba
    except ImportError as error:
        raise ImportError("%s: pip install numba" % error) from None
    return numba


@functools.lru_cache(maxsize=None)
def _stand_ins():
    """Returns what takes the place of functions from outside in a compiled one: itself, or ours.

    Ours raise where the interpreter does something else, which is then asked.
    """
    jit = _numba().njit
    exact = "copysign fabs isfinite isinf isnan".split()
    integers = "ceil floor trunc".split()

    def checked(function):
        @jit
        def call(x):
            y = function(x)
            # A pole, an overflow, a number outside of the domain.
            if not math.isfinite(y) and (math.isfinite(x) or math.isnan(y) != math.isnan(x)):
                raise ArithmeticError
            return y

        return call

    def integer(function):
        @jit
        def call(x):
            if not abs(x) <= _LARGEST_INTEGER:
                raise ArithmeticError
            return function(x)

        return call

    # With a constant exponent Numba multiplies, and has other last bits than the library.
    library_pow = ctypes.CDLL("ucrtbase" if os.name == "nt" else None).pow
    library_pow.argtypes, library_pow.restype = [ctypes.c_double] * 2, ctypes.c_double

    @jit
    def power(x, exponent):
        x, exponent = 1.0 * x, 1.0 * exponent
        y = library_pow(x, exponent)
        if not math.isfinite(y) and (
            (math.isfinite(x) and math.isfinite(exponent))
            or math.isnan(y) != (math.isnan(x) or math.isnan(exponent))
        ):
            raise ArithmeticError
        return y

    @jit
    def atan2(y, x):
        return math.atan2(y, x)

    found = {math.atan2: atan2, math.pow: power, pow: power}
    found.update((f, integer(f)) for f in [getattr(math, name) for name in integers])
    found.update((f, integer(f)) for f in (int, round))
    for module, names in [(math, _MATH), (np, _NUMPY), (builtins, _BUILTINS)]:
        for f in [getattr(module, name) for name in names]:
            if f not in found:
                # np.sqrt of a negative number is for the user's np.seterr and warnings.
                raises = f is np.sqrt or (module is math and f.__name__ not in exact)
                found[f] = checked(f) if raises else f
    return found


def _is_constant(value):
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return value is None or type(value) in (bool, int, float, str, np.float64)


@functools.lru_cache(maxsize=None)
def _pipeline():
    """Returns Numba's compiler with a pass that replaces what would give other numbers.

    https://numba.readthedocs.io/en/stable/developer/custom_pipeline.html
    """
    numba = _numba()
    from numba.core import compiler, compiler_machinery, ir, ir_utils, untyped_passes

    def refuse(reason):
        Pipeline.reason = reason
        raise NotCompiled(reason)

    def stand_in(name, value, line):
        """Returns the instruction for a value from outside of the function."""
        if isinstance(value, types.FunctionType):
            value = numba.njit(pipeline_class=Pipeline)(value)
        elif _known(value):
            value = _stand_ins()[value]
        elif not (value is math or value is np or _is_constant(value) or _is_compiled(value)):
            kind = type(value).__name__
            refuse("it reads %s (%s), which may be something else when compiled" % (name, kind))
        return ir.Global(name, value, line.loc)

    @compiler_machinery.register_pass(mutates_CFG=False, analysis_only=False)
    class AsInterpreted(compiler_machinery.FunctionPass):
        _name = "legacy_spiky_as_interpreted"

        def __init__(self):
            compiler_machinery.FunctionPass.__init__(self)

        def run_pass(self, state):
            function, modules = state.func_id.func, {}
            Pipeline.reads += [(function, name, getattr(function, name)) for name in _OWN]
            for block in state.func_ir.blocks.values():
                body = []
                for line in block.body:
                    value = getattr(line, "value", None)
                    op = value.op if isinstance(value, ir.Expr) else None
                    if isinstance(value, (ir.Global, ir.FreeVar)):
                        if value.value is function:
                            refuse("it calls itself")
                        Pipeline.reads.append((function, value.name, value.value))
                        if value.value is math or value.value is np:
                            modules[line.target.name] = value.value
                        line.value = stand_in(value.name, value.value, line)
                    elif op == "getattr" and value.value.name in modules:
                        module = modules[value.value.name]
                        name = "%s.%s" % (module.__name__, value.attr)
                        line.value = stand_in(name, getattr(module, value.attr, None), line)
                    elif op in ("binop", "inplace_binop") and value.fn in _POWERS:
                        place = ir.Var(block.scope, ir_utils.mk_unique_var("$power"), line.loc)
                        body.append(ir.Assign(stand_in("pow", pow, line), place, line.loc))
                        line.value = ir.Expr.call(place, [value.lhs, value.rhs], (), line.loc)
                    elif op == "make_function":
                        refuse("it makes a function")
                    body.append(line)
                block.body = body
            return True

    class Pipeline(compiler.CompilerBase):
        lock = threading.RLock()  # of the two below
        reads = None  # what the function that is being compiled has from outside
        reason = None  # why it is refused

        def define_pipelines(self):
            passes = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
            passes.add_pass_after(AsInterpreted, untyped_passes.InlineClosureLikes)
            passes.finalize()
            return [passes]

    return Pipeline


_POWERS = (operator.pow, operator.ipow)


def _known(value):
    try:
        return value in _stand_ins()
    except TypeError:  # it has no hash
        return False


def _is_compiled(value):
    return isinstance(value, type(_stand_ins()[pow]))


def _reason(error):
    """Returns what Numba says, without colours, places and advice."""
    lines = re.sub("\x1b\\[[0-9]*m", "", str(error)).splitlines()
    lines = [line.strip() for line in lines if not line.startswith(("Failed in", "During", " "))]
    return next(filter(None, lines), type(error).__name__)


def _compile(f):
    """Returns `f` compiled for a double, the loop, and what `f` reads from outside."""
    numba, Pipeline = _numba(), _pipeline()
    if _is_compiled(f):
        scalar = f
    elif _known(f):  # a built-in function
        scalar = _stand_ins()[f]
    elif isinstance(f, types.FunctionType):
        try:
            inspect.signature(f).bind(0.0)
        except TypeError as error:
            raise NotCompiled("it takes no single number: %s" % error) from None
        scalar = numba.njit(pipeline_class=Pipeline)(f)
    else:
        raise NotCompiled("Numba compiles functions, and this is of type " + type(f).__name__)

    @numba.njit
    def call(x):
        return scalar(x)

    @numba.njit
    def flush(number, least):
        return number * type(number)(0) if abs(number) < least else number  # with its sign

    @numba.njit(nogil=True)
    def loop(x, upstream, y, least, rounds_to_least):
        dtype = x.dtype.type
        least_of_dtype = dtype(least)
        for i in range(x.size):
            number = np.float64(flush(x[i], least_of_dtype))  # float() would leave float32
            result = 1.0 * scalar(number)  # of an integer or bool too
            rounded = dtype(flush(result, rounds_to_least))
            if upstream is not None:
                rounded = flush(rounded * flush(upstream[i], least_of_dtype), least_of_dtype)
            y[i] = rounded

    double, real = numba.float64, (numba.types.Float, numba.types.Integer, numba.types.Boolean)
    reads = []
    with Pipeline.lock:
        Pipeline.reads, Pipeline.reason = reads, None
        try:
            call.compile((double,))
            kind = call.overloads[(double,)].signature.return_type
            if isinstance(kind, real):
                for array in (numba.float32[::1], double[::1]):
                    for upstream in (numba.none, array):
                        loop.compile((array, upstream, array, double, double))
        except Exception as error:  # Numba has many
            raise NotCompiled(Pipeline.reason or _reason(error)) from None
        finally:
            Pipeline.reads = None  # it would keep them
    if not isinstance(kind, real):
        raise NotCompiled("it returns %s when compiled" % kind)
    return call, loop, reads


def compiled(f):
    """Compiles a function of one number.

    Args:
      f: the function.

    Returns:
      The loop, `loop(x, upstream, y, least, rounds_to_least)`: writes to `y` what `f` gives for
      each number of `x`, in double precision and rounded once, times `upstream` if that is not
      None. All are flat arrays of float32, or of float64; what is below `least` counts as zero, as
      in `_dtypes.flush`. It raises where the interpreter has to be asked. And `changed()`: the name
      of what `f` reads from outside and is another now than when it was compiled, or None.

    Raises:
      ImportError: Numba is missing.
      NotCompiled: it does not compile `f` to what the interpreter gives.
    """
    scalar, loop, reads = _compile(f)
    _compare(f, scalar, loop)

    def changed():
        for function, name, value in reads:
            now = _now(function, name)
            if now is not value and not (_is_constant(now) and now == value):
                return name

    return loop, changed


# What who reloads a module in place, as IPython's autoreload, gives to its functions.
_OWN = "__code__", "__defaults__"


def _now(function, name):
    """Returns what a name from outside of a function stands for at present."""
    if name in _OWN:
        return getattr(function, name)
    names = function.__code__.co_freevars
    if name in names:
        return function.__closure__[names.index(name)].cell_contents
    return function.__globals__.get(name, getattr(builtins, name, None))


@silent  # of `f` too: nobody passed these numbers
def _compare(f, scalar, loop):
    """Raises NotCompiled where the compiled function differs from the interpreter."""
    boundaries = _dtypes.to_double(_bits.boundaries("float32"))
    random = _dtypes.to_double(np.random.RandomState(0).uniform(-8, 8, 2000).astype(np.float32))
    taken = []
    for number in np.concatenate([boundaries, random]).tolist():
        try:
            result = scalar(number)
        except Exception:  # as when it runs: the interpreter is asked
            continue
        try:
            taken.append((number, float(f(number))))
        except Exception as error:
            raise NotCompiled(
                "for x = %r it raises %s, but gives %r when compiled"
                % (number, type(error).__name__, result)
            ) from None
    x, expected = np.array(taken, np.float64).reshape(-1, 2).T.copy()
    for dtype in (np.float32, np.float64):
        numbers, rounded = x.astype(dtype), expected.astype(dtype)
        given = np.empty_like(numbers)
        loop(numbers, None, given, 0.0, 0.0)
        same = (_bits.bits(given) == _bits.bits(rounded)) | (np.isnan(given) & np.isnan(rounded))
        for i in np.flatnonzero(~same)[:1]:
            raise NotCompiled(
                "for x = %r it gives %r, but %r when compiled"
                % (numbers[i].item(), rounded[i].item(), given[i].item())
            )
