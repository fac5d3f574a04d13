"""The backfill flow: the same rows as without Prefect, and its states."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.parameters import settings_from
from pipeline.clock import parse_moment
from pipeline.errors import UsageError
from pipeline.job.backfill import run_backfill
from pipeline.job.request import Request
from pipeline.sources import open_source
from pipeline.store import open_store
from tests.flows.conftest import rows_of

FIRST, LAST = "2023-06-01", "2023-06-03"

Backfill = Callable[..., Any]

pytestmark = pytest.mark.prefect


@pytest.fixture
def backfill(prefect_server: str) -> Backfill:
    from flows.backfill import backfill

    return backfill


def test_the_flow_and_the_plain_backfill_leave_the_same_rows(
    backfill: Backfill, config: str, tmp_path: Path
) -> None:
    summaries = backfill(FIRST, LAST, config, database=str(tmp_path / "flow.db"))
    settings = settings_from(config, database=str(tmp_path / "plain.db"))
    request = Request(settings, parse_moment(LAST), command="backfill")
    source = open_source(settings.source, settings.download)
    with open_store(settings.database) as store:
        plain = run_backfill(request, date.fromisoformat(FIRST), source, store)
    assert summaries == plain
    assert [f"{summary.as_of:%Y-%m-%d}" for summary in summaries] == [FIRST, "2023-06-02", LAST]
    assert rows_of(tmp_path / "flow.db") == rows_of(tmp_path / "plain.db")


def test_days_that_lose_an_asset_complete_as_degraded(
    backfill: Backfill, config: str, tmp_path: Path
) -> None:
    state = backfill(
        LAST,
        LAST,
        config,
        symbols=["SIM-LEAD", "NOBODY"],
        database=str(tmp_path / "x.db"),
        return_state=True,
    )
    assert (state.name, state.message) == ("Degraded", "failed: NOBODY")


def test_days_in_the_wrong_order_are_refused(backfill: Backfill, config: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lies after"):
        backfill(LAST, FIRST, config, database=str(tmp_path / "x.db"))
