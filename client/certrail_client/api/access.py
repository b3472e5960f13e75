"""Calls: access.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.access import (
    ActiveIn,
    GroupIn,
    ObjectIdList,
    ObjectIdOut,
    PrincipalChangeIn,
    PrincipalIn,
    RotationIn,
    TokenIn,
)


def list_users() -> Call[Json]:
    """All users."""
    path = path_of(PREFIX + "/users")
    return Call("GET", path, Json)


def create_user(body: PrincipalIn) -> Call[Json]:
    """Make a user."""
    path = path_of(PREFIX + "/users")
    return Call("POST", path, Json, body=body, idempotent=True)


def list_machine_identities() -> Call[Json]:
    """All machine identities."""
    path = path_of(PREFIX + "/machine-identities")
    return Call("GET", path, Json)


def create_machine_identity(body: PrincipalIn) -> Call[Json]:
    """Make a machine identity."""
    path = path_of(PREFIX + "/machine-identities")
    return Call("POST", path, Json, body=body, idempotent=True)


def list_groups() -> Call[Json]:
    """All groups."""
    path = path_of(PREFIX + "/groups")
    return Call("GET", path, Json)


def create_group(body: GroupIn) -> Call[Json]:
    """Make a group."""
    path = path_of(PREFIX + "/groups")
    return Call("POST", path, Json, body=body, idempotent=True)


def list_group_members(group: str) -> Call[Json]:
    """Who belongs to a group."""
    path = path_of(PREFIX + "/groups/{group}/members", group=group)
    return Call("GET", path, Json)


def join_group(group: str, principal: str) -> Call[None]:
    """Put a user or machine identity into a group."""
    path = path_of(PREFIX + "/groups/{group}/members/{principal}", group=group, principal=principal)
    return Call("PUT", path, type(None))


def leave_group(group: str, principal: str) -> Call[None]:
    """Take a user or machine identity out of a group."""
    path = path_of(PREFIX + "/groups/{group}/members/{principal}", group=group, principal=principal)
    return Call("DELETE", path, type(None))


def update_principal(principal: str, body: PrincipalChangeIn) -> Call[Json]:
    """Change the name or the product role of a principal."""
    path = path_of(PREFIX + "/principals/{principal}", principal=principal)
    return Call("PATCH", path, Json, body=body)


def set_active(principal: str, body: ActiveIn) -> Call[Json]:
    """Activate or deactivate a principal."""
    path = path_of(PREFIX + "/principals/{principal}/active", principal=principal)
    return Call("PUT", path, Json, body=body)


def list_tokens(*, principal: str | None = None) -> Call[Json]:
    """My tokens; their text is never shown again."""
    path = path_of(PREFIX + "/tokens")
    return Call("GET", path, Json, query={"principal": principal})


def create_token(body: TokenIn) -> Call[Json]:
    """Make a token. Its text is in this answer and nowhere else; a repeated call does not show it again."""
    path = path_of(PREFIX + "/tokens")
    return Call("POST", path, Json, body=body, idempotent=True)


def revoke_token(token: str) -> Call[None]:
    """Make a token useless at once."""
    path = path_of(PREFIX + "/tokens/{token}", token=token)
    return Call("DELETE", path, type(None))


def rotate_token(token: str, body: RotationIn) -> Call[Json]:
    """Make the next token in the place of this one, which holds for the overlap only."""
    path = path_of(PREFIX + "/tokens/{token}/rotate", token=token)
    return Call("POST", path, Json, body=body, idempotent=True)


def me() -> Call[Json]:
    """Who I am, and what I may do with the product."""
    path = path_of(PREFIX + "/me")
    return Call("GET", path, Json)


def list_object_ids(*, prefix: str) -> PagedCall[ObjectIdList, ObjectIdOut]:
    """Certificates, requests, approvals, deliveries, retirements, incidents and notifications whose id
    begins so.
    """
    path = path_of(PREFIX + "/object-ids")
    return PagedCall("GET", path, ObjectIdList, query={"prefix": prefix}, position="cursor")
