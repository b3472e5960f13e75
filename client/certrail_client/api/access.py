"""Calls: access.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.access import (
    ActiveIn,
    GroupIn,
    GroupList,
    GroupOut,
    MeOut,
    NewTokenOut,
    ObjectIdList,
    ObjectIdOut,
    PrincipalChangeIn,
    PrincipalIn,
    PrincipalList,
    PrincipalOut,
    RotationIn,
    SavedViewIn,
    SavedViewList,
    SavedViewOut,
    TokenIn,
    TokenList,
    TokenOut,
)


def list_users() -> PagedCall[PrincipalList, PrincipalOut]:
    """All users, by slug."""
    path = path_of(PREFIX + "/users")
    return PagedCall("GET", path, PrincipalList, position="cursor")


def create_user(body: PrincipalIn) -> Call[PrincipalOut]:
    """Create a user."""
    path = path_of(PREFIX + "/users")
    return Call("POST", path, PrincipalOut, body=body)


def get_user(user: str) -> Call[PrincipalOut]:
    """One user."""
    path = path_of(PREFIX + "/users/{user}", user=user)
    return Call("GET", path, PrincipalOut)


def list_machine_identities() -> PagedCall[PrincipalList, PrincipalOut]:
    """All machine identities, by slug."""
    path = path_of(PREFIX + "/machine-identities")
    return PagedCall("GET", path, PrincipalList, position="cursor")


def create_machine_identity(body: PrincipalIn) -> Call[PrincipalOut]:
    """Create a machine identity."""
    path = path_of(PREFIX + "/machine-identities")
    return Call("POST", path, PrincipalOut, body=body)


def get_machine_identity(machine_identity: str) -> Call[PrincipalOut]:
    """One machine identity."""
    path = path_of(PREFIX + "/machine-identities/{machine_identity}", machine_identity=machine_identity)
    return Call("GET", path, PrincipalOut)


def list_groups() -> PagedCall[GroupList, GroupOut]:
    """All groups with their members, by slug."""
    path = path_of(PREFIX + "/groups")
    return PagedCall("GET", path, GroupList, position="cursor")


def create_group(body: GroupIn) -> Call[GroupOut]:
    """Create a group."""
    path = path_of(PREFIX + "/groups")
    return Call("POST", path, GroupOut, body=body, idempotent=True)


def get_group(group: str) -> Call[GroupOut]:
    """One group with its members."""
    path = path_of(PREFIX + "/groups/{group}", group=group)
    return Call("GET", path, GroupOut)


def list_group_members(group: str) -> PagedCall[PrincipalList, PrincipalOut]:
    """Who belongs to a group, by slug."""
    path = path_of(PREFIX + "/groups/{group}/members", group=group)
    return PagedCall("GET", path, PrincipalList, position="cursor")


def add_group_member(group: str, principal: str) -> Call[None]:
    """Put a user or machine identity into a group."""
    path = path_of(PREFIX + "/groups/{group}/members/{principal}", group=group, principal=principal)
    return Call("PUT", path, type(None))


def remove_group_member(group: str, principal: str) -> Call[None]:
    """Take a user or machine identity out of a group."""
    path = path_of(PREFIX + "/groups/{group}/members/{principal}", group=group, principal=principal)
    return Call("DELETE", path, type(None))


def get_principal(principal: str) -> Call[PrincipalOut]:
    """One user, group or machine identity."""
    path = path_of(PREFIX + "/principals/{principal}", principal=principal)
    return Call("GET", path, PrincipalOut)


def update_principal(principal: str, body: PrincipalChangeIn) -> Call[PrincipalOut]:
    """Change the name or the product role of a principal."""
    path = path_of(PREFIX + "/principals/{principal}", principal=principal)
    return Call("PATCH", path, PrincipalOut, body=body)


def set_principal_active(principal: str, body: ActiveIn) -> Call[PrincipalOut]:
    """Activate or deactivate a principal."""
    path = path_of(PREFIX + "/principals/{principal}/active", principal=principal)
    return Call("PUT", path, PrincipalOut, body=body)


def list_tokens(*, principal: str | None = None) -> PagedCall[TokenList, TokenOut]:
    """The caller's tokens; their text is never shown again."""
    path = path_of(PREFIX + "/tokens")
    return PagedCall("GET", path, TokenList, query={"principal": principal}, position="cursor")


def create_token(body: TokenIn) -> Call[NewTokenOut]:
    """Create a token. Its text is in this answer and nowhere else; a repeated call does not show it again."""
    path = path_of(PREFIX + "/tokens")
    return Call("POST", path, NewTokenOut, body=body, idempotent=True)


def get_token(token: str) -> Call[TokenOut]:
    """One token, without its text."""
    path = path_of(PREFIX + "/tokens/{token}", token=token)
    return Call("GET", path, TokenOut)


def revoke_token(token: str) -> Call[None]:
    """Revoke a token: it is refused at once."""
    path = path_of(PREFIX + "/tokens/{token}", token=token)
    return Call("DELETE", path, type(None))


def rotate_token(token: str, body: RotationIn) -> Call[NewTokenOut]:
    """Create the next token in the place of this one, which stays valid for the overlap only."""
    path = path_of(PREFIX + "/tokens/{token}/rotate", token=token)
    return Call("POST", path, NewTokenOut, body=body, idempotent=True)


def get_me() -> Call[MeOut]:
    """Who calls, what the caller may do with the product, and in which Applications the caller has a role."""
    path = path_of(PREFIX + "/me")
    return Call("GET", path, MeOut)


def list_saved_views() -> PagedCall[SavedViewList, SavedViewOut]:
    """The views that the caller keeps, by name."""
    path = path_of(PREFIX + "/saved-views")
    return PagedCall("GET", path, SavedViewList, position="cursor")


def keep_saved_view(body: SavedViewIn) -> Call[SavedViewOut]:
    """Keep the filter of a list of the console under a name, for the caller alone."""
    path = path_of(PREFIX + "/saved-views")
    return Call("POST", path, SavedViewOut, body=body, idempotent=True)


def delete_saved_view(saved_view: str) -> Call[None]:
    """Delete one of the caller's views."""
    path = path_of(PREFIX + "/saved-views/{saved_view}", saved_view=saved_view)
    return Call("DELETE", path, type(None))


def list_object_ids(*, prefix: str) -> PagedCall[ObjectIdList, ObjectIdOut]:
    """Certificates, requests of both kinds, approvals, deliveries, retirements, incidents, notifications
    by prefix.
    """
    path = path_of(PREFIX + "/object-ids")
    return PagedCall("GET", path, ObjectIdList, query={"prefix": prefix}, position="cursor")
