"""`certrail enrollment`."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import echo, err, fail, out
from certrail_server.cli.enrollment.acme import account, eab
from certrail_server.cli.enrollment.agent import agent
from certrail_server.cli.support.choices import EnrollmentMethod
from certrail_server.cli.support.documents import Application, document_in
from certrail_server.cli.support.remote import AsJson, Json, call, create, given, scope
from certrail_server.cli.tables import listed, shown

enrollment = typer.Typer(no_args_is_help=True)
passphrase = typer.Typer(no_args_is_help=True)
challenge = typer.Typer(no_args_is_help=True)
enrollment.add_typer(eab, name="eab", help="Keys for external account bindings of ACME.")
enrollment.add_typer(account, name="account", help="ACME accounts.")
enrollment.add_typer(agent, name="agent", help="Agents of hosts, by one-time tokens.")
enrollment.add_typer(passphrase, name="passphrase", help="Passphrases of EST: several are valid at once.")
enrollment.add_typer(challenge, name="challenge", help="Challenges of SCEP, for one request or for many.")

METHOD_COLUMNS = ("method", "served", "enabled", ("URLs", lambda row: " ".join(row["urls"].values())))
SECRET_COLUMNS = ("id", "kind", "name", "created_at", "expires_at")
Profile = Annotated[str, typer.Argument(help="Slug or id of the profile.")]
Method = Annotated[EnrollmentMethod, typer.Argument(help="Method of enrollment.")]
Secret = Annotated[str, typer.Argument(help="Id, as it is listed.")]
Named = Annotated[str, typer.Option(help="What it is for.")]
Lifetime = Annotated[str | None, typer.Option(metavar="DURATION", help="How long it is valid, such as 90d.")]
Value = Annotated[
    str | None,
    typer.Option(help="A text of your own, at least 16 characters, or - to read it from standard input."),
]


@enrollment.command("show")
def show_enrollment(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """Show by which methods a profile may be used, and their URLs."""
    answer = call("GET", _path(application, profile))
    if as_json:
        shown(answer, as_json)
    else:
        listed(answer["methods"], METHOD_COLUMNS, as_json)


@enrollment.command("client")
def show_client_configuration(
    application: Application,
    profile: Profile,
    method: Method,
    client: Annotated[
        str | None, typer.Option(help="Name of the client, such as curl. Default: list the names.")
    ] = None,
) -> None:
    """Print a ready-made configuration of a client; replace the words in capitals by your secrets."""
    (row,) = [m for m in call("GET", _path(application, profile))["methods"] if m["method"] == method]
    if client is None:
        for name in row["clients"]:
            echo(name)
    elif client not in row["clients"]:
        fail(f"There is no configuration of {client}; known are: {', '.join(row['clients']) or 'none'}.")
    else:
        echo(row["clients"][client].rstrip("\n"))


@enrollment.command("set")
def set_method(
    application: Annotated[str, typer.Argument(help="Slug or id of the Application.")],
    profile: Profile,
    method: Method,
    off: Annotated[bool, typer.Option("--off", help="Refuse requests by this method.")] = False,
    document: Annotated[
        Path | None, typer.Option(help="JSON file with settings as the API takes them; - for standard input.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enable a method for a profile, with its settings, or switch it off."""
    body = (document_in(document) if document else {}) | {"enabled": not off}
    shown(call("PUT", f"{_path(application, profile)}/{method}", body), as_json)


@passphrase.command("list")
def list_passphrases(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """List the valid passphrases, without their text."""
    listed(call("GET", _passphrases(application, profile))["items"], SECRET_COLUMNS, as_json)


@passphrase.command("create")
def create_passphrase(
    application: Application,
    profile: Profile,
    name: Named = "est",
    lifetime: Lifetime = None,
    value: Value = None,
) -> None:
    """Create a passphrase, and print its text once."""
    body = {"name": name} | given(lifetime=lifetime, value=_value(value))
    print_secret(create(_passphrases(application, profile), body))


@passphrase.command("revoke")
def revoke_passphrase(application: Application, profile: Profile, secret: Secret) -> None:
    """Revoke a passphrase; certificates that were issued by it stay valid."""
    call("DELETE", f"{_passphrases(application, profile)}/{secret}")
    out.print("revoked")


@challenge.command("list")
def list_challenges(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """List the valid challenges that were not used, without their text."""
    listed(call("GET", _challenges(application, profile))["items"], SECRET_COLUMNS, as_json)


@challenge.command("create")
def create_challenge(
    application: Application,
    profile: Profile,
    name: Named = "scep",
    lasting: Annotated[
        bool, typer.Option("--lasting", help="For any number of requests; only an Admin creates one.")
    ] = False,
    lifetime: Lifetime = None,
    value: Value = None,
) -> None:
    """Create a challenge for one request, and print its text once."""
    if value is not None and not lasting:
        fail("A text of your own is for a challenge that lasts; add --lasting.")
    body = {"name": name} | given(lifetime=lifetime, value=_value(value))
    path = (
        _challenges(application, profile)
        if lasting
        else f"{_path(application, profile)}/scep/one-time-challenges"
    )
    print_secret(create(path, body))


@challenge.command("revoke")
def revoke_challenge(application: Application, profile: Profile, secret: Secret) -> None:
    """Revoke a challenge; certificates that were issued by it stay valid."""
    call("DELETE", f"{_challenges(application, profile)}/{secret}")
    out.print("revoked")


def print_secret(answer: Json) -> None:
    """The text alone on standard output; the rest is for the person."""
    err.print(f"{answer['name']} ({answer['id']}); it is not shown again:", highlight=False)
    echo(answer["value"] or "")


def _value(given_: str | None) -> str | None:
    return typer.get_text_stream("stdin").read().strip() if given_ == "-" else given_


def _path(application: str, profile: str) -> str:
    return f"{scope(application)}/profiles/{profile}/enrollment"


def _passphrases(application: str, profile: str) -> str:
    return f"{_path(application, profile)}/est/passphrases"


def _challenges(application: str, profile: str) -> str:
    return f"{_path(application, profile)}/scep/challenges"
