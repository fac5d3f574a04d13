"""Compare a download with the stored prices: what is new, what has changed, and what to quarantine.

Two downloads of one price differ by rounding (1e-7, relative). A larger difference is a revision of the bar;
the same ratio over all older bars is a re-basing (`units`). Events are compared in `events`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np

from pipeline.ingest.events import event_changes, is_same_value
from pipeline.ingest.jumps import jumps, reason_of
from pipeline.ingest.quarantine import is_decided, row_as_json
from pipeline.ingest.units import (
    FEWEST_COMMON,
    accepted_units,
    in_units,
    is_large,
    is_rebased,
    measured_units,
)
from pipeline.types import (
    BAR_VALUES,
    SAME_PRICE,
    ActionChanges,
    ActionKind,
    Bars,
    BoolArray,
    DateArray,
    Decision,
    FloatArray,
    KnownPrices,
    PriceChanges,
    QuarantineCode,
    QuarantinedRow,
    Rebasing,
    Restatement,
    ValidatedPrices,
    agreeing,
    closes_on,
    overlaid,
)

MOST_CONTRADICTING = 3
"""More bars than this that contradict stored bars mean another history, not a few wrong bars."""


def restatement(prices: ValidatedPrices, known: KnownPrices) -> Restatement | None:
    """Say why a part of the history shows that all of it has to be downloaded; None where it does not."""
    bars, symbol = prices.bars, prices.bars.symbol
    if _is_past(prices, known):
        return None
    stored = {one.action.key: one.action.value for one in known.actions}
    for action in (*prices.actions, *prices.early_actions):
        is_news = action.key not in stored or not is_same_value(stored[action.key], action.value)
        if action.kind is ActionKind.SPLIT and is_news and (known.bars.session_dates < action.ex_date).any():
            return Restatement(symbol, f"there is a split on {action.ex_date}")
    common = np.isin(bars.session_dates, known.bars.session_dates)
    oldest = bars.at(np.flatnonzero(common)[:FEWEST_COMMON])
    if len(oldest) == FEWEST_COMMON and not agreeing(oldest, known.bars, SAME_PRICE, ("close",)).any():
        return Restatement(symbol, f"the closes from {oldest.session_dates[0]} on have changed")
    return None


def reconcile(prices: ValidatedPrices, known: KnownPrices, seen_at: datetime) -> PriceChanges:
    """Compare a download, seen at an aware moment, with the stored prices and list what changes there.

    Bars that are off the accepted price level (`jumps`) are quarantined, and the events on them wait with
    them. They are judged among the stored bars around them and those that wait in quarantine, so that a part
    of a download is judged like the whole of it. Stored bars that are not in the download change with a
    re-basing only, which gives a history the same units throughout. A whole download in other units that
    nothing explains is quarantined: half of it would mix two units.

    A download that ends before the newest stored bar, as for a moment in the past, adds what is missing and
    changes nothing else. Events before their bars are left out of a download that has no acceptable bar, or
    more than MOST_CONTRADICTING bars that contradict stored ones.
    """
    measured = measured_units(prices.bars, known.bars)
    is_past = _is_past(prices, known)
    rebasing = None if measured is None or is_past else accepted_units(measured, prices, known)
    basis = known.bars if rebasing is None else in_units(known.bars, rebasing)
    unexplained = measured if rebasing is None and measured is not None and is_large(measured) else None
    ratios = _off_level(prices, basis, known) if unexplained is None else _all_off(prices, known, unexplained)
    prices, ratios = _to_be_taken(prices, ratios, known)
    bars = prices.bars
    now = overlaid(basis, bars.at(np.isnan(ratios)))
    changed = now.at(~agreeing(now, known.bars, SAME_PRICE, BAR_VALUES))
    is_new = ~np.isin(changed.session_dates, known.bars.session_dates)
    is_old_rebased = ~is_new & is_rebased(changed, basis, rebasing)
    return PriceChanges(
        symbol=bars.symbol,
        bars=changed,
        n_new=int(is_new.sum()),
        n_revised=int((~is_new & ~is_old_rebased).sum()),
        rebasing=rebasing,
        n_rebased=int(is_old_rebased.sum()),
        quarantined=(*prices.quarantined, *_quarantined(bars, ratios)),
        checked_dates=_checked_dates(prices, known),
        actions=_event_changes(prices, ratios, known, now, rebasing, seen_at),
        missing=_missing(prices.expected, now.session_dates),
        n_contradicting=_n_contradicting(bars, ratios, known),
    )


def _is_past(prices: ValidatedPrices, known: KnownPrices) -> bool:
    """Does the download end before the newest stored bar?"""
    is_any = len(known.bars) > 0 and len(prices.expected) > 0
    return is_any and bool(known.bars.session_dates[-1] > prices.expected[-1])


def _to_be_taken(
    prices: ValidatedPrices, ratios: FloatArray, known: KnownPrices
) -> tuple[ValidatedPrices, FloatArray]:
    """Leave out what a download for the past may not change: stored sessions and events."""
    if not _is_past(prices, known):
        return prices, ratios
    is_new = ~np.isin(prices.bars.session_dates, known.bars.session_dates)
    return replace(prices, bars=prices.bars.at(is_new), actions=(), early_actions=()), ratios[is_new]


def _all_off(prices: ValidatedPrices, known: KnownPrices, measured: Rebasing) -> FloatArray:
    """Give the measured ratio for each of the (n,) bars; NaN for those that a person has released."""
    return np.where(_is_released(prices.bars, prices, known), np.nan, measured.ratio)


def _is_released(bars: Bars, prices: ValidatedPrices, known: KnownPrices) -> BoolArray:
    """Find which of the (n,) bars a person has released."""
    return is_decided(bars.session_dates, bars.ohlc, known.decided, Decision.RELEASED, prices.announced)


def _off_level(prices: ValidatedPrices, basis: Bars, known: KnownPrices) -> FloatArray:
    """Judge the (n,) bars by `jumps`, among the stored bars around them and those that wait in quarantine."""
    bars = prices.bars
    if len(bars) == 0:
        return np.array([])
    seen = overlaid(_waiting_elsewhere(prices, known), bars)
    there = overlaid(_around(seen, basis), seen)
    released = _is_released(there, prices, known)
    ratios = jumps(there, closes_on(there.session_dates, basis.session_dates, basis.close), released)
    return ratios[np.isin(there.session_dates, bars.session_dates)]


def _waiting_elsewhere(prices: ValidatedPrices, known: KnownPrices) -> Bars:
    """Give the quarantined bars of days that the download does not cover."""
    return known.undecided.at(~np.isin(known.undecided.session_dates, _days_through(prices.expected)))


def _around(bars: Bars, basis: Bars) -> Bars:
    """Give the stored bars of the sessions of `bars`, and the nearest stored bar on either side."""
    first, last = bars.session_dates[0], bars.session_dates[-1]
    begin = max(int(np.searchsorted(basis.session_dates, first)) - 1, 0)
    return basis.at(slice(begin, int(np.searchsorted(basis.session_dates, last, side="right")) + 1))


def _quarantined(bars: Bars, ratios: FloatArray) -> Iterator[QuarantinedRow]:
    for row in np.flatnonzero(np.isfinite(ratios)):
        code, reason = reason_of(float(ratios[row]))
        yield QuarantinedRow(
            symbol=bars.symbol,
            date_text=str(bars.session_dates[row]),
            session_date=bars.session_dates[row],
            code=code,
            reason=reason,
            row=row_as_json({name: float(getattr(bars, name)[row]) for name in BAR_VALUES}),
        )


def _checked_dates(prices: ValidatedPrices, known: KnownPrices) -> DateArray:
    """List all days that the download covers; for the past without those of stored bars."""
    days = _days_through(prices.expected)
    return np.setdiff1d(days, known.bars.session_dates) if _is_past(prices, known) else days


def _days_through(sessions: DateArray) -> DateArray:
    """List all days from the first of the sessions to the last."""
    return np.arange(sessions[0], sessions[-1] + np.timedelta64(1, "D")) if len(sessions) else sessions


def _event_changes(
    prices: ValidatedPrices,
    ratios: FloatArray,
    known: KnownPrices,
    now: Bars,
    rebasing: Rebasing | None,
    seen_at: datetime,
) -> ActionChanges:
    """Compare the events on the days that the download decides: accepted bars, and quiet sessions.

    A session is quiet if it has neither a stored bar nor a row with a price. A stored event there came before
    its bar, and is gone when the source no longer gives it.
    """
    accepted = prices.bars.session_dates[np.isnan(ratios)]
    if len(accepted) == 0 or _n_contradicting(prices.bars, ratios, known) > MOST_CONTRADICTING:
        prices, days = replace(prices, early_actions=()), accepted
    elif _is_past(prices, known):
        days = accepted[:0]
    else:
        days = np.union1d(accepted, _quiet(prices, now))
    return event_changes(prices, days, known.actions, rebasing, seen_at)


def _quiet(prices: ValidatedPrices, now: Bars) -> DateArray:
    """List the expected sessions that have neither a bar nor a quarantined row with a price."""
    doubted = [one.session_date for one in prices.quarantined if one.code is not QuarantineCode.NO_PRICES]
    priced = (now.session_dates, prices.bars.session_dates, np.array(doubted, dtype="datetime64[D]"))
    return np.setdiff1d(prices.expected, np.concatenate(priced))


def _n_contradicting(bars: Bars, ratios: FloatArray, known: KnownPrices) -> int:
    """Count the bars that are off the level and whose session has a stored bar."""
    return int(np.isin(bars.session_dates[np.isfinite(ratios)], known.bars.session_dates).sum())


def _missing(expected: DateArray, there: DateArray) -> DateArray:
    """List the expected sessions without a bar, from the first bar on."""
    if len(there) == 0:
        return expected[:0]
    return np.setdiff1d(expected[expected >= there[0]], there, assume_unique=True)
