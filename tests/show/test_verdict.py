"""A verdict in full on a terminal: the sentence, the numbers and the small pictures."""

import re

import numpy as np
import pytest

from pipeline.lag import judge_alone, judge_together, panels_of
from pipeline.lag.market import HISTORY
from pipeline.show.verdict import explanation_text, sentence_lines, span_text
from pipeline.types import Judgement, Trial, Verdict
from tests.lag.made import knowing, noisy, older, walk
from tests.made import made_dates

FLAT = Trial(1, np.full(HISTORY + 41, 4.6), np.full(40, 4.6))
TITLE = "SIM-FOLLOW ridge, 1 session ahead"
TRIALS = {
    "echo": older(walk(), 2),
    "copy": older(walk(), 0),
    "skilled": knowing(0.1),
    "worse": noisy(1.5),
    "suspect": noisy(0.2, 100),
    "five ahead": knowing(0.2, 300, 5),
    "flat": FLAT,
    "one": noisy(0.2, 1),
    "huge": Trial(1, walk(100), np.where(np.arange(100) == 50, 690.0, walk(100)[HISTORY:-1])),
}


def explained(one: Trial) -> tuple[str, Judgement]:
    (judgement,) = judge_alone([one])
    return explanation_text(TITLE, judgement, panels_of(one, made_dates(len(one)))), judgement


def number(text: str, name: str) -> str:
    """The number that stands behind `name`."""
    (found,) = re.findall(rf"^  {re.escape(name)} +(\S+)", text, flags=re.MULTILINE)
    return str(found)


def bars(text: str, heading: str) -> dict[str, str]:
    """The lines under `heading`, by day."""
    block = text.partition(heading)[2].partition("\n\n")[0].splitlines()[1:]
    return {line[2:14].split("  ")[0].strip(): line for line in block}


@pytest.mark.parametrize("name", TRIALS)
def test_an_explanation_has_title_and_sentence_and_fits_a_terminal(name: str) -> None:
    text, judgement = explained(TRIALS[name])
    lines = text.splitlines()
    assert lines[0] == TITLE
    assert " ".join(lines[1:3]).startswith(judgement.sentence)
    assert max(len(line) for line in lines) <= 100
    assert "nan" not in text
    assert not [line for line in lines if line != line.rstrip()]


def test_the_numbers_are_those_of_the_evidence() -> None:
    text, judgement = explained(TRIALS["suspect"])
    e = judgement.evidence
    assert f"95% interval {e.skill_low:+.1%} to {e.skill_high:+.1%}" in text
    for name, expected in {
        "skill": f"{e.skill:+.1%}",
        "as issued": f"{e.skill_as_issued:+.1%}",
        "p_skill": f"{e.p_skill:.3f}",
        "p_shape": "<0.001",
        "p_no_skill": f"{e.p_no_skill:.3f}",
        "p_echo": f"{e.p_echo:.3f}",
        "p_anti": f"{e.p_anti:.3f}",
        "p_worse": f"{e.p_worse:.3f}",
        "Diebold-Mariano p": f"{e.dm_p_value:.3f}",
        "hit rate": f"{e.hit_rate:.1%}",
        "p_direction": f"{e.p_direction:.3f}",
        "nearest naive rule": f"{e.distance:.1%}",
        "size": f"{e.size:.1%}",
        "slope": f"{e.slope:.2f}",
        "power": f"{e.power:.1%}",
        "detectable R2": f"{e.min_detectable_r2:.1%}",
        "e-value": f"{e.e_value:.3g}",
    }.items():
        assert number(text, name) == expected, name
    assert "from y(t);" in text
    assert "no verdict depends on it" in text
    assert number(text, "filter R2") == f"{max(e.filter_r2, 0.0):.1%}"


def test_noise_is_explained_by_nothing_and_not_by_less() -> None:
    noise = next(one for one in (noisy(0.5, 60, seed=seed) for seed in range(9)) if filter_r2(one) < 0.0)
    assert number(explained(noise)[0], "filter R2") == "0.0%"


def filter_r2(one: Trial) -> float:
    return judge_alone([one])[0].evidence.filter_r2


def test_an_e_value_promotes_only_what_is_skilled() -> None:
    for name, one in TRIALS.items():
        text, judgement = explained(one)
        assert ("promoted at 20" in text) is (judgement.verdict is Verdict.SKILLED), name


