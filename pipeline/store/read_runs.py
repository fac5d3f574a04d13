"""Read the stored runs: their commands, settings and status."""

from sqlalchemy import Connection, func, select

from pipeline.errors import UsageError
from pipeline.store.tables import runs
from pipeline.types import PastRun, RunStatus, StartedRun


def newest_run(conn: Connection) -> StartedRun | None:
    """Return the newest run; None when there is none."""
    run = runs.c
    query = select(run.run_id, run.status, run.started_at_utc).order_by(run.run_id.desc()).limit(1)
    found = conn.execute(query).first()
    return None if found is None else StartedRun(found.run_id, RunStatus(found.status), found.started_at_utc)


def commands_of_runs(conn: Connection) -> set[str]:
    """Return the names of all commands that have started a run."""
    return set(conn.scalars(select(runs.c.command).distinct()))


def past_run(conn: Connection, run_id: int) -> PastRun:
    """Return the run with the number `run_id`; UsageError when there is none."""
    run = runs.c
    query = select(run.settings, run.source, run.as_of_utc, run.started_at_utc, run.code_version)
    newest = conn.scalar(select(func.max(run.run_id))) or 0
    found = conn.execute(query.where(run.run_id == run_id)).first() if 1 <= run_id <= newest else None
    if found is None:
        numbers = f"Give a number from 1 to {newest}."
        none_yet = "No run is stored yet: start a run with 'pricecast run'."
        raise UsageError(f"there is no run {run_id}", numbers if newest else none_yet)
    return PastRun(run_id, *found)
