"""What anybody may ask about certificates: revocation lists and OCSP. It is public by nature, and signed."""

import base64
import binascii
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.services.facade import Services
from certrail.services.revocation import StatusAnswer

router = APIRouter(tags=["status"])
OCSP = "application/ocsp-response"


@router.get("/crl/{ca}.crl", response_class=Response)
def present_list(ca: str, request: Request) -> Response:
    """The revocation list of the key that an authority signs with now, DER (RFC 5280)."""
    return _list(request, ca, None)


@router.get("/crl/{ca}/{key}.crl", response_class=Response)
def list_of_key(ca: str, key: str, request: Request) -> Response:
    """The revocation list of one key of an authority, as its certificates name it."""
    return _list(request, ca, key)


@router.post("/ocsp/{ca}", response_class=Response)
async def ask(ca: str, request: Request) -> Response:
    """Answer an OCSP request (RFC 6960 appendix A.1)."""
    services: Services = request.app.state.services
    body = await request.body()
    found = await run_in_threadpool(services.revocation.status, ca, body)
    return Response(found.content, media_type=OCSP)


@router.get("/ocsp/{ca}/{question:path}", response_class=Response)
def ask_in_url(ca: str, question: str, request: Request) -> Response:
    """The same, with the request in base64 in the URL; such an answer may be kept (RFC 5019 section 6)."""
    services: Services = request.app.state.services
    try:
        der = base64.b64decode(question, validate=True)
    except (binascii.Error, ValueError):
        der = b""
    found: StatusAnswer = services.revocation.status(ca, der)
    answer = Response(found.content, media_type=OCSP)
    if found.keep_until is not None:
        _may_be_kept(answer, services.kernel.clock(), found.keep_until)
    return answer


def _list(request: Request, ca: str, key: str | None) -> Response:
    services: Services = request.app.state.services
    der, until = services.revocation.crl(ca, key)
    answer = Response(der, media_type="application/pkix-crl")
    _may_be_kept(answer, services.kernel.clock(), until)
    return answer


def _may_be_kept(answer: Response, now: datetime, until: datetime) -> None:
    """For a part of its time only: whoever keeps it should hear soon of what was revoked meanwhile."""
    seconds = max(0, min(3600, int((until - now).total_seconds()) // 2))
    answer.headers["Cache-Control"] = f"public, max-age={seconds}, no-transform, must-revalidate"
