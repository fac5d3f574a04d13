"""Format rows as tables for people, and as JSON or CSV for programs.

rich is imported only when a table is built, because `--json` and `--csv` do not need it. On a terminal,
tables fit its width; piped, they are plain text of whatever width they need.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.show.text import UNKNOWN, band_text, p_value_text, percent_text, price_text, sessions_text
from pipeline.types import OHLC

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from pipeline.types import CheckResult, Rows

PIPED_WIDTH = 1000
"""Largest width in characters of a table that is not printed to a terminal."""
VERDICT_STYLES: Mapping[str, str] = {
    "SKILLED": "bold green",
    "ECHO": "red",
    "SUSPECT_ECHO": "yellow",
    "WORSE": "red",
    "NO_SKILL": "default",
    "INSUFFICIENT": "dim",
}
"""The style of each verdict on a terminal."""


def as_json(rows: Rows) -> str:
    """Format rows as a JSON list with an object per row; undefined values are null."""
    return json.dumps(rows.records(), indent=2, default=str)


def as_csv(rows: Rows) -> str:
    """Format rows as CSV with a header line; undefined values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(rows.values)
    return text.getvalue()


def forecasts_table(rows: Rows) -> Table:
    """Build the table of the newest forecasts with their main columns; a star marks those out of date."""
    table = _table(
        *("symbol", "model", ">horizon", "target", ">last close", ">forecast"),
        *(">80% band", ">return", "verdict"),
    )
    for record in rows.records():
        _add_row(
            table,
            record["symbol"],
            record["model"],
            str(record["horizon"]),
            f"{record['target_date']}{' *' if record['is_stale'] else ''}",
            price_text(record["last_close"]),
            price_text(record["forecast_close"]),
            band_text(record["lower_80"], record["upper_80"]),
            percent_text(record["predicted_return"], 2, signed=True),
            _verdict_text(record["verdict"]),
        )
    return table


def scoreboard_table(rows: Rows) -> Table:
    """Build the table of metrics, a row per series and kind; skill above 0 beats the last value."""
    table = _table(
        *("symbol", "model", ">horizon", "kind", ">n", ">mae", ">mase", ">skill"),
        *(">hit rate", ">in 80%", ">in 95%", ">p", "verdict"),
    )
    for record in rows.records():
        _add_row(
            table,
            record["symbol"],
            record["model"],
            str(record["horizon"]),
            record["kind"],
            f"{record['n']:,}",
            price_text(record["mae"]),
            UNKNOWN if record["mase"] is None else f"{record['mase']:.3f}",
            percent_text(record["skill"], signed=True),
            percent_text(record["hit_rate"]),
            percent_text(record["coverage_80"]),
            percent_text(record["coverage_95"]),
            p_value_text(record["dm_p_value"]),
            _verdict_text(record["verdict"], is_promoted=bool(record["is_promoted"])),
        )
    return table


def verdicts_table(rows: Rows) -> Table:
    """Build the table of stored verdicts as sentences."""
    table = _table("symbol", "model", ">horizon", ">n", "verdict")
    for record in rows.records():
        verdict = _verdict_text(record["verdict"], is_promoted=bool(record["is_promoted"]))
        verdict.append(str(record["sentence"]).removeprefix(record["verdict"]), style="default")
        _add_row(
            table,
            record["symbol"],
            record["model"],
            str(record["horizon"]),
            f"{record['n']:,}",
            verdict,
        )
    return table


def leads_table(rows: Rows) -> Table:
    """Build the table of lead-lag correlations: strongest lag, correlation and p-value of each lead."""
    table = _table("symbol", "model", "lead", ">sessions ahead", ">correlation", ">p", ">n", "used")
    for record in rows.records():
        correlation, p_value = record["correlation"], record["p_value"]
        _add_row(
            table,
            record["symbol"],
            record["model"],
            record["lead"],
            str(record["sessions_ahead"]),
            UNKNOWN if correlation is None else f"{correlation:+.3f}",
            p_value_text(p_value),
            f"{record['n']:,}",
            "yes" if record["is_used"] else "no",
        )
    return table


