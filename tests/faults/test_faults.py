"""The daily job meets every fault of the local Yahoo, on its first run and on the next day's."""

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.faults.case import Case, When
from tests.faults.trial import TRIALS, put_to_trial
from tests.yahoo.authority import Authority, make_authority

KNOWN_DEFECTS = {
    (
        "100x prices throughout",
        When.NEXT_DAY,
    ): "rows older than the overlap are not asked for again, and stay in quarantine",
}
"""Trials that fail for now, each with what is wrong in the product."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def trial(case: Case, when: When) -> ParameterSet:
    reason = KNOWN_DEFECTS.get((case.name, when))
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    return pytest.param(case, when, id=f"{case.name}: {when.value}", marks=marks)


@pytest.mark.parametrize(("case", "when"), [trial(case, when) for case, when in TRIALS])
def test_the_store_holds_exactly_the_right_bars(
    case: Case, when: When, tmp_path: Path, authority: Authority
) -> None:
    outcome = put_to_trial(case, when, tmp_path, authority)

    assert not outcome.problems, "\n".join([*outcome.problems, outcome.struck.text])
