"""The public views' columns, in order, with what each holds: docs/views.md is made of this.

Names and order change only with a CHANGELOG entry.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.store.evidence import EVIDENCE

_SYMBOL = "The asset, as its price source spells it"
_MODEL_COLUMNS = {
    "symbol": _SYMBOL,
    "model": "The model's name; only its current configuration is shown",
}
_SERIES_COLUMNS = {
    **_MODEL_COLUMNS,
    "horizon": "Sessions from the origin to the target, from 1",
}
_FORECAST_COLUMNS = {
    "origin_date": "The origin: the last settled session that the forecast knows",
    "target_date": "The target: the session that is forecast",
    "last_close": "Close of the origin, as known when the forecast was issued",
    "forecast_close": "Forecast close of the target, in the price basis of the origin",
}
_KIND = "live: issued by a daily run for sessions after its as_of; backtest: issued by walk-forward"
_VERDICTS = "SKILLED, ECHO, SUSPECT_ECHO, NO_SKILL, WORSE or INSUFFICIENT"
_VERDICT = f"{_VERDICTS}, on live and backtest forecasts together; NULL: not judged"
_PROMOTED = "1: SKILLED, and the e-value has reached 20"
_STORED = "UTC time at which the forecast was stored"

_NEAREST = "The naive rule that the forecasts are most similar to"
_JUDGED = "Scored forecasts that were judged, live and backtest together"
_JUDGED_AT = "UTC time at which the verdict was stored"

VIEW_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "prices": {
            "symbol": _SYMBOL,
            "session_date": "The exchange's local trading date (UTC date for crypto)",
            "open": "First price",
            "high": "Highest price",
            "low": "Lowest price",
            "close": "Last price, adjusted for splits but not for dividends",
            "adj_close": "Close adjusted for splits and for all later dividends",
            "volume": "Traded volume; 0 if the source gives none",
            "first_seen_at_utc": "UTC time at which the bar was first downloaded with these values",
        },
        "quarantine": {
            "id": "Number of the row, for `pricecast quarantine release` and `pricecast quarantine reject`",
            "symbol": _SYMBOL,
            "session_date": "Session date of the row; NULL: its date cannot be read",
            "date_text": "The date as the source wrote it",
            "reason": "Why the row is quarantined",
            "row": "The row's values, as JSON",
            "first_seen_at_utc": "UTC time at which the row was first downloaded",
        },
        "latest_forecasts": {
            **_SERIES_COLUMNS,
            **_FORECAST_COLUMNS,
            "lower_80": "Lower end of the 80% band; NULL: too few past errors (4 are needed)",
            "upper_80": "Upper end of the 80% band",
            "lower_95": "Lower end of the 95% band; NULL: too few past errors (19 are needed)",
            "upper_95": "Upper end of the 95% band",
            "predicted_return": "forecast_close / last_close - 1",
            "made_at_utc": _STORED,
            "is_stale": "1: out of date, because a newer bar is stored or the target date is past",
            "verdict": _VERDICT,
        },
        "forecast_history": {
            **_MODEL_COLUMNS,
            "kind": _KIND,
            "is_late": "1: the target had already settled when the forecast was made",
            "horizon": _SERIES_COLUMNS["horizon"],
            **_FORECAST_COLUMNS,
            "actual_close": "Close of the target, in the price basis of the origin; NULL: not scored yet",
            "error": "forecast_close - actual_close",
            "abs_error": "Absolute value of error",
            "naive_abs_error": "Absolute error of persistence, which repeats last_close",
            "direction_hit": "1: the price moved in the forecast direction, 0: it did not; "
            "NULL: no move, or not scored yet",
            "in_80": "1: actual_close lies in the 80% band, 0: outside; NULL: no band, or not scored yet",
            "in_95": "The same for the 95% band",
            "made_at_utc": _STORED,
        },
        "model_scoreboard": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "n": "Scored forecasts",
            "mae": "Mean absolute error, in the asset's currency",
            "rmse": "Root mean squared error, in the asset's currency",
            "mape": "Mean absolute error in percent of the actual close",
            "smape": "Mean absolute error in percent of the mean of forecast and actual close",
            "mase": "Mean absolute error divided by the mean absolute one-session change in training",
            "skill": "1 - MSE / MSE of persistence, of log prices as issued; above 0 beats the last price",
            "theil_u": "Theil's U2: RMSE / RMSE of persistence, of relative errors; below 1 is better",
            "hit_rate": "Share of moves whose direction was forecast correctly",
            "coverage_80": "Share of actual closes inside the 80% band",
            "coverage_95": "Share of actual closes inside the 95% band",
            "dm_p_value": "p-value of the null hypothesis that the forecasts are no better than persistence "
            "(Diebold-Mariano); small means better",
            "verdict": _VERDICT,
            "is_promoted": f"{_PROMOTED}; NULL: not judged",
        },
        "metric_history": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "metric": "The metric's name: a column of model_scoreboard",
            "value": "Its value; NULL: undefined",
            "n": "Scored forecasts that it is computed from",
            "run_id": "The run that computed it",
            "made_at_utc": "UTC time at which it was stored",
        },
        "lagging_models": {
            **_SERIES_COLUMNS,
            "verdict": "ECHO or SUSPECT_ECHO",
            "mean_lag_sessions": EVIDENCE["mean_lag_sessions"],
            "nearest_naive": _NEAREST,
            "p_echo": EVIDENCE["p_echo"],
            "skill": EVIDENCE["skill"],
            "n": _JUDGED,
            "judged_at_utc": _JUDGED_AT,
        },
        "lead_lags": {
            **_MODEL_COLUMNS,
            "lead": "The other asset, whose changes may precede those of symbol",
            "sessions_ahead": "Sessions by which they precede them, where the correlation is strongest",
            "correlation": "Correlation of the lead's change, as known at the asset's close, with the "
            "asset's change sessions_ahead later",
            "p_value": "p-value of the null hypothesis that they are uncorrelated at every session of the "
            "horizon; small means that the lead precedes the asset",
            "n": "Pairs of changes in the correlation, all of them training rows of the newest fit",
            "is_used": "1: the newest fit uses the lead as a feature",
            "trained_from_date": "First training session of that fit",
            "made_at_utc": "UTC time at which that fit was stored",
        },
        "model_verdicts": {
            **_SERIES_COLUMNS,
            "verdict": _VERDICTS,
            "is_promoted": _PROMOTED,
            "n": _JUDGED,
            "n_live": "How many of them are live",
            "n_left_out": "Scored forecasts that were not judged: those outside the longest stretch "
            "without a gap",
            "first_origin_date": "Origin of the first forecast judged",
            "last_origin_date": "Origin of the last forecast judged",
            **EVIDENCE,
            "nearest_naive": _NEAREST,
            "sentence": "The verdict in words",
            "as_of_utc": "The as_of of the run that judged: nothing later is in the verdict",
            "judged_at_utc": _JUDGED_AT,
        },
    }
)
"""Every public view's columns, in order, with what each holds."""
