"""Enrollment: by which methods each profile is used here, its URLs, and configurations of clients to copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.acme import AccountStatus
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import NotFound
from certrail_server.api.answers.catalog import attached_answer
from certrail_server.api.enrollment.settings import public_url
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("/applications/{application}/enrollment")
SWITCHED = " ".join(f"set_{method}_enrollment" for method in EnrollmentMethod)


@dataclass(frozen=True)
class Client:
    """Something by which clients enroll: a secret, a key, an account, an agent.

    Attributes:
        revoke: below the page of the profile; `rotate` too, where there is such a form.
    """

    name: str
    kind: str
    created_at: datetime
    expires_at: datetime | None
    revoke: str
    rotate: str = ""


@router.get("")
def list_enrollments(request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Response:
    """The profiles that the Application may use."""
    rows = call.services.applications.profiles(call.application)
    return ApplicationPage(request, call).render(
        "enrollment/list.html", profiles=[attached_answer(*row) for row in rows]
    )


@router.get("/{profile}")
def get_enrollment(
    request: Request, profile: str, call: Annotated[Call, allow(Permission.APPLICATION_READ)]
) -> Response:
    """Every method of one profile."""
    services = call.services
    found, methods = services.enrollment_methods.of(call.scope, profile, public_url(call, request))
    page = ApplicationPage(request, call)
    manages = page.may("enrollment:manage")
    return page.render(
        "enrollment/show.html",
        profile=found,
        methods=methods,
        clients=_clients(call, found.slug, found.id) if manages else {},
    )


def _clients(call: Call, profile: str, profile_id: str) -> Mapping[str, Sequence[Client]]:
    """Secrets, keys, accounts and agents, by method."""
    services, scope = call.services, call.scope

    def secrets(method: EnrollmentMethod, path: str) -> list[Client]:
        try:
            rows = services.enrollment_secrets.list(scope, profile, method)
        except NotFound:
            return []  # the method was never set
        return [
            Client(row.name, row.kind, row.created_at, row.expires_at, f"{path}/{row.id}/revoke")
            for row in rows
        ]

    keys = [
        Client(
            row.name,
            "key for external account bindings",
            row.created_at,
            None,
            f"acme/keys/{row.id}/revoke",
            f"acme/keys/{row.id}/rotate",
        )
        for row in services.external_account_keys.list(scope, profile)
        if row.revoked_at is None
    ]
    accounts = [
        Client(
            ", ".join(row.contacts) or row.thumbprint,
            "account",
            row.created_at,
            None,
            f"acme/accounts/{row.id}/revoke",
        )
        for row in services.acme_accounts.list(scope, profile_id)
        if row.status == AccountStatus.VALID
    ]
    agents = [
        Client(
            f"{row.name}: {', '.join(row.names)}",
            "agent" if row.enrolled_at else "agent that is not enrolled yet",
            row.created_at,
            row.expires_at,
            f"api/agents/{row.id}/delete",
        )
        for row in services.agents.list(scope, profile)
    ]
    return {
        EnrollmentMethod.API: agents,
        EnrollmentMethod.ACME: [*keys, *accounts],
        EnrollmentMethod.EST: secrets(EnrollmentMethod.EST, "est/passphrases"),
        EnrollmentMethod.SCEP: secrets(EnrollmentMethod.SCEP, "scep/challenges"),
    }


@router.post(
    "/{profile}/{method}",
    openapi_extra={"offers": SWITCHED},
)
def switch(
    request: Request,
    profile: str,
    method: str,
    call: Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)],
) -> Response:
    """Switch a method on or off; its settings stay."""
    if method not in list(EnrollmentMethod):
        raise NotFound("method of enrollment")
    services, enabled = call.services, form_of(request).get("enabled") == "yes"
    _, states = services.enrollment_methods.of(call.scope, profile, public_url(call, request))
    state = next(state for state in states if state.method == method)
    services.applications.set_enrollment(
        call.actor,
        call.application,
        profile,
        state.method,
        enabled=enabled,
        settings=state.settings,
    )
    notice = "switched-on" if enabled else "switched-off"
    return Page(request, call).go(f"{application_path(request)}/enrollment/{profile}#{method}", notice)
