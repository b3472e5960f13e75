"""The reader's own access tokens."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError
from certrail_server.api.answers.access import token_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.access import TokenIn
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.page import Page, page_router

router = page_router("/tokens")
Own = Annotated[Call, allow(Permission.TOKEN_SELF)]


@router.get("")
def list_tokens(request: Request, call: Own) -> Response:
    """The tokens, and a form for another."""
    return _shown(request, call, Form({}))


@router.post("", openapi_extra={"offers": "create_token"})
def create_token(request: Request, call: Own) -> Response:
    """Create a token. Its text is on this page only; sent twice, the form makes one token."""
    form = form_of(request)
    tokens, lifetime = call.services.tokens, form.get("lifetime")
    try:
        body = read(
            TokenIn,
            {
                "principal": call.actor.principal_id or "",
                "name": form.get("name"),
                "scopes": form.lines("scopes"),
                **({"lifetime": lifetime} if lifetime else {}),
            },
        )
        text = idempotent(
            lambda: tokens.issue(once(request, call.actor), **body.model_dump())[1], lambda _: ""
        )
    except CertrailError as refusal:
        return _shown(request, call, form, refusal=refusal)
    return _shown(request, call, Form({}), text=text)


@router.post("/{token}/revoke", openapi_extra={"offers": "revoke_token"})
def revoke_token(request: Request, token: str, call: Own) -> Response:
    """Revoke a token: it is refused at once."""
    row = call.services.tokens.managed(call.actor, token)
    call.services.tokens.revoke(call.actor, token)
    own = row.principal_id == call.actor.principal_id
    path = "/console/tokens" if own else f"/console/people/{row.principal_id}"
    return Page(request, call).go_back(path, "token-revoked")


def _shown(
    request: Request, call: Call, form: Form, *, text: str = "", refusal: CertrailError | None = None
) -> Response:
    rows = call.services.tokens.list(call.actor)
    return Page(request, call).render(
        "tokens/list.html",
        refusal.status if refusal else 200,
        tokens=token_answers(call.services, rows),
        given=form,
        text=text,
        refusal=refusal,
        faults=faults_of(refusal),
    )
