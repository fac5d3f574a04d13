"""The forecasts of an old run, made again from what was known then: the same bits, if the record holds.

Prices are those that the run knew when it had ingested, settings those that it was told. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline import __version__
from pipeline.assign import History, features_of, read_history
from pipeline.errors import PricecastError
from pipeline.job import Moment
from pipeline.models import configure
from pipeline.models.base import EnsembleParameters, LstmParameters, ModelConfig
from pipeline.settings import Settings
from pipeline.store import Connection, Engine, read_past, read_then, reading
from pipeline.train import start_hash
from pipeline.types import ForecastBlock, IssuedForecasts, PastRun, Replayed
from pipeline.walk_forward import Assignment, Forecasted, WarmStart
from pipeline.workers import Workers, open_workers

OF_MEMBERS = "made of its members' forecasts, not replayed"
CONFIGURED_OTHERWISE = "this version of pricecast configures it otherwise"
OTHER_BITS = "the forecasts differ"


def replay(store: Engine, run_id: int) -> tuple[Replayed, ...]:
    """Make the forecasts of a run again and compare them, by asset and model.

    UsageError when there is no such run. Weights that a warm fit went on from are needed as long as they are
    kept; without them it cannot be made again, and the note says so.
    """
    with reading(store) as connection:
        run = read_then.past_run(connection, run_id)
        issued = read_then.issued_by(connection, run_id)
        settings = Settings.model_validate_json(run.settings_json)
        with open_workers(settings) as workers:
            then = _Then(connection, run, Moment(settings, run.as_of), workers)
            symbols = dict.fromkeys(one.symbol for one in issued)
            return tuple(
                replayed
                for symbol in symbols
                for replayed in _of_asset(then, [one for one in issued if one.symbol == symbol])
            )


@dataclass(frozen=True, eq=False)
class _Then:
    """A run of the record with all it takes to make it again."""

    connection: Connection
    run: PastRun
    moment: Moment
    workers: Workers


def _of_asset(then: _Then, issued: Sequence[IssuedForecasts]) -> Iterator[Replayed]:
    asset = then.moment.settings.asset(issued[0].symbol)
    history = read_history(then.moment, asset, partial(read_then.prices_known_to, then.connection, then.run))
    for one in issued:
        try:
            config = configure(then.moment.settings, asset, one.model)
            yield _of_model(then, history, config, one)
        except PricecastError as error:
            yield Replayed(one.symbol, one.model, len(one.closes), 0, error.what)


def _of_model(then: _Then, history: History, config: ModelConfig, issued: IssuedForecasts) -> Replayed:
    symbol, model, count = issued.symbol, issued.model, len(issued.closes)
    if isinstance(config.parameters, EnsembleParameters):
        return Replayed(symbol, model, 0, 0, OF_MEMBERS)
    if config.config_hash != issued.config_hash:
        return Replayed(symbol, model, count, 0, CONFIGURED_OTHERWISE)
    plan = then.moment.settings.backtest
    assignment = Assignment(
        features=features_of(history, config),
        config=config,
        calendar=history.calendar,
        backtest_origins=0 if issued.is_live.all() else plan.origins,
        refit_every=plan.refit_every,
        is_live=bool(issued.is_live.any()),
        warm_start=_warm_start(then.connection, history, config, issued),
    )
    same = _count_same(issued, then.workers.submit(assignment).result)
    notes = () if same == count else (OTHER_BITS, *_reasons(then.run, issued, assignment.warm_start))
    return Replayed(symbol, model, count, same, "; ".join(notes))


def _reasons(run: PastRun, issued: IssuedForecasts, warm: WarmStart | None) -> Iterator[str]:
    """What may be why forecasts do not come out the same."""
    if run.code_version != __version__:
        yield f"issued by pricecast {run.code_version}, this is {__version__}"
    before = b"" if warm is None else warm.before
    if start_hash(before) != issued.live_start_hash:
        yield "the weights that it went on from are no longer kept"


def _warm_start(
    connection: Connection, history: History, config: ModelConfig, issued: IssuedForecasts
) -> WarmStart | None:
    """As the run went on from earlier weights; audits are not made again."""
    if not isinstance(config.parameters, LstmParameters) or not issued.is_any_warm:
        return None
    key = (issued.symbol, issued.model, issued.config_hash)
    before = read_past.weights_before(connection, *key, history.newest)
    is_from_stored = start_hash(before) == issued.live_start_hash
    return WarmStart(before if is_from_stored else b"", history.newest, config.parameters.audit_days)


def _count_same(issued: IssuedForecasts, forecasted: Forecasted) -> int:
    again = {**_by_key(forecasted.backtests, is_live=False), **_by_key(forecasted.live, is_live=True)}
    keys = zip(issued.is_live.tolist(), issued.origin_dates.tolist(), issued.horizons.tolist(), strict=True)
    found = np.array([again.get(key, (np.nan, np.nan)) for key in keys]).reshape(-1, 2)
    return int(((found[:, 0] == issued.last_closes) & (found[:, 1] == issued.closes)).sum())


def _by_key(
    blocks: Sequence[ForecastBlock], *, is_live: bool
) -> dict[tuple[bool, object, int], tuple[float, float]]:
    return {
        (is_live, origin, horizon): (last_close, close)
        for block in blocks
        for origin, last_close, closes in zip(
            block.origin_dates.tolist(), block.last_closes.tolist(), block.closes.tolist(), strict=True
        )
        for horizon, close in zip(block.horizons.tolist(), closes, strict=True)
    }
