"""From which session on a source is asked: as little as keeps the stored history complete and true."""

from datetime import date

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.types import Asked


def asking_from(
    asked: Asked,
    calendar: TradingCalendar,
    last_settled: np.datetime64,
    overlap_sessions: int,
    history_start: date,
) -> date:
    """The first session date to ask for.

    That is `overlap_sessions` before the newest stored bar, or the oldest session in doubt if that comes
    before; never before `history_start`, and just that where the history was never asked for from there on.
    """
    start = np.datetime64(history_start, "D")
    if np.isnat(asked.newest) or np.isnat(asked.asked_from) or asked.asked_from > start:
        return history_start
    newest = min(asked.newest, last_settled)
    before = calendar.sessions(newest - np.timedelta64(30 + 2 * overlap_sessions, "D"), newest)
    overlap = before[-overlap_sessions:][0] if len(before) else newest
    wanted = overlap if np.isnat(asked.oldest_doubt) else min(overlap, asked.oldest_doubt)
    return max(wanted, start).astype(date)  # type: ignore[no-any-return]
