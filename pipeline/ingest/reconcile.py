"""A download beside what is stored: what is new, what has changed, and what not to believe.

Two downloads of one price differ by noise (1e-7 of old rows). More than that is a revision of the bar; the
same ratio over all older bars is a history in other units, after a split or, where a source adjusts for
dividends, after a dividend. An event that a source gives no more is doubted, and withdrawn only when it has
stayed away for PATIENCE.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.ingest.jumps import (
    LASTING,
    NEAR_THREE_FOR_TWO,
    SPLIT_DAY_MOVE,
    SPLITS,
    THREE_FOR_TWO,
    jumps,
    reason_of,
)
from pipeline.ingest.validate import as_json, is_decided
from pipeline.types import (
    BAR_VALUES,
    OHLC,
    SAME_PRICE,
    ActionChanges,
    ActionKind,
    Bars,
    BoolArray,
    CorporateAction,
    DateArray,
    Decision,
    FloatArray,
    KnownAction,
    KnownPrices,
    PriceChanges,
    QuarantinedRow,
    Rebasing,
    Restatement,
    ValidatedPrices,
    closes_on,
)

ACTION_TOLERANCE = 1e-4
"""Relative difference up to which two values of a dividend or split are the same: sources round them."""
LEAST_RATIO, RATIO_TOLERANCE = 2e-4, 1e-4
"""In logarithms: what is taken for other units, and by how much the ratios of single bars may differ then."""
FEWEST_COMMON = 3
"""So many of the oldest common bars have to agree on a ratio; where fewer are stored, all on a large one."""
LARGE_RATIO = float(np.log(THREE_FOR_TWO * (1.0 - NEAR_THREE_FOR_TWO)))
"""In logarithms: other units of this size are believed only with a split that explains them."""
RATIO_OF_SPLIT, EXACT_SPLIT = 0.02, 1e-3
"""In logarithms: how near the common ratio of many bars is to that of a split that explains it, and how near
where it is taken for that of the split alone; in between, prices were adjusted for something else too."""
PATIENCE = timedelta(days=14)


def restatement(prices: ValidatedPrices, known: KnownPrices) -> Restatement | None:
    """Why the whole history has to be asked for, after a part of it was; None where it has not."""
    bars, symbol = prices.bars, prices.bars.symbol
    if _is_past(prices, known):
        return None
    stored = {one.action.key: one.action.value for one in known.actions}
    for action in prices.actions:
        is_news = action.key not in stored or not _is_same_value(stored[action.key], action.value)
        if action.kind is ActionKind.SPLIT and is_news and (known.bars.session_dates < action.ex_date).any():
            return Restatement(symbol, f"there is a split on {action.ex_date}")
    common = np.isin(bars.session_dates, known.bars.session_dates)
    oldest = _at(bars, np.flatnonzero(common)[:FEWEST_COMMON])
    if len(oldest) == FEWEST_COMMON and not _agreeing(oldest, known.bars, SAME_PRICE, ("close",)).any():
        return Restatement(symbol, f"the closes from {oldest.session_dates[0]} on have changed")
    return None


def reconcile(prices: ValidatedPrices, known: KnownPrices, seen_at: datetime) -> PriceChanges:
    """What the download changes of what is stored, seen at an aware moment.

    Bars that are off the trusted price level (`jumps`) are rejected, and events on them not yet taken. They
    are judged among the stored bars around them and those that wait in quarantine, so that a part of a
    download is judged as the whole of it. Stored bars that are not in the download change with a re-basing
    only, which gives a history the same units. Other units that nothing explains are refused with the whole
    download: half of it would be a mixture.

    A download that ends before the newest stored bar, for a moment in the past, adds what is missing and
    changes nothing.
    """
    units = _common_ratio(prices.bars, known.bars)
    rebasing = None if units is None else _believed(units, prices, known)
    basis = known.bars if rebasing is None else _in_units(known.bars, rebasing)
    if units is not None and rebasing is None and _is_large(units):
        ratios = _refused(prices, known, units)
    else:
        ratios = _jumps(prices, basis, known)
    prices, ratios = _to_be_taken(prices, ratios, known)
    bars = prices.bars
    trusted = _at(bars, np.isnan(ratios))
    now = _overlaid(basis, trusted)
    changed = _at(now, ~_agreeing(now, known.bars, SAME_PRICE, BAR_VALUES))
    is_new = ~np.isin(changed.session_dates, known.bars.session_dates)
    is_rebased = ~is_new & _is_rebased(changed, basis, rebasing)
    return PriceChanges(
        symbol=bars.symbol,
        bars=changed,
        n_new=int(is_new.sum()),
        n_revised=int((~is_new & ~is_rebased).sum()),
        rebasing=rebasing,
        n_rebased=int(is_rebased.sum()),
        quarantined=(*prices.quarantined, *_quarantined(bars, ratios)),
        judged=_judged(prices, known),
        actions=_action_changes(prices, _days_of_events(prices, ratios), known.actions, rebasing, seen_at),
        missing=_missing(prices.expected, now.session_dates),
        n_contradicting=int(np.isin(bars.session_dates[np.isfinite(ratios)], known.bars.session_dates).sum()),
    )


def _is_past(prices: ValidatedPrices, known: KnownPrices) -> bool:
    """Does the download end before the newest stored bar?"""
    is_any = len(known.bars) > 0 and len(prices.expected) > 0
    return is_any and bool(known.bars.session_dates[-1] > prices.expected[-1])


def _to_be_taken(
    prices: ValidatedPrices, ratios: FloatArray, known: KnownPrices
) -> tuple[ValidatedPrices, FloatArray]:
    """The prices with their (n,) ratios, for the past without those of stored bars and without events."""
    if not _is_past(prices, known):
        return prices, ratios
    is_new = ~np.isin(prices.bars.session_dates, known.bars.session_dates)
    return replace(prices, bars=_at(prices.bars, is_new), actions=()), ratios[is_new]


def _refused(prices: ValidatedPrices, known: KnownPrices, units: Rebasing) -> FloatArray:
    """The ratio of its units for each of the (n,) bars, NaN for those that a person has released."""
    return np.where(_is_released(prices.bars, prices, known), np.nan, units.ratio)


def _is_released(bars: Bars, prices: ValidatedPrices, known: KnownPrices) -> BoolArray:
    """Which of the (n,) bars a person has released."""
    rows = bars.session_dates, _prices(bars)
    return is_decided(*rows, known.decided, Decision.RELEASED, prices.announced)


def _jumps(prices: ValidatedPrices, basis: Bars, known: KnownPrices) -> FloatArray:
    """The jumps of the (n,) bars, among the stored ones around them and those that wait."""
    bars = prices.bars
    if len(bars) == 0:
        return np.array([])
    seen = _overlaid(_waiting_elsewhere(prices, known), bars)
    there = _overlaid(_around(seen, basis), seen)
    released = _is_released(there, prices, known)
    ratios = jumps(there, closes_on(there.session_dates, basis.session_dates, basis.close), released)
    return ratios[np.isin(there.session_dates, bars.session_dates)]


def _waiting_elsewhere(prices: ValidatedPrices, known: KnownPrices) -> Bars:
    """The bars that wait, but for those of days that the download tells of anew."""
    return _at(known.waiting, ~np.isin(known.waiting.session_dates, _days_through(prices.expected)))


def _around(bars: Bars, basis: Bars) -> Bars:
    """The stored bars of the sessions of these, and the nearest one on either side."""
    first, last = bars.session_dates[0], bars.session_dates[-1]
    begin = max(int(np.searchsorted(basis.session_dates, first)) - 1, 0)
    return _at(basis, slice(begin, int(np.searchsorted(basis.session_dates, last, side="right")) + 1))


def _quarantined(bars: Bars, ratios: FloatArray) -> Iterator[QuarantinedRow]:
    for row in np.flatnonzero(np.isfinite(ratios)):
        code, reason = reason_of(float(ratios[row]))
        yield QuarantinedRow(
            symbol=bars.symbol,
            date_text=str(bars.session_dates[row]),
            session_date=bars.session_dates[row],
            code=code,
            reason=reason,
            row=as_json({name: float(getattr(bars, name)[row]) for name in BAR_VALUES}),
        )


def _believed(units: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> Rebasing | None:
    """The re-basing to make, with the exact ratio of the splits that explain it; None where there is none.

    A large one has to be explained by a split, and no bar may contradict it; none is for the past.
    """
    if _is_past(prices, known):
        return None
    splits = _ratio_of_splits(units, prices, known)
    if splits is not None and abs(np.log(splits / units.ratio)) < EXACT_SPLIT:
        units = replace(units, ratio=splits)
    if not _is_large(units):
        return units
    if splits is None or _is_contradicted(units, prices.bars, known.bars):
        return None
    return units


def _is_large(rebasing: Rebasing) -> bool:
    return bool(abs(np.log(rebasing.ratio)) >= LARGE_RATIO)


def _is_contradicted(rebasing: Rebasing, bars: Bars, known: Bars) -> bool:
    """Would the stored history jump where it did not before, or do new bars come in its old units?"""
    then = _overlaid(_in_units(known, rebasing), bars)
    jumped = known.session_dates[np.isfinite(_jumps_alone(known))]
    ratios = np.log(_jumps_alone(then))
    is_news = np.isfinite(ratios) & ~np.isin(then.session_dates, jumped)
    is_in_old_units = np.abs(ratios + np.log(rebasing.ratio)) < SPLIT_DAY_MOVE
    return bool((is_news & (is_in_old_units | np.isin(then.session_dates, known.session_dates))).any())


def _jumps_alone(bars: Bars) -> FloatArray:
    return jumps(bars, np.full(len(bars), np.nan), np.zeros(len(bars), dtype=bool))


def _common_ratio(bars: Bars, known: Bars) -> Rebasing | None:
    """The ratio that the oldest common bars share, and at least half of all; None without one."""
    stored = closes_on(bars.session_dates, known.session_dates, known.close)
    common = np.flatnonzero(np.isfinite(stored))
    if len(common) == 0 or len(common) < min(len(known), FEWEST_COMMON):
        return None
    ratios = np.log(bars.close[common] / stored[common])
    ratio = float(np.median(ratios[:FEWEST_COMMON]))
    differs = np.abs(ratios - ratio) > max(RATIO_TOLERANCE, RATIO_OF_SPLIT * abs(ratio))
    length = int(np.argmax(differs)) if differs.any() else len(common)
    is_short = len(common) < FEWEST_COMMON
    if abs(ratio) < (LARGE_RATIO if is_short else LEAST_RATIO) or length < min(len(common), FEWEST_COMMON):
        return None
    if 2 * length < len(common):
        return None
    return Rebasing(bars.session_dates[common[length - 1]], float(np.exp(ratio)))


def _ratio_of_splits(units: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> float | None:
    """The ratio that splits make, or splits that the source has taken back, near that of `units`, or None.

    Where the source tells of no splits at all, any usual split will do that all stored bars show, or LASTING
    of them, in a download of LASTING bars.
    """
    if ActionKind.SPLIT in prices.action_kinds:
        given = _log_of_splits(prices.announced, units.through)
        stored = _log_of_splits([one.action for one in known.actions], units.through)
        ratios = np.array([-given, stored - given])
    else:
        ratios = _usual_ratios(units, prices, known)
    ratios = ratios[ratios != 0.0]
    distances = np.abs(ratios - np.log(units.ratio))
    if len(ratios) == 0 or distances.min() >= RATIO_OF_SPLIT:
        return None
    return float(np.exp(ratios[np.argmin(distances)]))


def _usual_ratios(units: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> FloatArray:
    """In logarithms: the ratios that usual splits make, where enough bars show one; otherwise none."""
    common = np.isin(prices.bars.session_dates, known.bars.session_dates)
    n_shown = int((prices.bars.session_dates[common] <= units.through).sum())
    if len(prices.bars) < LASTING or n_shown < min(len(known.bars), LASTING):
        return np.array([])
    usual = np.log([*SPLITS, THREE_FOR_TWO])
    return np.concatenate([usual, -usual])


def _log_of_splits(actions: Sequence[CorporateAction], after: np.datetime64) -> float:
    splits = [one.value for one in actions if one.kind is ActionKind.SPLIT and one.ex_date > after]
    return float(np.log(splits).sum())


def _in_units(known: Bars, rebasing: Rebasing) -> Bars:
    """The bars through the re-basing's session in their new units; a split changes the volume too."""
    is_old = known.session_dates <= rebasing.through
    factor = np.where(is_old, rebasing.ratio, 1.0)
    prices = {name: getattr(known, name) * factor for name in OHLC}
    return replace(known, **prices, volume=known.volume / factor if _is_large(rebasing) else known.volume)


