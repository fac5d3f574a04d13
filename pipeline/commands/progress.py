"""A progress bar on stderr for long work, for people only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.daily import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Something to tell progress to: a bar when stderr is a terminal, nothing when it is piped."""
    from rich.console import Console

    from pipeline.daily import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    from rich import progress

    columns = (
        progress.SpinnerColumn(),
        progress.BarColumn(bar_width=24),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.description}", markup=False),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield show
