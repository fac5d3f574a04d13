"""How a download is compared with what is stored, and what it changes there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.types.arrays import DateArray
from pipeline.types.bars import Bars
from pipeline.types.prices import CorporateAction, DecidedRow, QuarantinedRow


@dataclass(frozen=True)
class KnownAction:
    """A stored corporate action, and since when its source no longer gives it (None: it does)."""

    action: CorporateAction
    missing_since: datetime | None


@dataclass(frozen=True, eq=False)
class KnownPrices:
    """What is stored of an asset before a download is compared with it."""

    bars: Bars
    actions: tuple[KnownAction, ...]
    decided: tuple[DecidedRow, ...]
    waiting: Bars
    """Rows in quarantine that nobody has decided on, each widened to its prices and without a volume."""


@dataclass(frozen=True)
class Asked:
    """How far the downloads of an asset have come; NaT where there is no such session."""

    asked_from: np.datetime64
    """The first session date that was ever asked for."""
    newest: np.datetime64
    """The newest stored bar."""
    oldest_doubt: np.datetime64
    """The oldest session to be asked for again: a gap, a released row, a vanished event."""


@dataclass(frozen=True)
class Restatement:
    """A download that shows a whole history in other units: the whole of it has to be asked for."""

    symbol: str
    why: str


@dataclass(frozen=True)
class Rebasing:
    """A history that is given in other units up to and including a session."""

    through: np.datetime64
    ratio: float
    """New close for one of the old."""


@dataclass(frozen=True)
class ActionChanges:
    """What one download changes of the stored corporate actions."""

    given: tuple[CorporateAction, ...]
    """New ones, and those whose value has changed."""
    vanished: tuple[CorporateAction, ...]
    """Stored ones that the source does not give any more, for the first time."""
    returned: tuple[CorporateAction, ...]
    """Stored ones that it gives again."""
    withdrawn: tuple[CorporateAction, ...]
    """Stored ones that it has not given for so long that they are no longer believed."""


@dataclass(frozen=True, eq=False)
class PriceChanges:
    """What one download changes of what is stored."""

    symbol: str
    bars: Bars
    """New bars, and those that differ from the stored ones."""
    n_new: int
    n_revised: int
    """Stored bars that differ otherwise than by the re-basing."""
    rebasing: Rebasing | None
    n_rebased: int
    quarantined: tuple[QuarantinedRow, ...]
    judged: DateArray
    """The dates that the download tells of: what was rejected of them before, and is not now, is resolved."""
    actions: ActionChanges
    missing: DateArray
    """Expected sessions without a bar, stored ones included."""
    n_contradicting: int = 0
    """Bars off the trusted price level on sessions that have a stored one."""


@dataclass(frozen=True)
class IngestSummary:
    """What one download changed in the store, and how the history stands."""

    symbol: str
    new: int
    revised: int
    newly_quarantined: int
    missing: int
    rebased: float | None
    """New close for one of the old where the history came in other units; None where it did not."""
    newest_session: np.datetime64
    first_session: np.datetime64
    n_gaps: int
    """Sessions without a bar since the first one, those of earlier downloads included."""
    commonest_reason: str
    """Of the newly quarantined rows; empty where there are none."""
    in_quarantine: int
    """Rows that wait for a decision, those of earlier downloads included."""
