"""What a person looks at beside a verdict, as plain arrays: five panels of one series of forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, observe
from pipeline.lag.predictions import ROUNDING, Predictions, predict
from pipeline.lag.shape import recent_returns
from pipeline.types import DateArray, FloatArray, Trial

RECENT_SESSIONS = 45
KNOWN_DAYS = ("t-5", "t-4", "t-3", "t-2", "t-1", "t")
CHANCE = 1.96


@dataclass(frozen=True, eq=False)
class Panels:
    """The data of five panels, NaN where undefined.

    For n forecasts in the order of their targets, the newest k = min(45, n) of them, and 7 days: the known
    days t-5, ..., t and, last, the day forecast.

    (a) `recent_dates` (k,): target dates; `actual`, `forecast` and `last_known` (k,): prices on one basis.
    (b) `correlations` (7,): of the predicted change with the return of each known day and with the move
    forecast, all in units of the volatility known at the origin; NaN for a constant prediction.
    (c) `predicted`, `moved` (n,): predicted changes without their drift so far, and the moves that came, in
    the same units.
    (d) `dates` (n,): target dates; `gains` (n,): the squared error saved so far on repeating the last price,
    as a share of all that it makes; the last of them is the skill.
    (e) `errors` (7,): mean absolute log difference between the forecasts and the price of each day.
    """

    horizon: int
    recent_dates: DateArray
    actual: FloatArray
    forecast: FloatArray
    last_known: FloatArray
    correlations: FloatArray
    predicted: FloatArray
    moved: FloatArray
    dates: DateArray
    gains: FloatArray
    errors: FloatArray

    @property
    def caution(self) -> str:
        """What to keep in mind of `errors`."""
        return "cannot convict alone"

    @property
    def days(self) -> tuple[str, ...]:
        """(7,): t-5, ..., t and the day forecast."""
        return (*KNOWN_DAYS, f"t+{self.horizon}")

    @property
    def moves(self) -> tuple[str, ...]:
        """(7,): the days whose returns are known, and the move forecast."""
        return (*KNOWN_DAYS, "t+1" if self.horizon == 1 else f"t+{self.horizon}'s move")

    @property
    def chance(self) -> FloatArray:
        """(7,): what `correlations` stay within for 95% of series that have nothing to do with the moves.

        A guide for the eye: of moves that overlap, only one in each horizon counts.
        """
        counts = np.array([len(self.dates)] * len(KNOWN_DAYS) + [len(self.dates) / self.horizon])
        return np.asarray(np.minimum(CHANCE / np.sqrt(counts), 1.0))

    @property
    def nearest(self) -> int:
        """The place of the least of `errors`: a known day of an echo, and of most honest forecasts too."""
        return int(np.argmin(self.errors))


def panels_of(trial: Trial, target_dates: DateArray) -> Panels:
    """The panels of one trial whose forecasts are for `target_dates` (n,)."""
    n, horizon = len(trial), trial.horizon
    if len(target_dates) != n:
        raise ValueError(f"{len(target_dates)} target dates for {n} forecasts")
    predictions = predict(observe(trial.log_prices[None], horizon), trial.log_forecasts[None])
    first_target = HISTORY + horizon
    recent = slice(-RECENT_SESSIONS, None)
    return Panels(
        horizon=horizon,
        recent_dates=target_dates[recent],
        actual=np.exp(trial.log_prices[first_target : first_target + n][recent]),
        forecast=np.exp(trial.log_forecasts[recent]),
        last_known=np.exp(trial.log_prices[HISTORY : HISTORY + n][recent]),
        correlations=_correlations(predictions),
        predicted=predictions.centred[0],
        moved=predictions.market.scaled_moves[0],
        dates=target_dates,
        gains=_gains(predictions),
        errors=_errors(trial),
    )


def _correlations(predictions: Predictions) -> FloatArray:
    market = predictions.market
    returns = recent_returns(market, len(KNOWN_DAYS))[0, :, ::-1] * market.per_scale[0, :, None]
    seen = np.column_stack([returns, market.scaled_moves[0]])
    seen = seen - seen.mean(axis=0)
    said = predictions.centred[0] - predictions.centred[0].mean()
    spreads, spread = seen.std(axis=0), said.std()
    products = np.mean(seen * said[:, None], axis=0)
    defined = (spreads > ROUNDING) & (spread > ROUNDING)
    return np.asarray(
        np.divide(products, spreads * spread, out=np.full_like(products, np.nan), where=defined)
    )


def _gains(predictions: Predictions) -> FloatArray:
    u, v = predictions.market.scaled_moves[0], predictions.centred[0]
    total = np.sum(u**2)
    return np.asarray(np.cumsum(2.0 * u * v - v**2) / total) if total > 0.0 else np.full_like(u, np.nan)


def _errors(trial: Trial) -> FloatArray:
    n = len(trial)
    leads = (*range(1 - len(KNOWN_DAYS), 1), trial.horizon)
    prices = np.stack([trial.log_prices[HISTORY + lead : HISTORY + lead + n] for lead in leads])
    return np.asarray(np.mean(np.abs(trial.log_forecasts - prices), axis=1))
