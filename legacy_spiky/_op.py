"""What an op of a Python function is in every world: its arguments, gradients, activations.

A world has two functions: `build(callback, inp, Tout, stateful, name, grad)` makes the op of a safe
callback, `seal(x, message)` a tensor that is `x` and has no gradient but an error. `graph` has one
for sessions, `migration` one for TensorFlow 2.
"""

import collections
import contextlib
import functools
import re
import threading
import uuid
import weakref

import numpy as np

from legacy_spiky import _callback, _dtypes, _placement, _plain, _tf
from legacy_spiky._errors import call, check_array_function, check_callable, describe
from legacy_spiky._tf import tf

__all__ = [
    "Derivatives",
    "REFUSED",
    "World",
    "absent",
    "activation",
    "building",
    "elementwise",
    "gradient_of",
    "gradients",
    "no_second",
    "not_floating",
    "product",
    "py_func",
    "refusal",
    "sealed",
    "tensor",
    "with_override",
]

World = collections.namedtuple("World", "build seal")


def py_func(world, func, inp, Tout, stateful=True, name=None, grad=None, shapes=None):
    """Builds `func` as an op; see `legacy_spiky.py_func`."""
    check_callable("func", func)
    if grad is not None and not isinstance(grad, str):
        check_callable("grad", grad)
    # TensorFlow 1 has a type of its own for op.inputs.
    if not (isinstance(inp, (list, tuple)) or type(inp).__name__ == "_InputList"):
        raise TypeError(
            "inp must be a list or tuple of tensors, one for each argument of %s, got %r (%s)"
            % (describe(func), inp, type(inp).__name__)
        )
    if any(x is None for x in inp):
        raise TypeError("inp of %s has None among its inputs: %r" % (describe(func), inp))
    if not isinstance(stateful, (bool, int, np.bool_)):
        raise TypeError(
            "stateful of %s must be True or False, got %r; write name=... and grad=..."
            % (describe(func), stateful)
        )
    _check_name(name, func)
    several = isinstance(Tout, (list, tuple))
    dtypes = _dtypes_of(func, Tout, several)
    promised = _shapes_of(func, shapes, several, len(dtypes))
    callback = _callback.guard(func, [dtype.as_numpy_dtype for dtype in dtypes], promised)
    if grad is None:
        grad = _refused_in_a_gradient(world, func)
    elif dtypes and not any(dtype.is_floating or dtype.is_complex for dtype in dtypes):
        raise TypeError(
            "%s has a gradient, %s, but Tout is %s, and no gradient comes through an integer: "
            "return float32, and cast after"
            % (
                describe(func),
                grad if isinstance(grad, str) else describe(grad),
                ", ".join(dtype.name for dtype in dtypes),
            )
        )
    Tout = dtypes if several else dtypes[0]
    ys = world.build(callback, list(inp), Tout, bool(stateful), name or None, grad)
    if dtypes:
        for y, shape in zip(ys if several else [ys], promised):
            y.set_shape(shape)
    return ys


def gradient_of(func, grad, grad_func, unknown):
    """Returns the gradient function, which some copies of the helper call `grad_func`."""
    if unknown:
        raise TypeError(
            "py_func of %s has no argument %s: it takes func, inp, Tout, stateful, name, grad "
            "(or grad_func) and shapes" % (describe(func), " and ".join(map(repr, sorted(unknown))))
        )
    if grad is not None and grad_func is not None:
        raise TypeError(
            "py_func of %s got both grad and grad_func, which are the same: give one of them"
            % describe(func)
        )
    return grad_func if grad is None else grad


def _dtypes_of(func, Tout, several):
    """Returns the dtypes of the results, if NumPy has all of them."""
    try:
        dtypes = [tf.as_dtype(dtype) for dtype in (Tout if several else [Tout])]
        for dtype in dtypes:
            np.dtype(dtype.as_numpy_dtype)
            if dtype.is_quantized:
                raise TypeError("no NumPy array is %s: return integers" % dtype.name)
        return dtypes
    except Exception as error:  # KeyError where NumPy has no such dtype, as for a resource
        raise TypeError("Tout of %s is %r: %s" % (describe(func), Tout, error)) from error


