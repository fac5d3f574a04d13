"""Publish forecasts, scores and run summaries as artifacts in the Prefect UI."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.states import failure_label, summary_line
from pipeline.store.queries import read_rows
from pipeline.types import RunSummary

TABLES = {
    "latest-forecasts": (
        "SELECT symbol, model, horizon, target_date, last_close, forecast_close, lower_80, upper_80, verdict"
        " FROM latest_forecasts ORDER BY symbol, model, horizon"
    ),
    "model-scoreboard": (
        "SELECT symbol, model, horizon, kind, n, mae, skill, hit_rate, coverage_80, verdict"
        " FROM model_scoreboard ORDER BY symbol, model, horizon, kind"
    ),
}
"""The SQL query on the public views for each table artifact, by the artifact's key."""

SIGNIFICANT_DIGITS = 6


def publish_tables(database: str) -> None:
    """Publish the newest forecasts and the scoreboard of the database as table artifacts."""
    for key, sql in TABLES.items():
        rows = read_rows(database, sql)
        table = [{name: _cell(value) for name, value in record.items()} for record in rows.records()]
        create_table_artifact(table=table, key=key)


def publish_summary(key: str, summaries: Sequence[RunSummary]) -> None:
    """Publish a summary of the runs, with every failure and note, as a markdown artifact."""
    create_markdown_artifact(markdown=summary_markdown(summaries), key=key)


def summary_markdown(summaries: Sequence[RunSummary]) -> str:
    """Format the runs as markdown: a line for all, then a section per run with failures or notes."""
    lines = [summary_line(summaries)]
    for summary in summaries:
        failures = [
            f"- **{failure_label(failure)}** {_one_line(failure.message)}" for failure in summary.failures
        ]
        notes = [f"- {_one_line(note)}" for note in summary.notes]
        if failures or notes:
            lines += ["", f"## As of {summary.as_of:%Y-%m-%d %H:%M} UTC: {summary.status}", ""]
            lines += failures + notes
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(value: object) -> object:
    """Convert a value to what JSON can hold: rounded floats, integers, None, and text for everything else."""
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value if value is None or isinstance(value, int) else str(value)
