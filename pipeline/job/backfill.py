"""Run the daily job for missed or past days, each day with the knowledge of that day only."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from pipeline.clock import END_OF_DAY, utc_now
from pipeline.errors import RateLimitError, SourceError, UsageError
from pipeline.ingest.rate_limit import RateLimitedBatch
from pipeline.job.daily import Steps, run_daily
from pipeline.job.progress import Progress, silent
from pipeline.job.request import Request, check_as_of
from pipeline.settings import AssetSettings
from pipeline.sources.base import PriceSource
from pipeline.store import Engine
from pipeline.types import RawPrices, RunSummary


@dataclass
class DownloadedOnce:
    """Prices of another source, downloaded once for each asset, and again only for an earlier start.

    Validation hides from each day's run what had not settled by then.
    """

    origin: PriceSource
    newest: datetime
    name: str
    batch: RateLimitedBatch
    """Shared by all days: once its pauses are used up, later days do not wait for the source again."""
    seen: dict[str, RawPrices] = field(default_factory=dict)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        seen = self.seen.get(asset.symbol)
        if seen is None or start < seen.start:
            seen = self.seen[asset.symbol] = self._asked(asset, start)
        is_before = seen.rows["session_date"] < np.datetime64(start, "D")
        return replace(seen, rows=seen.rows[~is_before], start=start)

    def _asked(self, asset: AssetSettings, start: date) -> RawPrices:
        try:
            return self.batch.ask(asset.symbol, lambda: self.origin.download(asset, start, self.newest))
        except RateLimitError as error:
            raise SourceError(*error.args) from error


def run_backfill(
    request: Request,
    first: date,
    source: PriceSource,
    store: Engine,
    run_steps: Steps | None = None,
    progress: Progress = silent,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[RunSummary, ...]:
    """Run the daily job for every day from `first` to the day of `request.as_of`, in order.

    Each day's `as_of` is its 23:59:59 UTC. What a day has issued already stays as it is.
    """
    if first > request.as_of.date():
        raise UsageError(
            f"--from {first} lies after --to {request.as_of:%Y-%m-%d}", "Give the earlier day to --from."
        )
    check_as_of(request.as_of, clock())
    once = DownloadedOnce(
        source, request.as_of, source.name, RateLimitedBatch(source.name, request.settings.download)
    )
    days = [first + timedelta(days=n) for n in range((request.as_of.date() - first).days + 1)]
    moments = [min(datetime.combine(day, END_OF_DAY, UTC), request.as_of) for day in days]
    every_day = run_steps or Steps()
    with every_day.workers(request.settings) as workers:
        same_workers = replace(every_day, workers=lambda _: nullcontext(workers))
        return tuple(
            run_daily(replace(request, as_of=moment), once, store, same_workers, progress, clock)
            for moment in moments
        )