def _shapes_of(func, shapes, several, count):
    """Returns the promised shape of each result, unknown where nothing is promised."""
    if shapes is None:
        return [tf.TensorShape(None)] * count
    if several and not (isinstance(shapes, (list, tuple)) and len(shapes) == count):
        raise ValueError(
            "shapes of %s is %r; as Tout, it must be a list of %d: a shape for each output, None "
            "where that is unknown" % (describe(func), shapes, count)
        )
    try:
        return [tf.TensorShape(shape) for shape in (shapes if several else [shapes])]
    except Exception as error:
        raise TypeError(
            "shapes of %s is %r; a shape is a list of numbers, as [None, 3] or [] (%s)"
            % (describe(func), shapes, error)
        ) from error


def _check_name(name, func):
    if name is not None and not isinstance(name, str):
        raise TypeError(
            "name of the op of %s must be text, got %r (%s)"
            % (describe(func), name, type(name).__name__)
        )


def tensor(x, what, func, dtype=None, new=False):
    """Returns `x` as a tensor, or as a new one; errors say what it is of which function."""
    if isinstance(x, np.ndarray):
        x = _callback.array(what, func, x)
        # TensorFlow takes the bytes of an array as they are, whatever their order.
        x = x.astype(x.dtype.newbyteorder("="), copy=False)
    try:
        graph = _graph(x)
        if graph is not None and not graph.building_function and _tf.runs_eagerly():
            raise ValueError("it is of a graph, and this is outside of graphs: %r" % x)
        if isinstance(x, np.ndarray) and dtype is not None and dtype.is_floating:
            x = _dtypes.round_to(x, np.dtype(dtype.as_numpy_dtype))  # TensorFlow may round twice
        x = tf.convert_to_tensor(x, dtype)
        return tf.identity(x) if new else x
    except Exception as error:
        raise TypeError("%s of %s is no tensor: %s" % (what, describe(func), error)) from error


def not_floating(what, dtype):
    """Returns the error for a tensor whose dtype an activation does not take."""
    names = [known.name for known in _tf.FLOATING]
    castable = dtype.is_integer or dtype.is_floating or dtype in (tf.bool, tf.bfloat16)
    hint = "; cast it first: tf.cast(x, tf.float32)" if castable else ""
    return TypeError(
        "an activation takes a tensor of %s or %s, and %s got %s%s"
        % (", ".join(names[:-1]), names[-1], what, dtype.name, hint)
    )


class Derivatives:
    """A function and its derivatives, as far as they are known, of each order.

    Args:
      functions: array functions, from order 0 on.
      name: of their ops.
      rest: that of each higher order, if all of them are the same.
      stateful: whether a derivative may give other results for the same input, as where it reads
        a global. TensorFlow computes one of a constant just once if not.
    """

    def __init__(self, functions, name, rest=None, stateful=True):
        self.functions = functions
        self.name = name
        self.rest = rest
        self.stateful = stateful
        self.ops = []  # what the user calls, if that is not what these functions were given to
        self.gradients = {}  # of their ops: one for all, registered once

    def get_config(self):
        """Tells who saves a Lambda layer in Keras 2, which saves what the function closes over."""
        raise TypeError(
            "a Lambda layer of the activation %s cannot be saved: use keras.layers.Activation(...) "
            "of it in its place" % describe(self.functions[0])
        )

    def blamed(self, order):
        """Returns what errors speak of: the op that the user calls, or the function given to it."""
        return self.ops[order] if order < len(self.ops) else self[order]

    def __getitem__(self, order):
        if order < len(self.functions):
            return self.functions[order]
        if self.rest is not None:
            return self.rest
        raise NotImplementedError(
            "the %s derivative of %s was asked for, but it was made with activation(%s)%s"
            % (
                ("second", "third")[order - 2],
                describe(self.functions[0]),
                ", ".join(("f", "df", "d2f")[:order]),
                "; give d2f too" if order == 2 else "",
            )
        )


class _Gradient:
    """The gradient function of an op of derivatives, which lives as long as they do."""

    def __init__(self, gradient, func):
        self.gradient = gradient
        self.func = func
        self.name = None  # under which it is registered

    def __call__(self, op, upstream):
        return self.gradient(op, upstream)


def elementwise(world, derivatives, order, x, name=None):
    """Builds the op of a derivative, or of the function itself; its gradient is the next one's."""

    def gradient(op, upstream):
        return product(world, derivatives, order + 1, op.inputs[0], upstream)

    x = tensor(x, "the input", derivatives.blamed(order))
    return _elementwise(world, derivatives, order, [x], gradient, name)


