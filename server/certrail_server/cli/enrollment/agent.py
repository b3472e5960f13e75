"""`certrail enrollment agent`."""

from typing import Annotated

import typer

from certrail_server.cli.common import echo, err, out
from certrail_server.cli.support.documents import Application
from certrail_server.cli.support.remote import AsJson, call, create, given, scope
from certrail_server.cli.tables import listed

agent = typer.Typer(no_args_is_help=True)

COLUMNS = ("name", "id", ("names", lambda row: " ".join(row["names"])), "expires_at", "enrolled_at")
Profile = Annotated[str, typer.Argument(help="Slug or id of the profile.")]
Host = Annotated[str, typer.Argument(help="Name of the host.")]


@agent.command("list")
def list_agents(application: Application, profile: Profile, as_json: AsJson = False) -> None:
    """List the agents of a profile."""
    listed(call("GET", _agents(application, profile))["items"], COLUMNS, as_json)


@agent.command("create")
def create_agent(
    application: Application,
    profile: Profile,
    host: Host,
    name: Annotated[
        list[str],
        typer.Option(help="A name or address that its certificates may have; repeat it for several."),
    ],
    lifetime: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Of the one-time token, such as 2h. Default: 1h.")
    ] = None,
) -> None:
    """Create the agent of a host, and print its one-time token once."""
    body = {"name": host, "names": name} | given(lifetime=lifetime)
    answer = create(_agents(application, profile), body)
    until = f"{answer['name']} ({answer['id']}), until {answer['expires_at']}"
    err.print(f"{until}; it is not shown again:", highlight=False)
    echo(answer["token"] or "")


@agent.command("delete")
def delete_agent(application: Application, profile: Profile, host: Host) -> None:
    """Delete an agent: it is refused at once, and its certificates stay valid."""
    call("DELETE", f"{_agents(application, profile)}/{host}")
    out.print("deleted")


def _agents(application: str, profile: str) -> str:
    return f"{scope(application)}/profiles/{profile}/enrollment/api/agents"
