"""`token`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import err, fail, out
from certrail_server.cli.local import refusals, services, settings
from certrail_server.cli.remote import AsJson, call, given, has_token
from certrail_server.cli.tables import listed

if TYPE_CHECKING:
    from certrail_server.settings import Settings

app = typer.Typer(
    help="Bearer tokens. With CERTRAIL_TOKEN these commands ask a running certrail, as its owner; without, all"
    " but list and rotate work on the data of this machine, as whoever may read that could.",
    no_args_is_help=True,
)
COLUMNS = ("id", "name", "scopes", "created_at", "expires_at", ("last used", "last_used_at"), "revoked_at")
Ident = Annotated[str, typer.Argument(help="The part of the token between the underscores.")]
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared, not listened on


@app.command()
def bootstrap(
    name: Annotated[str, typer.Option(help="Name of the first Product Admin.")] = "admin",
    email: Annotated[str | None, typer.Option(help="Their e-mail address.")] = None,
) -> None:
    """Make the first Product Admin and print their token; possible once, on the data of this machine."""
    identities = services().identities
    with refusals():
        _, text = identities.bootstrap(name, email)
    typer.echo(text)
    # The token is on standard output only, so that a script which keeps it shows it to nobody.
    lines = (
        "It is not shown again. To use it:",
        f"  export CERTRAIL_URL={_url(settings())}",
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
    """List my tokens; their text is never shown again."""
    listed(call("GET", "/tokens", principal=principal)["items"], COLUMNS, as_json)


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
    if has_token():
        body = given(principal=principal, name=name, scopes=scope or [], lifetime=lifetime)
        typer.echo(call("POST", "/tokens", body)["token"])
        return
    from certrail.services.core.actor import SYSTEM

    tokens = services().tokens
    with refusals():
        _, text = tokens.issue(SYSTEM, principal, name=name, scopes=scope or (), lifetime=_duration(lifetime))
    typer.echo(text)


@app.command()
def rotate(
    token_id: Ident,
    overlap: Annotated[
        str | None,
        typer.Option(help="How long the present one holds beside it, such as 1d. Default: no more."),
    ] = None,
) -> None:
    """Print the next token in the place of one; it is not shown again."""
    typer.echo(call("POST", f"/tokens/{token_id}/rotate", given(overlap=overlap))["token"])


@app.command()
def revoke(token_id: Ident) -> None:
    """Make a token useless at once."""
    if has_token():
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


def _url(chosen: "Settings") -> str:
    """Where the server of this installation is reached."""
    host = "127.0.0.1" if chosen.host in ANYWHERE else chosen.host
    return chosen.public_url or f"http://{f'[{host}]' if ':' in host else host}:{chosen.port}"
