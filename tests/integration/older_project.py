"""A project of the older model that was loaded, and what everybody asks of it over HTTP."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from examples.older_project.project import Json, project
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.persistence.tables import NotificationRow
from certrail.services.core.actor import SYSTEM
from certrail.services.migration.document import ProjectExport
from certrail.services.migration.loading import Loader

CREATIONS: dict[str, Any] = {
    "certificates": {"certificate": "-----BEGIN CERTIFICATE-----"},
    "syncs": {"slug": "new", "name": "New", "destination": "files", "connection": "acme-hosts"},
    "alerts": {"slug": "new", "name": "New", "events": ["certificate.issued"], "channels": ["ops"]},
    "channels": {"slug": "new", "name": "New", "notifier": "email", "connection": "acme-mail"},
    "approval-policies": {
        "slug": "new",
        "name": "New",
        "profiles": ["acme-web"],
        "steps": [{"name": "One", "approvers": ["ada"]}],
    },
}


def small_export() -> Json:
    return project("/nowhere", web=2, internal=2, foreign=1, past=False)


@dataclass
class Project:
    """A loaded project, and the API as everybody calls it."""

    team: Team
    export: Json
    client: httpx2.Client
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str, method: str, path: str, body: object = None) -> httpx2.Response:
        if who not in self.tokens:
            slug = self.team.admin.principal_id if who == "admin" else who
            _, self.tokens[who] = self.team.services.tokens.issue(SYSTEM, slug or "", name="test")
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def ok(self, who: str, method: str, path: str, body: object = None) -> Any:
        answer = self.call(who, method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def items(self, path: str, who: str = "admin") -> list[Json]:
        found: list[Json] = self.ok(who, "GET", path)["items"]
        return found

    def certificate(self, name: str) -> Json:
        (found,) = [row for row in self.items(f"/certificates?name={name}") if row["status"] == "active"]
        return found

    def advance(self, request: str) -> Json:
        """What the workflow would do."""
        self.team.services.issuance.advance(request)
        row: Json = self.ok("admin", "GET", f"/certificate-requests/{request}")
        return row

    def renewed(self, name: str, who: str = "pipeline") -> Json:
        present = self.certificate(name)
        request = self.ok(who, "POST", f"/certificates/{present['id']}/renew", {})
        assert self.advance(request["id"])["status"] == "issued"
        return self.certificate(name)

    def made_at_the_endpoint_named(self, noun: str, body: Json) -> None:
        """Ask outside of Applications, then where the problem says."""
        problem = self.call("admin", "POST", f"/{noun}", body).json()
        path = problem["endpoint"].removeprefix("/api/v1").replace("{application}", self.team.application)
        made = self.ok("admin", "POST", path, body)
        assert made["application_id"] == self.team.application

    def notified(self) -> list[str]:
        """The events that channels are notified of."""
        with self.team.services.context.db.read() as session:
            rows = session.exec(select(NotificationRow).order_by(col(NotificationRow.created_at))).all()
        return [row.content["event_type"] for row in rows]


def delivering_into(exported: Json, folder: Path) -> Json:
    """A copy of an export, whose files are delivered into this folder."""
    export = copy.deepcopy(exported)
    export["connections"][0]["config"]["root"] = str(folder)
    return export


def load_into(team: Team, exported: Json, folder: Path) -> None:
    """Load a copy that delivers into this folder."""
    Loader(team.services, ProjectExport.model_validate(delivering_into(exported, folder))).run()


@contextmanager
def worked_on(team: Team, exported: Json, folder: Path) -> Iterator[Project]:
    """The loaded project over HTTP."""
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Project(team, delivering_into(exported, folder), client)
