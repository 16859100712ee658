"""Counts on how many float32 native ops differ from the interpreter, and by how much at most.

For each function of tests/activations.py, for spiky and for d_spiky: `native(f)`, computed in
double, of float32 tensors, eagerly and under XLA, against the array form of `vectorize(f)`, which
is the interpreter's bit for bit. Numbers for which that form asks the interpreter are left out:
those at which the interpreter raises, and those at which integers are not below 2**53.

All of it takes two cores some three hours. What is done is kept in the file of --json, and counts
for as long as the text of a function's module, `legacy_spiky.native.source(f)`, is the same: run it
again to go on, or with more --blocks.

Exit status: 0 done; 2 it could not be done; 130 after Ctrl-C.
"""

import argparse
import functools
import hashlib
import json
import os
import platform
import re
import sys
import textwrap
import time

import numpy as np
from shared import ROOT
from shared.exhaustive import write_json
from shared.implementations import XLA
from shared.quiet import tf

import legacy_spiky
from legacy_spiky._arrays import patterns
from legacy_spiky._arrays.arithmetic import ieee, silent
from legacy_spiky._terminal import check_files, progress, status_of, stop
from legacy_spiky.parity.blocks import BLOCKS, numbers, spread
from legacy_spiky.parity.report import shown
from legacy_spiky.vectorize import _Form

sys.path.append(os.path.join(ROOT, "tests"))

import activations  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "native.md")
KEPT = os.path.join(ROOT, "docs", "native_table.json")
MARKERS = "<!-- scripts/native_table.py writes from here -->", "<!-- to here -->"
WORLDS = ["eager", "XLA"]
STRIDE = 2531  # odd, so it comes to each block; 4096 times the golden section, so evenly
EVERY = 10  # seconds from one writing of the results to the next
FUNCTIONS = {f.__name__: f for f in activations.CORPUS + [legacy_spiky.spiky, legacy_spiky.d_spiky]}


@functools.lru_cache(maxsize=None)
def forms(name):
    """Returns the array form of a function, and its op in each world; made once in a process."""
    f = FUNCTIONS[name]
    op = native(f)
    compiled = tf.function(op, jit_compile=True)
    return _Form(f, None)(), [op, compiled]


def native(f):
    from legacy_spiky.native import native  # not before TensorFlow 1.15

    return native(f)


def source(f):
    from legacy_spiky.native import source

    return source(f)


def taken():
    """Returns the names of the functions that `native` takes, and the reasons for the others."""
    names, refused = [], {}
    for name, f in FUNCTIONS.items():
        try:
            native(f)
            names.append(name)
        except TypeError as reason:
            refused[name] = str(reason)
    return names, refused


def check(job):
    """Returns what is found for a function on a block."""
    name, block = job
    x = numbers(block)
    form, ops = forms(name)
    y = np.empty_like(x)
    with ieee():
        asked = form(True, x, None, y)
    known = np.ones(x.shape, bool)
    known[np.asarray(asked, int)] = False
    found = {"tried": int(known.sum()), "left out": int((~known).sum())}
    for world, op in zip(WORLDS, ops):
        found[world] = difference(x, y, op(tf.constant(x)).numpy(), known)
    return found


@silent
def difference(x, expected, given, known):
    """Returns how many results differ, how many of them in NaN, and the farthest of the others."""
    differs = known & (patterns.bits(expected) != patterns.bits(given))
    if not differs.any():
        return {"differ": 0, "nan": 0, "ulp": 0, "at": None}
    nan = np.isnan(expected), np.isnan(given)
    differs &= ~(nan[0] & nan[1])
    either = differs & (nan[0] | nan[1])
    found = {"differ": int(differs.sum()), "nan": int(either.sum()), "ulp": 0, "at": None}
    places = np.flatnonzero(differs & ~either)
    if len(places):
        ulp = patterns.distance(expected[places], given[places])
        found.update(ulp=int(ulp.max()), at=shown(x[places[ulp.argmax()]]))
    return found


