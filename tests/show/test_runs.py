"""The end of a run, as a person reads it."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.show import runs
from pipeline.types import Failure, IngestSummary, RunStatus, RunSummary

APPLE = IngestSummary(
    symbol="AAPL",
    new=1,
    revised=2,
    newly_quarantined=3,
    missing=4,
    rebased=None,
    newest_session=np.datetime64("2026-03-20"),
    first_session=np.datetime64("2015-01-02"),
    n_gaps=4,
    commonest_reason="high is below low",
    in_quarantine=0,
)
BITCOIN = replace(
    APPLE,
    symbol="BTC-USD",
    new=1200,
    revised=0,
    newly_quarantined=0,
    commonest_reason="",
    missing=0,
    n_gaps=0,
)
SUMMARY = RunSummary(
    run_id=3,
    as_of=datetime(2026, 3, 20, 23, 59, 59, tzinfo=UTC),
    status=RunStatus.DONE,
    ingested=(APPLE, BITCOIN),
    failures=(),
    notes=(),
    n_forecasts=1,
    n_scores=1500,
    n_verdicts=0,
)


def text(summary: RunSummary) -> list[str]:
    return runs.run_text(summary, "sqlite:///prices.db").splitlines()


def with_failures(*failures: Failure, ingested: tuple[IngestSummary, ...] = (APPLE,)) -> RunSummary:
    return replace(SUMMARY, status=RunStatus.DEGRADED, ingested=ingested, failures=failures)


def test_a_run_says_of_each_symbol_what_came_of_its_prices() -> None:
    assert text(SUMMARY) == [
        "run 3 as of 2026-03-20 23:59 UTC: done",
        "  AAPL     1 new, 2 revised, 3 quarantined (high is below low), 4 missing; "
        "newest session 2026-03-20",
        "  BTC-USD  1,200 new, 0 revised, 0 quarantined, 0 missing; newest session 2026-03-20",
        "stored 1 forecast, 1,500 scores, 0 verdicts in prices.db",
    ]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.5, "0 missing, re-based by 0.5; newest"),
        (1 / 3, "0 missing, re-based by 0.333333; newest"),
        (0.9991234567, "0 missing, re-based by 0.999123; newest"),
        (20.0, "0 missing, re-based by 20; newest"),
        (None, "0 missing; newest"),
    ],
)
def test_a_history_in_other_units_is_told_with_the_ratio(ratio: float | None, words: str) -> None:
    (_, line, _) = text(replace(SUMMARY, ingested=(replace(BITCOIN, rebased=ratio),)))
    assert words in line


@pytest.mark.parametrize(
    ("count", "end"), [(0, "2026-03-20"), (1, "; 1 in quarantine"), (1234, "; 1,234 in quarantine")]
)
def test_what_waits_for_a_decision_is_told(count: int, end: str) -> None:
    (_, line, _) = text(replace(SUMMARY, ingested=(replace(BITCOIN, in_quarantine=count),)))
    assert line.endswith(end)


def test_a_symbol_whose_download_failed_has_a_line_with_the_reason_and_no_next_step() -> None:
    failure = Failure("BTC-USD", "", "BTC-USD: the market is closed\n  Ask again tomorrow.")
    first, apple, bitcoin, last = text(with_failures(failure))
    assert first.endswith("UTC: degraded")
    assert apple.startswith("  AAPL     1 new")
    assert bitcoin == "  BTC-USD  failed: the market is closed"
    assert last.startswith("stored ")


def test_of_several_failures_of_a_symbol_the_first_is_the_reason() -> None:
    failures = (Failure("X", "", "X: no answer\n  Wait."), Failure("X", "", "X: no forecast\n  Wait."))
    (_, line, _) = text(with_failures(*failures, ingested=()))
    assert line == "  X  failed: no answer"


def test_a_model_that_fails_leaves_the_line_of_its_symbol_alone() -> None:
    failures = (Failure("AAPL", "ridge", "AAPL: too few sessions\n  Wait."), Failure("X", "ridge", "X: few"))
    assert text(with_failures(*failures)) == [
        "run 3 as of 2026-03-20 23:59 UTC: degraded",
        "  AAPL  1 new, 2 revised, 3 quarantined (high is below low), 4 missing; newest session 2026-03-20",
        "stored 1 forecast, 1,500 scores, 0 verdicts in prices.db",
    ]


def test_a_symbol_whose_prices_came_keeps_them_in_its_line_when_it_fails_later() -> None:
    (_, line, _) = text(with_failures(Failure("AAPL", "", "AAPL: unexpected KeyError: 'x'\n  --debug")))
    assert line.startswith("  AAPL  1 new")


def test_notes_stand_between_the_symbols_and_what_was_stored() -> None:
    *_, note, last = text(replace(SUMMARY, notes=("XYZ is not configured",)))
    assert note == "  note: XYZ is not configured"
    assert last.startswith("stored ")


def test_a_run_without_any_symbol_has_no_line_of_one() -> None:
    assert len(text(replace(SUMMARY, ingested=(), status=RunStatus.FAILED))) == 2


def test_a_failure_as_an_error_names_the_asset_once_and_the_next_step() -> None:
    failure = Failure("AAPL", "ridge", "AAPL: too few sessions\n  Wait.")
    assert runs.failure_text(failure) == "error: AAPL ridge: too few sessions\n  Wait."
    assert runs.failure_text(replace(failure, model="")) == "error: AAPL: too few sessions\n  Wait."


def test_the_end_of_a_backfill_adds_its_days_up() -> None:
    first = replace(SUMMARY, status=RunStatus.DEGRADED, notes=("XYZ is not configured",))
    later = replace(SUMMARY, as_of=datetime(2026, 3, 21, 23, 59, 59, tzinfo=UTC))
    assert runs.backfill_text([first, later], "x.db").splitlines() == [
        "2026-03-20  degraded: 1,201 new bars, 2 revised; 1 forecast, 1,500 scores, 0 verdicts",
        "2026-03-21  done: 1,201 new bars, 2 revised; 1 forecast, 1,500 scores, 0 verdicts",
        "note: XYZ is not configured",
        "stored 2 forecasts, 3,000 scores, 0 verdicts of 2 days in x.db",
    ]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            Failure("AAPL", "ridge", "AAPL: too few sessions\n  Wait."),
            "error: AAPL ridge: too few sessions\n  Wait.",
        ),
        (Failure("AAPL", "", "AAPL: gone\n  Look."), "error: AAPL: gone\n  Look."),
    ],
    ids=["of a model", "of an asset"],
)
def test_a_failure_names_asset_model_and_next_step(failure: Failure, words: str) -> None:
    assert runs.failure_text(failure) == words
