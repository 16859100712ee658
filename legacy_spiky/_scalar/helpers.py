"""The helpers of a module of TensorFlow ops, as text: a module gets those that it calls."""

__all__ = ["HELPERS"]


HELPERS = {
    "_number": '''
def _number(value):
    """A number as a tensor."""
    return tf.constant(value, _DTYPE)
''',
    "_where": '''
def _where(condition, yes, no):
    """yes where the condition is true, else no."""
    yes, no = [tf.convert_to_tensor(value, _DTYPE) for value in (yes, no)]
    return tf.compat.v2.where(condition, yes, no)
''',
    "_only": '''
def _only(condition, x):
    """x; its gradient counts only where the condition is true."""
    return tf.compat.v2.where(condition, x, tf.stop_gradient(x))
''',
    "_unless": '''
def _unless(condition, x):
    """x; its gradient counts only where the condition is false."""
    return tf.compat.v2.where(condition, tf.stop_gradient(x), x)
''',
    "_along": '''
def _along(x, y):
    """y; a derivative for x of any order that is 0 everywhere is 0, and not None."""
    never = x < x
    return _where(never, 1.0 / _where(never, x, 1.0), y)
''',
    "_sloped": '''
def _sloped(value, x):
    """value, with the gradient of x, which is finite."""
    return tf.stop_gradient(value) - (tf.stop_gradient(x) - x)
''',
    "_tied": '''
def _tied(value, x):
    """value, with the gradient of x where that is finite."""
    value = tf.stop_gradient(value)
    return tf.compat.v2.where(tf.abs(x) < _INF, _sloped(value, x), value)
''',
    "_replaced": '''
def _replaced(condition, value, x):
    """x, but value where the condition is true, with the gradient of x."""
    return tf.compat.v2.where(condition, _sloped(value, x), x)
''',
    "_whole": '''
def _whole(x):
    """An integer, which has no negative zero."""
    return tf.compat.v2.where(tf.equal(x, 0.0), tf.zeros_like(x), x)
''',
    "_trunc": '''
def _trunc(x):
    """x without what is behind the point."""
    return tf.compat.v2.where(x < 0.0, tf.math.ceil(x), tf.floor(x))
''',
    "_round": '''
def _round(x):
    """x rounded half to even; where it is whole, tf.round is wrong up to TensorFlow 2.4."""
    whole = 2.0**52 if _DTYPE == tf.float64 else 2.0**23
    return tf.compat.v2.where(tf.abs(x) < whole, tf.round(x), tf.stop_gradient(x))
''',
    "_negative": {
        "float64": '''
def _negative(x):
    """Whether x has a minus, as -0.0 has."""
    return tf.bitcast(x, tf.int64) < 0
''',
        "": '''
def _negative(x):
    """Whether x has a minus, as -0.0 has."""
    return tf.logical_or(x < 0.0, 1.0 / x < 0.0)
''',
    },
    "_copysign": '''
def _copysign(x, y):
    """math.copysign(x, y)."""
    return tf.compat.v2.where(tf.math.logical_xor(_negative(x), _negative(y)), -1.0 * x, x)
''',
    "_wrapped": '''
def _wrapped(x, width):
    """x % width, where that is a power of two: exactly."""
    r = x - width * tf.floor(x / width)
    if width > 1.0:
        return tf.compat.v2.where(r < 0.0, r + width, r)  # x / width rounds to 0
    return tf.compat.v2.where(tf.abs(r) <= width, r, x - x)  # x / width is infinite
''',
    "_mod": {
        "float64": '''
def _mod(x, y):
    """Python's x % y, without a gradient."""
    x, y = tf.stop_gradient(x), tf.stop_gradient(y)
    r = tf.stop_gradient(tf.truncatemod(x, y))  # a graph asks what comes out for its gradient
    other_side = tf.logical_and(tf.not_equal(r, 0.0), tf.not_equal(r < 0.0, y < 0.0))
    r = tf.compat.v2.where(other_side, r + y, r)
    return tf.compat.v2.where(tf.equal(r, 0.0), _copysign(tf.zeros_like(r), y), r)
''',
        "": '''
def _mod(x, y):
    """Python's x % y, without a gradient."""
    return tf.math.floormod(tf.stop_gradient(x), tf.stop_gradient(y))
''',
    },
    "_fmod": '''
def _fmod(x, y):
    """math.fmod(x, y), without a gradient."""
    return tf.stop_gradient(tf.truncatemod(tf.stop_gradient(x), tf.stop_gradient(y)))
''',
    "_floordiv": {
        "float64": '''
def _floordiv(x, y):
    """Python's x // y."""
    x, y = tf.stop_gradient(x), tf.stop_gradient(y)
    r = tf.stop_gradient(tf.truncatemod(x, y))  # a graph asks what comes out for its gradient
    q = (x - r) / y
    other_side = tf.logical_and(tf.not_equal(r, 0.0), tf.not_equal(r < 0.0, y < 0.0))
    q = tf.compat.v2.where(other_side, q - 1.0, q)
    whole = tf.floor(q)
    whole = tf.compat.v2.where(q - whole > 0.5, whole + 1.0, whole)
    zero = _copysign(tf.zeros_like(q), x / y)
    return tf.compat.v2.where(tf.equal(q, 0.0), zero, whole)
''',
        "": '''
def _floordiv(x, y):
    """Python's x // y."""
    return _round((x - _mod(x, y)) / y)
''',
    },
    "_root": '''
def _root(x):
    """x ** 0.5, which is no negative zero, and infinite at -infinity."""
    x = _replaced(tf.equal(x, 0.0), tf.abs(x), x)
    return _where(tf.equal(x, -_INF), _INF, tf.sqrt(x))
''',
    "_cbrt": '''
def _cbrt(x):
    """math.cbrt(x)."""
    size = tf.compat.v2.where(x < 0.0, -1.0 * x, x)
    y = tf.pow(size, _number(1.0 / 3.0))
    cube = y * y * y
    usual = tf.logical_and(cube > 0.0, cube < _INF)
    y = y - tf.stop_gradient(_where(usual, (cube - size) / (3.0 * y * y), 0.0))
    y = tf.compat.v2.where(x < 0.0, -1.0 * y, y)
    return _replaced(tf.equal(x, 0.0), x, y)
''',
    "_erf": '''
def _erf(x):
    """math.erf(x), which tf.math.erf does not give where x * x is infinite."""
    return tf.math.erf(tf.compat.v2.where(tf.abs(x) > 30.0, 30.0 * tf.sign(x), x))
''',
    "_hypot": '''
def _hypot(*numbers):
    """math.hypot(*numbers), whose squares may be too large."""
    sizes = [tf.stop_gradient(tf.abs(x)) for x in numbers]
    scale = sizes[0]
    for size in sizes[1:]:
        scale = tf.compat.v2.where(size > scale, size, scale)
    usual = tf.logical_and(scale > 0.0, scale < _INF)
    safe = _where(usual, scale, 1.0)
    squares = [tf.square(_only(usual, x) / safe) for x in numbers]
    y = safe * tf.sqrt(_where(usual, sum(squares), 1.0))
    y = tf.compat.v2.where(usual, y, sum(sizes))
    for size in sizes:
        y = _where(tf.equal(size, _INF), _INF, y)
    return y
''',
    "_table": '''
def _table(numbers, i):
    """numbers[i]."""
    i = tf.cast(tf.compat.v2.where(i < 0.0, i + float(len(numbers)), i), tf.int32)
    return tf.gather(_number(numbers), tf.clip_by_value(i, 0, len(numbers) - 1))
''',
    "_flushed": '''
def _flushed(x):
    """x; what is subnormal is zero, as TensorFlow's own threads have it."""
    if x.dtype == tf.float16:
        return x
    least = 2.0**-1022 if x.dtype == tf.float64 else 2.0**-126
    return _replaced(tf.abs(x) < least, least * x, x)  # least * x is 0 there, with its sign
''',
    "_widened": {
        "float64": '''
def _widened(x):
    """A tensor in the dtype that is computed in."""
    return tf.cast(_flushed(x), _DTYPE)
''',
        "": '''
def _widened(x):
    """A tensor in the dtype that is computed in."""
    x = _flushed(x)
    return x if x.dtype == _DTYPE else _flushed(tf.cast(x, _DTYPE))
''',
    },
    "_rounded": {
        "float64": '''
def _rounded(y, dtype):
    """A result in the dtype of the tensor, rounded once; subnormals of that are zero."""
    if dtype == tf.float64:
        return _flushed(y)
    if dtype in (tf.bfloat16, tf.float32):
        # From halfway on they are rounded up to the least normal number.
        least = 2.0**-126
        halfway = least - (2.0**-135 if dtype == tf.bfloat16 else 2.0**-151)
        size = tf.abs(y)
        near = tf.compat.v2.where(size >= halfway, least * tf.sign(y), 2.0**-1022 * y)
        y = _replaced(size < least, near, y)
    if dtype in (tf.float16, tf.bfloat16):
        # tf.cast goes by way of float32, which would be rounding twice, were it not to odd.
        bits = tf.bitcast(y, tf.int64)
        lost = tf.not_equal(tf.bitwise.bitwise_and(bits, 2**29 - 1), 0)
        odd = tf.bitwise.bitwise_or(bits, tf.cast(lost, tf.int64) * 2**29)
        odd = tf.bitcast(tf.bitwise.bitwise_and(odd, -(2**29)), _DTYPE)
        y = _replaced(tf.abs(y) < _INF, odd, y)
    return tf.cast(y, dtype)
''',
        "": '''
def _rounded(y, dtype):
    """A result in the dtype of the tensor; subnormals are zero."""
    return tf.cast(_flushed(y), dtype)
''',
    },
    "_product": '''
def _product(upstream, slope):
    """The step back: a product in the dtype of the tensor."""
    return _flushed(_flushed(upstream) * slope)
''',
}
