"""Format the summary of a run: the result for each symbol, and what was stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.settings import database_name
from pipeline.show.text import count_text

if TYPE_CHECKING:
    from pipeline.types import Failure, IngestSummary, RunSummary, Timings


def run_text(summary: RunSummary, database: str) -> str:
    """Format a run's summary: each symbol's download or failure, notes, and what was stored where."""
    lines = {one.symbol: _ingest_text(one) for one in summary.ingested}
    for symbol, why in _failed(summary):
        lines.setdefault(symbol, f"failed: {why}")
    width = max((len(symbol) for symbol in lines), default=0)
    return "\n".join(
        [
            f"run {summary.run_id} as of {summary.as_of:%Y-%m-%d %H:%M} UTC: {summary.status}",
            *(f"  {symbol:{width}}  {text}" for symbol, text in lines.items()),
            *(f"  note: {note}" for note in summary.notes),
            f"stored {_counts_text([summary])} in {database_name(database)}",
        ]
    )


def _failed(summary: RunSummary) -> Iterator[tuple[str, str]]:
    """Yield the symbols that failed for all models, each with the reason but without the next step."""
    for failure in summary.failures:
        if not failure.model:
            yield failure.symbol, failure.message.removeprefix(f"{failure.symbol}: ").partition("\n")[0]


def timings_text(timings: Timings) -> str:
    """Format the timings of a run in seconds: a line for each kind of work, and a total."""
    from pipeline.types import Work

    spent = [(work.value, timings.own.get(work, 0.0), timings.workers.get(work, 0.0)) for work in Work]
    total = ("all", sum(timings.own.values()), sum(timings.workers.values()))
    lines = [f"{name:12} {own:12.1f} {workers:12.1f}" for name, own, workers in (*spent, total)]
    return "\n".join([f"{'seconds':12} {'this process':>12} {'all workers':>12}", *lines])


def backfill_text(summaries: Sequence[RunSummary], database: str) -> str:
    """Format the summaries of a backfill: a line for each day, notes, and what was stored where."""
    notes = dict.fromkeys(note for summary in summaries for note in summary.notes)
    days = count_text(len(summaries), "day")
    return "\n".join(
        [
            *(_day_text(summary) for summary in summaries),
            *(f"note: {note}" for note in notes),
            f"stored {_counts_text(summaries)} of {days} in {database_name(database)}",
        ]
    )


def failure_text(failure: Failure) -> str:
    """Format a failure as an error: the asset, the model if only one failed, and the next step."""
    who = f"{failure.symbol} {failure.model}".rstrip()
    return f"error: {who}: {failure.message.removeprefix(f'{failure.symbol}: ')}"


def _day_text(summary: RunSummary) -> str:
    """Format the summary of one day of a backfill as a line."""
    new = sum(one.new for one in summary.ingested)
    revised = sum(one.revised for one in summary.ingested)
    bars = f"{count_text(new, 'new bar')}, {revised:,} revised"
    return f"{summary.as_of:%Y-%m-%d}  {summary.status}: {bars}; {_counts_text([summary])}"


def _ingest_text(one: IngestSummary) -> str:
    """Format what one download changed of the stored prices."""
    why = f" ({one.commonest_reason})" if one.commonest_reason else ""
    changed = f"{one.new:,} new, {one.revised:,} revised, {one.newly_quarantined:,} quarantined{why}"
    counts = f"{changed}, {one.missing:,} missing"
    rebased = "" if one.rebased is None else f", re-based by {one.rebased:.6g}"
    waiting = f"; {one.in_quarantine:,} in quarantine" if one.in_quarantine else ""
    return f"{counts}{rebased}; newest session {one.newest_session}{waiting}"


def _counts_text(summaries: Sequence[RunSummary]) -> str:
    """Format the numbers of forecasts, scores and verdicts that runs stored."""
    counts = {
        "forecast": sum(summary.n_forecasts for summary in summaries),
        "score": sum(summary.n_scores for summary in summaries),
        "verdict": sum(summary.n_verdicts for summary in summaries),
    }
    return ", ".join(count_text(count, noun) for noun, count in counts.items())
