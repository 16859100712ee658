"""What a comparison found: counts, the worst errors, and the inputs that differ."""

import collections
from typing import Any, Dict

import numpy as np

from legacy_spiky._arrays import bits, plain

__all__ = ["Report", "SHOWN", "new_row", "shown"]

SHOWN = 5  # differing inputs that a report names, for each row

# Differences that an option takes for none: by the name of their count in a row.
_EXPLAINED = {
    "zero signs": (
        "signs of zeros alone, 0.0 and -0.0: any tolerance takes them for the same, {} hardly "
        "anything else",
        ("atol", 5e-324),
    ),
    "subnormal": (
        "of subnormals, which TensorFlow's threads set to 0 and the caller's keeps: {} takes them "
        "for 0 everywhere",
        ("flush_subnormals", True),
    ),
}


class Report:
    """What `compare` found. Prints as a table; `ok` says whether all agreed.

    Attributes:
      reference: the label of what the candidates were compared with.
      rows: a dictionary for each candidate, quantity (`"value"`, `"gradient"`) and dtype:
        how many numbers were `"tried"` and how many are `"mismatches"`; `"worst ulp"` and
        `"worst absolute"`, of all that differ, within the tolerance too (infinite where one
        side alone is NaN, or has no gradient); how many mismatches have a subnormal input or
        result, `"subnormal"`, and how many are 0.0 and -0.0, `"zero signs"`; and the
        mismatches themselves, `"first"` (up to five) and `"worst"`: the place, the input, the
        upstream gradient that a gradient is multiplied by, both results and their bits.

    >>> from legacy_spiky.parity import arrays, compare
    >>> x = np.float32([0.25, 1])
    >>> report = compare(arrays(np.sqrt, np.sign), arrays(np.square, np.sign), inputs=x)
    >>> report.ok, report.tried, report.mismatches
    (False, 2, 1)
    >>> report.rows[0]["first"][0]["input"]
    ['0.25 (0x3e800000)']
    """

    def __init__(self, reference: str = ""):
        self.reference = reference
        self.rows = []

    @property
    def mismatches(self) -> int:
        """How many numbers differ, values and gradients."""
        return sum(row["mismatches"] for row in self.rows)

    @property
    def ok(self) -> bool:
        """Whether none does."""
        return self.mismatches == 0

    @property
    def tried(self) -> int:
        """How many values of a candidate were compared: of the one with most."""
        tried = collections.Counter()
        for row in filter(_is_value, self.rows):
            tried[row["candidate"]] += row["tried"]
        return max(tried.values(), default=0)

    def add(self, other: "Report") -> None:
        """Adds what another report found; the reference named is the first one's."""
        self.reference = self.reference or other.reference
        for new in other.rows:
            for row in self.rows:
                if all(row[key] == new[key] for key in ("candidate", "quantity", "dtype")):
                    break
            else:
                self.rows.append(dict(new))
                continue
            row["tried"] += new["tried"]
            row["mismatches"] += new["mismatches"]
            for kind in _EXPLAINED:
                row[kind] += new[kind]
            row["worst ulp"] = max(row["worst ulp"], new["worst ulp"])
            row["worst absolute"] = max(row["worst absolute"], new["worst absolute"])
            row["first"] = (row["first"] + new["first"])[:SHOWN]
            found = [worst for worst in (row["worst"], new["worst"]) if worst]
            row["worst"] = max(found, key=_error, default=None)

    def to_json(self) -> Dict[str, Any]:
        """Returns it as what `json.dump` takes; an infinite error is the text "inf"."""
        return {
            "reference": self.reference,
            "ok": self.ok,
            "tried": self.tried,
            "mismatches": self.mismatches,
            "rows": plain(self.rows),
        }

    def __str__(self) -> str:
        return self.text()

    def text(self, command_line: bool = False) -> str:
        """Returns it as a table, with the options that it names as on a command line, or not."""
        lines = ["candidate|dtype|inputs|values off|gradients off|worst ULP|worst error".split("|")]
        for candidate in dict.fromkeys(row["candidate"] for row in self.rows):
            rows = [row for row in self.rows if row["candidate"] == candidate]
            values = [row for row in rows if _is_value(row)]
            lines.append(
                [
                    candidate,
                    " ".join(dict.fromkeys(row["dtype"] for row in values)),
                    "{:,}".format(sum(row["tried"] for row in values)),
                    "{:,}".format(sum(row["mismatches"] for row in values)),
                    _gradients_off([row for row in rows if not _is_value(row)]),
                    "{:,}".format(max(row["worst ulp"] for row in rows)),
                    "{:.3g}".format(max(row["worst absolute"] for row in rows)),
                ]
            )
        widths = [max(map(len, column)) for column in zip(*lines)]
        text = ["reference: " + self.reference]
        for line in lines:
            cells = [cell.ljust(width) for cell, width in zip(line[:2], widths)]
            cells += [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
            text.append("  ".join(cells).rstrip())
        for row in self.rows:
            if row["dtype"] == "none":
                text.append("{candidate}, {quantity}: neither side has a gradient".format(**row))
            if row["mismatches"]:
                text.append("{candidate}, {quantity}, {dtype}:".format(**row))
                for kind, (words, option) in _EXPLAINED.items():
                    if 2 * row[kind] > row["mismatches"]:
                        words = words.format(_spelled(*option, command_line))
                        text.append("  %s are %s" % (_share(row[kind], row["mismatches"]), words))
                text += ["  " + _sentence(found) for found in row["first"]]
                if row["worst"] not in row["first"]:
                    text.append("  worst: " + _sentence(row["worst"]))
        return "\n".join(text)


def _spelled(name, value, command_line):
    if not command_line:
        return "%s=%r" % (name, value)
    option = "--" + name.replace("_", "-")
    return option if value is True else "%s %r" % (option, value)


def _share(count, total):
    return "all" if count == total else "{:,} of {:,}".format(count, total)


def _is_value(row):
    return row["quantity"].startswith("value")


def _gradients_off(rows):
    if all(row["dtype"] == "none" for row in rows):
        return "none"
    return "{:,}".format(sum(row["mismatches"] for row in rows))


def _error(found):
    return found["ulp"], found["absolute"]


def _sentence(found):
    place = "x = " + ", ".join(found["input"]) if found["input"] else "at %s" % found["index"]
    if found["upstream"]:
        place += ", upstream " + ", ".join(found["upstream"])
    return "%s: %s, and %s in the reference; %s ULP, %.3g apart" % (
        place,
        found["candidate"],
        found["reference"],
        "{:,}".format(found["ulp"]),
        found["absolute"],
    )


def shown(number):
    """Returns a NumPy scalar in decimal and in hex bits."""
    number = np.asarray(number)
    return "%s (0x%0*x)" % (number[()], 2 * number.dtype.itemsize, int(bits(number)))


def new_row(candidate, quantity, dtype):
    return {
        "candidate": candidate,
        "quantity": quantity,
        "dtype": dtype,
        "tried": 0,
        "mismatches": 0,
        "subnormal": 0,
        "zero signs": 0,
        "worst ulp": 0,
        "worst absolute": 0.0,
        "first": [],
        "worst": None,
    }
