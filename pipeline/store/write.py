"""Everything that is written, inside the caller's transaction.

Moments come in aware and are stored in UTC; NaN is stored as NULL. Metrics and verdicts that are
stored already are not written again.
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
from pipeline.store.rows import Row, insert_all, insert_one, news, supersede
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
    """Open a run and return its id."""
    row = {
        "command": command,
        "source": source,
        "as_of_utc": as_of,
        "started_at_utc": started_at,
        "status": RunStatus.RUNNING.value,
        "code_version": code_version,
        "settings": settings_json,
    }
    return insert_one(conn, runs, row)


def finish_run(
    conn: Connection, run_id: int, *, status: RunStatus, finished_at: datetime, summary_json: str
) -> None:
    """Close a run with how it ended."""
    ended = {"status": status.value, "finished_at_utc": finished_at, "summary": summary_json}
    conn.execute(update(runs).where(runs.c.run_id == run_id).values(ended))


def register_assets(conn: Connection, configured: Sequence[AssetSettings], run_id: int) -> None:
    """Store new assets, and what has changed of known ones. Everything else refers to a registered asset."""
    known = {row.symbol: row for row in conn.execute(select(assets))}
    for asset in configured:
        row = {"calendar": asset.calendar, "currency": asset.currency, "leads": json.dumps(asset.leads)}
        stored = known.get(asset.symbol)
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
    """Store a fit and the forecasts it issued; returns their number.

    A forecast of the same series, kind and origin that is already stored is an error of the caller
    (IntegrityError): forecasts are never overwritten.
    """
    origins, horizons = block.closes.shape
    fit = block.fit.provenance
    fit_id = insert_one(conn, fits, _fit_row(block.fit, run_id, made_at))
    insert_all(conn, fit_leads, [{"fit_id": fit_id, **vars(lead)} for lead in fit.lead_lags])
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
    insert_all(conn, forecasts, rows)
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
    """Store the scores, each in place of its forecast's current one; returns their number."""
    ids = scored.forecast_ids.tolist()
    supersede(conn, scores, "forecast_id", ids, scored_at)
    columns = (scored.actual_closes, scored.errors, scored.naive_errors)
    names = ("forecast_id", "actual_close", "error", "naive_error")
    shared = {"run_id": run_id, "scored_at_utc": scored_at}
    values = zip(ids, *(column.tolist() for column in columns), strict=True)
    insert_all(conn, scores, [{**shared, **dict(zip(names, row, strict=True))} for row in values])
    return len(ids)


def store_metrics(
    conn: Connection, values: Sequence[MetricValue], run_id: int, as_of: datetime, made_at: datetime
) -> int:
    """Store the values that differ from the newest known at `as_of`; returns their number."""
    rows = [
        {**vars(one.key), "kind": one.kind.value, "metric": one.metric, "value": one.value, "n": one.n}
        for one in values
    ]
    fresh = news(conn, metrics, rows, (*SERIES, "kind", "metric"), as_of)
    written = {"run_id": run_id, "as_of_utc": as_of, "made_at_utc": made_at}
    insert_all(conn, metrics, [row | written for row in fresh])
    return len(fresh)


def store_verdicts(
    conn: Connection, judged: Sequence[LagVerdict], run_id: int, as_of: datetime, judged_at: datetime
) -> int:
    """Store the verdicts that differ in anything from the newest known at `as_of`; returns their number."""
    rows = [_verdict_row(one) for one in judged]
    fresh = news(conn, verdicts, rows, SERIES, as_of)
    written = {"run_id": run_id, "as_of_utc": as_of, "judged_at_utc": judged_at}
    insert_all(conn, verdicts, [row | written for row in fresh])
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
    """Forget the weights of fits made before `before` that a newer fit of the same model has replaced.

    Returns how many fits lost their weights; everything else about them stays.
    """
    has_weights = fits.c.weights.is_not(None)
    model = (fits.c.symbol, fits.c.model, fits.c.config_hash)
    newest = select(func.max(fits.c.fit_id)).where(has_weights).group_by(*model)
    outdated = has_weights & (fits.c.made_at_utc < before) & fits.c.fit_id.not_in(newest)
    return conn.execute(update(fits).where(outdated).values(weights=None)).rowcount
