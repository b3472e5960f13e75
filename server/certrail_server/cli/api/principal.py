"""`certrail user`, `machine`, `group` and `me`."""

from typing import Annotated

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.support.choices import ProductRole
from certrail_server.cli.support.remote import AsJson, call, create, found, given
from certrail_server.cli.tables import listed, shown

Slug = Annotated[str, typer.Argument(help="Short name, such as ann.")]
Principal = Annotated[str, typer.Argument(help="Slug, id or e-mail address.")]
Group = Annotated[str, typer.Argument(help="Slug or id of the group.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
Role = Annotated[ProductRole | None, typer.Option("--product-role", help="Role in the product.")]

group = typer.Typer(no_args_is_help=True)


def me(
    application: Annotated[
        str | None, typer.Option("--app", help="List the permissions in this Application.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who you are, and the permissions of your token."""
    path = f"/applications/{application}/permissions" if application else "/me"
    shown(call("GET", path), as_json)


def _principals(path: str, one: str, noun: str) -> typer.Typer:
    commands = typer.Typer(no_args_is_help=True)

    @commands.command("list", help=f"List all {noun}.")
    def list_principals(as_json: AsJson = False) -> None:
        columns = ("slug", "name", "email", "product_role", "active")
        listed(call("GET", path)["items"], columns, as_json)

    @commands.command("show", help=f"Show one of the {noun}.")
    def show_principal(principal: Principal, as_json: AsJson = False) -> None:
        shown(found(call("GET", path)["items"], principal, one), as_json)

    @commands.command("create", help=f"Create a {one}; `member set` gives it a role in an Application.")
    def create_principal(
        slug: Slug,
        name: Title = None,
        email: Annotated[
            str | None, typer.Option(help="E-mail address, by which a sign-in recognises a user.")
        ] = None,
        product_role: Role = None,
        as_json: AsJson = False,
    ) -> None:
        body = {"slug": slug, "name": name or slug, **given(email=email, product_role=product_role)}
        shown(create(path, body), as_json)

    @commands.command("update", help=f"Change the name or the product role of a {one}.")
    def update_principal(
        principal: Principal, name: Title = None, product_role: Role = None, as_json: AsJson = False
    ) -> None:
        if name is None and product_role is None:
            fail("Say what to change: --name or --product-role.")
        body = given(name=name, product_role=product_role)
        shown(call("PATCH", f"/principals/{principal}", body), as_json)

    @commands.command(
        "deactivate",
        help=f"Deactivate a {one}; pending approvals are reassigned to the other approvers.",
    )
    def deactivate(principal: Principal) -> None:
        call("PUT", f"/principals/{principal}/active", {"active": False})
        out.print("deactivated")

    @commands.command("activate", help=f"Activate a {one} again.")
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
    member: Annotated[
        list[str] | None, typer.Option(help="Slug, id or e-mail address; repeat for more.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a group."""
    shown(create("/groups", {"slug": slug, "name": name or slug, "members": member or []}), as_json)


@group.command("members")
def list_group_members(reference: Group, as_json: AsJson = False) -> None:
    """List the members of a group."""
    rows = call("GET", f"/groups/{reference}/members")["items"]
    listed(rows, ("slug", "kind", "name", "active"), as_json)


@group.command("add")
def add_to_group(reference: Group, principal: Principal) -> None:
    """Add a user or machine identity to a group."""
    call("PUT", f"/groups/{reference}/members/{principal}")
    out.print("added")


@group.command("remove")
def remove_from_group(reference: Group, principal: Principal) -> None:
    """Remove a user or machine identity from a group."""
    call("DELETE", f"/groups/{reference}/members/{principal}")
    out.print("removed")


users = _principals("/users", "user", "users")
machines = _principals("/machine-identities", "machine identity", "machine identities")
