from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lead_lag import chosen, cross_correlation, lead_lags, only_used, training_rows
from pipeline.types import Features
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
    return Features("MADE", names, made_dates(ROWS), values, np.full(ROWS, 100.0), unbroken(ROWS))


def test_a_lead_is_found_with_its_distance_and_strength() -> None:
    found = {one.lead: one for one in lead_lags(made_features(), slice(0, ROWS), 5)}
    assert found["LEAD"].sessions_ahead == 2
    assert found["LEAD"].correlation == pytest.approx(0.5, abs=0.1)
    assert found["LEAD"].p_value < 1e-6
    assert found["LEAD"].n == ROWS - 1 - 2


def test_only_what_leads_is_chosen() -> None:
    features = made_features()
    measured = chosen(lead_lags(features, slice(0, ROWS), 5))
    assert [one.lead for one in measured if one.is_used] == ["LEAD"]
    assert only_used(features, measured).names == ("close", "range", "lead:LEAD")


def test_among_many_that_know_nothing_chance_is_rarely_chosen() -> None:
    picked = [
        any(
            one.is_used
            for one in chosen(lead_lags(made_features(strength=0.0, others=8, seed=seed), slice(0, ROWS), 5))
        )
        for seed in range(200)
    ]
    assert np.mean(picked) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_no_more_than_five_are_chosen_and_those_are_the_surest() -> None:
    features = made_features(strength=0.9, sessions=1, others=0)
    rng = np.random.default_rng(1)
    shares = np.linspace(0.2, 0.9, 8)
    columns = [share * features.values[:, 2] + (1 - share) * rng.normal(size=ROWS) for share in shares]
    values = np.column_stack([features.values[:, :2], *columns])
    names = ("close", "range", *(f"lead:L{place}" for place in range(8)))
    measured = chosen(lead_lags(replace(features, names=names, values=values), slice(0, ROWS), 3))
    assert [one.lead for one in measured if one.is_used] == ["L3", "L4", "L5", "L6", "L7"]


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


def test_what_cannot_be_known_is_not_used() -> None:
    features = made_features()
    features.values[:, 2] = np.nan
    features.values[:, 3] = 1.0
    measured = chosen(lead_lags(features, slice(0, ROWS), 5))
    assert np.isnan([one.correlation for one in measured[:2]]).all()
    assert not any(one.is_used for one in measured[:2])


def test_later_rows_change_nothing() -> None:
    features, config = made_features(), config_of("lstm-multivariate")
    rows = training_rows(300, config)
    assert (rows.start, rows.stop) == (300 - 80 + 1, 301 - 12)
    before = lead_lags(features, rows, 3)
    features.values[rows.stop :] = 7.0
    assert lead_lags(features, rows, 3) == before
