"""What the Prefect UI shows of the store and of a run."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.states import sentence, who
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
"""Artifact keys and the questions to the public views that fill them."""

DIGITS = 6


def publish_tables(database: str) -> None:
    """Write the newest forecasts and verdicts of the store as table artifacts."""
    for key, question in TABLES.items():
        rows = read_rows(database, question)
        table = [{name: _cell(value) for name, value in record.items()} for record in rows.records()]
        create_table_artifact(table=table, key=key)


def publish_summary(key: str, summaries: Sequence[RunSummary]) -> None:
    """Write what came of the runs, with every failure and note, as a markdown artifact."""
    create_markdown_artifact(markdown=summary_markdown(summaries), key=key)


def summary_markdown(summaries: Sequence[RunSummary]) -> str:
    """One section a run that has something to tell, after one line for all."""
    lines = [sentence(summaries)]
    for summary in summaries:
        failures = [f"- **{who(one)}** {_one_line(one.message)}" for one in summary.failures]
        notes = [f"- {_one_line(note)}" for note in summary.notes]
        if failures or notes:
            lines += ["", f"## As of {summary.as_of:%Y-%m-%d %H:%M} UTC: {summary.status}", ""]
            lines += failures + notes
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(value: object) -> object:
    """A value that JSON has a form for."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value if value is None or isinstance(value, int) else str(value)
