"""`certrail dev`, `server` and `worker`."""

from typing import Annotated

import typer

from certrail_server.cli.common import echo, fail, out
from certrail_server.cli.local.installation import (
    database_errors,
    joined,
    refusals,
    services,
    settings,
    url_of,
)


def dev(
    temporal_ui: Annotated[
        bool,
        typer.Option(
            "--temporal-ui",
            help="Serve Temporal's UI on this machine, on CERTRAIL_TEMPORAL_UI_PORT or else port 8233.",
        ),
    ] = False,
) -> None:
    """Run everything on this machine: Temporal's dev server, the server and a worker."""
    import asyncio

    from certrail_server import embedded
    from certrail_server.processes.launcher import Launcher

    chosen = settings()
    if temporal_ui and chosen.temporal_ui_port is None:
        chosen = chosen.model_copy(update={"temporal_ui_port": embedded.UI_PORT})

    def started() -> None:
        out.print(f"certrail is ready at http://{chosen.host}:{chosen.port} (API: /docs). Ctrl-C stops it.")
        if (ui := embedded.ui_url(chosen)) is not None:
            out.print(f"Temporal's UI is at {ui}.")

    def linked(text: str) -> None:
        link = f"{url_of(chosen)}/console/sign-in/{text}"
        out.print(f"Console, once within 10 minutes: {link}", soft_wrap=True)

    launcher = Launcher.start(embedded.MODULES)
    try:
        asyncio.run(embedded.run(chosen, launcher, started, linked))
    except embedded.EmbeddedError as problem:
        fail(str(problem))
    finally:
        launcher.close()


def console(
    principal: Annotated[
        str | None,
        typer.Argument(help="Slug, id or e-mail address of a user. Default: the first Product Admin."),
    ] = None,
) -> None:
    """Make a link on the data of this machine that signs a browser in once, within 10 minutes."""
    links = services().sign_in_links
    with refusals():
        link = links.make(principal)
    echo(f"{url_of(settings())}/console/sign-in/{link.text}")


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
    """Run a worker for workflows and plugins, as a process for flows and processes for plugins."""
    import asyncio

    from certrail_server.processes.launcher import Launcher
    from certrail_server.workers.parent import PROCESS, run

    chosen = settings()
    launcher = Launcher.start((PROCESS,))
    try:
        refusal = asyncio.run(run(chosen, launcher, queue or ()))
    finally:
        launcher.close()
    if refusal:
        fail(refusal)
