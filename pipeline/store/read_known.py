"""Read what ingestion compares a download with: stored prices, quarantined rows, decisions and gaps."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select

from pipeline.store.columns import columns, dates, text
from pipeline.store.read import bars, newest_session
from pipeline.store.tables import assets, corporate_actions, gaps, price_bars, rejected_bars
from pipeline.types import (
    OHLC,
    ActionKind,
    Bars,
    CorporateAction,
    DateArray,
    DecidedRow,
    Decision,
    DownloadHistory,
    KnownAction,
    KnownPrices,
    QuarantineCode,
    QuarantineReason,
)

FAR_FUTURE = np.datetime64("9999-12-31", "D")
"""A session date after all others: reading through it reads the whole history."""


def known_prices(conn: Connection, symbol: str) -> KnownPrices:
    """Return the current bars and actions of `symbol`, and its quarantined rows, decided and undecided."""
    return KnownPrices(
        bars=bars(conn, symbol, FAR_FUTURE),
        actions=tuple(known_actions(conn, symbol)),
        decided=tuple(_decided_rows(conn, symbol)),
        undecided=_undecided_bars(conn, symbol),
    )


def known_actions(conn: Connection, symbol: str) -> Iterator[KnownAction]:
    """Yield the current corporate actions of `symbol`, sorted by ex-date and kind."""
    action = corporate_actions.c
    query = (
        select(action.ex_date, action.kind, action.value, action.missing_since_utc)
        .where(action.symbol == symbol, action.superseded_at_utc.is_(None))
        .order_by(action.ex_date, action.kind)
    )
    for ex_date, kind, value, missing_since in conn.execute(query):
        stored = CorporateAction(symbol, np.datetime64(ex_date, "D"), ActionKind(kind), value)
        yield KnownAction(stored, missing_since)


def _decided_rows(conn: Connection, symbol: str) -> Iterator[DecidedRow]:
    row = rejected_bars.c
    is_rejected = and_(row.decision == Decision.REJECTED.value, row.decided_at_utc.is_not(None))
    in_units_of = case((is_rejected, row.decided_at_utc), else_=row.first_seen_at_utc)
    query = select(row.session_date, row.row, row.decision, in_units_of).where(row.symbol == symbol)
    decided = query.where(row.decision.is_not(None), row.session_date.is_not(None)).order_by(row.rejected_id)
    for session, values, decision, moment in conn.execute(decided):
        yield DecidedRow(
            session_date=np.datetime64(session, "D"),
            prices=row_prices(values),
            decision=Decision(decision),
            in_units_of=np.datetime64(moment.date(), "D"),
        )


def _undecided_bars(conn: Connection, symbol: str) -> Bars:
    """Return the quarantined rows that wait for a decision and have four positive prices, as bars.

    High and low are the extremes of the row's four prices, because a quarantined row may have them wrong;
    volumes are 0. Of several rows for one session the newest counts.
    """
    row = rejected_bars.c
    query = select(row.session_date, row.row).where(row.symbol == symbol, row.session_date.is_not(None))
    open_rows = query.where(row.decision.is_(None), row.resolved_at_utc.is_(None)).order_by(row.rejected_id)
    found = {np.datetime64(session, "D"): row_prices(values) for session, values in conn.execute(open_rows)}
    kept = sorted((day, prices) for day, prices in found.items() if _are_prices(prices))
    prices = np.array([prices for _, prices in kept]).reshape(-1, 4)
    return Bars(
        symbol,
        np.array([day for day, _ in kept], dtype="datetime64[D]"),
        *(prices[:, 0], prices.max(axis=1, initial=0.0), prices.min(axis=1, initial=np.inf), prices[:, 3]),
        volume=np.zeros(len(kept)),
    )


def _are_prices(prices: Sequence[float]) -> bool:
    return bool(np.isfinite(prices).all() and min(prices) > 0.0)


def row_prices(row: str) -> tuple[float, float, float, float]:
    """Return open, high, low and close from the JSON text of a quarantined row; NaN for a missing price."""
    values = json.loads(row)
    opened, high, low, close = (_number(values.get(name)) for name in OHLC)
    return (opened, high, low, close)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def download_history(conn: Connection, symbol: str) -> DownloadHistory:
    """Return which sessions of `symbol` have been downloaded, and from which on to download again.

    A session has to be downloaded again when it is a gap, when the source no longer lists its corporate
    action, when a released row of it is not stored yet, or when an undecided row contradicts its bar.
    """
    newest = newest_session(conn, symbol)
    asked_from = conn.scalar(select(assets.c.asked_from_date).where(assets.c.symbol == symbol))
    action, row = corporate_actions.c, rejected_bars.c
    to_recheck = (
        select(func.min(gaps.c.session_date)).where(gaps.c.symbol == symbol, gaps.c.filled_at_utc.is_(None)),
        select(func.min(action.ex_date))
        .where(action.symbol == symbol, action.superseded_at_utc.is_(None))
        .where(action.missing_since_utc.is_not(None)),
        select(func.min(row.session_date))
        .where(row.symbol == symbol, row.resolved_at_utc.is_(None))
        .where(or_(row.decision == Decision.RELEASED.value, _contradicts_a_bar())),
    )
    found = [conn.scalar(query) for query in to_recheck]
    return DownloadHistory(
        asked_from=_session(asked_from),
        newest=np.datetime64("NaT", "D") if newest is None else newest,
        recheck_from=min(
            (_session(oldest) for oldest in found if oldest is not None), default=_session(None)
        ),
    )


def _contradicts_a_bar() -> ColumnElement[bool]:
    """Return the condition that an undecided quarantined row is of a session that has a stored bar."""
    row, bar = rejected_bars.c, price_bars.c
    same = select(bar.bar_id).where(bar.symbol == row.symbol, bar.session_date == row.session_date)
    return and_(row.decision.is_(None), same.correlate(rejected_bars).exists())


def _session(value: Any) -> np.datetime64:
    return np.datetime64("NaT" if value is None else value, "D")


def gap_dates(conn: Connection, symbol: str) -> DateArray:
    """Return the (n,) expected sessions of `symbol` that have no bar, oldest first."""
    gap = gaps.c
    query = select(text(gap.session_date)).where(gap.symbol == symbol, gap.filled_at_utc.is_(None))
    (found,) = columns(conn, query.order_by(gap.session_date))
    return dates(found)


def quarantined_rows(conn: Connection, identities: Sequence[int]) -> dict[int, QuarantineReason]:
    """Return why rows were quarantined, as a code and in words, by their numbers `identities`.

    A number without a row is left out of the result.
    """
    row = rejected_bars.c
    query = select(row.code, row.reason).where(row.rejected_id == bindparam("which"))
    found = {identity: conn.execute(query, {"which": identity}).first() for identity in identities}
    return {
        identity: QuarantineReason(QuarantineCode(why.code), why.reason)
        for identity, why in found.items()
        if why is not None
    }


def newest_quarantined(conn: Connection) -> int:
    """Return the number of the newest quarantined row, decided or not; 0 when there is none."""
    return conn.scalar(select(func.max(rejected_bars.c.rejected_id))) or 0


def released_together(conn: Connection) -> list[int]:
    """Return the numbers of released rows that claim the same session of one asset; empty without conflict.

    Only released rows that are not stored yet count. When several sessions are claimed more than once, the
    numbers are those of one session.
    """
    row = rejected_bars.c
    is_not_stored = (row.decision == Decision.RELEASED.value, row.resolved_at_utc.is_(None))
    sessions = (
        select(row.symbol, row.session_date).where(*is_not_stored).group_by(row.symbol, row.session_date)
    )
    contested = conn.execute(sessions.having(func.count() > 1)).first()
    if contested is None:
        return []
    of_session = (row.symbol == contested.symbol, row.session_date == contested.session_date)
    return list(
        conn.scalars(select(row.rejected_id).where(*is_not_stored, *of_session).order_by(row.rejected_id))
    )


def released_and_stored(conn: Connection, identities: Sequence[int]) -> list[int]:
    """Return the numbers among `identities` whose rows were released and have become stored bars."""
    row, bar = rejected_bars.c, price_bars.c
    same = select(bar.bar_id).where(bar.symbol == row.symbol, bar.session_date == row.session_date)
    is_stored = (row.decision == Decision.RELEASED.value, row.resolved_at_utc.is_not(None))
    query = select(row.rejected_id).where(*is_stored, same.correlate(rejected_bars).exists())
    stored = set(conn.scalars(query))
    return [identity for identity in identities if identity in stored]


def count_quarantined(conn: Connection, symbol: str) -> int:
    """Count the quarantined rows of `symbol` that wait for a decision."""
    row = rejected_bars.c
    is_waiting = (row.symbol == symbol, row.resolved_at_utc.is_(None), row.decision.is_(None))
    return conn.scalar(select(func.count()).where(*is_waiting)) or 0