def _is_rebased(changed: Bars, basis: Bars, rebasing: Rebasing | None) -> BoolArray:
    """Which (n,) bars differ from the stored ones by the re-basing alone."""
    if rebasing is None:
        return np.zeros(len(changed), dtype=bool)
    tolerance = max(RATIO_TOLERANCE, RATIO_OF_SPLIT * abs(float(np.log(rebasing.ratio))))
    is_old = changed.session_dates <= rebasing.through
    return is_old & _agreeing(changed, basis, tolerance, OHLC)


def _action_changes(
    prices: ValidatedPrices,
    dates: DateArray,
    known: Sequence[KnownAction],
    rebasing: Rebasing | None,
    seen_at: datetime,
) -> ActionChanges:
    """By the (n,) dates whose events count: what the source says of other days is not judged.

    Dividends of such days come into the new units with the bars.
    """
    told = set(dates.tolist())
    stored = {one.action.key: one for one in known}
    given = {one.key: one for one in prices.actions if one.ex_date.item() in told}
    others = [one.action for one in known if one.action.ex_date.item() not in told]
    absent = [
        one
        for key, one in stored.items()
        if key not in given and one.action.ex_date.item() in told and one.action.kind in prices.action_kinds
    ]
    return ActionChanges(
        given=(
            *(
                one
                for key, one in given.items()
                if key not in stored or not _is_same_value(stored[key].action.value, one.value)
            ),
            *(_dividends_in_units(others, rebasing)),
        ),
        vanished=tuple(one.action for one in absent if one.missing_since is None),
        returned=tuple(
            stored[key].action for key in given if key in stored and stored[key].missing_since is not None
        ),
        withdrawn=tuple(
            one.action
            for one in absent
            if one.missing_since is not None and seen_at - one.missing_since >= PATIENCE
        ),
    )


