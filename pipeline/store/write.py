"""Write runs, assets, fits, forecasts, scores, metrics and verdicts, inside the caller's transaction.

Datetimes are aware and stored in UTC; NaN is stored as NULL. Metrics and verdicts equal to the newest stored
row of their series are not written again.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, insert, select, update

from pipeline.settings import AssetSettings
from pipeline.store.columns import day
from pipeline.store.rows import Row, changed_rows, insert_row, insert_rows, supersede
from pipeline.store.tables import (
    SERIES,
    assets,
    fit_leads,
    fits,
    forecasts,
    metrics,
    runs,
    scores,
    verdicts,
)
from pipeline.types import (
    Bands,
    EpochLoss,
    FitRecord,
    ForecastBlock,
    LagVerdict,
    MetricValue,
    RunStatus,
    Scores,
)


def start_run(
    conn: Connection,
    *,
    command: str,
    source: str,
    as_of: datetime,
    started_at: datetime,
    code_version: str,
    settings_json: str,
) -> int:
    """Store a new run with the status running and return its number."""
    row = {
        "command": command,
        "source": source,
        "as_of_utc": as_of,
        "started_at_utc": started_at,
        "status": RunStatus.RUNNING.value,
        "code_version": code_version,
        "settings": settings_json,
    }
    return insert_row(conn, runs, row)


def finish_run(
    conn: Connection, run_id: int, *, status: RunStatus, finished_at: datetime, summary_json: str
) -> None:
    """Store the final status, finishing time and summary of a run."""
    ended = {"status": status.value, "finished_at_utc": finished_at, "summary": summary_json}
    conn.execute(update(runs).where(runs.c.run_id == run_id).values(ended))


def register_assets(conn: Connection, configured: Sequence[AssetSettings], run_id: int) -> None:
    """Store new assets, and the changed calendar, currency or leads of stored assets.

    Prices, fits and forecasts refer to the asset, so it is registered before they are stored.
    """
    registered = {row.symbol: row for row in conn.execute(select(assets))}
    for asset in configured:
        row = {"calendar": asset.calendar, "currency": asset.currency, "leads": json.dumps(asset.leads)}
        stored = registered.get(asset.symbol)
        if stored is None:
            conn.execute(insert(assets).values(symbol=asset.symbol, first_run_id=run_id, **row))
        elif (stored.calendar, stored.currency, stored.leads) != tuple(row.values()):
            conn.execute(update(assets).where(assets.c.symbol == asset.symbol).values(row))


def store_forecasts(
    conn: Connection,
    block: ForecastBlock,
    bands: Bands,
    is_late: npt.NDArray[np.bool_],
    run_id: int,
    made_at: datetime,
) -> int:
    """Store one fit and its forecasts with their bands, and return the number of forecasts.

    Forecasts are never overwritten: IntegrityError when a forecast of the same series, kind and origin is
    stored already.
    """
    origins, horizons = block.closes.shape
    fit = block.fit.provenance
    fit_id = insert_row(conn, fits, _fit_row(block.fit, run_id, made_at))
    insert_rows(conn, fit_leads, [{"fit_id": fit_id, **vars(lead)} for lead in fit.lead_lags])
    shared = {
        "fit_id": fit_id,
        "run_id": run_id,
        "symbol": fit.symbol,
        "model": fit.model,
        "config_hash": fit.config_hash,
        "kind": block.fit.kind.value,
        "made_at_utc": made_at,
    }
    columns = {
        "horizon": np.tile(block.horizons, origins),
        "origin_date": np.repeat(block.origin_dates, horizons),
        "target_date": block.target_dates.ravel(),
        "last_close": np.repeat(block.last_closes, horizons),
        "forecast_close": block.closes.ravel(),
        "is_late": is_late.ravel(),
        **{name: getattr(bands, name).ravel() for name in ("lower_80", "upper_80", "lower_95", "upper_95")},
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows = [{**shared, **dict(zip(columns, row, strict=True))} for row in values]
    insert_rows(conn, forecasts, rows)
    return len(rows)


def _fit_row(fit: FitRecord, run_id: int, made_at: datetime) -> Row:
    provenance = fit.provenance
    same = (
        "symbol",
        "model",
        "config_hash",
        "data_hash",
        "seed",
        "code_version",
        "n_training",
        "n_validation",
    )
    return {
        **{name: getattr(provenance, name) for name in same},
        "run_id": run_id,
        "kind": fit.kind.value,
        "adjustment": provenance.adjustment.value,
        "way": provenance.way.value,
        "start_hash": provenance.start_hash or None,
        "trained_from_date": day(provenance.trained_from),
        "trained_through_date": day(provenance.trained_through),
        "adf_p": provenance.stationarity.adf_p,
        "kpss_p": provenance.stationarity.kpss_p,
        "naive_mae": provenance.naive_mae,
        "best_epoch": fit.best_epoch,
        "made_at_utc": made_at,
        "epochs": _epochs_json(fit.epochs),
        "weights": fit.weights or None,
    }


def _epochs_json(epochs: Sequence[EpochLoss]) -> str:
    losses = [[None if math.isnan(value) else value for value in astuple(epoch)] for epoch in epochs]
    return json.dumps(losses)


def store_scores(conn: Connection, scored: Scores, run_id: int, scored_at: datetime) -> int:
    """Store scores, mark earlier scores of their forecasts as superseded, and return the number stored."""
    ids = scored.forecast_ids.tolist()
    supersede(conn, scores, "forecast_id", ids, scored_at)
    columns = (scored.actual_closes, scored.errors, scored.naive_errors)
    names = ("forecast_id", "actual_close", "error", "naive_error")
    shared = {"run_id": run_id, "scored_at_utc": scored_at}
    values = zip(ids, *(column.tolist() for column in columns), strict=True)
    insert_rows(conn, scores, [{**shared, **dict(zip(names, row, strict=True))} for row in values])
    return len(ids)


def store_metrics(
    conn: Connection, values: Sequence[MetricValue], run_id: int, as_of: datetime, made_at: datetime
) -> int:
    """Store the metrics that differ from the newest stored value known at `as_of`; return how many."""
    rows = [
        {**vars(each.key), "kind": each.kind.value, "metric": each.metric, "value": each.value, "n": each.n}
        for each in values
    ]
    fresh = changed_rows(conn, metrics, rows, (*SERIES, "kind", "metric"), as_of)
    written = {"run_id": run_id, "as_of_utc": as_of, "made_at_utc": made_at}
    insert_rows(conn, metrics, [row | written for row in fresh])
    return len(fresh)


def store_verdicts(
    conn: Connection, judged: Sequence[LagVerdict], run_id: int, as_of: datetime, judged_at: datetime
) -> int:
    """Store the verdicts that differ in any column from the newest known at `as_of`; return how many."""
    rows = [_verdict_row(verdict) for verdict in judged]
    fresh = changed_rows(conn, verdicts, rows, SERIES, as_of)
    written = {"run_id": run_id, "as_of_utc": as_of, "judged_at_utc": judged_at}
    insert_rows(conn, verdicts, [row | written for row in fresh])
    return len(fresh)


def _verdict_row(judged: LagVerdict) -> Row:
    judgement = judged.judgement
    return {
        **vars(judged.key),
        "verdict": judgement.verdict.value,
        "n_live": judged.n_live,
        "n_left_out": judged.n_left_out,
        "first_origin_date": day(judged.first_origin),
        "last_origin_date": day(judged.last_origin),
        **vars(judgement.evidence),
        "p_skill_adjusted": judgement.p_skill_adjusted,
        "is_promoted": judgement.is_promoted,
        "sentence": judgement.sentence,
    }


def prune_weights(conn: Connection, before: datetime) -> int:
    """Delete the weights of fits made before `before`, and return how many fits lost their weights.

    The newest weights of each model and configuration are kept; so is everything else about the fits.
    """
    has_weights = fits.c.weights.is_not(None)
    model = (fits.c.symbol, fits.c.model, fits.c.config_hash)
    newest = select(func.max(fits.c.fit_id)).where(has_weights).group_by(*model)
    outdated = has_weights & (fits.c.made_at_utc < before) & fits.c.fit_id.not_in(newest)
    return conn.execute(update(fits).where(outdated).values(weights=None)).rowcount
