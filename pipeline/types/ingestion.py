"""The stored prices that ingestion compares a download with, and the changes that the download makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.types.arrays import DateArray
from pipeline.types.bars import Bars
from pipeline.types.prices import CorporateAction, DecidedRow, QuarantinedRow


@dataclass(frozen=True)
class KnownAction:
    """A stored corporate action, and since when its source no longer lists it (None: it is listed)."""

    action: CorporateAction
    missing_since: datetime | None


@dataclass(frozen=True, eq=False)
class KnownPrices:
    """The stored prices of an asset that a download is compared with."""

    bars: Bars
    actions: tuple[KnownAction, ...]
    decided: tuple[DecidedRow, ...]
    """Quarantined rows that a person has released or rejected."""
    undecided: Bars
    """Quarantined rows that wait for a decision, as bars.

    High and low are the extremes of the row's four prices; volumes are 0.
    """


@dataclass(frozen=True)
class DownloadHistory:
    """Which sessions of an asset are downloaded, and which have to be downloaded again; NaT for none."""

    asked_from: np.datetime64
    """The earliest session date that a download has started from."""
    newest: np.datetime64
    """The session date of the newest stored bar."""
    recheck_from: np.datetime64
    """The oldest session that has to be downloaded again.

    It is a gap, has a released row that is not stored yet or an undecided row that contradicts a stored bar,
    or is the ex-date of a corporate action that the source no longer lists.
    """


@dataclass(frozen=True)
class Restatement:
    """The finding that a source has changed the units of a history: all of it has to be downloaded again."""

    symbol: str
    why: str
    """The evidence, in words for messages."""


@dataclass(frozen=True)
class Rebasing:
    """A change of the units (the price basis) of a history, up to and including a session."""

    through: np.datetime64
    ratio: float
    """New close divided by old close."""


@dataclass(frozen=True)
class ActionChanges:
    """What one download changes in the stored corporate actions."""

    given: tuple[CorporateAction, ...]
    """New actions, and stored actions with a changed value."""
    vanished: tuple[CorporateAction, ...]
    """Stored actions that the source has stopped listing with this download."""
    returned: tuple[CorporateAction, ...]
    """Stored actions that the source lists again."""
    withdrawn: tuple[CorporateAction, ...]
    """Stored actions that the source has not listed for so long that they become superseded."""


@dataclass(frozen=True, eq=False)
class PriceChanges:
    """What one download changes in the stored prices of an asset."""

    symbol: str
    bars: Bars
    """New bars, and bars that differ from the stored ones."""
    n_new: int
    n_revised: int
    """Stored bars that change for another reason than the re-basing."""
    rebasing: Rebasing | None
    n_rebased: int
    """Stored bars that change by the re-basing."""
    quarantined: tuple[QuarantinedRow, ...]
    checked_dates: DateArray
    """The dates that the download covers.

    Rows of these dates that were quarantined by an earlier download, and are not by this one, are resolved.
    """
    actions: ActionChanges
    missing: DateArray
    """Expected sessions for which neither the download nor the store has a bar."""
    n_contradicting: int = 0
    """Quarantined bars, off the trusted price level, of sessions that have a stored bar."""


@dataclass(frozen=True)
class IngestSummary:
    """What one download changed in the store, and the state of the stored history afterwards."""

    symbol: str
    new: int
    revised: int
    newly_quarantined: int
    missing: int
    """Newly recorded gaps: expected sessions without a bar."""
    rebased: float | None
    """New close divided by old close where the history was re-based; None where it was not."""
    newest_session: np.datetime64
    first_session: np.datetime64
    n_gaps: int
    """Expected sessions without a bar, including those of earlier downloads."""
    commonest_reason: str
    """The most frequent reason of the newly quarantined rows; empty without such rows."""
    in_quarantine: int
    """Quarantined rows that wait for a decision, including those of earlier downloads."""
