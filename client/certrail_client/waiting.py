"""What is waited for by long polls."""

from typing import Any

from certrail_client.calls import PREFIX, Call, path_of

LONGEST_POLL = 30.0
"""Seconds that one call may wait on the server, below the idle timeout of usual proxies."""
OPEN = frozenset({"pending_approval", "approved", "issuing"})


def certificate_request(request_id: str, wait: float) -> Call[dict[str, Any]]:
    """Read a certificate request once it is decided, or after so many seconds."""
    path = path_of(f"{PREFIX}/certificate-requests/{{request_id}}", request_id=request_id)
    return Call("GET", path, dict[str, Any], {"wait": wait})


def decided(request: dict[str, Any]) -> bool:
    """Whether nothing more happens to a certificate request by itself."""
    return request["status"] not in OPEN
