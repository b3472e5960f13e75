"""SCEP over HTTP (RFC 8894 section 4): one URL an enrollment, whose query names the operation."""

import base64
import binascii
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.errors import BadInput, Busy, CertrailError
from certrail.pki.enrollment.est_body import certs_only
from certrail.pki.scep.algorithms import CAPABILITIES
from certrail.services.core.actor import Actor
from certrail.services.enrollment.scep import ScepCall
from certrail.services.facade import Services

router = APIRouter(prefix="/scep", include_in_schema=False)

CA_AND_RA, MESSAGE = "application/x-x509-ca-ra-cert", "application/x-pki-message"
BUSY_SECONDS = 5
OPERATIONS = "GetCACaps, GetCACert or PKIOperation"
NO_NEXT_CA = (
    "GetNextCACert is not served: an authority's new certificate is the present one as soon as it is installed, and"
    " GetCACert answers with it.\n"
)
"""RFC 8894 section 4.7; the capability is not advertised."""


@router.get("/applications/{application}/profiles/{profile}/pkiclient.exe")
def ask(application: str, profile: str, request: Request) -> Response:
    """An operation by GET: a message is base64 in the query (RFC 8894 section 4.3)."""
    return _asked(request, application, profile)


@router.get("/{profile}/pkiclient.exe")
def ask_legacy(profile: str, request: Request) -> Response:
    """The same in the legacy scope."""
    return _asked(request, None, profile)


@router.post("/applications/{application}/profiles/{profile}/pkiclient.exe")
async def send(application: str, profile: str, request: Request) -> Response:
    """PKIOperation by POST: the body is the message; some clients name no media type."""
    body = await request.body()
    return await run_in_threadpool(_sent, request, application, profile, body)


@router.post("/{profile}/pkiclient.exe")
async def send_legacy(profile: str, request: Request) -> Response:
    """The same in the legacy scope."""
    body = await request.body()
    return await run_in_threadpool(_sent, request, None, profile, body)


def _asked(request: Request, application: str | None, profile: str) -> Response:
    services: Services = request.app.state.services
    operation = request.query_params.get("operation", "")

    def answer() -> Response:
        if operation == "GetCACaps":
            services.scep_server.ca_certificates(application, profile)
            # Without a charset: certmonger takes no other (RFC 8894 section 3.5.2).
            text = "".join(f"{word}\n" for word in CAPABILITIES)
            return Response(text, headers={"Content-Type": "text/plain"})
        if operation == "GetCACert":
            found = services.scep_server.ca_certificates(application, profile)
            return Response(certs_only(found), media_type=CA_AND_RA)
        if operation == "GetNextCACert":
            return Response(NO_NEXT_CA, 404, media_type="text/plain")
        if operation == "PKIOperation":
            return _operated(request, application, profile, _message(request))
        raise BadInput(f"Name the operation in the query: {OPERATIONS}.")

    return _answered(request, answer)


def _sent(request: Request, application: str | None, profile: str, body: bytes) -> Response:
    def answer() -> Response:
        if request.query_params.get("operation") != "PKIOperation":
            raise BadInput("By POST there is the operation PKIOperation only.")
        return _operated(request, application, profile, body)

    return _answered(request, answer)


def _operated(request: Request, application: str | None, profile: str, message: bytes) -> Response:
    services: Services = request.app.state.services
    call = ScepCall(application, profile, request.state.request_id)

    def recorded(refusal: CertrailError, client: Actor | None, application_id: str | None) -> None:
        request.app.state.refusals.record_client(request, refusal, client, application_id)

    return Response(services.scep_server.operate(call, message, recorded), media_type=MESSAGE)


def _message(request: Request) -> bytes:
    """From the query, where a plus sign that was not escaped has become a space."""
    text = request.query_params.get("message", "").replace(" ", "+")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("The message in the query is no base64.") from None


def _answered(request: Request, answer: Callable[[], Response]) -> Response:
    """What is no pkiMessage has no transaction to answer in, and is refused by HTTP, in text."""
    try:
        return answer()
    except CertrailError as refusal:
        request.app.state.refusals.record(request, refusal)
        headers = {"Retry-After": str(BUSY_SECONDS)} if isinstance(refusal, Busy) else None
        return Response(f"{refusal.detail}\n", refusal.status, headers, media_type="text/plain")
