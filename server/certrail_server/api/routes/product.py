"""Certificate policies and profiles."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail_server.api.answers.catalog import profile_answer, profile_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.catalog import (
    CertificatePolicyChangeIn,
    CertificatePolicyIn,
    CertificatePolicyList,
    CertificatePolicyOut,
    CertificateProfileChangeIn,
    CertificateProfileIn,
    CertificateProfileList,
    CertificateProfileOut,
)

router = APIRouter(tags=["product"])
Read = Annotated[Call, allow(Permission.PRODUCT_READ)]
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("/certificate-policies")
def list_certificate_policies(call: Read) -> CertificatePolicyList:
    """All certificate policies, by slug."""
    rows = call.services.catalog.policies()
    return CertificatePolicyList(items=[CertificatePolicyOut.of(row) for row in rows])


@router.post("/certificate-policies", status_code=201)
def create_certificate_policy(body: CertificatePolicyIn, call: Manage) -> CertificatePolicyOut:
    """Say what may be requested."""
    catalog = call.services.catalog
    row = idempotent(lambda: catalog.create_policy(call.actor, **body.values()), catalog.policy)
    return CertificatePolicyOut.of(row)


@router.get("/certificate-policies/{policy}")
def get_certificate_policy(policy: str, call: Read) -> CertificatePolicyOut:
    """One certificate policy."""
    return CertificatePolicyOut.of(call.services.catalog.policy(policy))


@router.patch("/certificate-policies/{policy}")
def update_certificate_policy(
    policy: str, body: CertificatePolicyChangeIn, call: Manage
) -> CertificatePolicyOut:
    """Rename a policy or replace its rules."""
    row = call.services.catalog.update_policy(call.actor, policy, **body.values())
    return CertificatePolicyOut.of(row)


@router.delete("/certificate-policies/{policy}", status_code=204)
def delete_certificate_policy(policy: str, call: Manage) -> None:
    """Delete a policy that no profile uses."""
    call.services.catalog.delete_policy(call.actor, policy)


@router.get("/certificate-profiles")
def list_certificate_profiles(call: Read) -> CertificateProfileList:
    """All certificate profiles, by slug."""
    rows = call.services.catalog.profiles()
    return CertificateProfileList(items=profile_answers(call.services, rows))


@router.post("/certificate-profiles", status_code=201)
def create_certificate_profile(body: CertificateProfileIn, call: Manage) -> CertificateProfileOut:
    """Create a profile of an authority, a policy and defaults."""
    catalog = call.services.catalog
    row = idempotent(lambda: catalog.create_profile(call.actor, **body.values()), catalog.profile)
    return profile_answer(call.services, row)


@router.get("/certificate-profiles/{profile}")
def get_certificate_profile(profile: str, call: Read) -> CertificateProfileOut:
    """One certificate profile."""
    return profile_answer(call.services, call.services.catalog.profile(profile))


@router.patch("/certificate-profiles/{profile}")
def update_certificate_profile(
    profile: str, body: CertificateProfileChangeIn, call: Manage
) -> CertificateProfileOut:
    """Change a profile; open approvals start a new round where it matters to them."""
    row = call.services.catalog.update_profile(call.actor, profile, **body.values())
    return profile_answer(call.services, row)


@router.delete("/certificate-profiles/{profile}", status_code=204)
def delete_certificate_profile(profile: str, call: Manage) -> None:
    """Delete a profile that was never used."""
    call.services.catalog.delete_profile(call.actor, profile)
