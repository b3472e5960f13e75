"""Where somebody may do something: for reads that are about several Applications."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from certrail.domain.access import Permission, ProductRole, Role, allows

Scopes = Collection[str | None] | None
"""Ids of Applications, `None` among them for the legacy scope; `None` instead of them: everywhere."""


@dataclass(frozen=True)
class Reach:
    """The roles of one caller.

    Attributes:
        roles: the strongest one by the id of each Application where the caller is a member; `None` is the legacy scope.
    """

    product_role: str | None
    token_scopes: frozenset[str]
    roles: Mapping[str | None, Role]

    def where(self, permission: Permission) -> Scopes:
        """Where the caller holds a permission."""
        if self.product_role == ProductRole.ADMIN:
            return None if self._allows(permission, None) else ()
        return [ident for ident, role in self.roles.items() if self._allows(permission, role)]

    def holds(self, permission: Permission) -> bool:
        """Whether the caller holds a permission that is about no Application."""
        return self._allows(permission, None)

    def _allows(self, permission: Permission, role: Role | None) -> bool:
        return allows(permission, product_role=self.product_role, role=role, scopes=self.token_scopes)


def in_scopes(column: Any, scopes: Scopes) -> ColumnElement[bool]:
    """The condition on a column with the ids of Applications."""
    if scopes is None:
        return true()
    named = [ident for ident in scopes if ident is not None]
    return or_(column.in_(named) if named else false(), column.is_(None) if None in scopes else false())