def test_power_is_that_of_a_series_judged_alone() -> None:
    text, _ = explained(TRIALS["suspect"])
    (line,) = [line for line in text.splitlines() if line.startswith("  power")]
    assert line.endswith("detecting a skill of 2%, if judged alone")


def test_a_copy_has_no_p_value_of_being_one() -> None:
    text, _ = explained(TRIALS["echo"])
    assert (number(text, "p_no_skill"), number(text, "p_echo")) == ("-", "-")


def test_a_series_judged_alone_has_no_adjusted_p_value() -> None:
    one = TRIALS["suspect"]
    (judgement,) = judge_alone([one])
    panels = panels_of(one, made_dates(len(one)))
    assert "adjusted" not in explanation_text(TITLE, judgement, panels, is_judged_alone=True)


def test_mean_lag_and_filter_r2_of_an_older_price_are_shown() -> None:
    text, _ = explained(TRIALS["echo"])
    assert (number(text, "mean lag"), number(text, "filter R2")) == ("2.0", "100.0%")
    assert "0.0%  of a typical move from y(t-2)" in text


def test_the_adjusted_p_value_is_that_of_all_series_judged_together() -> None:
    trials = [noisy(0.5, 100, seed=seed) for seed in range(3)]
    judgement = min(judge_together(trials), key=lambda one: one.evidence.p_skill)
    text = explanation_text(TITLE, judgement, panels_of(trials[0], made_dates(100)))
    assert number(text, "adjusted") == f"{judgement.p_skill_adjusted:.3f}" != number(text, "p_skill")


def test_what_is_undefined_is_a_dash() -> None:
    text, _ = explained(TRIALS["copy"])
    for name in ("Diebold-Mariano p", "hit rate", "p_direction", "slope"):
        assert number(text, name) == "-"
    correlations = bars(text, "Correlation of the predicted change")
    assert {line.split()[1] for line in correlations.values()} == {"-"}
    assert "█" not in "".join(correlations.values())
    few, _ = explained(TRIALS["one"])
    assert "95% interval -;" in few
    assert "from -;" in few


def test_the_bars_of_an_echo_stand_at_days_known_on_the_side_of_their_sign() -> None:
    text, _ = explained(TRIALS["echo"])
    found = bars(text, "Correlation of the predicted change")
    assert list(found) == ["t-5", "t-4", "t-3", "t-2", "t-1", "t", "t+1"]
    for day in ("t-1", "t"):
        left, right = found[day].split("│")
        assert left.count("█") > 10
        assert right == ""
    assert found["t+1"].count("█") < 3


def test_the_bar_of_an_oracle_stands_at_the_move_forecast() -> None:
    text, _ = explained(TRIALS["five ahead"])
    found = bars(text, "Correlation of the predicted change")
    left, right = found["t+5's move"].split("│")
    assert "█" not in left
    assert right.count("█") > 5


def test_the_nearest_day_of_an_echo_is_marked_and_cannot_convict_alone() -> None:
    text, _ = explained(TRIALS["echo"])
    heading = "Mean distance of the forecasts from the price of each day (not conclusive alone)"
    found = bars(text, heading)
    assert [day for day, line in found.items() if line.endswith("nearest")] == ["t-2"]
    assert "0.00%" in found["t-2"]
    lengths = {day: line.count("█") for day, line in found.items()}
    assert lengths["t-2"] == 0
    assert max(lengths.values()) == 50


def test_a_promoted_verdict_says_so_and_one_session_is_named_once() -> None:
    for name, expected in {
        "skilled": "300 forecasts, 2024-01-01 to 2024-10-26; promoted",
        "one": "1 forecast, 2024-01-01",
    }.items():
        one = TRIALS[name]
        (judgement,) = judge_alone([one])
        assert span_text(judgement, panels_of(one, made_dates(len(one)))) == expected


def test_an_interval_is_never_parted_by_the_end_of_a_line() -> None:
    sentence = "SUSPECT_ECHO: shaped like a 2.0-session-old average; skill -2.2% [-10, 5]"
    for width in range(20, len(sentence)):
        lines = sentence_lines(sentence, width)
        assert " ".join(lines) == sentence
        assert [line for line in lines if "[-10, 5]" in line]
