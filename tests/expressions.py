"""Expressions evaluated number by number, by the rules as they stand: slowly, and plainly."""

import math
import operator

import numpy as np

from legacy_spiky._scalar.expression import Choice, values

ASK = "ask"


def evaluate(path, x):
    """Returns what an expression gives for a number, or ASK."""
    known = {}
    with np.errstate(all="ignore"):
        for value in values(path):
            known[value] = compute(value, [known[arg] for arg in value.args], x)
    while True:
        if any(known[condition] for condition in path.asks) or path.end is None:
            return ASK
        if not isinstance(path.end, Choice):
            return float(known[path.end])
        path = path.end.yes if known[path.end.condition] else path.end.no


WHOLE = {"trunc": math.trunc, "floor": math.floor, "ceil": math.ceil, "round": round}
OPERATORS = {"div": operator.truediv, "ipow": pow, "pow": math.pow, "not": operator.not_}
OPERATORS.update({name: getattr(operator, name + "_") for name in ("and", "or")})


def compute(value, args, x):
    op = value.op
    if op == "argument":
        return x
    if op == "constant":
        return value.number
    if op == "table":
        return value.number[args[0]] if -len(value.number) <= args[0] < len(value.number) else 0
    try:
        if op == "ipow" and args[1] > 64 and abs(args[0]) > 1:
            return math.inf  # the interpreter is asked
        if op == "select":
            return args[1] if args[0] else args[2]
        if op == "convert":
            return {"int": int, "float": float, "float64": float}[value.kind](args[0])
        if value.kind == "float64" and op in WHOLE:
            return float(getattr(np, op)(args[0]))
        if op in WHOLE:
            return WHOLE[op](args[0])
        if op in OPERATORS:
            return OPERATORS[op](*args)
        if hasattr(math, op) and op != "floor":
            return getattr(math, op)(*args)
        return getattr(operator, op)(*args)
    except OverflowError:
        return math.inf  # as C says, and of a power the interpreter is asked then
    except (ArithmeticError, ValueError):
        return math.nan  # where the interpreter is asked
