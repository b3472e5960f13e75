"""Methods of enrollment of a profile: their settings, and the URLs of their servers."""

from typing import Annotated

from fastapi import APIRouter, Request

from certrail.domain.access import Permission
from certrail.domain.enrollment import EnrollmentMethod
from certrail_server.api.answers.catalog import attached_answer
from certrail_server.api.enrollment.schemas import (
    AcmeEnrollmentIn,
    EnrollmentMethodOut,
    EnrollmentOut,
    EstEnrollmentIn,
    MethodIn,
    ScepEnrollmentIn,
)
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.applications import ApiEnrollmentIn, AttachedProfileOut

router = APIRouter(prefix="/applications/{application}/profiles/{profile}/enrollment", tags=["enrollment"])
scoped = APIRouter(prefix="/profiles/{profile}/enrollment", tags=["enrollment"])
Manage = Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)]


@scoped.get("")
def get_enrollment(
    profile: str, request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]
) -> EnrollmentOut:
    """Every method by which a profile may be used here: whether it is enabled, its settings and its URLs."""
    found, states = call.services.enrollment_methods.of(call.scope, profile, public_url(call, request))
    return EnrollmentOut(
        methods=[EnrollmentMethodOut.of(state) for state in states],
        application_id=call.scope,
        profile_id=found.id,
        profile=found.slug,
    )


@router.put("/api")
def set_api_enrollment(profile: str, body: ApiEnrollmentIn, call: Manage) -> AttachedProfileOut:
    """Whether a profile is used through the API here, and how its certificates are renewed."""
    settings = body.model_dump(mode="json", exclude={"enabled"})
    applications = call.services.applications
    row = applications.set_enrollment(
        call.actor,
        call.application,
        profile,
        EnrollmentMethod.API,
        enabled=body.enabled,
        settings=settings,
    )
    return attached_answer(*applications.profile(call.application, row.profile_id))


@router.put("/acme")
def set_acme_enrollment(
    profile: str, body: AcmeEnrollmentIn, request: Request, call: Manage
) -> EnrollmentMethodOut:
    """Whether a profile is used by ACME here, and how."""
    return _set(call, request, profile, EnrollmentMethod.ACME, body)


@router.put("/est")
def set_est_enrollment(
    profile: str, body: EstEnrollmentIn, request: Request, call: Manage
) -> EnrollmentMethodOut:
    """Whether a profile is used by EST here, and how."""
    return _set(call, request, profile, EnrollmentMethod.EST, body)


@router.put("/scep")
def set_scep_enrollment(
    profile: str, body: ScepEnrollmentIn, request: Request, call: Manage
) -> EnrollmentMethodOut:
    """Whether a profile is used by SCEP here, and how."""
    return _set(call, request, profile, EnrollmentMethod.SCEP, body)


def public_url(call: Call, request: Request) -> str:
    """Under which clients reach this server: as configured, else as it was called."""
    return call.services.context.public_url or str(request.base_url)


def _set(
    call: Call, request: Request, profile: str, method: EnrollmentMethod, body: MethodIn
) -> EnrollmentMethodOut:
    call.services.applications.set_enrollment(
        call.actor, call.application, profile, method, enabled=body.enabled, settings=body.settings()
    )
    url = public_url(call, request)
    _, states = call.services.enrollment_methods.of(call.application, profile, url)
    return EnrollmentMethodOut.of(next(state for state in states if state.method is method))
