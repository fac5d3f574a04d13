"""What is stored of an asset's prices before a download is compared with it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select

from pipeline.store.columns import columns, dates, text
from pipeline.store.read import bars, newest_session
from pipeline.store.tables import assets, corporate_actions, gaps, price_bars, rejected_bars
from pipeline.types import (
    OHLC,
    ActionKind,
    Asked,
    Bars,
    CorporateAction,
    DateArray,
    DecidedRow,
    Decision,
    KnownAction,
    KnownPrices,
    QuarantineCode,
)

FAR = np.datetime64("9999-12-31", "D")


def known_prices(conn: Connection, symbol: str) -> KnownPrices:
    """The current bars and actions of `symbol`, and what was not believed: decided on, and waiting."""
    return KnownPrices(
        bars=bars(conn, symbol, FAR),
        actions=tuple(known_actions(conn, symbol)),
        decided=tuple(_decided_rows(conn, symbol)),
        waiting=_waiting_bars(conn, symbol),
    )


def known_actions(conn: Connection, symbol: str) -> Iterator[KnownAction]:
    """The current corporate actions of `symbol`, by their ex-dates."""
    action = corporate_actions.c
    query = (
        select(action.ex_date, action.kind, action.value, action.missing_since_utc)
        .where(action.symbol == symbol, action.superseded_at_utc.is_(None))
        .order_by(action.ex_date, action.kind)
    )
    for ex_date, kind, value, missing_since in conn.execute(query):
        one = CorporateAction(symbol, np.datetime64(ex_date, "D"), ActionKind(kind), value)
        yield KnownAction(one, missing_since)


def _decided_rows(conn: Connection, symbol: str) -> Iterator[DecidedRow]:
    row = rejected_bars.c
    query = select(row.session_date, row.row, row.decision).where(row.symbol == symbol)
    decided = query.where(row.decision.is_not(None), row.session_date.is_not(None)).order_by(row.rejected_id)
    for session, values, decision in conn.execute(decided):
        yield DecidedRow(np.datetime64(session, "D"), row_prices(values), Decision(decision))


def _waiting_bars(conn: Connection, symbol: str) -> Bars:
    """The rows that wait for a decision and have prices; of several of one session, the newest."""
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
    """Open, high, low and close of a rejected row's JSON text; NaN where it has none."""
    values = json.loads(row)
    opened, high, low, close = (_number(values.get(name)) for name in OHLC)
    return (opened, high, low, close)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def asked(conn: Connection, symbol: str) -> Asked:
    """How far the downloads of `symbol` have come."""
    newest = newest_session(conn, symbol)
    asked_from = conn.scalar(select(assets.c.asked_from_date).where(assets.c.symbol == symbol))
    action, row = corporate_actions.c, rejected_bars.c
    doubts = (
        select(func.min(gaps.c.session_date)).where(gaps.c.symbol == symbol, gaps.c.filled_at_utc.is_(None)),
        select(func.min(action.ex_date))
        .where(action.symbol == symbol, action.superseded_at_utc.is_(None))
        .where(action.missing_since_utc.is_not(None)),
        select(func.min(row.session_date))
        .where(row.symbol == symbol, row.resolved_at_utc.is_(None))
        .where(or_(row.decision == Decision.RELEASED.value, _contradicts_a_bar())),
    )
    found = [conn.scalar(query) for query in doubts]
    return Asked(
        asked_from=_session(asked_from),
        newest=np.datetime64("NaT", "D") if newest is None else newest,
        oldest_doubt=min((_session(one) for one in found if one is not None), default=_session(None)),
    )


def _contradicts_a_bar() -> ColumnElement[bool]:
    """Is a rejected row dated on a session that has a bar all the same?"""
    row, bar = rejected_bars.c, price_bars.c
    same = select(bar.bar_id).where(bar.symbol == row.symbol, bar.session_date == row.session_date)
    return and_(row.decision.is_(None), same.correlate(rejected_bars).exists())


def _session(value: Any) -> np.datetime64:
    return np.datetime64("NaT" if value is None else value, "D")


def gap_dates(conn: Connection, symbol: str) -> DateArray:
    """The (n,) expected sessions that have no bar, in order."""
    gap = gaps.c
    query = select(text(gap.session_date)).where(gap.symbol == symbol, gap.filled_at_utc.is_(None))
    (found,) = columns(conn, query.order_by(gap.session_date))
    return dates(found)


def quarantined_rows(conn: Connection, identities: Sequence[int]) -> dict[int, tuple[QuarantineCode, str]]:
    """Why the rows of these numbers are in quarantine, as a code and in words; none for an unknown number."""
    row = rejected_bars.c
    one = select(row.code, row.reason).where(row.rejected_id == bindparam("which"))
    found = {identity: conn.execute(one, {"which": identity}).first() for identity in identities}
    return {
        identity: (QuarantineCode(why.code), why.reason) for identity, why in found.items() if why is not None
    }


def newest_rejected(conn: Connection) -> int:
    """The number of the newest rejected row; 0 when there is none."""
    return conn.scalar(select(func.max(rejected_bars.c.rejected_id))) or 0


def released_together(conn: Connection) -> list[int]:
    """The numbers of some released rows, not yet stored, that are of one session; empty where none are."""
    row = rejected_bars.c
    is_awaited = (row.decision == Decision.RELEASED.value, row.resolved_at_utc.is_(None))
    sessions = select(row.symbol, row.session_date).where(*is_awaited).group_by(row.symbol, row.session_date)
    contested = conn.execute(sessions.having(func.count() > 1)).first()
    if contested is None:
        return []
    of_it = (row.symbol == contested.symbol, row.session_date == contested.session_date)
    return list(conn.scalars(select(row.rejected_id).where(*is_awaited, *of_it).order_by(row.rejected_id)))


def released_and_stored(conn: Connection, identities: Sequence[int]) -> list[int]:
    """Which of these rejected rows were released, and have become a bar since."""
    row, bar = rejected_bars.c, price_bars.c
    same = select(bar.bar_id).where(bar.symbol == row.symbol, bar.session_date == row.session_date)
    is_stored = (row.decision == Decision.RELEASED.value, row.resolved_at_utc.is_not(None))
    query = select(row.rejected_id).where(*is_stored, same.correlate(rejected_bars).exists())
    stored = set(conn.scalars(query))
    return [identity for identity in identities if identity in stored]


def in_quarantine(conn: Connection, symbol: str) -> int:
    """How many rows of `symbol` wait for a decision."""
    row = rejected_bars.c
    is_waiting = (row.symbol == symbol, row.resolved_at_utc.is_(None), row.decision.is_(None))
    return conn.scalar(select(func.count()).where(*is_waiting)) or 0
