"""EST over HTTP (RFC 7030): the operations of each enrollment, for an Application and for the legacy scope."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.errors import BadInput, Busy, CertrailError, Conflict, PolicyViolation, Unauthenticated
from certrail.pki.enrollment.ber import Malformed
from certrail.pki.enrollment.est_body import (
    BASE64,
    CERTS_ONLY,
    CSR_ATTRIBUTES,
    certs_only,
    key_and_certificate,
    one_line,
    read_request_body,
)
from certrail.services.core.actor import Actor
from certrail.services.enrollment.est import EstCall, IssuedWithKey
from certrail.services.enrollment.exchanges import Issued, Outcome, Pending
from certrail.services.facade import Services
from certrail_server.api.refusals import CallAttempt
from certrail_server.client_certificates import STATE

router = APIRouter(include_in_schema=False)

APPLICATION, LEGACY = "applications/{application}/profiles/{profile}", "{profile}"
HERE, BELOW = "/.well-known/est/%s", "/est/%s/.well-known/est"
"""Of an enrollment: its label stands behind the well-known path (RFC 7030 section 3.2.2). strongSwan knows no labels,
and puts the well-known path behind the URL that it is given."""

AUTHENTICATE = {"WWW-Authenticate": 'Basic realm="certrail EST"'}
LONGEST_CREDENTIALS = 1024
BUSY_SECONDS = 5
RENEWAL_OPEN_SECONDS = 60
STATUS: Mapping[type[CertrailError], int] = {PolicyViolation: 403}
"""RFC 7030 section 4.2.3 has no 422, which some clients do not know."""


@router.get(f"{HERE % APPLICATION}/cacerts")
@router.get(f"{BELOW % APPLICATION}/cacerts")
def ca_certificates(application: str, profile: str, request: Request) -> Response:
    """The certificates of the authority (RFC 7030 section 4.1)."""
    return _ca_certificates(request, application, profile)


@router.get(f"{HERE % LEGACY}/cacerts")
@router.get(f"{BELOW % LEGACY}/cacerts")
def legacy_ca_certificates(profile: str, request: Request) -> Response:
    """The same in the legacy scope."""
    return _ca_certificates(request, None, profile)


@router.get(f"{HERE % APPLICATION}/csrattrs")
@router.get(f"{BELOW % APPLICATION}/csrattrs")
def attributes(application: str, profile: str, request: Request) -> Response:
    """What a CSR should have (RFC 7030 section 4.5)."""
    return _attributes(request, application, profile)


@router.get(f"{HERE % LEGACY}/csrattrs")
@router.get(f"{BELOW % LEGACY}/csrattrs")
def legacy_attributes(profile: str, request: Request) -> Response:
    """The same in the legacy scope."""
    return _attributes(request, None, profile)


@router.post(HERE % APPLICATION + "/{operation}")
@router.post(BELOW % APPLICATION + "/{operation}")
async def enroll(application: str, profile: str, operation: str, request: Request) -> Response:
    """simpleenroll, simplereenroll and serverkeygen (RFC 7030 sections 4.2 and 4.4)."""
    body = await request.body()
    return await run_in_threadpool(_enroll, request, application, profile, operation, body)


@router.post(HERE % LEGACY + "/{operation}")
@router.post(BELOW % LEGACY + "/{operation}")
async def legacy_enroll(profile: str, operation: str, request: Request) -> Response:
    """The same in the legacy scope."""
    body = await request.body()
    return await run_in_threadpool(_enroll, request, None, profile, operation, body)


def _ca_certificates(request: Request, application: str | None, profile: str) -> Response:
    services: Services = request.app.state.services
    return _answered(
        request, lambda: _certificates(certs_only(services.est_server.ca_certificates(application, profile)))
    )


def _attributes(request: Request, application: str | None, profile: str) -> Response:
    services: Services = request.app.state.services

    def answer() -> Response:
        der = services.est_server.attributes(application, profile)
        if not der:
            return Response(status_code=204)
        return Response(one_line(der), media_type=CSR_ATTRIBUTES, headers=BASE64)

    return _answered(request, answer)


def _enroll(request: Request, application: str | None, profile: str, operation: str, body: bytes) -> Response:
    services: Services = request.app.state.services
    est = services.est_server

    def answer() -> Response:
        passphrase = _passphrase(request)
        certificate = getattr(request.state, STATE, None)
        call = EstCall(
            application,
            profile,
            passphrase,
            certificate,
            request.state.request_id,
            lambda client, application_id: _known(request, client, application_id),
        )
        if operation not in ("simpleenroll", "simplereenroll", "serverkeygen"):
            return _text(404, f"EST has no operation {operation[:32]!r} by POST here.")
        try:
            csr = read_request_body(body)
        except Malformed as error:
            raise BadInput(f"The request cannot be read: {error}.") from None
        if operation == "serverkeygen":
            return _outcome(est.enroll_with_key(call, csr))
        return _outcome(est.enroll(call, csr, renew=operation == "simplereenroll"))

    return _answered(request, answer)


def _known(request: Request, client: Actor, application_id: str | None) -> None:
    """Whoever is refused from now on is refused as this client."""
    request.state.attempt = CallAttempt(client, application_id=application_id)


def _passphrase(request: Request) -> str | None:
    """The password of HTTP Basic (RFC 7617); ``None`` for none that can be read."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(encoded) > LONGEST_CREDENTIALS:
        return None
    try:
        _user, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if separator else None


def _outcome(outcome: Outcome | IssuedWithKey) -> Response:
    if isinstance(outcome, Pending):
        text = f"The request {outcome.request_id} is not issued yet. Send the same CSR again later.\n"
        return _text(202, text, {"Retry-After": _seconds(outcome.retry_after)})
    certificates = certs_only([x509.load_pem_x509_certificate(outcome.certificate.pem.encode())])
    if isinstance(outcome, Issued):
        return _certificates(certificates)
    key = load_pem_private_key(outcome.key_pem.encode(), None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    media_type, body = key_and_certificate(der, certificates)
    return Response(body, media_type=media_type)


def _certificates(der: bytes) -> Response:
    return Response(one_line(der), media_type=CERTS_ONLY, headers=BASE64)


def _answered(request: Request, answer: Callable[[], Response]) -> Response:
    """A refusal as text that says what to change (RFC 7030 section 4.2.3); it is recorded as any other."""
    try:
        return answer()
    except CertrailError as refusal:
        request.app.state.refusals.record(request, refusal)
        headers: dict[str, str] = {}
        if isinstance(refusal, Unauthenticated):
            headers = AUTHENTICATE
        elif isinstance(refusal, Busy):
            headers = {"Retry-After": str(BUSY_SECONDS)}
        elif isinstance(refusal, Conflict) and refusal.kind == "renewal-open":
            headers = {"Retry-After": str(RENEWAL_OPEN_SECONDS)}
        return _text(STATUS.get(type(refusal), refusal.status), f"{refusal.detail}\n", headers)


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="text/plain")


def _seconds(wait: timedelta) -> str:
    return str(int(wait.total_seconds()))