def _days_of_events(prices: ValidatedPrices, ratios: FloatArray) -> DateArray:
    """The dates of the trusted bars, and of events of sessions that the download has no prices of."""
    is_trusted = np.isnan(ratios)
    dated = np.array([one.ex_date for one in prices.actions], dtype="datetime64[D]")
    without_bar = np.setdiff1d(dated, prices.bars.session_dates)
    return np.union1d(prices.bars.session_dates[is_trusted], without_bar)


def _dividends_in_units(
    actions: Sequence[CorporateAction], rebasing: Rebasing | None
) -> Iterator[CorporateAction]:
    if rebasing is None or not _is_large(rebasing):
        return
    for one in actions:
        if one.kind is ActionKind.DIVIDEND and one.ex_date <= rebasing.through:
            yield replace(one, value=one.value * rebasing.ratio)


def _judged(prices: ValidatedPrices, known: KnownPrices) -> DateArray:
    """All days from the first expected session to the last, for the past without those of stored bars."""
    days = _days_through(prices.expected)
    return np.setdiff1d(days, known.bars.session_dates) if _is_past(prices, known) else days


def _days_through(sessions: DateArray) -> DateArray:
    """All days from the first of the sessions to the last."""
    return np.arange(sessions[0], sessions[-1] + np.timedelta64(1, "D")) if len(sessions) else sessions