def add(total, found):
    """Adds what was found on a block to what was found before."""
    for key in ("tried", "left out"):
        total[key] = total.get(key, 0) + found[key]
    for world in WORLDS:
        one, more = total.setdefault(world, dict(found[world], differ=0, nan=0)), found[world]
        if more["ulp"] > one["ulp"] or one["at"] is None:
            one.update(ulp=more["ulp"], at=more["at"])
        for key in ("differ", "nan"):
            one[key] += more[key]


# What was found so far.


def about():
    """Returns what results are of."""
    python = platform.python_version()
    return {"tensorflow": tf.VERSION, "numpy": np.__version__, "python": python}


@functools.lru_cache(maxsize=None)
def module(name):
    """Returns the digest of the text of which a function's op is made."""
    text = source(FUNCTIONS[name]).encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def read_results(path):
    """Returns what a file holds of each function: the sums, and of how many blocks they are.

    Raises:
      ValueError: it is of other versions.
    """
    if not path or not os.path.exists(path):
        return {}
    try:
        with open(path) as text:
            kept = json.load(text)
        functions = kept["functions"]
        whole = all(
            total["tried"] + total["left out"] == total["blocks"] << 20
            for total in functions.values()
        )
        mine = whole and kept["about"] == about()
        others = [name for name in functions if functions[name]["module"] != module(name)]
    except (AttributeError, KeyError, TypeError, ValueError):
        mine = False
    if not mine:
        raise ValueError("%s is of other versions: delete it, or give another with --json" % path)
    for name in others:
        del functions[name]
        print("%s: its module is another one by now; it is begun anew" % name)
    return functions


def fill(results, names, blocks, path):
    """Adds what is missing to the results, and writes them, from time to time and in the end."""
    for name in names:
        results.setdefault(name, {"module": module(name), "blocks": 0})
    done = {name: results[name]["blocks"] for name in names}
    jobs = [(name, block) for i, block in enumerate(blocks) for name in names if i >= done[name]]
    bar, written = progress(len(jobs), "block"), time.time()
    ready, following = {}, iter(jobs)
    job = next(following, None)
    try:
        for key, found in spread(check, jobs):
            ready[key] = found
            while job in ready:  # in their order, so that a count says which
                total = results[job[0]]
                add(total, ready.pop(job))
                total["blocks"] += 1
                job = next(following, None)
            bar.update()
            if path and time.time() > written + EVERY:
                write_results(path, results)
                written = time.time()
    finally:
        bar.close()
        if path:
            write_results(path, results)


def write_results(path, results):
    done = {name: total for name, total in results.items() if total["blocks"]}
    write_json(path, {"about": about(), "functions": done})


# The table.


def table(results):
    """Returns the lines of the table, in the order of the corpus."""
    lines = [
        "| function | float32 tried | differ, eagerly | at most | differ under XLA | at most |",
        "|---|--:|--:|---|--:|---|",
    ]
    for name in FUNCTIONS:
        if results.get(name, {}).get("blocks"):
            total = results[name]
            cells = ["`%s`" % name, "{:,}".format(total["tried"])]
            for world in WORLDS:
                cells += ["{:,}".format(total[world]["differ"]), farthest(total[world])]
            lines.append("| %s |" % " | ".join(cells))
    return lines


def told(results):
    """Returns the lines of the page: which functions never differ, and the table of the others."""
    alike, others = {}, {}
    for name in FUNCTIONS:
        total = results.get(name, {"blocks": 0})
        if total["blocks"] and not any(total[world]["differ"] for world in WORLDS):
            alike.setdefault(total["tried"], []).append("`%s`" % name)
        elif total["blocks"]:
            others[name] = total
    lines = []
    if alike:
        lines += ["These differ on none, eagerly and under XLA:", ""]
    for tried in sorted(alike, reverse=True):
        words = "- on {:,} tried: ".format(tried) + ", ".join(alike[tried]) + "."
        lines += textwrap.wrap(words, 100, subsequent_indent="  ", break_on_hyphens=False)
    if alike and others:
        lines += ["", "These differ:", ""]
    return lines + (table(others) if others else [])


