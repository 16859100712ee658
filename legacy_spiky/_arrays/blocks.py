"""Array functions that work block by block: in the cache, into memory that TensorFlow takes."""

import weakref

import numpy as np

from legacy_spiky._arrays import arithmetic, dtypes

__all__ = ["Steps", "apply", "empty", "steps_of", "works_by"]

_BLOCK = 1 << 16  # numbers: what the steps need stays in the cache
# bytes: TensorFlow copies an array that is aligned otherwise, of a small one in no time
_ALIGNMENT, _SMALL = 64, 1 << 15


class Steps:
    """What an array function does with flat arrays of one dtype.

    Args:
      values: `values(x, y, flush)` writes its results for `x` to `y`, the same for a number
        wherever it stands. Where `flush` is true, subnormals count as zero, as in `dtypes.flush`.
      products: `products(x, upstream, y, flush)` writes their products with `upstream`; None where
        `dtypes.product` will do.
      block: how many numbers they get at once.
      dtypes: those that they take; None for every floating one.
    """

    def __init__(self, values, products=None, block=_BLOCK, dtypes=dtypes.HARDWARE):
        self.values = values
        self.products = products
        self.block = block
        self.dtypes = dtypes

    def __call__(self, flush, x, y, upstream=None):
        if upstream is None:
            self.values(x, y, flush)
        elif self.products is not None:
            self.products(x, upstream, y, flush)
        else:
            self.values(x, y, flush)
            y[...] = dtypes.product(y, upstream)


def empty(shape, dtype):
    """Returns a new array, not filled; a large one is aligned, for TensorFlow to take as it is."""
    y = np.empty(shape, dtype)
    if y.nbytes < _SMALL:
        return y
    memory = np.empty(y.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % _ALIGNMENT
    return memory[start : start + y.nbytes].view(dtype).reshape(shape)


def apply(steps, x, upstream=None, flush=False):
    """Returns what steps give for an array, or the product with `upstream`: a new array.

    Args:
      steps: the `Steps`.
      x: an array of real numbers. A dtype that the steps do not take goes by way of float64,
        which their results fit, and is rounded once.
      upstream: an array of the shape and dtype of `x`, or None.
      flush: whether subnormals of the dtype count as zero, in what comes and in what goes.

    Raises:
      TypeError: `x` is complex, text or objects.
    """
    with arithmetic.ieee():
        return _apply(steps, dtypes.as_floating(x), upstream, flush)


def _apply(steps, x, upstream, flush):
    if steps.dtypes is not None and x.dtype not in steps.dtypes:
        y = dtypes.to_double(x)
        y = _apply(steps, dtypes.flush(y, x.dtype) if flush else y, None, False)
        y = (dtypes.round_and_flush if flush else dtypes.round_to)(y, x.dtype)
        return y if upstream is None else dtypes.product(y, upstream)
    y = empty(x.shape, x.dtype)
    arrays = [x, y] if upstream is None else [x, y, upstream]
    arrays = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    for i in range(0, x.size, steps.block):
        steps(flush, *[array[i : i + steps.block] for array in arrays])
    return y


def works_by(array_function, *arguments, **named):
    """Notes, and returns, the steps by which an array function works."""
    # On the function: a table of them would keep those that their own steps lead to, as by a method
    # of an object that holds them.
    steps = array_function._steps = Steps(*arguments, **named)
    steps.function = weakref.ref(array_function)
    return steps


def steps_of(func):
    """Returns the steps that an array function works by, or None."""
    steps = None
    try:
        steps = vars(func).get("_steps")
    except Exception:  # an object may have no attributes, or raise where it is asked for one
        pass
    # functools.wraps copies what is on a function to another one.
    return steps if isinstance(steps, Steps) and steps.function() is func else None
