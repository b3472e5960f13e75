"""A call of the ACME server: its enrollment, and for a signed one its key, its account and its payload."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from certrail.domain.acme import AcmeProblem
from certrail.domain.errors import CertrailError
from certrail.persistence.tables import AcmeAccount
from certrail.services.enrollment.acme.accounts import AccountKey
from certrail.services.enrollment.acme.scope import AcmeScope, acme_scope
from certrail.services.facade import Services
from certrail_server.api.enrollment.acme import answers
from certrail_server.api.enrollment.acme.jws import (
    Json,
    SignedBody,
    WrongSignature,
    payload_of,
    public_key,
    signed_body,
    verify,
)
from certrail_server.api.enrollment.acme.urls import Urls, called

log = logging.getLogger(__name__)

JOSE = "application/jose+json"
REFUSED = frozenset({"unauthorized", "rejectedIdentifier", "rateLimited"})
"""Problems by which an account is refused what it wants."""
REFUSED_STRANGERS = frozenset(
    {"unauthorized", "accountDoesNotExist", "externalAccountRequired", "rateLimited"}
)
"""Problems by which a caller without an account here is refused."""


@dataclass(frozen=True)
class AcmeCall:
    """A call that is not signed."""

    services: Services
    scope: AcmeScope
    urls: Urls
    request_id: str | None


@dataclass(frozen=True)
class SignedCall(AcmeCall):
    """A call whose signature and nonce are verified.

    Attributes:
        key: with which it was signed.
        by_account: the account, where the call was signed with its `kid`.
        payload: ``None`` for POST-as-GET.
    """

    key: AccountKey
    by_account: AcmeAccount | None
    payload: Json | None

    @property
    def account(self) -> AcmeAccount:
        """The account that signed. Raises AcmeProblem where the call brought a key of its own."""
        if self.by_account is None:
            raise AcmeProblem("malformed", "Sign this call with the kid of an account.")
        return self.by_account

    @property
    def members(self) -> Json:
        """The payload of a call that needs one. Raises AcmeProblem."""
        if self.payload is None:
            raise AcmeProblem("malformed", "This call needs a payload, be it an empty object.")
        return self.payload


def unsigned(request: Request) -> AcmeCall:
    """For a route that is called with GET or HEAD."""
    services: Services = request.app.state.services
    with services.context.db.read() as session:
        scope = acme_scope(session, request.path_params.get("application"), request.path_params["profile"])
    request.state.acme_urls = urls = Urls.of(request, scope)
    return AcmeCall(services, scope, urls, getattr(request.state, "request_id", None))


async def signed(request: Request) -> SignedCall:
    """For a route that is called with POST."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JOSE:
        raise AcmeProblem("malformed", f"The content type of a signed call is {JOSE}.", status=415)
    body = await request.body()
    return await run_in_threadpool(_verified, request, body)


def _verified(request: Request, text: bytes) -> SignedCall:
    """Signature first, nonce last: only the holder of a key uses a nonce up."""
    call = unsigned(request)
    body = signed_body(text)
    if ("jwk" in body.header) == ("kid" in body.header):
        raise AcmeProblem("malformed", "The header has either a jwk or a kid.")
    if body.header.get("url") != called(request):
        raise AcmeProblem("unauthorized", "The url in the header is not that of the call.", status=403)
    account = _account(call, body) if "kid" in body.header else None
    key = public_key(account.jwk if account else body.header["jwk"])
    verify(body, key.key)
    if not call.services.acme_nonces.use(body.header.get("nonce")):
        raise AcmeProblem("badNonce", "The nonce is unknown, used or too old. Use the one of this answer.")
    request.state.acme_call = found = SignedCall(
        call.services, call.scope, call.urls, call.request_id, key.account_key, account, payload_of(body)
    )
    return found


def _account(call: AcmeCall, body: SignedBody) -> AcmeAccount:
    kid = body.header["kid"]
    prefix = call.urls.account("")
    if not isinstance(kid, str) or not kid.startswith(prefix):
        raise AcmeProblem("accountDoesNotExist", "The kid is no account URL of this server.")
    return call.services.acme_accounts.get(call.scope, kid.removeprefix(prefix))


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class AcmeRoute(APIRoute):
    """A route that answers refusals as ACME's problems, and every POST with a fresh nonce."""

    def get_route_handler(self) -> Handler:
        """The handler, wrapped."""
        handle = super().get_route_handler()

        async def wrapped(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                refusal = _problem(error)
                await run_in_threadpool(_record, request, refusal)
                response = answers.problem(refusal, getattr(request.state, "acme_urls", None))
            await _frame(request, response)
            return response

        return wrapped


def _record(request: Request, refusal: AcmeProblem) -> None:
    """Record a refusal as those of API calls are; a mistake of the client, such as an old nonce, is none."""
    call: SignedCall | None = getattr(request.state, "acme_call", None)
    account = call.by_account if call is not None else None
    refusals = request.app.state.refusals
    if call is None or account is None:
        if refusal.kind in REFUSED_STRANGERS or isinstance(refusal, WrongSignature):
            refusals.record_client(request, refusal, None, None)
    elif refusal.kind in REFUSED or refusal.status == HTTPStatus.NOT_FOUND:
        actor = call.services.acme_accounts.actor(account, call.request_id)
        refusals.record_client(request, refusal, actor, account.application_id)


async def _frame(request: Request, response: Response) -> None:
    urls: Urls | None = getattr(request.state, "acme_urls", None)
    if urls is not None:
        response.headers.append("Link", f'<{urls.directory}>;rel="index"')
    if request.method == "POST" and "replay-nonce" not in response.headers:
        services: Services = request.app.state.services
        try:
            response.headers["Replay-Nonce"] = await run_in_threadpool(services.acme_nonces.give)
        except OperationalError:
            log.error("no nonce could be stored")


def _problem(error: Exception) -> AcmeProblem:
    """Every error as a problem of ACME."""
    match error:
        case AcmeProblem():
            return error
        case CertrailError():
            return AcmeProblem(
                "unauthorized", error.detail, status=error.status if error.status < 500 else 503
            )
        case RequestValidationError() | DataError():
            return AcmeProblem("malformed", "A value in the address is not one that is served.")
        case HTTPException():
            return AcmeProblem("malformed", str(error.detail), status=error.status_code)
        case IntegrityError():
            detail = "Another call changed the same object at the same time. Try again."
            return AcmeProblem("serverInternal", detail, status=409)
        case OperationalError():
            detail = "The database did not answer, so nothing was recorded. Try again."
            return AcmeProblem("serverInternal", detail, status=503, retry_after=5)
    log.error("unexpected error", exc_info=error)
    return AcmeProblem("serverInternal", "This is a bug in certrail. The log has the details.", status=500)
