"""An expression as the text of a module that needs TensorFlow alone, 1.15 or newer.

Where TensorFlow is to differentiate the text, what a number does not do makes no NaN. The gradient
of a `tf.where` is 0 on the side that is not taken, and times an infinite derivative that would be
NaN. So a side gets its numbers by `_only` or `_unless`, which stop such a gradient again. What is
on both sides, and what has a finite derivative in any case, is written once, before them.
"""

import keyword
import math
import re

from legacy_spiky._scalar.expression import Choice, Path, Value, paths, values

__all__ = ["is_name", "lacking", "text"]

# What TensorFlow has no op for, nor what makes one.
_LACKING = ("gamma",)

_TRUTHS = "bool", "bool_"

# How operations are written: of numbers, which may stand there as they are, and of tensors.
_OPERATORS = {
    "neg": "-1.0 * %s",  # -x of 0.0 is 0.0 up to TensorFlow 2.4
    "add": "%s + %s",
    "sub": "%s - %s",
    "mul": "%s * %s",
    "div": "%s / %s",
    "lt": "%s < %s",
    "le": "%s <= %s",
    "gt": "%s > %s",
    "ge": "%s >= %s",
}
_FUNCTIONS = {
    "eq": "tf.equal(%s, %s)",
    "ne": "tf.not_equal(%s, %s)",
    "not": "tf.cast(%s, _DTYPE) < 0.5",  # of not x > y a graph makes x <= y, wrong for NaN
    "and": "tf.logical_and(%s, %s)",
    "or": "tf.logical_or(%s, %s)",
    "xor": "tf.math.logical_xor(%s, %s)",
    "isnan": "tf.not_equal(%s, %s)",
    "isinf": "tf.equal(tf.abs(%s), _INF)",
    "isfinite": "tf.abs(%s) < _INF",
    "trunc": "_trunc(%s)",
    "round": "_round(%s)",
    "ceil": "tf.math.ceil(%s)",
    "mod": "_mod(%s, %s)",
    "floordiv": "_floordiv(%s, %s)",
    "fmod": "_fmod(%s, %s)",
    "pow": "tf.pow(%s, %s)",
    "ipow": "_round(tf.pow(%s, %s))",
    "copysign": "_copysign(%s, %s)",
    "cbrt": "_cbrt(%s)",
    "erf": "_erf(%s)",
    "hypot": "_hypot(%s)",
    "exp2": "tf.pow(_number(2.0), %s)",
    "log2": "tf.math.log(%%s) / %r" % math.log(2),
    "log10": "tf.math.log(%%s) / %r" % math.log(10),
}
for _op in "abs exp floor sqrt".split():
    _FUNCTIONS[_op] = "tf.%s(%%s)" % _op
for _op in "acos acosh asin asinh atan atanh cos cosh erfc expm1 lgamma log log1p".split():
    _FUNCTIONS[_op] = "tf.math.%s(%%s)" % _op
for _op in "sin sinh tan tanh".split():
    _FUNCTIONS[_op] = "tf.math.%s(%%s)" % _op
_FUNCTIONS["atan2"] = "tf.math.atan2(%s, %s)"

# Of integers these may give -0.0, which no integer is.
_SIGNED = "neg mul mod floordiv ipow trunc floor round ceil".split()

_LOGS = "log", "log2", "log10"

# Steps: their derivative is 0 where they have one. So is that of a truth.
_STEPS = "constant table floordiv trunc floor round ceil".split()

_POWERS = 8  # up to here integer powers are products

