"""`certrail enrollment eab` and `certrail enrollment account`."""

from typing import Annotated

import typer

from certrail_server.cli.common import echo, err, out
from certrail_server.cli.support.documents import Application
from certrail_server.cli.support.remote import AsJson, Json, call, create, scope
from certrail_server.cli.tables import listed

eab = typer.Typer(no_args_is_help=True)
account = typer.Typer(no_args_is_help=True)

KEY_COLUMNS = ("name", "id", "created_at", "last_used_at", "revoked_at")
ACCOUNT_COLUMNS = (
    "id",
    "status",
    "created_at",
    "thumbprint",
    ("contacts", lambda row: " ".join(row["contacts"])),
)
Profile = Annotated[str, typer.Argument(help="Slug or id of the profile.")]
Key = Annotated[str, typer.Argument(help="Name of the key.")]


@eab.command("list")
def list_keys(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """List the keys for external account bindings, without their MAC keys."""
    listed(call("GET", f"{_acme(application, profile)}/keys")["items"], KEY_COLUMNS, as_json)


@eab.command("create")
def create_key(application: Application, profile: Profile, key: Key) -> None:
    """Create a key, and print its kid and its MAC key once."""
    _print(create(f"{_acme(application, profile)}/keys", {"name": key}))


@eab.command("rotate")
def rotate_key(application: Application, profile: Profile, key: Key) -> None:
    """Give a key a new MAC key, and print it once; accounts that it bound stay."""
    _print(call("POST", f"{_acme(application, profile)}/keys/{key}/rotate"))


@eab.command("revoke")
def revoke_key(application: Application, profile: Profile, key: Key) -> None:
    """Revoke a key: it binds no new account, and those that it bound stay."""
    call("DELETE", f"{_acme(application, profile)}/keys/{key}")
    out.print("revoked")


@account.command("list")
def list_accounts(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """List the ACME accounts of a profile."""
    listed(call("GET", f"{_acme(application, profile)}/accounts")["items"], ACCOUNT_COLUMNS, as_json)


@account.command("revoke")
def revoke_account(
    application: Application,
    profile: Profile,
    account: Annotated[str, typer.Argument(help="Id, as it is listed.")],
) -> None:
    """Revoke an account: its calls are refused, and its certificates stay valid."""
    call("DELETE", f"{_acme(application, profile)}/accounts/{account}")
    out.print("revoked")


def _print(answer: Json) -> None:
    """Kid and MAC key on standard output; the rest is for the person."""
    err.print(f"{answer['name']}: kid and MAC key; the MAC key is not shown again:", highlight=False)
    echo(f"{answer['id']} {answer['mac_key']}")


def _acme(application: str, profile: str) -> str:
    return f"{scope(application)}/profiles/{profile}/enrollment/acme"