def product(world, derivatives, order, x, upstream):
    """Builds `upstream * derivative(x)`: the step back through an activation, as one op."""
    upstream = tf.convert_to_tensor(upstream, x.dtype.base_dtype)
    if x.get_shape().num_elements() == 0:
        return upstream * x  # nothing: a loop of no steps, as of tape.jacobian, wants to know it
    try:
        derivatives[order + 1]
        last = False
    except NotImplementedError as error:
        # Its gradient for `upstream` is known, as forward mode wants it, that for `x` is not.
        x, last = world.seal(x, str(error)), True

    def gradient(op, g):
        x, upstream = op.inputs
        of_upstream = product(world, derivatives, order, x, g)
        if last:  # NaN, should the seal be lost, and with one seal more for a derivative further
            return float("nan") * g * upstream * x, of_upstream
        return product(world, derivatives, order + 1, x, g * upstream), of_upstream

    return _elementwise(world, derivatives, order, [x, upstream], gradient)


def _elementwise(world, derivatives, order, inputs, gradient, name=None):
    x, dtype = inputs[0], inputs[0].dtype.base_dtype
    func = derivatives.blamed(order)
    if dtype not in _tf.FLOATING:
        raise not_floating("that of " + describe(func), dtype)
    callback = _callback.elementwise(derivatives[order], dtype.as_numpy_dtype)
    callback.func = func
    grad = derivatives.gradients.setdefault((order, len(inputs)), _Gradient(gradient, func))
    _check_name(name, func)
    name = name or "d_" * order + derivatives.name
    y = world.build(callback, inputs, dtype, derivatives.stateful or order == 0, name, grad)
    y.set_shape(x.get_shape())
    return y


def activation(world, f, df, d2f, name):
    """Makes an activation op; see `legacy_spiky.activation`."""
    for role, function in [("f", f), ("df", df)] + [("d2f", d2f)] * (d2f is not None):
        check_array_function(role, function)
    default = getattr(f, "__name__", None) if name is None else name
    if not (isinstance(default, str) and re.match(r"[A-Za-z0-9.][A-Za-z0-9_.\\/-]*$", default)):
        if name is not None:
            raise ValueError("name must be one that TensorFlow takes for a scope, got %r" % (name,))
        default = "activation"  # for <lambda>
    derivatives = Derivatives([f, df] if d2f is None else [f, df, d2f], default)
    build = elementwise  # in the closure: a Lambda layer of Keras 2 is rebuilt without the globals

    def op(x, name=None):
        """The activation as an op: see `legacy_spiky.activation`."""
        return build(world, derivatives, 0, x, name)

    op.__name__ = _tf.keras_name(default)
    op.__qualname__ = default  # what Python shows, and pickle looks for
    op.__module__ = getattr(f, "__module__", None) or __name__
    op.activation = world, derivatives  # for checkpoint
    return op


class _Inside:
    """A legacy gradient function while it runs; called for TensorFlow's own `py_func` in it."""

    def __init__(self, world, grad, op):
        self.world = world
        self.grad = grad
        self.graph = None if _tf.executing_eagerly() else tf.get_default_graph()
        # What runs after the function. By way of a new op: an op that a session ran may get no
        # control edges (TensorFlow 2.21 says so); and an output also leads into the gradient of a
        # branch's or a loop's body, which is a graph of its own.
        self.after = [] if self.graph is None else [tf.identity(y) for y in op.outputs[:1]]

    def __call__(self, func, inp, Tout, stateful=True, name=None):
        return py_func(self.world, func, inp, Tout, stateful, name)

    def call(self, op, upstream):
        """Calls the function; reports what TensorFlow will not find, or find too late."""
        graph = self.graph
        before = len(graph.get_operations()) if _tf.in_function() else 0
        captured = set(map(id, _tf.captures(graph)))
        try:
            results = call(self.grad, op, *upstream)
        except TypeError as error:
            # Eagerly `if tensor:` will do. What ran twice if it began anew must not have a state.
            if not _tf.wants_autograph(error):
                raise
            if any(op.op_def.is_stateful for op in graph.get_operations()[before:]):
                raise
            results = _tf.autograph(self.grad)(op, *upstream)
        for x in _tf.captures(graph):
            if id(x) not in captured and _tf.out_of_reach(x, graph, _graph(op.outputs[0])):
                raise ValueError(
                    "%s reads %s from outside, which TensorFlow cannot reach in a branch or a loop "
                    "of a tf.function: give it as an input of py_func, whose gradient may be None"
                    % (describe(self.grad), _told(x))
                )
        return results

    def waits(self):
        """Returns the scope of ops that run after the function, as those of Python functions do."""
        graph = tf.get_default_graph()
        if self.graph in (None, graph):
            return tf.control_dependencies(self.after)
        if _tf.is_within(graph, self.graph):  # a branch, a loop
            return tf.control_dependencies([tf.identity(y) for y in self.after])
        # Another graph, or a tf.function that may be called elsewhere, where `after` is not.
        return contextlib.ExitStack()

    def refused(self, op, func):
        """Notes what an error says of an op that has no gradient."""
        if not hasattr(op.graph, _FUNCTIONS):
            setattr(op.graph, _FUNCTIONS, {})
        getattr(op.graph, _FUNCTIONS)[op.name] = describe(func)

    @contextlib.contextmanager
    def refuses(self):
        """The scope in which an op of a Python function in a session has no second derivative."""
        if _tf.runs_eagerly():
            yield
            return
        # Around the whole function, so that an override of its own counts. Other threads may build
        # meanwhile, and gradients of this graph too: the first to come enters, the last leaves.
        name = no_second(self.world)
        scope = self.graph.gradient_override_map({"PyFunc": name, "PyFuncStateless": name})
        with building:
            running, scope = getattr(self.graph, _REFUSING, (0, scope))
            setattr(self.graph, _REFUSING, (running + 1, scope))
            if not running:
                scope.__enter__()
        try:
            yield
        finally:
            with building:
                running, scope = getattr(self.graph, _REFUSING)
                setattr(self.graph, _REFUSING, (running - 1, scope))
                if running == 1:
                    delattr(self.graph, _REFUSING)
                    scope.__exit__(None, None, None)


