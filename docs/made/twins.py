"""Writes docs/twins.md: what builds an op in graph.py and in migration.py, line against line.

The code is taken from the files themselves. Run this again when they change; a test tells.
"""

import difflib
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir)
PAGE = os.path.join(ROOT, "docs", "twins.md")

HEAD = """# The twins, line against line

`legacy_spiky` and `legacy_spiky.migration` have the same names. This is the code of both that
builds an op with a gradient of its own. The same moves, and lines that
are alike, stand in the same row.
`docs/made/twins.py` writes this page from the files.

The recipe did it so:

```python
%s
```

"""

# What is held side by side: a heading, and a function of each file.
PAIRS = [
    ("An op with its gradient", "build", "_build"),
    ("An op that refuses to be differentiated", "seal", "_seal"),
    ("The activation", "tf_spiky", "tf_spiky"),
    ("Its gradient", "spikygrad", "spikygrad"),
]
FILES = "legacy_spiky/graph.py", "legacy_spiky/migration.py"
ALIKE = 0.7  # from which ratio on two lines are alike


def function(path, name):
    """Returns the lines of a function in a file, without its docstring."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        # Up to the first line that is not indented, but for the end of its signature.
        found = re.search(r"^def %s\(.*\n(?:[ )].*\n|\n)*" % name, text.read(), re.M).group()
    return re.sub(r'^    """.*?"""\n', "", found, flags=re.M | re.S).rstrip().splitlines()


def side_by_side(ours, theirs):
    """Returns both, of the same length: empty lines are put in, so that like is beside like."""

    def alike(a, b):
        a, b = a.strip(), b.strip()
        move = re.match(r"# [1-9]\. ", a)
        if move:  # a move of the recipe is beside the same one
            return 9 if b.startswith(move.group()) else 0
        ratio = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
        return ratio if a and b and ratio >= ALIKE else 0

    # The pairs of lines, in order, that are the most alike in sum.
    best = [[(0, None)] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            ratio = alike(a, b)
            options = [best[i][j + 1], best[i + 1][j]]
            if ratio:
                options.append((best[i][j][0] + ratio, (i, j, best[i][j][1])))
            best[i + 1][j + 1] = max(options, key=lambda option: option[0])
    pairs, chain = [], best[-1][-1][1]
    while chain:
        pairs.append(chain[:2])
        chain = chain[2]
    left, right, i, j = [], [], 0, 0
    for a, b in pairs[::-1] + [(len(ours), len(theirs))]:
        rows = max(a - i, b - j)
        left += ours[i:a] + [""] * (rows - (a - i)) + ours[a : a + 1]
        right += theirs[j:b] + [""] * (rows - (b - j)) + theirs[b : b + 1]
        i, j = a + 1, b + 1
    return left, right


def page():
    recipe = "\n".join(function("tests/recipe.py", "py_func"))
    parts = [HEAD % recipe]
    for heading, *names in PAIRS:
        columns = side_by_side(*map(function, FILES, names))
        parts.append(
            '## %s\n\n<table style="display: table; table-layout: fixed; width: 100%%">\n<tr>'
            % heading
        )
        parts += ["<th>%s</th>" % path for path in FILES]
        parts.append("</tr>\n<tr>\n")
        for lines in columns:
            parts.append('<td valign="top">\n\n```python\n%s\n```\n\n</td>\n' % "\n".join(lines))
        parts.append("</tr>\n</table>\n\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    with open(PAGE, "w", encoding="utf-8") as text:
        text.write(page())
