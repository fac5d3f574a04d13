"""Errors a person can act on: what is wrong, with which asset, file or key, and what to do next.

Every error keeps its constructor's arguments in `args`, so that it crosses process borders whole.
"""

from typing import ClassVar


class PricecastError(Exception):
    """Base of every error that is shown to a person without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\n  {self.next_step}"


class UsageError(PricecastError):
    """The command line asks for something that cannot be (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key or value is wrong (exit code 2)."""


class StoreError(PricecastError):
    """The database cannot be opened, read or written."""


class AssetError(PricecastError):
    """One asset cannot be handled; the others of the run go on.

    `str()` starts with the symbol, so that a line of a log is complete by itself.
    """

    def __init__(self, symbol: str, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.args = (symbol, what, next_step)
        self.symbol = symbol

    def __str__(self) -> str:
        return f"{self.symbol}: {self.what}\n  {self.next_step}"


class SourceError(AssetError):
    """A price source answered, and the answer cannot be used."""


class TransientSourceError(SourceError):
    """A price source did not answer properly; asking again later may help."""


class RateLimitError(SourceError):
    """A price source asks us to slow down: whatever it is asked for next has to wait."""


class HistoryError(AssetError):
    """An asset has too few usable sessions for what is asked of them."""
