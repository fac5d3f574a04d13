"""One run of the daily job, as every step sees it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.calendars import TradingCalendar, trading_calendar
from pipeline.settings import AssetSettings, Settings
from pipeline.sources.base import PriceSource
from pipeline.store import Engine
from pipeline.types import Failure


@dataclass(frozen=True, eq=False)
class Moment:
    """What is asked for, and the moment whose knowledge may be used."""

    settings: Settings
    as_of: datetime

    def calendar(self, asset: AssetSettings) -> TradingCalendar:
        return trading_calendar(asset.calendar, self.settings.settle_minutes(asset.calendar))

    def newest_settled(self, asset: AssetSettings) -> np.datetime64:
        return self.calendar(asset).last_settled(self.as_of)


@dataclass(frozen=True, eq=False)
class Job(Moment):
    """One run of the daily job: what it may know (`as_of`) and when it really runs (`started_at`)."""

    run_id: int
    source: PriceSource
    store: Engine
    started_at: datetime


@dataclass(frozen=True)
class Outcome:
    """How many rows a step stored, and which models it failed for."""

    count: int
    failures: tuple[Failure, ...] = ()
