"""Users, groups and machine identities, and their tokens."""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, Field

from certrail.domain.access import Permission
from certrail_server.api.answers.access import principal_answer
from certrail_server.api.guard import Call, idempotent
from certrail_server.api.schemas.access import (
    GroupIn,
    PrincipalChangeIn,
    PrincipalIn,
    PrincipalKind,
    RotationIn,
    TokenIn,
)
from certrail_server.api.schemas.base import In, Reference
from certrail_server.console.operations import choices
from certrail_server.console.operations.operation import Operation, Params, Shown
from certrail_server.console.operations.product import listed, one
from certrail_server.console.schema_form import Options

MANAGE = Permission.PRINCIPAL_MANAGE
people = listed("People and machines", "people")


class GroupMemberIn(In):
    """Who belongs to a group."""

    principal: Reference = Field(description="A user or machine identity.")


def _principal(call: Call, params: Params) -> BaseModel:
    return principal_answer(call.services.principals.get(params["principal"]))


def _create(kind: PrincipalKind) -> Callable[[Call, Params, BaseModel], str]:
    def perform(call: Call, _params: Params, body: BaseModel) -> str:
        principals, values = call.services.principals, body.model_dump()
        row = idempotent(lambda: principals.create(call.actor, kind=kind, **values), principals.get)
        return f"/console/people/{row.slug}"

    return perform


def _update(call: Call, params: Params, body: PrincipalChangeIn) -> str:
    row = call.services.principals.update(call.actor, params["principal"], **body.changes())
    return f"/console/people/{row.slug}"


def _outside(call: Call, params: Params) -> Mapping[str, Options]:
    inside = {row.slug for row in call.services.principals.group_members(params["group"])}
    return {"principal": [each for each in choices.people(call) if each[0] not in inside]}


def _add(call: Call, params: Params, body: GroupMemberIn) -> str:
    call.services.principals.set_group_member(call.actor, params["group"], body.principal, True)
    return f"/console/people/{params['group']}"


def _remove(call: Call, params: Params, _body: None) -> str:
    call.services.principals.set_group_member(call.actor, params["group"], params["member"], False)
    return f"/console/people/{params['group']}"


def _create_token(call: Call, params: Params, body: TokenIn) -> Shown:
    tokens, values = call.services.tokens, body.model_dump(exclude={"principal"})
    owner = params["principal"]
    text = idempotent(lambda: tokens.issue(call.actor, owner, **values)[1], lambda _: None)
    return Shown("The new token", text)


def _rotate(call: Call, params: Params, body: RotationIn) -> Shown:
    tokens = call.services.tokens
    text = idempotent(lambda: tokens.rotate(call.actor, params["token"], body.overlap)[1], lambda _: None)
    return Shown("The next token", text)


OPERATIONS = (
    Operation(
        "create_user",
        "/new-user",
        MANAGE,
        "New user",
        "Create",
        "created",
        people,
        _create(PrincipalKind.USER),
        model=PrincipalIn,
        text="With an e-mail address a user is found at the first sign-in at the OpenID Connect provider.",
    ),
    Operation(
        "create_machine_identity",
        "/new-machine-identity",
        MANAGE,
        "New machine identity",
        "Create",
        "created",
        people,
        _create(PrincipalKind.MACHINE),
        model=PrincipalIn,
        leave_out=("email",),
        text="For a program. Its page makes tokens for it.",
    ),
    Operation(
        "create_group",
        "/new-group",
        MANAGE,
        "New group",
        "Create",
        "created",
        people,
        _create(PrincipalKind.GROUP),
        model=GroupIn,
        options=lambda call, _: {"members": choices.people(call)},
    ),
    Operation(
        "update_principal",
        "/people/{principal}/edit",
        MANAGE,
        "Edit",
        "Save",
        "changed",
        one("Principal", "people", "principal"),
        _update,
        model=PrincipalChangeIn,
        current=_principal,
    ),
    Operation(
        "add_group_member",
        "/people/{group}/add-member",
        MANAGE,
        "Add a member",
        "Add",
        "changed",
        one("Group", "people", "group"),
        _add,
        model=GroupMemberIn,
        options=_outside,
        text="Approvals that are open count the vote of the member from now on, where the group may vote.",
    ),
    Operation(
        "remove_group_member",
        "/people/{group}/members/{member}/remove",
        MANAGE,
        "Remove the member",
        "Remove",
        "changed",
        one("Group", "people", "group"),
        _remove,
        text="What the group may do, the member may not any more by it; nor vote in open approvals.",
        danger=True,
    ),
    Operation(
        "create_token",
        "/people/{principal}/new-token",
        MANAGE,
        "New token",
        "Create",
        "created",
        one("Principal", "people", "principal"),
        _create_token,
        model=TokenIn,
        leave_out=("principal",),
        text="A token that is made for somebody else casts no vote, and product-wide alerts tell of it.",
    ),
    Operation(
        "rotate_token",
        "/tokens/{token}/rotate",
        Permission.TOKEN_SELF,
        "Rotate the token",
        "Create the next one",
        "created",
        listed("My tokens", "tokens"),
        _rotate,
        model=RotationIn,
        text="The next token has the same name, scopes and lifetime. The present one ends, at once or later.",
    ),
)
