"""What the API takes and answers: audit.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body


class AuditHeadOut(Body):
    """The end of the audit chain."""

    seq: int
    """Position of the last event."""
    hash: str
    """Its hash."""
    seal: str
    """The hash, sealed under the keyring."""
