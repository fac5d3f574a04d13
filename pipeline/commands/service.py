"""The commands `serve` and `doctor`: keeping the daily job going."""

from typing import Annotated

import typer

from pipeline.commands.options import ConfigOption, DatabaseOption, SourceOption


def serve(
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Where the server listens. Default: 4200.")
    ] = None,
) -> None:
    """Start server, schedules and worker, until interrupted."""
    from deployments.serve import main as start

    start(port)


def doctor(
    *,
    online: Annotated[bool, typer.Option("--online", help="Also ask the price source for prices.")] = False,
    source: SourceOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Check what the daily job needs, and say what to do.

    The exit code is 1 when a check fails.
    """
    from pipeline.doctor import examine
    from pipeline.job.request import chosen_settings
    from pipeline.show import tables

    results = examine(lambda: chosen_settings(config, database=db, source=source), online=online)
    typer.echo(tables.checks_text(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)
