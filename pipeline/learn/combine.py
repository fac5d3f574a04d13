"""Ensembles: combine the forecasts that other models issued for the same origins.

No model is trained. The equal-weighted ensemble is the mean of the members' predicted log changes (Bates and
Granger 1969); the shrunk ensemble multiplies it by a weight between 0 (the last value) and 1.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline import __version__
from pipeline.errors import AssetError
from pipeline.learn.intervals import PastErrors
from pipeline.learn.train import fit_seed
from pipeline.models.base import ModelConfig
from pipeline.models.weights import pack
from pipeline.types import (
    BoolArray,
    DateArray,
    FitRecord,
    FloatArray,
    ForecastBlock,
    ForecastKind,
    IntArray,
    MemberForecasts,
    Provenance,
    Stationarity,
    Weighting,
)

MIN_KNOWN_OUTCOMES = 30
"""Fewest past forecasts with a known outcome; with fewer, the shrunk ensemble is the last value."""


@dataclass(frozen=True, eq=False)
class Combination:
    """An ensemble's forecasts: (o, H) `closes`, and the `weights` (o, H) of the members' mean change."""

    members: MemberForecasts
    closes: FloatArray
    weights: FloatArray

    def past_errors(self) -> tuple[PastErrors, ...]:
        """Compute the absolute log errors of each horizon where the outcome is known."""
        errors = np.abs(np.log(self.closes / self.members.actual_closes))
        known = np.isfinite(errors)
        places = range(errors.shape[1])
        dates = self.members.target_dates
        return tuple(PastErrors(dates[known[:, h], h], errors[known[:, h], h]) for h in places)


def combine_members(members: MemberForecasts, weighting: Weighting) -> Combination:
    """Combine the members' forecasts, with weights learnt only from outcomes known at each origin."""
    last = members.last_closes[:, None]
    changes = np.mean(np.log(members.closes / last), axis=0)
    if weighting is Weighting.EQUAL:
        weights = np.ones_like(changes)
    else:
        moves = np.log(members.actual_closes / last)
        columns = zip(members.target_dates.T, changes.T, moves.T, strict=True)
        weights = np.column_stack([shrinkage(members.origin_dates, *column) for column in columns])
    return Combination(members, last * np.exp(weights * changes), weights)


def shrinkage(
    origin_dates: DateArray, target_dates: DateArray, changes: FloatArray, moves: FloatArray
) -> FloatArray:
    """Compute (o,) weights between 0 and 1 for (o,) predicted changes, each from earlier forecasts only.

    The least-squares slope, without a constant, of the moves (NaN: unknown) on the predicted changes whose
    target date is no later than the origin (Mincer and Zarnowitz 1969), clipped to 0..1; 0 for fewer than 30
    of them. Origin dates and target dates ascend.
    """
    is_known = np.isfinite(moves)
    products = np.cumsum(np.where(is_known, changes * moves, 0.0))
    squares = np.cumsum(np.where(is_known, changes**2, 0.0))
    counts = np.cumsum(is_known)
    newest = np.maximum(np.searchsorted(target_dates, origin_dates, side="right") - 1, 0)
    is_enough = (counts[newest] >= MIN_KNOWN_OUTCOMES) & (squares[newest] > 0.0)
    slopes = products[newest] / np.where(is_enough, squares[newest], 1.0)
    return np.where(is_enough, np.clip(slopes, 0.0, 1.0), 0.0)


@dataclass(frozen=True, eq=False)
class AlreadyIssued:
    """An ensemble's stored forecasts: whether there is a backtest, and the origins of live forecasts."""

    has_backtest: bool
    live_origins: DateArray

    def is_complete(self, newest: np.datetime64) -> bool:
        """Check that no forecast is due, where `newest` is the newest settled session."""
        return self.has_backtest and self.is_live(newest)

    def is_live(self, newest: np.datetime64) -> bool:
        """Is there a live forecast from the session `newest`?"""
        return bool(np.isin(newest, self.live_origins))


def due_blocks(
    combination: Combination,
    config: ModelConfig,
    symbol: str,
    newest: np.datetime64,
    issued: AlreadyIssued,
) -> list[ForecastBlock]:
    """Select the forecasts not yet issued: past origins as a backtest, the newest origin as live.

    AssetError if a member has no forecast from the newest settled session.
    """
    origins = combination.members.origin_dates
    if len(origins) == 0 or origins[-1] != newest:
        raise AssetError(
            symbol,
            f"{config.name} needs the forecasts of all its members from {newest}, and some are missing",
            "See the errors of its members, or remove those that fail from ensemble.members.",
        )
    due: list[ForecastBlock] = []
    if not issued.has_backtest:
        is_past = ~np.isin(origins, [*issued.live_origins, newest])
        due += blocks(combination, is_past, config, symbol, ForecastKind.BACKTEST)
    if not issued.is_live(newest):
        due += blocks(combination, origins == newest, config, symbol, ForecastKind.LIVE)
    return due


def blocks(
    combination: Combination, issued: BoolArray, config: ModelConfig, symbol: str, kind: ForecastKind
) -> Iterator[ForecastBlock]:
    """Group the origins where `issued` (o,) is true into blocks, one for each fit of the first member."""
    members = combination.members
    for fit_id in dict.fromkeys(members.fit_ids[issued].tolist()):
        rows = np.flatnonzero(issued & (members.fit_ids == fit_id))
        weights = pack({"weights": combination.weights[rows[-1]]}) if kind is ForecastKind.LIVE else b""
        yield ForecastBlock(
            fit=FitRecord(_provenance(members, rows, config, symbol), kind, (), 0, weights),
            horizons=np.array(config.ahead),
            origin_dates=members.origin_dates[rows],
            last_closes=members.last_closes[rows],
            target_dates=members.target_dates[rows],
            closes=combination.closes[rows],
        )


def _provenance(members: MemberForecasts, rows: IntArray, config: ModelConfig, symbol: str) -> Provenance:
    """Record the provenance of the forecasts of these rows: all that was known by the last of them."""
    first, through = int(rows[0]), slice(0, int(rows[-1]) + 1)
    newest = members.origin_dates[rows[-1]]
    known = np.isfinite(members.actual_closes) & (members.target_dates <= newest)
    digest = hashlib.sha256(np.ascontiguousarray(members.closes[:, through]).tobytes())
    outcomes = np.where(known, members.actual_closes, 0.0)
    for array in (members.origin_dates, members.last_closes, outcomes):
        digest.update(np.ascontiguousarray(array[through]).tobytes())
    return Provenance(
        symbol=symbol,
        model=config.name,
        config_hash=config.config_hash,
        data_hash=digest.hexdigest()[:16],
        seed=fit_seed(symbol, config, members.origin_dates[first]),
        code_version=__version__,
        trained_from=members.origin_dates[0],
        trained_through=members.target_dates[known].max() if known.any() else newest,
        n_training=int(known[:, 0].sum()),
        n_validation=0,
        stationarity=Stationarity(float("nan"), float("nan")),
        naive_mae=float(members.naive_maes[first]),
        adjustment=config.adjust,
    )
