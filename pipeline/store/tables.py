"""The tables and their columns, each with a comment; the public views over them are in `views`.

Names of timestamps end in `_at_utc` (naive UTC), those of session dates in `_date`; prices are in the asset's
currency. price_bars, corporate_actions and scores are append-only: a changed value becomes a new row, and the
old row gets its `superseded_at_utc`. The row whose `superseded_at_utc` is NULL is the current row.
"""

from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from pipeline.store.evidence import EVIDENCE


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in Python, naive UTC in the database; ValueError for a naive datetime."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the datetime {value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Figure(TypeDecorator[float]):
    """A float that may be undefined: NaN in Python, NULL in the database."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or isnan(value) else value

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return nan if value is None else value


metadata = MetaData()

SERIES = ("symbol", "model", "config_hash", "horizon")
"""The columns that identify a series of forecasts, as in `types.SeriesKey`."""

SYMBOL = "The asset, as its price source spells it"
MODEL = "The model's name"
CONFIG_HASH = "Hash of all settings that the model's forecasts depend on"
HORIZON = "Sessions from the origin to the target, from 1"
RUN = "The run that wrote this row"


def _column(name: str, kind: type[TypeEngine[Any]], comment: str, *parts: ForeignKey) -> Column[Any]:
    return Column(name, kind, *parts, nullable=False, comment=comment)


def _optional(name: str, kind: type[TypeEngine[Any]], comment: str) -> Column[Any]:
    return Column(name, kind, nullable=True, comment=comment)


def _identity(name: str) -> Column[Any]:
    return Column(name, Integer, primary_key=True, comment="Running number")


def _symbol() -> Column[Any]:
    return _column("symbol", Text, SYMBOL, ForeignKey("assets.symbol"))


def _run() -> Column[Any]:
    return _column("run_id", Integer, RUN, ForeignKey("runs.run_id"))


def _superseded() -> Column[Any]:
    return _optional("superseded_at_utc", UtcDateTime, "When a newer row took its place; NULL: current")


def _unique_while_current(name: str, table: Table, *columns: str) -> Index:
    """Create an index that allows one current row (`superseded_at_utc` NULL) per combination of `columns`."""
    current = table.c.superseded_at_utc.is_(None)
    keys = [table.c[column] for column in columns]
    return Index(name, *keys, unique=True, sqlite_where=current, postgresql_where=current)


runs = Table(
    "runs",
    metadata,
    _identity("run_id"),
    _column("command", Text, "The command that started the run"),
    _column("source", Text, "Where the prices came from"),
    _column("as_of_utc", UtcDateTime, "The run's as_of: nothing that settled later is used"),
    _column("started_at_utc", UtcDateTime, "UTC time of the start"),
    _optional("finished_at_utc", UtcDateTime, "UTC time of the end; NULL: running, or crashed"),
    _column("status", Text, "running, done, degraded or failed"),
    _column("code_version", Text, "Version of pricecast"),
    _column("settings", Text, "All settings, as JSON"),
    _optional("summary", Text, "What happened, as JSON: failures and counts"),
    comment="One row for each run: what was asked for, and how it ended",
)

assets = Table(
    "assets",
    metadata,
    Column("symbol", Text, primary_key=True, comment=SYMBOL),
    _column("calendar", Text, "Trading calendar, an exchange_calendars name"),
    _column("currency", Text, "Currency of its prices"),
    _column("leads", Text, 'Symbols of the assets that lead it, as a JSON list, or "auto"'),
    _column("first_run_id", Integer, "The run in which it first appeared", ForeignKey("runs.run_id")),
    _optional("asked_from_date", Date, "First session date that was ever asked for"),
    comment="Every asset that has prices or forecasts here",
)

price_bars = Table(
    "price_bars",
    metadata,
    _identity("bar_id"),
    _symbol(),
    _column("session_date", Date, "The exchange's local trading date (UTC date for crypto)"),
    _column("revision", Integer, "0 for the bar as first seen, then 1, 2, ..."),
    _column("open", Float, "First price"),
    _column("high", Float, "Highest price"),
    _column("low", Float, "Lowest price"),
    _column("close", Float, "Last price, adjusted for splits but not for dividends"),
    _column("volume", Float, "Traded volume"),
    _column("first_seen_at_utc", UtcDateTime, "When this revision was first downloaded"),
    _superseded(),
    _run(),
    UniqueConstraint("symbol", "session_date", "revision", name="price_bars_revision"),
    comment="Daily bars, append-only: a bar that changes becomes a new revision",
)
_unique_while_current("price_bars_current", price_bars, "symbol", "session_date")

rejected_bars = Table(
    "rejected_bars",
    metadata,
    _identity("rejected_id"),
    _symbol(),
    _column("date_text", Text, "The row's date as the source wrote it"),
    _optional("session_date", Date, "Session date of the row; NULL: its date cannot be read"),
    _column("reason", Text, "Why the row is quarantined"),
    _column(
        "code", Text, "The reason as a code (types.QuarantineCode), which says whether it can be released"
    ),
    _column("row", Text, "The row's values, as JSON"),
    _column("first_seen_at_utc", UtcDateTime, "When the row was first downloaded"),
    _run(),
    _optional(
        "decision", Text, "A person's decision. released: store it; rejected: never store it; NULL: none yet"
    ),
    _optional("decided_at_utc", UtcDateTime, "When that was decided"),
    _optional("resolved_at_utc", UtcDateTime, "When it was stored, or the source no longer gave it"),
    UniqueConstraint("symbol", "date_text", "reason", "row", name="rejected_bars_row"),
    comment="Quarantined rows: downloaded, doubted and not stored as prices; with a person's decisions",
)

gaps = Table(
    "gaps",
    metadata,
    _identity("gap_id"),
    _symbol(),
    _column("session_date", Date, "The expected session without an accepted bar"),
    _column("first_seen_at_utc", UtcDateTime, "When it was first found missing"),
    _run(),
    _optional("filled_at_utc", UtcDateTime, "When a bar for it was stored; NULL: still missing"),
    UniqueConstraint("symbol", "session_date", name="gaps_session"),
    comment="Expected sessions without a stored bar",
)

corporate_actions = Table(
    "corporate_actions",
    metadata,
    _identity("action_id"),
    _symbol(),
    _column("ex_date", Date, "First session traded without it"),
    _column("kind", Text, "dividend or split"),
    _column("value", Float, "Dividend: amount a share; split: new shares for one old"),
    _column("first_seen_at_utc", UtcDateTime, "When this value was first downloaded"),
    _superseded(),
    _run(),
    _optional("missing_since_utc", UtcDateTime, "Since when the source no longer gives it; NULL: it does"),
    comment="Dividends and splits, append-only: a value that changes becomes a new row",
)
_unique_while_current("corporate_actions_current", corporate_actions, "symbol", "kind", "ex_date")

rebasings = Table(
    "rebasings",
    metadata,
    _identity("rebasing_id"),
    _symbol(),
    _column("through_date", Date, "Last session that is in the new units"),
    _column("ratio", Float, "New close divided by the old close"),
    _column("n_bars", Integer, "Stored bars that were replaced"),
    _column("first_seen_at_utc", UtcDateTime, "When the source first gave the new units"),
    _run(),
    comment="Histories that were converted to new units, for example after a split",
)

fits = Table(
    "fits",
    metadata,
    _identity("fit_id"),
    _run(),
    _symbol(),
    _column("model", Text, MODEL),
    _column("config_hash", Text, CONFIG_HASH),
    _column("data_hash", Text, "Hash of the rows it was trained on"),
    _column("seed", Integer, "Seed of its random numbers"),
    _column("code_version", Text, "Version of pricecast that fitted it"),
    _column("kind", Text, "live, backtest or audit"),
    _column("adjustment", Text, "What its prices are adjusted for: splits, or dividends too"),
    _column("way", Text, "cold: from new weights; warm: from the weights of the previous fit"),
    _optional("start_hash", Text, "Hash of the weights that a warm fit started from; NULL: cold"),
    _column("trained_from_date", Date, "First training session"),
    _column("trained_through_date", Date, "Last session that a training or validation target touches"),
    _column("n_training", Integer, "Training windows"),
    _column("n_validation", Integer, "Validation windows"),
    _optional(
        "adf_p", Figure, "p-value of the null hypothesis that the differenced close has a unit root (ADF)"
    ),
    _optional(
        "kpss_p", Figure, "p-value of the null hypothesis that the differenced close is stationary (KPSS)"
    ),
    _optional(
        "naive_mae", Figure, "Mean absolute one-session change of the close in training: scale of MASE"
    ),
    _column("best_epoch", Integer, "The epoch whose weights were kept"),
    _column("made_at_utc", UtcDateTime, "UTC time at which it was stored"),
    _column("epochs", Text, "Loss by epoch, as JSON: [[epoch, training, validation or null], ...]"),
    _optional("weights", LargeBinary, "Weights as .npz without pickle; NULL: none kept, or pruned"),
    comment="Every trained model with what it takes to train it again",
)
Index("fits_by_model", fits.c.symbol, fits.c.model, fits.c.config_hash, fits.c.fit_id)
_weights_kept = fits.c.weights.is_not(None)
Index("fits_with_weights", fits.c.made_at_utc, sqlite_where=_weights_kept, postgresql_where=_weights_kept)

fit_leads = Table(
    "fit_leads",
    metadata,
    Column("fit_id", Integer, ForeignKey("fits.fit_id"), primary_key=True, comment="The fit"),
    Column("lead", Text, ForeignKey("assets.symbol"), primary_key=True, comment="The other asset"),
    _column("sessions_ahead", Integer, "Sessions by which its changes go before the asset's"),
    _optional("correlation", Figure, "Correlation at that distance, on the training rows"),
    _optional("p_value", Figure, "p-value of the null hypothesis of no correlation 1 to H sessions ahead"),
    _column("n", Integer, "Pairs of changes in the correlation"),
    _column("is_used", Boolean, "1: a feature of the fit"),
    comment="Correlation of each fit's leads with its asset, on its training rows",
)

forecasts = Table(
    "forecasts",
    metadata,
    _identity("forecast_id"),
    _column("fit_id", Integer, "The fit that issued it", ForeignKey("fits.fit_id")),
    _run(),
    _symbol(),
    _column("model", Text, MODEL),
    _column("config_hash", Text, CONFIG_HASH),
    _column("kind", Text, "live, backtest or audit (a fit from new weights, compared with a warm one)"),
    _column("horizon", Integer, HORIZON),
    _column("origin_date", Date, "Last settled session that the forecast knows"),
    _column("target_date", Date, "The session it forecasts"),
    _column("last_close", Float, "Close of the origin as known when it was issued"),
    _column("forecast_close", Float, "Forecast close of the target, in the price basis of the origin"),
    _optional("lower_80", Figure, "Lower end of the 80% band; NULL: too few past errors"),
    _optional("upper_80", Figure, "Upper end of the 80% band"),
    _optional("lower_95", Figure, "Lower end of the 95% band; NULL: too few past errors"),
    _optional("upper_95", Figure, "Upper end of the 95% band"),
    _column("is_late", Boolean, "1: the target had already settled when it was made"),
    _column("made_at_utc", UtcDateTime, "UTC time at which it was stored"),
    UniqueConstraint(
        "symbol", "model", "config_hash", "kind", "origin_date", "horizon", name="forecasts_series"
    ),
    comment="Every forecast as issued, never changed",
)

scores = Table(
    "scores",
    metadata,
    _identity("score_id"),
    _column("forecast_id", Integer, "The forecast scored", ForeignKey("forecasts.forecast_id")),
    _run(),
    _column("actual_close", Float, "Close of the target in the price basis of the forecast's origin"),
    _column("error", Float, "Forecast minus actual"),
    _column("naive_error", Float, "Last close minus actual"),
    _column("scored_at_utc", UtcDateTime, "UTC time at which it was scored"),
    _superseded(),
    comment="Errors of matured forecasts, append-only: a revised actual gives a new score",
)
_unique_while_current("scores_current", scores, "forecast_id")

metrics = Table(
    "metrics",
    metadata,
    _identity("metric_id"),
    _run(),
    _symbol(),
    _column("model", Text, MODEL),
    _column("config_hash", Text, CONFIG_HASH),
    _column("horizon", Integer, HORIZON),
    _column("kind", Text, "live or backtest: the forecasts it is computed from"),
    _column("metric", Text, "The metric's name"),
    _optional("value", Figure, "Its value; NULL: undefined"),
    _column("n", Integer, "Forecasts it is computed from"),
    _column("as_of_utc", UtcDateTime, "The as_of of the run: nothing that settled later is used"),
    _column("made_at_utc", UtcDateTime, "UTC time at which it was stored"),
    comment="Metrics of each series through time, a row whenever one changes",
)
Index(
    "metrics_newest",
    *(metrics.c[name] for name in (*SERIES, "kind", "metric", "as_of_utc", "metric_id")),
)

verdicts = Table(
    "verdicts",
    metadata,
    _identity("verdict_id"),
    _run(),
    _symbol(),
    _column("model", Text, MODEL),
    _column("config_hash", Text, CONFIG_HASH),
    _column("horizon", Integer, HORIZON),
    _column("verdict", Text, "SKILLED, ECHO, SUSPECT_ECHO, NO_SKILL, WORSE or INSUFFICIENT"),
    _column("n", Integer, "Scored forecasts that were judged, live and backtest together"),
    _optional("n_live", Integer, "How many of them are live"),
    _optional(
        "n_left_out", Integer, "Scored forecasts outside the longest stretch without a missing session"
    ),
    _optional("first_origin_date", Date, "Origin of the first of them"),
    _optional("last_origin_date", Date, "Origin of the last of them"),
    *(_optional(name, Figure, comment) for name, comment in EVIDENCE.items()),
    _column("nearest_naive", Text, "The naive rule that the forecasts are most similar to"),
    _column("is_promoted", Boolean, "1: SKILLED, and the e-value has reached 20"),
    _column("sentence", Text, "The verdict in words"),
    _column("as_of_utc", UtcDateTime, "The as_of of the run: nothing that settled later is used"),
    _column("judged_at_utc", UtcDateTime, "UTC time at which it was judged"),
    comment="Lag verdicts of each series with their evidence, a row whenever one changes",
)
Index("verdicts_newest", *(verdicts.c[name] for name in (*SERIES, "as_of_utc", "verdict_id")))
