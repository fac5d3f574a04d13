"""Re-basing: a download that gives the stored history in other units, after a split for instance.

A split of 4:1 divides all earlier prices by 4; a source that adjusts for dividends multiplies them by a ratio
just below 1. In both cases every older bar differs from the stored bar by the same ratio.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from pipeline.ingest.jumps import (
    ACCEPTED_AFTER,
    NEAR_THREE_FOR_TWO,
    SPLIT_DAY_MOVE,
    SPLITS,
    THREE_FOR_TWO,
    jumps,
)
from pipeline.types import (
    OHLC,
    ActionKind,
    Bars,
    BoolArray,
    CorporateAction,
    DateArray,
    FloatArray,
    KnownPrices,
    Rebasing,
    ValidatedPrices,
    agreeing,
    closes_on,
    overlaid,
)

LEAST_RATIO, RATIO_TOLERANCE = 2e-4, 1e-4
"""In logarithms: the smallest ratio that counts as other units, and how far single bars may differ."""
FEWEST_COMMON = 3
"""So many of the oldest common bars have to agree on a ratio; with fewer bars, all on a large ratio."""
LARGE_RATIO = float(np.log(THREE_FOR_TWO * (1.0 - NEAR_THREE_FOR_TWO)))
"""In logarithms: a re-basing of this size is accepted only if a split explains it."""
NEAR_SPLIT = 0.02
"""In logarithms: the largest distance of a measured ratio from the ratio of splits that explain it."""
ROUNDING_LEVEL = 0.003
"""Two-sided level of the t-test that the mean ratio of the bars is the ratio of splits."""


def measured_units(bars: Bars, known: Bars) -> Rebasing | None:
    """Measure the ratio that the oldest common bars, and at least half of all, share; None without such."""
    common, ratios = _log_ratios(bars, known)
    if len(common) == 0 or len(common) < min(len(known), FEWEST_COMMON):
        return None
    ratio = float(np.median(ratios[:FEWEST_COMMON]))
    differs = np.abs(ratios - ratio) > max(RATIO_TOLERANCE, NEAR_SPLIT * abs(ratio))
    length = int(np.argmax(differs)) if differs.any() else len(common)
    is_short = len(common) < FEWEST_COMMON
    if abs(ratio) < (LARGE_RATIO if is_short else LEAST_RATIO) or length < min(len(common), FEWEST_COMMON):
        return None
    if 2 * length < len(common):
        return None
    return Rebasing(common[length - 1], float(np.exp(ratio)))


def accepted_units(measured: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> Rebasing | None:
    """Decide whether to re-base the stored history by the measured ratio; None where not.

    A large ratio is accepted only if splits explain it and no bar contradicts it. The exact ratio of splits
    replaces a measured ratio that differs from it by the rounding of prices only.
    """
    splits = _ratio_of_splits(measured, prices, known)
    if splits is None:
        return None if is_large(measured) else measured
    is_exact = _is_rounding(splits, measured, prices.bars, known.bars)
    rebasing = replace(measured, ratio=splits) if is_exact else measured
    is_refused = is_large(rebasing) and _is_contradicted(rebasing, prices.bars, known.bars)
    return None if is_refused else rebasing


def is_large(rebasing: Rebasing) -> bool:
    """Is the ratio so large that a split has to explain it?"""
    return bool(abs(np.log(rebasing.ratio)) >= LARGE_RATIO)


def in_units(known: Bars, rebasing: Rebasing) -> Bars:
    """Convert the bars through the re-basing's session to their new units; a split changes the volume too."""
    is_old = known.session_dates <= rebasing.through
    factor = np.where(is_old, rebasing.ratio, 1.0)
    prices = {name: getattr(known, name) * factor for name in OHLC}
    return replace(known, **prices, volume=known.volume / factor if is_large(rebasing) else known.volume)


def is_rebased(changed: Bars, basis: Bars, rebasing: Rebasing | None) -> BoolArray:
    """Find which of the (n,) changed bars differ from the stored bars by the re-basing alone."""
    if rebasing is None:
        return np.zeros(len(changed), dtype=bool)
    tolerance = max(RATIO_TOLERANCE, NEAR_SPLIT * abs(float(np.log(rebasing.ratio))))
    is_old = changed.session_dates <= rebasing.through
    return is_old & agreeing(changed, basis, tolerance, OHLC)


