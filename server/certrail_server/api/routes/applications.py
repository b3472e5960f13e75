"""Applications, their members, profiles and events."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import Enrollment
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.shapes import (
    ApiEnrollmentIn,
    ApplicationChangeIn,
    ApplicationIn,
    AttachIn,
    MemberIn,
)
from certrail_server.api.views import Json, items, record_page, shown

router = APIRouter(prefix="/applications", tags=["applications"])
scoped = APIRouter(tags=["applications"])


@router.get("")
def list_applications(call: Annotated[Call, allow(Permission.APPLICATION_LIST)]) -> Json:
    """The Applications that the caller may see."""
    return items(call.services.applications.visible_to(call.actor))


@router.post("", status_code=201)
def create_application(
    body: ApplicationIn, call: Annotated[Call, allow(Permission.APPLICATION_CREATE)]
) -> Json:
    """Make an Application; the caller becomes its Admin."""
    applications = call.services.applications
    return shown(idempotent(lambda: applications.create(call.actor, **body.model_dump()), applications.get))


@router.get("/{application}")
def get_application(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Json:
    """One Application."""
    return shown(call.services.applications.get(call.application))


@router.patch("/{application}")
def update_application(
    body: ApplicationChangeIn, call: Annotated[Call, allow(Permission.APPLICATION_EDIT)]
) -> Json:
    """Rename or describe an Application."""
    return shown(call.services.applications.update(call.actor, call.application, **body.model_dump()))


@router.get("/{application}/deletion")
def preview_deletion(call: Annotated[Call, allow(Permission.APPLICATION_DELETE)]) -> Json:
    """What would go with the Application, and the word that confirms it."""
    return asdict(call.services.deletions.preview(call.application))


@router.delete("/{application}", status_code=204)
def delete_application(
    call: Annotated[Call, allow(Permission.APPLICATION_DELETE)],
    confirm: Annotated[str, Query(max_length=64, description="from the preview")] = "",
) -> None:
    """Delete an Application with all that is in it, as the preview said. The record of events stays."""
    call.services.deletions.delete(call.actor, call.application, confirm)


@scoped.get("/permissions")
def list_permissions(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Json:
    """What the caller may do here, with this token."""
    return {"permissions": call.services.identities.held_in(call.actor, call.scope)}


@scoped.get("/members")
def list_members(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Json:
    """Members with their roles."""
    rows = call.services.applications.members(call.scope)
    return items([shown(m, principal=shown(p)) for m, p in rows], dict)


@scoped.put("/members/{principal}")
def set_member(
    principal: str, body: MemberIn, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]
) -> Json:
    """Give a principal its role here."""
    return shown(call.services.applications.set_member(call.actor, call.scope, principal, body.role))


@scoped.delete("/members/{principal}", status_code=204)
def remove_member(principal: str, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]) -> None:
    """Take a principal out."""
    call.services.applications.remove_member(call.actor, call.scope, principal)


@router.get("/{application}/profiles")
def list_attached(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Json:
    """The profiles that this Application may use."""
    return items(call.services.applications.profiles(call.application))


@router.post("/{application}/profiles", status_code=201)
def attach_profile(body: AttachIn, call: Annotated[Call, allow(Permission.PROFILE_ATTACH)]) -> Json:
    """Let this Application use a profile."""
    row = call.services.applications.attach_profile(call.actor, call.application, body.profile)
    return _enrollment(row)


@router.put("/{application}/profiles/{profile}/enrollment/{method}")
def set_enrollment(
    profile: str,
    method: EnrollmentMethod,
    body: ApiEnrollmentIn,
    call: Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)],
) -> Json:
    """Whether a profile is used by a method here, and how; this version serves the method `api`."""
    settings = body.model_dump(mode="json", exclude={"enabled"})
    row = call.services.applications.set_enrollment(
        call.actor, call.application, profile, method, enabled=body.enabled, settings=settings
    )
    return _enrollment(row)


@router.delete("/{application}/profiles/{profile}", status_code=204)
def detach_profile(profile: str, call: Annotated[Call, allow(Permission.PROFILE_ATTACH)]) -> None:
    """Stop this Application from using a profile; what was issued with it stays."""
    call.services.applications.detach_profile(call.actor, call.application, profile)


@scoped.get("/events")
def list_events(
    call: Annotated[Call, allow(Permission.EVENT_READ)],
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    type: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=80)] = None,
) -> Json:
    """The record in order; `after` is the `seq` of the last event that was read."""
    rows = call.services.record.events(
        call.scope,
        after=after,
        limit=limit,
        type_=type,
        subject_id=subject,
        outside=call.scope is None,
    )
    return record_page(rows, limit)


def _enrollment(row: Enrollment) -> Json:
    return {
        "application_id": row.application_id,
        "profile_id": row.profile_id,
        row.method: {"enabled": row.enabled, **row.settings},
    }
