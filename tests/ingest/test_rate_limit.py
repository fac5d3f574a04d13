"""A batch of downloads whose source asks for patience."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from pipeline.errors import RateLimitError, SourceError
from pipeline.ingest.rate_limit import RateLimitedBatch
from pipeline.settings import DownloadSettings

SETTINGS = DownloadSettings(rate_limit_seconds=60.0, rate_limit_pauses=3)


@dataclass
class Batch:
    """Assets asked for one after the other; the source refuses the given numbers of its answers."""

    refused: set[int]
    settings: DownloadSettings = SETTINGS
    asked: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.courtesy = RateLimitedBatch("shop", self.settings, self.slept.append)

    def ask(self, symbol: str) -> str:
        return self.courtesy.ask(symbol, self._answer(symbol))

    def _answer(self, symbol: str) -> Callable[[], str]:
        def answer() -> str:
            self.asked.append(symbol)
            if len(self.asked) in self.refused:
                raise RateLimitError(symbol, "slow down", "Later.")
            return f"prices of {symbol}"

        return answer


def test_without_a_rate_limit_it_only_hands_on() -> None:
    batch = Batch(set())
    assert [batch.ask(symbol) for symbol in "AB"] == ["prices of A", "prices of B"]
    assert batch.slept == []


def test_after_a_pause_the_same_asset_is_asked_for_again() -> None:
    batch = Batch({2})
    assert [batch.ask(symbol) for symbol in "ABC"] == ["prices of A", "prices of B", "prices of C"]
    assert batch.asked == ["A", "B", "B", "C"]
    assert batch.slept == [60.0]


def test_pauses_double_over_the_batch_whichever_asset_they_are_for() -> None:
    batch = Batch({1, 3, 5})
    assert [batch.ask(symbol) for symbol in "ABC"] == ["prices of A", "prices of B", "prices of C"]
    assert batch.slept == [60.0, 120.0, 240.0]


def test_when_the_pauses_are_used_up_the_rest_is_not_asked_for() -> None:
    batch = Batch(set(range(2, 99)))
    batch.ask("A")
    with pytest.raises(RateLimitError, match="B: slow down"):
        batch.ask("B")
    assert batch.slept == [60.0, 120.0, 240.0]
    for symbol in "CD":
        with pytest.raises(
            RateLimitError, match=f"^{symbol}: not downloaded: the source shop(.|\n)*Run again"
        ):
            batch.ask(symbol)
    assert batch.asked == ["A", *"BBBB"]


def test_without_pauses_the_first_rate_limit_ends_the_batch() -> None:
    batch = Batch({1}, DownloadSettings(rate_limit_pauses=0))
    with pytest.raises(RateLimitError, match="A: slow down"):
        batch.ask("A")
    with pytest.raises(RateLimitError, match="B: not downloaded"):
        batch.ask("B")
    assert (batch.asked, batch.slept) == (["A"], [])


def test_other_errors_are_none_of_its_business() -> None:
    batch = Batch(set())

    def fail() -> str:
        raise SourceError("A", "is unknown", "Correct it.")

    with pytest.raises(SourceError, match="is unknown"):
        batch.courtesy.ask("A", fail)
    assert batch.slept == []
    assert batch.ask("B") == "prices of B"


def test_a_pause_is_logged_with_its_length_and_the_source(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Batch({1}).ask("A")
    assert caplog.messages == ["shop limits the rate of requests: A is downloaded again in 60 seconds"]
