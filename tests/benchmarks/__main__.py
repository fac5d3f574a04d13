"""`make bench`: what a shared compiled function and a warm start save, and what limits them.

Everything printed is measured in this run. Both sides train the same architecture on the same windows for as
many steps, taking turns; imports and a first fit are left out on both sides. Times on shared machines vary;
look at the ratios.
"""

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from tests.benchmarks.limit import measured_rates
from tests.benchmarks.plain import SAME_BATCHES, fit_plainly, seconds_by_feed
from tests.benchmarks.shared import (
    WARM_EPOCHS,
    WORKERS,
    fit_cold,
    fit_shared,
    fit_warm,
    held_out_error,
    warm_up,
)
from tests.benchmarks.workload import DIMENSIONS, EPOCHS, HELD_OUT, NETWORK, SESSIONS, TRAINING

TURN = 4
"""Series that one side fits before it is the other's turn."""
FASTER, WARM_FASTER = 12.0, 40.0
LOSS_WITHIN, ERROR_WITHIN = 0.02, 0.002


def main() -> None:
    parser = argparse.ArgumentParser(description="Training beside plain Keras.")
    parser.add_argument("--series", type=int, default=20)
    seeds = list(range(parser.parse_args().series))
    windows = f"{TRAINING} windows of {DIMENSIONS.time_steps}x{DIMENSIONS.features}"
    network = f"{NETWORK.units} units, batch {NETWORK.batch_size}, {EPOCHS} epochs each"
    print(f"{len(seeds)} series of {windows}, {network}")
    print(
        f"load average of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True
    )
    with ProcessPoolExecutor(1, get_context("spawn")) as plain, _workers() as workers:
        plain_seconds = beside_plain(plain, workers, seeds)
        beside_cold(workers, seeds, plain_seconds)
        beside_machine(workers)


def beside_plain(plain: ProcessPoolExecutor, workers: ProcessPoolExecutor, seeds: list[int]) -> float:
    """Wall seconds a series of the plain way."""
    by_feed = plain.submit(seconds_by_feed).result()
    feed = min(by_feed, key=by_feed.__getitem__)
    losses, wall, cpu = [], np.zeros(2), np.zeros(2)
    for first in range(0, len(seeds), TURN):
        turn = seeds[first : first + TURN]
        started = time.perf_counter()
        theirs = list(plain.map(fit_plainly, turn, [feed] * len(turn)))
        handed_over = time.perf_counter()
        ours = list(workers.map(fit_shared, turn, [start for *_, start in theirs]))
        wall += (handed_over - started, time.perf_counter() - handed_over)
        cpu += [sum(taken for _, taken, *_ in side) for side in (theirs, ours)]
        losses += [(their[0], our[0]) for their, our in zip(theirs, ours, strict=True)]
    feeds = ", ".join(f"{name} {taken:.1f} s" for name, taken in by_feed.items())
    print(f"a fit by what feeds Keras: {feeds}; the fastest races\n")
    line("plain Keras, all cores", f"{wall[0]:.2f} s", f"{cpu[0]:.2f} s of CPU")
    line(f"{WORKERS} workers of one thread", f"{wall[1]:.2f} s", f"{cpu[1]:.2f} s of CPU")
    ratio, (plain_loss, shared_loss) = wall[0] / wall[1], np.mean(losses, axis=0)
    line("ratio", f"{ratio:.2f}", f"at least {FASTER:g}", holds=ratio >= FASTER)
    line("ratio of CPU seconds", f"{cpu[0] / cpu[1]:.2f}", "depends less on what else the machine does")
    apart = shared_loss / plain_loss - 1
    line("final training loss apart", f"{apart:+.3%}", f"{LOSS_WITHIN:.0%}", holds=abs(apart) <= LOSS_WITHIN)
    same, *_ = plain.submit(fit_plainly, seeds[0], SAME_BATCHES).result()
    alike = losses[0][1] / same - 1
    line(
        "the same, equal batches",
        f"{alike:+.4%}",
        "the first series, both sides in one order",
    )
    return wall[0] / len(seeds)


def beside_cold(workers: ProcessPoolExecutor, seeds: list[int], plain_seconds: float) -> None:
    first, last = (list(workers.map(fit_cold, seeds, [session] * len(seeds))) for session in (0, SESSIONS))
    started = time.perf_counter()
    warm, improved = zip(*workers.map(fit_warm, seeds, first), strict=True)
    taken = (time.perf_counter() - started) / (len(seeds) * SESSIONS)
    errors = np.array([list(workers.map(held_out_error, seeds, weights)) for weights in (last, warm, first)])
    cold_error, warm_error, first_error = errors.mean(axis=1)
    ratio, worse = plain_seconds / taken, warm_error / cold_error - 1
    chance = np.std(errors[1] - errors[0], ddof=1) / np.sqrt(len(seeds)) / cold_error
    print(f"\nwarm start: {SESSIONS} sessions, {WARM_EPOCHS} epoch each, from the weights of the one before")
    line("plain Keras, a series", f"{plain_seconds:.3f} s")
    line("warm, a series and session", f"{taken:.3f} s")
    line("ratio", f"{ratio:.1f}", f"at least {WARM_FASTER:g}", holds=ratio >= WARM_FASTER)
    line("held-out MAE, cold", f"{cold_error:.5f}", f"{HELD_OUT} windows after the last session")
    line("held-out MAE, warm", f"{warm_error:.5f}")
    line("held-out MAE, never again", f"{first_error:.5f}", "the first session's weights, for comparison")
    line("warm against cold", f"{worse:+.3%}", f"at most {ERROR_WITHIN:+.1%}", holds=worse <= ERROR_WITHIN)
    line("standard error of that", f"{chance:.3%}", "over the series")
    line("sessions that learnt", f"{np.mean(improved):.0%}", "the others kept the weights they had")


def beside_machine(workers: ProcessPoolExecutor) -> None:
    rates = workers.submit(measured_rates).result()
    shape = f"({NETWORK.batch_size}, {DIMENSIONS.features + NETWORK.units})x(.., {4 * NETWORK.units})"
    print("\nGFLOP/s on one thread")
    line("training", f"{rates.training:.1f}")
    line(f"products {shape}", f"{rates.small:.1f}", f"training has {rates.training / rates.small:.0%} of it")
    line("products of large squares", f"{rates.square:.1f}", f"{rates.training / rates.square:.0%} of it")


def line(name: str, figure: str, note: str = "", *, holds: bool | None = None) -> None:
    verdict = "" if holds is None else ": holds" if holds else ": FALLS SHORT"
    print(f"{name:28}{figure:>12}   {note}{verdict}".rstrip(), flush=True)


@contextmanager
def _workers() -> Iterator[ProcessPoolExecutor]:
    """Workers that are all warm."""
    context = get_context("spawn")
    ready = context.Barrier(WORKERS + 1)
    with ProcessPoolExecutor(WORKERS, context, warm_up, (ready,)) as pool:
        for _ in range(WORKERS):  # a pool starts a process only when it is given something to do
            pool.submit(int)
        ready.wait()
        yield pool


if __name__ == "__main__":
    main()
