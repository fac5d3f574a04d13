"""Make the forecasts of a past run again from what was known then, and compare them bit for bit.

The prices are those that the run knew after its downloads, the settings its own. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from pipeline import __version__
from pipeline.errors import PricecastError, StoreError
from pipeline.job.workers import Workers, open_workers
from pipeline.learn.history import History, PointInTime, features_of, read_history
from pipeline.learn.train import start_hash
from pipeline.learn.walk_forward import Assignment, Forecasted, WarmStart
from pipeline.models import configure
from pipeline.models.base import EnsembleParameters, LstmParameters, ModelConfig
from pipeline.settings import Settings
from pipeline.store import Connection, Engine, read_as_of, read_past, read_runs, reading
from pipeline.types import ForecastBlock, IssuedForecasts, PastRun, Replayed

OF_MEMBERS = "not replayed: an ensemble derives from its members' forecasts"
CONFIGURED_OTHERWISE = "this version of pricecast configures the model differently"
OTHER_BITS = "the forecasts differ"


def replay(store: Engine, run_id: int) -> tuple[Replayed, ...]:
    """Make the forecasts of a past run again and count those that are equal, by asset and model.

    UsageError when there is no such run, StoreError when its settings cannot be read any more. Weights that a
    warm fit went on from are needed as long as they are kept; without them it cannot be made again, and the
    note says so.
    """
    with reading(store) as connection:
        run = read_runs.past_run(connection, run_id)
        issued = read_as_of.issued_by(connection, run_id)
        settings = _settings_of(run)
        with open_workers(settings) as workers:
            then = _Then(connection, run, PointInTime(settings, run.as_of), workers)
            symbols = dict.fromkeys(one.symbol for one in issued)
            return tuple(
                replayed
                for symbol in symbols
                for replayed in _of_asset(then, [one for one in issued if one.symbol == symbol])
            )


def _settings_of(run: PastRun) -> Settings:
    try:
        return Settings.model_validate_json(run.settings_json)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreError(
            f"the settings of run {run.run_id} cannot be read: '{key}': {error.errors()[0]['msg']}",
            f"It was made by pricecast {run.code_version}, this is {__version__}: replay it with that one.",
        ) from error


@dataclass(frozen=True, eq=False)
class _Then:
    """A past run with everything that is needed to make its forecasts again."""

    connection: Connection
    run: PastRun
    known: PointInTime
    workers: Workers


def _of_asset(then: _Then, issued: Sequence[IssuedForecasts]) -> Iterator[Replayed]:
    asset = then.known.settings.asset(issued[0].symbol)
    history = read_history(then.known, asset, partial(read_as_of.prices_known_to, then.connection, then.run))
    for one in issued:
        try:
            config = configure(then.known.settings, asset, one.model)
            yield _of_model(then, history, config, one)
        except PricecastError as error:
            yield Replayed(one.symbol, one.model, len(one.closes), 0, error.what)


def _of_model(then: _Then, history: History, config: ModelConfig, issued: IssuedForecasts) -> Replayed:
    symbol, model, count = issued.symbol, issued.model, len(issued.closes)
    if isinstance(config.parameters, EnsembleParameters):
        return Replayed(symbol, model, 0, 0, OF_MEMBERS)
    if config.config_hash != issued.config_hash:
        return Replayed(symbol, model, count, 0, CONFIGURED_OTHERWISE)
    plan = then.known.settings.backtest
    assignment = Assignment(
        features=features_of(history, config),
        config=config,
        calendar=history.own.calendar,
        backtest_origins=0 if issued.is_live.all() else plan.origins,
        refit_every=plan.refit_every,
        is_live=bool(issued.is_live.any()),
        warm_start=_warm_start(then, history, config, issued),
    )
    again = then.workers.submit(assignment).result
    same = _count_same(issued, again)
    notes = () if same == count else (OTHER_BITS, *_reasons(then.run, issued, again))
    return Replayed(symbol, model, count, same, "; ".join(notes))


def _reasons(run: PastRun, issued: IssuedForecasts, again: Forecasted) -> Iterator[str]:
    """List possible reasons why forecasts are not the same."""
    if run.code_version != __version__:
        yield f"issued by pricecast {run.code_version}, this is {__version__}"
    starts = {block.fit.provenance.start_hash for block in again.live}
    if issued.live_start_hash and issued.live_start_hash not in starts:
        yield "the weights that it went on from are no longer kept"


def _warm_start(
    then: _Then, history: History, config: ModelConfig, issued: IssuedForecasts
) -> WarmStart | None:
    """Load the weights that the run started from; None for cold fits. Audits are not made again."""
    if not isinstance(config.parameters, LstmParameters) or not issued.has_warm_fit:
        return None
    key = (issued.symbol, issued.model, issued.config_hash)
    before = read_past.weights_before(then.connection, *key, history.own.newest, then.run.run_id)
    is_from_stored = start_hash(before) == issued.live_start_hash
    return WarmStart(before if is_from_stored else b"", history.own.newest, config.parameters.audit_days)


def _count_same(issued: IssuedForecasts, forecasted: Forecasted) -> int:
    again = {**_by_key(forecasted.backtests, is_live=False), **_by_key(forecasted.live, is_live=True)}
    keys = _rows(issued.is_live, issued.origin_dates, issued.horizons)
    values = _rows(issued.target_dates, issued.last_closes, issued.closes)
    return sum(again.get(key) == value for key, value in zip(keys, values, strict=True))


def _by_key(blocks: Sequence[ForecastBlock], *, is_live: bool) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Index target date, last close and close of the blocks by kind, origin and horizon."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for block in blocks:
        origins, ahead = block.closes.shape
        kinds = np.full(block.closes.size, is_live)
        keys = _rows(kinds, np.repeat(block.origin_dates, ahead), np.tile(block.horizons, origins))
        last_closes = np.repeat(block.last_closes, ahead)
        found.update(zip(keys, _rows(block.target_dates, last_closes, block.closes), strict=True))
    return found


def _rows(*columns: npt.NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """Convert arrays of n values each into n tuples of plain values."""
    return zip(*(column.ravel().tolist() for column in columns), strict=True)
