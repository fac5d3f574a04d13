from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lead_lag import chosen, cross_correlation, known_through, lead_lags, only_used
from pipeline.train import train, training_rows
from pipeline.types import Differencing, Features, LeadLag
from pipeline.window import make_windows
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
    known = known_through(features, ROWS - 1, 4)
    return [one.lead for one in chosen(measured(features, ahead), known) if one.is_used]


def test_a_lead_is_found_with_its_distance_and_strength() -> None:
    found = {one.lead: one for one in measured(made_features())}
    assert found["LEAD"].sessions_ahead == 2
    assert found["LEAD"].correlation == pytest.approx(0.5, abs=0.1)
    assert found["LEAD"].p_value < 1e-6
    assert found["LEAD"].n == ROWS - 1 - 2


def test_only_what_leads_is_chosen() -> None:
    features = made_features()
    assert picked(features) == ["LEAD"]
    found = chosen(measured(features), {"LEAD"})
    assert only_used(features, found).names == ("close", "range", "lead:LEAD")


def test_among_many_that_know_nothing_chance_is_rarely_chosen() -> None:
    false = [bool(picked(made_features(strength=0.0, others=8, seed=seed))) for seed in range(200)]
    assert np.mean(false) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_walks_that_know_nothing_of_each_other_do_not_lead() -> None:
    false = []
    for seed in range(100):
        features = made_features(strength=0.0, others=3, seed=seed)
        values = np.cumsum(np.nan_to_num(features.values), axis=0)
        found = lead_lags(replace(features, values=values), slice(0, ROWS), 5, Differencing.NONE)
        false.append(any(one.is_used for one in chosen(found, {one.lead for one in found})))
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
