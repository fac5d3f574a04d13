"""Fit a model to windows, and record all that is needed to repeat the fit."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from pipeline import __version__
from pipeline.errors import HistoryError
from pipeline.learn.scale import Scaler, feature_scaler, fit_scaler, scale
from pipeline.learn.window import select
from pipeline.models import open_model
from pipeline.models.base import FittedModel, ModelConfig
from pipeline.models.stationarity import measure_stationarity
from pipeline.timings import timed
from pipeline.types import (
    Differencing,
    Features,
    FitRecord,
    FloatArray,
    ForecastKind,
    IntArray,
    LeadLag,
    Provenance,
    Target,
    Windows,
    Work,
)

MIN_TRAINING_WINDOWS = 30
"""Fewest training windows for a fit."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model with its frozen scaler and provenance."""

    config: ModelConfig
    scaler: Scaler
    model: FittedModel
    provenance: Provenance

    def record(self, kind: ForecastKind) -> FitRecord:
        """Build the record for the store, with the weights of live fits, from which later fits may start."""
        weights = self.model.to_bytes() if kind is ForecastKind.LIVE else b""
        return FitRecord(self.provenance, kind, self.model.epochs, self.model.best_epoch, weights)


@timed(Work.TRANSFORM)
def train(
    features: Features,
    windows: Windows,
    origin_row: int,
    config: ModelConfig,
    start_weights: bytes = b"",
    measured_leads: tuple[LeadLag, ...] = (),
) -> Fit:
    """Fit a model to the windows known at `origin_row`, those whose targets had all settled by then.

    The newest windows are the validation block; windows whose targets overlap it are left out of training.
    The scaler is fitted to the training rows only. `start_weights` are weights of an earlier fit to start
    from, empty for a cold fit. `measured_leads` are recorded with the fit. Raises HistoryError if too few
    windows are left.
    """
    known = _known_windows(windows, origin_row, config)
    training, validation = _split(select(windows, known), config)
    _require_enough(training, features, origin_row, config)
    rows = _rows_used(training, config)
    scaler = fit_scaler(_finite_rows(features.values[rows]), config.scaler)
    seed = fit_seed(features.symbol, config, features.session_dates[origin_row])
    scaled = _scaled(training, scaler, config), _scaled(validation, scaler, config)
    with timed(Work.TRAIN):
        fitted = open_model(config).fit(*scaled, seed, start_weights)
    provenance = replace(
        _provenance(features, training, validation, seed, config),
        start_hash=start_hash(start_weights),
        lead_lags=measured_leads,
    )
    return Fit(config, scaler, fitted, provenance)


def training_rows(windows: Windows, origin_row: int, config: ModelConfig) -> slice:
    """Find the feature rows in the training windows and targets of a fit at `origin_row`."""
    training, _ = _split(select(windows, _known_windows(windows, origin_row, config)), config)
    return _rows_used(training, config) if len(training) else slice(0, 0)


def fit_seed(symbol: str, config: ModelConfig, origin_date: np.datetime64) -> int:
    """Derive a fit's seed from its configuration, symbol and origin."""
    text = f"{config.seed}:{symbol}:{config.name}:{config.config_hash}:{origin_date}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def _known_windows(windows: Windows, origin_row: int, config: ModelConfig) -> IntArray:
    """Find the recent windows whose targets are all known and settled by `origin_row`."""
    settled = windows.rows + config.horizons <= origin_row
    recent = windows.rows > origin_row - config.train_sessions
    complete = np.isfinite(windows.targets).all(axis=1)
    return np.flatnonzero(settled & recent & complete)


def _require_enough(training: Windows, features: Features, origin_row: int, config: ModelConfig) -> None:
    """Raise HistoryError if there are fewer than MIN_TRAINING_WINDOWS training windows."""
    if len(training) < MIN_TRAINING_WINDOWS:
        raise HistoryError(
            features.symbol,
            f"{config.name} has {len(training)} complete windows of {config.time_steps} consecutive sessions "
            f"for training by {features.session_dates[origin_row]}; it needs {MIN_TRAINING_WINDOWS}",
            "Supply a longer history, lower transform.time_steps, or set transform.bridge_gaps = true.",
        )


def _split(known: Windows, config: ModelConfig) -> tuple[Windows, Windows]:
    """Split windows into training and validation, leaving out training windows with overlapping targets."""
    n_validation = int(len(known) * config.validation_fraction)
    if n_validation == 0:
        return known, select(known, np.arange(0))
    first_row = known.rows[-n_validation]
    training = np.flatnonzero(known.rows + config.horizons <= first_row)
    return select(known, training), select(known, np.arange(len(known) - n_validation, len(known)))


def _rows_used(windows: Windows, config: ModelConfig) -> slice:
    """Find the feature rows in windows or their targets."""
    first = int(windows.rows[0]) - config.time_steps + 1
    return slice(first, int(windows.rows[-1]) + config.horizons + 1)


def _finite_rows(values: FloatArray) -> FloatArray:
    """Select the rows without NaN."""
    return values[np.isfinite(values).all(axis=1)]


def target_scaler(scaler: Scaler, config: ModelConfig) -> Scaler:
    """Derive the scaler of the targets: that of feature 0, or of the sum of H independent changes of it."""
    own = feature_scaler(scaler, 0)
    if config.target is Target.LAST and config.difference is not Differencing.NONE:
        return Scaler(own.offset * config.horizons, own.spread * np.sqrt(config.horizons))
    return own


def _scaled(windows: Windows, scaler: Scaler, config: ModelConfig) -> Windows:
    """Scale the values and targets of windows."""
    targets = scale(windows.targets, target_scaler(scaler, config))
    return Windows(windows.rows, scale(windows.values, scaler), targets)


def _provenance(
    features: Features, training: Windows, validation: Windows, seed: int, config: ModelConfig
) -> Provenance:
    """Record the data and configuration of a fit."""
    rows = _rows_used(training, config)
    newest = validation if len(validation) else training
    fit_rows = slice(rows.start, int(newest.rows[-1]) + config.horizons + 1)
    differenced = features.values[rows, 0]
    return Provenance(
        symbol=features.symbol,
        model=config.name,
        config_hash=config.config_hash,
        data_hash=data_hash(features, fit_rows),
        seed=seed,
        code_version=__version__,
        trained_from=features.session_dates[fit_rows][0],
        trained_through=features.session_dates[fit_rows][-1],
        n_training=len(training),
        n_validation=len(validation),
        stationarity=measure_stationarity(differenced[np.isfinite(differenced)]),
        naive_mae=_mean_change(features.closes[rows], features.basis[rows], features.segments[rows]),
        adjustment=config.adjust,
    )


def _mean_change(closes: FloatArray, basis: FloatArray, segments: IntArray) -> float:
    """Compute the mean absolute one-session change, on the price basis of the session it starts from."""
    one_session = np.diff(segments) == 0
    return float(np.mean(np.abs(np.diff(closes) * basis[:-1])[one_session]))


def start_hash(start_weights: bytes) -> str:
    """Hash the weights that a fit starts from to 16 hexadecimal digits; empty if there are none."""
    return hashlib.sha256(start_weights).hexdigest()[:16] if start_weights else ""


def data_hash(features: Features, rows: slice) -> str:
    """Hash feature rows, with their dates, closes and names, to 16 hexadecimal digits."""
    digest = hashlib.sha256("\0".join(features.names).encode())
    for array in (features.session_dates, features.values, features.closes):
        digest.update(np.ascontiguousarray(array[rows]).tobytes())
    return digest.hexdigest()[:16]
