"""`certrail token`."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import echo, err, fail, out
from certrail_server.cli.local.installation import refusals, services, settings, url_of
from certrail_server.cli.support.credentials import token_of_environment
from certrail_server.cli.support.remote import AsJson, call, create, given
from certrail_server.cli.tables import listed

app = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "name", "scopes", "created_at", "expires_at", "made_by", "may_vote", "revoked_at")
Ident = Annotated[str, typer.Argument(help="The part of the token between the underscores.")]


@app.command()
def bootstrap(
    name: Annotated[str, typer.Option(help="Name of the first Product Admin.")] = "admin",
    email: Annotated[str | None, typer.Option(help="Their e-mail address.")] = None,
) -> None:
    """Create the first Product Admin on the data of this machine and print their token; this works once."""
    principals = services().principals
    with refusals():
        _, text = principals.bootstrap(name, email)
    echo(text)
    # The token is on standard output only, so that a script which keeps it shows it to nobody.
    lines = (
        "It is not shown again. To use it:",
        f"  export CERTRAIL_URL={url_of(settings())}",
        "  export CERTRAIL_TOKEN=…",
    )
    for line in lines:
        err.print(escape(line), highlight=False, soft_wrap=True)


@app.command("list")
def list_tokens(
    principal: Annotated[
        str | None, typer.Argument(help="Slug, id or e-mail address of another owner, for Product Admins.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List your tokens without their text."""
    listed(call("GET", "/tokens", principal=principal)["items"], COLUMNS, as_json)


@app.command("create")
def create_token(
    principal: Annotated[str, typer.Argument(help="Slug, id or e-mail address.")],
    name: Annotated[str, typer.Option(help="What the token is for.")] = "cli",
    scope: Annotated[
        list[str] | None, typer.Option(help="Limit the token to a permission or noun; repeat for more.")
    ] = None,
    lifetime: Annotated[
        str | None,
        typer.Option(help="Lifetime, such as 30d. Default: 90d for a user, no end for a machine identity."),
    ] = None,
) -> None:
    """Create a token and print it; it is not shown again. One that an admin creates for somebody else casts no vote."""
    if token_of_environment():
        body = given(principal=principal, name=name, scopes=scope or [], lifetime=lifetime)
        echo(create("/tokens", body)["token"])
        return
    from certrail.services.core.actor import SYSTEM

    tokens = services().tokens
    with refusals():
        _, text = tokens.issue(SYSTEM, principal, name=name, scopes=scope or (), lifetime=_duration(lifetime))
    echo(text)


@app.command()
def rotate(
    token_id: Ident,
    overlap: Annotated[
        str | None,
        typer.Option(help="How long the present token stays valid, such as 1d. Default: not at all."),
    ] = None,
) -> None:
    """Replace a token and print the new one; it is not shown again."""
    echo(create(f"/tokens/{token_id}/rotate", given(overlap=overlap))["token"])


@app.command()
def revoke(token_id: Ident) -> None:
    """Revoke a token at once."""
    if token_of_environment():
        call("DELETE", f"/tokens/{token_id}")
    else:
        from certrail.services.core.actor import SYSTEM

        tokens = services().tokens
        with refusals():
            tokens.revoke(SYSTEM, token_id)
    out.print("revoked")


def _duration(text: str | None) -> timedelta | None:
    from certrail.domain.durations import parse_duration

    try:
        return parse_duration(text) if text else None
    except ValueError as problem:
        fail(str(problem))
