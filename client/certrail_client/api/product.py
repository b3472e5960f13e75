"""Calls: product.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of
from certrail_client.models.product import (
    CertificatePolicyChangeIn,
    CertificatePolicyIn,
    CertificatePolicyList,
    CertificatePolicyOut,
    CertificateProfileChangeIn,
    CertificateProfileIn,
    CertificateProfileList,
    CertificateProfileOut,
    ConnectionChangeIn,
    ConnectionIn,
    ConnectionList,
    ConnectionOut,
)


def list_certificate_policies() -> PagedCall[CertificatePolicyList, CertificatePolicyOut]:
    """All certificate policies, by slug."""
    path = path_of(PREFIX + "/certificate-policies")
    return PagedCall("GET", path, CertificatePolicyList, position="cursor")


def create_certificate_policy(body: CertificatePolicyIn) -> Call[CertificatePolicyOut]:
    """Say what may be requested."""
    path = path_of(PREFIX + "/certificate-policies")
    return Call("POST", path, CertificatePolicyOut, body=body, idempotent=True)


def get_certificate_policy(policy: str) -> Call[CertificatePolicyOut]:
    """One certificate policy."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("GET", path, CertificatePolicyOut)


def update_certificate_policy(policy: str, body: CertificatePolicyChangeIn) -> Call[CertificatePolicyOut]:
    """Rename a policy or replace its rules."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("PATCH", path, CertificatePolicyOut, body=body)


def delete_certificate_policy(policy: str) -> Call[None]:
    """Delete a policy that no profile uses."""
    path = path_of(PREFIX + "/certificate-policies/{policy}", policy=policy)
    return Call("DELETE", path, type(None))


def list_certificate_profiles() -> PagedCall[CertificateProfileList, CertificateProfileOut]:
    """All certificate profiles, by slug."""
    path = path_of(PREFIX + "/certificate-profiles")
    return PagedCall("GET", path, CertificateProfileList, position="cursor")


def create_certificate_profile(body: CertificateProfileIn) -> Call[CertificateProfileOut]:
    """Create a profile of an authority, a policy and defaults."""
    path = path_of(PREFIX + "/certificate-profiles")
    return Call("POST", path, CertificateProfileOut, body=body, idempotent=True)


def get_certificate_profile(profile: str) -> Call[CertificateProfileOut]:
    """One certificate profile."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("GET", path, CertificateProfileOut)


def update_certificate_profile(profile: str, body: CertificateProfileChangeIn) -> Call[CertificateProfileOut]:
    """Change a profile; open approvals start a new round where it matters to them."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("PATCH", path, CertificateProfileOut, body=body)


def delete_certificate_profile(profile: str) -> Call[None]:
    """Delete a profile that was never used."""
    path = path_of(PREFIX + "/certificate-profiles/{profile}", profile=profile)
    return Call("DELETE", path, type(None))


def list_connections() -> PagedCall[ConnectionList, ConnectionOut]:
    """All connections, their secrets masked; by slug."""
    path = path_of(PREFIX + "/connections")
    return PagedCall("GET", path, ConnectionList, position="cursor")


def create_connection(body: ConnectionIn) -> Call[ConnectionOut]:
    """Store credentials for an outside system."""
    path = path_of(PREFIX + "/connections")
    return Call("POST", path, ConnectionOut, body=body, idempotent=True)


def get_connection(connection: str) -> Call[ConnectionOut]:
    """One connection, its secrets masked."""
    path = path_of(PREFIX + "/connections/{connection}", connection=connection)
    return Call("GET", path, ConnectionOut)


def update_connection(connection: str, body: ConnectionChangeIn) -> Call[ConnectionOut]:
    """Change credentials, their end or their rate limit; what failed with them is tried again."""
    path = path_of(PREFIX + "/connections/{connection}", connection=connection)
    return Call("PATCH", path, ConnectionOut, body=body)


def delete_connection(connection: str) -> Call[None]:
    """Delete credentials that nothing uses."""
    path = path_of(PREFIX + "/connections/{connection}", connection=connection)
    return Call("DELETE", path, type(None))
