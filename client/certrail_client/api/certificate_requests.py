"""Calls: certificate requests.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped
from certrail_client.models.certificate_requests import RequestIn


def get_request(request_id: str, *, wait: float | None = None) -> Call[Json]:
    """One request; with `wait` the answer comes when it is decided, or after that many seconds."""
    path = path_of(PREFIX + "/certificate-requests/{request_id}", request_id=request_id)
    return Call("GET", path, Json, query={"wait": wait})


def cancel_request(request_id: str) -> Call[Json]:
    """Withdraw a request that waits for approval; an Operator only their own."""
    path = path_of(PREFIX + "/certificate-requests/{request_id}/cancel", request_id=request_id)
    return Call("POST", path, Json, idempotent=True)


def retry_request(request_id: str) -> Call[Json]:
    """Try a failed request again. An approval that was given holds; what nobody was asked about may be
    asked now.
    """
    path = path_of(PREFIX + "/certificate-requests/{request_id}/retry", request_id=request_id)
    return Call("POST", path, Json, idempotent=True)


def create_request(application: str | None, body: RequestIn) -> Call[Json]:
    """Ask for a certificate. The answer says that the request is kept, not that it is decided."""
    path = scoped(application, "/certificate-requests")
    return Call("POST", path, Json, body=body, idempotent=True)


def list_requests(
    application: str | None, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Json]:
    """Requests of an Application, newest first."""
    path = scoped(application, "/certificate-requests")
    return Call("GET", path, Json, query={"status": status, "cursor": cursor, "limit": limit})
