import math
import numpy as np
from legacy_spiky._arithmetic import silent
from legacy_spiky._scalar.expression import Choice, values, TRUTHS


def _mod(a, b):
    m = np.fmod(a, b)
    m = np.where((m != 0) & ((b < 0) != (m < 0)), m + b, m)
    return np.where(m == 0, np.copysign(0.0, b), m)


def _floordiv(a, b):
    m = np.fmod(a, b)
    d = (a - m) / b
    d = np.where((m != 0) & ((b < 0) != (m < 0)), d - 1, d)
    q = np.floor(d)
    q = np.where(d - q > 0.5, q + 1, q)
    return np.where(d == 0, np.copysign(0.0, a / b), q)


F = dict(
    neg=np.negative,
    abs=np.abs,
    add=np.add,
    sub=np.subtract,
    mul=np.multiply,
    div=np.true_divide,
    mod=_mod,
    floordiv=_floordiv,
    lt=np.less,
    le=np.less_equal,
    gt=np.greater,
    ge=np.greater_equal,
    eq=np.equal,
    ne=np.not_equal,
    select=np.where,
    trunc=np.trunc,
    floor=np.floor,
    ceil=np.ceil,
    round=np.rint,
    sqrt=np.sqrt,
    copysign=np.copysign,
    fmod=np.fmod,
    isnan=np.isnan,
    isinf=np.isinf,
    isfinite=np.isfinite,
)
F.update({"not": np.logical_not, "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor})


class array_form:
    block = 1 << 14

    def __init__(self, path):
        self.path = path
        self.values = values(path)

    @silent
    def __call__(self, x, wide, dtype, flush):
        k = {}
        ask = np.zeros(x.shape, bool)
        for v in self.values:
            a = [k[i] for i in v.args]
            if v.op == "argument":
                r = x.copy()
            elif v.op == "constant":
                r = np.full(x.shape, v.number if v.kind in ("bool", "bool_") else float(v.number))
            elif v.op == "table":
                r = (
                    np.array(v.number, float)[
                        np.clip(a[0], -len(v.number), len(v.number) - 1).astype(int)
                    ]
                    if True
                    else 0
                )
            elif v.op == "convert":
                r = a[0].astype(float)
            elif v.op == "ipow":
                r = np.array(
                    [
                        float(int(p) ** int(q))
                        if q < 64 and abs(p) < 2**53 and p == p
                        else math.inf
                        for p, q in zip(*a)
                    ]
                )
            elif v.op in F:
                r = F[v.op](*a)
            else:
                out = []
                for i, t in enumerate(zip(*[b.tolist() for b in a])):
                    try:
                        out.append(getattr(math, v.op)(*t))
                    except OverflowError:
                        out.append(math.inf)
                    except Exception:
                        out.append(math.nan)
                r = np.array(out, float)
            if v.kind == "int":
                r = r + 0.0
            k[v] = r
        y = np.empty(x.shape)

        def go(p, m):
            nonlocal ask
            for c in p.asks:
                ask |= k[c] & m
            if p.end is None:
                ask |= m
            elif isinstance(p.end, Choice):
                c = k[p.end.condition]
                go(p.end.yes, m & c)
                go(p.end.no, m & ~c)
            else:
                y[m] = k[p.end][m]

        go(self.path, np.ones(x.shape, bool))
        wide[...] = y
        return ask
