"""`certrail login` and `certrail logout`."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from certrail_server.cli.common import err, fail, out, waiting
from certrail_server.cli.support import credentials
from certrail_server.cli.support.remote import client_of, content_of, refusals

if TYPE_CHECKING:
    from certrail_client import Client

LOCAL_PREFIX = "crt_"


def login(
    server: Annotated[
        str | None, typer.Option(help="Address of certrail. Default: CERTRAIL_URL, else the last one.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in a browser.")] = False,
) -> None:
    """Sign in through the OpenID Connect provider of a certrail server, and store an access token."""
    address = (server or credentials.url()).rstrip("/")
    with refusals(address), client_of(address) as client:
        started = _post(client, "/auth/device", None)
        page = started["verification_uri_complete"] or started["verification_uri"]
        err.print(f"Open {escape(started['verification_uri'])}", highlight=False, soft_wrap=True)
        err.print(f"and enter the code [bold]{escape(started['user_code'])}[/bold]", highlight=False)
        if browser:
            typer.launch(page)
        outcome = _confirmed(client, started)
    file = credentials.store(address, outcome["token"], outcome["expires_at"])
    out.print(
        f"Signed in at {escape(address)} as {escape(outcome['name'])}.", highlight=False, soft_wrap=True
    )
    err.print(
        f"The access token is in {escape(str(file))} until {outcome['expires_at']}.",
        highlight=False,
        soft_wrap=True,
    )
    if credentials.token_of_environment():
        err.print(
            "CERTRAIL_TOKEN is set and takes precedence: unset it to use this sign-in.", highlight=False
        )


def logout() -> None:
    """Revoke the stored access token, and remove it."""
    address = credentials.url()
    token = credentials.stored_token(address)
    if token:
        ident = token.removeprefix(LOCAL_PREFIX).partition("_")[0]
        with refusals(address), client_of(address, token) as client:
            client.request("DELETE", f"/tokens/{ident}")
    credentials.forget(address)
    out.print(f"Signed out at {escape(address)}." if token else "Nobody was signed in.", highlight=False)


def _confirmed(client: "Client", started: dict[str, Any]) -> dict[str, Any]:
    """The token, once the user has confirmed."""
    deadline, pause = time.monotonic() + started["expires_in"], started["interval"]
    with waiting("sign-in") as show:
        show("waiting for your confirmation")
        while time.monotonic() < deadline:
            time.sleep(pause)
            outcome: dict[str, Any] = _post(client, "/auth/device/token", {"handle": started["handle"]})
            if outcome["token"]:
                return outcome
            pause = outcome["interval"]
    return fail("The sign-in was not confirmed in time. Start again.")


def _post(client: "Client", path: str, body: Any) -> dict[str, Any]:
    from certrail_client import NotFound
    from certrail_client.calls import Call

    try:
        answer: dict[str, Any] = content_of(client.response(Call("POST", path, dict, body=body)))
    except NotFound:
        fail("This server has no sign-in provider. Use an access token in CERTRAIL_TOKEN.")
    return answer
