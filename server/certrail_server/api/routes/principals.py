"""Users, groups, machine identities and their tokens."""

from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.persistence.tables import Principal
from certrail_server.api.guard import Call, allow, find_created, idempotent
from certrail_server.api.shapes import (
    ActiveIn,
    GroupIn,
    PrincipalChangeIn,
    PrincipalIn,
    RotationIn,
    TokenIn,
)
from certrail_server.api.views import Json, items, shown

router = APIRouter(tags=["access"])
Manage = Annotated[Call, allow(Permission.PRINCIPAL_MANAGE)]
Own = Annotated[Call, allow(Permission.TOKEN_SELF)]


def _principal(call: Call, ident: str) -> Principal:
    return find_created(call.services.identities.list(), ident, "principal")


@router.get("/users")
def list_users(call: Manage) -> Json:
    """All users."""
    return items(call.services.identities.list("user"))


@router.post("/users", status_code=201)
def create_user(body: PrincipalIn, call: Manage) -> Json:
    """Make a user."""
    values = body.model_dump()
    return shown(
        idempotent(
            lambda: call.services.identities.create(call.actor, kind="user", **values),
            lambda ident: _principal(call, ident),
        )
    )


@router.get("/machine-identities")
def list_machine_identities(call: Manage) -> Json:
    """All machine identities."""
    return items(call.services.identities.list("machine"))


@router.post("/machine-identities", status_code=201)
def create_machine_identity(body: PrincipalIn, call: Manage) -> Json:
    """Make a machine identity."""
    values = body.model_dump()
    return shown(
        idempotent(
            lambda: call.services.identities.create(call.actor, kind="machine", **values),
            lambda ident: _principal(call, ident),
        )
    )


@router.get("/groups")
def list_groups(call: Manage) -> Json:
    """All groups."""
    return items(call.services.identities.list("group"))


@router.post("/groups", status_code=201)
def create_group(body: GroupIn, call: Manage) -> Json:
    """Make a group."""
    values = body.model_dump()
    return shown(
        idempotent(
            lambda: call.services.identities.create(call.actor, kind="group", **values),
            lambda ident: _principal(call, ident),
        )
    )


@router.get("/groups/{group}/members")
def list_group_members(group: str, call: Manage) -> Json:
    """Who belongs to a group."""
    return items(call.services.identities.group_members(group))


@router.put("/groups/{group}/members/{principal}", status_code=204)
def join_group(group: str, principal: str, call: Manage) -> None:
    """Put a user or machine identity into a group."""
    call.services.identities.set_group_member(call.actor, group, principal, True)


@router.delete("/groups/{group}/members/{principal}", status_code=204)
def leave_group(group: str, principal: str, call: Manage) -> None:
    """Take a user or machine identity out of a group."""
    call.services.identities.set_group_member(call.actor, group, principal, False)


@router.patch("/principals/{principal}")
def update_principal(principal: str, body: PrincipalChangeIn, call: Manage) -> Json:
    """Change the name or the product role of a principal."""
    return shown(call.services.identities.update(call.actor, principal, **body.model_dump()))


@router.put("/principals/{principal}/active")
def set_active(principal: str, body: ActiveIn, call: Manage) -> Json:
    """Activate or deactivate a principal."""
    return shown(call.services.identities.set_active(call.actor, principal, body.active))


@router.get("/tokens")
def list_tokens(
    call: Own,
    principal: Annotated[str | None, Query(max_length=320, description="for Product Admins")] = None,
) -> Json:
    """My tokens; their text is never shown again."""
    return items(call.services.tokens.list(call.actor, principal))


@router.post("/tokens", status_code=201)
def create_token(body: TokenIn, call: Own) -> Json:
    """Make a token. Its text is in this answer and nowhere else; a repeated call does not show it again."""
    tokens = call.services.tokens

    def make() -> Json:
        row, text = tokens.issue(call.actor, **body.model_dump())
        return shown(row, token=text)

    def read(ident: str) -> Json:
        return shown(tokens.get(ident))

    return idempotent(make, read)


@router.delete("/tokens/{token}", status_code=204)
def revoke_token(token: str, call: Own) -> None:
    """Make a token useless at once."""
    call.services.tokens.revoke(call.actor, token)


@router.post("/tokens/{token}/rotate", status_code=201)
def rotate_token(token: str, body: RotationIn, call: Own) -> Json:
    """Make the next token in the place of this one, which holds for the overlap only."""
    tokens = call.services.tokens

    def make() -> Json:
        row, text = tokens.rotate(call.actor, token, body.overlap)
        return shown(row, token=text)

    return idempotent(make, lambda ident: shown(tokens.get(ident)))


@router.get("/me")
def me(call: Own) -> Json:
    """Who I am, and what I may do with the product."""
    actor = call.actor
    return {
        "id": actor.principal_id,
        "kind": actor.kind,
        "name": actor.name,
        "product_role": actor.product_role,
        "scopes": sorted(actor.scopes),
        "permissions": call.services.identities.held(actor),
    }
