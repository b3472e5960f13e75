"""A sync to ACM that takes away what is not wanted any more, with the account behind it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.persistence.tables import Delivery, Retirement
from certrail_fakes.acm import AcmServer

GRACE = timedelta(days=2)


@dataclass
class AcmWorld:
    """One sync to ACM, and its deliveries as their workflows make them."""

    team: Team
    acm: AcmServer

    def sync(self, **options: Any) -> None:
        given = {"prune": True, "prune_grace_seconds": int(GRACE.total_seconds()), **options}
        self.team.services.syncs.create(
            self.team.admin,
            self.team.application,
            slug="acm",
            name="ACM",
            destination="aws-acm",
            config={},
            connection="aws",
            **given,
        )

    def issue(self, name: str = "a.example.com") -> str:
        request, _ = self.team.ask(self.team.admin, name)
        return self.issued(request)

    def renew(self, certificate: str) -> str:
        return self.issued(self.team.services.renewals.renew(self.team.admin, certificate).id)

    def issued(self, request: str) -> str:
        self.team.services.issuance.advance(request)
        certificate = self.team.services.requests.get(request).certificate_id
        assert certificate
        return certificate

    async def work(self) -> None:
        """Let the clock's sweep and every delivery's workflow take their turn."""
        services = self.team.services
        while services.sweeps["retirements"]():
            pass
        for delivery, _ in services.deliveries.list(self.team.application):
            await run_verb(self.team, services.effects.deliver, delivery.id)
            await run_verb(self.team, services.effects.remove, delivery.id)

    def advance(self, by: timedelta) -> None:
        self.team.clock.advance(by)

    def boto(self) -> Any:
        """The account, as its owner sees it."""
        return boto3.client(
            "acm",
            endpoint_url=self.acm.url,
            region_name=self.acm.region,
            aws_access_key_id=self.acm.access_key_id,
            aws_secret_access_key=self.acm.secret_access_key,
        )

    def plans(self) -> list[tuple[str, str]]:
        """Why and how far, oldest first."""
        with self.team.services.context.db.read() as session:
            rows = session.exec(select(Retirement).order_by(Retirement.remove_at)).all()  # type: ignore[arg-type]
        return [(row.reason, row.status) for row in rows]

    def delivery(self) -> Delivery:
        ((delivery, _),) = self.team.services.deliveries.list(self.team.application)
        return delivery

    @property
    def there(self) -> set[str]:
        return {stored.arn for stored in self.acm.certificates()}

    def reported(self, type_: str) -> list[dict[str, Any]]:
        return [event.data for event in self.team.services.audit_log.events(None, type_=type_, limit=1000)]
