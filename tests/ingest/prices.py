"""Prices as a source gives them and as they are stored, made for tests that compare the two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from pipeline.types import (
    ActionKind,
    Bars,
    CorporateAction,
    DecidedRow,
    Decision,
    KnownAction,
    KnownPrices,
    PriceChanges,
    ValidatedPrices,
)
from tests.made import DAY, FIRST, made_bars

NOW = datetime(2025, 1, 1, tzinfo=UTC)
PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
BOTH = frozenset(ActionKind)
SILENT = frozenset[ActionKind]()
"""The events that a source tells of, where it tells of all kinds and of none."""
N = 60
"""The bars of a usual history."""
NOTHING = made_bars(0)


def rows_of(bars: Bars, rows: slice | Sequence[int] | npt.NDArray[np.intp]) -> Bars:
    """From bars and the numbers of rows, take the bars of these rows."""
    values = (getattr(bars, name)[rows] for name in ("session_dates", *VALUES))
    return Bars(bars.symbol, *values)


def part_of(bars: Bars, rows: Iterable[int]) -> Bars:
    """From bars and numbers of rows in any order, take the bars of those that exist, oldest first."""
    return rows_of(bars, sorted(row for row in rows if row < len(bars)))


def times(bars: Bars, factor: float, rows: slice = slice(None)) -> Bars:
    """From bars, make those with the prices of some rows multiplied by a factor, and the volumes divided."""
    factors = np.ones(len(bars))
    factors[rows] = factor
    prices = {name: getattr(bars, name) * factors for name in PRICES}
    return replace(bars, **prices, volume=bars.volume / factors)


def times_each(bars: Bars, factors: Mapping[int, float]) -> Bars:
    """From bars and a factor for each of some rows, make the bars with these rows multiplied likewise."""
    for row, factor in factors.items():
        bars = times(bars, factor, slice(row, row + 1))
    return bars


def noisy(bars: Bars, seed: int, size: float) -> Bars:
    """From bars, make those with every value moved by chance, by a share of at most `size`."""
    rng = np.random.default_rng(seed)
    wobble = {name: getattr(bars, name) * (1 + rng.uniform(-size, size, len(bars))) for name in VALUES}
    return replace(bars, **wobble)


def action(row: int, kind: ActionKind = ActionKind.DIVIDEND, value: float = 0.5) -> CorporateAction:
    """From the number of a row, make an event on its session: a dividend of 0.5, or what is asked for."""
    return CorporateAction("MADE", FIRST + row * DAY, kind, value)


def split(row: int, value: float = 4.0) -> CorporateAction:
    """From the number of a row, make a split on its session, of so many new shares for an old one."""
    return action(row, ActionKind.SPLIT, value)


def downloaded(
    bars: Bars,
    *actions: CorporateAction,
    announced: tuple[CorporateAction, ...] = (),
    kinds: frozenset[ActionKind] = BOTH,
    expected: int = 0,
    early: tuple[CorporateAction, ...] = (),
) -> ValidatedPrices:
    """From bars and events, make a download that was to bring them, and all days before row `expected`."""
    splits = tuple(one for one in actions if one.kind is ActionKind.SPLIT)
    sessions = np.union1d(bars.session_dates, FIRST + np.arange(expected))
    return ValidatedPrices(bars, (), actions, early, (*splits, *announced), kinds, sessions)


def stored(
    bars: Bars,
    *actions: CorporateAction,
    missing_since: datetime | None = None,
    decided: tuple[DecidedRow, ...] = (),
    waiting: Bars = NOTHING,
) -> KnownPrices:
    """From bars and events, make what is known of an asset that has these stored."""
    return KnownPrices(bars, tuple(KnownAction(one, missing_since) for one in actions), decided, waiting)


def decision(bars: Bars, row: int, what: Decision = Decision.RELEASED, days_later: int = 1) -> DecidedRow:
    """From bars and the number of a row, make the decision of a person on that bar, some days later."""
    opened, high, low, close = (float(getattr(bars, name)[row]) for name in PRICES)
    return DecidedRow(
        bars.session_dates[row], (opened, high, low, close), what, bars.session_dates[row] + days_later * DAY
    )


def counts(changes: PriceChanges) -> tuple[int, int, int, int]:
    """From changes, count the new, revised, re-based and rejected bars."""
    return changes.n_new, changes.n_revised, changes.n_rebased, len(changes.quarantined)


def after(known: Bars, changes: PriceChanges) -> Bars:
    """From stored bars and changes, make the bars that are stored once the changes are applied."""
    kept = rows_of(known, np.flatnonzero(~np.isin(known.session_dates, changes.bars.session_dates)))
    columns = {
        name: np.concatenate([getattr(kept, name), getattr(changes.bars, name)])
        for name in ("session_dates", *VALUES)
    }
    order = np.argsort(columns["session_dates"])
    return Bars(known.symbol, **{name: values[order] for name, values in columns.items()})


def assert_same(found: Bars, wanted: Bars, tolerance: float = 1e-12) -> None:
    """From two histories, fail unless sessions are the same, and values up to a relative tolerance."""
    np.testing.assert_array_equal(found.session_dates, wanted.session_dates)
    for name in VALUES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=tolerance)
