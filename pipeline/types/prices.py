"""What is known of prices: as a source gave them, as validation believes them, as the store took them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from pipeline.types.arrays import DateArray, FloatArray
from pipeline.types.bars import OHLC, Bars

if TYPE_CHECKING:
    import pandas as pd

RAW_COLUMNS = ("date_text", "session_date", *OHLC, "adj_close", "volume", "dividend", "split_ratio")


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


class QuarantineCode(StrEnum):
    """Why a row is in quarantine, for programs; the sentence beside it is for people."""

    UNREADABLE_DATE = "unreadable-date"
    NO_SESSION = "no-session"
    NO_PRICES = "no-prices"
    MISSING_PRICE = "missing-price"
    NOT_FINITE = "not-finite"
    NOT_POSITIVE = "not-positive"
    BAD_VOLUME = "bad-volume"
    HIGH_BELOW_LOW = "high-below-low"
    OUTSIDE_RANGE = "outside-range"
    CONFLICT = "conflict"
    WRONG_CURRENCY = "wrong-currency"
    WRONG_TIME_ZONE = "wrong-time-zone"
    HUNDREDFOLD = "hundredfold"
    UNAPPLIED_SPLIT = "unapplied-split"
    PRICE_JUMP = "price-jump"

    @property
    def can_be_released(self) -> bool:
        """May a person say that such a row is right? Not where it has no bar, nor where no row is right."""
        return self not in _NEVER_RELEASED


_NEVER_RELEASED = frozenset(
    {
        *(QuarantineCode.UNREADABLE_DATE, QuarantineCode.NO_SESSION, QuarantineCode.NO_PRICES),
        *(QuarantineCode.MISSING_PRICE, QuarantineCode.NOT_FINITE, QuarantineCode.NOT_POSITIVE),
        *(QuarantineCode.BAD_VOLUME, QuarantineCode.WRONG_CURRENCY, QuarantineCode.WRONG_TIME_ZONE),
    }
)


@dataclass(frozen=True)
class QuarantinedRow:
    """One downloaded row that is kept out of the prices, as it was read, and why."""

    symbol: str
    date_text: str
    session_date: np.datetime64
    """NaT where the date cannot be read."""
    code: QuarantineCode
    reason: str
    """The same in words."""
    row: str
    """The row's values as JSON text."""


class Decision(StrEnum):
    """What a person decides on a row in quarantine: to store it after all, or never to store it."""

    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True)
class DecidedRow:
    """A row in quarantine that a person has decided on, recognised by its date and its prices."""

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
    quarantined: tuple[QuarantinedRow, ...]
    actions: tuple[CorporateAction, ...]
    announced: tuple[CorporateAction, ...]
    """The splits on any row, believed, settled or not: prices may be given in their units already."""
    action_kinds: frozenset[ActionKind]
    """What the source tells of at all: that it tells of no other dividend means something, or not."""
    expected: DateArray
    """The sessions that were asked for and have settled."""
