"""The contract between the daily job and wherever prices come from."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from pipeline.settings import AssetSettings
from pipeline.types import CheckResult, RawPrices


class PriceSource(Protocol):
    """Something that hands over the daily rows of one asset at a time, unjudged.

    An adapter translates its provider's quirks into `RawPrices` and its provider's failures into the
    errors below, and nothing more: it neither retries (the caller does) nor repairs (nobody does).
    """

    name: str
    """As the configuration spells it: `yahoo`, `csv:PATH`, `simulated`."""

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """The rows of `asset` whose session date is `start` or later, at least one, in the source's order.

        Rows whose date cannot be read are kept. Rows of sessions that are not settled at `as_of` (an
        aware moment) may be among them: validation hides those. Prices are in the units of the newest
        row (split-adjusted), not adjusted for dividends, as far as the source does so.

        Raises SourceError when the asset cannot be had; TransientSourceError when asking again later may
        help; RateLimitError when the source wants fewer requests. All of them survive pickling.
        """
        ...

    def check(self, symbols: Collection[str]) -> CheckResult:
        """Is there what the source needs of this computer to give prices of `symbols`? Downloads nothing."""
        ...
