"""What all commands share; it imports nothing that a command which only calls the API does not need."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

out = Console()
err = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """End with a message for a person."""
    err.print("[red]error:[/red]", escape(message), highlight=False, soft_wrap=True)
    raise typer.Exit(1)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show the progress of a long command on standard error; nothing where that is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} " + what), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.update(task, completed=count)


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is waited for: in place on a terminal, a line for each change elsewhere."""
    if not err.is_terminal:
        yield lambda stage: err.print(f"{what}: {stage}", highlight=False, soft_wrap=True, markup=False)
        return
    with err.status(escape(what)) as status:
        yield lambda stage: status.update(escape(f"{what}: {stage}"))
