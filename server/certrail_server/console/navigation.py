"""The menu of every page, and the pages of an Application."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from certrail.domain.access import Permission


@dataclass(frozen=True)
class Entry:
    """A page that others lead to.

    Attributes:
        icon: name of a drawing in `templates/parts/icons.html`.
        permission: what its reader needs; `None`: nothing.
    """

    label: str
    path: str
    icon: str = ""
    permission: Permission | None = None


MENU: Sequence[tuple[str, Sequence[Entry]]] = (
    (
        "Work",
        (
            Entry("Today", "/console", "today"),
            Entry("Approvals", "/console/approvals", "approval"),
            Entry("Applications", "/console/applications", "application"),
        ),
    ),
    (
        "Product",
        (
            Entry("Certificates", "/console/certificates", "certificate", Permission.INVENTORY_READ),
            Entry("Authorities", "/console/authorities", "authority", Permission.PRODUCT_READ),
            Entry("Policies", "/console/policies", "policy", Permission.PRODUCT_READ),
            Entry("Profiles", "/console/profiles", "profile", Permission.PRODUCT_READ),
            Entry("Connections", "/console/connections", "connection", Permission.PRODUCT_MANAGE),
            Entry("Channels", "/console/channels", "channel", Permission.ALERT_READ),
            Entry("Plugins", "/console/plugins", "plugin", Permission.PLUGIN_READ),
            Entry("People", "/console/people", "people", Permission.PRINCIPAL_MANAGE),
            Entry("My tokens", "/console/tokens", "token", Permission.TOKEN_SELF),
        ),
    ),
)
"""By the heading of each group."""

APPLICATION: Sequence[Entry] = (
    Entry("Overview", "", permission=Permission.APPLICATION_READ),
    Entry("Certificates", "/certificates", permission=Permission.CERTIFICATE_READ),
    Entry("Requests", "/requests", permission=Permission.REQUEST_READ),
    Entry("Syncs", "/syncs", permission=Permission.SYNC_READ),
    Entry("Alerts", "/alerts", permission=Permission.ALERT_READ),
    Entry("Approval policies", "/approval-policies", permission=Permission.APPROVAL_POLICY_READ),
    Entry("Members", "/members", permission=Permission.APPLICATION_READ),
    Entry("Enrollment", "/enrollment", permission=Permission.APPLICATION_READ),
    Entry("Record", "/record", permission=Permission.EVENT_READ),
)
"""Paths below that of the Application."""


ALONE = ("", "/console")
"""Of paths that others begin with: pages that have none below them."""


def menu_for(held: Collection[Permission]) -> Sequence[tuple[str, Sequence[Entry]]]:
    """What somebody with these permissions can open."""
    groups = ((heading, _allowed(entries, held)) for heading, entries in MENU)
    return [(heading, entries) for heading, entries in groups if entries]


def tabs_for(held: Collection[Permission]) -> Sequence[Entry]:
    """The pages of an Application that somebody with these permissions can open."""
    return _allowed(APPLICATION, held)


def current_of(path: str, entries: Sequence[Entry], base: str = "") -> str | None:
    """The path of the entry that a page belongs to: the longest that its own begins with."""
    fitting = [
        entry.path
        for entry in entries
        if path == base + entry.path or (entry.path not in ALONE and path.startswith(f"{base}{entry.path}/"))
    ]
    return max(fitting, key=len, default=None)


def _allowed(entries: Sequence[Entry], held: Collection[Permission]) -> Sequence[Entry]:
    return [entry for entry in entries if entry.permission is None or entry.permission in held]
