"""Calls: certificate requests.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.certificate_requests import CertificateRequestIn, CertificateRequestList
from certrail_client.models.common import CertificateRequestOut
from certrail_client.models.enums import RequestStatus


def get_certificate_request(request_id: str, *, wait: float | None = None) -> Call[CertificateRequestOut]:
    """One request; with `wait` the answer comes when it is decided, or after that many seconds."""
    path = path_of(PREFIX + "/certificate-requests/{request_id}", request_id=request_id)
    return Call("GET", path, CertificateRequestOut, query={"wait": wait})


def cancel_certificate_request(request_id: str) -> Call[CertificateRequestOut]:
    """Withdraw a request that waits for approval, or is approved and not signed yet; an Operator only
    their own.
    """
    path = path_of(PREFIX + "/certificate-requests/{request_id}/cancel", request_id=request_id)
    return Call("POST", path, CertificateRequestOut)


def retry_certificate_request(request_id: str) -> Call[CertificateRequestOut]:
    """Try a failed request again. An approval that was given holds; where none was needed, one may be
    needed now. The workflow of an approved one is started again, if it has none.
    """
    path = path_of(PREFIX + "/certificate-requests/{request_id}/retry", request_id=request_id)
    return Call("POST", path, CertificateRequestOut)


def create_certificate_request(
    application: str | None, body: CertificateRequestIn
) -> Call[CertificateRequestOut]:
    """Request a certificate. The answer says that the request is stored, not that it is decided."""
    path = scoped(application, "/certificate-requests")
    return Call("POST", path, CertificateRequestOut, body=body, idempotent=True)


def list_certificate_requests(
    application: str | None,
    *,
    status: RequestStatus | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[CertificateRequestList, CertificateRequestOut]:
    """Requests of an Application, newest first."""
    path = scoped(application, "/certificate-requests")
    return PagedCall(
        "GET",
        path,
        CertificateRequestList,
        query={"status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )
