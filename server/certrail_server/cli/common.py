"""What all commands share; it imports nothing that a command which only calls the API does not need."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from certrail.domain.formats import escaped


class SafeConsole(Console):
    """Writes no control character that a text brings along: every text for a person leaves through one of these."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Write texts, each with what is not printable written out."""
        shown = [escaped(one, keep="\n") if isinstance(one, str) else one for one in objects]
        super().print(*shown, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is written, piece by piece; only the console's own control codes are left as they are."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text, keep="\n"), segment.style)


out = SafeConsole()
err = SafeConsole(stderr=True)


def echo(text: str, *, end: str = "\n") -> None:
    """Write text as it is, as for a file or another program, without control characters."""
    typer.echo(escaped(text, keep="\n\t"), nl=False)
    typer.echo(end, nl=False)


def fail(message: str) -> NoReturn:
    """End with a message for a person."""
    err.print("[red]error:[/red]", escape(message), highlight=False, soft_wrap=True)
    raise typer.Exit(1)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show the progress of a long command on standard error; nothing where that is no terminal."""
    # Imported here: few commands take long, and every command starts with this module.
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
