"""Small, plausible things to store."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from pipeline.ingest.reconcile import reconcile
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read_known, write, write_prices
from pipeline.types import (
    ActionChanges,
    ActionKind,
    Adjustment,
    Bands,
    Bars,
    CorporateAction,
    DateArray,
    EpochLoss,
    Evidence,
    FitRecord,
    FloatArray,
    ForecastBlock,
    ForecastKind,
    IngestSummary,
    Judgement,
    LagVerdict,
    MetricValue,
    PriceChanges,
    Provenance,
    QuarantinedRow,
    Scores,
    SeriesKey,
    Stationarity,
    ValidatedPrices,
    Verdict,
)

SYMBOL = "AAPL"
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
KEY = SeriesKey(SYMBOL, "ridge", "c1", 1)


def later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def dates(start: str, count: int) -> DateArray:
    return np.datetime64(start, "D") + np.arange(count)


def start_run(conn: Connection, *symbols: str) -> int:
    run_id = write.start_run(
        conn,
        command="run",
        source="simulated",
        as_of=NOON,
        started_at=NOON,
        code_version="1.0",
        settings_json="{}",
    )
    write.register_assets(conn, [AssetSettings(symbol=symbol) for symbol in symbols or (SYMBOL,)], run_id)
    return run_id


def make_bars(
    closes: Sequence[float] | FloatArray,
    start: str = "2024-01-01",
    symbol: str = SYMBOL,
    volume: float = 10.0,
) -> Bars:
    close = np.asarray(closes, dtype=np.float64)
    volumes = np.full(len(close), volume)
    return Bars(symbol, dates(start, len(close)), close, close * 1.01, close * 0.99, close, volumes)


def validated(
    bars: Bars,
    quarantined: tuple[QuarantinedRow, ...] = (),
    actions: tuple[CorporateAction, ...] = (),
    missing: Sequence[str] = (),
    kinds: frozenset[ActionKind] = frozenset(ActionKind),
) -> ValidatedPrices:
    """A download of these bars, which was asked for their sessions and for the missing ones."""
    expected = np.union1d(bars.session_dates, np.array(missing, dtype="datetime64[D]"))
    return ValidatedPrices(bars, quarantined, actions, (), actions, kinds, expected)


def store_prices(
    conn: Connection,
    prices: ValidatedPrices,
    run_id: int,
    seen_at: datetime,
    asked_from: date = date(2024, 1, 1),
) -> IngestSummary:
    """Compare a download with what is stored, and store what has changed, as the ingest step does."""
    known = read_known.known_prices(conn, prices.bars.symbol)
    return store(conn, reconcile(prices, known, seen_at), run_id, seen_at, asked_from)


def changed(
    bars: Bars,
    actions: tuple[CorporateAction, ...] = (),
    quarantined: tuple[QuarantinedRow, ...] = (),
    checked: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> PriceChanges:
    """Changes that take all of this, whatever the price level."""
    return PriceChanges(
        symbol=bars.symbol,
        bars=bars,
        n_new=len(bars),
        n_revised=0,
        rebasing=None,
        n_rebased=0,
        quarantined=quarantined,
        checked_dates=np.array(checked, dtype="datetime64[D]"),
        actions=ActionChanges(actions, (), (), ()),
        missing=np.array(missing, dtype="datetime64[D]"),
    )


def store(
    conn: Connection,
    changes: PriceChanges,
    run_id: int,
    seen_at: datetime,
    asked_from: date = date(2024, 1, 1),
) -> IngestSummary:
    return write_prices.store_changes(conn, changes, asked_from, run_id, seen_at)


def dividend(ex_date: str, value: float, symbol: str = SYMBOL) -> CorporateAction:
    return CorporateAction(symbol, np.datetime64(ex_date, "D"), ActionKind.DIVIDEND, value)


def make_fit(
    model: str = "ridge",
    config_hash: str = "c1",
    kind: ForecastKind = ForecastKind.LIVE,
    symbol: str = SYMBOL,
    weights: bytes = b"weights",
) -> FitRecord:
    nan = float("nan")
    provenance = Provenance(
        symbol=symbol,
        model=model,
        config_hash=config_hash,
        data_hash="d1",
        seed=7,
        code_version="1.0",
        trained_from=np.datetime64("2020-01-01"),
        trained_through=np.datetime64("2023-12-31"),
        n_training=900,
        n_validation=100,
        stationarity=Stationarity(adf_p=0.01, kpss_p=nan),
        naive_mae=1.5,
    )
    return FitRecord(provenance, kind, (EpochLoss(1, 0.9, nan), EpochLoss(2, 0.8, 0.85)), 2, weights)


def reinvesting(fit: FitRecord) -> FitRecord:
    """The same fit, adjusted for dividends."""
    return replace(fit, provenance=replace(fit.provenance, adjustment=Adjustment.DIVIDENDS))


def make_block(
    fit: FitRecord, origins: DateArray, horizons: int = 2, last_close: float = 100.0, forecast: float = 103.0
) -> ForecastBlock:
    shape = (len(origins), horizons)
    targets = origins[:, None] + np.arange(1, horizons + 1)[None, :]
    ahead = np.arange(1, horizons + 1)
    closes = np.full(len(origins), last_close)
    return ForecastBlock(fit, ahead, origins, closes, targets, np.full(shape, forecast))


def no_bands(block: ForecastBlock) -> Bands:
    return Bands(*(np.full(block.closes.shape, np.nan) for _ in range(4)))


def issue(
    conn: Connection, run_id: int, block: ForecastBlock, bands: Bands | None = None, days: float = 0
) -> int:
    is_late: npt.NDArray[np.bool_] = np.zeros(block.closes.shape, dtype=bool)
    return write.store_forecasts(conn, block, bands or no_bands(block), is_late, run_id, later(days))


def make_scores(ids: Sequence[int], actual: float = 101.0, forecast: float = 103.0) -> Scores:
    count = len(ids)
    return Scores(
        np.array(ids, dtype=np.int64),
        np.full(count, actual),
        np.full(count, forecast - actual),
        np.full(count, 100.0 - actual),
    )


def make_metric(value: float, metric: str = "mae", n: int = 50, key: SeriesKey = KEY) -> MetricValue:
    return MetricValue(key, ForecastKind.BACKTEST, metric, value, n)


def make_evidence(n: int = 50) -> Evidence:
    names = [field.name for field in fields(Evidence) if field.type == "float"]
    numbers = {name: 0.01 * place for place, name in enumerate(names)}
    return Evidence(n=n, nearest_naive="y(t)", **{**numbers, "p_echo": 0.98, "distance": float("nan")})


def make_verdict(verdict: Verdict = Verdict.ECHO, key: SeriesKey = KEY, n: int = 50) -> LagVerdict:
    judgement = Judgement(verdict, make_evidence(n), 0.04, False, "It repeats the last value.")
    first, last = np.datetime64("2024-01-02", "D"), np.datetime64("2024-02-20", "D")
    return LagVerdict(key, first, last, n_live=3, n_left_out=0, judgement=judgement)
