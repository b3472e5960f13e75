"""Users, groups and machine identities."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail_server.api.answers.access import group_answer, group_answers, principal_answer
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.access import (
    ActiveIn,
    GroupIn,
    GroupList,
    GroupOut,
    PrincipalChangeIn,
    PrincipalIn,
    PrincipalKind,
    PrincipalList,
    PrincipalOut,
)

router = APIRouter(tags=["access"])
Manage = Annotated[Call, allow(Permission.PRINCIPAL_MANAGE)]


@router.get("/users")
def list_users(call: Manage) -> PrincipalList:
    """All users, by slug."""
    return _listed(call, PrincipalKind.USER)


@router.post("/users", status_code=201)
def create_user(body: PrincipalIn, call: Manage) -> PrincipalOut:
    """Create a user."""
    return _created(call, body, PrincipalKind.USER)


@router.get("/users/{user}")
def get_user(user: str, call: Manage) -> PrincipalOut:
    """One user."""
    return principal_answer(call.services.principals.get(user, PrincipalKind.USER))


@router.get("/machine-identities")
def list_machine_identities(call: Manage) -> PrincipalList:
    """All machine identities, by slug."""
    return _listed(call, PrincipalKind.MACHINE)


@router.post("/machine-identities", status_code=201)
def create_machine_identity(body: PrincipalIn, call: Manage) -> PrincipalOut:
    """Create a machine identity."""
    return _created(call, body, PrincipalKind.MACHINE)


@router.get("/machine-identities/{machine_identity}")
def get_machine_identity(machine_identity: str, call: Manage) -> PrincipalOut:
    """One machine identity."""
    return principal_answer(call.services.principals.get(machine_identity, PrincipalKind.MACHINE))


@router.get("/groups")
def list_groups(call: Manage) -> GroupList:
    """All groups with their members, by slug."""
    rows = call.services.principals.list(PrincipalKind.GROUP)
    return GroupList(items=group_answers(call.services, rows))


@router.post("/groups", status_code=201)
def create_group(body: GroupIn, call: Manage) -> GroupOut:
    """Create a group."""
    principals = call.services.principals
    made = idempotent(
        lambda: principals.create(call.actor, kind=PrincipalKind.GROUP, **body.model_dump()), principals.get
    )
    return group_answer(call.services, made)


@router.get("/groups/{group}")
def get_group(group: str, call: Manage) -> GroupOut:
    """One group with its members."""
    return group_answer(call.services, call.services.principals.get(group, PrincipalKind.GROUP))


@router.get("/groups/{group}/members")
def list_group_members(group: str, call: Manage) -> PrincipalList:
    """Who belongs to a group, by slug."""
    rows = call.services.principals.group_members(group)
    return PrincipalList(items=[principal_answer(row) for row in rows])


@router.put("/groups/{group}/members/{principal}", status_code=204)
def add_group_member(group: str, principal: str, call: Manage) -> None:
    """Put a user or machine identity into a group."""
    call.services.principals.set_group_member(call.actor, group, principal, True)


@router.delete("/groups/{group}/members/{principal}", status_code=204)
def remove_group_member(group: str, principal: str, call: Manage) -> None:
    """Take a user or machine identity out of a group."""
    call.services.principals.set_group_member(call.actor, group, principal, False)


@router.get("/principals/{principal}")
def get_principal(principal: str, call: Manage) -> PrincipalOut:
    """One user, group or machine identity."""
    return principal_answer(call.services.principals.get(principal))


@router.patch("/principals/{principal}")
def update_principal(principal: str, body: PrincipalChangeIn, call: Manage) -> PrincipalOut:
    """Change the name or the product role of a principal."""
    return principal_answer(call.services.principals.update(call.actor, principal, **body.changes()))


@router.put("/principals/{principal}/active")
def set_principal_active(principal: str, body: ActiveIn, call: Manage) -> PrincipalOut:
    """Activate or deactivate a principal."""
    return principal_answer(call.services.principals.set_active(call.actor, principal, body.active))


def _listed(call: Call, kind: PrincipalKind) -> PrincipalList:
    return PrincipalList(items=[principal_answer(row) for row in call.services.principals.list(kind)])


def _created(call: Call, body: PrincipalIn, kind: PrincipalKind) -> PrincipalOut:
    principals = call.services.principals
    made = idempotent(lambda: principals.create(call.actor, kind=kind, **body.model_dump()), principals.get)
    return principal_answer(made)
