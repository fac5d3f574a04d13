"""The data of the diagnostic plots of one series of forecasts: five panels, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, build_market
from pipeline.lag.predictions import ROUNDING, Predictions, predict
from pipeline.lag.shape import recent_returns
from pipeline.types import DateArray, FloatArray, Trial

RECENT_SESSIONS = 45
"""Sessions in the panel of prices."""
KNOWN_DAYS = ("t-5", "t-4", "t-3", "t-2", "t-1", "t")
"""Labels of the sessions known at the origin t."""
Z_95 = 1.96
"""Two-sided 95% quantile of the standard normal distribution."""


@dataclass(frozen=True, eq=False)
class Panels:
    """The data of five panels on n forecasts ordered by target date; NaN where undefined.

    The newest k = min(45, n) forecasts are shown as prices. Seven days are compared: the known days
    t-5, ..., t and, last, the target.

    (a) `recent_dates` (k,): target dates; `actual`, `forecast` and `last_known` (k,): prices on one price
    basis.
    (b) `correlations` (7,): correlation of the predicted change with the return of each known day and with
    the move, all in units of the volatility known at the origin; NaN for constant predictions.
    (c) `predicted`, `realised` (n,): predicted changes less their running mean, and moves, in the same units.
    (d) `dates` (n,): target dates; `gains` (n,): the cumulated reduction of squared error against
    persistence, as a share of the total squared error of persistence; the last value is the skill.
    (e) `errors` (7,): mean absolute log difference between the forecasts and the price of each day.
    """

    horizon: int
    recent_dates: DateArray
    actual: FloatArray
    forecast: FloatArray
    last_known: FloatArray
    correlations: FloatArray
    predicted: FloatArray
    realised: FloatArray
    dates: DateArray
    gains: FloatArray
    errors: FloatArray

    @property
    def caution(self) -> str:
        """The limitation of `errors` that captions mention."""
        return "not conclusive alone"

    @property
    def days(self) -> tuple[str, ...]:
        """(7,): the labels of the days of `errors`: t-5, ..., t and the target."""
        return (*KNOWN_DAYS, f"t+{self.horizon}")

    @property
    def moves(self) -> tuple[str, ...]:
        """(7,): the labels of `correlations`: the days whose returns are known, and the move."""
        return (*KNOWN_DAYS, "t+1" if self.horizon == 1 else f"t+{self.horizon}'s move")

    @property
    def chance_bounds(self) -> FloatArray:
        """(7,): the bounds that `correlations` stay within for 95% of series independent of the moves.

        Approximate: overlapping moves count as n / horizon independent ones.
        """
        counts = np.array([len(self.dates)] * len(KNOWN_DAYS) + [len(self.dates) / self.horizon])
        return np.asarray(np.minimum(Z_95 / np.sqrt(counts), 1.0))

    @property
    def nearest(self) -> int:
        """The index of the smallest of `errors`: a known day for an echo, and for most good forecasts too."""
        return int(np.argmin(self.errors))


def panels_of(trial: Trial, target_dates: DateArray) -> Panels:
    """Compute the panels of one trial whose forecasts are for `target_dates` (n,)."""
    n, horizon = len(trial), trial.horizon
    if len(target_dates) != n:
        raise ValueError(f"{len(target_dates)} target dates for {n} forecasts")
    predictions = predict(build_market(trial.log_prices[None], horizon), trial.log_forecasts[None])
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
        realised=predictions.market.scaled_moves[0],
        dates=target_dates,
        gains=_gains(predictions),
        errors=_errors(trial),
    )


def _correlations(predictions: Predictions) -> FloatArray:
    """Compute panel (b), the (7,) correlations, from the predictions of one series."""
    market = predictions.market
    returns = recent_returns(market, len(KNOWN_DAYS))[0, :, ::-1] * market.per_scale[0, :, None]
    seen = np.column_stack([returns, market.scaled_moves[0]])
    predicted = predictions.centred[0] - predictions.centred[0].mean()
    spreads, spread = seen.std(axis=0), predicted.std()
    products = np.mean(seen * predicted[:, None], axis=0)
    defined = (spreads > ROUNDING) & (spread > ROUNDING)
    return np.asarray(
        np.divide(products, spreads * spread, out=np.full_like(products, np.nan), where=defined)
    )


def _gains(predictions: Predictions) -> FloatArray:
    """Compute panel (d), the (n,) cumulated gains, from the predictions of one series."""
    u, v = predictions.market.scaled_moves[0], predictions.centred[0]
    total = np.sum(u**2)
    return np.asarray(np.cumsum(2.0 * u * v - v**2) / total) if total > 0.0 else np.full_like(u, np.nan)


def _errors(trial: Trial) -> FloatArray:
    """Compute panel (e), the (7,) mean distances of the forecasts from the price of each day."""
    n = len(trial)
    leads = (*range(1 - len(KNOWN_DAYS), 1), trial.horizon)
    prices = np.stack([trial.log_prices[HISTORY + lead : HISTORY + lead + n] for lead in leads])
    return np.asarray(np.mean(np.abs(trial.log_forecasts - prices), axis=1))
