"""Read the stored prices of an asset and of its leads, and build the features of a model from them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from pipeline.calendars import TradingCalendar, calendar_of
from pipeline.errors import HistoryError
from pipeline.learn.adjust import adjusted
from pipeline.learn.features import LeadCloses, build_features, known_closes, segments
from pipeline.models.base import ModelConfig
from pipeline.settings import AssetSettings, Settings
from pipeline.timings import timed
from pipeline.types import DateArray, Features, Prices, Work, closes_on


@dataclass(frozen=True, eq=False)
class PointInTime:
    """The settings of a run and its `as_of`: only bars settled by that time may be used."""

    settings: Settings
    as_of: datetime

    def calendar(self, asset: AssetSettings) -> TradingCalendar:
        """Open the asset's trading calendar."""
        return calendar_of(asset, self.settings)

    def newest_settled(self, asset: AssetSettings) -> np.datetime64:
        """Find the asset's newest session that had settled by `as_of`."""
        return self.calendar(asset).last_settled(self.as_of)


@dataclass(frozen=True, eq=False)
class SettledPrices:
    """The prices of one asset through `newest`, its newest settled session."""

    asset: AssetSettings
    calendar: TradingCalendar
    newest: np.datetime64
    prices: Prices


@dataclass(frozen=True, eq=False)
class History:
    """The prices of an asset and of its leads and spreads, each read once."""

    own: SettledPrices
    settled_at: DateArray
    """The times (n,) at which the asset's own bars settled."""
    others: tuple[SettledPrices, ...]

    @property
    def asset(self) -> AssetSettings:
        return self.own.asset


def read_history(
    known: PointInTime, asset: AssetSettings, prices_of: Callable[[str, np.datetime64], Prices]
) -> History:
    """Read what was known of an asset at a point in time; `prices_of` reads prices through a session."""

    def settled(one: AssetSettings) -> SettledPrices:
        newest = known.newest_settled(one)
        return SettledPrices(one, known.calendar(one), newest, prices_of(one.symbol, newest))

    own = settled(asset)
    others = tuple(settled(known.settings.asset(symbol)) for symbol in known.settings.needed_symbols(asset))
    return History(own, own.calendar.settled_at(own.prices.bars.session_dates), others)


@timed(Work.TRANSFORM)
def features_of(history: History, config: ModelConfig) -> Features:
    """Build the features of a model from a history; HistoryError if an asset has no prices."""
    own = history.own
    traded = own.prices.bars
    if len(traded) == 0:
        raise HistoryError(
            own.asset.symbol, "no price bars are stored", "Download its prices first: pricecast download."
        )
    bars = adjusted(own.prices, config.adjust)
    expected = own.calendar.sessions(bars.session_dates[0], bars.session_dates[-1])
    numbers = segments(bars.session_dates, bars.session_dates if config.bridge_gaps else expected)
    known = {one.asset.symbol: one for one in history.others}
    wanted = [symbol for symbol in config.leads if not config.chooses_leads or len(known[symbol].prices.bars)]
    leads = [_closes_of(history, config, known[symbol]) for symbol in wanted]
    spreads = [_closes_of(history, config, known[symbol]) for symbol in config.spreads]
    features = build_features(bars, numbers, config.features, config.difference, leads, spreads)
    return replace(features, traded_closes=traded.close)


def _closes_of(history: History, config: ModelConfig, other: SettledPrices) -> LeadCloses:
    """Select another asset's closes as known at each session of the history."""
    bars = adjusted(other.prices, config.adjust)
    if len(bars) == 0:
        symbol, lacking = history.asset.symbol, other.asset.symbol
        raise HistoryError(
            symbol,
            f"{lacking}, a lead or spread of {config.name}, has no prices",
            f"Make {lacking} available at the source, or remove it from the leads and spreads of {symbol}.",
        )
    expected = other.calendar.sessions(bars.session_dates[0], other.newest)
    dates = bars.session_dates if config.bridge_gaps else expected
    closes = closes_on(dates, bars.session_dates, bars.close)
    return known_closes(other.asset.symbol, closes, other.calendar.settled_at(dates), history.settled_at)
