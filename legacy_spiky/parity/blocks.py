"""Every float32 there is: blocks of 2**20 bit patterns, spread over the cores."""

import concurrent.futures
import functools
import itertools
import multiprocessing
import pickle
import random
import signal

import numpy as np

from legacy_spiky._arrays import cores
from legacy_spiky._terminal import progress, quiet

__all__ = ["BLOCKS", "check", "check_pair", "drawn", "numbers", "spread", "walk"]

BLOCKS = 4096


def numbers(block):
    """Returns the float32 of a block."""
    return np.arange(block << 20, (block + 1) << 20, dtype=np.uint32).view(np.float32)


def check(block, reference, candidates, **tolerance):
    """Returns the report on a block, for an upstream gradient of ones."""
    from legacy_spiky.parity.comparison import compare, run_side

    x = numbers(block)
    values, _ = run_side("reference", reference.label, reference, [x])
    ones = [np.ones(y.shape, y.dtype) for y in values]
    return compare(reference, *candidates, inputs=x, upstream=ones, **tolerance)


def check_pair(block, python, reference, candidate, **tolerance):
    """Returns the report on a block, of two functions of the user's."""
    return check(block, *_sides(python, reference, candidate), **tolerance)


@functools.lru_cache(maxsize=None)
def _sides(*names):
    """Makes them once in a process."""
    from legacy_spiky.parity.pair import sides

    return sides(*names)


def drawn(count, seed):
    """Returns so many blocks, others for each seed, None being one of its own; and says so."""
    if count == BLOCKS:
        print("all 4096 blocks of 2**20 float32", flush=True)
        return range(BLOCKS)
    seed = random.randrange(2**32) if seed is None else seed
    print("%d of 4096 blocks of 2**20 float32, drawn with --seed %d" % (count, seed), flush=True)
    return random.Random(seed).sample(range(BLOCKS), count)


def walk(work, blocks, report, done=(), keep=None):
    """Adds what `work(block)` reports on blocks, those aside that are done.

    Args:
      work: a function that can be pickled.
      blocks: their numbers.
      report: what is added to.
      done: the blocks that are in it already.
      keep: is called with those that are done, after each.
    """
    done = list(done)
    bar = progress(len(blocks) - len(done), "block")
    try:
        for block, found in spread(work, sorted(set(blocks) - set(done))):
            report.add(found)
            done.append(block)
            if keep:
                keep(done)
            bar.update()
    finally:
        bar.close()
        if len(done) < len(blocks):
            print("%d of %d blocks compared" % (len(done), len(blocks)))
            if keep and done:
                keep(done)  # also the last one, where it was interrupted


def spread(work, jobs):
    """Yields each job with what `work(job)` returns, in as many processes as there are cores."""
    multiprocessing.set_start_method("spawn", force=True)  # TensorFlow does not survive a fork
    jobs, ahead, work = iter(jobs), 4 * cores(), pickle.dumps(work)
    with concurrent.futures.ProcessPoolExecutor(cores()) as pool:
        # The parent says when to stop: the workers, all of which start now, inherit that they
        # ignore Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        tasks = {pool.submit(_task, work, job): job for job in itertools.islice(jobs, ahead)}
        signal.signal(signal.SIGINT, before)
        try:
            while tasks:
                done, _ = concurrent.futures.wait(tasks, return_when="FIRST_COMPLETED")
                for job in itertools.islice(jobs, len(done)):
                    tasks[pool.submit(_task, work, job)] = job
                for task in done:
                    yield tasks.pop(task), task.result()
        finally:
            for task in tasks:
                task.cancel()


def _task(work, job):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not inherited
    quiet()  # and then it is unpickled, which imports TensorFlow
    return pickle.loads(work)(job)