_HELPERS = {
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

_MODULE = '''"""%(name)s as TensorFlow ops; TensorFlow is all that it needs, 1.15 or newer."""

import tensorflow as tf

_DTYPE = tf.%(dtype)s
%(constants)s

@tf.autograph.experimental.do_not_convert
def %(name)s(x, name=None):
    """%(name)s of each number of a tensor of float16, bfloat16, float32 or float64."""
    with tf.compat.v1.name_scope(name, "%(name)s", [x]):
        x = tf.identity(tf.convert_to_tensor(x))
        if x.dtype not in (tf.float16, tf.bfloat16, tf.float32, tf.float64):
            raise TypeError(
                "%(name)s takes a tensor of float16, bfloat16, float32 or float64, got "
                + x.dtype.name
            )
        return _op(x)
'''

_LAST = '''

def %(op)s(x):
    """The %(what)s."""
    return _rounded(%(function)s(_widened(x)), x.dtype)
'''

_OF_ORDER = '''

@tf.custom_gradient
def %(op)s(x):
    """The %(what)s; its gradient is the next."""

    def gradient(upstream):
        return _product(upstream, %(next)s(tf.identity(x)))  # a tensor of the gradient's graph

    return _rounded(%(function)s(_widened(x)), x.dtype), gradient
'''

_ORDERS = [("_op", "_f", "function"), ("_d_op", "_df", "derivative")]
_ORDERS += [("_d2_op", "_d2f", "second derivative")]


def is_name(name):
    """Whether a module can define a function of this name."""
    return (
        isinstance(name, str)
        and re.match(r"[A-Za-z][A-Za-z0-9_]*\Z", name) is not None
        and not keyword.iskeyword(name)
        and name not in ("tf", "float", "len", "print", "sum", "TypeError")
    )


def lacking(path):
    """Returns the name of what a path needs and TensorFlow has not, or None."""
    for value in values(_ending(_whole_value(path))):
        if value.op in _LACKING:
            return "math." + value.op


def text(orders, name, dtype):
    """Writes a module.

    Args:
      orders: a path, that of its derivative, that of the second, as far as they are known; the last
        one is differentiated by TensorFlow.
      name: of the function that it defines: `is_name(name)`.
      dtype: the name of the one to compute in.

    Returns:
      The text. All other names in it begin with `_`.
    """
    constants = {"_DTYPE": None}
    last = len(orders) - 1
    functions, ops = [], []
    for i, path in enumerate(orders):
        op, function, what = _ORDERS[i]
        lines = _Writer(constants, differentiable=i == last).write(_whole_value(path))
        functions.append(
            '\n\ndef %s(x):\n    """The %s, of a tensor of _DTYPE."""\n%s'
            % (function, what, "".join("    %s\n" % line for line in lines))
        )
        parts = {"op": op, "function": function, "what": what}
        if i < last:
            parts["next"] = _ORDERS[i + 1][0]
        ops.append((_LAST if i == last else _OF_ORDER) % parts)
    body = "".join(ops + functions)
    body += "".join("\n" + helper for helper in _helpers(body, dtype))
    for known, number in [("_INF", 'float("inf")'), ("_NAN", 'float("nan")')]:
        if re.search(known + r"\b", body):
            constants[known] = number
    del constants["_DTYPE"]
    lines = "".join("%s = %s\n" % item for item in constants.items())
    return _MODULE % {"name": name, "dtype": dtype, "constants": lines} + body


def _helpers(body, dtype):
    """Returns the text of each helper that is called, also by one of them."""
    found, rest = {}, [body]
    while rest:
        called = set(re.findall(r"\b(_\w+)\(", rest.pop()))
        for name in sorted(called & set(_HELPERS) - set(found)):
            helper = _HELPERS[name]
            if isinstance(helper, dict):
                helper = helper.get(dtype, helper[""])
            found[name] = helper
            rest.append(helper)
    return [found[name] for name in _HELPERS if name in found]


def _ending(value):
    path = Path()
    path.end = value
    return path


def _whole_value(path):
    """Returns what is returned, on whatever path: each choice is a `select`."""
    found = {}
    for part in reversed(list(paths(path))):
        end = part.end
        if end is None:
            end = Value("constant", (), "float", math.nan)
        elif isinstance(end, Choice):
            sides = found[id(end.yes)], found[id(end.no)]
            end = Value("select", (end.condition,) + sides, "float")
        elif end.kind in _TRUTHS:
            end = Value("convert", (end,), "int")
        found[id(part)] = end
    return found[id(path)]


def _slopes(value):
    """Returns those of the arguments through which a gradient comes."""
    if value.kind in _TRUTHS or value.op in _STEPS:
        return ()
    if value.op == "select":
        return value.args[1:]
    return value.args[:1] if value.op == "copysign" else value.args


def _is_constant(value, least=0.0):
    """Whether a value is a finite constant, at least so large."""
    if value.op != "constant":
        return False
    return least <= abs(value.number) <= 1e30


def _is_tame(value):
    """Whether the derivative of an operation is finite, whatever its arguments are."""
    if value.op in "argument neg add sub select convert copysign".split():
        return True
    if value.op == "mul":
        return any(map(_is_constant, value.args))
    return value.op in ("div", "mod") and _is_constant(value.args[1], 1e-30)


def _is_polynomial(value):
    """Whether a derivative of some order is 0, which TensorFlow makes a None."""
    if value.op in ("pow", "ipow"):
        return _is_constant(value.args[1]) and value.args[1].number in range(_POWERS + 1)
    return _is_tame(value) or value.op in ("abs", "mul", "mod", "fmod")


class _Scope:
    """Where values are written, and by which names they are known there.

    Args:
      outer: the scope around that of one side of a choice.
      lets_in: how it is written that a value of the outer one is let in.
      shared: the values that are written there for sure, and outside, as bits.
    """

    def __init__(self, outer, lets_in, shared):
        self.outer = outer
        self.lets_in = lets_in
        self.shared = shared
        self.names = {}
        self.inner = {}


class _Writer:
    """Writes the lines of a function that computes a value."""

    def __init__(self, constants, differentiable):
        self.constants = constants
        self.differentiable = differentiable
        self.lines = []
        self.known = {}  # names by what was written for them
        self.counts = {"c": 0, "r": 0}  # of truths, of numbers

    def write(self, value):
        self.order = values(_ending(value))
        self.logged = {v.args[0] for v in self.order if v.op in _LOGS}
        self._look_around()
        # The argument is there in any case.
        root = _Scope(None, None, self.shared[value] | self.argument)
        result = self._name(value, root)
        if self.differentiable and all(map(_is_polynomial, self._way_back(value))):
            result = self._line("r", "_along(x, %s)" % result)
        elif value not in self.sloped:
            result = self._line("r", "_where(x < x, x, %s)" % result)  # of the shape of x
        return self.lines + ["return " + result]

    def _look_around(self):
        """Sees through which values a gradient comes, and what else there is on the way."""
        # As bits: what it comes through in any case, and what it may come through.
        self.bit, self.shared, self.all, self.sloped = {}, {}, {}, set()
        self.wild = self.argument = 0
        for value in self.order:
            slopes = [arg for arg in _slopes(value) if arg in self.sloped]
            if value.op == "argument" or slopes:
                self.sloped.add(value)
                bit = self.bit[value] = 1 << len(self.bit)
                self.wild |= 0 if _is_tame(value) else bit
                self.argument |= bit if value.op == "argument" else 0
            else:
                bit = 0
            self.shared[value] = self.all[value] = bit
            for arg in slopes:
                self.all[value] |= self.all[arg]
            if value.op != "select":
                for arg in slopes:
                    self.shared[value] |= self.shared[arg]
            else:
                self.shared[value] |= self.shared[value.args[1]] & self.shared[value.args[2]]

    def _way_back(self, value):
        """Returns the values that the gradient of a value comes to."""
        found, rest = set(), [value]
        while rest:
            value = rest.pop()
            if value in self.sloped and value not in found:
                found.add(value)
                rest += _slopes(value)
        return found

    def _name(self, value, scope):
        """Returns the name of a value in a scope, and writes what it needs."""
        # Not by recursion: functions are longer than Python's stack.
        tasks = [(value, scope)]
        while tasks:
            value, scope = self._home(*tasks[-1])
            if value in scope.names:
                tasks.pop()
                continue
            needed = self._needed(value, scope)
            missing = [task for task in needed if self._known(*task) is None]
            if missing:
                tasks += missing[::-1]
            else:
                scope.names[value] = self._written(value, scope, needed)
                tasks.pop()
        return self._known(value, scope)

    def _home(self, value, scope):
        """Returns a value with the scope in which it is computed, or let in."""
        if value not in self.sloped:
            while scope.outer is not None:
                scope = scope.outer
        return value, scope

    def _known(self, value, scope):
        value, scope = self._home(value, scope)
        return scope.names.get(value)

    def _needed(self, value, scope):
        """Returns what a value needs: values, and in which scopes."""
        if self._comes_in(value, scope):
            return [(value, scope.outer)]
        if value.op != "select":
            return [(arg, scope) for arg in value.args]
        condition, yes, no = value.args
        needed = [(condition, scope)]
        for side, arg in enumerate((yes, no)):
            inner = scope
            if self.differentiable and self.all[arg] & ~scope.shared & self.wild:
                key = value, side
                if key not in scope.inner:
                    condition_name = self._known(condition, scope)
                    if condition_name is None:
                        return needed  # first
                    known = scope.shared | self.shared[arg]
                    lets_in = "%s(%s, %%s)" % (("_only", "_unless")[side], condition_name)
                    scope.inner[key] = _Scope(scope, lets_in, known)
                inner = scope.inner[key]
            needed.append((arg, inner))
        return needed

    def _comes_in(self, value, scope):
        bit = self.bit.get(value, 0)
        return scope.outer is not None and bool(bit & scope.outer.shared)

    def _written(self, value, scope, needed):
        names = [self._known(*task) for task in needed]
        if self._comes_in(value, scope):
            return self._line("r", scope.lets_in % names[0])
        if value.op == "argument":
            return "x"
        if value.op == "constant":
            return self._constant(value)
        return self._operation(value, names)

    def _operation(self, value, names):
        op, args = value.op, value.args
        kind = "c" if value.kind in _TRUTHS else "r"
        if op == "convert":
            if args[0].kind not in _TRUTHS:
                return names[0]
            # Not tf.cast: of its product with x XLA makes 0 where it is 0, of infinity and NaN too.
            return self._line("r", "_where(%s, 1.0, 0.0)" % names[0])
        if op == "select":
            written = "_where(%s, %s, %s)" % tuple(names)
        elif op == "table":
            table = self._named(value.name or "table", tuple(map(float, value.number)))
            written = "_table(%s, %s)" % (table, self._tensor(names[0]))
        elif op in ("pow", "ipow") and args[1].op == "constant" and args[0].op != "constant":
            return self._power(value, names)
        elif op == "mod" and args[0].op != "constant" and _is_power_of_two(args[1]):
            written = _wrapped(names[0], args[1].number, names[1])
        elif op == "sub" and args[0].op == "exp" and _is_one(args[1]):
            # The same; of exp(x) - 1 TensorFlow makes expm1, and of log(x + 1) log1p.
            written = "%s + (-1.0)" % names[0]
        elif op == "add" and value in self.logged and any(map(_is_one, args)):
            written = "%s - (-1.0)" % names[_is_one(args[0])]
        elif op in _OPERATORS:
            if all(arg.op == "constant" for arg in args):
                names[0] = self._tensor(names[0])
            written = _OPERATORS[op] % tuple(names)
        else:
            names = [self._tensor(name) for name in names]
            if op in ("mod", "fmod"):
                return self._integer(value, self._modulo(value, names))
            if op == "atan2":  # TFLite wants both of one shape
                x = names[args[0].op == "constant"]
                names = [
                    name if arg.op != "constant" else "_where(%s < %s, %s, %s)" % (x, x, x, name)
                    for name, arg in zip(names, args)
                ]
            elif op == "hypot":
                names = [", ".join(names)]
            elif op == "isnan":
                names *= 2
            written = _FUNCTIONS[op] % tuple(names)
        return self._integer(value, self._line(kind, written))

    def _modulo(self, value, names):
        """Writes what has no gradient in TensorFlow: that of x - n * y, of a constant n."""
        x, y = names
        r = self._line("r", _FUNCTIONS[value.op] % (x, y))
        if not self.differentiable or value not in self.sloped:
            return r
        if value.args[1] not in self.sloped:
            return self._line("r", "_sloped(%s, %s)" % (r, x))
        n = self._line("r", "tf.stop_gradient(_round((%s - %s) / %s))" % (x, r, y))
        rest = self._line("r", "%s - %s * %s" % (x, n, y))
        return self._line("r", "_tied(%s, %s)" % (r, rest))

    def _integer(self, value, name):
        if value.kind == "int" and value.op in _SIGNED:
            return self._line("r", "_whole(%s)" % name)
        return name

    def _power(self, value, names):
        """Writes what is exact where TensorFlow's own is not, and has all its derivatives."""
        x, exponent = names[0], value.args[1].number
        if exponent == 0.5:
            return self._line("r", "_root(%s)" % x)
        if exponent == 0:
            return self._line("r", "_where(%s < %s, %s, 1.0)" % (x, x, x))
        if abs(exponent) > _POWERS or exponent != int(exponent):
            written = _FUNCTIONS[value.op] % (x, self._tensor(names[1]))
            return self._integer(value, self._line("r", written))
        rest, square, product = abs(int(exponent)), x, None
        while rest:
            if rest & 1:
                product = square if product is None else self._line("r", product + " * " + square)
            rest >>= 1
            if rest:
                square = self._line("r", "%s * %s" % (square, square))
        if exponent < 0:
            product = self._line("r", "1.0 / " + product)
        return self._integer(value, product)

    def _line(self, kind, written):
        if written not in self.known:
            self.counts[kind] += 1
            self.known[written] = "%s%d" % (kind, self.counts[kind])
            self.lines.append("%s = %s" % (self.known[written], written))
        return self.known[written]

    def _constant(self, value):
        if value.kind in _TRUTHS:
            return "tf.constant(%r)" % bool(value.number)
        number = float(value.number)
        if number != number:
            return "_NAN"
        if number in (math.inf, -math.inf):
            return "_INF" if number > 0 else "(-_INF)"
        if number == 0 and math.copysign(1, number) < 0:
            # Eagerly TensorFlow takes 0.0 for it, if it had that before.
            return self._line("r", "tf.math.ceil(_number(-0.5))")
        if value.name:
            return self._named(value.name, number)
        return repr(number) if number >= 0 else "(%r)" % number

    def _named(self, name, number):
        """Returns the name of a constant of the module."""
        name = "_" + (re.sub(r"\W+", "_", name).strip("_").upper() or "NUMBER")
        plain, i = name, 1
        written = re.sub(r"\b(inf|nan)\b", r'float("\1")', repr(number))  # in a table
        while self.constants.get(name, written) != written or name in ("_INF", "_NAN"):
            i += 1
            name = "%s_%d" % (plain, i)
        self.constants[name] = written
        return name

    def _tensor(self, name):
        """Returns a number as a tensor; tensors as they are."""
        return name if re.match(r"[xrc]\d*$|tf\.", name) else "_number(%s)" % name


def _is_one(value):
    return value.op == "constant" and value.number == 1


def _is_power_of_two(value):
    return _is_constant(value, 2.0**-50) and math.frexp(value.number)[0] in (0.5, -0.5)


def _wrapped(x, number, width):
    """Returns how a number modulo a power of two is written."""
    if number < 0:  # it is so with the signs turned
        return "-1.0 * (%s)" % _wrapped("(-1.0 * %s)" % x, -number, repr(float(-number)))
    return "x - tf.floor(x)".replace("x", x) if number == 1 else "_wrapped(%s, %s)" % (x, width)
