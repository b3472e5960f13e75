"""What anybody may ask about certificates: revocation lists and OCSP. It is public by nature, and signed."""

import base64
import binascii
import hashlib
from email.utils import format_datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.services.authorities.status import StatusAnswer
from certrail.services.facade import Services

router = APIRouter(tags=["status"])
OCSP, CRL, CERTIFICATE = "application/ocsp-response", "application/pkix-crl", "application/pkix-cert"
CERTIFICATE_SECONDS = 3600
Responses = dict[int | str, dict[str, Any]]


def _der(media_type: str, description: str) -> Responses:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": {media_type: binary}}}


LIST = _der(CRL, "The revocation list, DER.")
ANSWER = _der(OCSP, "The OCSP response, DER.")
ISSUER = _der(CERTIFICATE, "The certificate, DER.")


@router.get("/crl/{ca}.crl", response_class=Response, responses=LIST)
def get_crl(ca: str, request: Request) -> Response:
    """The revocation list of the key that an authority signs with now, DER (RFC 5280)."""
    return _list(request, ca, None)


@router.get("/crl/{ca}/{key}.crl", response_class=Response, responses=LIST)
def get_crl_of_key(ca: str, key: str, request: Request) -> Response:
    """The revocation list of one key of an authority, as its certificates name it."""
    return _list(request, ca, key)


@router.get("/ca/{ca}.cer", response_class=Response, responses=ISSUER)
def get_authority_certificate(ca: str, request: Request) -> Response:
    """The certificate that an authority signs with now, DER."""
    return _certificate(request, ca, None)


@router.get("/ca/{ca}/{key}.cer", response_class=Response, responses=ISSUER)
def get_authority_certificate_of_key(ca: str, key: str, request: Request) -> Response:
    """The newest certificate of one key of an authority, as the certificates below it name it (caIssuers)."""
    return _certificate(request, ca, key)


@router.post("/ocsp/{ca}", response_class=Response, responses=ANSWER)
async def ask_ocsp(ca: str, request: Request) -> Response:
    """Answer an OCSP request (RFC 6960 appendix A.1)."""
    services: Services = request.app.state.services
    body = await request.body()
    found = await run_in_threadpool(services.status_responder.ocsp, ca, body)
    return Response(found.content, media_type=OCSP)


@router.get("/ocsp/{ca}/{question:path}", response_class=Response, responses=ANSWER)
def ask_ocsp_by_get(ca: str, question: str, request: Request) -> Response:
    """The same, with the request in base64 in the URL; such an answer may be kept (RFC 5019 section 6)."""
    services: Services = request.app.state.services
    try:
        der = base64.b64decode(question, validate=True)
    except (binascii.Error, ValueError):
        der = b""
    return _to_be_kept(request, services.status_responder.ocsp(ca, der), OCSP)


def _certificate(request: Request, ca: str, key: str | None) -> Response:
    services: Services = request.app.state.services
    content = services.status_responder.certificate(ca, key)
    headers = {"Cache-Control": f"public, max-age={CERTIFICATE_SECONDS}"}
    return Response(content, media_type=CERTIFICATE, headers=headers)


def _list(request: Request, ca: str, key: str | None) -> Response:
    services: Services = request.app.state.services
    return _to_be_kept(request, services.status_responder.crl(ca, key), CRL)


def _to_be_kept(request: Request, found: StatusAnswer, media_type: str) -> Response:
    """With what caches want to know (RFC 5019 section 6.2), and empty for one that has it already.

    It is to be kept for a part of its time only: whoever keeps it should hear soon of what was revoked meanwhile.
    """
    if found.holds is None:
        return Response(found.content, media_type=media_type)
    since, until = found.holds
    services: Services = request.app.state.services
    seconds = max(0, min(3600, int((until - services.context.clock()).total_seconds()) // 2))
    tag = f'"{hashlib.sha256(found.content).hexdigest()}"'
    headers = {
        "Cache-Control": f"public, max-age={seconds}, no-transform, must-revalidate",
        "Last-Modified": format_datetime(since, usegmt=True),
        "Expires": format_datetime(until, usegmt=True),
        "ETag": tag,
    }
    if tag in _tags(request):
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=media_type, headers=headers)


def _tags(request: Request) -> set[str]:
    """Of what the caller has (RFC 9110 section 13.1.2)."""
    listed = request.headers.get("if-none-match", "").split(",")
    return {tag.strip().removeprefix("W/") for tag in listed}
