"""Settings of the assets, and what follows from a symbol that is not configured."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.settings.base import FrozenModel

CONTINUOUS_CALENDAR = "24/7"

SUFFIX_MARKETS: Mapping[str, tuple[str, str]] = {
    "-USD": (CONTINUOUS_CALENDAR, "USD"),
    "-EUR": (CONTINUOUS_CALENDAR, "EUR"),
    ".KS": ("XKRX", "KRW"),
    ".T": ("XTKS", "JPY"),
    ".HK": ("XHKG", "HKD"),
    ".L": ("XLON", "GBp"),
    ".DE": ("XETR", "EUR"),
    ".PA": ("XPAR", "EUR"),
    ".AS": ("XAMS", "EUR"),
    ".SW": ("XSWX", "CHF"),
    ".TO": ("XTSE", "CAD"),
    ".AX": ("XASX", "AUD"),
    ".NS": ("XBOM", "INR"),
    ".BO": ("XBOM", "INR"),
    ".SA": ("BVMF", "BRL"),
}
"""Calendar and currency of Yahoo's symbol suffixes; a symbol without one of them trades in New York."""


class AssetSettings(FrozenModel):
    """One asset to forecast. Write one `[[assets]]` table for each."""

    symbol: str = Field(min_length=1)
    """The asset's name as the price source spells it, such as BTC-USD or AAPL."""
    calendar: str = "XNYS"
    """Trading calendar: a name of the library exchange_calendars (XNYS is New York), or 24/7 for crypto."""
    currency: str = "USD"
    """Currency of the prices. A download in another currency is quarantined."""
    leads: tuple[str, ...] | Literal["auto"] = ()
    """Other assets whose changes the multivariate models see. `auto`: every fit chooses them by itself."""
    spreads: tuple[str, ...] = ()
    """Other assets for which the multivariate models see the log ratio of the two closes, and its change."""

    @model_validator(mode="after")
    def _is_not_its_own(self) -> Self:
        named = () if self.leads == "auto" else self.leads
        if self.symbol in (*named, *self.spreads):
            raise ValueError(f"{self.symbol} is among its own leads or spreads")
        return self


DEFAULT_ASSETS = (
    AssetSettings(symbol="BTC-USD", calendar=CONTINUOUS_CALENDAR, currency="USD", leads=("SPY",)),
    AssetSettings(symbol="AAPL", leads=("SPY", "BTC-USD")),
    AssetSettings(symbol="SPY", leads=("BTC-USD",)),
)


def unlisted_asset(symbol: str) -> AssetSettings:
    """An asset that is asked for but not configured: calendar and currency from its suffix, no leads."""
    for suffix, (calendar, currency) in SUFFIX_MARKETS.items():
        if symbol.endswith(suffix):
            return AssetSettings(symbol=symbol, calendar=calendar, currency=currency)
    return AssetSettings(symbol=symbol)
