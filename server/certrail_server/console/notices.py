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
        "requested": "The certificate is requested.",
        "request-cancelled": "The request is withdrawn.",
        "request-retried": "The request is tried again.",
        "sync-triggered": "All that the sync selects is delivered again now.",
        "checked": "The check has passed: the other side takes the credentials.",
        "switched-on": "It is switched on.",
        "switched-off": "It is switched off.",
        "replayed": "The notification is sent once more.",
        "member-set": "The member has the role.",
        "member-removed": "The member is removed.",
        "principal-active": "The principal may act again.",
        "principal-inactive": "The principal may not act any more: tokens, sessions and memberships have no effect.",
        "token-revoked": "The token is revoked.",
        "plugin-released": "The quarantine has ended.",
        "view-kept": "The view is kept: it is on its list, and in the search.",
        "view-deleted": "The view is deleted.",
        "paused": "It is paused: new certificates are delivered by hand only.",
        "resumed": "It delivers new certificates by itself again.",
        "removal-retried": "The object is removed now, unless it is desired again.",
        "created": "It is created.",
        "changed": "It is saved.",
        "deleted": "It is gone.",
        "signed-out": "You are signed out.",
    }
)