def _missing(expected: DateArray, there: DateArray) -> DateArray:
    """The expected sessions without a bar, from the first bar on."""
    if len(there) == 0:
        return expected[:0]
    return np.setdiff1d(expected[expected >= there[0]], there, assume_unique=True)


def _agreeing(bars: Bars, others: Bars, tolerance: float, names: Sequence[str]) -> BoolArray:
    """Which of the (n,) bars have a bar of the same session among the others that agrees in these values."""
    if len(others) == 0:
        return np.zeros(len(bars), dtype=bool)
    place = np.minimum(np.searchsorted(others.session_dates, bars.session_dates), len(others) - 1)
    agrees: BoolArray = others.session_dates[place] == bars.session_dates
    for name in names:
        left, right = getattr(bars, name), getattr(others, name)[place]
        agrees &= np.abs(left - right) <= tolerance * np.maximum(np.abs(left), np.abs(right))
    return agrees


def _overlaid(below: Bars, above: Bars) -> Bars:
    """Bars of every session of the two; where both have one, that of `above`."""
    kept = _at(below, ~np.isin(below.session_dates, above.session_dates))
    order = np.argsort(np.concatenate([kept.session_dates, above.session_dates]))
    joined = {
        name: np.concatenate([getattr(kept, name), getattr(above, name)])[order]
        for name in ("session_dates", *BAR_VALUES)
    }
    return Bars(above.symbol, **joined)


def _at(bars: Bars, rows: BoolArray | npt.NDArray[np.integer[Any]] | slice) -> Bars:
    return Bars(bars.symbol, *(getattr(bars, name)[rows] for name in ("session_dates", *BAR_VALUES)))


def _prices(bars: Bars) -> FloatArray:
    return np.column_stack([getattr(bars, name) for name in OHLC])


def _is_same_value(left: float, right: float) -> bool:
    return abs(left - right) <= ACTION_TOLERANCE * max(abs(left), abs(right))
