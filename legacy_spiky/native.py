"""Any activation in TensorFlow ops alone: no Python when it runs.

It compiles, exports and runs on an accelerator. `native` makes the op, `source` the text of a
module that defines it and needs no package but TensorFlow; `native_spiky` is the recipe's.
"""

from typing import Any, Callable, Optional

import numpy as np

from legacy_spiky import _ops
from legacy_spiky._arrays import least_normal
from legacy_spiky._errors import check_callable, describe
from legacy_spiky._ops import tf
from legacy_spiky._scalar import NotRead, is_name, lacking, module_text, read
from legacy_spiky._types import Activation

__all__ = ["native", "native_spiky", "source"]

if not (hasattr(tf, "custom_gradient") and hasattr(tf, "where_v2")):
    raise ImportError(
        "legacy_spiky.native needs TensorFlow 1.15 or newer, for tf.custom_gradient and a tf.where "
        "that broadcasts; this is TensorFlow %s. On it use legacy_spiky.activation" % tf.VERSION
    )


def native(
    f: Callable[[float], Any],
    df: Optional[Callable[[float], Any]] = None,
    d2f: Optional[Callable[[float], Any]] = None,
    name: Optional[str] = None,
    compute_dtype: Any = None,
) -> Activation:
    """Makes an activation of a function of one number: in TensorFlow ops.

    `f` is read: run once for each path through it, on what stands in for its argument and notes
    what is done to it. The op holds what `f` reads from outside as it is now.

    Value: `f(x)`, evaluated in double precision and rounded once. Gradient: `upstream * df(x)`.
    Second derivative: `d2f(x)`. TensorFlow differentiates the last of the three that is given, to
    any order: along the path that a number takes, so that another path never makes a NaN, and with
    0 at steps, as those of `floor`.

    Arithmetic, comparisons, branches, `%`, `//`, `abs`, `floor`, `sqrt` and the like give what they
    give in Python, bit for bit; of `**`, `exp`, `tanh` and their kind TensorFlow has its own last
    bits. Integers are doubles: past 2**53 they are what doubles give. Where Python raises, there is
    no error, and none to catch: `1 / 0` is infinite, `math.log(-1)` is NaN, and so is what ends in
    `raise`.

    Args:
      f: a function of one real number that returns one: float, integer or bool.
      df: its derivative, a function likewise; without it TensorFlow differentiates `f`.
      d2f: that of `df`, likewise.
      name: of the op, one that Python takes for a function; that of `f` if it has one.
      compute_dtype: the floating dtype to compute in, TensorFlow's or NumPy's or its name; float64
        without it. In float32 it is faster on an accelerator, and TFLite takes it.

    Returns:
      A function `op(x, name=None)` of a tensor of any shape, or what converts to one: float16,
      bfloat16, float32 or float64, subnormals of it (but for float16) counting as 0. It returns a
      tensor of that dtype and shape, in a session, eagerly, in `tf.function`, under XLA. A
      SavedModel holds it for a process without this package, which can differentiate it: with `df`
      where TensorFlow saves custom gradients (2.15 does, 2.4 does not), with `d2f` just once.

    Raises:
      TypeError: a function is not callable or cannot be read, or TensorFlow has no op for what it
        calls; `compute_dtype` is no floating dtype; `d2f` without `df`. Of the op: another dtype.
      ValueError: `name` is none that Python takes for a function.

    >>> leaky = native(lambda x: x if x > 0 else 0.25 * x, name="leaky")
    >>> x = tf.constant([-2.0, 3.0])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = leaky(x)
    >>> y.numpy().tolist(), tape.gradient(y, x).numpy().tolist()
    ([-0.5, 3.0], [0.25, 1.0])
    """
    text, name = _text(f, df, d2f, name, compute_dtype)
    module = {"__name__": "legacy_spiky native " + name}
    exec(compile(text, "<native %s>" % name, "exec"), module)
    build = module[name]

    @_as_written
    def op(x, name=None):
        """The activation in TensorFlow ops: see `legacy_spiky.native.native`."""
        x = _ops.tensor(x, "the input", f)
        if x.dtype.base_dtype not in _ops.FLOATING:
            raise _ops.not_floating("that of " + describe(f), x.dtype)
        return _alone(build, x, name)

    op.__name__ = _ops.keras_name(name)
    op.__qualname__ = name
    op.__module__ = getattr(f, "__module__", None) or __name__
    return op


