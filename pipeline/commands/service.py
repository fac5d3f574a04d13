"""The commands `serve` and `doctor`: keeping the daily job going."""

from typing import Annotated

import typer

from pipeline.commands.options import ConfigOption, DatabaseOption, SourceOption


def serve() -> None:
    """Start server, schedules and worker, until interrupted."""
    from deployments.serve import main as start

    start()


def doctor(
    online: Annotated[bool, typer.Option("--online", help="Also ask the price source for prices.")] = False,
    source: SourceOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Check configuration, store, source and Prefect, and say what to do; exit code 1 when one fails."""
    from pipeline import report
    from pipeline.doctor import examine

    results = examine(config, db, source, online=online)
    typer.echo(report.checks_text(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)
