"""Choose the first session date to download: the least that keeps the stored history complete and right."""

from datetime import date

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.types import DownloadHistory


def first_date_to_ask(
    asked: DownloadHistory,
    calendar: TradingCalendar,
    last_settled: np.datetime64,
    overlap_sessions: int,
    history_start: date,
) -> date:
    """Choose the first session date to ask the source for, from how far the downloads have come.

    It is `overlap_sessions` before the newest stored bar, or the oldest session in doubt if that is earlier;
    never before `history_start`. The whole history is asked for on the first download, and once a week, with
    the week's first missing session: a first answer may have started late, and a source may revise prices
    that are older than the overlap.
    """
    start = np.datetime64(history_start, "D")
    if np.isnat(asked.newest) or np.isnat(asked.asked_from) or asked.asked_from > start:
        return history_start
    if _week(asked.newest) < _week(last_settled):
        return history_start
    newest = min(asked.newest, last_settled)
    before = calendar.sessions(newest - np.timedelta64(30 + 2 * overlap_sessions, "D"), newest)
    overlap = before[-overlap_sessions:][0] if len(before) else newest
    wanted = overlap if np.isnat(asked.recheck_from) else min(overlap, asked.recheck_from)
    return max(wanted, start).astype(date)  # type: ignore[no-any-return]


def _week(day: np.datetime64) -> int:
    """Number the week of a day; weeks begin on Mondays."""
    days_since_thursday = int(day.astype("datetime64[D]").astype(np.int64))
    return (days_since_thursday + 3) // 7
