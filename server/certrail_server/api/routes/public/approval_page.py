"""The page where an approver reads all of an approval request and votes: where the links of its messages lead."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError, Unauthenticated
from certrail.services.approvals.queries import Shown
from certrail_server.api.browser import session_cookie
from certrail_server.api.guard import Call, Guard

router = APIRouter(include_in_schema=False)

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",  # a page that is framed could be clicked by accident
    )
)
LONGEST_COMMENT = 2000
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>certrail: {title}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}th{{text-align:left;
vertical-align:top;padding-right:1em;white-space:nowrap}}td{{overflow-wrap:anywhere;white-space:pre-wrap}}
.notice{{border-left:4px solid;padding-left:1em}}textarea{{box-sizing:border-box;max-width:100%;font:inherit}}
button{{font:inherit;padding:.4em 1.2em;margin-right:.6em}}</style></head>
<body><h1>{title}</h1>{body}</body>
</html>
"""
FORM = """<form method="post"><input type="hidden" name="csrf" value="{csrf}">
<input type="hidden" name="digest" value="{digest}">
<p><label>Comment; a rejection needs one<br>
<textarea name="comment" rows="3" cols="60" maxlength="{longest}"></textarea></label></p>
<p><button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button></p></form>
"""


@router.get("/approvals/{approval_id}")
async def get_approval_page(request: Request, approval_id: str) -> Response:
    """All of an approval request for somebody who is signed in, with a form to vote; others are sent to sign in."""
    if session_cookie(request) is None:
        return _sign_in(request, approval_id)
    try:
        call = await Guard(Permission.APPROVAL_READ)(request)
    except Unauthenticated:
        return _sign_in(request, approval_id)
    except CertrailError as refusal:
        request.app.state.refusals.record(request, refusal)
        return _page("Not found", f"<p>{escape(refusal.detail)}</p>", refusal.status)
    return await _shown(request, call, approval_id)


@router.post("/approvals/{approval_id}")
async def vote_on_page(request: Request, approval_id: str) -> Response:
    """Vote on what the page showed: the form holds its digest."""
    form = await _form(request)
    # The form's field is what a script would send as a header: another site can read neither.
    request.state.csrf_token = form.get("csrf", "")
    call = await Guard(Permission.APPROVAL_VOTE)(request)
    decision, comment = form.get("decision", ""), form.get("comment", "")[:LONGEST_COMMENT]
    vote = call.services.approvals.vote
    try:
        digest = form.get("digest") or "none"
        await run_in_threadpool(vote, call.actor, approval_id, decision, comment, "page", digest)
    except CertrailError as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            raise
        return await _shown(request, call, approval_id, refusal.detail, refusal.status)
    return await _shown(request, call, approval_id, "Your vote is recorded.")


async def _shown(
    request: Request, call: Call, approval_id: str, notice: str = "", status: int = 200
) -> Response:
    shown = await run_in_threadpool(call.services.approvals.shown, approval_id)
    cookie = session_cookie(request)
    browser = await run_in_threadpool(call.services.sessions.resume, cookie or "")
    shown_notice = f'<p class="notice">{escape(notice)}</p>' if notice else ""
    return _page(
        shown.about.title, shown_notice + _body(shown, browser.csrf_token, call.actor.principal_id), status
    )


def _body(shown: Shown, csrf: str, reader: str | None) -> str:
    approval, ballot = shown.about.approval, shown.ballot
    steps, current = approval.policy["steps"], approval.current_step
    step = f"{current + 1} of {len(steps)}, {steps[current]['name']}"
    pairs = [
        ("Approval", approval.id),
        *((fact.label, fact.value) for fact in shown.facts),
        ("Status", approval.status),
        ("Step", f"{step}: {ballot.given} of {ballot.needed} approvals, {ballot.missing} missing"),
        *([("May vote", ", ".join(ballot.voters))] if ballot.voters else []),
        *([("Decide before", approval.expires_at.isoformat())] if approval.expires_at else []),
        *([("Comment", approval.comment)] if approval.comment else []),
    ]
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in pairs)
    form = FORM.format(csrf=escape(csrf), digest=approval.digest, longest=LONGEST_COMMENT)
    return f"<table>{rows}</table>{form if reader in ballot.voter_ids else ''}"


def _sign_in(request: Request, approval_id: str) -> Response:
    """To the provider and back here; without one, the commands that do the same."""
    if request.app.state.sign_in is not None:
        return RedirectResponse(f"/auth/sign-in?next=/approvals/{quote(approval_id, safe='')}", 303)
    ident = escape(quote(approval_id, safe=""))
    return _page(
        "Approval request",
        "<p>This installation has no sign-in for browsers. Read and answer the request at a command line:</p>"
        f"<pre>certrail approval show {ident}\ncertrail approval approve {ident}\n"
        f"certrail approval reject {ident}</pre>",
    )


def _page(title: str, body: str, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(PAGE.format(title=escape(title), body=body), status, headers)


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the first value of each."""
    text = (await request.body()).decode(errors="replace")
    return {
        name: values[0] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=10).items()
    }
