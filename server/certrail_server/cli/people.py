"""`user`, `machine`, `group` and `me`."""

from typing import Annotated

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.remote import AsJson, call, found
from certrail_server.cli.tables import listed, shown

Slug = Annotated[str, typer.Argument(help="Short name, such as ann.")]
Principal = Annotated[str, typer.Argument(help="Slug, id or e-mail address.")]
Group = Annotated[str, typer.Argument(help="Slug or id of the group.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
ProductRole = Annotated[str | None, typer.Option(help="admin or member.")]

group = typer.Typer(help="Groups of users and machine identities.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("me")(me)
    app.add_typer(_principals("/users", "user", "users"), name="user")
    app.add_typer(
        _principals("/machine-identities", "machine identity", "machine identities"), name="machine"
    )
    app.add_typer(group, name="group")


def me(
    application: Annotated[
        str | None, typer.Option("--app", help="What I may do in this Application.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who I am, and what I may do with this token."""
    path = f"/applications/{application}/permissions" if application else "/me"
    shown(call("GET", path), as_json)


def _principals(path: str, one: str, noun: str) -> typer.Typer:
    commands = typer.Typer(help=f"{noun.capitalize()}.", no_args_is_help=True)

    @commands.command("list", help=f"List all {noun}.")
    def list_principals(as_json: AsJson = False) -> None:
        columns = ("slug", "name", "email", "product_role", "active")
        listed(call("GET", path)["items"], columns, as_json)

    @commands.command("show", help=f"Show one of the {noun}.")
    def show_principal(principal: Principal, as_json: AsJson = False) -> None:
        shown(found(call("GET", path)["items"], principal, one), as_json)

    @commands.command("create", help=f"Make one of the {noun}; `member set` gives it a role.")
    def create_principal(
        slug: Slug,
        name: Title = None,
        email: Annotated[str | None, typer.Option(help="Address by which people are recognised.")] = None,
        product_role: ProductRole = None,
        as_json: AsJson = False,
    ) -> None:
        body = {"slug": slug, "name": name or slug, "email": email, "product_role": product_role}
        shown(call("POST", path, body), as_json)

    @commands.command("update", help="UnitOfWork a name or a product role.")
    def update_principal(
        principal: Principal, name: Title = None, product_role: ProductRole = None, as_json: AsJson = False
    ) -> None:
        if name is None and product_role is None:
            fail("Say what to change: --name or --product-role.")
        body = {"name": name, "product_role": product_role}
        shown(call("PATCH", f"/principals/{principal}", body), as_json)

    @commands.command("deactivate", help="Let it act no more, at once; its votes that wait are taken over.")
    def deactivate(principal: Principal) -> None:
        call("PUT", f"/principals/{principal}/active", {"active": False})
        out.print("deactivated")

    @commands.command("activate", help="Let it act again.")
    def activate(principal: Principal) -> None:
        call("PUT", f"/principals/{principal}/active", {"active": True})
        out.print("activated")

    return commands


@group.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List groups."""
    listed(call("GET", "/groups")["items"], ("slug", "name", "active"), as_json)


@group.command("show")
def show_group(reference: Group, as_json: AsJson = False) -> None:
    """Show a group."""
    shown(found(call("GET", "/groups")["items"], reference, "group"), as_json)


@group.command("create")
def create_group(
    slug: Slug,
    name: Title = None,
    member: Annotated[list[str] | None, typer.Option(help="Who is in it; repeat for more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a group."""
    shown(call("POST", "/groups", {"slug": slug, "name": name or slug, "members": member or []}), as_json)


@group.command("members")
def list_group_members(reference: Group, as_json: AsJson = False) -> None:
    """List who is in a group."""
    rows = call("GET", f"/groups/{reference}/members")["items"]
    listed(rows, ("slug", "kind", "name", "active"), as_json)


@group.command("add")
def add_to_group(reference: Group, principal: Principal) -> None:
    """Put a user or machine identity into a group."""
    call("PUT", f"/groups/{reference}/members/{principal}")
    out.print("added")


@group.command("remove")
def remove_from_group(reference: Group, principal: Principal) -> None:
    """Take a user or machine identity out of a group."""
    call("DELETE", f"/groups/{reference}/members/{principal}")
    out.print("removed")
