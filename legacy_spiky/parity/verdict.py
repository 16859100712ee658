"""What a verification prints, writes and draws, and the status that it ends with."""

import json
import platform
import sys
import time
import traceback

import numpy as np

from legacy_spiky._arrays import plain
from legacy_spiky._ops import tf
from legacy_spiky._terminal import versions

__all__ = ["verify"]


def closing_line(results):
    """Returns how much was compared, and how much differs."""
    (report,) = results
    count = len({row["candidate"] for row in report.rows})
    words = "{:,} inputs, {} implementations, {:,} mismatches"
    return words.format(report.tried, count, report.mismatches)


def verify(options, results, compare, draw, closing=closing_line):
    """Runs a comparison, and says what was found.

    Args:
      options: those of the command: `json` and `plot` are files, or None.
      results: reports, or what has their form, in a list.
      compare: a function that fills it.
      draw: a function that draws the plot.
      closing: a function of the results that returns the last line.

    Returns:
      The exit status: 0 where all agree, 1 where something differs, 2 where that cannot be said,
      130 after Ctrl-C. What was compared until then is printed and written all the same.
    """
    print(versions(), flush=True)
    started = time.time()
    problem = _problem(compare)
    seconds = time.time() - started
    ok = all(result.ok for result in results)

    def conclude():
        if problem is None or any(result.tried for result in results):
            for result in results:
                print(result.text(command_line=True))
            print(closing(results) + " (%.0f s)" % seconds)
        sys.stdout.flush()
        if options.json:
            _write(options, results, ok, problem, seconds)
        if options.plot and problem is None:
            draw()
            print("drew", options.plot)

    later = _problem(conclude)
    problem = problem or later
    if problem is not None:
        print("not verified: " + problem, file=sys.stderr)
        return 130 if problem == "interrupted" else 2
    return 0 if ok else 1


def _problem(work):
    """Returns what to say of what it raises; of what nobody expected also prints where it was."""
    try:
        work()
    except KeyboardInterrupt:
        return "interrupted"
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        return str(error) or type(error).__name__
    except BaseException as error:  # sys.exit(0) in the user's code too
        traceback.print_exc()
        return "%s: %s" % (type(error).__name__, error)
    return None


def _write(options, results, ok, problem, seconds):
    report = {
        "tensorflow": tf.VERSION,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "options": plain(vars(options)),
        "ok": problem is None and ok,
        "problem": problem,
        "seconds": round(seconds, 1),
        "results": [result.to_json() for result in results],
    }
    with open(options.json, "w") as text:
        json.dump(report, text, indent=1, allow_nan=False)
        text.write("\n")
