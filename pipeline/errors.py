"""Errors that a person can act on: each names the problem, the asset, file or key, and the next step.

Every error keeps its constructor's arguments in `args`, so that it can be pickled between processes.
"""

from typing import ClassVar


class PricecastError(Exception):
    """Base class of the errors that are shown to a person without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\n  {self.next_step}"


class UsageError(PricecastError):
    """The arguments of a command are invalid (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key or value is invalid (exit code 2)."""


class StoreError(PricecastError):
    """The database cannot be opened, read or written."""


class AssetError(PricecastError):
    """One asset failed; the run continues with the other assets.

    `str()` starts with the symbol, so that a log line names its asset.
    """

    def __init__(self, symbol: str, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.args = (symbol, what, next_step)
        self.symbol = symbol

    def __str__(self) -> str:
        return f"{self.symbol}: {self.what}\n  {self.next_step}"


class SourceError(AssetError):
    """A price source answered with unusable data."""


class TransientSourceError(SourceError):
    """A price source failed temporarily; the same request may succeed later."""


class RateLimitError(SourceError):
    """A price source limits the rate of requests; all further requests to it have to wait."""


class HistoryError(AssetError):
    """An asset has too few usable sessions to train or forecast."""