_REFUSING = "_legacy_spiky_refusing"  # of a graph: gradient functions that run, their override
_FUNCTIONS = "_legacy_spiky_functions"  # of a graph: what its ops without gradients are

NO_SECOND = (
    "the second derivative was asked for, and would lack a term: %s, which a gradient function "
    "calls, has no gradient of its own. Give it one (grad of legacy_spiky.py_func), or write "
    "tf.stop_gradient around what counts as a constant"
)


def _inside():
    """Returns the gradient function of which the code is that builds here, or None."""
    inside = _plain.ours()
    if inside is None or _tf.executing_eagerly():
        return inside
    graph = tf.get_default_graph()
    # It may build a graph of its own, with its own session, where it is code as any other.
    return inside if graph is inside.graph or graph.building_function else None


def _refused_in_a_gradient(world, func):
    """Returns the gradient of a function that has none: in a gradient function, an error."""
    inside = _inside()
    if inside is None or not (_tf.runs_eagerly() or inside.graph is not tf.get_default_graph()):
        return None  # or `inside.refuses` has seen to it

    def refuse(op, *upstream):
        return [absent(world, x, NO_SECOND % describe(func)) for x in op.inputs]

    return refuse


def absent(world, x, message):
    """Returns a gradient like `x` that is not known: where it is asked for, that is an error."""
    if _tf.executing_eagerly() or not _tf.in_function():
        raise NotImplementedError(message)
    return _failing(world, x, message)


def _failing(world, x, message):
    """Returns a gradient like `x` that fails when it runs, for where nobody may ask for it.

    TensorFlow builds gradients of a function, a branch or a loop that nobody asks for, and in a
    session those that end at a tf.stop_gradient. It has no state: so it does not run then.
    """

    def fail(x):
        raise NotImplementedError(message)

    def again(op, upstream):
        return _failing(world, op.inputs[0], message)

    dtype = x.dtype.base_dtype
    y = world.build(_callback.guard(fail, [dtype.as_numpy_dtype]), [x], dtype, False, None, again)
    y.set_shape(x.get_shape())
    return y


def gradients(world, grad, op, upstream, at_run_time=True):
    """Calls the user's gradient function and checks what it returns.

    Shapes that are not known yet are checked when it runs, if `at_run_time` says so.
    """
    inside = _Inside(world, grad, op)
    upstream = [None if g is None else tf.convert_to_tensor(g) for g in upstream]
    with _plain.answered_by(inside), inside.refuses():
        results = inside.call(op, upstream)
    if not isinstance(results, (list, tuple)):
        results = [results]
    if len(results) != len(op.inputs):
        raise ValueError(
            "%s returned %d gradients for the %d inputs of %s; return one for each input, "
            "None where there is none" % (describe(grad), len(results), len(op.inputs), op.name)
        )
    with inside.waits():  # also where only the gradient is fetched
        results = [
            _new_tensor(g, "gradient %d" % i, x, grad)
            for i, (g, x) in enumerate(zip(results, op.inputs))
        ]
    for i, g in enumerate(results):
        if g is not None and _graph(g) is not inside.graph:
            raise ValueError("gradient %d of %s is of another graph" % (i, describe(grad)))
    return [
        _of_shape(g, "gradient %d" % i, x, grad, at_run_time)
        for i, (g, x) in enumerate(zip(results, op.inputs))
    ]


