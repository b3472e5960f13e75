"""Syncs to folders."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.domain.rate_limits import RateSlot
from certrail.persistence.tables import Delivery, OutboxRow
from certrail.services.core.failure import Failure
from certrail.services.delivery.deploy import DeployCall

REFUSED = Failure("Unauthorized", "It is not allowed.", "Allow it.", "files 1", None, permanent=True)


@dataclass
class FolderWorld:
    """Syncs to folders, and their deliveries as their workflows make them."""

    team: Team

    def sync(self, slug: str = "files", **options: Any) -> None:
        given = {"config": {}, "connection": "one", **options}
        self.team.services.syncs.create(
            self.team.admin, self.team.application, slug=slug, name=slug, destination="files", **given
        )

    def update(self, **changes: Any) -> None:
        self.team.services.syncs.update(self.team.admin, self.team.application, "files", **changes)

    def trigger(self, *lineages: str) -> int:
        return self.team.services.syncs.trigger(self.team.admin, self.team.application, "files", lineages)

    def issue(self, name: str = "a.example.com") -> str:
        request, _ = self.team.ask(self.team.admin, name)
        self.team.services.issuance.advance(request)
        return self.team.services.requests.get(request).certificate_id or ""

    def lineage(self, certificate: str) -> str:
        return self.team.services.inventory.get(certificate).lineage_id

    def deliveries(self) -> list[Delivery]:
        rows = self.team.services.deliveries.list(self.team.application)
        return [row for row, _ in rows]

    def delivery(self) -> Delivery:
        (row,) = self.deliveries()
        return row

    def begun(self) -> DeployCall | None:
        call = self.team.services.effects.deliver.begin(self.delivery().id, 1)
        assert not isinstance(call, RateSlot)
        return call

    async def work(self) -> None:
        effects = self.team.services.effects
        for delivery in self.deliveries():
            await run_verb(self.team, effects.deliver, delivery.id)
            await run_verb(self.team, effects.remove, delivery.id)

    def fail(self) -> None:
        """The destination refuses what is wanted now."""
        row = self.delivery()
        assert self.begun()
        self.team.services.effects.deliver.fail(row.id, REFUSED, row.generation)

    def reported(self, type_: str) -> list[dict[str, Any]]:
        return [event.data for event in self.team.services.audit_log.events(None, type_=type_, limit=1000)]

    def handed_over(self) -> int:
        """How often deliveries' workflows were told of something."""
        with self.team.services.context.db.read() as session:
            return len(session.exec(select(OutboxRow).where(OutboxRow.flow == "delivery")).all())
