"""README and the pages of docs/: their text, snippets and commands."""

import glob
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as text:
        return text.read()


# Their texts, by their paths from the root.
PAGES = {
    os.path.relpath(path, ROOT).replace(os.sep, "/"): read(path)
    for path in [os.path.join(ROOT, "README.md")]
    + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
}
README = PAGES["README.md"]

MADE = "docs/twins.md"  # of code, which stands where it runs


def blocks(page, language):
    """Returns what stands between the fences of a language, ''  for those that name none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.M | re.S)
    return [block for name, block in found if name == language]


def words(page):
    """Returns the count of words beside code blocks, tables and pictures."""
    prose = re.sub(r"^```.*?^```$|^\|.*?$|^!\[.*?\)$", "", PAGES[page], flags=re.M | re.S)
    prose = re.sub(r"\]\([^)]*\)", "]", prose)  # the address of a link is no word
    return len(re.findall(r"\S*\w\S*", prose))
