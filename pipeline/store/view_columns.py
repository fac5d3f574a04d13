"""The public views' columns, in order, with what each holds: what the README documents.

Names and order change only with a CHANGELOG entry.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.store.tables import EVIDENCE

_MODEL_COLUMNS = {
    "symbol": "The asset, as its price source calls it",
    "model": "The model's name, in its current configuration",
}
_SERIES_COLUMNS = {
    **_MODEL_COLUMNS,
    "horizon": "Sessions from the origin to the target, from 1",
}
_FORECAST_COLUMNS = {
    "origin_date": "Last settled session that the forecast knows",
    "target_date": "The session it forecasts",
    "last_close": "Close of the origin as known when the forecast was issued",
    "forecast_close": "Forecast close of the target, in the price basis of the origin",
}
_KIND = "live: issued by a daily run for targets after its as_of; backtest: issued by walk-forward"
_VERDICT = "SKILLED, ECHO, SUSPECT_ECHO, NO_SKILL, WORSE or INSUFFICIENT; it rests on both kinds together"

_NEAREST = "The naive rule that the forecasts are nearest to"
_JUDGED = "Scored forecasts that the verdict rests on, live and backtest together"

VIEW_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "prices": {
            "symbol": "The asset, as its price source calls it",
            "session_date": "The exchange's local trading date (UTC date for crypto)",
            "open": "First price",
            "high": "Highest price",
            "low": "Lowest price",
            "close": "Last price, adjusted for splits and not for dividends",
            "adj_close": "Close times what each later dividend left of the close before it",
            "volume": "Traded volume",
            "first_seen_at_utc": "When the bar, as it now is, was first downloaded",
        },
        "quarantine": {
            "id": "What `pricecast quarantine release` and `reject` call the row",
            "symbol": "The asset, as its price source calls it",
            "session_date": "The session that the row is dated on; NULL: its date cannot be read",
            "date_text": "Its date as the source wrote it",
            "reason": "Why it was not believed",
            "row": "Its values, as JSON",
            "first_seen_at_utc": "When it was first downloaded",
        },
        "latest_forecasts": {
            **_SERIES_COLUMNS,
            **_FORECAST_COLUMNS,
            "lower_80": "Lower end of the 80% band; NULL: too few past errors",
            "upper_80": "Upper end of the 80% band",
            "lower_95": "Lower end of the 95% band; NULL: too few past errors",
            "upper_95": "Upper end of the 95% band",
            "predicted_return": "forecast_close / last_close - 1",
            "made_at_utc": "Wall clock when the forecast was stored",
            "is_stale": "1: a newer bar is stored, or the target date is past",
            "verdict": f"{_VERDICT}; NULL: not judged",
        },
        "forecast_history": {
            **_MODEL_COLUMNS,
            "kind": _KIND,
            "is_late": "1: the target had already settled when the forecast was made",
            "horizon": _SERIES_COLUMNS["horizon"],
            **_FORECAST_COLUMNS,
            "actual_close": "Close of the target in the price basis of the origin; NULL: not yet scored",
            "error": "forecast_close - actual_close",
            "abs_error": "Absolute error of the forecast",
            "naive_abs_error": "Absolute error of repeating last_close",
            "direction_hit": "1: moved as forecast, 0: the other way; NULL: no move, or not yet scored",
            "in_80": "1: actual_close lies in the 80% band, 0: outside; NULL: no band, or not yet scored",
            "in_95": "The same for the 95% band",
            "made_at_utc": "Wall clock when the forecast was stored",
        },
        "model_scoreboard": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "n": "Scored forecasts",
            "mae": "Mean absolute error, in the asset's currency",
            "rmse": "Root mean squared error, in the asset's currency",
            "mape": "Mean absolute error in percent of the actual close",
            "smape": "Mean absolute error in percent of the mean of forecast and actual close",
            "mase": "Mean absolute error in units of the mean one-session change in training",
            "skill": "1 - MSE / MSE of persistence; above 0 beats the last value",
            "theil_u": "RMSE / RMSE of persistence; below 1 beats the last value",
            "hit_rate": "Share of moves whose direction was forecast",
            "coverage_80": "Share of actual closes inside the 80% band",
            "coverage_95": "Share of actual closes inside the 95% band",
            "dm_p_value": "Probability of so much skill if there were none (Diebold-Mariano, one-sided)",
            "verdict": f"{_VERDICT}; NULL: not judged",
            "is_promoted": "1: skilled, and beyond the chance of looking every day; NULL: not judged",
        },
        "metric_history": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "metric": "The metric's name, as in model_scoreboard",
            "value": "Its value; NULL: undefined",
            "n": "Forecasts it is computed from",
            "run_id": "The run that computed it",
            "made_at_utc": "Wall clock when it was stored",
        },
        "lagging_models": {
            **_SERIES_COLUMNS,
            "verdict": "ECHO or SUSPECT_ECHO",
            "mean_lag_sessions": EVIDENCE["mean_lag_sessions"],
            "nearest_naive": _NEAREST,
            "p_echo": EVIDENCE["p_echo"],
            "skill": EVIDENCE["skill"],
            "n": _JUDGED,
            "judged_at_utc": "Wall clock of the verdict",
        },
        "lead_lags": {
            **_MODEL_COLUMNS,
            "lead": "The asset whose changes may go before",
            "sessions_ahead": "By how many sessions, where the correlation is strongest",
            "correlation": "Of its change, as known at the asset's close, with the asset's so much later",
            "p_value": "p-value of: no correlation at any session of the horizon",
            "n": "Pairs of changes that it rests on: training rows of the newest fit only",
            "is_used": "1: a feature of the newest fit",
            "trained_from_date": "First training session of that fit",
            "made_at_utc": "Wall clock when that fit was stored",
        },
        "model_verdicts": {
            **_SERIES_COLUMNS,
            "verdict": "SKILLED, ECHO, SUSPECT_ECHO, NO_SKILL, WORSE or INSUFFICIENT",
            "is_promoted": "1: skilled, and beyond the chance of looking every day",
            "n": _JUDGED,
            "n_live": "How many of them are live",
            "n_left_out": "Scored forecasts outside the longest stretch without a gap",
            "first_origin_date": "Origin of the first forecast judged",
            "last_origin_date": "Origin of the last forecast judged",
            **EVIDENCE,
            "nearest_naive": _NEAREST,
            "sentence": "The verdict in words",
            "as_of_utc": "The moment whose knowledge the verdict rests on",
            "judged_at_utc": "Wall clock of the verdict",
        },
    }
)
"""Every public view's columns, in order, with what each holds."""
