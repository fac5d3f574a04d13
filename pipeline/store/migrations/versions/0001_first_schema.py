"""Create the first schema: runs, assets, prices, fits, forecasts, scores, metrics and verdicts.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IS_CURRENT = "superseded_at_utc IS NULL"
WEIGHTS_KEPT = "weights IS NOT NULL"


def upgrade() -> None:
    _create_runs()
    _create_assets()
    _create_price_bars()
    _create_rejected_bars()
    _create_gaps()
    _create_corporate_actions()
    _create_fits()
    _create_forecasts()
    _create_scores()
    _create_metrics()
    _create_verdicts()


def downgrade() -> None:
    for table in (
        "verdicts",
        "metrics",
        "scores",
        "forecasts",
        "fits",
        "corporate_actions",
        "gaps",
        "rejected_bars",
        "price_bars",
        "assets",
        "runs",
    ):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Integer(), primary_key=True),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("as_of_utc", sa.DateTime(), nullable=False),
        sa.Column("started_at_utc", sa.DateTime(), nullable=False),
        sa.Column("finished_at_utc", sa.DateTime(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
    )


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("symbol", sa.Text(), primary_key=True),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("leads", sa.Text(), nullable=False),
        sa.Column("first_run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
    )


def _create_price_bars() -> None:
    op.create_table(
        "price_bars",
        sa.Column("bar_id", sa.Integer(), primary_key=True),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("session_date", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("open", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("close", sa.Float(), nullable=False),
        sa.Column("volume", sa.Float(), nullable=False),
        sa.Column("first_seen_at_utc", sa.DateTime(), nullable=False),
        sa.Column("superseded_at_utc", sa.DateTime(), nullable=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.UniqueConstraint("symbol", "session_date", "revision", name="price_bars_revision"),
    )
    op.create_index(
        "price_bars_current",
        "price_bars",
        ["symbol", "session_date"],
        unique=True,
        sqlite_where=sa.text(IS_CURRENT),
        postgresql_where=sa.text(IS_CURRENT),
    )


def _create_rejected_bars() -> None:
    op.create_table(
        "rejected_bars",
        sa.Column("rejected_id", sa.Integer(), primary_key=True),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("date_text", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("first_seen_at_utc", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.UniqueConstraint("symbol", "date_text", "reason", "row", name="rejected_bars_row"),
    )


def _create_gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("gap_id", sa.Integer(), primary_key=True),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("session_date", sa.Date(), nullable=False),
        sa.Column("first_seen_at_utc", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("filled_at_utc", sa.DateTime(), nullable=True),
        sa.UniqueConstraint("symbol", "session_date", name="gaps_session"),
    )


def _create_corporate_actions() -> None:
    op.create_table(
        "corporate_actions",
        sa.Column("action_id", sa.Integer(), primary_key=True),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("ex_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("first_seen_at_utc", sa.DateTime(), nullable=False),
        sa.Column("superseded_at_utc", sa.DateTime(), nullable=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
    )
    op.create_index(
        "corporate_actions_current",
        "corporate_actions",
        ["symbol", "kind", "ex_date"],
        unique=True,
        sqlite_where=sa.text(IS_CURRENT),
        postgresql_where=sa.text(IS_CURRENT),
    )


def _create_fits() -> None:
    op.create_table(
        "fits",
        sa.Column("fit_id", sa.Integer(), primary_key=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("data_hash", sa.Text(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("trained_from_date", sa.Date(), nullable=False),
        sa.Column("trained_through_date", sa.Date(), nullable=False),
        sa.Column("n_training", sa.Integer(), nullable=False),
        sa.Column("n_validation", sa.Integer(), nullable=False),
        sa.Column("adf_p", sa.Float(), nullable=True),
        sa.Column("kpss_p", sa.Float(), nullable=True),
        sa.Column("naive_mae", sa.Float(), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=False),
        sa.Column("made_at_utc", sa.DateTime(), nullable=False),
        sa.Column("epochs", sa.Text(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
    )
    op.create_index("fits_by_model", "fits", ["symbol", "model", "config_hash", "fit_id"])
    op.create_index(
        "fits_with_weights",
        "fits",
        ["made_at_utc"],
        sqlite_where=sa.text(WEIGHTS_KEPT),
        postgresql_where=sa.text(WEIGHTS_KEPT),
    )


def _create_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("forecast_id", sa.Integer(), primary_key=True),
        sa.Column("fit_id", sa.Integer(), sa.ForeignKey("fits.fit_id"), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("origin_date", sa.Date(), nullable=False),
        sa.Column("target_date", sa.Date(), nullable=False),
        sa.Column("last_close", sa.Float(), nullable=False),
        sa.Column("forecast_close", sa.Float(), nullable=False),
        sa.Column("lower_80", sa.Float(), nullable=True),
        sa.Column("upper_80", sa.Float(), nullable=True),
        sa.Column("lower_95", sa.Float(), nullable=True),
        sa.Column("upper_95", sa.Float(), nullable=True),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("made_at_utc", sa.DateTime(), nullable=False),
        sa.UniqueConstraint(
            "symbol", "model", "config_hash", "kind", "origin_date", "horizon", name="forecasts_series"
        ),
    )


def _create_scores() -> None:
    op.create_table(
        "scores",
        sa.Column("score_id", sa.Integer(), primary_key=True),
        sa.Column("forecast_id", sa.Integer(), sa.ForeignKey("forecasts.forecast_id"), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("actual_close", sa.Float(), nullable=False),
        sa.Column("error", sa.Float(), nullable=False),
        sa.Column("naive_error", sa.Float(), nullable=False),
        sa.Column("scored_at_utc", sa.DateTime(), nullable=False),
        sa.Column("superseded_at_utc", sa.DateTime(), nullable=True),
    )
    op.create_index(
        "scores_current",
        "scores",
        ["forecast_id"],
        unique=True,
        sqlite_where=sa.text(IS_CURRENT),
        postgresql_where=sa.text(IS_CURRENT),
    )


def _create_metrics() -> None:
    op.create_table(
        "metrics",
        sa.Column("metric_id", sa.Integer(), primary_key=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("as_of_utc", sa.DateTime(), nullable=False),
        sa.Column("made_at_utc", sa.DateTime(), nullable=False),
    )
    op.create_index(
        "metrics_newest",
        "metrics",
        ["symbol", "model", "config_hash", "horizon", "kind", "metric", "as_of_utc", "metric_id"],
    )


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("verdict_id", sa.Integer(), primary_key=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("skill", sa.Float(), nullable=True),
        sa.Column("dm_p_value", sa.Float(), nullable=True),
        sa.Column("p_echo", sa.Float(), nullable=True),
        sa.Column("nearest_naive", sa.Text(), nullable=False),
        sa.Column("distance", sa.Float(), nullable=True),
        sa.Column("mean_lag_sessions", sa.Float(), nullable=True),
        sa.Column("is_promoted", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("as_of_utc", sa.DateTime(), nullable=False),
        sa.Column("judged_at_utc", sa.DateTime(), nullable=False),
    )
    op.create_index(
        "verdicts_newest",
        "verdicts",
        ["symbol", "model", "config_hash", "horizon", "as_of_utc", "verdict_id"],
    )
