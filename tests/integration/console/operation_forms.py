"""The form of every operation, who may open it, and an Application in which there is something of each kind."""

from dataclasses import dataclass

from tests.integration.console.conftest import Site

from certrail.domain.access import Role, allows
from certrail.domain.enrollment import EnrollmentMethod
from certrail_server.api.guard import OWNER_OF
from certrail_server.console.operations import OPERATIONS
from certrail_server.console.operations.operation import Operation

ROLES = {
    "above": ("admin", None),
    "bob": ("member", Role.ADMIN),
    "ann": ("member", Role.OPERATOR),
    "eve": ("member", Role.AUDITOR),
    "zoe": ("member", None),
}
"""Of the site: product role, and role in the Application."""
NOT_NOW = {
    "install_authority_certificate": "only an authority that waits has one",
    "cancel_revocation_request": "who may depends on who asked for it",
}
"""Operations whose form is not opened with the objects of the site, and why."""


@dataclass(frozen=True)
class OperationForm:
    """A form.

    Attributes:
        readers: slugs of those who may open it.
    """

    operation: Operation
    path: str
    readers: frozenset[str]


def _form(operation: Operation) -> OperationForm:
    inside = "{application}" in operation.path or any(f"{{{name}}}" in operation.path for name in OWNER_OF)
    readers = {
        slug
        for slug, (product_role, role) in ROLES.items()
        if allows(operation.permission, product_role=product_role, role=role if inside else None)
    }
    chosen = {"Notifier": "?choice=email", "Destination": "?choice=files"}
    choice = chosen[operation.choose[0]] if operation.choose else ""
    return OperationForm(operation, f"/console{operation.path}{choice}", frozenset(readers))


FORMS = tuple(_form(operation) for operation in OPERATIONS if operation.api not in NOT_NOW)


def name_objects(site: Site) -> None:
    """Add the objects of `full_site` that forms are about, by the parameter of their path."""
    services, admin, app = site.team.services, site.team.admin, site.team.application
    (secret,) = services.enrollment_secrets.list(app, "web", EnrollmentMethod.EST)
    (agent,) = services.agents.list(app, "web")
    (key,) = services.external_account_keys.list(app, "web")
    (account,) = services.acme_accounts.list(app, services.catalog.profile("web").id)
    (token, *_) = services.tokens.list(admin, "above")
    (policy, *_), *_ = services.approval_policies.list(app)
    site.objects |= {
        "alert": "told",
        "channel": "mail",
        "approval_policy": policy.slug,
        "group": "owners",
        "member": "ann",
        "secret": secret.id,
        "key": key.id,
        "account": account.id,
        "agent": agent.id,
        "mirror": "copies",
        "token": token.id,
    }
