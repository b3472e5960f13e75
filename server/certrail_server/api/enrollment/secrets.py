"""Passphrases of EST and challenges of SCEP, by API."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import EnrollmentSecret
from certrail.services.enrollment.secrets import SecretKind
from certrail_server.api.enrollment.schemas import (
    ChallengeIn,
    EnrollmentSecretList,
    EnrollmentSecretOut,
    NewEnrollmentSecretOut,
    OneTimeChallengeIn,
    PassphraseIn,
)
from certrail_server.api.guard import Call, allow, idempotent

router = APIRouter(prefix="/profiles/{profile}/enrollment", tags=["enrollment"])
Manage = Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)]
Request = Annotated[Call, allow(Permission.REQUEST_CREATE)]


@router.get("/est/passphrases")
def list_passphrases(profile: str, call: Manage) -> EnrollmentSecretList:
    """The valid passphrases of EST; their text is never shown again."""
    return _listed(call, profile, EnrollmentMethod.EST)


@router.post("/est/passphrases", status_code=201)
def create_passphrase(profile: str, body: PassphraseIn, call: Manage) -> NewEnrollmentSecretOut:
    """Create a passphrase of EST. Its text is in this answer and nowhere else; several are valid at once."""
    return _created(
        call,
        lambda: call.services.enrollment_secrets.create(
            call.actor, call.scope, profile, SecretKind.PASSPHRASE, **body.model_dump()
        ),
    )


@router.delete("/est/passphrases/{secret}", status_code=204)
def revoke_passphrase(profile: str, secret: str, call: Manage) -> None:
    """Revoke a passphrase of EST: it is refused at once, and certificates that were issued by it stay valid."""
    call.services.enrollment_secrets.revoke(call.actor, call.scope, profile, EnrollmentMethod.EST, secret)


@router.get("/scep/challenges")
def list_challenges(profile: str, call: Manage) -> EnrollmentSecretList:
    """The valid challenges of SCEP that were not used; their text is never shown again."""
    return _listed(call, profile, EnrollmentMethod.SCEP)


@router.post("/scep/challenges", status_code=201)
def create_challenge(profile: str, body: ChallengeIn, call: Manage) -> NewEnrollmentSecretOut:
    """Create a challenge of SCEP for many requests. Its text is in this answer and nowhere else."""
    return _created(
        call,
        lambda: call.services.enrollment_secrets.create(
            call.actor, call.scope, profile, SecretKind.CHALLENGE, **body.model_dump()
        ),
    )


@router.post("/scep/one-time-challenges", status_code=201)
def create_one_time_challenge(
    profile: str, body: OneTimeChallengeIn, call: Request
) -> NewEnrollmentSecretOut:
    """Create a challenge of SCEP for one request, which whoever may request certificates here may do."""
    kind = SecretKind.ONE_TIME_CHALLENGE
    return _created(
        call,
        lambda: call.services.enrollment_secrets.create(
            call.actor, call.scope, profile, kind, **body.model_dump()
        ),
    )


@router.delete("/scep/challenges/{secret}", status_code=204)
def revoke_challenge(profile: str, secret: str, call: Manage) -> None:
    """Revoke a challenge of SCEP: it is refused at once, and certificates that were issued by it stay valid."""
    call.services.enrollment_secrets.revoke(call.actor, call.scope, profile, EnrollmentMethod.SCEP, secret)


def _created(call: Call, create: Callable[[], tuple[EnrollmentSecret, str | None]]) -> NewEnrollmentSecretOut:
    secrets = call.services.enrollment_secrets
    row, text = idempotent(create, lambda ident: (secrets.get(ident), None))
    return NewEnrollmentSecretOut.of(row, value=text)


def _listed(call: Call, profile: str, method: EnrollmentMethod) -> EnrollmentSecretList:
    rows = call.services.enrollment_secrets.list(call.scope, profile, method)
    return EnrollmentSecretList(items=[EnrollmentSecretOut.of(row) for row in rows])
