"""`dev`, `server`, `worker`."""

import asyncio
from typing import Annotated

import typer

from certrail_server import embedded
from certrail_server.cli.common import fail, joined, out, settings, told
from certrail_server.serve import serve, work


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(dev)
    app.command()(server)
    app.command()(worker)


def dev() -> None:
    """Run everything on this machine: Temporal's dev server, the server and a worker."""
    chosen = settings()

    def started() -> None:
        out.print(f"certrail is ready at http://{chosen.host}:{chosen.port} (API: /docs). Ctrl-C stops it.")

    try:
        asyncio.run(embedded.run(chosen, started))
    except embedded.EmbeddedError as problem:
        fail(str(problem))


def server() -> None:
    """Serve the HTTP API and chat callbacks."""
    with told():
        serve(joined())


def worker(
    queue: Annotated[
        list[str] | None,
        typer.Option(
            help="Task queue to serve, such as plugin-destination-aws-acm; repeat for more. Default: all."
        ),
    ] = None,
) -> None:
    """Run workflows and plugins."""
    with told():
        asyncio.run(work(joined(), queue or ()))
