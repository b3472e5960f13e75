"""Approval requests: those that wait for the reader, and each with all that is signed, its votes and the form."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError, SignInTooOld
from certrail.domain.states import ApprovalStatus
from certrail.services.access.sessions import Draft
from certrail.services.access.viewed_lists import ViewedList
from certrail.services.approvals.store import is_recent
from certrail.services.issuance.subject import CERTIFICATE_REQUEST
from certrail.services.lifecycle.revocation_subject import REVOCATION_REQUEST
from certrail_server.api.answers.approvals import approval_answer, approval_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.schemas.approvals import ApprovalRequestList, ApprovalRequestWithVotesOut
from certrail_server.console.defaults import differences
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.saved_views import views_of
from certrail_server.console.rendering import query

router = page_router("/approvals")
LONGEST_COMMENT = 2000
LIMIT = 25


@router.get("")
def list_approvals(
    request: Request,
    call: Annotated[Call, allow(Permission.APPROVAL_VOTE)],
    status: Annotated[str, Query(max_length=16)] = "open",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Those in which the reader may vote, or that the reader submitted; newest first."""
    approvals = call.services.approvals
    wanted = status if status in list(ApprovalStatus) else None
    rows = approvals.inbox(call.actor, status=wanted, after=decode_cursor(cursor), limit=LIMIT + 1)
    show, chosen = partial(approval_answers, call.services), wanted or "all"
    found = page(ApprovalRequestList, approvals.about(rows), LIMIT, show, _made)
    return Page(request, call).render(
        "approvals/list.html",
        block="list",
        approvals=found.items,
        next_cursor=found.next_cursor,
        chosen=chosen,
        statuses=[*ApprovalStatus],
        views=views_of(call, ViewedList.APPROVALS, {"status": chosen if chosen != "open" else ""}),
    )


@router.get("/{approval_id}")
def get_approval(
    request: Request, approval_id: str, call: Annotated[Call, allow(Permission.APPROVAL_READ)]
) -> Response:
    """One approval request with all that votes on it are bound to."""
    return _shown(request, call, approval_id)


@router.get("/{approval_id}/changes")
def get_changes(
    request: Request,
    approval_id: str,
    call: Annotated[Call, allow(Permission.APPROVAL_READ)],
    after: Annotated[int, Query(ge=0, le=2**53)],
) -> Response:
    """A stream that says when there is another vote, or a decision."""
    approval, _ = call.services.approvals.get(approval_id)
    concerned = {approval_id, approval.subject_id}
    return Page(request, call).changes(lambda row: row.subject_id in concerned, after)


@router.post("/{approval_id}", openapi_extra={"offers": "cast_vote"})
async def vote(
    request: Request, approval_id: str, call: Annotated[Call, allow(Permission.APPROVAL_VOTE)]
) -> Response:
    """Vote on what the page showed: the form holds its digest."""
    form = form_of(request)
    decision, comment = form.get("decision"), form.get("comment")[:LONGEST_COMMENT]
    digest = form.get("digest") or "none"
    try:
        await run_in_threadpool(
            call.services.approvals.vote, call.actor, approval_id, decision, comment, "page", digest
        )
    except SignInTooOld as refusal:
        return await run_in_threadpool(_sign_in_again, request, call, approval_id, refusal)
    except CertrailError as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            raise
        return await run_in_threadpool(_shown, request, call, approval_id, refusal, comment)
    return Page(request, call).go_back(f"/console/approvals/{approval_id}", "voted")


def _sign_in_again(request: Request, call: Call, approval_id: str, refusal: SignInTooOld) -> Response:
    """To the sign-in, from which the reader comes back to the page and finds the comment in its form."""
    path = f"/console/approvals/{approval_id}"
    kept = Draft(path, {"comment": form_of(request).get("comment")[:LONGEST_COMMENT]})
    if not call.services.sessions.keep_draft(call.actor, kept):
        raise refusal
    seconds = int(refusal.max_age.total_seconds())
    return Page(request, call).go(query("/console/sign-in", next=path, max_age=seconds))


def _shown(
    request: Request,
    call: Call,
    approval_id: str,
    refusal: CertrailError | None = None,
    comment: str = "",
) -> Response:
    shown = call.services.approvals.shown(approval_id)
    approval = approval_answer(call.services, shown)
    subject, view = _subject(call, approval), Page(request, call)
    age = approval.steps[approval.current_step].max_sign_in_age
    return view.render(
        "approvals/show.html",
        refusal.status if refusal else 200,
        approval=approval,
        may_vote=call.actor.principal_id in shown.ballot.voter_ids and call.actor.may_vote,
        refusal=refusal,
        comment=comment or view.draft.get("comment", ""),
        signed_in_again=bool(view.draft) and refusal is None,
        sign_in_age=None if is_recent(call.actor.auth_time, age, view.now) else age,
        live=f"/console/approvals/{approval.id}/changes",
        **subject,
    )


def _subject(call: Call, approval: ApprovalRequestWithVotesOut) -> Mapping[str, Any]:
    """What is approved: a certificate request, with what differs from its profile; or what its facts say alone."""
    services = call.services
    if approval.subject_type == CERTIFICATE_REQUEST:
        row = services.requests.get(approval.subject_id)
        profile = services.catalog.profile(row.profile_id)
        differs = differences(row.content, profile.defaults, profile.ttl_seconds)
        return {"certificate_id": row.certificate_id, "differs": differs, "revocation_id": None}
    if approval.subject_type == REVOCATION_REQUEST:
        revoked = services.revocation.get(approval.subject_id).certificate_id
        return {"certificate_id": revoked, "differs": {}, "revocation_id": approval.subject_id}
    return {"certificate_id": None, "differs": {}, "revocation_id": None}


def _made(about: Any) -> Any:
    return about.approval.created_at, about.approval.id
