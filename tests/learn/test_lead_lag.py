import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learn.lead_lag import (
    choose_leads,
    cross_correlation,
    lead_lags,
    leads_known_in_window,
    with_used_leads,
    without_leads,
)
from pipeline.learn.train import train, training_rows
from pipeline.learn.window import make_windows
from pipeline.types import Differencing, Features, LeadLag
from tests.made import config_of, made_dates, unbroken

ROWS = 600


def made_features(*, strength: float = 0.5, sessions: int = 2, others: int = 3, seed: int = 0) -> Features:
    """An asset, a lead whose changes come again `sessions` later, and others that know nothing."""
    rng = np.random.default_rng(seed)
    lead = rng.normal(size=ROWS)
    own = rng.normal(size=ROWS)
    own[sessions:] = strength * lead[:-sessions] + np.sqrt(1 - strength**2) * own[sessions:]
    noise = rng.normal(size=(ROWS, others))
    values = np.column_stack([own, rng.normal(size=ROWS), lead, noise])
    values[0] = np.nan
    names = ("close", "range", "lead:LEAD", *(f"lead:N{place}" for place in range(others)))
    closes = np.full(ROWS, 100.0)
    return Features("MADE", names, made_dates(ROWS), values, closes, closes, unbroken(ROWS))


LOG = Differencing.LOG


def measured(features: Features, ahead: int = 5) -> tuple[LeadLag, ...]:
    return lead_lags(features, slice(0, ROWS), ahead, LOG)


def picked(features: Features, ahead: int = 5) -> list[str]:
    known = leads_known_in_window(features, ROWS - 1, 4)
    return [one.lead for one in choose_leads(measured(features, ahead), known) if one.is_used]


def test_a_lead_is_found_with_its_distance_and_strength() -> None:
    found = {one.lead: one for one in measured(made_features())}
    assert found["LEAD"].sessions_ahead == 2
    assert found["LEAD"].correlation == pytest.approx(0.5, abs=0.1)
    assert found["LEAD"].p_value < 1e-6
    assert found["LEAD"].n == ROWS - 1 - 2


def test_only_what_leads_is_chosen() -> None:
    features = made_features()
    assert picked(features) == ["LEAD"]
    found = choose_leads(measured(features), {"LEAD"})
    assert with_used_leads(features, found).names == ("close", "range", "lead:LEAD")


def test_among_many_that_know_nothing_chance_is_rarely_chosen() -> None:
    false = [bool(picked(made_features(strength=0.0, others=8, seed=seed))) for seed in range(200)]
    assert np.mean(false) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_walks_that_know_nothing_of_each_other_do_not_lead() -> None:
    false = []
    for seed in range(100):
        features = made_features(strength=0.0, others=3, seed=seed)
        values = np.cumsum(np.nan_to_num(features.values), axis=0)
        found = lead_lags(replace(features, values=values), slice(0, ROWS), 5, Differencing.NONE)
        false.append(any(one.is_used for one in choose_leads(found, {one.lead for one in found})))
    assert np.mean(false) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_no_more_than_five_are_chosen_and_those_are_the_surest() -> None:
    features = made_features(strength=0.9, sessions=1, others=0)
    rng = np.random.default_rng(1)
    shares = np.linspace(0.2, 0.9, 8)
    columns = [share * features.values[:, 2] + (1 - share) * rng.normal(size=ROWS) for share in shares]
    values = np.column_stack([features.values[:, :2], *columns])
    names = ("close", "range", *(f"lead:L{place}" for place in range(8)))
    assert picked(replace(features, names=names, values=values), 3) == ["L3", "L4", "L5", "L6", "L7"]


def test_a_lead_that_is_unknown_at_the_origin_is_not_chosen() -> None:
    features = made_features()
    features.values[-2, 2] = np.nan
    assert picked(features) == []


@given(seed=st.integers(0, 1000), sessions=st.integers(0, 4))
def test_the_correlation_is_that_of_the_shifted_rows(seed: int, sessions: int) -> None:
    rng = np.random.default_rng(seed)
    own, lead = rng.normal(size=(2, 80))
    own[rng.integers(0, 80, 5)] = np.nan
    pairs = [
        (lead[i], own[i + sessions]) for i in range(80 - sessions) if np.isfinite(own[i + sessions] + lead[i])
    ]
    x, y = np.array(pairs).T
    expected = np.mean((x - x.mean()) * (y - y.mean())) / (x.std() * y.std())
    assert cross_correlation(own, lead, sessions) == (pytest.approx(expected), len(pairs))


def test_what_cannot_be_measured_has_no_correlation() -> None:
    features = made_features()
    features.values[:, 2] = np.nan
    features.values[:, 3] = 1.0
    assert np.isnan([one.correlation for one in measured(features)[:2]]).all()
    assert not {"LEAD", "N0"} & set(picked(features))


@pytest.mark.parametrize("horizons", [1, 3, 20])
def test_it_is_measured_on_the_rows_that_training_touches_and_no_other(horizons: int) -> None:
    features = made_features()
    config = replace(config_of("ridge"), horizons=horizons, train_sessions=200)
    windows = make_windows(features, config.time_steps, horizons)
    rows = training_rows(windows, 400, config)
    before = train(features, windows, 400, config).scaler
    outside = np.ones(ROWS, dtype=bool)
    outside[rows] = False
    features.values[outside] = 7.0
    after = train(features, make_windows(features, config.time_steps, horizons), 400, config).scaler
    np.testing.assert_array_equal(before.offset, after.offset)
    assert rows.stop <= 401 - int(0.15 * 150)


