from dataclasses import fields, replace

import pytest

from pipeline.lag.copies import RULES
from pipeline.lag.decision import Reason
from pipeline.lag.sentence import RULE_WORDS, describe_echo, p_value_phrase, write_sentence
from pipeline.types import Evidence

PLAIN = replace(
    Evidence(
        n=500,
        nearest_naive="y(t)",
        **{field.name: 0.25 for field in fields(Evidence) if field.type == "float"},
    ),
    skill=-2.25,
    skill_low=-2.71,
    skill_high=-1.8,
    skill_as_issued=-2.25,
    mean_lag_sessions=3.42,
    filter_r2=0.9,
    p_echo=1e-12,
)


def sentence(reason: Reason, horizon: int = 1, adjusted: float = 0.012, **changes: float) -> str:
    return write_sentence(reason, replace(PLAIN, **changes), horizon, adjusted, 0.0213)


def test_an_echo_is_told_with_its_age_and_its_cost() -> None:
    assert sentence(Reason.ECHO) == (
        "ECHO (p = 1e-12): a 3.4-session-old average of the price; skill -225% [-271, -180]"
    )


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.INFORMATIVE, "SKILLED (p = 0.012): the predicted changes tell of the moves"),
        (Reason.CONTRARY, "WORSE (p = 0.250): the moves go against the predicted changes"),
        (
            Reason.MISCALIBRATED,
            "NO_SKILL (p = 0.012): informative but over-reacting, multiply its changes by 0.25",
        ),
        (
            Reason.ECHO_SHAPE,
            "SUSPECT_ECHO: shaped like a 3.4-session-old average of the price, but a skill of 2% "
            "is not excluded yet",
        ),
        (Reason.LOSING, "WORSE (p = 0.250): loses to the last price"),
        (
            Reason.WITHOUT_SKILL,
            "NO_SKILL: a skill of 2% would have been seen in 25% of such records judged alone",
        ),
        (
            Reason.UNDECIDED,
            "INSUFFICIENT: a skill of 2% would have been seen in only 25% of such records judged alone; "
            "wait for some 309 forecasts",
        ),
    ],
)
def test_every_reason_is_told_in_words_before_the_skill(reason: Reason, said: str) -> None:
    assert sentence(reason) == f"{said}; skill -225% [-271, -180]"


def test_a_narrow_interval_is_told_with_a_decimal_and_zero_has_no_sign_of_its_own() -> None:
    narrow = {"skill": -0.0002, "skill_low": -0.0021, "skill_high": -0.0001, "skill_as_issued": 0.0}
    said = sentence(Reason.ECHO, **narrow)
    assert said.endswith("skill +0.0% [-0.2, 0.0]")


@pytest.mark.parametrize(
    ("half", "said"),
    [(0.0999, "[-10.0, 10.0]"), (0.1, "[-10, 10]"), (0.102, "[-10, 10]")],
    ids=["narrower than twenty points", "of twenty points", "wider"],
)
def test_an_interval_that_is_narrower_than_twenty_points_has_a_decimal(half: float, said: str) -> None:
    exact = {"skill": 0.0, "skill_as_issued": 0.0, "skill_low": -half, "skill_high": half}
    assert sentence(Reason.ECHO, **exact).endswith(said)


@pytest.mark.parametrize(("issued", "is_told"), [(0.05, False), (0.0501, True), (-0.05, False)])
def test_a_drift_of_five_points_is_not_worth_a_word_and_more_is(issued: float, is_told: bool) -> None:
    assert ("as issued" in sentence(Reason.ECHO, skill=0.0, skill_as_issued=issued)) is is_told


@pytest.mark.parametrize(
    ("issued", "said"),
    [
        (-2.21, "[-271, -180]"),
        (-2.9, "[-271, -180], -290% as issued"),
        (-0.994, "[-271, -180], -99.4% as issued"),
        (-1.0, "[-271, -180], -100% as issued"),
        (-1.004, "[-271, -180], -100% as issued"),
        (-999.9, "[-271, -180], -99,990% as issued"),
        (-1000.0, "[-271, -180], -1e+05% as issued"),
        (-4e7, "[-271, -180], -4e+09% as issued"),
    ],
)
def test_the_skill_as_issued_is_told_where_the_drift_costs_something(issued: float, said: str) -> None:
    assert sentence(Reason.ECHO, skill_as_issued=issued).endswith(said)


def test_the_words_are_those_of_the_rules_that_there_are() -> None:
    assert list(RULE_WORDS) == list(RULES)


@pytest.mark.parametrize(
    ("p_no_skill", "power", "said"),
    [
        (0.049, 1.0, "a skill of 2% is excluded (p = 0.049)"),
        (0.05, 1.0, "a skill of 2% would have been seen in 100% of such records judged alone"),
        (0.25, 0.996, "a skill of 2% would have been seen in 100% of such records judged alone"),
        (0.25, 0.87, "a skill of 2% would have been seen in 87% of such records judged alone"),
    ],
)
def test_a_skill_that_is_not_there_is_excluded_or_would_have_been_seen(
    p_no_skill: float, power: float, said: str
) -> None:
    assert said in sentence(Reason.WITHOUT_SKILL, p_no_skill=p_no_skill, power=power)


