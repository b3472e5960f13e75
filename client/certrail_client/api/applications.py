"""Calls: applications.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped
from certrail_client.models.applications import (
    ApiEnrollmentIn,
    ApplicationChangeIn,
    ApplicationIn,
    AttachIn,
    MemberIn,
)


def list_applications() -> Call[Json]:
    """The Applications that the caller may see."""
    path = path_of(PREFIX + "/applications")
    return Call("GET", path, Json)


def create_application(body: ApplicationIn) -> Call[Json]:
    """Make an Application; the caller becomes its Admin."""
    path = path_of(PREFIX + "/applications")
    return Call("POST", path, Json, body=body, idempotent=True)


def get_application(application: str) -> Call[Json]:
    """One Application."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("GET", path, Json)


def update_application(application: str, body: ApplicationChangeIn) -> Call[Json]:
    """Rename or describe an Application."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("PATCH", path, Json, body=body)


def delete_application(application: str, *, confirm: str | None = None) -> Call[None]:
    """Delete an Application with all that is in it, as the preview said. The record of events stays."""
    path = path_of(PREFIX + "/applications/{application}", application=application)
    return Call("DELETE", path, type(None), query={"confirm": confirm})


def preview_deletion(application: str) -> Call[Json]:
    """What would go with the Application, and the word that confirms it."""
    path = path_of(PREFIX + "/applications/{application}/deletion", application=application)
    return Call("GET", path, Json)


def list_attached(application: str) -> Call[Json]:
    """The profiles that this Application may use."""
    path = path_of(PREFIX + "/applications/{application}/profiles", application=application)
    return Call("GET", path, Json)


def attach_profile(application: str, body: AttachIn) -> Call[Json]:
    """Let this Application use a profile."""
    path = path_of(PREFIX + "/applications/{application}/profiles", application=application)
    return Call("POST", path, Json, body=body, idempotent=True)


def set_enrollment(application: str, profile: str, method: str, body: ApiEnrollmentIn) -> Call[Json]:
    """Whether a profile is used by a method here, and how; this version serves the method `api`."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}/enrollment/{method}",
        application=application,
        profile=profile,
        method=method,
    )
    return Call("PUT", path, Json, body=body)


def detach_profile(application: str, profile: str) -> Call[None]:
    """Stop this Application from using a profile; what was issued with it stays."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}", application=application, profile=profile
    )
    return Call("DELETE", path, type(None))


def list_permissions(application: str | None) -> Call[Json]:
    """What the caller may do here, with this token."""
    path = scoped(application, "/permissions")
    return Call("GET", path, Json)


def list_members(application: str | None) -> Call[Json]:
    """Members with their roles."""
    path = scoped(application, "/members")
    return Call("GET", path, Json)


def set_member(application: str | None, principal: str, body: MemberIn) -> Call[Json]:
    """Give a principal its role here."""
    path = scoped(application, "/members/{principal}", principal=principal)
    return Call("PUT", path, Json, body=body)


def remove_member(application: str | None, principal: str) -> Call[None]:
    """Take a principal out."""
    path = scoped(application, "/members/{principal}", principal=principal)
    return Call("DELETE", path, type(None))


def list_events(
    application: str | None,
    *,
    after: int | None = None,
    limit: int | None = None,
    type: str | None = None,
    subject: str | None = None,
) -> Call[Json]:
    """The record in order; `after` is the `seq` of the last event that was read."""
    path = scoped(application, "/events")
    return Call("GET", path, Json, query={"after": after, "limit": limit, "type": type, "subject": subject})
