"""What is known of prices: as a source gave them, as validation believes them, as the store took them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from pipeline.types.arrays import DateArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

RAW_COLUMNS = (
    *("date_text", "session_date"),
    *("open", "high", "low", "close", "adj_close", "volume"),
    *("dividend", "split_ratio"),
)


@dataclass(frozen=True, eq=False)
class RawPrices:
    """What a source hands over, in the source's order, before anything is believed.

    `rows` has exactly the columns RAW_COLUMNS: `date_text` as the source wrote it, `session_date`
    (datetime64, NaT where the text is no date), floats elsewhere with NaN for what the source left out
    (`dividend` and `split_ratio` are NaN throughout when the source does not give them).
    """

    symbol: str
    origin: str
    """Where the rows came from, in words for messages: a file's path, 'Yahoo Finance', 'simulated'."""
    rows: pd.DataFrame
    start: date
    """The first session date that was asked for."""
    currency: str = ""
    """Of the prices, as the source says it; empty where it does not."""
    time_zone: str = ""
    """Of the session dates, as an IANA name; empty where the source does not say."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Validated settled daily bars of one asset: (n,) arrays, dates strictly increasing, no NaN.

    Prices are finite and positive with low <= open, close <= high; volume is finite and >= 0.
    """

    symbol: str
    session_dates: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.session_dates)


@dataclass(frozen=True, eq=False)
class Dividends:
    """Dividends of one asset: (k,) arrays, ex-dates strictly increasing, amounts a share above 0.

    The amounts are in the units of its bars: adjusted for the same splits.
    """

    ex_dates: DateArray
    amounts: FloatArray


@dataclass(frozen=True, eq=False)
class Prices:
    """The bars of one asset and its dividends, both known through the same session."""

    bars: Bars
    dividends: Dividends


class Adjustment(StrEnum):
    """What prices are adjusted for: splits, or dividends too (see `adjust`)."""

    SPLITS = "splits"
    DIVIDENDS = "dividends"


@dataclass(frozen=True)
class RejectedBar:
    """One row that was not believed, as it was read, and why."""

    symbol: str
    date_text: str
    session_date: np.datetime64
    """NaT where the date cannot be read."""
    reason: str
    row: str
    """The row's values as JSON text."""


class Decision(StrEnum):
    """What a person says of a row that was not believed: it is right after all, or never to be believed."""

    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True)
class DecidedRow:
    """A row that somebody has decided on, known again by its date and its prices."""

    session_date: np.datetime64
    prices: tuple[float, float, float, float]
    """Open, high, low, close."""
    decision: Decision


class ActionKind(StrEnum):
    """What a corporate action is."""

    DIVIDEND = "dividend"
    SPLIT = "split"


@dataclass(frozen=True)
class CorporateAction:
    """A dividend (amount a share) or a split (new shares for one old) on its ex-date."""

    symbol: str
    ex_date: np.datetime64
    kind: ActionKind
    value: float

    @property
    def key(self) -> tuple[np.datetime64, ActionKind]:
        """What makes two of one symbol the same event, whatever its value."""
        return (self.ex_date, self.kind)


@dataclass(frozen=True, eq=False)
class ValidatedPrices:
    """What row by row may be believed of one download, and what may not."""

    bars: Bars
    """Empty where no row may be believed."""
    rejected: tuple[RejectedBar, ...]
    actions: tuple[CorporateAction, ...]
    announced: tuple[CorporateAction, ...]
    """The splits on any row, believed, settled or not: prices may be given in their units already."""
    action_kinds: frozenset[ActionKind]
    """What the source tells of at all: that it tells of no other dividend means something, or not."""
    expected: DateArray
    """The sessions that were asked for and have settled."""