def judgements_table(rows: Rows) -> Table:
    """Build the table of verdicts on forecasts from a file, as sentences."""
    table = _table("symbol", "model", ">n", "verdict")
    for record in rows.records():
        verdict = _verdict_text(record["verdict"])
        verdict.append(str(record["sentence"]).removeprefix(record["verdict"]), style="default")
        _add_row(table, record["symbol"] or UNKNOWN, record["model"] or UNKNOWN, f"{record['n']:,}", verdict)
    return table


def truth_table(rows: Rows) -> Table:
    """Build the table that compares the ground truth of each simulated asset with the models' verdicts."""
    table = _table("symbol", "truth", "model", ">skill", ">p", ">adjusted p", ">lag", "verdict")
    shown = ""
    for record in rows.records():
        is_new, shown = record["symbol"] != shown, record["symbol"]
        if is_new and table.row_count:
            table.add_section()
        _add_row(
            table,
            record["symbol"] if is_new else "",
            record["truth"] if is_new else "",
            record["model"],
            percent_text(record["skill"], signed=True),
            p_value_text(record["p_skill"]),
            p_value_text(record["p_skill_adjusted"]),
            sessions_text(record["mean_lag_sessions"]),
            _verdict_text(record["verdict"], is_promoted=bool(record["is_promoted"])),
        )
    return table


def quarantine_table(rows: Rows) -> Table:
    """Build the table of quarantined rows with prices and reason, and the decision if the rows have one."""
    decided = [name for name in ("decision", "resolved_at_utc") if name in rows.columns]
    table = _table(">id", "symbol", "date", ">open", ">high", ">low", ">close", "reason", *decided)
    for record in rows.records():
        values = json.loads(record["row"])
        _add_row(
            table,
            str(record["id"]),
            record["symbol"],
            record["date_text"],
            *(_raw_text(values.get(name)) for name in OHLC),
            record["reason"],
            *(_cell_text(record[name]) for name in decided),
        )
    return table


def _raw_text(price: float | str | None) -> str:
    """Format a price of a quarantined row, which may be a number, NaN, or the text of the source."""
    return price_text(price) if not isinstance(price, str) else price


def plain_table(rows: Rows) -> Table:
    """Build a table of any rows with all columns; NULL for absent values."""
    places = range(len(rows.columns))
    is_number = [any(isinstance(row[place], int | float) for row in rows.values) for place in places]
    table = _table(*(f">{name}" if is_number[place] else name for place, name in enumerate(rows.columns)))
    for row in rows.values:
        _add_row(table, *(_cell_text(value) for value in row))
    return table


def show(table: Table) -> None:
    """Print a table, fitted to a terminal, or as wide as needed if piped."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    console.print(table)


def stale_note(rows: Rows) -> str:
    """Write a note on how many of the newest forecasts are out of date; empty if none is."""
    stale = sum(bool(record["is_stale"]) for record in rows.records())
    if not stale:
        return ""
    which = "all of them" if stale == len(rows.values) else f"{stale} of {len(rows.values)}"
    return f"* out of date: {which}; 'pricecast run' makes new ones"


def checks_text(results: Sequence[CheckResult]) -> str:
    """Format check results: a line per check, followed by its next step if it has one."""
    width = max(len(result.name) for result in results)
    lines = []
    for result in results:
        lines.append(f"{'ok' if result.ok else 'FAIL':4}  {result.name:{width}}  {result.message}")
        if result.next_step:
            lines.append(f"{'':{width + 6}}  {result.next_step}")
    return "\n".join(lines)


def _table(*columns: str) -> Table:
    """Create an empty table; a column whose name starts with '>' is right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        is_right = name.startswith(">")
        table.add_column(
            Text(name.removeprefix(">")), justify="right" if is_right else "left", overflow="fold"
        )
    return table


def _add_row(table: Table, *cells: str | Text) -> None:
    """Add a row of cells as literal text, so that brackets in them are not read as markup."""
    from rich.text import Text

    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _verdict_text(verdict: str | None, *, is_promoted: bool = False) -> Text:
    """Format a verdict in its style; '-' where there is none."""
    from rich.text import Text

    if verdict is None:
        return Text(UNKNOWN)
    text = Text(verdict, style=VERDICT_STYLES.get(verdict, "default"))
    return text.append(" (promoted)") if is_promoted else text


def _cell_text(value: Any) -> str:
    """Format any value of a cell; NULL for None."""
    if value is None:
        return "NULL"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