def farthest(found):
    """Returns how far apart results are, in words."""
    if not found["differ"]:
        return ""
    words = []
    if found["differ"] > found["nan"]:
        words.append("{:,} ULP".format(found["ulp"]) if found["ulp"] else "the sign of 0")
    if found["nan"]:
        words.append("NaN for a number, or the reverse, {:,} times".format(found["nan"]))
    return "; ".join(words)


def write_page(path, results):
    """Writes the table to a page, between the markers.

    Raises:
      ValueError: the page has no markers.
    """
    with open(path, encoding="utf-8") as text:
        page = text.read()
    parts = re.split("|".join(map(re.escape, MARKERS)), page)
    if len(parts) != 3 or page.find(MARKERS[0]) > page.find(MARKERS[1]):
        raise ValueError("%s has no place for the table: two lines, %s and %s" % (path, *MARKERS))
    versions = "TensorFlow %s, NumPy %s, Python %s" % tuple(
        about()[key] for key in ("tensorflow", "numpy", "python")
    )
    counts = {total["blocks"] for total in results.values()}
    blocks = " to ".join("{:,}".format(count) for count in sorted({min(counts), max(counts)}))
    said = "%s; %s of the 4096 blocks of 2**20 float32." % (versions, blocks)
    middle = "\n".join(["", said, ""] + told(results) + [""])
    with open(path, "w", encoding="utf-8") as text:
        text.write(parts[0] + MARKERS[0] + middle + MARKERS[1] + parts[2])


def spread_out(count):
    """Returns so many blocks, evenly spread over all: those of a lesser count, and more."""
    return [i * STRIDE % BLOCKS for i in range(count)]


def arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--blocks",
        type=int,
        metavar="N",
        default=BLOCKS,
        help="so many of the 4096 blocks of 2**20 float32, evenly spread (default: all)",
    )
    parser.add_argument(
        "--functions", nargs="+", metavar="NAME", help="these alone (default: all that are taken)"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="where results are kept, to go on after an interruption (default: "
        "docs/native_table.json; with --functions they are only printed)",
    )
    parser.add_argument(
        "--page",
        metavar="FILE",
        help="where the table goes, between its markers (default: docs/native.md; with "
        "--functions it is only printed)",
    )
    options = parser.parse_args(argv)
    if not 1 <= options.blocks <= BLOCKS:
        parser.error("--blocks takes from 1 to 4096, got %d" % options.blocks)
    for name in options.functions or ():
        if name not in FUNCTIONS:
            parser.error("--functions: %r is none of %s" % (name, ", ".join(FUNCTIONS)))
    if not options.functions:
        options.page, options.json = options.page or PAGE, options.json or KEPT
    check_files(parser, options, "json", "page")
    return options


def main(argv=None):
    options = arguments(argv)
    if not XLA:
        stop("this wants TensorFlow 2.5 or newer, for XLA, and this is %s" % tf.VERSION)
    try:
        names, refused = taken()
        for name in options.functions or refused:
            if name in refused:
                print("not in the table: %s" % refused[name])
        if options.functions:
            names = [name for name in names if name in options.functions]
        results = read_results(options.json)
        fill(results, names, spread_out(options.blocks), options.json)
        print("\n".join(table(results)))
        if options.page:
            write_page(options.page, results)
            print("the table is in", options.page)
    except KeyboardInterrupt:
        kept = "what was done is in %s; run the same again" % options.json
        kept = kept if options.json else "nothing was kept without --json"
        print("interrupted: " + kept, file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        print("not done: %s" % error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(status_of(main))
