"""An installation with work of every kind in flight, whose workflows a test counts."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, select, update
from tests.integration.conftest import Team
from tests.integration.renewal_world import due_at, issue, sweep
from tests.integration.verbs import run_verb

from certrail.domain.acme import Identifier, IdentifierType
from certrail.domain.approval import GuardedAction
from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import Delivery, Lineage, OutboxRow
from certrail.services.alerting.notify import NotifyCall
from certrail.services.approvals.policies import Step
from certrail.services.enrollment.acme.accounts import AccountKey
from certrail.services.enrollment.acme.scope import acme_scope
from certrail.services.enrollment.validation.outcome import Probe, Shown
from certrail.services.operations.reconciliation import NEW
from certrail_sdk import Sent

MAIL = {"sender": "certrail@example.com", "recipients": ["ops@example.com"]}
FIRST, SECOND = "store-1", "store-2"


@dataclass
class Flight:
    """What waits for its workflow."""

    team: Team
    folder: Path

    def sent(self) -> None:
        """Every workflow was started."""
        with self.team.services.context.db.write() as session:
            session.exec(update(OutboxRow).values(dispatched_at=self.team.clock.now))

    def queued(self) -> list[OutboxRow]:
        with self.team.services.context.db.read() as session:
            query = select(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None))
            return list(session.exec(query.order_by(col(OutboxRow.seq))).all())

    def flows(self) -> Counter[str]:
        return Counter(row.flow for row in self.queued())

    def recorded(self, type_: str) -> int:
        return len(self.team.services.audit_log.events(None, type_=type_, limit=1000))

    def request(self, name: str) -> str:
        return self.team.ask(self.team.admin, name)[0]

    def issued(self, name: str) -> str:
        request = self.request(name)
        assert self.team.services.issuance.advance(request).status == "issued"
        return self.team.services.requests.get(request).certificate_id or ""

    def files(self) -> dict[str, int]:
        """What destinations hold, with the time of the last change."""
        return {
            str(path.relative_to(self.folder)): path.lstat().st_mtime_ns for path in self.folder.rglob("*")
        }

    async def finish(self, *, verify: bool = True) -> None:
        """Take the steps of every workflow that was ever queued, and of those that follow from them."""
        done = -1
        while (rows := self._workflows()) and len(rows) != done:
            done = len(rows)
            for ident, (flow, subject) in rows.items():
                await self._step(flow, subject, ident, verify=verify)
        self.sent()

    def _workflows(self) -> dict[str, tuple[str, str]]:
        with self.team.services.context.db.read() as session:
            rows = session.exec(select(OutboxRow).order_by(col(OutboxRow.seq))).all()
        return {row.workflow_id: (row.flow, row.subject_id) for row in rows}

    async def _step(self, flow: str, subject: str, ident: str, *, verify: bool) -> None:
        services, effects = self.team.services, self.team.services.effects
        if flow == "issuance":
            services.issuance.advance(subject)
        elif flow == "revocation":
            services.revocation.advance(subject)
        elif flow == "renewal":
            services.renewal_waits.advance(subject, int(ident.rpartition("-")[2]))
        elif flow == "approval-message":
            if (work := services.approval_messages.begin(subject)) is not None:
                services.approval_messages.shown(subject, work.version, "1.0", work.closed)
        elif flow == "notification":
            if isinstance(call := effects.notify.begin(subject, 1), NotifyCall):
                effects.notify.complete(call, Sent(reference=call.subject_id))
        elif flow == "validation":
            probe = services.acme_validation.begin(subject)
            if isinstance(probe, Probe):
                services.acme_validation.record(subject, Shown())
        elif flow == "mirror":
            await run_verb(self.team, effects.mirror, subject)
        else:
            for step in (effects.deliver, effects.verify, effects.remove):
                if step is not effects.verify or verify:
                    await run_verb(self.team, step, subject)


async def in_flight(team: Team, folder: Path) -> Flight:
    """One of every kind: requests, a renewal, a revocation, an approval, a delivery, a removal, a mail, a mirror, and
    a challenge that is validated.
    """
    services, admin, flight = team.services, team.admin, Flight(team, folder)
    for slug in ("boss", "second"):
        team.person(slug)
    (renewed,) = issue(team)
    revoked = flight.issued("revoked.example.com")
    _connections(flight)
    # A certificate whose object is to be removed at the destination, as its sync is deleted.
    services.syncs.create(
        admin, team.application, slug="old", name="Old", destination="files", connection="disk", config={}
    )
    flight.issued("removed.example.com")
    with services.context.db.read() as session:
        deliveries = session.exec(select(Delivery.id)).all()
    for delivery in deliveries:
        await run_verb(team, services.effects.deliver, delivery)
    services.syncs.delete(admin, team.application, "old", cleanup=True)
    services.syncs.create(
        admin, team.application, slug="new", name="New", destination="files", connection="disk", config={}
    )
    services.alerts.create_alert(
        admin, team.application, slug="a", name="A", events=["certificate.issued"], channels=["mail"]
    )
    flight.issued("delivered.example.com")
    services.sweeps["revocation-lists"]()
    services.mirrors.create(
        admin, "root", slug="web", destination="files", config={}, connection="disk", url=None
    )
    flight.request("approved.example.com")
    _challenge(team)
    team.guard(
        Step("Owners", ("boss",), channels=("approvals",)),
        guards=(GuardedAction.ISSUANCE, GuardedAction.REVOCATION),
    )
    flight.request("asked.example.com")
    services.revocation.revoke(admin, revoked)
    team.clock.now = due_at(team, renewed)
    with services.context.db.write() as session:  # the others are spread around the same time
        session.exec(update(Lineage).where(col(Lineage.id) != renewed.lineage_id).values(renew_at=None))
    sweep(team)
    services.reconciliation.restore(FIRST)
    flight.sent()
    team.clock.advance(2 * NEW)
    return flight


def _challenge(team: Team) -> None:
    """A client of ACME that waits for the validation of its challenge."""
    services = team.services
    services.applications.set_enrollment(
        team.admin, team.application, "web", EnrollmentMethod.ACME, enabled=True, settings={}
    )
    with services.context.db.read() as session:
        scope = acme_scope(session, team.application, "web")
    account = services.acme_accounts.register(scope, AccountKey({"kty": "OKP"}, "thumbprint")).account
    order = services.acme_orders.create(
        scope, account, [Identifier(IdentifierType.DNS, "validated.example.com")]
    )
    view = services.acme_authorizations.get(account, order.authorization_ids[0])
    services.acme_authorizations.answer(account, view.challenges[0].id, "https://ca.example.com/account/1")


def _connections(flight: Flight) -> None:
    services, admin = flight.team.services, flight.team.admin
    configs: dict[str, tuple[str, dict[str, Any]]] = {
        "disk": ("folder", {"root": str(flight.folder)}),
        "smtp": ("smtp", {"host": "mail.example.com", "port": 587}),
        "slack": ("slack", {"bot_token": "xoxb-0", "signing_secret": "a-secret-of-the-receiver"}),
    }
    for slug, (kind, config) in configs.items():
        services.connections.create(admin, slug=slug, name=slug, type_=kind, config=config)
    services.channels.create(
        admin,
        flight.team.application,
        slug="mail",
        name="Mail",
        notifier="email",
        connection="smtp",
        config=MAIL,
    )
    services.channels.create(
        admin,
        flight.team.application,
        slug="approvals",
        name="Approvals",
        notifier="slack",
        connection="slack",
        config={"channel": "#approvals"},
    )
