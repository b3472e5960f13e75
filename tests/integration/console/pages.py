"""Every page that is opened with GET, and who may open it."""

from dataclasses import dataclass

PEOPLE = {
    "above": "Product Admin",
    "bob": "Admin, who approves",
    "ann": "Operator, who approves",
    "amy": "Operator",
    "eve": "Auditor",
    "yan": "Admin of another Application",
    "zoe": "no role",
}
"""Of the site: slugs and roles."""
MEMBERS = frozenset({"above", "bob", "ann", "amy", "eve"})
MANAGERS = frozenset({"above", "bob"})
OPERATORS = frozenset({"above", "bob", "ann", "amy"})
ADMINS = frozenset({"above"})
EVERYBODY = frozenset(PEOPLE)


@dataclass(frozen=True)
class Listed:
    """A page.

    Attributes:
        readers: slugs of those who may open it.
        shows: whether texts from outside are on it.
    """

    path: str
    readers: frozenset[str]
    shows: bool = True


PAGES = (
    Listed("/console", EVERYBODY),
    Listed("/console/components", EVERYBODY, shows=False),
    Listed("/console/approvals", EVERYBODY, shows=False),
    Listed("/console/approvals?status=all", EVERYBODY, shows=False),
    Listed("/console/approvals/{approval_id}", MEMBERS),
    Listed("/console/applications", EVERYBODY),
    Listed("/console/applications/{application}", MEMBERS),
    Listed("/console/applications/{application}/certificates", MEMBERS),
    Listed("/console/applications/{application}/certificates?search=a.exa&status=active", MEMBERS),
    Listed("/console/keys", EVERYBODY, shows=False),
    Listed("/console/search", EVERYBODY, shows=False),
    Listed("/console/search?q=a.exa", EVERYBODY, shows=False),
    Listed("/console/search?q=alert", EVERYBODY, shows=False),
    Listed("/console/applications/{application}/requests", MEMBERS),
    Listed("/console/applications/{application}/requests?status=pending_approval", MEMBERS),
    Listed("/console/applications/{application}/requests/new", OPERATORS),
    Listed("/console/requests/{request_id}", MEMBERS),
    Listed("/console/applications/{application}/syncs", MEMBERS),
    Listed("/console/applications/{application}/syncs/{sync}", MEMBERS),
    Listed("/console/applications/{application}/alerts", MEMBERS),
    Listed("/console/applications/{application}/approval-policies", MEMBERS),
    Listed("/console/applications/{application}/members", MEMBERS),
    Listed("/console/applications/{application}/enrollment", MEMBERS),
    Listed("/console/applications/{application}/enrollment/{profile}", MEMBERS),
    Listed("/console/applications/{application}/record", MEMBERS),
    Listed("/console/applications/{application}/record?type=certificate.issued", MEMBERS),
    Listed("/console/applications/{application}/new-sync", MANAGERS),
    Listed("/console/applications/{application}/new-sync?destination=files", MANAGERS),
    Listed("/console/applications/{application}/new-channel?notifier=email", MANAGERS),
    Listed("/console/new-application", ADMINS, shows=False),
    Listed("/console/applications/{application}/setup/members", MANAGERS),
    Listed("/console/applications/{application}/setup/approvals", MANAGERS),
    Listed("/console/applications/{application}/setup/sync", MANAGERS),
    Listed("/console/applications/{application}/setup/alert", MANAGERS),
    Listed("/console/older-project", ADMINS, shows=False),
    Listed("/console/new-connection", ADMINS, shows=False),
    Listed("/console/new-connection?type=ssh", ADMINS, shows=False),
    Listed("/console/authorities", EVERYBODY, shows=False),
    Listed("/console/authorities/{ca}", EVERYBODY, shows=False),
    Listed("/console/policies", EVERYBODY, shows=False),
    Listed("/console/policies/{policy}", EVERYBODY, shows=False),
    Listed("/console/profiles", EVERYBODY, shows=False),
    Listed("/console/profiles/{profile}", EVERYBODY, shows=False),
    Listed("/console/connections", ADMINS),
    Listed("/console/connections/{connection}", ADMINS),
    Listed("/console/channels", ADMINS, shows=False),
    Listed("/console/plugins", EVERYBODY, shows=False),
    Listed("/console/plugins/{kind}/{name}", EVERYBODY, shows=False),
    Listed("/console/people", ADMINS),
    Listed("/console/people?kind=group", ADMINS, shows=False),
    Listed("/console/people/{principal}", ADMINS),
    Listed("/console/tokens", EVERYBODY, shows=False),
    Listed("/console/certificates", ADMINS, shows=False),
    Listed("/console/certificates?expires_after=2020-01-01&sort=expiry", ADMINS, shows=False),
    Listed("/console/certificates/{certificate_id}", MEMBERS),
)
