"""An Application with everything that a page can show, and browsers in which people are signed in."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from tests.integration import alert_world
from tests.integration.conftest import Team
from tests.integration.console.full_site import complete
from tests.integration.folder_world import REFUSED, FolderWorld
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.services.access.sessions import Claims
from certrail.services.alerting.alerts import Escalation
from certrail.services.approvals.policies import Step

CANARY = "<script>alert('é')</script>{{ 7 * 7 }}\"onx='"
"""In every text that comes from outside: it must be on the page as text."""
TEAM = (
    ("ann", Role.OPERATOR),
    ("bob", Role.ADMIN),
    ("eve", Role.AUDITOR),
    ("amy", Role.OPERATOR),
    ("yan", None),
    ("zoe", None),
)
"""Who is in the Application, and two who are not: `yan` has one of his own."""
HTML = {"accept": "text/html,application/xhtml+xml"}


@dataclass
class Site:
    """The served console.

    Attributes:
        objects: one of each kind that a page is about, by the parameter of its path.
    """

    team: Team
    url: str
    objects: dict[str, str] = field(default_factory=dict)

    def browser(self, who: str | None = None) -> httpx2.Client:
        """A browser; of somebody who is signed in, where a name is given."""
        cookies = {"certrail": self.signed_in(who)} if who else {}
        return httpx2.Client(base_url=self.url, cookies=cookies, headers=HTML, timeout=60, trust_env=False)

    def signed_in(self, who: str) -> str:
        """The cookie of somebody."""
        person = self.team.services.principals.get(who)
        claims = Claims("https://login.example", who, person.email, who)
        return self.team.services.sessions.begin(claims)

    def path(self, template: str) -> str:
        """The address of a page about the objects."""
        for name, value in self.objects.items():
            template = template.replace(f"{{{name}}}", value)
        return template


def csrf(text: str) -> str:
    """The token that the forms of a page hold."""
    _, _, rest = text.partition('name="csrf" value="')
    return rest.partition('"')[0]


@pytest.fixture
def empty_site(team: Team) -> Iterator[Site]:
    """The console of an installation in which nothing happened yet."""
    team.person("ann", Role.OPERATOR)
    with serving(team.services) as url:
        yield Site(team, url, {"application": "app"})


@pytest.fixture
def site(team: Team, tmp_path: Path) -> Iterator[Site]:
    """The console of an installation in which everything is called like the canary."""
    services = team.services
    for slug, role in TEAM:
        team.person(slug, role)
    services.principals.create(
        team.admin, kind="user", slug="above", name=CANARY, email="above@example.com", product_role="admin"
    )
    services.applications.update(team.admin, team.application, name=CANARY, description=CANARY)
    services.connections.create(
        team.admin, slug="one", name=CANARY, type_="folder", config={"root": str(tmp_path)}
    )
    world = FolderWorld(team)
    alert_world.connect(team)
    alert_world.channel(team, "mail")
    alert_world.alert(team, "delivery.failed", escalation=[Escalation(alert_world.HOUR, ["mail"])])
    world.sync()
    certificate = _issued(team)
    assert world.begun() is not None
    (delivery,) = world.deliveries()
    services.effects.deliver.fail(delivery.id, replace(REFUSED, message=CANARY, action=CANARY))
    (incident,) = services.incidents.list(team.application)
    other = services.applications.create(team.admin, slug="payroll", name="Payroll", profiles=["web"])
    services.applications.set_member(team.admin, other.id, "yan", Role.ADMIN)
    team.guard(Step(CANARY, ("ann", "bob"), 1))
    request, approval = team.ask(team.admin, "waits.example.com", ttl_seconds=7 * 86400)
    assert approval is not None
    objects = {
        "application": "app",
        "certificate_id": certificate,
        "approval_id": approval,
        "delivery_id": delivery.id,
        "incident_id": incident.id,
        "request_id": request,
        "sync": "files",
        "profile": "web",
        "ca": "root",
        "policy": "tls",
        "connection": "one",
        "kind": "destination",
        "name": "files",
        "principal": "above",
    }
    with serving(services) as url:
        yield Site(team, url, objects)


@pytest.fixture
def full_site(site: Site) -> Site:
    """The same with one of everything else that has a page, or a row of one."""
    complete(site.team)
    return site


def _issued(team: Team) -> str:
    names = {"dns": ["a.example.com", "b.example.com"]}
    row = team.services.requests.submit(
        team.admin, team.application, profile="web", content={"sans": names}, attributes={"note": CANARY}
    )
    team.services.issuance.advance(row.id)
    return team.services.requests.get(row.id).certificate_id or ""
