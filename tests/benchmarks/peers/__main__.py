"""`make bench-peers`: CPU seconds and errors of the same network by other libraries, measured in this run.

The series are simulated, with a return that repeats 30% of the one before; with `PRICECAST_REAL_DATA=FOLDER`
also the last Bitcoin closes of `FOLDER/yahoo/BTC-USD.csv`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.benchmarks.peers.contender import CONTENDERS
from tests.benchmarks.peers.task import (
    BATCH_SIZE,
    HELD_OUT,
    SEEDS,
    STEPS,
    TIME_STEPS,
    TRAINING,
    UNITS,
    Outcome,
    outcome,
)

PRICES = TRAINING + TIME_STEPS + HELD_OUT + 1
SERIES, AUTOREGRESSION, VOLATILITY = 4, 0.3, 0.02
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def main() -> None:
    parser = argparse.ArgumentParser(description="The same network by other libraries.")
    parser.add_argument("--peers-python", default=sys.executable, help="an interpreter that has the peers")
    python = parser.parse_args().peers_python
    print(
        f"{TRAINING} windows of {TIME_STEPS}, {UNITS} units, {STEPS} steps of batch {BATCH_SIZE}, one thread,"
    )
    print(f"{HELD_OUT} one-step forecasts without a refit; means of {SEEDS} fits a series, after a first")
    for name, prices in markets():
        print(f"\n{name}\n")
        print("| contender | CPU s a fit | CPU s of the first fit | MAE | against the last price |")
        print("|---|---|---|---|---|")
        naive = np.abs(np.diff(prices, axis=1))[:, -HELD_OUT:].mean()
        found = {}
        for contender in CONTENDERS:
            one = found[contender] = measured(contender, prices, python)
            error = price_error(one, prices)
            print(f"| {contender} | {one.seconds.mean():.2f} | {one.first:.2f} ", end="")
            print(f"| {error:.5g} | {error / naive - 1:+.2%} |", flush=True)
        print(f"\n{summary(found, prices)}", flush=True)


def summary(found: dict[str, Outcome], prices: np.ndarray) -> str:
    """Whether each of the project's rows is below every peer's, in both."""
    ours = [name for name in found if name.startswith("pricecast")]
    peers = [one for name, one in found.items() if name not in ours]
    said = ["Below every peer:"]
    for name in ours:
        cheaper = found[name].seconds.mean() < min(one.seconds.mean() for one in peers)
        nearer = price_error(found[name], prices) < min(price_error(one, prices) for one in peers)
        said.append(f"{name}: CPU {'yes' if cheaper else 'NO'}, MAE {'yes' if nearer else 'NO'}")
    return "\n".join(said)


def markets() -> Iterator[tuple[str, np.ndarray]]:
    """(series, prices) of each market."""
    returns = np.random.default_rng(20).normal(0.0, VOLATILITY, (SERIES, PRICES))
    for day in range(1, PRICES):
        returns[:, day] += AUTOREGRESSION * returns[:, day - 1]
    yield f"{SERIES} simulated series", 100.0 * np.exp(np.cumsum(returns, axis=1))
    if folder := os.environ.get("PRICECAST_REAL_DATA"):
        table = np.genfromtxt(Path(folder) / "yahoo" / "BTC-USD.csv", delimiter=",", names=True, usecols=(4,))
        yield "BTC-USD", table["Close"][None, :-1][:, -PRICES:]  # the file's last day was not over


def measured(contender: str, prices: np.ndarray, python: str) -> Outcome:
    """Fits and forecasts of a contender in a process of its own."""
    own = contender.startswith("pricecast")
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "changes.npy", Path(folder) / "outcome.npz"
        np.save(source, _scaled(prices)[0])
        command = [sys.executable if own else python, "-m", "tests.benchmarks.peers.contender", contender]
        done = subprocess.run(
            [*command, str(source), str(target)],
            env={**os.environ, **ONE_THREAD},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{contender} failed:\n{done.stderr}")
        return outcome(target)


def price_error(found: Outcome, prices: np.ndarray) -> float:
    """Mean absolute error in the price's units, of the fits after the first."""
    _, mean, spread = _scaled(prices)
    changes = found.forecasts * spread[:, None] + mean[:, None]
    forecasts = prices[:, None, -HELD_OUT - 1 : -1] * np.exp(changes)
    return float(np.abs(forecasts - prices[:, None, -HELD_OUT:]).mean())


def _scaled(prices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log differences scaled by mean and standard deviation of the training part, and these two."""
    changes = np.diff(np.log(prices), axis=1)
    known = changes[:, :-HELD_OUT]
    mean, spread = known.mean(axis=1, keepdims=True), known.std(axis=1, keepdims=True)
    return (changes - mean) / spread, mean, spread


if __name__ == "__main__":
    main()
