"""Loads a project of the older model through the use cases; what was loaded before is left as it is now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from certrail.domain.errors import Conflict
from certrail.persistence import tables
from certrail.pki.bundle import certificate_facts
from certrail.pki.offer import from_pem_text
from certrail.services.actor import Actor
from certrail.services.approval_policies import Step
from certrail.services.facade import Services
from certrail.services.selections import Selection
from certrail.services.syncs import Delivered
from certrail_server.api.alert_shapes import ChannelIn
from certrail_server.api.approval_shapes import ApprovalPolicyIn
from certrail_server.api.product_shapes import ConnectionIn, PolicyIn
from certrail_server.legacy import format as legacy

Report = Callable[[str, int, int], None]
"""Called with what is being loaded, how many of it are done, and how many there are."""


@dataclass
class Outcome:
    """By kind: how many were loaded now, and how many were there."""

    loaded: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)


class Loader:
    """Loads one export. It may be stopped anywhere and run again: nothing is loaded twice."""

    def __init__(self, services: Services, export: legacy.Export, report: Report = lambda *_: None) -> None:
        self._services = services
        self._export = export
        self._report = report
        # Every object is on record as made by this name: so a second run knows its own.
        self._actor = Actor(None, "system", f"legacy project {export.project.slug}")
        self._certificates: dict[str, tables.Certificate] = {}
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Load all that is not there yet.

        Raises:
            Conflict: something else has the name of a part already; nothing was loaded.
            BadInput: a part is wrong in itself; what was loaded before it stays.
        """
        self._refuse_clashes()
        export = self._export
        self._each("members", export.members, self._member)
        self._each("authorities", export.authorities, self._authority)
        self._each("policies", export.policies, self._policy)
        self._each("profiles", export.profiles, self._profile)
        self._each("connections", export.connections, self._connection)
        self._each("channels", export.channels, self._channel)
        self._each("certificates", export.certificates, self._certificate)
        self._each("approval policies", export.approval_policies, self._approval_policy)
        self._each("syncs", export.syncs, self._sync)
        self._each("alerts", export.alerts, self._alert)
        with self._services.kernel.change(self._actor) as change:
            change.event("legacy.loaded", "project", export.project.slug, loaded=self._outcome.loaded)
        return self._outcome

    def _each(self, kind: str, parts: Sequence[Any], load: Callable[[Any], bool]) -> None:
        for done, part in enumerate(parts, start=1):
            counts = self._outcome.loaded if load(part) else self._outcome.kept
            counts[kind] = counts.get(kind, 0) + 1
            self._report(kind, done, len(parts))

    def _refuse_clashes(self) -> None:
        export, clashes = self._export, []
        kinds: Sequence[tuple[str, type[SQLModel], Iterable[Any], bool]] = (
            ("authority", tables.CertificateAuthority, export.authorities, False),
            ("policy", tables.CertificatePolicy, export.policies, False),
            ("profile", tables.CertificateProfile, export.profiles, False),
            ("connection", tables.Connection, export.connections, False),
            ("channel", tables.Channel, export.channels, True),
            ("approval policy", tables.ApprovalPolicy, export.approval_policies, True),
            ("sync", tables.Sync, export.syncs, True),
            ("alert", tables.Alert, export.alerts, True),
        )
        with self._services.kernel.db.read() as session:
            for kind, table, parts, scoped in kinds:
                for part in parts:
                    row = _present(session, table, part.slug, scoped=scoped)
                    if row is not None and not self._own(session, row.id):
                        clashes.append(f"{kind} {part.slug}")
        if clashes:
            raise Conflict(
                f"These names are taken by others: {', '.join(clashes)}. Rename them in the export, wherever it"
                " names them, and load it again.",
                kind="name-taken",
            )

    def _own(self, session: Session, ident: str) -> bool:
        """Whether the record says that this project's loading made it."""
        made = select(tables.EventRow.seq).where(
            tables.EventRow.subject_id == ident,
            col(tables.EventRow.type).endswith(".created"),
            tables.EventRow.actor_name == self._actor.name,
        )
        return session.exec(made).first() is not None

    def _there(self, table: type[SQLModel], slug: str, *, scoped: bool = False) -> bool:
        with self._services.kernel.db.read() as session:
            return _present(session, table, slug, scoped=scoped) is not None

    def _member(self, member: legacy.Member) -> bool:
        """People may be here already: a slug is the same person everywhere."""
        identities = self._services.identities
        new = not self._there(tables.Principal, member.slug)
        if new:
            identities.create(
                self._actor,
                kind=member.kind,
                slug=member.slug,
                name=member.name,
                email=member.email,
                members=member.members,
            )
        if member.role is not None:
            self._services.applications.set_member(self._actor, None, member.slug, member.role)
        return new

    def _authority(self, authority: legacy.Authority) -> bool:
        if self._there(tables.CertificateAuthority, authority.slug):
            return False
        self._services.authorities.adopt(
            self._actor,
            **authority.model_dump(exclude={"private_key"}),
            private_key=authority.private_key.get_secret_value(),
        )
        return True

    def _policy(self, policy: PolicyIn) -> bool:
        if self._there(tables.CertificatePolicy, policy.slug):
            return False
        self._services.product.create_policy(self._actor, **policy.model_dump())
        return True

    def _profile(self, profile: legacy.Profile) -> bool:
        if self._there(tables.CertificateProfile, profile.slug):
            return False
        self._services.product.create_profile(
            self._actor,
            **profile.model_dump(exclude={"enrollment"}),
            legacy_enrollment=profile.enrollment.model_dump(),
        )
        return True

    def _connection(self, given: ConnectionIn) -> bool:
        if self._there(tables.Connection, given.slug):
            return False
        self._services.connections.create(
            self._actor,
            slug=given.slug,
            name=given.name,
            type_=given.type,
            config=given.config,
            expires_at=given.expires_at,
        )
        return True

    def _channel(self, channel: ChannelIn) -> bool:
        if self._there(tables.Channel, channel.slug, scoped=True):
            return False
        self._services.channels.create(self._actor, None, **dict(channel))
        return True

    def _certificate(self, certificate: legacy.Certificate) -> bool:
        key = certificate.private_key.get_secret_value() if certificate.private_key else None
        offer = from_pem_text(certificate.certificate, certificate.chain, key)
        found = self._by_fingerprint(certificate_facts(offer.certificate).fingerprint)
        self._certificates[certificate.id] = found or self._services.imports.keep(
            self._actor, None, offer, profile=certificate.profile, attributes=certificate.metadata
        )
        return found is None

    def _by_fingerprint(self, fingerprint: str) -> tables.Certificate | None:
        with self._services.kernel.db.read() as session:
            query = select(tables.Certificate).where(tables.Certificate.fingerprint == fingerprint)
            return session.exec(query).first()

    def _approval_policy(self, policy: ApprovalPolicyIn) -> bool:
        if self._there(tables.ApprovalPolicy, policy.slug, scoped=True):
            return False
        steps = [Step(s.name, tuple(s.approvers), s.quorum, tuple(s.channels)) for s in policy.steps]
        values = policy.model_dump(exclude={"steps"})
        self._services.approval_policies.create(self._actor, None, steps=steps, **values)
        return True

    def _sync(self, sync: legacy.Sync) -> bool:
        if self._there(tables.Sync, sync.slug, scoped=True):
            return False
        chosen = sync.selection
        self._services.syncs.create(
            self._actor,
            None,
            selection=Selection(
                lineages=tuple(self._certificates[ident].lineage_id for ident in chosen.certificates),
                profiles=tuple(chosen.profiles),
                names=tuple(chosen.names),
                attributes=chosen.metadata,
            ),
            delivered=[
                Delivered(self._certificates[known.certificate].id, known.object_name, known.reference)
                for known in sync.delivered
            ],
            **sync.model_dump(exclude={"selection", "delivered"}),
        )
        return True

    def _alert(self, alert: legacy.Alert) -> bool:
        if self._there(tables.Alert, alert.slug, scoped=True):
            return False
        alerts = self._services.alerts
        given = alert.given()
        enabled = given.pop("enabled")
        row = alerts.create_alert(self._actor, None, **given)
        if not enabled:
            alerts.update_alert(self._actor, None, row.id, enabled=False)
        return True


def _present(session: Session, table: type[SQLModel], slug: str, *, scoped: bool) -> Any:
    """The row of this name: among those that belong to no Application, where a kind belongs to one."""
    named: Any = table
    query = select(table).where(col(named.slug) == slug)
    return session.exec(query.where(col(named.application_id).is_(None)) if scoped else query).first()
