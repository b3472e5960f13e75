"""`certrail app` and `member`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import fail, out
from certrail_server.cli.support.choices import Role
from certrail_server.cli.support.documents import Application as Scope
from certrail_server.cli.support.documents import document_in, word
from certrail_server.cli.support.remote import AsJson, call, create, given, scope
from certrail_server.cli.tables import listed, shown

app = typer.Typer(no_args_is_help=True)
member = typer.Typer(no_args_is_help=True)

PROFILE_COLUMNS = (("slug", "profile"), "name", ("enrollment", "api.enabled"))
MEMBER_COLUMNS = (
    ("member", "principal"),
    ("kind", "kind"),
    "role",
    ("active", "active"),
)
Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Profile = Annotated[str, typer.Argument(help="Slug or id of the profile.")]
Principal = Annotated[str, typer.Argument(help="Slug, id or e-mail address.")]


@app.command("list")
def list_applications(as_json: AsJson = False) -> None:
    """List the Applications that you may see."""
    listed(call("GET", "/applications")["items"], ("slug", "name", "description"), as_json)


@app.command("show")
def show_application(application: Application, as_json: AsJson = False) -> None:
    """Show an Application."""
    shown(call("GET", f"/applications/{application}"), as_json)


@app.command("create")
def create_application(
    slug: Annotated[str, typer.Argument(help="Short name, such as payments-api.")],
    name: Annotated[str | None, typer.Option(help="Name for people. Default: the slug.")] = None,
    profile: Annotated[list[str] | None, typer.Option(help="Profile to attach; repeat for more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create an Application; you become its Admin."""
    body = {"slug": slug, "name": name or slug, "profiles": profile or []}
    shown(create("/applications", body), as_json)


@app.command("update")
def update_application(
    application: Application,
    slug: Annotated[str | None, typer.Option(help="New short name; references by id stay valid.")] = None,
    name: Annotated[str | None, typer.Option(help="New name for people.")] = None,
    description: Annotated[str | None, typer.Option(help="New description.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change the slug, name or description of an Application."""
    body = given(slug=slug, name=name, description=description)
    shown(call("PATCH", f"/applications/{application}", body), as_json)


@app.command("profiles")
def list_profiles(application: Application, as_json: AsJson = False) -> None:
    """List the profiles that an Application may use."""
    listed(call("GET", f"/applications/{application}/profiles")["items"], PROFILE_COLUMNS, as_json)


@app.command("attach")
def attach_profile(application: Application, profile: Profile) -> None:
    """Attach a profile to an Application."""
    call("POST", f"/applications/{application}/profiles", {"profile": profile})
    out.print("attached")


@app.command("detach")
def detach_profile(application: Application, profile: Profile) -> None:
    """Detach a profile from an Application; issued certificates stay."""
    call("DELETE", f"/applications/{application}/profiles/{profile}")
    out.print("detached")


@app.command("enroll")
def set_enrollment(
    application: Application,
    profile: Profile,
    off: Annotated[bool, typer.Option("--off", help="Refuse new requests with this profile.")] = False,
    no_renewal: Annotated[bool, typer.Option("--no-renewal", help="Switch automatic renewal off.")] = False,
    fraction: Annotated[
        float | None, typer.Option(help="Renew after this fraction of the lifetime, such as 0.66.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Or so long before expiry, such as 10d.")
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(help="JSON file with a renewal rule, such as windows; - for standard input."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Configure requests and automatic renewal for one profile in an Application."""
    rule = (document_in(document) if document else {}) | given(fraction=fraction, before=before)
    body = {"enabled": not off, "auto_renew": rule | ({"enabled": False} if no_renewal else {})}
    path = f"/applications/{application}/profiles/{profile}/enrollment/api"
    shown(call("PUT", path, body), as_json)


@app.command("delete")
def delete_application(
    application: Application,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
) -> None:
    """Delete an Application with all its objects, after listing them."""
    preview = call("GET", f"/applications/{application}/deletion")
    for what, count in preview["counts"].items():
        words = what.replace("_", " ")
        out.print(f"{count:6} {word(words) if count == 1 else words}", highlight=False)
    for warning in preview["warnings"]:
        out.print(f"[yellow]{escape(warning)}[/yellow]", soft_wrap=True)
    if not yes and not typer.confirm(f"Delete {application} with all these objects?"):
        fail("Nothing was deleted.")
    call("DELETE", f"/applications/{application}", confirm=preview["confirm"])
    out.print("deleted")


@member.command("list")
def list_members(application: Scope, as_json: AsJson = False) -> None:
    """List members with their roles."""
    rows = call("GET", f"{scope(application)}/members")["items"]
    listed(rows, MEMBER_COLUMNS, as_json)


@member.command("set")
def set_member(
    application: Scope,
    principal: Principal,
    role: Annotated[Role, typer.Argument(help="Role in the Application.")],
) -> None:
    """Set the role of a principal in an Application."""
    call("PUT", f"{scope(application)}/members/{principal}", {"role": role})
    out.print("role set")


@member.command("remove")
def remove_member(application: Scope, principal: Principal) -> None:
    """Remove a principal from an Application."""
    call("DELETE", f"{scope(application)}/members/{principal}")
    out.print("removed")
