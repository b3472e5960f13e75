"""Every page that is opened with GET, and who may open it."""

from dataclasses import dataclass

PEOPLE = {"above": "Product Admin", "bob": "Admin", "ann": "Operator", "eve": "Auditor", "zoe": "no role"}
"""Of the site: slugs and roles."""
MEMBERS = frozenset({"above", "bob", "ann", "eve"})
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
    Listed("/console/certificates", ADMINS, shows=False),
    Listed("/console/certificates?expires_after=2020-01-01&sort=expiry", ADMINS, shows=False),
    Listed("/console/certificates/{certificate_id}", MEMBERS),
)
