"""What is waited for by long polls."""

from typing import TYPE_CHECKING

from certrail_client.calls import Call

if TYPE_CHECKING:
    from certrail_client.models.common import CertificateRequestOut

LONGEST_POLL = 30.0
"""Seconds that one call may wait on the server, below the idle timeout of usual proxies."""
OPEN = frozenset({"pending_approval", "approved", "issuing"})


def certificate_request(request_id: str, wait: float) -> "Call[CertificateRequestOut]":
    """Read a certificate request once it is decided, or after so many seconds."""
    # Imported here: whoever calls without models starts in half the time.
    from certrail_client.api import certificate_requests  # noqa: PLC0415

    return certificate_requests.get_certificate_request(request_id, wait=wait)


def decided(request: "CertificateRequestOut") -> bool:
    """Whether nothing more happens to a certificate request by itself."""
    return request.status not in OPEN
