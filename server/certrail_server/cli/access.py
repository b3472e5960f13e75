"""`token`."""

from typing import Annotated

import typer

from certrail.domain.durations import parse_duration
from certrail.domain.errors import CertrailError
from certrail.services.actor import SYSTEM
from certrail.services.facade import Services
from certrail_server.cli.common import fail, joined, out, told
from certrail_server.serve import prepare

app = typer.Typer(help="Bearer tokens.", no_args_is_help=True)


@app.command()
def bootstrap(
    name: Annotated[str, typer.Option(help="Name of the first Product Admin.")] = "admin",
    email: Annotated[str | None, typer.Option(help="Their e-mail address.")] = None,
) -> None:
    """Make the first Product Admin and print their token; possible once."""
    try:
        _, text = _services().identities.bootstrap(name, email)
    except CertrailError as problem:
        fail(problem.detail)
    typer.echo(text)


@app.command()
def create(
    principal: Annotated[str, typer.Argument(help="Slug, id or e-mail address.")],
    name: Annotated[str, typer.Option(help="What the token is for.")] = "cli",
    scope: Annotated[
        list[str] | None, typer.Option(help="Limit it to a permission or noun; repeat for more.")
    ] = None,
    lifetime: Annotated[str | None, typer.Option(help="Such as 90d. Default: it does not expire.")] = None,
) -> None:
    """Print a new token; it is not shown again."""
    try:
        duration = parse_duration(lifetime) if lifetime else None
        _, text = _services().tokens.issue(
            SYSTEM, principal, name=name, scopes=scope or (), lifetime=duration
        )
    except (CertrailError, ValueError) as problem:
        fail(getattr(problem, "detail", str(problem)))
    typer.echo(text)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The part of the token between the underscores.")],
) -> None:
    """Make a token useless at once."""
    try:
        _services().tokens.revoke(SYSTEM, token_id)
    except CertrailError as problem:
        fail(problem.detail)
    out.print("revoked")


def _services() -> Services:
    parts = joined()
    with told():
        prepare(parts.kernel.db)
    return parts.services
