from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest

from pipeline.clock import parse_moment
from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.job.context import Job
from pipeline.job.steps.prices import download_patiently
from pipeline.settings import AssetSettings, DownloadSettings, Settings
from pipeline.sources.simulated import SIMULATED_ASSETS, SimulatedSource
from pipeline.store import open_store
from pipeline.types import RawPrices

ASSET = SIMULATED_ASSETS[0]
BEGINNING = date(2015, 1, 1)


@dataclass
class Faulty:
    """A source that fails a number of times, then answers."""

    faults: list[SourceError]
    name: str = "faulty"
    asked: list[str] = field(default_factory=list)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        self.asked.append(asset.symbol)
        if self.faults:
            raise self.faults.pop(0)
        return SimulatedSource().download(asset, start, as_of)


def job_with(source: Faulty, folder: Path) -> Job:
    settings = Settings(download=DownloadSettings(tries=3, backoff_seconds=0.0))
    moment = parse_moment("2025-06-01")
    with open_store(str(folder / "a.db")) as store:  # a download asks it nothing
        return Job(settings, moment, 1, source, store, moment)


def transient() -> TransientSourceError:
    return TransientSourceError(ASSET.symbol, "did not answer", "Try again later.")


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


def test_a_transient_failure_is_asked_again(tmp_path: Path) -> None:
    source = Faulty([transient(), transient()])
    assert len(download_patiently(job_with(source, tmp_path), ASSET, BEGINNING).rows) > 1000
    assert len(source.asked) == 3


def test_patience_ends_with_the_last_error_itself(tmp_path: Path) -> None:
    source = Faulty([transient() for _ in range(9)])
    with pytest.raises(TransientSourceError, match="did not answer"):
        download_patiently(job_with(source, tmp_path), ASSET, BEGINNING)
    assert len(source.asked) == 3


@pytest.mark.parametrize("kind", [SourceError, RateLimitError])
def test_a_permanent_failure_or_a_rate_limit_is_not_asked_again(
    tmp_path: Path, kind: type[SourceError]
) -> None:
    source = Faulty([kind(ASSET.symbol, "is refused", "Read why.")])
    with pytest.raises(kind, match="is refused"):
        download_patiently(job_with(source, tmp_path), ASSET, BEGINNING)
    assert len(source.asked) == 1
