"""Calls: product.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of
from certrail_client.models.product import (
    ConnectionChangeIn,
    ConnectionIn,
    PolicyChangeIn,
    PolicyIn,
    ProfileChangeIn,
    ProfileIn,
)


def list_certificate_policies() -> Call[Json]:
    """All certificate policies."""
    path = path_of(PREFIX + "/certificate-policies")
    return Call("GET", path, Json)


def create_certificate_policy(body: PolicyIn) -> Call[Json]:
    """Say what may be requested."""
    path = path_of(PREFIX + "/certificate-policies")
    return Call("POST", path, Json, body=body, idempotent=True)


def get_certificate_policy(policy: str) -> Call[Json]:
    """One certificate policy."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("GET", path, Json)


def update_certificate_policy(policy: str, body: PolicyChangeIn) -> Call[Json]:
    """Rename a policy or replace its rules."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("PATCH", path, Json, body=body)


def delete_certificate_policy(policy: str) -> Call[None]:
    """Remove a policy that no profile uses."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("DELETE", path, type(None))


def list_profiles() -> Call[Json]:
    """All certificate profiles."""
    path = path_of(PREFIX + "/certificate-profiles")
    return Call("GET", path, Json)


def create_profile(body: ProfileIn) -> Call[Json]:
    """Join an authority, a policy and defaults."""
    path = path_of(PREFIX + "/certificate-profiles")
    return Call("POST", path, Json, body=body, idempotent=True)


def get_profile(profile: str) -> Call[Json]:
    """One certificate profile."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("GET", path, Json)


def update_profile(profile: str, body: ProfileChangeIn) -> Call[Json]:
    """Change a profile; open approvals are asked anew where it matters to them."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("PATCH", path, Json, body=body)


def delete_profile(profile: str) -> Call[None]:
    """Remove a profile that was never used."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("DELETE", path, type(None))


def list_connections() -> Call[Json]:
    """All connections, their secrets masked."""
    path = path_of(PREFIX + "/connections")
    return Call("GET", path, Json)


def create_connection(body: ConnectionIn) -> Call[Json]:
    """Store credentials for an outside system."""
    path = path_of(PREFIX + "/connections")
    return Call("POST", path, Json, body=body, idempotent=True)


def update_connection(connection: str, body: ConnectionChangeIn) -> Call[Json]:
    """Replace credentials; a masked value sent back stays as it was."""
    path = path_of(PREFIX + "/connections/{connection}", connection=connection)
    return Call("PUT", path, Json, body=body)


def delete_connection(connection: str) -> Call[None]:
    """Remove credentials that nothing uses."""
    path = path_of(PREFIX + "/connections/{connection}", connection=connection)
    return Call("DELETE", path, type(None))


def list_plugins() -> Call[Json]:
    """Every plugin with its version, capabilities, configuration schema and health."""
    path = path_of(PREFIX + "/plugins")
    return Call("GET", path, Json)


def get_plugin(kind: str, name: str) -> Call[Json]:
    """One plugin."""
    path = path_of(PREFIX + "/plugins/{kind}/{name}", kind=kind, name=name)
    return Call("GET", path, Json)
