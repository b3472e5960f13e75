"""`certrail dev`, `server` and `worker`."""

import asyncio
from typing import Annotated

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.local.installation import database_errors, joined, settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(dev)
    app.command()(server)
    app.command()(worker)


def dev() -> None:
    """Run everything on this machine: Temporal's dev server, the server and a worker."""
    from certrail_server import embedded

    chosen = settings()

    def started() -> None:
        out.print(f"certrail is ready at http://{chosen.host}:{chosen.port} (API: /docs). Ctrl-C stops it.")

    try:
        asyncio.run(embedded.run(chosen, started))
    except embedded.EmbeddedError as problem:
        fail(str(problem))


def server() -> None:
    """Serve the HTTP API and chat callbacks."""
    from certrail_server.ports import CannotListen
    from certrail_server.serve import serve

    try:
        with database_errors():
            serve(joined(make=True))
    except CannotListen as problem:
        fail(str(problem))


def worker(
    queue: Annotated[
        list[str] | None,
        typer.Option(
            help="Task queue to serve, such as plugin-destination-aws-acm; repeat for more. Default: all."
        ),
    ] = None,
) -> None:
    """Run a worker for workflows and plugins."""
    from certrail_server.serve import UnknownQueue, work

    try:
        with database_errors():
            asyncio.run(work(joined(make=True), queue or ()))
    except UnknownQueue as problem:
        fail(str(problem))
