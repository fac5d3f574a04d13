"""Prices: as downloaded, as validated, and rows in quarantine with the decisions on them."""

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
"""The columns of `RawPrices.rows`."""


@dataclass(frozen=True, eq=False)
class RawPrices:
    """The rows of one download, in the source's order, before validation.

    `rows` has exactly the columns RAW_COLUMNS: `date_text` as the source wrote it, `session_date`
    (datetime64, NaT where the text is not a date), floats elsewhere with NaN for missing values
    (`dividend` and `split_ratio` are all NaN when the source does not provide them).
    """

    symbol: str
    origin: str
    """The name of the source for messages: a file's path, 'Yahoo Finance', 'simulated'."""
    rows: pd.DataFrame
    start: date
    """The first session date that was requested."""
    currency: str = ""
    """The currency of the prices as stated by the source; empty when it states none."""
    time_zone: str = ""
    """The IANA time zone of the session dates as stated by the source; empty when it states none."""


@dataclass(frozen=True, eq=False)
class Dividends:
    """Dividends of one asset: (k,) arrays, ex-dates strictly increasing, amounts per share above 0.

    The amounts are on the price basis of the bars: adjusted for the same splits.
    """

    ex_dates: DateArray
    amounts: FloatArray


@dataclass(frozen=True, eq=False)
class Prices:
    """The bars and dividends of one asset, up to the same session."""

    bars: Bars
    dividends: Dividends


class Adjustment(StrEnum):
    """What prices are adjusted for: SPLITS only, or splits and DIVIDENDS (see `learn.adjust`)."""

    SPLITS = "splits"
    DIVIDENDS = "dividends"


class QuarantineCode(StrEnum):
    """The reason why a row is quarantined, as a code for programs."""

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
        """Return whether a person may release a row with this code.

        A row cannot be released when it does not contain a valid bar of a session, or when its whole
        download has the wrong currency or time zone.
        """
        return self not in _NEVER_RELEASED


_NEVER_RELEASED = frozenset(
    {
        *(QuarantineCode.UNREADABLE_DATE, QuarantineCode.NO_SESSION, QuarantineCode.NO_PRICES),
        *(QuarantineCode.MISSING_PRICE, QuarantineCode.NOT_FINITE, QuarantineCode.NOT_POSITIVE),
        *(QuarantineCode.BAD_VOLUME, QuarantineCode.WRONG_CURRENCY, QuarantineCode.WRONG_TIME_ZONE),
    }
)


@dataclass(frozen=True)
class QuarantineReason:
    """Why a row is quarantined: a code for programs, and words for people."""

    code: QuarantineCode
    words: str


@dataclass(frozen=True)
class QuarantinedRow:
    """A downloaded row that is doubted and not stored as a price, with the reason."""

    symbol: str
    date_text: str
    session_date: np.datetime64
    """NaT when the date cannot be parsed."""
    code: QuarantineCode
    reason: str
    """The reason in words."""
    row: str
    """The row's values as JSON text."""


class Decision(StrEnum):
    """A person's decision on a quarantined row: to store it (RELEASED) or never to store it (REJECTED)."""

    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True)
class DecidedRow:
    """A quarantined row that a person has decided on; its date and prices identify it in later downloads."""

    session_date: np.datetime64
    prices: tuple[float, float, float, float]
    """Open, high, low, close; NaN for a missing price."""
    decision: Decision
    in_units_of: np.datetime64
    """The UTC date in whose units the prices are: splits with a later ex-date may have divided them since.

    For a released row, the day it was first downloaded; for a rejected row, the day of the decision: a bar
    that the source corrects by a split before that day is another bar.
    """


class ActionKind(StrEnum):
    """The kind of a corporate action."""

    DIVIDEND = "dividend"
    SPLIT = "split"


@dataclass(frozen=True)
class CorporateAction:
    """A dividend (`value`: amount per share) or split (`value`: new shares per old share) on its ex-date."""

    symbol: str
    ex_date: np.datetime64
    kind: ActionKind
    value: float

    @property
    def key(self) -> tuple[np.datetime64, ActionKind]:
        """Return what identifies the action among those of its symbol: ex-date and kind, not the value."""
        return (self.ex_date, self.kind)


@dataclass(frozen=True, eq=False)
class ValidatedPrices:
    """One download after validation: accepted bars, quarantined rows and corporate actions."""

    bars: Bars
    """The accepted bars; empty when no row was accepted."""
    quarantined: tuple[QuarantinedRow, ...]
    actions: tuple[CorporateAction, ...]
    """The corporate actions on accepted rows."""
    early_actions: tuple[CorporateAction, ...]
    """The corporate actions of sessions that have a row without any price, and no other row."""
    announced: tuple[CorporateAction, ...]
    """The splits on all downloaded rows, including rows that are quarantined or not settled yet.

    A source may adjust earlier prices for a split before the bar of its ex-date is settled.
    """
    action_kinds: frozenset[ActionKind]
    """The kinds of corporate action that the source lists.

    For these kinds, a stored action that is missing from the download has vanished from the source.
    """
    expected: DateArray
    """The requested sessions that have settled."""
