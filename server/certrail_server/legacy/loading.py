"""Loads a project of the older model through the use cases; what was loaded before is left as it is now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from certrail.domain.errors import BadInput, CertrailError, Conflict
from certrail.persistence import tables
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail.services.delivery.syncs import Delivered
from certrail.services.facade import Services
from certrail.services.inventory.selectors import Selection
from certrail.services.issuance.imports import ImportedStatus
from certrail_server.api.alert_shapes import ChannelIn
from certrail_server.api.approval_shapes import ApprovalPolicyIn
from certrail_server.api.product_shapes import ConnectionIn, PolicyIn
from certrail_server.legacy import format as legacy
from certrail_server.legacy.checking import Checked, Report, check, offer_of

CHUNK = 500
"""Fingerprints in one query."""


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
        self._made: frozenset[tuple[str, str]] = frozenset()
        self._checked = Checked()

    def run(self) -> Outcome:
        """Load all that was not loaded before.

        Raises:
            Conflict: something else has the name of a part, or its certificate, already; nothing was loaded.
            BadInput: a part is wrong in itself, and named. Certificates and keys are read before anything is loaded;
                what was loaded before another part stays.
        """
        export = self._export
        self._checked = check(export, self._report)
        self._made = self._loaded_before()
        self._refuse_clashes()
        self._each("members", export.members, self._member)
        self._each("authorities", export.authorities, self._authority)
        self._each("policies", export.policies, self._policy)
        self._each("profiles", export.profiles, self._profile)
        self._each("connections", export.connections, self._connection)
        self._each("channels", _stand_ins_first(export.channels), self._channel)
        # From their loading on certificates are renewed: not without approval, and not without telling anybody.
        self._each("approval policies", export.approval_policies, self._approval_policy)
        self._each("alerts", export.alerts, self._alert)
        self._each("certificates", export.oldest_first(), self._certificate)
        self._each("syncs", export.syncs, self._sync)
        with self._services.context.unit_of_work(self._actor) as change:
            change.event("legacy.loaded", "project", export.project.slug, loaded=self._outcome.loaded)
        return self._outcome

    def _each(self, kind: str, parts: Sequence[Any], load: Callable[[Any], bool]) -> None:
        for done, part in enumerate(parts, start=1):
            try:
                counts = self._outcome.loaded if load(part) else self._outcome.kept
            except CertrailError as refusal:
                raise BadInput(legacy.told_of(kind, part, refusal), refusal.extra.get("field")) from refusal
            counts[kind] = counts.get(kind, 0) + 1
            self._report(kind, done, len(parts))

    def _loaded_before(self) -> frozenset[tuple[str, str]]:
        """Kind and name of all that the record says this project's loading made, also what is gone by now."""
        made = select(tables.EventRow).where(
            col(tables.EventRow.type).endswith(".created"), tables.EventRow.actor_name == self._actor.name
        )
        with self._services.context.db.read() as session:
            rows = session.exec(made).all()
        return frozenset((row.subject_type, row.data["slug"]) for row in rows if "slug" in row.data)

    def _refuse_clashes(self) -> None:
        export, clashes = self._export, []
        kinds: Sequence[tuple[str, type[SQLModel], Iterable[Any], bool]] = (
            ("ca", tables.CertificateAuthority, export.authorities, False),
            ("policy", tables.CertificatePolicy, export.policies, False),
            ("profile", tables.CertificateProfile, export.profiles, False),
            ("connection", tables.Connection, export.connections, False),
            ("channel", tables.Channel, export.channels, True),
            ("approval_policy", tables.ApprovalPolicy, export.approval_policies, True),
            ("sync", tables.Sync, export.syncs, True),
            ("alert", tables.Alert, export.alerts, True),
        )
        with self._services.context.db.read() as session:
            for kind, table, parts, scoped in kinds:
                for part in parts:
                    if not self._is_made(kind, part.slug) and _present(
                        session, table, part.slug, scoped=scoped
                    ):
                        clashes.append(f"{legacy.NOUNS.get(kind, kind)} {part.slug}")
            for member in export.members:
                known = _present(session, tables.Principal, member.slug, scoped=False)
                if known is not None and known.kind != member.kind:
                    clashes.append(f"{member.kind} {member.slug} (a {known.kind} here)")
            elsewhere = self._elsewhere(session)
        if clashes:
            raise Conflict(
                f"These names are taken by others: {', '.join(clashes)}. Rename them in the export, wherever it"
                " names them, and load it again.",
                kind="name-taken",
            )
        if elsewhere:
            raise Conflict(
                f"These certificates belong to Applications here: {', '.join(elsewhere)}. Take them out of the export.",
                kind="imported",
            )

    def _elsewhere(self, session: Session) -> list[str]:
        """The certificates of the export that are in the inventory of an Application."""
        found: list[str] = []
        names = {fingerprint: ident for ident, fingerprint in self._checked.fingerprints.items()}
        prints = list(names)
        for begin in range(0, len(prints), CHUNK):
            query = select(tables.Certificate.fingerprint).where(
                col(tables.Certificate.fingerprint).in_(prints[begin : begin + CHUNK]),
                col(tables.Certificate.application_id).is_not(None),
            )
            found += [names[fingerprint] for fingerprint in session.exec(query)]
        return found

    def _is_made(self, kind: str, slug: str) -> bool:
        return (kind, slug) in self._made

    def _member(self, member: legacy.Member) -> bool:
        """People may be here already: a slug is the same person everywhere. A role is given once."""
        identities = self._services.identities
        with self._services.context.db.read() as session:
            known = _present(session, tables.Principal, member.slug, scoped=False)
        row = known or identities.create(
            self._actor,
            kind=member.kind,
            slug=member.slug,
            name=member.name,
            email=member.email,
            members=member.members,
        )
        if member.role is not None and not self._was_member(row.id):
            self._services.applications.set_member(self._actor, None, member.slug, member.role)
        return known is None

    def _was_member(self, principal_id: str) -> bool:
        given = select(tables.EventRow.seq).where(
            tables.EventRow.subject_id == principal_id,
            tables.EventRow.type == "member.set",
            tables.EventRow.actor_name == self._actor.name,
        )
        with self._services.context.db.read() as session:
            return session.exec(given).first() is not None

    def _authority(self, authority: legacy.Authority) -> bool:
        if self._is_made("ca", authority.slug):
            return False
        self._services.authorities.adopt(
            self._actor,
            **authority.model_dump(exclude={"private_key", "revoked"}),
            private_key=authority.private_key.get_secret_value(),
            revoked=self._checked.revoked[authority.slug],
        )
        if authority.crl_number is not None:
            self._services.status.crl(authority.slug)
        return True

    def _policy(self, policy: PolicyIn) -> bool:
        if self._is_made("policy", policy.slug):
            return False
        self._services.product.create_policy(self._actor, **policy.model_dump())
        return True

    def _profile(self, profile: legacy.Profile) -> bool:
        if self._is_made("profile", profile.slug):
            return False
        self._services.product.create_profile(
            self._actor,
            **profile.model_dump(exclude={"enrollment"}),
            legacy_enrollment=profile.enrollment.model_dump(),
        )
        return True

    def _connection(self, given: ConnectionIn) -> bool:
        if self._is_made("connection", given.slug):
            return False
        self._services.connections.create(
            self._actor,
            slug=given.slug,
            name=given.name,
            type_=given.type,
            config=given.config,
            expires_at=given.expires_at,
            max_per_minute=given.max_per_minute,
        )
        return True

    def _channel(self, channel: ChannelIn) -> bool:
        if self._is_made("channel", channel.slug):
            return False
        self._services.channels.create(self._actor, None, **dict(channel))
        return True

    def _certificate(self, certificate: legacy.Certificate) -> bool:
        found = self._by_fingerprint(self._checked.fingerprints[certificate.id])
        self._certificates[certificate.id] = found or self._services.imports.keep(
            self._actor,
            None,
            offer_of(certificate),
            profile=certificate.profile,
            attributes=certificate.metadata,
            past=self._past(certificate),
        )
        return found is None

    def _past(self, certificate: legacy.Certificate) -> ImportedStatus:
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

    def _approval_policy(self, policy: ApprovalPolicyIn) -> bool:
        if self._is_made("approval_policy", policy.slug):
            return False
        steps = [Step(s.name, tuple(s.approvers), s.quorum, tuple(s.channels)) for s in policy.steps]
        values = policy.model_dump(exclude={"steps"})
        self._services.approval_policies.create(self._actor, None, steps=steps, **values)
        return True

    def _sync(self, sync: legacy.Sync) -> bool:
        if self._is_made("sync", sync.slug):
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
        if self._is_made("alert", alert.slug):
            return False
        self._services.alerts.create_alert(self._actor, None, **alert.given())
        return True


def _stand_ins_first(channels: Sequence[ChannelIn]) -> list[ChannelIn]:
    """Each channel after its fallback."""
    known = {channel.slug: channel for channel in channels}
    ordered: dict[str, ChannelIn] = {}
    for channel in channels:
        path: list[ChannelIn] = []
        one: ChannelIn | None = channel
        while one is not None and one not in path:
            path.append(one)
            one = known.get(one.fallback) if one.fallback else None
        ordered.update({one.slug: one for one in reversed(path) if one.slug not in ordered})
    return list(ordered.values())


def _present(session: Session, table: type[SQLModel], slug: str, *, scoped: bool) -> Any:
    """The row of this name: among those that belong to no Application, where a kind belongs to one."""
    named: Any = table
    query = select(table).where(col(named.slug) == slug)
    return session.exec(query.where(col(named.application_id).is_(None)) if scoped else query).first()
