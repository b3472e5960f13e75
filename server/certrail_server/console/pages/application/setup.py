"""The guided creation of an Application, after its name: members, approvals, first sync, first alert.

Each step is a form of its own that may be skipped; what it creates is changed later on the Application's own pages.
"""

from typing import Annotated, Any

from fastapi import Request, Response

from certrail.domain.access import Permission, Role
from certrail.domain.errors import CertrailError
from certrail_server.api.answers.catalog import member_answer
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.alerts import AlertIn
from certrail_server.api.schemas.approvals import ApprovalPolicyIn
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.application.members import role_of
from certrail_server.console.plugin_form import choices_of

router = page_router("/applications/{application}/setup")
Members = Annotated[Call, allow(Permission.MEMBER_MANAGE)]
Policies = Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)]
Syncs = Annotated[Call, allow(Permission.SYNC_MANAGE)]
Alerts = Annotated[Call, allow(Permission.ALERT_MANAGE)]
REPORTED = (
    ("delivery.failed", "A delivery fails"),
    ("certificate.renewal_failed", "A renewal fails"),
    ("certificate.expiring", "A certificate ends soon"),
    ("request.failed", "A request fails"),
    ("certificate.revoked", "A certificate is revoked"),
)
"""Events of a first alert."""
THRESHOLDS = ("30d", "7d", "1d")


@router.get("/members")
def get_members(request: Request, call: Members) -> Response:
    """Who works here."""
    return _members(request, call, Form({}))


@router.post("/members", openapi_extra={"offers": "set_member"})
def add_member(request: Request, call: Members) -> Response:
    """Add one, and stay for the next."""
    form = form_of(request)
    try:
        role = role_of(form.get("role"))
        call.services.applications.set_member(call.actor, call.scope, form.get("principal"), role)
    except CertrailError as refusal:
        return _members(request, call, form, refusal)
    return Page(request, call).go(f"{application_path(request)}/setup/members", "member-set")


@router.get("/approvals")
def get_approvals(request: Request, call: Policies) -> Response:
    """What needs whose votes."""
    return _approvals(request, call, Form({}))


@router.post("/approvals", openapi_extra={"offers": "create_approval_policy"})
def create_policy(request: Request, call: Policies) -> Response:
    """Create an approval policy of one step, and go on."""
    form, policies, actor = form_of(request), call.services.approval_policies, once(request, call.actor)
    try:
        step = {
            "name": form.get("step") or "Approval",
            "approvers": form.all("approvers"),
            "quorum": form.get("quorum") or 1,
            "max_sign_in_age": form.get("max_sign_in_age") or None,
        }
        body = read(
            ApprovalPolicyIn,
            {
                "slug": form.get("slug"),
                "name": form.get("name"),
                "profiles": form.all("profiles"),
                "guards": form.all("guards") or ["issuance"],
                "steps": [step],
            },
        )
        idempotent(lambda: policies.create(actor, call.scope, **body.values()).id, lambda ident: ident)
    except CertrailError as refusal:
        return _approvals(request, call, form, refusal)
    return Page(request, call).go(f"{application_path(request)}/setup/sync", "created")


@router.get("/sync")
def get_sync(request: Request, call: Syncs) -> Response:
    """Where certificates belong: the destination, whose form comes next."""
    found = [(info.name, info.title) for info in choices_of(call.services, "destination")]
    return ApplicationPage(request, call).render("setup/sync.html", destinations=found)


@router.get("/alert")
def get_alert(request: Request, call: Alerts) -> Response:
    """Who is notified what."""
    return _alert(request, call, Form({}))


@router.post("/alert", openapi_extra={"offers": "create_alert"})
def create_alert(request: Request, call: Alerts) -> Response:
    """Create an alert, and show the Application."""
    form, alerts, actor = form_of(request), call.services.alerts, once(request, call.actor)
    try:
        events = form.all("events")
        given: dict[str, Any] = {
            "slug": form.get("slug"),
            "name": form.get("name"),
            "events": events,
            "channels": form.all("channels"),
            "thresholds": THRESHOLDS if "certificate.expiring" in events else (),
        }
        body = read(AlertIn, given)
        idempotent(lambda: alerts.create_alert(actor, call.scope, **body.values()).id, lambda ident: ident)
    except CertrailError as refusal:
        return _alert(request, call, form, refusal)
    return Page(request, call).go(application_path(request), "created")


def _members(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    rows = call.services.applications.members(call.scope)
    return ApplicationPage(request, call).render(
        "setup/members.html",
        refusal.status if refusal else 200,
        members=[member_answer(*row) for row in rows],
        roles=[(role.value, role.value.capitalize()) for role in Role],
        given=form,
        refusal=refusal,
    )


def _approvals(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    rows = call.services.applications.members(call.scope)
    members = [member_answer(*row) for row in rows]
    return ApplicationPage(request, call).render(
        "setup/approvals.html",
        refusal.status if refusal else 200,
        members=[each for each in members if each.kind in ("user", "group")],
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )


def _alert(request: Request, call: Call, form: Form, refusal: CertrailError | None = None) -> Response:
    return ApplicationPage(request, call).render(
        "setup/alert.html",
        refusal.status if refusal else 200,
        channels=[(row.slug, row.name) for row in call.services.channels.list(call.scope)],
        reported=REPORTED,
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )
