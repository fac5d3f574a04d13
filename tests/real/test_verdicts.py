"""The warning example on real prices: the network of levels is never found skilled."""

from pathlib import Path

import pytest

from pipeline.clock import parse_moment
from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.settings import Settings
from pipeline.sources.csv_folder import CsvSource
from pipeline.store import open_store, read, reading
from pipeline.types import RunStatus, Verdict

pytestmark = [pytest.mark.real_data, pytest.mark.tensorflow, pytest.mark.timeout(900)]


def test_a_network_of_levels_is_never_skilled(real_data: Path, tmp_path: Path) -> None:
    settings = Settings(models=("last-value", "lstm-levels"))
    request = Request(settings, parse_moment("2026-03-20"), ("BTC-USD", "AAPL", "SPY"))
    with open_store(str(tmp_path / "real.db")) as store:
        assert run_daily(request, CsvSource(real_data / "yahoo"), store).status is RunStatus.DONE
    with open_store(str(tmp_path / "real.db")) as store, reading(store) as connection:
        found = {
            (symbol, model, horizon): read.newest_verdict(connection, symbol, model, horizon)
            for symbol in request.symbols
            for model in settings.models
            for horizon in range(1, settings.horizons + 1)
        }
    verdicts = {key: one.judgement.verdict for key, one in found.items() if one is not None}
    assert len(verdicts) == 3 * 2 * 5
    assert Verdict.SKILLED not in verdicts.values()
    assert {verdict for (_, model, _), verdict in verdicts.items() if model == "last-value"} == {Verdict.ECHO}