def _told(x):
    """Returns what a tensor from outside is, in words."""
    if x.dtype == tf.resource:
        return "a variable"
    return "the tensor %s" % (x.name if _graph(x) is not None else x)


def _graph(x):
    """Returns the graph of a tensor, None for an eager one and what else has none."""
    graph = getattr(x, "graph", None)
    return graph if isinstance(graph, tf.Graph) else None


def _new_tensor(g, what, x, grad):
    """Returns a gradient as a new tensor, which is what makes it wait for the function."""
    dtype = x.dtype.base_dtype
    if g is None or not (dtype.is_floating or dtype.is_complex):
        return None
    if isinstance(g, tf.IndexedSlices):
        values = _of_dtype(g.values, what, dtype, grad)
        indices = tensor(g.indices, "the indices of " + what, grad, new=True)
        return tf.IndexedSlices(values, indices)
    return _of_dtype(g, what, dtype, grad)


def _of_shape(g, what, x, grad, at_run_time):
    """Returns a gradient if its shape is that of `x`, or one that raises when it runs."""
    if g is None:
        return None
    sparse = isinstance(g, tf.IndexedSlices)
    values, rows = (g.values, 1) if sparse else (g, 0)  # of a sparse one the rows alone
    kind = "rows of shape" if sparse else "shape"
    words = "%s of %s has %s|, but the input has %s|; sum over what was broadcast"
    words = (words % (what, describe(grad), kind, kind)).split("|")
    static, expected = values.get_shape(), x.get_shape()
    if static.ndims is not None and expected.ndims is not None:
        of, of_input = static[rows:], expected[rows:]
        if not of.is_compatible_with(of_input):
            raise ValueError("%s %s%s %s%s" % (words[0], of, words[1], of_input, words[2]))
    if at_run_time and not (static.is_fully_defined() and expected.is_fully_defined()):
        # Not after the function: TensorFlow may put the shape of `x` in the loop where that is.
        shapes = [tf.shape(values)[rows:], tf.shape(x)[rows:]]
        # As text: tf.equal of arrays broadcasts, or fails.
        texts = [tf.reduce_join(tf.as_string(shape), 0, separator=",") for shape in shapes]
        told = [words[0], shapes[0], words[1], shapes[1], words[2]]
        with tf.control_dependencies([tf.Assert(tf.equal(*texts), told)]):
            values = tf.identity(values)
    return tf.IndexedSlices(values, g.indices, tf.shape(x)) if sparse else values


def _of_dtype(g, what, dtype, grad):
    if not hasattr(g, "get_shape"):
        # An array or a number of another type is rounded, but never loses its imaginary part.
        g = _dtypes.widen(_callback.array(what, grad, g))
        if g.dtype.kind not in "biufc":
            raise TypeError(
                "%s of %s is %s, but the input has dtype %s; return a tensor, or an array of "
                "numbers" % (what, describe(grad), _callback.kind(g), dtype.name)
            )
        g = tensor(g, what, grad, None if g.dtype.kind == "c" else dtype, new=True)
    else:
        g = _exactly(tensor(g, what, grad, new=True), dtype)
    if g.dtype.base_dtype != dtype:
        raise TypeError(
            "%s of %s has dtype %s, but the input has dtype %s; cast it"
            % (what, describe(grad), g.dtype.name, dtype.name)
        )
    return g


REFUSED = "PyFuncGradRefused"  # what gradients are called that are errors


def _exactly(g, dtype):
    """Returns an integer constant in a floating dtype, where that holds it; else `g`."""
    known = _tf.static_value(g) if g.dtype.is_integer and dtype.is_floating else None
    if known is None or np.abs(known.astype(np.float64)).max(initial=0) >= 2**53:
        return g
    rounded = _dtypes.round_to(known.astype(np.float64), np.dtype(dtype.as_numpy_dtype))
    return tf.cast(g, dtype) if (_dtypes.to_double(rounded) == known).all() else g


