"""Certificates: lists that a form filters, and each with where it is delivered and everything that happened to it."""

from functools import partial
from typing import Annotated, Any, get_args

from fastapi import Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from certrail.domain.access import Permission
from certrail.domain.errors import BadInput, NotFound
from certrail.domain.faults import describe_faults
from certrail.domain.search import CertificateFilter, CertificateSearchStatus
from certrail.domain.states import CertificateStatus
from certrail.pki.revocation import Reason
from certrail.services.access.viewed_lists import ViewedList
from certrail.services.inventory.export import Format
from certrail.services.inventory.search import position_of
from certrail_server.api.answers.certificates import (
    certificate_answer,
    certificate_answers,
    renewal_plan_answer,
)
from certrail_server.api.answers.delivery import delivery_answers, probe_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.schemas.certificates import CertificateList, CertificateOut
from certrail_server.console.application import ApplicationPage
from certrail_server.console.decoded import decoded
from certrail_server.console.forms import form_of, once
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.saved_views import views_of
from certrail_server.console.searching import terms_of
from certrail_server.console.timeline import happened

router = page_router("")
LIMIT = 50
MOST_EVENTS = 60
MOST_OF_A_LINEAGE = 20
Text = Annotated[str, Query(max_length=320)]
Cursor = Annotated[str | None, Query(max_length=200)]


def _given(
    search: Text = "",
    status: Text = "",
    expires_after: Text = "",
    expires_before: Text = "",
    sort: Text = "",
    issuer: Text = "",
) -> dict[str, str]:
    """What the form of a list holds."""
    return {
        "search": search.strip(),
        "status": status,
        "expires_after": _instant(expires_after),
        "expires_before": _instant(expires_before),
        "sort": sort,
        "issuer": issuer,
    }


Given = Annotated[dict[str, str], Depends(_given)]


@router.get("/applications/{application}/certificates")
def list_certificates(
    request: Request,
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)],
    given: Given,
    cursor: Cursor = None,
) -> Response:
    """Certificates of an Application."""
    shown = _found(call, call.application, given, cursor)
    return ApplicationPage(request, call).render(
        "certificates/of_application.html",
        block="list",
        given=given,
        views=views_of(call, ViewedList.CERTIFICATES, given, request.path_params["application"]),
        **shown,
    )


@router.get("/certificates")
def list_all_certificates(
    request: Request,
    call: Annotated[Call, allow(Permission.INVENTORY_READ)],
    given: Given,
    cursor: Cursor = None,
) -> Response:
    """Certificates of all Applications and of the legacy scope."""
    shown = _found(call, None, given, cursor)
    views = views_of(call, ViewedList.CERTIFICATES, given)
    return Page(request, call).render(
        "certificates/all.html", block="list", given=given, views=views, **shown
    )


@router.get("/certificates/{certificate_id}")
def get_certificate(
    request: Request, certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_READ)]
) -> Response:
    """One certificate."""
    services, view = call.services, Page(request, call)
    row = services.inventory.get(certificate_id)
    certificate = certificate_answer(services, row)
    here = (
        services.deliveries.list(call.scope, lineage_id=certificate.lineage_id)
        if view.may("sync:read")
        else []
    )
    deliveries = delivery_answers(services, here)
    reported = (
        [
            each
            for each in services.probes.list(call.scope, lineage_id=certificate.lineage_id)
            if each.reporter
        ]
        if view.may("sync:read")
        else []
    )
    lineage = services.inventory.search(
        call.scope,
        CertificateFilter(lineage=certificate.lineage_id),
        limit=MOST_OF_A_LINEAGE,
        outside=call.scope is None,
    )
    subjects = [
        *(row.id for row in lineage),
        *(row.request_id for row in lineage if row.request_id),
        *(row.id for row in deliveries),
        *(probe.id for row in deliveries for probe in row.served),
        *(each.row.id for each in reported),
        certificate.lineage_id,
    ]
    events = services.audit_log.about(subjects, MOST_EVENTS) if view.may("event:read") else []
    return view.render(
        "certificates/show.html",
        certificate=certificate,
        decoded=decoded(certificate.pem, certificate.chain, certificate.root),
        deliveries=deliveries,
        reported=probe_answers(reported),
        evaluated=_evaluated(call, certificate),
        lineage=lineage,
        renewal=renewal_plan_answer(services.renewals.explained(certificate_id)),
        events=happened(services, events),
        state=_state(certificate, view),
        reasons=[*Reason],
        formats=get_args(Format),
        now=view.now,
        key_waits=row.key_sealed is not None
        and row.key_shown_at is None
        and view.may("certificate:key")
        and services.inventory.requester_of(certificate_id) == call.actor.principal_id,
        live=f"/console/certificates/{certificate_id}/changes",
    )


@router.get("/certificates/{certificate_id}/changes")
def get_changes(
    request: Request,
    certificate_id: str,
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)],
    after: Annotated[int, Query(ge=0, le=2**53)],
) -> Response:
    """A stream that says when something happened to the certificate, its lineage, or one of its deliveries."""
    lineage = call.services.inventory.get(certificate_id).lineage_id

    def concerned(row: Any) -> bool:
        return certificate_id in (row.subject_id, row.data.get("certificate_id")) or lineage in (
            row.subject_id,
            row.data.get("lineage_id"),
        )

    return Page(request, call).changes(concerned, after)


