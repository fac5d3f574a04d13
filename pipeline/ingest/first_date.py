"""From which session on a source is asked: as little as keeps the stored history complete and true."""

from datetime import date

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.types import Asked


def first_date_to_ask(
    asked: Asked,
    calendar: TradingCalendar,
    last_settled: np.datetime64,
    overlap_sessions: int,
    history_start: date,
) -> date:
    """The first session date to ask for.

    That is `overlap_sessions` before the newest stored bar, or the oldest session in doubt if that comes
    before; never before `history_start`. The whole history from there on is asked for where it never was, and
    once a week, with the first session that is missing of it: a first answer may have started late, and a
    source may change what lies before the overlap.
    """
    start = np.datetime64(history_start, "D")
    if np.isnat(asked.newest) or np.isnat(asked.asked_from) or asked.asked_from > start:
        return history_start
    if _week(asked.newest) < _week(last_settled):
        return history_start
    newest = min(asked.newest, last_settled)
    before = calendar.sessions(newest - np.timedelta64(30 + 2 * overlap_sessions, "D"), newest)
    overlap = before[-overlap_sessions:][0] if len(before) else newest
    wanted = overlap if np.isnat(asked.oldest_doubt) else min(overlap, asked.oldest_doubt)
    return max(wanted, start).astype(date)  # type: ignore[no-any-return]


def _week(day: np.datetime64) -> int:
    """The number of its week; weeks begin on Mondays."""
    days_since_thursday = int(day.astype("datetime64[D]").astype(np.int64))
    return (days_since_thursday + 3) // 7
