"""Who may do what: one table, asked by one function."""

from collections.abc import Collection
from enum import StrEnum

ENROLLMENT_CLIENT = "enrollment"
"""Kind of the principal that stands for an ACME account, an EST credential or a SCEP challenge: named in the audit
log, without a role, a token or a vote."""

AGENT = "agent"
"""Kind of the principal of one host's agent: it has a token, and no role; what it may do is said by its enrollment."""
WITHOUT_ROLE = frozenset({ENROLLMENT_CLIENT, AGENT})
"""Kinds that are no members of Applications or groups."""


class ProductRole(StrEnum):
    """A role above the Applications."""

    ADMIN = "admin"
    MEMBER = "member"


class Role(StrEnum):
    """A role inside one Application."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route may ask for. The part before the colon is the noun, `product.` ones are shared."""

    PRODUCT_READ = "product:read"
    PRODUCT_MANAGE = "product:manage"
    PRINCIPAL_MANAGE = "principal:manage"
    TOKEN_SELF = "token:self"  # noqa: S105 - the name of a right
    PLUGIN_READ = "plugin:read"
    APPLICATION_CREATE = "application:create"
    APPLICATION_LIST = "application:list"
    APPLICATION_READ = "application:read"
    APPLICATION_EDIT = "application:edit"
    APPLICATION_DELETE = "application:delete"
    MEMBER_MANAGE = "member:manage"
    PROFILE_ATTACH = "profile:attach"
    ENROLLMENT_MANAGE = "enrollment:manage"
    REQUEST_CREATE = "request:create"
    REQUEST_READ = "request:read"
    REQUEST_CANCEL = "request:cancel"
    REQUEST_RETRY = "request:retry"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_KEY = "certificate:key"
    CERTIFICATE_IMPORT = "certificate:import"
    CERTIFICATE_EXPORT = "certificate:export"
    CERTIFICATE_RENEW = "certificate:renew"
    CERTIFICATE_REVOKE = "certificate:revoke"
    INVENTORY_READ = "inventory:read"
    VIEW_MANAGE = "view:manage"
    SYNC_READ = "sync:read"
    SYNC_MANAGE = "sync:manage"
    SYNC_TRIGGER = "sync:trigger"
    DELIVERY_RETRY = "delivery:retry"
    SERVED_REPORT = "served:report"
    ALERT_READ = "alert:read"
    ALERT_MANAGE = "alert:manage"
    INCIDENT_ACKNOWLEDGE = "incident:acknowledge"
    NOTIFICATION_REPLAY = "notification:replay"
    APPROVAL_POLICY_READ = "approval-policy:read"
    APPROVAL_POLICY_MANAGE = "approval-policy:manage"
    APPROVAL_READ = "approval:read"
    APPROVAL_VOTE = "approval:vote"
    EVENT_READ = "event:read"
    AUDIT_READ = "audit:read"


_EVERYBODY = frozenset(
    {
        Permission.PRODUCT_READ,
        Permission.TOKEN_SELF,
        Permission.PLUGIN_READ,
        Permission.APPLICATION_LIST,
        Permission.APPROVAL_VOTE,
    }
)
"""Every active principal. A vote is allowed here and decided by the approval's own step."""

_AUDITOR = frozenset(
    {
        Permission.APPLICATION_READ,
        Permission.REQUEST_READ,
        Permission.CERTIFICATE_READ,
        Permission.SYNC_READ,
        Permission.ALERT_READ,
        Permission.APPROVAL_POLICY_READ,
        Permission.APPROVAL_READ,
        Permission.EVENT_READ,
    }
)
_OPERATOR = _AUDITOR | {
    Permission.REQUEST_CREATE,
    Permission.REQUEST_CANCEL,
    Permission.REQUEST_RETRY,
    Permission.CERTIFICATE_KEY,
    Permission.CERTIFICATE_IMPORT,
    Permission.CERTIFICATE_EXPORT,
    Permission.CERTIFICATE_RENEW,
    Permission.CERTIFICATE_REVOKE,
    Permission.VIEW_MANAGE,
    Permission.SYNC_TRIGGER,
    Permission.DELIVERY_RETRY,
    Permission.SERVED_REPORT,
    Permission.INCIDENT_ACKNOWLEDGE,
    Permission.NOTIFICATION_REPLAY,
}
_ADMIN = _OPERATOR | {
    Permission.APPLICATION_EDIT,
    Permission.APPLICATION_DELETE,
    Permission.MEMBER_MANAGE,
    Permission.ENROLLMENT_MANAGE,
    Permission.SYNC_MANAGE,
    Permission.ALERT_MANAGE,
    Permission.APPROVAL_POLICY_MANAGE,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(_ADMIN),
    Role.OPERATOR: frozenset(_OPERATOR),
    Role.AUDITOR: _AUDITOR,
}
SCOPED = GRANTS[Role.ADMIN] | {Permission.PROFILE_ATTACH}
"""Permissions about one Application or the legacy scope; the others are about the product."""

RANK = (Role.ADMIN, Role.OPERATOR, Role.AUDITOR)


def allows(
    permission: Permission,
    *,
    product_role: str | None,
    role: Role | None,
    scopes: frozenset[str] = frozenset(),
) -> bool:
    """Whether a principal of these roles, calling with a token of these scopes, holds the permission.

    A token without scopes carries all its owner may do; otherwise a scope is a permission's name or its noun.
    """
    if scopes and permission not in scopes and permission.partition(":")[0] not in scopes:
        return False
    if product_role == ProductRole.ADMIN:
        return True
    if product_role is None and role is None:
        return False
    return permission in _EVERYBODY or (role is not None and permission in GRANTS[role])


def within(scopes: Collection[str], limit: Collection[str]) -> bool:
    """Whether a token of these scopes can do no more than one of the others; without scopes a token is unlimited."""
    if not limit:
        return True
    return bool(scopes) and all(scope in limit or scope.partition(":")[0] in limit for scope in scopes)


def strongest(roles: list[str]) -> Role | None:
    """The role that counts when a principal holds several, by itself and through groups."""
    return next((role for role in RANK if role in roles), None)
