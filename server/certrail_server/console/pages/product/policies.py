"""Certificate policies: what may be requested, and a box to try out what would be refused."""

from typing import Annotated, Any

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.content import RequestContent
from certrail.domain.errors import CertrailError, NotFound
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.catalog import CertificatePolicyOut
from certrail_server.console.forms import Form, form_of
from certrail_server.console.inputs import certificate_request, faults_of
from certrail_server.console.page import Page, page_router

router = page_router("/policies")


@router.get("")
def list_policies(request: Request, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """All certificate policies, by slug."""
    catalog = call.services.catalog
    users: dict[str, list[str]] = {}
    for profile in catalog.profiles():
        users.setdefault(profile.policy_id, []).append(profile.slug)
    return Page(request, call).render(
        "policies/list.html",
        policies=[CertificatePolicyOut.of(row) for row in catalog.policies()],
        users=users,
    )


@router.get("/{policy}")
def get_policy(
    request: Request, policy: str, call: Annotated[Call, allow(Permission.PRODUCT_READ)]
) -> Response:
    """One policy."""
    return _shown(request, call, policy, Form({}))


@router.post("/{policy}")
def try_out(request: Request, policy: str, call: Annotated[Call, allow(Permission.PRODUCT_READ)]) -> Response:
    """Evaluate names or a CSR as a request would be; nothing is stored."""
    form, requests = form_of(request), call.services.requests
    profile = next((p for p in _profiles(call, policy) if p.slug == form.get("profile")), None)
    if profile is None:
        raise NotFound("certificate profile with this policy", form.get("profile"))
    try:
        body = certificate_request(form, profile.slug)
        accepted = requests.evaluate(profile.id, body.content())
    except CertrailError as refusal:
        return _shown(request, call, policy, form, refusal=refusal)
    return _shown(request, call, policy, form, accepted=accepted)


def _profiles(call: Call, policy: str) -> Any:
    found = call.services.catalog.policy(policy)
    return [profile for profile in call.services.catalog.profiles() if profile.policy_id == found.id]


def _shown(
    request: Request,
    call: Call,
    policy: str,
    form: Form,
    *,
    refusal: CertrailError | None = None,
    accepted: RequestContent | None = None,
) -> Response:
    found = CertificatePolicyOut.of(call.services.catalog.policy(policy))
    return Page(request, call).render(
        "policies/show.html",
        policy=found,
        rules=found.rules.model_dump(mode="json", exclude_none=True),
        profiles=[(profile.slug, profile.name) for profile in _profiles(call, policy)],
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
        accepted=accepted,
    )