# An override holds for a graph, not for a thread: one op at a time, in all threads.
building = threading.RLock()


def with_override(world, callback, inp, Tout, stateful, name, grad):
    """Builds the op of a safe callback in a graph, with the gradient in its place."""
    if grad is not None and not isinstance(grad, str):
        grad = _register_gradient(world, grad, callback)
    override = {} if grad is None else {"PyFunc": grad, "PyFuncStateless": grad}
    # The scope also enters the graph of the inputs, where the op will be, and its override.
    with building, tf.name_scope(name, "PyFunc", inp) as scope:
        inside = _inside()
        waits = contextlib.ExitStack() if inside is None else inside.waits()
        plain = _plain.answered_by(None)
        # A Python function is the host's, wherever the code around it is.
        host = tf.device("/cpu:0")
        with tf.get_default_graph().gradient_override_map(override), waits, host, plain:
            inp = [tensor(x, "input %d" % i, callback.func) for i, x in enumerate(inp)]
            called = _callback.for_graph(callback)
            y = _tf.py_func(called, inp, Tout, stateful, scope)
            if isinstance(y, list) and not y:  # no state, no outputs: nothing to run
                return y
            op = y[0].op if isinstance(y, list) else getattr(y, "op", y)
            if inside is not None and grad is None:
                inside.refused(op, callback.func)
            device = _placement.instead(op, callback.func)
            if device is None:
                return y
            # The device is known when there is an op; that one is left unused.
            with op.graph.colocate_with(None, ignore_existing=True), tf.device(device):
                return _tf.py_func(called, inp, Tout, stateful, None)


def sealed(world, x, message):
    """Returns `x` in a graph; who takes its gradient gets a NotImplementedError."""
    with building, tf.name_scope(None, "sealed", [x]):
        with tf.get_default_graph().gradient_override_map({"Identity": refusal(world, message)}):
            return tf.identity(x)


@functools.lru_cache(maxsize=None)
def refusal(world, message):
    """Registers a gradient that is an error, and returns its name."""

    def refuse(op, *upstream):
        # The input of a loop's body may be out of reach in the gradient of its gradient.
        like = upstream if op.type == "Identity" else op.inputs
        return [absent(world, x, message) for x in like]

    return _register_refusal(refuse)


@functools.lru_cache(maxsize=None)
def no_second(world):
    """Registers the gradient of what a gradient function calls, and returns its name."""

    def refuse(op, *upstream):
        known = getattr(op.graph, _FUNCTIONS, {}).get(op.name, "the op " + op.name)
        message = NO_SECOND % known
        dtypes = [x.dtype.base_dtype for x in op.inputs]
        # TensorFlow 1.0 asks for the gradient of an integer too.
        return [
            _failing(world, x, message) if dtype.is_floating or dtype.is_complex else None
            for x, dtype in zip(op.inputs, dtypes)
        ]

    return _register_refusal(refuse)


def _register_refusal(gradient):
    name = REFUSED + uuid.uuid4().hex
    tf.RegisterGradient(name)(gradient)
    return name


def _register_gradient(world, grad, callback):
    """Registers `grad` under a new random name, which it returns."""
    # TensorFlow's registry is for ever, but the graph keeps the callback, and the callback
    # keeps the gradient: all of them are freed together.
    callback.world, callback.gradient = world, grad
    if not isinstance(grad, _Gradient):
        return _register(callback)
    if grad.name is None:
        grad.name = _register(grad)
    return grad.name


def _register(owner):
    """Registers the gradient of what has `gradient` and `func`; returns its name."""
    name = "PyFuncGrad" + uuid.uuid4().hex
    keeper = weakref.ref(owner)

    @tf.RegisterGradient(name)
    def gradient(op, *upstream):
        owner = keeper()
        if owner is None:
            raise RuntimeError(
                "the gradient of %s is gone with the graph that it was built in"
                % getattr(op, "name", name)
            )
        if op is None:  # a SavedModel that is written with its gradients
            raise ValueError(
                "a SavedModel cannot hold the Python function %s, and no other process has it: "
                "save weights, or migrate to TensorFlow ops, as legacy_spiky.migration.native_spiky"
                % describe(owner.func)
            )
        with _placement.beside(op):
            if isinstance(owner, _Gradient):  # right as it is, and of the input alone
                return owner(op, *upstream)
            return gradients(owner.world, owner.gradient, op, upstream)

    return name