def _log_ratios(bars: Bars, known: Bars) -> tuple[DateArray, FloatArray]:
    """Compare the closes of the k common sessions: their (k,) dates, and the (k,) ratios in logarithms."""
    stored = closes_on(bars.session_dates, known.session_dates, known.close)
    common = np.isfinite(stored)
    return bars.session_dates[common], np.log(bars.close[common] / stored[common])


def _is_rounding(splits: float, measured: Rebasing, bars: Bars, known: Bars) -> bool:
    """Is the ratio of splits that of the common bars, but for the rounding of their prices?

    Rounding to cents changes the ratio of a single bar by 0.1% and more, but hardly the mean of many: a mean
    within RATIO_TOLERANCE is that of the splits, and a t-test decides on others. With one common bar there is
    nothing to test, and the ratio of splits is taken.
    """
    sessions, ratios = _log_ratios(bars, known)
    ratios = ratios[sessions <= measured.through]
    if len(ratios) == 1:
        return True
    error = float(
        stdtrit(len(ratios) - 1, 1.0 - ROUNDING_LEVEL / 2.0) * ratios.std(ddof=1) / np.sqrt(len(ratios))
    )
    return bool(abs(ratios.mean() - np.log(splits)) < max(RATIO_TOLERANCE, error))


def _ratio_of_splits(measured: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> float | None:
    """Find the ratio of splits, or of splits that the source has taken back, near the measured; else None.

    A source that reports no splits at all is given the benefit of any usual split, if all stored bars show
    it, or ACCEPTED_AFTER of them in a download of at least as many bars.
    """
    if ActionKind.SPLIT in prices.action_kinds:
        given = _log_of_splits(prices.announced, measured.through)
        stored = _log_of_splits([one.action for one in known.actions], measured.through)
        ratios = np.array([-given, stored - given])
    else:
        ratios = _usual_ratios(measured, prices, known)
    ratios = ratios[np.abs(ratios) > NEAR_SPLIT]  # splits that cancel each other explain nothing
    distances = np.abs(ratios - np.log(measured.ratio))
    if len(ratios) == 0 or distances.min() >= NEAR_SPLIT:
        return None
    return float(np.exp(ratios[np.argmin(distances)]))


def _usual_ratios(measured: Rebasing, prices: ValidatedPrices, known: KnownPrices) -> FloatArray:
    """List the ratios of usual splits, in logarithms, if enough bars show the measured ratio; else none."""
    common = np.isin(prices.bars.session_dates, known.bars.session_dates)
    n_shown = int((prices.bars.session_dates[common] <= measured.through).sum())
    if len(prices.bars) < ACCEPTED_AFTER or n_shown < min(len(known.bars), ACCEPTED_AFTER):
        return np.array([])
    usual = np.log([*SPLITS, THREE_FOR_TWO])
    return np.concatenate([usual, -usual])


def _log_of_splits(actions: Sequence[CorporateAction], after: np.datetime64) -> float:
    splits = [one.value for one in actions if one.kind is ActionKind.SPLIT and one.ex_date > after]
    return float(np.log(splits).sum())


def _is_contradicted(rebasing: Rebasing, bars: Bars, known: Bars) -> bool:
    """Would the stored history jump where it did not before, or do new bars come in its old units?"""
    then = overlaid(in_units(known, rebasing), bars)
    jumped = known.session_dates[np.isfinite(_jumps_alone(known))]
    ratios = np.log(_jumps_alone(then))
    is_news = np.isfinite(ratios) & ~np.isin(then.session_dates, jumped)
    is_in_old_units = np.abs(ratios + np.log(rebasing.ratio)) < SPLIT_DAY_MOVE
    return bool((is_news & (is_in_old_units | np.isin(then.session_dates, known.session_dates))).any())


def _jumps_alone(bars: Bars) -> FloatArray:
    return jumps(bars, np.full(len(bars), np.nan), np.zeros(len(bars), dtype=bool))