@pytest.mark.parametrize(("rows", "is_known"), [(29, False), (30, True)])
def test_thirty_rows_are_needed_for_a_correlation(rows: int, is_known: bool) -> None:
    own, lead = np.random.default_rng(0).normal(size=(2, rows + 2))
    correlation, n = cross_correlation(own, lead, 2)
    assert (np.isfinite(correlation), n) == (is_known, rows)


def with_p(**p_values: float) -> tuple[LeadLag, ...]:
    return tuple(LeadLag(lead, 1, 0.2, p_value, 500, is_used=True) for lead, p_value in p_values.items())


@pytest.mark.parametrize(
    ("measured_leads", "used"),
    [
        pytest.param(with_p(A=0.04), ["A"], id="one below five percent"),
        pytest.param(with_p(A=0.05), [], id="not at five percent exactly"),
        pytest.param(with_p(A=0.04, B=0.5), [], id="not one of two above half of that"),
        pytest.param(with_p(A=0.5, B=0.024), ["B"], id="one of two below half of that"),
    ],
)
def test_of_the_leads_that_are_known_there_is_used(
    measured_leads: tuple[LeadLag, ...], used: list[str]
) -> None:
    found = choose_leads(measured_leads, {"A", "B"})
    assert [one.lead for one in found if one.is_used] == used
    assert [one.lead for one in found] == [one.lead for one in measured_leads]


def test_without_leads_nothing_is_chosen() -> None:
    assert choose_leads((), set()) == ()


@pytest.mark.parametrize(
    ("row", "is_known"),
    [
        pytest.param(495, True, id="before the window"),
        pytest.param(496, True, id="on the session before it"),
        pytest.param(497, False, id="on its first session"),
        pytest.param(500, False, id="on its last session"),
        pytest.param(501, True, id="after it"),
    ],
)
def test_what_a_window_of_four_sessions_hides_is_a_lead_unknown(row: int, is_known: bool) -> None:
    features = made_features()
    features.values[row, 2] = np.nan
    assert ("LEAD" in leads_known_in_window(features, 500, 4)) is is_known
    assert "N0" in leads_known_in_window(features, 500, 4)


def test_a_window_that_reaches_before_the_history_begins_with_its_first_session() -> None:
    features = made_features()
    assert leads_known_in_window(features, 1, 4) == set()
    features.values[0] = 1.0
    assert "LEAD" in leads_known_in_window(features, 1, 4)


def test_without_leads_the_other_features_stay_in_their_order() -> None:
    features = made_features()
    alone = without_leads(features)
    assert alone.names == ("close", "range")
    np.testing.assert_array_equal(alone.values, features.values[:, :2])


def test_the_p_value_allows_for_every_session_that_was_looked_at() -> None:
    features = made_features(strength=0.15)
    (once, *_), (often, *_) = measured(features, 2), measured(features, 4)
    assert once.sessions_ahead == often.sessions_ahead == 2
    expected = math.erfc(abs(once.correlation) * math.sqrt(once.n / 2.0))
    assert once.p_value == pytest.approx(2.0 * expected)
    assert often.p_value == pytest.approx(4.0 * expected)


def test_a_lead_that_goes_the_other_way_leads_as_well() -> None:
    features = made_features()
    features.values[:, 2] *= -1.0
    (found, *_) = measured(features)
    assert (found.sessions_ahead, found.is_used) == (2, True)
    assert found.correlation == pytest.approx(-0.5, abs=0.1)
    assert picked(features) == ["LEAD"]


def test_a_lead_that_cannot_be_measured_is_told_with_the_rows_that_there_were() -> None:
    features = made_features()
    features.values[20:, 2] = np.nan
    features.values[21:, 0] = np.nan
    (found, *_) = measured(features)
    assert (found.sessions_ahead, found.n) == (1, 19)
    assert np.isnan([found.correlation, found.p_value]).all()


def test_no_session_further_ahead_than_asked_for_is_looked_at() -> None:
    assert [measured(made_features(), ahead)[0].sessions_ahead for ahead in (1, 2, 3)] == [1, 2, 2]


def test_a_distance_at_which_nothing_is_known_does_not_hide_the_others() -> None:
    features = made_features()
    features.values[1::2, [0, 2]] = np.nan
    (found, *_) = measured(features)
    assert found.sessions_ahead == 2
    assert found.correlation == pytest.approx(0.5, abs=0.1)


@pytest.mark.filterwarnings("error")
def test_a_series_that_never_changes_has_no_correlation_and_warns_of_nothing() -> None:
    still, moving = np.ones(60), np.random.default_rng(0).normal(size=60)
    for own, lead in ((still, moving), (moving, still), (still, still)):
        assert np.isnan(cross_correlation(own, lead, 1)[0])


def test_a_lead_that_says_nothing_has_a_p_value_of_one_at_most() -> None:
    p_values = [one.p_value for one in measured(made_features(strength=0.0, others=8))]
    assert max(p_values) == 1.0


def test_every_lead_that_is_measured_counts_as_used_until_leads_are_chosen() -> None:
    features = made_features()
    features.values[:, 3] = np.nan
    assert [one.is_used for one in measured(features)] == [True] * 4
