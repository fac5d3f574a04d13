"""Write what a download changes, and decisions on quarantined rows, inside the caller's transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
from sqlalchemy import Connection, bindparam, func, insert, select, update

from pipeline.store.columns import day
from pipeline.store.read import count_gaps, first_session, newest_session
from pipeline.store.read_known import count_quarantined, row_prices
from pipeline.store.rows import Row, insert_rows, supersede
from pipeline.store.tables import assets, corporate_actions, gaps, price_bars, rebasings, rejected_bars
from pipeline.types import (
    BAR_VALUES,
    SAME_PRICE,
    ActionChanges,
    Bars,
    CorporateAction,
    Decision,
    IngestSummary,
    PriceChanges,
    QuarantinedRow,
)


def store_changes(
    conn: Connection, changes: PriceChanges, asked_from: date, run_id: int, seen_at: datetime
) -> IngestSummary:
    """Store what a download from `asked_from` on has changed, and return a summary.

    A changed bar or action becomes a new current row, and the old row is marked as superseded at `seen_at`.
    The summary counts the rows that this call wrote; its first and newest sessions are those of all stored
    bars, NaT without bars.
    """
    seen = {"first_seen_at_utc": seen_at, "run_id": run_id}
    symbol = changes.symbol
    _store_bars(conn, changes.bars, seen)
    _store_rebasing(conn, changes, seen)
    _store_actions(conn, symbol, changes.actions, seen)
    _store_asked_from(conn, symbol, asked_from)
    reasons = _store_quarantined(conn, changes, seen)
    newest = newest_session(conn, symbol)
    return IngestSummary(
        symbol=symbol,
        new=changes.n_new,
        revised=changes.n_revised,
        newly_quarantined=len(reasons),
        missing=_store_gaps(conn, symbol, changes, seen),
        rebased=None if changes.rebasing is None else changes.rebasing.ratio,
        newest_session=np.datetime64("NaT", "D") if newest is None else newest,
        first_session=first_session(conn, symbol),
        n_gaps=count_gaps(conn, symbol),
        commonest_reason=Counter(reasons).most_common(1)[0][0] if reasons else "",
        in_quarantine=count_quarantined(conn, symbol),
    )


def _store_bars(conn: Connection, bars: Bars, seen: Row) -> None:
    if len(bars) == 0:
        return
    bar = price_bars.c
    first, last = day(bars.session_dates[0]), day(bars.session_dates[-1])
    query = (
        select(bar.session_date, func.max(bar.revision), func.max(bar.bar_id))
        .where(bar.symbol == bars.symbol, bar.session_date.between(first, last))
        .group_by(bar.session_date)
    )
    newest = {session: (revision, bar_id) for session, revision, bar_id in conn.execute(query)}
    columns = [getattr(bars, name).tolist() for name in BAR_VALUES]
    rows: list[Row] = []
    superseded: list[int] = []
    for session, *values in zip(bars.session_dates.tolist(), *columns, strict=True):
        revision, bar_id = newest.get(session, (-1, None))
        if bar_id is not None:
            superseded.append(bar_id)
        bar_values = dict(zip(BAR_VALUES, values, strict=True))
        rows.append(
            {"symbol": bars.symbol, "session_date": session, "revision": revision + 1, **bar_values, **seen}
        )
    supersede(conn, price_bars, "bar_id", superseded, seen["first_seen_at_utc"])
    insert_rows(conn, price_bars, rows)


def _store_rebasing(conn: Connection, changes: PriceChanges, seen: Row) -> None:
    if changes.rebasing is not None and changes.n_rebased:
        row = {
            "symbol": changes.symbol,
            "through_date": day(changes.rebasing.through),
            "ratio": changes.rebasing.ratio,
            "n_bars": changes.n_rebased,
        }
        conn.execute(insert(rebasings).values(row | seen))


def _store_actions(conn: Connection, symbol: str, changes: ActionChanges, seen: Row) -> None:
    for action in (*changes.given, *changes.withdrawn):
        _update_current_action(conn, action, superseded_at_utc=seen["first_seen_at_utc"])
    for action in changes.vanished:
        _update_current_action(conn, action, missing_since_utc=seen["first_seen_at_utc"])
    for action in changes.returned:
        _update_current_action(conn, action, missing_since_utc=None)
    rows = [
        {
            "symbol": symbol,
            "ex_date": day(action.ex_date),
            "kind": action.kind.value,
            "value": action.value,
            **seen,
        }
        for action in changes.given
    ]
    insert_rows(conn, corporate_actions, rows)


def _update_current_action(conn: Connection, action: CorporateAction, **values: datetime | None) -> None:
    """Set columns of the current row of an action; do nothing when there is no current row."""
    row = corporate_actions.c
    is_action = (
        row.symbol == action.symbol,
        row.ex_date == day(action.ex_date),
        row.kind == action.kind.value,
    )
    conn.execute(update(corporate_actions).where(*is_action, row.superseded_at_utc.is_(None)).values(values))


def _store_asked_from(conn: Connection, symbol: str, asked_from: date) -> None:
    earliest = assets.c.asked_from_date
    is_earlier = earliest.is_(None) | (earliest > asked_from)
    conn.execute(
        update(assets).where(assets.c.symbol == symbol, is_earlier).values(asked_from_date=asked_from)
    )


def _store_quarantined(conn: Connection, changes: PriceChanges, seen: Row) -> list[str]:
    """Store new quarantined rows, resolve those that the download no longer contains, and return the reasons.

    Stored rows of a session that the download covers are resolved when they are not quarantined again, and
    resolved rows that are quarantined again are unresolved. The reasons are those of the new rows.
    """
    row, symbol = rejected_bars.c, changes.symbol
    query = select(row.rejected_id, row.date_text, row.reason, row.row, row.session_date, row.resolved_at_utc)
    stored = conn.execute(query.where(row.symbol == symbol)).all()
    known: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for old in stored:
        known.setdefault((old.date_text, old.reason), []).append((old.rejected_id, old.row))
    seen_again: set[int] = set()
    fresh: dict[tuple[str, str, str], Row] = {}
    for bar in changes.quarantined:
        again = [
            identity
            for identity, values in known.get((bar.date_text, bar.reason), [])
            if _is_same_row(values, bar.row)
        ]
        seen_again.update(again)
        if not again:
            fresh[bar.date_text, bar.reason, bar.row] = _table_row(bar) | seen
    insert_rows(conn, rejected_bars, list(fresh.values()))
    covered = {*changes.checked_dates.tolist(), None}  # every download contains the rows without a date
    gone = [
        old.rejected_id
        for old in stored
        if old.rejected_id not in seen_again and old.resolved_at_utc is None and old.session_date in covered
    ]
    back = [old.rejected_id for old in stored if old.rejected_id in seen_again and old.resolved_at_utc]
    _set_resolved_at(conn, gone, seen["first_seen_at_utc"])
    _set_resolved_at(conn, back, None)
    return [reason for _, reason, _ in fresh]


def _table_row(bar: QuarantinedRow) -> Row:
    session = None if np.isnat(bar.session_date) else day(bar.session_date)
    named = {"date_text": bar.date_text, "reason": bar.reason, "code": bar.code.value, "row": bar.row}
    return {"symbol": bar.symbol, "session_date": session, **named}


def _is_same_row(left: str, right: str) -> bool:
    """Return whether two JSON texts are the same quarantined row: equal texts or equal prices.

    Other values of a row, such as the adjusted close, change slightly from download to download.
    """
    return left == right or bool(
        np.allclose(row_prices(left), row_prices(right), rtol=SAME_PRICE, atol=0.0, equal_nan=True)
    )


def _set_resolved_at(conn: Connection, identities: Sequence[int], at: datetime | None) -> None:
    if identities:
        which = rejected_bars.c.rejected_id == bindparam("which")
        resolving = update(rejected_bars).where(which).values(resolved_at_utc=at)
        conn.execute(resolving, [{"which": identity} for identity in identities])


def _store_gaps(conn: Connection, symbol: str, changes: PriceChanges, seen: Row) -> int:
    """Mark the gaps that now have a bar as filled, store new gaps, and return the number of new gaps."""
    gap = gaps.c
    stored = conn.execute(select(gap.session_date, gap.filled_at_utc).where(gap.symbol == symbol)).all()
    known = {row.session_date for row in stored}
    with_bar = set(changes.bars.session_dates.tolist())
    filled = [
        row.session_date for row in stored if row.filled_at_utc is None and row.session_date in with_bar
    ]
    if filled:
        closing = update(gaps).where(gap.symbol == symbol, gap.session_date == bindparam("session"))
        values = closing.values(filled_at_utc=seen["first_seen_at_utc"])
        conn.execute(values, [{"session": session} for session in filled])
    new = [session for session in changes.missing.tolist() if session not in known]
    insert_rows(conn, gaps, [{"symbol": symbol, "session_date": session, **seen} for session in new])
    return len(new)


def store_decision(
    conn: Connection, identities: Sequence[int], decision: Decision, decided_at: datetime
) -> None:
    """Store a person's decision on quarantined rows, replacing any earlier decision."""
    if identities:
        which = rejected_bars.c.rejected_id == bindparam("which")
        values = update(rejected_bars).where(which).values(decision=decision.value, decided_at_utc=decided_at)
        conn.execute(values, [{"which": identity} for identity in identities])
