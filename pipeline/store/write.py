"""Everything that is written, inside the caller's transaction.

Moments come in aware and are stored in UTC; NaN is stored as NULL. Prices, metrics and verdicts that are
stored already are not written again.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, bindparam, func, insert, select, update

from pipeline.settings import AssetSettings
from pipeline.store.columns import day
from pipeline.store.read import first_session, newest_session, open_gaps
from pipeline.store.rows import Row, insert_all, insert_one, news, supersede
from pipeline.store.tables import (
    SERIES,
    assets,
    corporate_actions,
    fit_leads,
    fits,
    forecasts,
    gaps,
    metrics,
    price_bars,
    rejected_bars,
    runs,
    scores,
    verdicts,
)
from pipeline.types import (
    Bands,
    Bars,
    CorporateAction,
    DateArray,
    EpochLoss,
    FitRecord,
    ForecastBlock,
    IngestSummary,
    LagVerdict,
    MetricValue,
    RejectedBar,
    RunStatus,
    Scores,
    ValidatedPrices,
)

BAR_TOLERANCE = 1e-6
"""Relative difference up to which two downloads of a price or volume are the same."""

ACTION_TOLERANCE = 1e-4
"""The same for dividends and splits, which sources round."""

BAR_VALUES = ("open", "high", "low", "close", "volume")


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


def store_prices(conn: Connection, prices: ValidatedPrices, run_id: int, seen_at: datetime) -> IngestSummary:
    """Store what one download has that is not stored yet.

    A materially changed bar or action becomes a new current row beside the superseded one. The summary counts
    what this call wrote; its newest session is the newest stored one, NaT where there is none.
    """
    seen = {"first_seen_at_utc": seen_at, "run_id": run_id}
    symbol = prices.bars.symbol
    new, revised = _store_bars(conn, prices.bars, seen)
    _store_actions(conn, symbol, prices.actions, seen)
    newest = newest_session(conn, symbol)
    return IngestSummary(
        symbol=symbol,
        new=new,
        revised=revised,
        rejected=_store_rejected(conn, symbol, prices.rejected, seen),
        missing=_store_gaps(conn, symbol, prices.missing, seen),
        newest_session=np.datetime64("NaT", "D") if newest is None else newest,
        first_session=first_session(conn, symbol),
        open_gaps=open_gaps(conn, symbol),
    )


def _store_bars(conn: Connection, bars: Bars, seen: Row) -> tuple[int, int]:
    """The numbers of bars for new sessions and of bars that revise a stored one."""
    stored = {row.session_date: row for row in _current_bars(conn, bars.symbol)}
    rows: list[Row] = []
    superseded: list[int] = []
    columns = [getattr(bars, name).tolist() for name in BAR_VALUES]
    for session, *values in zip(bars.session_dates.tolist(), *columns, strict=True):
        known = stored.get(session)
        if known is not None and _agree(values, known[-len(BAR_VALUES) :], BAR_TOLERANCE):
            continue
        if known is not None:
            superseded.append(known.bar_id)
        revision = 0 if known is None else known.revision + 1
        bar = dict(zip(BAR_VALUES, values, strict=True))
        rows.append({"symbol": bars.symbol, "session_date": session, "revision": revision, **bar, **seen})
    supersede(conn, price_bars, "bar_id", superseded, seen["first_seen_at_utc"])
    insert_all(conn, price_bars, rows)
    return len(rows) - len(superseded), len(superseded)


def _current_bars(conn: Connection, symbol: str) -> Sequence[Any]:
    bar = price_bars.c
    columns = (bar.bar_id, bar.revision, bar.session_date, *(bar[name] for name in BAR_VALUES))
    query = select(*columns).where(bar.symbol == symbol, bar.superseded_at_utc.is_(None))
    return conn.execute(query).all()


def _agree(left: Sequence[float], right: Sequence[float], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance * max(abs(a), abs(b)) for a, b in zip(left, right, strict=True))


def _store_actions(conn: Connection, symbol: str, actions: Sequence[CorporateAction], seen: Row) -> None:
    action = corporate_actions.c
    query = select(action.ex_date, action.kind, action.action_id, action.value)
    current = conn.execute(query.where(action.symbol == symbol, action.superseded_at_utc.is_(None)))
    stored = {(row.ex_date, row.kind): row for row in current}
    given = {(day(one.ex_date), one.kind.value): one.value for one in actions}
    changed = {
        key: value
        for key, value in given.items()
        if key not in stored or not _agree([value], [stored[key].value], ACTION_TOLERANCE)
    }
    superseded = [stored[key].action_id for key in changed if key in stored]
    supersede(conn, corporate_actions, "action_id", superseded, seen["first_seen_at_utc"])
    rows = [
        {"symbol": symbol, "ex_date": ex_date, "kind": kind, "value": value, **seen}
        for (ex_date, kind), value in changed.items()
    ]
    insert_all(conn, corporate_actions, rows)


def _store_rejected(conn: Connection, symbol: str, rejected: Sequence[RejectedBar], seen: Row) -> int:
    columns = rejected_bars.c
    query = select(columns.symbol, columns.date_text, columns.reason, columns.row)
    stored = {tuple(row) for row in conn.execute(query.where(columns.symbol == symbol))}
    # A dictionary, not a set, keeps the source's order.
    fresh = {(symbol, bar.date_text, bar.reason, bar.row): None for bar in rejected}
    names = ("symbol", "date_text", "reason", "row")
    rows = [dict(zip(names, key, strict=True)) | seen for key in fresh if key not in stored]
    insert_all(conn, rejected_bars, rows)
    return len(rows)


def _store_gaps(conn: Connection, symbol: str, missing: DateArray, seen: Row) -> int:
    """Close the gaps that have a bar by now and record the new ones; returns the number of new ones."""
    gap = gaps.c
    has_bar = {row.session_date for row in _current_bars(conn, symbol)}
    stored = conn.execute(select(gap.session_date, gap.filled_at_utc).where(gap.symbol == symbol)).all()
    known = {row.session_date for row in stored}
    filled = [row.session_date for row in stored if row.filled_at_utc is None and row.session_date in has_bar]
    if filled:
        closing = update(gaps).where(gap.symbol == symbol, gap.session_date == bindparam("session"))
        values = closing.values(filled_at_utc=seen["first_seen_at_utc"])
        conn.execute(values, [{"session": session} for session in filled])
    absent = [one for one in missing.tolist() if one not in has_bar and one not in known]
    insert_all(conn, gaps, [{"symbol": symbol, "session_date": one, **seen} for one in absent])
    return len(absent)


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