@router.post("/certificates/{certificate_id}/renew", openapi_extra={"offers": "renew_certificate"})
def renew(
    request: Request, certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_RENEW)]
) -> Response:
    """Request the next certificate of the lineage."""
    same_key = form_of(request).get("same_key") == "yes"
    renewals, actor = call.services.renewals, once(request, call.actor)
    idempotent(lambda: renewals.renew(actor, certificate_id, same_key=same_key), call.services.requests.get)
    return Page(request, call).go_back(f"/console/certificates/{certificate_id}", "renewal-requested")


@router.post("/certificates/{certificate_id}/revoke", openapi_extra={"offers": "revoke_certificate"})
def revoke(
    request: Request, certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> Response:
    """Revoke for good, or put on hold; where a policy guards it, request that."""
    try:
        reason = Reason(form_of(request).get("reason"))
    except ValueError:
        raise BadInput("Choose a reason for the revocation.", "reason") from None
    revocation, actor = call.services.revocation, once(request, call.actor)
    _, guarded = idempotent(lambda: revocation.revoke(actor, certificate_id, reason), revocation.requested)
    done = "held" if reason is Reason.CERTIFICATE_HOLD else "revoked"
    notice = "revocation-requested" if guarded else done
    return Page(request, call).go_back(f"/console/certificates/{certificate_id}", notice)


@router.post("/certificates/{certificate_id}/release", openapi_extra={"offers": "release_certificate"})
def release(
    request: Request, certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> Response:
    """End a hold."""
    call.services.revocation.release(call.actor, certificate_id)
    return Page(request, call).go_back(f"/console/certificates/{certificate_id}", "released")


@router.post("/certificates/{certificate_id}/export", openapi_extra={"offers": "export_certificate"})
async def export(
    request: Request, certificate_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_EXPORT)]
) -> Response:
    """The certificate as a file."""
    form = form_of(request)
    chosen: Any = form.get("format")
    if chosen not in get_args(Format):
        raise BadInput("Choose a format.", "format")
    exported = await run_in_threadpool(
        partial(
            call.services.export.export,
            call.actor,
            certificate_id,
            chosen,
            password=form.get("password") or None,
            include_root=form.get("include_root") == "yes",
        )
    )
    headers = {"Content-Disposition": f'attachment; filename="{exported.file_name}"'}
    return Response(exported.content, media_type=exported.media_type, headers=headers)


@router.post("/retirements/{retirement_id}/retry", openapi_extra={"offers": "retry_retirement"})
def retry_removal(
    request: Request, retirement_id: str, call: Annotated[Call, allow(Permission.DELIVERY_RETRY)]
) -> Response:
    """Remove the object now."""
    call.services.retirements.retry(call.actor, retirement_id)
    _, delivery, _ = call.services.retirements.get(retirement_id)
    path = f"/console/certificates/{delivery.desired_certificate_id}"
    return Page(request, call).go_back(path, "removal-retried")


@router.post("/deliveries/{delivery_id}/retry", openapi_extra={"offers": "retry_delivery"})
def retry(
    request: Request, delivery_id: str, call: Annotated[Call, allow(Permission.DELIVERY_RETRY)]
) -> Response:
    """Deliver again now."""
    delivery = call.services.deliveries.retry(call.actor, delivery_id)
    path = f"/console/certificates/{delivery.desired_certificate_id}"
    return Page(request, call).go_back(path, "delivery-retried")


def _instant(text: str) -> str:
    """The beginning of a day in UTC, where a date was chosen; else the time as it was given."""
    return f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text


def _found(call: Call, application: str | None, given: dict[str, str], cursor: str | None) -> dict[str, Any]:
    """A page of a list, or what is wrong with the search."""
    known = {name: value for name, value in given.items() if value and name != "search"}
    fault, found = "", CertificateList(items=[], next_cursor=None)
    try:
        wanted = CertificateFilter.model_validate({**known, **terms_of(given["search"])})
    except ValidationError as problem:
        fault = "; ".join(message for _, message in describe_faults(problem))
    else:
        try:
            rows = call.services.inventory.search(
                application, wanted, after=decode_cursor(cursor), limit=LIMIT + 1
            )
        except NotFound as refusal:
            rows, fault = [], refusal.detail
        show = partial(certificate_answers, call.services)
        found = page(CertificateList, rows, LIMIT, show, lambda row: position_of(row, wanted))
    return {
        "certificates": found.items,
        "next_cursor": found.next_cursor,
        "fault": fault,
        "statuses": [*CertificateSearchStatus],
        "first": cursor is None,
    }


def _evaluated(call: Call, certificate: CertificateOut) -> dict[str, Any] | None:
    """By which versions of profile and policy its request was evaluated; ``None`` for an imported certificate."""
    if certificate.request_id is None:
        return None
    request = call.services.requests.get(certificate.request_id)
    profile = call.services.catalog.profile(request.profile_id)
    # The present policy of a profile that was changed since may be another one.
    same = profile.version == request.profile_version
    return {
        "profile": profile.slug,
        "profile_version": request.profile_version,
        "policy": call.services.catalog.policy(profile.policy_id).slug if same else "",
        "policy_version": request.policy_version,
    }


def _state(certificate: CertificateOut, view: Page) -> str:
    """The status as a person means it: an active certificate that has ended is expired."""
    ended = certificate.status == CertificateStatus.ACTIVE and certificate.not_after <= view.now
    return "expired" if ended else str(certificate.status)
