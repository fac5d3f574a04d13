"""The commands `serve` and `doctor`: keeping the daily job going."""

from typing import Annotated

import typer

from pipeline.commands.options import ConfigOption, DatabaseOption, SourceOption


def serve(
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Port of the Prefect server. Default: 4200.")
    ] = None,
) -> None:
    """Start server, schedules and worker, until interrupted.

    The Prefect server listens on 127.0.0.1. If PREFECT_API_URL is set, that server is used instead.
    """
    from deployments.serve import main as start

    start(port)


def doctor(
    *,
    online: Annotated[bool, typer.Option("--online", help="Also download prices from the source.")] = False,
    source: SourceOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Check what the daily job needs, and say what to do.

    Nothing is changed. The exit code is 1 if a check fails.
    """
    from pipeline.doctor import examine
    from pipeline.job.request import chosen_settings
    from pipeline.show import tables

    results = examine(lambda: chosen_settings(config, database=db, source=source), online=online)
    typer.echo(tables.checks_text(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)
