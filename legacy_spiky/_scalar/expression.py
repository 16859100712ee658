"""What a scalar function does with its argument: values, and a choice between paths.

A `Value` is computed from others and held as a double, an integer too, or as a truth. Which path a
number takes, and where the interpreter has to be asked, is a tree of `Path`s. Python's rules hold
for each operation, as they stand under its name here:

  argument                  the number
  constant                  `number`, by its `name` if the user has one for it
  neg abs add sub mul div   as in Python
  mod floordiv pow          as in Python, where that gives a number
  ipow                      of an integer by one from 0 on
  lt le gt ge eq ne         a truth, of two numbers
  not and or xor            a truth, of truths
  select                    the second of the three where the first is true, else the third
  convert                   the same number, of another kind
  trunc floor ceil round    to an integer, round half to even; of the kind float64 NumPy's own
  table                     that of the numbers of a tuple, `number`, which is asked for
  sqrt exp log ...          those of `math`, named as there (MATH)

A value of the kind `int` is a double that holds it exactly, and 0 has no sign. The other kinds are
`float` and `bool`, and NumPy's `float64` and `bool_`.
"""

__all__ = [
    "BOOLS",
    "COMPARISONS",
    "Choice",
    "LARGEST",
    "MATH",
    "Path",
    "TRUTHS",
    "Value",
    "paths",
    "values",
]

# Up to here a double holds each integer.
BOOLS = "bool", "bool_"  # the kinds of truths
LARGEST = 2.0**53

COMPARISONS = "lt le gt ge eq ne".split()

# Of one number, or of two. Those of TRUTHS are truths; of the others NaN and what is infinite comes
# where they come in the interpreter, which is asked where that raises.
TRUTHS = "isfinite isinf isnan".split()
MATH = (
    TRUTHS
    + "acos acosh asin asinh atan atan2 atanh cbrt copysign cos cosh erf erfc exp exp2".split()
    + "expm1 fmod gamma hypot lgamma log log10 log1p log2 pow sin sinh sqrt tan tanh".split()
)


class Value:
    """A number or a truth that is computed from others, `args`; equal ones are the same object."""

    __slots__ = "op", "args", "kind", "number", "name"

    def __init__(self, op, args, kind, number=None, name=None):
        self.op = op
        self.args = args
        self.kind = kind
        self.number = number
        self.name = name

    def __repr__(self):
        if self.op == "constant":
            return self.name or repr(self.number)
        return "%s(%s)" % (self.op, ", ".join(map(repr, self.args))) if self.args else self.op


class Path:
    """A part of the way that a number takes.

    The interpreter is asked for the numbers at which one of `asks` is true. The others go on with
    `end`: the `Value` that is returned, a `Choice`, or None, where the interpreter is asked for all
    of them, for the reason `why`.
    """

    __slots__ = "asks", "end", "why"

    def __init__(self):
        self.asks = []
        self.end = None
        self.why = None


class Choice:
    """Where the numbers at which `condition` is true go one way, the others another one."""

    __slots__ = "condition", "yes", "no"

    def __init__(self, condition):
        self.condition = condition
        self.yes = Path()
        self.no = Path()


def paths(path):
    """Yields a path and those that it leads to."""
    rest = [path]
    while rest:
        path = rest.pop()
        yield path
        if isinstance(path.end, Choice):
            rest += [path.end.no, path.end.yes]


def values(path):
    """Returns what a path and those after it need, each value after those that it is made of."""
    found = {}
    for part in paths(path):
        end = [part.end.condition] if isinstance(part.end, Choice) else [part.end] * bool(part.end)
        rest = (part.asks + end)[::-1]
        while rest:
            value = rest.pop()
            if id(value) in found:
                continue
            missing = [arg for arg in value.args if id(arg) not in found]
            if missing:
                rest += [value] + missing[::-1]
            else:
                found[id(value)] = value
    return list(found.values())
