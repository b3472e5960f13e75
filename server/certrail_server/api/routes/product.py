"""Certificate policies, profiles, connections and plugins."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.domain.errors import NotFound
from certrail.persistence.tables import CertificateProfile
from certrail_server.api.guard import Call, allow, find_created, idempotent
from certrail_server.api.product_shapes import (
    ConnectionChangeIn,
    ConnectionIn,
    PolicyChangeIn,
    PolicyIn,
    ProfileChangeIn,
    ProfileIn,
)
from certrail_server.api.views import Json, items, shown

router = APIRouter(tags=["product"])
Read = Annotated[Call, allow(Permission.PRODUCT_READ)]
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("/certificate-policies")
def list_certificate_policies(call: Read) -> Json:
    """All certificate policies."""
    return items(call.services.product.policies())


@router.post("/certificate-policies", status_code=201)
def create_certificate_policy(body: PolicyIn, call: Manage) -> Json:
    """Say what may be requested."""
    product = call.services.product
    return shown(
        idempotent(
            lambda: product.create_policy(call.actor, **body.model_dump()),
            product.policy,
        )
    )


@router.get("/certificate-policies/{policy}")
def get_certificate_policy(policy: str, call: Read) -> Json:
    """One certificate policy."""
    return shown(call.services.product.policy(policy))


@router.patch("/certificate-policies/{policy}")
def update_certificate_policy(policy: str, body: PolicyChangeIn, call: Manage) -> Json:
    """Rename a policy or replace its rules."""
    return shown(call.services.product.update_policy(call.actor, policy, **body.model_dump()))


@router.delete("/certificate-policies/{policy}", status_code=204)
def delete_certificate_policy(policy: str, call: Manage) -> None:
    """Remove a policy that no profile uses."""
    call.services.product.delete_policy(call.actor, policy)


@router.get("/certificate-profiles")
def list_profiles(call: Read) -> Json:
    """All certificate profiles."""
    rows = call.services.product.profiles()
    legacy = call.services.product.legacy_enrollments(rows)
    return items(rows, lambda row: shown(row, legacy_enrollment=legacy.get(row.id)))


@router.post("/certificate-profiles", status_code=201)
def create_profile(body: ProfileIn, call: Manage) -> Json:
    """Join an authority, a policy and defaults."""
    product = call.services.product
    return _profile(
        call,
        idempotent(
            lambda: product.create_profile(call.actor, **body.model_dump()),
            product.profile,
        ),
    )


@router.get("/certificate-profiles/{profile}")
def get_profile(profile: str, call: Read) -> Json:
    """One certificate profile."""
    return _profile(call, call.services.product.profile(profile))


@router.patch("/certificate-profiles/{profile}")
def update_profile(profile: str, body: ProfileChangeIn, call: Manage) -> Json:
    """Change a profile; open approvals are asked anew where it matters to them."""
    return _profile(call, call.services.product.update_profile(call.actor, profile, **body.model_dump()))


@router.delete("/certificate-profiles/{profile}", status_code=204)
def delete_profile(profile: str, call: Manage) -> None:
    """Remove a profile that was never used."""
    call.services.product.delete_profile(call.actor, profile)


@router.get("/connections")
def list_connections(call: Manage) -> Json:
    """All connections, their secrets masked."""
    connections = call.services.connections
    return items([shown(row, config=connections.shown(row)) for row in connections.list()], dict)


@router.post("/connections", status_code=201)
def create_connection(body: ConnectionIn, call: Manage) -> Json:
    """Store credentials for an outside system."""
    connections = call.services.connections
    row = idempotent(
        lambda: connections.create(
            call.actor,
            slug=body.slug,
            name=body.name,
            type_=body.type,
            config=body.config,
            expires_at=body.expires_at,
            max_per_minute=body.max_per_minute,
        ),
        lambda ident: find_created(connections.list(), ident, "connection"),
    )
    return shown(row, config=connections.shown(row))


@router.put("/connections/{connection}")
def update_connection(connection: str, body: ConnectionChangeIn, call: Manage) -> Json:
    """Replace credentials; a masked value sent back stays as it was."""
    row = call.services.connections.update(call.actor, connection, body.config, body.changes())
    return shown(row, config=call.services.connections.shown(row))


@router.delete("/connections/{connection}", status_code=204)
def delete_connection(connection: str, call: Manage) -> None:
    """Remove credentials that nothing uses."""
    call.services.connections.delete(call.actor, connection)


@router.get("/plugins")
def list_plugins(call: Annotated[Call, allow(Permission.PLUGIN_READ)]) -> Json:
    """Every plugin with its version, capabilities, configuration schema and health."""
    return items([asdict(info) for info in call.services.context.plugins.all()], dict)


@router.get("/plugins/{kind}/{name}")
def get_plugin(kind: str, name: str, call: Annotated[Call, allow(Permission.PLUGIN_READ)]) -> Json:
    """One plugin."""
    for info in call.services.context.plugins.all():
        if (info.kind, info.name) == (kind, name):
            return asdict(info)
    raise NotFound("plugin")


def _profile(call: Call, row: CertificateProfile) -> Json:
    return shown(row, legacy_enrollment=call.services.product.legacy_enrollments([row]).get(row.id))
