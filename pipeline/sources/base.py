"""The interface between the daily job and a price source."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from pipeline.settings import AssetSettings
from pipeline.types import CheckResult, RawPrices


class PriceSource(Protocol):
    """A provider of daily price rows, one asset at a time, without validation.

    An adapter translates the provider's format into `RawPrices` and the provider's failures into the errors
    below. It neither retries, which the caller does, nor repairs data, which nothing does.
    """

    name: str
    """The name in the configuration, with the real path where it has one: `yahoo`, `csv:/home/me/prices`."""

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """Download the rows of `asset` from session date `start` on, at least one, in the source's order.

        Rows whose date cannot be read are included. Rows of sessions that are not settled at `as_of` (a
        timezone-aware time) may be included; validation removes them. Prices are split-adjusted to the
        basis of the newest row, and not adjusted for dividends, if the source adjusts prices at all.

        Raises SourceError if the source has no prices of the asset, TransientSourceError if a later attempt
        may succeed, RateLimitError if the source demands fewer requests. All of them can be pickled.
        """
        ...


class CheckedSource(PriceSource, Protocol):
    """A price source that can say whether it is ready."""

    def check(self, symbols: Collection[str]) -> CheckResult:
        """Check that files or folders which the source needs for `symbols` are there. Downloads nothing."""
        ...
