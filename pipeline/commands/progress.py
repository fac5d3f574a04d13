"""A progress bar on stderr for long work, on terminals only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.job.progress import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Open a progress bar for each stage if stderr is a terminal; when it is piped, show nothing."""
    from rich.console import Console

    from pipeline.job.progress import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    from rich import progress

    columns = (
        progress.SpinnerColumn(),
        progress.BarColumn(bar_width=24),
        progress.TaskProgressColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.description} {task.fields[asset]}", markup=False),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        stages: dict[str, progress.TaskID] = {}

        def show(stage: str, asset: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=total, asset=asset)
            if done == 0:
                bar.reset(stages[stage])
            bar.update(stages[stage], completed=done, total=total, asset=asset)

        yield show
