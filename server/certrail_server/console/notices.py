"""What is said once on the page after a change: a fixed sentence for each name, as the cookie could be anybody's."""

from collections.abc import Mapping
from types import MappingProxyType

NOTICES: Mapping[str, str] = MappingProxyType(
    {
        "voted": "Your vote is recorded.",
        "renewal-requested": "The renewal is requested.",
        "revoked": "The certificate is revoked.",
        "held": "The certificate is on hold.",
        "revocation-requested": "The revocation is requested; it needs an approval.",
        "released": "The hold has ended: the certificate is valid again.",
        "delivery-retried": "The certificate is delivered again now.",
        "acknowledged": "The incident is acknowledged.",
        "signed-out": "You are signed out.",
    }
)
