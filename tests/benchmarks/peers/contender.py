"""One contender in its own process: `python -m tests.benchmarks.peers.contender NAME SOURCE TARGET`.

Every one trains one recurrent layer with a head on squared errors with Adam, on one thread, for the same
number of steps of the same batch size, on changes that are scaled already. Imports
come before the clock starts.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tests.benchmarks.peers.task import (
    BATCH_SIZE,
    EPOCHS,
    HELD_OUT,
    LEARNING_RATE,
    STEPS,
    TIME_STEPS,
    TRAINING,
    UNITS,
    Fit,
    contend,
)

QUIET = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
VALIDATED = 0.1


def pricecast() -> Fit:
    """The weights after the last step."""
    return _pricecast()


def pricecast_mean_of_three() -> Fit:
    """The mean of three such networks, as `lstm.seeds = 3` has it."""
    return _pricecast(members=3)


def pricecast_validated() -> Fit:
    """As the daily job: the newest tenth is the validation block and decides which epoch is kept."""
    return _pricecast(validated=int(TRAINING * VALIDATED))


def _pricecast(*, members: int = 1, validated: int = 0) -> Fit:
    from numpy.lib.stride_tricks import sliding_window_view

    from pipeline.networks.parameters import Dimensions, Limits, NetworkParameters
    from pipeline.networks.start import start_tensorflow
    from pipeline.types import Windows

    start_tensorflow()
    from pipeline.networks.training import shared_trainer

    network = NetworkParameters(UNITS, 1, 0.0, LEARNING_RATE, "adam", "mse", BATCH_SIZE)
    # Without a validation block every epoch counts as better than the one before, so that the last is kept.
    limits = Limits(EPOCHS, EPOCHS, 0.0 if validated else -np.inf)

    def windows(changes: np.ndarray) -> Windows:
        values = sliding_window_view(changes[:-1], TIME_STEPS)[:, :, None]
        return Windows(np.arange(len(values)), values, changes[TIME_STEPS:, None])

    def part(every: Windows, chosen: slice) -> Windows:
        return Windows(every.rows[chosen], every.values[chosen], every.targets[chosen])

    def fit(training: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        trainer, every = shared_trainer(network, Dimensions(TIME_STEPS, 1, 1)), windows(training)
        split = len(every) - validated
        blocks = part(every, slice(split)), part(every, slice(split, None))
        fits = [
            trainer.fit(trainer.start(one), *blocks, one, limits)[0]
            for one in range(seed * members, (seed + 1) * members)
        ]

        def forecast(changes: np.ndarray) -> np.ndarray:
            asked = windows(changes).values[-HELD_OUT:]
            return np.mean([trainer.predict(weights, asked)[:, 0] for weights in fits], axis=0)

        return forecast

    return fit


def neuralforecast() -> Fit:
    import pandas as pd
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    torch.set_num_threads(1)

    def table(changes: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"unique_id": "series", "ds": np.arange(len(changes)), "y": changes})

    def fit(training: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        model = LSTM(
            h=1,
            input_size=TIME_STEPS,
            encoder_n_layers=1,
            encoder_hidden_size=UNITS,
            decoder_layers=1,
            decoder_hidden_size=UNITS,
            loss=MSE(),
            max_steps=STEPS,
            learning_rate=LEARNING_RATE,
            batch_size=1,
            windows_batch_size=BATCH_SIZE,
            scaler_type="identity",
            random_seed=seed + 1,
            enable_model_summary=False,
            **QUIET,
        )
        forecaster = NeuralForecast([model], freq=1)
        forecaster.fit(table(training.astype(np.float32)))

        def forecast(changes: np.ndarray) -> np.ndarray:
            found = forecaster.cross_validation(
                table(changes.astype(np.float32)), n_windows=HELD_OUT, use_fitted=True
            )
            return found.sort_values("ds")["LSTM"].to_numpy()[-HELD_OUT:]

        return forecast

    return fit


def darts() -> Fit:
    import torch
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    torch.set_num_threads(1)

    def series(changes: np.ndarray) -> TimeSeries:
        return TimeSeries.from_values(changes.astype(np.float32))

    def fit(training: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        model = BlockRNNModel(
            input_chunk_length=TIME_STEPS,
            output_chunk_length=1,
            model="LSTM",
            hidden_dim=UNITS,
            batch_size=BATCH_SIZE,
            n_epochs=EPOCHS,
            optimizer_kwargs={"lr": LEARNING_RATE},
            random_state=seed,
            pl_trainer_kwargs={**QUIET, "enable_model_summary": False},
        )
        model.fit(series(training))

        def forecast(changes: np.ndarray) -> np.ndarray:
            first = len(changes) - HELD_OUT
            return model.historical_forecasts(series(changes), start=first, retrain=False).values()[:, 0]

        return forecast

    return fit


CONTENDERS: Mapping[str, Callable[[], Fit]] = {
    "pricecast": pricecast,
    "pricecast-mean-of-3": pricecast_mean_of_three,
    "pricecast-validated": pricecast_validated,
    "neuralforecast": neuralforecast,
    "darts": darts,
}

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    for noisy in ("pytorch_lightning", "lightning_fabric", "darts"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    name, source, target = sys.argv[1:]
    contend(CONTENDERS[name](), Path(source), Path(target))
