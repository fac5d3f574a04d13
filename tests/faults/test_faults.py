"""The daily job meets every fault of the local Yahoo, on its first run and on the next day's."""

from pathlib import Path

import pytest

from tests.faults.case import Case, When
from tests.faults.trial import TRIALS, put_to_trial
from tests.yahoo.authority import Authority

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    ("case", "when"), TRIALS, ids=[f"{case.name}: {when.value}" for case, when in TRIALS]
)
def test_the_store_holds_exactly_the_right_bars(
    case: Case, when: When, tmp_path: Path, authority: Authority
) -> None:
    outcome = put_to_trial(case, when, tmp_path, authority)

    assert not outcome.problems, "\n".join([*outcome.problems, outcome.struck.text])
