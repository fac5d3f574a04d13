"""Sixty days of the daily job on a local Yahoo that fails a third of the time, and lies as often."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import numpy as np
import pytest

from tests.faults.world import (
    COIN,
    OTHER,
    SETTINGS,
    STRUCK,
    Bars,
    World,
    difference,
    impatient,
    usual_market,
    world_in,
)
from tests.yahoo.authority import make_authority
from tests.yahoo.distortions import (
    EVERY_DAY,
    Before,
    Distortion,
    EventsHidden,
    HighBelowLow,
    Noise,
    NotRestated,
    NullRows,
    Priced,
    Scaled,
    Shifted,
    Withheld,
    WrongCurrency,
    WrongZone,
)
from tests.yahoo.faults import Fault
from tests.yahoo.market import Market

pytestmark = pytest.mark.faults

SYMBOLS = (COIN, STRUCK, OTHER)
DAYS = 60
START = date(2025, 5, 12)
"""Memorial Day, Juneteenth, a half-day and Independence Day follow within DAYS."""
SPLIT_DATE = date(2025, 6, 3)
EVE = datetime.combine(SPLIT_DATE, clock_time(0), UTC)
SHARE = 1 / 3
"""Of the requests that fail, and of the answers that lie."""
HOURS = (14, 18, 22)
"""In UTC: before and after noon in New York, and in the evening. The coin's day is open at all of them."""
FAULTS = (
    *(Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.UNAUTHORIZED, Fault.NOT_FOUND),
    *(Fault.SLOW, Fault.SILENCE, Fault.RESET, Fault.TRUNCATED, Fault.NO_RESULT, Fault.EMPTY, Fault.ODD_SHAPE),
)
LIGHT = impatient(SETTINGS.model_copy(update={"models": ("ridge",), "horizons": 1}))
NOISE = 1e-6
"""Relative; two downloads of one price differ by less."""


@pytest.fixture
def market() -> Market:
    market = usual_market()
    market.series[STRUCK] = replace(
        market.series[STRUCK], splits={SPLIT_DATE: (4, 1)}, dividends={date(2025, 5, 20): 0.6}
    )
    market.series[OTHER] = replace(market.series[OTHER], dividends={date(2025, 6, 17): 1.1})
    return market


class Mischief:
    """What goes wrong on each day, drawn from a seed."""

    def __init__(self, market: Market, seed: int) -> None:
        self._market = market
        self._rng = np.random.default_rng(seed)
        self.met = 0
        """How many requests have met a fault."""

    def strike(self, now: datetime, known: Collection[str]) -> Mapping[str, Distortion]:
        """Prepare the faults of the run at `now`; gives what is told wrongly of which assets.

        Whole histories are in wrong units only of `known` assets: of others, nobody could tell.
        """
        self._market.heal()
        self._market.fail_by(self._fault)
        struck = [symbol for symbol in self._market.series if self._rng.random() < SHARE]
        lies = {symbol: self._lie(symbol, now, is_known=symbol in known) for symbol in struck}
        for symbol, lie in lies.items():
            self._market.distort(symbol, lie)
        return lies

    def _fault(self, number: int) -> Fault | None:
        if self._rng.random() >= SHARE:
            return None
        self.met += 1
        return FAULTS[self._rng.integers(len(FAULTS))]

    def _lie(self, symbol: str, now: datetime, *, is_known: bool) -> Distortion:
        series = self._market.series[symbol]
        told = [bar.day for bar in series.bars if series.hours.opening(bar.day) <= now]
        # A row under the date of the newest one would hide that from yfinance, and nobody could tell.
        earlier = told[-1 - self._rng.choice([0, 3, 4, 7, 15])]
        days = {earlier, told[-1 - self._rng.choice([0, 1])]}
        lies = [
            *(NullRows(days), Priced(days, 0.0), Priced(days, -3.0, ("low",)), HighBelowLow(days)),
            *(Scaled(days), Scaled(days, 0.01), Withheld(days), Shifted({earlier})),
            *(EventsHidden(EVERY_DAY), Noise(len(told)), WrongCurrency("GBp"), WrongZone("Asia/Tokyo")),
        ]
        if is_known:
            lies += [Scaled(EVERY_DAY), Scaled(EVERY_DAY, 0.01)]
        if SPLIT_DATE in series.splits and now.date() >= SPLIT_DATE:
            part = SPLIT_DATE - timedelta(days=int(self._rng.choice([0, 10])))
            lies += 4 * [NotRestated(SPLIT_DATE, Before(part), tells_event=bool(self._rng.random() < 0.5))]
        return lies[self._rng.integers(len(lies))]


def wrong_today(world: World, symbol: str, *, is_well: bool) -> Iterator[str]:
    """What is wrong of an asset after a day's run: `is_well` where it was taken in as it is.

    Otherwise sessions may be missing, and after a split all bars may be in the units before it.
    """
    stored, truth, old = world.stored(symbol), world.truth(symbol), world.truth(symbol, EVE)
    if is_well:
        yield from difference(stored, truth, NOISE)
    else:
        yield from min((_wrong_bars(stored, truth), _wrong_bars(stored, {**truth, **old})), key=len)
    for origin, close in world.live_closes(symbol).items():
        if origin not in stored:
            yield f"{origin} was forecast from without a bar"
        elif abs(close - stored[origin].close) > NOISE * close:
            yield f"{origin} was forecast from {close} instead of {stored[origin].close}"


def _wrong_bars(stored: Bars, truth: Bars) -> list[str]:
    return difference(stored, {day: bar for day, bar in truth.items() if day in stored}, NOISE)


@pytest.mark.parametrize("seed", [1])
def test_no_day_leaves_a_wrong_bar_and_in_the_end_nothing_is_missing(
    market: Market, seed: int, tmp_path: Path
) -> None:
    mischief = Mischief(market, seed)
    hours = np.random.default_rng(seed).choice(HOURS, DAYS)
    with world_in(tmp_path, make_authority(tmp_path), market, LIGHT) as world:
        for number, hour in enumerate(hours.tolist()):
            now = datetime.combine(START + timedelta(days=number), clock_time(hour), UTC)
            lies = mischief.strike(now, [symbol for symbol in SYMBOLS if world.stored(symbol)])
            run = world.run(now)
            taken = {one.symbol for one in run.summary.ingested}
            for symbol in SYMBOLS:
                problems = [*wrong_today(world, symbol, is_well=symbol in taken and symbol not in lies)]
                assert not problems, told(now, symbol, lies.get(symbol), *problems, run.text)
        share = mischief.met / len(market.asked)
        market.heal()
        world.run(now + timedelta(days=1))

        for symbol in SYMBOLS:
            assert difference(world.stored(symbol), world.truth(symbol), NOISE) == []
            assert world.events(symbol, doubted=False) == pytest.approx(market.events(symbol))
            assert not world.open_gaps(symbol)
    assert abs(share - SHARE) < 0.05


def told(*details: object) -> str:
    return "\n".join(map(str, details))