def source(
    f: Callable[[float], Any],
    df: Optional[Callable[[float], Any]] = None,
    d2f: Optional[Callable[[float], Any]] = None,
    name: Optional[str] = None,
    compute_dtype: Any = None,
) -> str:
    """Writes the op of `native` as a module that needs TensorFlow alone, 1.15 or newer.

    Its numbers are those of `native` bit for bit. It defines a function `name(x, name=None)`; all
    else in it begins with `_`.

    Args:
      f: as for `native`.
      df: as there.
      d2f: as there.
      name: of the function; that of `f` if it has one, else `activation`.
      compute_dtype: as there.

    Returns:
      The text of the module.

    Raises:
      TypeError: as for `native`.
      ValueError: as there.

    >>> text = source(lambda x: 0.5 * x, name="half")
    >>> "def half(x, name=None):" in text, "r1 = 0.5 * x" in text
    (True, True)
    """
    return _text(f, df, d2f, name, compute_dtype)[0]


def _text(f, df, d2f, name, compute_dtype):
    """Returns the text of the module, and the name of what it defines."""
    roles = [("f", f), ("df", df), ("d2f", d2f)]
    if df is None and d2f is not None:
        raise TypeError("d2f is given, %s, but df is not: give both" % describe(d2f))
    roles = [(role, function) for role, function in roles if function is not None or role == "f"]
    for role, function in roles:
        check_callable(role, function)
    if name is None:
        name = getattr(f, "__name__", None)
        name = name if is_name(name) else "activation"  # for <lambda>
    elif not is_name(name):
        raise ValueError(
            "name must be one that Python takes for a function, of letters, digits and _, and "
            "begin with a letter, got %r" % (name,)
        )
    dtype = _compute_dtype(compute_dtype)
    return module_text([_path(*role) for role in roles], name, dtype), name


def _path(role, function):
    """Reads a function."""
    try:
        path = read(function).path
    except NotRead as reason:
        why = str(reason)
    else:
        name = lacking(path)
        if name is None:
            return path
        why = "it calls %s, and TensorFlow has no such op" % name
    raise TypeError(
        "%s, %s, cannot become TensorFlow ops: %s. Use legacy_spiky.migration.activation, or write "
        "it otherwise" % (role, describe(function), why)
    )


def _compute_dtype(given):
    """Returns the name of the dtype to compute in."""
    if given is None:
        return "float64"
    try:
        dtype = tf.as_dtype(given)
    except Exception:  # TypeError; of what has no hash or no sense, others
        dtype = None
    if dtype not in _ops.FLOATING:
        raise TypeError(
            "compute_dtype must be float16, bfloat16, float32 or float64, got %r" % (given,)
        )
    return dtype.name


# AutoGraph has nothing to convert here.
_as_written = tf.autograph.experimental.do_not_convert


def _alone(build, *arguments):
    """Builds what has a tf.custom_gradient, whose override holds for a graph and not a thread."""
    if tf.executing_eagerly():
        return build(*arguments)
    with _ops.building_lock:
        return build(*arguments)


def native_spiky(x: Any, name: Optional[str] = None) -> Any:
    """`tf_spiky` in TensorFlow ops: no Python when it runs.

    Value: `r = x % 1`; `r` where `r <= 0.5`, else 0. Gradient: `upstream * d_spiky(x)`; the
    second derivative is 0. Bit for bit as `tf_spiky`.

    Args:
      x: a tensor of any shape, or what converts to one; float16, bfloat16, float32 or
        float64. Subnormals count as 0 (but for float16).
      name: a name for the ops.

    Returns:
      A tensor of the dtype and shape of `x`.

    Raises:
      TypeError: `x` has another dtype.

    >>> native_spiky([0.25, 0.75]).numpy().tolist()
    [0.25, 0.0]
    """
    with tf.name_scope(name, "spiky", [x]):
        x = tf.identity(_ops.tensor(x, "the input", native_spiky))
        if x.dtype not in _ops.FLOATING:
            raise _ops.not_floating("native_spiky", x.dtype)
        return _alone(tf.custom_gradient(_differentiable_spiky), x)


def _differentiable_spiky(x):
    r, low = _ramp(x)

    def backward(upstream):
        # `low` has no gradient; that of sign is 0, which the second derivative is.
        one = 1 + 0 * tf.sign(x)
        return upstream * tf.where_v2(low, one, tf.zeros_like(x))

    return tf.where_v2(low, r, tf.zeros_like(r)), backward


def _ramp(x):
    """Returns `x % 1`, exact where it is at most 0.5, and where that is."""
    dtype = x.dtype.base_dtype
    subnormal = tf.abs(x) < tf.constant(least_normal(np.dtype(dtype.as_numpy_dtype)), dtype)
    x = tf.where_v2(subnormal, tf.zeros_like(x), x)
    floor = tf.floor(x)
    r = x - floor
    low = r <= 0.5  # not for NaN, which is what infinity gives too
    if dtype != tf.float64:
        # Above 0.5 by less than the dtype can tell, as -0.49999997 + 1, r rounds to 0.5; the
        # sum is exact. In float64 Python's own r does so too.
        low = tf.logical_and(low, x <= floor + 0.5)
    return r, low


_ops.register_keras_serializable(native_spiky)
