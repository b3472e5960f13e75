"""Applications, their members, profiles and events."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail_server.api.answers.catalog import (
    application_answer,
    application_answers,
    attached_answer,
    member_answer,
)
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.routes.audit import After, EventLimit, EventType, Subject, event_list
from certrail_server.api.schemas.access import PermissionsOut
from certrail_server.api.schemas.applications import (
    ApplicationChangeIn,
    ApplicationIn,
    ApplicationList,
    ApplicationOut,
    AttachedProfileList,
    AttachedProfileOut,
    AttachIn,
    DeletionPreviewOut,
    MemberIn,
    MemberList,
    MemberOut,
)
from certrail_server.api.schemas.events import EventList

router = APIRouter(prefix="/applications", tags=["applications"])
scoped = APIRouter(tags=["applications"])


@router.get("")
def list_applications(call: Annotated[Call, allow(Permission.APPLICATION_LIST)]) -> ApplicationList:
    """The Applications that the caller may see, by slug."""
    rows = call.services.applications.visible_to(call.actor)
    return ApplicationList(items=application_answers(call.services, rows))


@router.post("", status_code=201)
def create_application(
    body: ApplicationIn, call: Annotated[Call, allow(Permission.APPLICATION_CREATE)]
) -> ApplicationOut:
    """Create an Application; the caller becomes its Admin."""
    applications = call.services.applications
    row = idempotent(lambda: applications.create(call.actor, **body.model_dump()), applications.get)
    return application_answer(call.services, row)


@router.get("/{application}")
def get_application(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> ApplicationOut:
    """One Application."""
    return application_answer(call.services, call.services.applications.get(call.application))


@router.patch("/{application}")
def update_application(
    body: ApplicationChangeIn, call: Annotated[Call, allow(Permission.APPLICATION_EDIT)]
) -> ApplicationOut:
    """Rename or describe an Application."""
    row = call.services.applications.update(call.actor, call.application, **body.changes())
    return application_answer(call.services, row)


@router.get("/{application}/deletion")
def preview_application_deletion(
    call: Annotated[Call, allow(Permission.APPLICATION_DELETE)],
) -> DeletionPreviewOut:
    """What would be deleted with the Application, and the word that confirms it."""
    return DeletionPreviewOut(**asdict(call.services.deletions.preview(call.application)))


@router.delete("/{application}", status_code=204)
def delete_application(
    call: Annotated[Call, allow(Permission.APPLICATION_DELETE)],
    confirm: Annotated[str, Query(max_length=64, description="`confirm` of the preview.")] = "",
) -> None:
    """Delete an Application with all that is in it, as the preview said. The audit log stays."""
    call.services.deletions.delete(call.actor, call.application, confirm)


@scoped.get("/permissions")
def list_permissions(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> PermissionsOut:
    """What the caller may do here, with this token."""
    return PermissionsOut(permissions=call.services.principals.held_in(call.actor, call.scope))


@scoped.get("/members")
def list_members(call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> MemberList:
    """Members with their roles, by slug."""
    rows = call.services.applications.members(call.scope)
    return MemberList(items=[member_answer(*row) for row in rows])


@scoped.get("/members/{principal}")
def get_member(principal: str, call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> MemberOut:
    """One member with its role."""
    return member_answer(*call.services.applications.member(call.scope, principal))


@scoped.put("/members/{principal}")
def set_member(
    principal: str, body: MemberIn, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]
) -> MemberOut:
    """Give a principal its role here."""
    applications = call.services.applications
    row = applications.set_member(call.actor, call.scope, principal, body.role)
    return member_answer(*applications.member(call.scope, row.principal_id))


@scoped.delete("/members/{principal}", status_code=204)
def remove_member(principal: str, call: Annotated[Call, allow(Permission.MEMBER_MANAGE)]) -> None:
    """Remove a member."""
    call.services.applications.remove_member(call.actor, call.scope, principal)


@router.get("/{application}/profiles")
def list_attached_profiles(
    call: Annotated[Call, allow(Permission.APPLICATION_READ)],
) -> AttachedProfileList:
    """The profiles that this Application may use, by slug."""
    rows = call.services.applications.profiles(call.application)
    return AttachedProfileList(items=[attached_answer(*row) for row in rows])


@router.post("/{application}/profiles", status_code=201)
def attach_profile(
    body: AttachIn, call: Annotated[Call, allow(Permission.PROFILE_ATTACH)]
) -> AttachedProfileOut:
    """Let this Application use a profile."""
    applications = call.services.applications
    link = applications.attach_profile(call.actor, call.application, body.profile)
    return attached_answer(*applications.profile(call.application, link.profile_id))


@router.get("/{application}/profiles/{profile}")
def get_attached_profile(
    profile: str, call: Annotated[Call, allow(Permission.APPLICATION_READ)]
) -> AttachedProfileOut:
    """One profile that this Application may use, and how."""
    return attached_answer(*call.services.applications.profile(call.application, profile))


@router.delete("/{application}/profiles/{profile}", status_code=204)
def detach_profile(profile: str, call: Annotated[Call, allow(Permission.PROFILE_ATTACH)]) -> None:
    """Stop this Application from using a profile; what was issued with it stays."""
    call.services.applications.detach_profile(call.actor, call.application, profile)


@scoped.get("/events")
def list_events(
    call: Annotated[Call, allow(Permission.EVENT_READ)],
    after: After = 0,
    limit: EventLimit = 100,
    type: EventType = None,
    subject: Subject = None,
) -> EventList:
    """Events of an Application, oldest first; `after` is the `seq` of the last one that was read."""
    rows = call.services.audit_log.events(
        call.scope,
        after=after,
        limit=limit,
        type_=type,
        subject_id=subject,
        outside=call.scope is None,
    )
    return event_list(rows, limit)
