"""Loads a project export through the use cases; resumable and idempotent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from certrail.domain.errors import BadInput, CertrailError
from certrail.domain.events.operations import MigrationLoaded
from certrail.persistence import tables
from certrail.services.alerting.alerts import Escalation
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail.services.delivery.taken_over import Delivered
from certrail.services.inventory.selectors import CertificateSelector
from certrail.services.issuance.imports import ImportedStatus
from certrail.services.migration import parts
from certrail.services.migration.conflicts import existing, refuse_conflicts
from certrail.services.migration.document import ProjectExport, fault_of
from certrail.services.migration.verification import Progress, Verified, bundle_of, verify

if TYPE_CHECKING:
    from certrail.services.facade import Services


@dataclass
class Outcome:
    """Numbers of objects, by kind.

    Attributes:
        loaded: created by this run.
        kept: created by an earlier run, and left as they are now.
    """

    loaded: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)


class Loader:
    """Loads one export into the legacy scope. A run may be killed and repeated: nothing is loaded twice."""

    def __init__(
        self, services: "Services", export: ProjectExport, progress: Progress = lambda *_: None
    ) -> None:
        self._services = services
        self._export = export
        self._progress = progress
        # The audit log names this actor at every object, so that a later run recognises what it created, even when it
        # was deleted since.
        self._actor = Actor(None, "system", f"migration of {export.project.slug}")
        self._certificates: dict[str, tables.Certificate] = {}
        self._outcome = Outcome()
        self._loaded_before: frozenset[tuple[str, str]] = frozenset()
        self._verified = Verified()

    def run(self) -> Outcome:
        """Load every object that no earlier run has loaded.

        Raises:
            Conflict: a slug is taken, or a certificate belongs to an Application; nothing was loaded.
            BadInput: an object is refused, and named. Certificates and keys are verified before anything is loaded;
                after that, objects that precede the refused one stay loaded.
        """
        export = self._export
        self._verified = verify(export, self._progress)
        self._loaded_before = self._created_by_earlier_runs()
        with self._services.context.db.read() as session:
            refuse_conflicts(session, export, self._loaded_before, self._verified.fingerprints)
        self._load("members", export.members, self._member)
        self._load("authorities", export.authorities, self._authority)
        self._load("policies", export.policies, self._policy)
        self._load("profiles", export.profiles, self._profile)
        self._load("connections", export.connections, self._connection)
        self._load("channels", _fallbacks_first(export.channels), self._channel)
        # Before the certificates: the renewal sweep may take a certificate as soon as it is loaded, and must find its
        # approval policy and its alerts.
        self._load("approval policies", export.approval_policies, self._approval_policy)
        self._load("alerts", export.alerts, self._alert)
        self._load("certificates", export.oldest_first(), self._certificate)
        # After the certificates: a sync that exists would deliver each certificate as it is loaded.
        self._load("syncs", export.syncs, self._sync)
        with self._services.context.unit_of_work(self._actor) as uow:
            uow.record(MigrationLoaded(export.project.slug, loaded=self._outcome.loaded))
        return self._outcome

    def _load(self, kind: str, objects: Sequence[Any], load: Callable[[Any], bool]) -> None:
        for done, part in enumerate(objects, start=1):
            try:
                counts = self._outcome.loaded if load(part) else self._outcome.kept
            except CertrailError as refusal:
                raise BadInput(fault_of(kind, part, refusal), refusal.extra.get("field")) from refusal
            counts[kind] = counts.get(kind, 0) + 1
            self._progress(kind, done, len(objects))

    def _created_by_earlier_runs(self) -> frozenset[tuple[str, str]]:
        """Kind and slug of each object that this actor created according to the audit log, deleted ones included."""
        created = select(tables.EventRow).where(
            col(tables.EventRow.type).endswith(".created"), tables.EventRow.actor_name == self._actor.name
        )
        with self._services.context.db.read() as session:
            rows = session.exec(created).all()
        return frozenset((row.subject_type, row.data["slug"]) for row in rows if "slug" in row.data)

    def _is_loaded(self, kind: str, slug: str) -> bool:
        return (kind, slug) in self._loaded_before

    def _member(self, member: parts.Member) -> bool:
        """Principals are global: one that exists is used. Its role is set once, so that a later change stays."""
        with self._services.context.db.read() as session:
            known = existing(session, tables.Principal, member.slug, scoped=False)
        row = known or self._services.principals.create(
            self._actor,
            kind=member.kind,
            slug=member.slug,
            name=member.name,
            email=member.email,
            members=member.members,
        )
        if member.role is not None and not self._role_was_set(row.id):
            self._services.applications.set_member(self._actor, None, member.slug, member.role)
        return known is None

    def _role_was_set(self, principal_id: str) -> bool:
        given = select(tables.EventRow.seq).where(
            tables.EventRow.subject_id == principal_id,
            tables.EventRow.type == "member.set",
            tables.EventRow.actor_name == self._actor.name,
        )
        with self._services.context.db.read() as session:
            return session.exec(given).first() is not None

    def _authority(self, authority: parts.Authority) -> bool:
        if self._is_loaded("ca", authority.slug):
            return False
        self._services.authorities.adopt(
            self._actor,
            **authority.model_dump(exclude={"private_key", "revoked"}),
            private_key=authority.private_key.get_secret_value(),
            revoked=self._verified.revoked[authority.slug],
        )
        if authority.crl_number is not None:
            self._services.status_responder.crl(authority.slug)
        return True

    def _policy(self, policy: parts.Policy) -> bool:
        if self._is_loaded("policy", policy.slug):
            return False
        self._services.catalog.create_policy(self._actor, **dict(policy))
        return True

    def _profile(self, profile: parts.Profile) -> bool:
        if self._is_loaded("profile", profile.slug):
            return False
        values = dict(profile)
        enrollment: parts.ProfileEnrollment = values.pop("enrollment")
        given = enrollment.model_dump(mode="json", exclude_none=True)
        self._services.catalog.create_profile(self._actor, **values, legacy_enrollment=given)
        return True

    def _connection(self, connection: parts.Connection) -> bool:
        if self._is_loaded("connection", connection.slug):
            return False
        values = dict(connection)
        self._services.connections.create(self._actor, type_=values.pop("type"), **values)
        return True

    def _channel(self, channel: parts.Channel) -> bool:
        if self._is_loaded("channel", channel.slug):
            return False
        self._services.channels.create(self._actor, None, **dict(channel))
        return True

    def _certificate(self, certificate: parts.Certificate) -> bool:
        found = self._by_fingerprint(self._verified.fingerprints[certificate.id])
        self._certificates[certificate.id] = found or self._services.imports.keep(
            self._actor,
            None,
            bundle_of(certificate),
            profile=certificate.profile,
            attributes=certificate.metadata,
            past=self._status_of(certificate),
        )
        return found is None

    def _status_of(self, certificate: parts.Certificate) -> ImportedStatus:
        replaced = self._export.replaced.get(certificate.id)
        return ImportedStatus(
            status=certificate.status,
            revoked_at=certificate.revoked_at,
            reason=certificate.reason() if certificate.revoked_at else None,
            superseded=certificate.renewed_by is not None,
            replaces=self._certificates[replaced].id if replaced else None,
            auto_renew=certificate.auto_renew if certificate.renewed_by is None else None,
        )

    def _by_fingerprint(self, fingerprint: str) -> tables.Certificate | None:
        with self._services.context.db.read() as session:
            query = select(tables.Certificate).where(tables.Certificate.fingerprint == fingerprint)
            return session.exec(query).first()

    def _approval_policy(self, policy: parts.ApprovalPolicy) -> bool:
        if self._is_loaded("approval_policy", policy.slug):
            return False
        steps = [Step(s.name, tuple(s.approvers), s.quorum, tuple(s.channels)) for s in policy.steps]
        values = policy.model_dump(exclude={"steps"})
        self._services.approval_policies.create(self._actor, None, steps=steps, **values)
        return True

    def _sync(self, sync: parts.Sync) -> bool:
        if self._is_loaded("sync", sync.slug):
            return False
        chosen = sync.selection
        self._services.syncs.create(
            self._actor,
            None,
            selection=CertificateSelector(
                lineages=tuple(self._certificates[ident].lineage_id for ident in chosen.certificates),
                profiles=tuple(chosen.profiles),
                names=tuple(chosen.names),
                metadata=chosen.metadata,
            ),
            delivered=[
                Delivered(self._certificates[known.certificate].id, known.object_name, known.reference)
                for known in sync.delivered
            ],
            **sync.model_dump(exclude={"selection", "delivered"}),
        )
        return True

    def _alert(self, alert: parts.Alert) -> bool:
        if self._is_loaded("alert", alert.slug):
            return False
        values = dict(alert)
        filters = alert.filters
        values["filters"] = CertificateSelector(
            profiles=filters.profiles, names=filters.names, metadata=filters.metadata
        )
        values["escalation"] = [Escalation(step.after, step.channels) for step in alert.escalation]
        self._services.alerts.create_alert(self._actor, None, **values)
        return True


def _fallbacks_first(channels: Sequence[parts.Channel]) -> list[parts.Channel]:
    """The channels in an order in which each follows its fallback, which it references."""
    known = {channel.slug: channel for channel in channels}
    ordered: dict[str, parts.Channel] = {}
    for channel in channels:
        path: list[parts.Channel] = []
        one: parts.Channel | None = channel
        while one is not None and one not in path:
            path.append(one)
            one = known.get(one.fallback) if one.fallback else None
        ordered.update({one.slug: one for one in reversed(path) if one.slug not in ordered})
    return list(ordered.values())
