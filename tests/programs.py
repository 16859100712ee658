"""Functions of one number that chance writes: floats, integers, truths, branches, loops."""

import linecache
import math

import numpy as np

NUMBERS = np.array(
    [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.0, 2.5, -2.5, 3.0, 7.0, -7.0, 0.1, -0.1, 1e-8, 1e-310]
    + [20.25, -33.75, 1e3, 1e6, -1e6, 67108864.5, 2.0**53, -(2.0**60), 1e18, 1e300, -1e300]
    + [5e-324, -5e-324, 709.5, -745.5, math.nan, math.inf, -math.inf]
)

FLOATS = "0.5 1.0 2.0 0.1 -3.0 0.75 1e10 -0.0".split()
INTEGERS = "0 1 2 3 -1 -2 7 10".split()
TABLE = (0.25, -1.5, 3.0)


def floating(chance, depth):
    """Returns the text of a number that is a float, or an integer now and then."""
    if depth == 0:
        return chance.choice(["x", "x", "y", chance.choice(FLOATS), "SLOPE"])
    inner = [floating(chance, depth - 1) for _ in range(2)]
    forms = [
        "(%s + %s)", "(%s - %s)", "(%s * %s)", "(%s / %s)", "(%s %% %s)", "(%s // %s)",
        "max(%s, %s)", "min(%s, %s)", "math.copysign(%s, %s)", "math.atan2(%s, %s)",
        "helper(%s, %s)",
    ]  # fmt: skip
    one = [
        "-%s", "abs(%s)", "math.floor(%s)", "math.exp(%s)", "math.tanh(%s)", "math.sqrt(abs(%s))",
        "math.log1p(abs(%s))", "math.sin(%s)", "%s ** 2", "%s ** 3", "abs(%s) ** 0.5", "float(%s)",
        "math.erf(%s)", "(%s) * (x > 0)",
    ]  # fmt: skip
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(forms) % tuple(inner)
    if kind < 0.75:
        return "(" + chance.choice(one) % inner[0] + ")"
    if kind < 0.85:
        return "(%s if %s else %s)" % (inner[0], truth(chance, depth - 1), inner[1])
    return integer(chance, depth - 1)


def integer(chance, depth):
    if depth == 0:
        return chance.choice(["k", "k", chance.choice(INTEGERS)])
    inner = [integer(chance, depth - 1) for _ in range(2)]
    forms = [
        "(%s + %s)", "(%s - %s)", "(%s * %s)", "(%s // %s)", "(%s %% %s)", "max(%s, %s)",
        "min(%s, %s)",
    ]  # fmt: skip
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(forms) % tuple(inner)
    if kind < 0.7:
        return "(-%s)" % inner[0]
    if kind < 0.8:
        return "(%s ** %s)" % (inner[0], chance.choice(["2", "3", "(%s %% 4)" % inner[1], "-1"]))
    form = chance.choice(["int(%s)", "round(%s)", "math.ceil(%s)", "int(%s > 1)"])
    return form % floating(chance, depth - 1)


def truth(chance, depth):
    a, b = floating(chance, depth), floating(chance, max(0, depth - 1))
    text = "%s %s %s" % (a, chance.choice("< <= > >= == !=".split()), b)
    kind = chance.random()
    if kind < 0.2:
        return "(%s and x < %s)" % (text, chance.choice(FLOATS))
    if kind < 0.3:
        return "not (%s)" % text
    return "(%s < %s < %s)" % (a, b, a) if kind < 0.4 else text


def function(chance):
    """Returns a function of one number; its text is `source`."""
    lines = ["def f(x, y=0.25):", "    k = %s" % chance.choice(["3", "round(x)", "int(x) % 5"])]
    for _ in range(chance.randint(1, 4)):
        kind, depth = chance.random(), chance.randint(1, 2)
        if kind < 0.4:
            lines.append("    y = " + floating(chance, depth))
        elif kind < 0.55:
            lines.append("    k = " + integer(chance, depth))
        elif kind < 0.75:
            lines += ["    if %s:" % truth(chance, 1), "        y = " + floating(chance, depth)]
            if chance.random() < 0.5:
                lines += ["    else:", "        return " + floating(chance, 1)]
        elif kind < 0.85:
            lines += ["    for c in TABLE:", "        y = y * c + " + floating(chance, 1)]
        elif kind < 0.95:
            lines += ["    try:", "        y = " + floating(chance, depth)]
            lines += ["    except (ArithmeticError, ValueError):", "        y = 1"]
        else:
            lines += ["    if x > 7:", "        del y"]
    lines.append("    return " + chance.choice(["y", "y + k", "k", floating(chance, 2)]))
    source = "\n".join(lines) + "\n"
    scope = {"math": math, "SLOPE": 0.3, "TABLE": TABLE, "helper": helper}
    name = "<program %d>" % abs(hash(source))
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), scope)
    scope["f"].source = source
    return scope["f"]


def helper(a, b, scale=0.5):
    if a > b:
        return scale * a
    return b - a
