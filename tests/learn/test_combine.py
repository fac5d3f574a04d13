"""Ensembles: what they are made of, and what their weights may know."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.learn.combine import AlreadyIssued, blocks, combine_members, shrinkage
from pipeline.models import configure
from pipeline.models.weights import unpack
from pipeline.settings import EnsembleSettings
from pipeline.types import BoolArray, ForecastBlock, ForecastKind, MemberForecasts, Weighting
from tests.made import DAY, LED, SMALL, made_dates
from tests.market import Market, market_in

ORIGINS, HORIZONS = 120, 2
MIN_KNOWN_OUTCOMES = 30


def made_members(knowledge: float, seed: int = 0) -> MemberForecasts:
    """Two members whose predicted changes hold so much of the move, and twice its noise."""
    rng = np.random.default_rng(seed)
    last = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, ORIGINS)))
    moves = rng.normal(0, 0.02, (ORIGINS, HORIZONS))
    said = knowledge * moves + rng.normal(0, 0.02, (2, ORIGINS, HORIZONS))
    origins = made_dates(ORIGINS)
    targets = origins[:, None] + np.arange(1, HORIZONS + 1)
    actual = last[:, None] * np.exp(moves)
    actual[targets > origins[-1]] = np.nan
    return MemberForecasts(
        origin_dates=origins,
        last_closes=last,
        target_dates=targets,
        closes=last[:, None] * np.exp(said),
        actual_closes=actual,
        fit_ids=np.repeat([1, 2], ORIGINS // 2),
        naive_maes=np.ones(ORIGINS),
    )


def test_an_ensemble_is_complete_with_a_backtest_and_a_forecast_from_the_newest_session() -> None:
    origins = made_dates(3)
    for has_backtest in (True, False):
        issued = AlreadyIssued(has_backtest, origins)
        assert issued.is_complete(origins[-1]) is has_backtest
        assert issued.is_complete(origins[-1] + DAY) is False


def test_the_mean_is_that_of_the_log_changes() -> None:
    members = made_members(0.5)
    found = combine_members(members, Weighting.EQUAL)
    np.testing.assert_allclose(found.closes, np.sqrt(members.closes[0] * members.closes[1]))
    np.testing.assert_array_equal(found.weights, 1.0)


def test_members_that_know_nothing_are_shrunk_to_the_last_value() -> None:
    found = combine_members(made_members(0.0), Weighting.SHRUNK)
    assert found.weights[60:].mean() < 0.2
    assert combine_members(made_members(1.0), Weighting.SHRUNK).weights[60:].mean() > 0.5


def test_a_weight_equals_the_slope_through_the_origin_of_what_was_known() -> None:
    members = made_members(0.3)
    found = combine_members(members, Weighting.SHRUNK)
    changes = np.log(combine_members(members, Weighting.EQUAL).closes / members.last_closes[:, None])
    moves = np.log(members.actual_closes / members.last_closes[:, None])
    for row in (0, MIN_KNOWN_OUTCOMES, 60, ORIGINS - 1):
        for h in range(HORIZONS):
            known = [i for i in range(ORIGINS) if members.target_dates[i, h] <= members.origin_dates[row]]
            x, y = changes[known, h], moves[known, h]
            expected = (
                np.clip((x * y).sum() / (x * x).sum(), 0, 1) if len(known) >= MIN_KNOWN_OUTCOMES else 0.0
            )
            assert found.weights[row, h] == pytest.approx(expected)


@given(row=st.integers(0, ORIGINS - 1), seed=st.integers(0, 20))
def test_what_comes_after_an_origin_changes_nothing_before_it(row: int, seed: int) -> None:
    members = made_members(0.5, seed)
    later = np.where(members.target_dates > members.origin_dates[row], 3.0, 1.0)
    closes = members.closes.copy()
    closes[:, row + 1 :] *= 1.3
    changed = replace(members, closes=closes, actual_closes=members.actual_closes * later)
    for weighting in Weighting:
        before, after = combine_members(members, weighting), combine_members(changed, weighting)
        np.testing.assert_array_equal(before.closes[: row + 1], after.closes[: row + 1])


def test_forecasts_of_no_change_at_all_have_no_weight() -> None:
    dates, moves = made_dates(60), np.random.default_rng(0).normal(size=60)
    np.testing.assert_array_equal(shrinkage(dates, dates + DAY, np.zeros(60), moves), 0.0)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (("ridge", "drift"), "'drift' of ensemble-mean is not among"),
        (("ridge", "ensemble-shrunk"), "not among"),
    ],
    ids=["not configured", "an ensemble"],
)
def test_members_have_to_be_models_of_the_configuration(members: tuple[str, ...], said: str) -> None:
    settings = SMALL.model_copy(
        update={
            "models": ("ridge", "ensemble-shrunk", "ensemble-mean"),
            "ensemble": EnsembleSettings(members=members),
        }
    )
    with pytest.raises(ConfigError, match=said):
        configure(settings, LED, "ensemble-mean")


def test_another_member_is_another_ensemble() -> None:
    settings = SMALL.model_copy(update={"models": ("last-value", "drift", "ridge", "ensemble-mean")})
    hashes = {
        configure(
            settings.model_copy(update={"ensemble": EnsembleSettings(members=members)}), LED, "ensemble-mean"
        ).config_hash
        for members in (("drift", "ridge"), ("drift", "last-value"))
    }
    assert len(hashes) == 2


@pytest.fixture
def market(tmp_path: Path) -> Market:
    market = market_in(tmp_path)
    market.configure('["drift", "ridge", "ensemble-mean", "ensemble-shrunk"]')
    text = market.config.read_text(encoding="utf-8").replace("origins = 20", "origins = 60")
    added = '\n[ensemble]\nmembers = ["drift", "ridge"]\n'
    market.config.write_text(text + added, encoding="utf-8")
    return market


ISSUED = """
SELECT origin_date, horizon, last_close, forecast_close FROM forecasts
WHERE symbol = 'GOOD-USD' AND model = '{}' ORDER BY origin_date, horizon
"""


def test_the_job_issues_scores_and_judges_ensembles_as_any_model(market: Market) -> None:
    assert market.run() == 0
    drift, ridge, mean = (market.ask(ISSUED.format(name)) for name in ("drift", "ridge", "ensemble-mean"))
    assert len(mean) == 2 * 61
    for one, other, both in zip(drift, ridge, mean, strict=True):
        assert both[:3] == one[:3] == other[:3]
        assert both[3] == pytest.approx(np.sqrt(float(str(one[3])) * float(str(other[3]))))
    assert market.count("model_verdicts", "model LIKE 'ensemble%'") == 2 * 2 * 2
    assert market.count("latest_forecasts", "model LIKE 'ensemble%' AND lower_80 IS NOT NULL") == 2 * 2 * 2
    assert market.count("forecast_history", "model = 'ensemble-mean' AND kind = 'live'") == 2 * 2


def test_a_run_again_adds_nothing_and_a_later_one_the_new_origin(market: Market) -> None:
    assert market.run(as_of="2025-06-07") == 0
    before = market.count("forecasts")
    assert market.run(as_of="2025-06-07") == 0
    assert market.count("forecasts") == before
    assert market.run(as_of="2025-06-08") == 0
    assert market.count("forecasts") == before + 2 * 4 * 2


def test_a_member_that_fails_is_named(market: Market) -> None:
    text = market.config.read_text(encoding="utf-8")
    market.config.write_text(text + "\n[model.ridge]\ntrain_sessions = 2000\ntime_steps = 150\n", "utf-8")
    assert market.run() == 3
    failures = {one["model"]: one["message"] for one in market.summary()["failures"]}  # type: ignore[index]
    assert "needs the forecasts of all its members from 2025-06-09" in failures["ensemble-mean"]


def test_an_origin_that_was_forecast_live_is_no_backtest_later(market: Market) -> None:
    text = market.config.read_text(encoding="utf-8").replace("origins = 60", "origins = 0")
    market.config.write_text(text, encoding="utf-8")
    for day in ("2025-06-07", "2025-06-08", "2025-06-09"):
        assert market.run(as_of=day) == 0
    assert market.count("forecasts", "kind = 'backtest'") == 0
    assert market.count("forecasts", "model = 'ensemble-mean'") == 2 * 2 * 3


ENSEMBLE = configure(
    SMALL.model_copy(
        update={
            "horizons": 2,
            "models": ("drift", "ridge"),
            "ensemble": EnsembleSettings(members=("drift", "ridge")),
        }
    ),
    LED,
    "ensemble-mean",
)


def issued_blocks(
    members: MemberForecasts, issued: BoolArray, kind: ForecastKind = ForecastKind.BACKTEST
) -> list[ForecastBlock]:
    return list(blocks(combine_members(members, Weighting.SHRUNK), issued, ENSEMBLE, "MADE", kind))


def test_other_member_forecasts_anywhere_in_a_block_are_another_provenance() -> None:
    members = made_members(0.5)
    closes = members.closes.copy()
    closes[:, 50] *= 1.1
    issued = np.ones(ORIGINS, dtype=bool)
    first, changed = (
        issued_blocks(each, issued)[0].fit.provenance for each in (members, replace(members, closes=closes))
    )
    assert first.data_hash != changed.data_hash


def test_a_block_is_issued_for_each_fit_of_the_first_member_and_holds_the_issued_origins_alone() -> None:
    members = made_members(0.5)
    issued = np.arange(ORIGINS) % 3 == 0
    first, second = issued_blocks(members, issued)
    half = ORIGINS // 2
    np.testing.assert_array_equal(first.origin_dates, members.origin_dates[:half][issued[:half]])
    np.testing.assert_array_equal(second.origin_dates, members.origin_dates[half:][issued[half:]])
    np.testing.assert_array_equal(second.last_closes, members.last_closes[half:][issued[half:]])
    np.testing.assert_array_equal(second.target_dates, members.target_dates[half:][issued[half:]])


def test_a_block_rests_on_all_that_its_last_origin_knew_and_on_nothing_later() -> None:
    members = replace(made_members(0.5), naive_maes=np.arange(ORIGINS) + 1.0)
    first, second = (block.fit.provenance for block in issued_blocks(members, np.ones(ORIGINS, dtype=bool)))
    half = ORIGINS // 2
    assert first.trained_from == second.trained_from == members.origin_dates[0]
    assert first.trained_through == members.origin_dates[half - 1]
    assert second.trained_through == members.origin_dates[-1]
    assert (first.n_training, second.n_training) == (half - 1, ORIGINS - 1)
    assert (first.n_validation, second.n_validation) == (0, 0)
    assert (first.naive_mae, second.naive_mae) == (1.0, half + 1.0)


def test_before_any_outcome_a_block_rests_on_the_day_of_its_origin() -> None:
    issued = np.arange(ORIGINS) == 0
    (block,) = issued_blocks(made_members(0.5), issued)
    assert block.fit.provenance.trained_through == block.origin_dates[0]
    assert block.fit.provenance.n_training == 0


def test_a_data_hash_is_that_of_the_members_forecasts_and_of_the_outcomes_known_by_then() -> None:
    """Hashes that were stored are compared with those of a replay, so they stay the same for ever."""
    members, through = made_members(0.5), 40
    (block,) = issued_blocks(members, np.arange(ORIGINS) == through - 1)
    newest = members.origin_dates[through - 1]
    outcomes = np.where(members.target_dates <= newest, members.actual_closes, 0.0)[:through]
    arrays = (members.closes[:, :through], members.origin_dates[:through], members.last_closes[:through])
    expected = hashlib.sha256(b"".join(array.tobytes() for array in (*arrays, outcomes))).hexdigest()
    assert block.fit.provenance.data_hash == expected[:16]


def test_a_live_block_keeps_the_weights_of_its_origin_and_a_backtest_keeps_none() -> None:
    members, newest = made_members(0.5), np.arange(ORIGINS) == ORIGINS - 1
    (live,) = issued_blocks(members, newest, ForecastKind.LIVE)
    (backtest,) = issued_blocks(members, newest)
    kept = unpack(live.fit.weights)["weights"]
    np.testing.assert_array_equal(kept, combine_members(members, Weighting.SHRUNK).weights[-1])
    assert backtest.fit.weights == b""
    assert (live.fit.epochs, live.fit.best_epoch) == ((), 0)


def test_past_errors_are_those_of_forecasts_whose_outcome_is_known() -> None:
    members = made_members(0.5)
    found = combine_members(members, Weighting.EQUAL)
    for h, past in enumerate(found.past_errors()):
        known = ORIGINS - 1 - h
        np.testing.assert_array_equal(past.target_dates, members.target_dates[:known, h])
        log_errors = np.log(found.closes[:known, h]) - np.log(members.actual_closes[:known, h])
        np.testing.assert_allclose(past.abs_log_errors, np.abs(log_errors), atol=1e-12)


@pytest.mark.parametrize(("slope", "weight"), [(0.25, 0.25), (3.0, 1.0), (-2.0, 0.0)])
def test_a_weight_is_the_slope_cut_to_between_nothing_and_all(slope: float, weight: float) -> None:
    dates, changes = made_dates(60), np.random.default_rng(0).normal(size=60)
    weights = shrinkage(dates, dates + DAY, changes, slope * changes)
    np.testing.assert_allclose(weights[MIN_KNOWN_OUTCOMES:], weight)
    np.testing.assert_array_equal(weights[:MIN_KNOWN_OUTCOMES], 0.0)


def test_forecasts_that_are_known_to_be_too_few_until_now_weigh_nothing_though_later_ones_follow() -> None:
    dates = made_dates(60)
    weights = shrinkage(dates, dates + 40 * DAY, np.ones(60), np.ones(60))
    np.testing.assert_array_equal(weights, 0.0)


def test_an_outcome_that_is_not_known_yet_teaches_nothing_later_either() -> None:
    dates, changes = made_dates(60), np.random.default_rng(0).normal(size=60)
    moves = 0.5 * changes
    moves[5:10] = np.nan
    np.testing.assert_allclose(shrinkage(dates, dates + DAY, changes, moves)[36:], 0.5)
