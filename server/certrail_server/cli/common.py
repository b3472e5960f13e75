"""What commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError

from certrail.crypto.keyring import KeyringError
from certrail_server import logs
from certrail_server.bootstrap import App, build
from certrail_server.serve import NotMigrated
from certrail_server.settings import Settings

out = Console()
err = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """End with a message for a person."""
    err.print("[red]error:[/red]", escape(message), highlight=False, soft_wrap=True)
    raise typer.Exit(1)


@contextmanager
def told() -> Iterator[None]:
    """End with a message for a person where the database is not as it should be."""
    try:
        yield
    except NotMigrated as problem:
        fail(str(problem))
    except OperationalError as problem:
        why = " ".join(str(problem.orig).split())
        fail(f"The database cannot be used; see CERTRAIL_DATABASE_URL. {why}")


def settings() -> Settings:
    """The settings of this process, with logging set up by them."""
    try:
        found = Settings()
    except ValidationError as problem:
        faults = (f"CERTRAIL_{str(e['loc'][0]).upper()}: {e['msg']}" for e in problem.errors())
        fail("The settings are wrong. " + "; ".join(faults))
    logs.configure(found.log_level, found.log_format)
    return found


def joined() -> App:
    """The parts of this process."""
    try:
        return build(settings())
    except KeyringError as problem:
        fail(str(problem))


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far a long command has come."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} " + what), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.update(task, completed=count)