@pytest.mark.parametrize(("horizon", "needed"), [(1, 309), (3, 927), (5, 1545)])
def test_undecided_records_have_to_wait_longer_the_further_ahead_they_look(horizon: int, needed: int) -> None:
    said = sentence(Reason.UNDECIDED, horizon, power=0.99)
    assert f"in only 99% of such records judged alone; wait for some {needed} forecasts" in said


@pytest.mark.parametrize(("low", "said"), [(-999.9, "[-99,990, -180]"), (-1000.0, "[-1e+05, -180]")])
def test_an_absurd_end_of_an_interval_is_told_without_digits(low: float, said: str) -> None:
    assert sentence(Reason.ECHO, skill_low=low).endswith(said)


def test_an_excluded_skill_is_told_with_its_p_value() -> None:
    assert "a skill of 2% is excluded (p = 0.010)" in sentence(Reason.WITHOUT_SKILL, p_no_skill=0.01)


@pytest.mark.parametrize(
    ("n", "horizon", "said"),
    [
        (1, 1, "INSUFFICIENT: 1 forecast; 30 are needed"),
        (100, 5, "INSUFFICIENT: 100 forecasts 5 sessions ahead, which overlap; 150 are needed"),
    ],
)
def test_too_few_forecasts_say_how_many_are_needed(n: int, horizon: int, said: str) -> None:
    assert sentence(Reason.TOO_FEW, horizon, n=n) == said


def test_moves_that_could_not_be_scaled_are_told_without_numbers() -> None:
    said = sentence(Reason.NO_MOVES, skill=float("nan"))
    assert said == ("INSUFFICIENT: no move that could be scaled: the price stood still before every move")


def test_a_copy_is_told_without_a_p_value() -> None:
    said = sentence(Reason.COPIES, nearest_naive="y(t-2)", distance=0.0)
    assert said == "ECHO: it is the price of 2 sessions before; skill -225% [-271, -180]"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"skill": 0.05, "skill_as_issued": -0.4},
            "informative, but its drift costs more than its information gains: "
            "subtract +2.1% from its changes",
        ),
        ({"skill": 0.0}, "informative but over-reacting, multiply its changes by 0.25"),
        ({"slope": 0.4}, "informative but over-reacting, multiply its changes by 0.40"),
        ({"slope": 0.0}, "informative, but its largest changes go against the moves"),
        ({"slope": -0.3}, "informative, but its largest changes go against the moves"),
    ],
)
def test_what_spoils_informative_forecasts_is_named(changes: dict[str, float], said: str) -> None:
    assert sentence(Reason.MISCALIBRATED, **changes).startswith(f"NO_SKILL (p = 0.012): {said}; skill")


@pytest.mark.parametrize(
    ("rule", "distance", "lag", "words"),
    [
        ("y(t)", 0.0, 0.0, "the last price again"),
        ("y(t-3)", 0.01, 3.0, "the price of 3 sessions before"),
        ("MA5", 0.0, 2.0, "the average price of 5 sessions"),
        ("last change again", 0.0, -1.0, "the last price with its last change again"),
        ("y(t)", 0.099, 0.0, "the last price, hardly changed"),
        ("y(t)", 0.1, 0.2, "a blend of prices already known"),
        ("MA5", 0.3, 0.5, "a 0.5-session-old average of the price"),
        ("y(t)", 0.3, -0.5, "the last changes carried on"),
        ("y(t)", 0.3, 0.2, "the last price, give or take noise"),
        ("MA5", 0.3, 2.04, "a 2.0-session-old average of the price"),
        ("y(t)", 0.3, -0.8, "the last changes carried on"),
    ],
)
def test_what_is_repeated_is_named(rule: str, distance: float, lag: float, words: str) -> None:
    filter_r2 = 0.1 if words.endswith("noise") else 0.9
    found = replace(PLAIN, nearest_naive=rule, distance=distance, mean_lag_sessions=lag, filter_r2=filter_r2)
    assert describe_echo(found) == words


@pytest.mark.parametrize("lag", [-2.0, 0.0, 3.4])
def test_noise_is_not_given_an_age(lag: float) -> None:
    for filter_r2 in (-0.2, 0.0, 0.49):
        noise = replace(PLAIN, distance=0.3, mean_lag_sessions=lag, filter_r2=filter_r2)
        assert describe_echo(noise) == "the last price, give or take noise"


@pytest.mark.parametrize("filter_r2", [0.5, 0.94])
def test_a_blend_of_known_prices_is_not_called_noise(filter_r2: float) -> None:
    blend = replace(PLAIN, distance=1.07, mean_lag_sessions=0.0, filter_r2=filter_r2)
    assert describe_echo(blend) == "a blend of prices already known"


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (0.25, "p = 0.250"),
        (0.001, "p = 0.001"),
        (0.00099, "p = 1e-03"),
        (1e-300, "p = 1e-300"),
        (0.0, "p < 1e-300"),
    ],
)
def test_a_p_value_keeps_the_digits_that_matter(p_value: float, text: str) -> None:
    assert p_value_phrase(p_value) == text
