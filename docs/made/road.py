"""Writes docs/road.svg: the road from the recipe to native ops, and what each step gives."""

import os
from xml.sax.saxutils import escape

PICTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "road.svg")

# A step: its name, what is written, and what it gives.
STEPS = [
    ("the recipe", "def py_func(func, inp, ...", ["works in a session", "fails silently"]),
    ("drop in", "from legacy_spiky", ["same names in a session", "none of the traps"]),
    ("migrate", "from legacy_spiky.migration", ["TensorFlow 2, tapes, Keras", "same functions"]),
    ("native", "native(f)", ["XLA, SavedModel, GPU", "no Python when it runs"]),
]
BELOW = "verify each step: are the numbers those of the step before, down to the bit?"
WIDTH, HEIGHT, GAP, TOP = 206, 116, 32, 12


def text(x, y, words, style):
    return '<text x="%d" y="%d" %s>%s</text>' % (x, y, style, escape(words))


def picture():
    whole = len(STEPS) * (WIDTH + GAP) - GAP + 4
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" '
        'font-family="sans-serif" font-size="14" text-anchor="middle">'
        % (whole, TOP + HEIGHT + 56, whole),
        "<title>The road: recipe, drop in, migrate, native</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    middle = TOP + HEIGHT // 2
    for i, (name, code, gives) in enumerate(STEPS):
        left = 2 + i * (WIDTH + GAP)
        x = left + WIDTH // 2
        fill = "#f3f3f3" if i == 0 else "#e3f0fb"
        lines.append(
            '<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s" stroke="#4a6fa5"/>'
            % (left, TOP, WIDTH, HEIGHT, fill)
        )
        lines.append(text(x, TOP + 26, name, 'font-size="17" font-weight="bold"'))
        lines.append(text(x, TOP + 52, code, 'font-family="monospace" font-size="12"'))
        lines += [text(x, TOP + 80 + 20 * j, words, "") for j, words in enumerate(gives)]
        if i:
            lines.append(
                '<path d="M%d %d h%d m-7 -5 l7 5 l-7 5" fill="none" stroke="#4a6fa5" '
                'stroke-width="2"/>' % (left - GAP + 4, middle, GAP - 8)
            )
    start, end, y = 2 + WIDTH // 2, whole - 2 - WIDTH // 2, TOP + HEIGHT + 4
    lines.append('<path d="M%d %d v12 H%d v-12" fill="none" stroke="#888"/>' % (start, y, end))
    lines.append(text(whole // 2, y + 34, BELOW, ""))
    return "\n".join(lines + ["</svg>", ""])


if __name__ == "__main__":
    with open(PICTURE, "w", encoding="utf-8") as drawn:
        drawn.write(picture())
