"""Track records beside bars: what is judged, and what is left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.forecast_file import ForecastSeries, read_forecast_file
from pipeline.lag import align, as_judged, judge_records
from pipeline.types import Bands, Bars, BoolArray, SeriesKey, TrackRecord, Verdict
from tests.made import DAY, made_bars
from tests.made_forecasts import COLUMNS, written


def record(bars: Bars, start: int = 30, horizon: int = 1, model: str = "any") -> TrackRecord:
    """The last price again, from every bar but the first `start`."""
    n = len(bars) - start - horizon
    last = bars.close[start : start + n]
    nothing = np.full(n, np.nan)
    return TrackRecord(
        key=SeriesKey("MADE", model, "abc", horizon),
        origin_dates=bars.session_dates[start : start + n],
        target_dates=bars.session_dates[start + horizon :],
        is_live=np.arange(n) >= n - 5,
        last_closes=last,
        forecast_closes=last,
        actual_closes=bars.close[start + horizon :],
        naive_maes=np.ones(n),
        bands=Bands(nothing, nothing, nothing, nothing),
    )


def kept(one: TrackRecord, chosen: BoolArray) -> TrackRecord:
    arrays = {name: values[chosen] for name, values in vars(one).items() if isinstance(values, np.ndarray)}
    return replace(one, bands=Bands(*(band[chosen] for band in vars(one.bands).values())), **arrays)


@pytest.mark.parametrize("horizon", [1, 4])
def test_an_unbroken_record_is_judged_whole(horizon: int) -> None:
    bars = made_bars(200)
    aligned = align(record(bars, 30, horizon), bars)
    assert aligned is not None
    assert len(aligned.trial) == 170 - horizon
    np.testing.assert_array_equal(aligned.trial.log_prices, np.log(bars.close[9:]))
    np.testing.assert_array_equal(aligned.target_dates, bars.session_dates[30 + horizon :])


def test_forecasts_without_twenty_one_sessions_before_them_are_left_out() -> None:
    bars = made_bars(100)
    aligned = align(record(bars, 5), bars)
    assert aligned is not None
    assert aligned.target_dates[0] == bars.session_dates[22]


def test_a_day_without_a_forecast_ends_the_stretch() -> None:
    bars = made_bars(200)
    whole = record(bars)
    broken = kept(whole, np.arange(len(whole)) != 50)
    aligned = align(broken, bars)
    assert aligned is not None
    assert aligned.target_dates[0] == whole.target_dates[51 + 21]
    (verdict,) = judge_records([(broken, bars)])
    assert (verdict.judgement.evidence.n, verdict.n_left_out, verdict.n_live) == (97, 71, 5)
    assert (verdict.first_origin, verdict.last_origin) == (whole.origin_dates[72], whole.origin_dates[-1])
    assert verdict.judgement.sentence.endswith("; 71 more left out (gaps or too little history)")


@pytest.mark.parametrize("horizon", [1, 4])
def test_of_two_stretches_the_longer_one_is_judged_to_its_last_forecast(horizon: int) -> None:
    bars = made_bars(200)
    whole = record(bars, 30, horizon)
    aligned = align(kept(whole, np.arange(len(whole)) != 120), bars)
    assert aligned is not None
    np.testing.assert_array_equal(aligned.target_dates, whole.target_dates[:120])


def test_a_forecast_whose_target_has_no_bar_yet_is_not_judged() -> None:
    bars = made_bars(200)
    known = Bars("MADE", *(values[:-1] for values in list(vars(bars).values())[1:]))
    aligned = align(record(bars), known)
    assert aligned is not None
    assert aligned.target_dates[-1] == bars.session_dates[-2]
    assert len(aligned.trial) == len(record(bars)) - 1


def test_a_session_without_a_bar_ends_the_stretch() -> None:
    bars = made_bars(200)
    gone = np.arange(200) != 60
    missing = Bars("MADE", *(values[gone] for values in list(vars(bars).values())[1:]))
    whole = record(bars)
    without = (whole.origin_dates != bars.session_dates[60]) & (whole.target_dates != bars.session_dates[60])
    aligned = align(kept(whole, without), missing)
    assert aligned is not None
    assert len(aligned.trial) == 199 - 61 - 21
    np.testing.assert_array_equal(aligned.trial.log_prices, np.log(bars.close[61:]))


@pytest.mark.parametrize("horizon", [1, 4])
def test_history_reaches_over_no_gap_and_a_file_of_the_same_rows_is_the_same_trial(
    horizon: int, tmp_path: Path
) -> None:
    bars = made_bars(200)
    whole = record(bars, 30, horizon)
    gap = bars.session_dates[60]
    one = kept(whole, (whole.origin_dates != gap) & (whole.target_dates != gap))
    aligned = align(one, Bars("MADE", *(v[bars.session_dates != gap] for v in list(vars(bars).values())[1:])))
    columns = {name: getattr(one, f"{name}s") for name in COLUMNS[:3]}
    prices = {"forecast": one.forecast_closes, "actual": one.actual_closes}
    cells = pd.DataFrame({**columns, **prices}).astype(str)
    (found,) = read_forecast_file(written(tmp_path, cells), horizon)
    assert aligned is not None
    assert isinstance(found, ForecastSeries)
    np.testing.assert_array_equal(aligned.target_dates, found.target_dates)
    np.testing.assert_allclose(aligned.trial.log_prices, found.trial.log_prices, rtol=1e-12)
    np.testing.assert_allclose(aligned.trial.log_forecasts, found.trial.log_forecasts, rtol=1e-12)


def test_a_record_that_starts_with_little_history_says_what_is_left_out() -> None:
    bars = made_bars(100)
    (verdict,) = judge_records([(record(bars, 5), bars)])
    assert verdict.judgement.sentence.endswith("; 16 more left out (gaps or too little history)")


def test_a_split_after_the_forecasts_changes_nothing() -> None:
    bars = made_bars(200)
    one = record(bars)
    halved = Bars("MADE", bars.session_dates, *(values / 2 for values in list(vars(bars).values())[2:]))
    (before,), (after,) = judge_records([(one, bars)]), judge_records([(one, halved)])
    assert after.judgement.verdict is before.judgement.verdict is Verdict.ECHO
    assert after.judgement.evidence.skill == pytest.approx(before.judgement.evidence.skill)


def test_a_record_that_no_bar_belongs_to_has_no_verdict() -> None:
    bars = made_bars(60)
    other = replace(record(bars), origin_dates=record(bars).origin_dates + 1000 * DAY)
    assert align(other, bars) is None
    assert judge_records([(other, bars), (record(bars), made_bars(0))]) == ()


def test_what_a_verdict_rests_on_is_found_again_when_the_record_has_grown() -> None:
    bars = made_bars(200)
    whole = record(bars)
    earlier = kept(whole, np.arange(len(whole)) < 100)
    (verdict,) = judge_records([(earlier, bars)])
    aligned = as_judged(verdict, whole, bars)
    assert aligned is not None
    np.testing.assert_array_equal(aligned.target_dates, earlier.target_dates)


def test_all_records_of_a_horizon_are_judged_together() -> None:
    bars = made_bars(300)
    known = record(bars, model="knowing")
    moves = np.log(known.actual_closes / known.last_closes)
    noise = np.random.default_rng(0).normal(0.0, 0.01, len(known))
    knowing = replace(known, forecast_closes=known.last_closes * np.exp(0.3 * moves + noise))
    (alone,) = judge_records([(knowing, bars)])
    together = judge_records([(knowing, bars), *((record(bars, model=str(k)), bars) for k in range(9))])
    assert together[0].judgement.p_skill_adjusted == pytest.approx(10 * alone.judgement.evidence.p_skill)
    assert [one.key.model for one in together] == ["knowing", *map(str, range(9))]
