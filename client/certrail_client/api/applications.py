"""Calls: applications.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.applications import (
    ApplicationChangeIn,
    ApplicationIn,
    ApplicationList,
    ApplicationOut,
    AttachedProfileList,
    AttachIn,
    DeletionPreviewOut,
    MemberIn,
    MemberList,
    MemberOut,
    PermissionsOut,
)
from certrail_client.models.common import AttachedProfileOut, EventList, EventOut


def list_applications() -> PagedCall[ApplicationList, ApplicationOut]:
    """The Applications that the caller may see, by slug."""
    path = path_of(PREFIX + "/applications")
    return PagedCall("GET", path, ApplicationList, position="cursor")


def create_application(body: ApplicationIn) -> Call[ApplicationOut]:
    """Create an Application; the caller becomes its Admin."""
    path = path_of(PREFIX + "/applications")
    return Call("POST", path, ApplicationOut, body=body, idempotent=True)


def get_application(application: str) -> Call[ApplicationOut]:
    """One Application."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("GET", path, ApplicationOut)


def update_application(application: str, body: ApplicationChangeIn) -> Call[ApplicationOut]:
    """Rename or describe an Application."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("PATCH", path, ApplicationOut, body=body)


def delete_application(application: str, *, confirm: str | None = None) -> Call[None]:
    """Delete an Application with all that is in it, as the preview said. The audit log stays."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("DELETE", path, type(None), query={"confirm": confirm})


def preview_application_deletion(application: str) -> Call[DeletionPreviewOut]:
    """What would be deleted with the Application, and the word that confirms it."""
    path = path_of(PREFIX + "/applications/{application}/deletion", application=application)
    return Call("GET", path, DeletionPreviewOut)


def list_attached_profiles(application: str) -> PagedCall[AttachedProfileList, AttachedProfileOut]:
    """The profiles that this Application may use, by slug."""
    path = path_of(PREFIX + "/applications/{application}/profiles", application=application)
    return PagedCall("GET", path, AttachedProfileList, position="cursor")


def attach_profile(application: str, body: AttachIn) -> Call[AttachedProfileOut]:
    """Let this Application use a profile."""
    path = path_of(PREFIX + "/applications/{application}/profiles", application=application)
    return Call("POST", path, AttachedProfileOut, body=body)


def get_attached_profile(application: str, profile: str) -> Call[AttachedProfileOut]:
    """One profile that this Application may use, and how."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}", application=application, profile=profile
    )
    return Call("GET", path, AttachedProfileOut)


def detach_profile(application: str, profile: str) -> Call[None]:
    """Stop this Application from using a profile; what was issued with it stays."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}", application=application, profile=profile
    )
    return Call("DELETE", path, type(None))


def list_permissions(application: str | None) -> Call[PermissionsOut]:
    """What the caller may do here, with this token."""
    path = scoped(application, "/permissions")
    return Call("GET", path, PermissionsOut)


def list_members(application: str | None) -> PagedCall[MemberList, MemberOut]:
    """Members with their roles, by slug."""
    path = scoped(application, "/members")
    return PagedCall("GET", path, MemberList, position="cursor")


def get_member(application: str | None, principal: str) -> Call[MemberOut]:
    """One member with its role."""
    path = scoped(application, "/members/{principal}", principal=principal)
    return Call("GET", path, MemberOut)


def set_member(application: str | None, principal: str, body: MemberIn) -> Call[MemberOut]:
    """Give a principal its role here."""
    path = scoped(application, "/members/{principal}", principal=principal)
    return Call("PUT", path, MemberOut, body=body)


def remove_member(application: str | None, principal: str) -> Call[None]:
    """Remove a member."""
    path = scoped(application, "/members/{principal}", principal=principal)
    return Call("DELETE", path, type(None))


def list_events(
    application: str | None,
    *,
    after: int | None = None,
    limit: int | None = None,
    type: str | None = None,
    subject: str | None = None,
) -> PagedCall[EventList, EventOut]:
    """Events of an Application, oldest first; `after` is the `seq` of the last one that was read."""
    path = scoped(application, "/events")
    return PagedCall(
        "GET",
        path,
        EventList,
        query={"after": after, "limit": limit, "type": type, "subject": subject},
        position="after",
    )
