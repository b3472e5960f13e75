"""What still belongs to no Application, and where each of it would go. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, func, or_, select

from certrail.persistence.tables import (
    Alert,
    AlertChannel,
    Application,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    Certificate,
    CertificateProfile,
    Channel,
    Delivery,
    Enrollment,
    Membership,
    Principal,
    Sync,
)
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.migration.placement import Placement, place


@dataclass(frozen=True)
class LegacyProfile:
    """A profile with what the older project has of it.

    Attributes:
        lineages: certificates with their renewals counted once.
        methods: of enrollment at URLs without an Application, by which clients come until they are pointed elsewhere.
    """

    slug: str
    name: str
    lineages: int
    methods: Sequence[str]
    placement: Placement


@dataclass(frozen=True)
class LegacyPart:
    """A sync, an alert, a channel or an approval policy.

    Attributes:
        about: slugs of the profiles whose certificates it is about.
    """

    slug: str
    name: str
    about: Sequence[str]
    placement: Placement


@dataclass(frozen=True)
class LegacyMember:
    """Somebody with a role in the legacy scope."""

    slug: str
    name: str
    role: str


@dataclass(frozen=True)
class OlderProject:
    """All of it.

    Attributes:
        without_profile: lineages of certificates that were imported without a profile.
    """

    profiles: Sequence[LegacyProfile]
    without_profile: int
    syncs: Sequence[LegacyPart]
    alerts: Sequence[LegacyPart]
    channels: Sequence[LegacyPart]
    approval_policies: Sequence[LegacyPart]
    members: Sequence[LegacyMember]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.without_profile or any(vars(self)[name] for name in _LISTS))


_LISTS = ("profiles", "syncs", "alerts", "channels", "approval_policies", "members")


@dataclass
class _Known:
    """What the parts of one project are compared with, by slug of the profile."""

    slugs: Mapping[str, str]
    names: Mapping[str, str]
    attached: Mapping[str, Collection[str]]
    lineages: Mapping[str | None, int]
    methods: Mapping[str, Sequence[str]]
    everything: Collection[str] = field(default_factory=frozenset)

    def part(self, row: Sync | Alert | Channel | ApprovalPolicy, profiles: Collection[str]) -> LegacyPart:
        return LegacyPart(row.slug, row.name, sorted(profiles), place(profiles, self.attached))


class Placements:
    """Of the legacy scope, for whoever reads it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def has_any(self) -> bool:
        """Whether there are certificates, syncs or members without an Application; one statement."""
        held = (
            select(col(table.id)).where(col(table.application_id).is_(None)).limit(1).exists()
            for table in (Certificate, Sync, Membership)
        )
        with self._context.db.read() as session:
            return bool(session.exec(select(or_(*held))).one())

    def older_project(self) -> OlderProject:
        """What belongs to no Application; ten statements, whatever there is."""
        with self._context.db.read() as session:
            known = _known(session)
            alerts, policies = _alerts(session, known), _policies(session, known)
            return OlderProject(
                profiles=[
                    LegacyProfile(
                        slug,
                        known.names[slug],
                        known.lineages.get(slug, 0),
                        known.methods.get(slug, ()),
                        place([slug], known.attached),
                    )
                    for slug in sorted(known.everything)
                ],
                without_profile=known.lineages.get(None, 0),
                syncs=_syncs(session, known),
                alerts=[known.part(row, about) for row, about in alerts],
                channels=_channels(session, known, alerts, policies),
                approval_policies=[known.part(row, about) for row, about in policies],
                members=_members(session),
            )


def _known(session: Session) -> _Known:
    rows = session.exec(select(CertificateProfile.id, CertificateProfile.slug, CertificateProfile.name)).all()
    slugs = {ident: slug for ident, slug, _ in rows}
    here = select(Enrollment.profile_id, Enrollment.method, Application.slug).join(
        Application, col(Application.id) == col(Enrollment.application_id), isouter=True
    )
    attached: dict[str, set[str]] = defaultdict(set)
    methods: dict[str, list[str]] = defaultdict(list)
    for profile, method, application in session.exec(here.order_by(Enrollment.method)).all():
        if application is None:
            methods[slugs[profile]].append(method)
        else:
            attached[slugs[profile]].add(application)
    counts = (
        select(Certificate.profile_id, func.count(func.distinct(col(Certificate.lineage_id))))
        .where(col(Certificate.application_id).is_(None))
        .group_by(col(Certificate.profile_id))
    )
    lineages = {slugs[ident] if ident else None: count for ident, count in session.exec(counts).all()}
    return _Known(
        slugs,
        {slug: name for _, slug, name in rows},
        attached,
        lineages,
        methods,
        {slug for slug in lineages if slug is not None} | methods.keys(),
    )


def _syncs(session: Session, known: _Known) -> Sequence[LegacyPart]:
    """By what each delivers: a selector of names or metadata says nothing of profiles."""
    delivered = (
        select(Delivery.sync_id, Certificate.profile_id)
        .join(Certificate, col(Certificate.id) == col(Delivery.desired_certificate_id))
        .join(Sync, col(Sync.id) == col(Delivery.sync_id))
        .where(col(Sync.application_id).is_(None))
        .distinct()
    )
    about: dict[str, set[str]] = defaultdict(set)
    for sync, profile in session.exec(delivered).all():
        if profile is not None:
            about[sync].add(known.slugs[profile])
    rows = session.exec(select(Sync).where(col(Sync.application_id).is_(None)).order_by(Sync.slug)).all()
    return [
        known.part(row, about[row.id] or _named(known, row.selection.get("profiles", ()))) for row in rows
    ]


def _alerts(session: Session, known: _Known) -> Sequence[tuple[Alert, Collection[str]]]:
    """Those of the project; an alert without profiles is about all of its certificates."""
    query = select(Alert).where(col(Alert.application_id).is_(None), col(Alert.product_wide).is_(False))
    return [
        (row, _named(known, row.filters.get("profiles", ())) or known.everything)
        for row in session.exec(query.order_by(Alert.slug)).all()
    ]


def _policies(session: Session, known: _Known) -> Sequence[tuple[ApprovalPolicy, Collection[str]]]:
    links = select(ApprovalPolicyProfile.policy_id, ApprovalPolicyProfile.profile_id).where(
        ApprovalPolicyProfile.scope == ""
    )
    about: dict[str, set[str]] = defaultdict(set)
    for policy, profile in session.exec(links).all():
        about[policy].add(known.slugs[profile])
    query = select(ApprovalPolicy).where(col(ApprovalPolicy.application_id).is_(None))
    return [(row, about[row.id]) for row in session.exec(query.order_by(ApprovalPolicy.slug)).all()]


def _channels(
    session: Session,
    known: _Known,
    alerts: Sequence[tuple[Alert, Collection[str]]],
    policies: Sequence[tuple[ApprovalPolicy, Collection[str]]],
) -> Sequence[LegacyPart]:
    """With the alerts and approval policies that use them."""
    used: dict[str, set[str]] = defaultdict(set)
    by_alert = {row.id: about for row, about in alerts}
    links = select(AlertChannel.alert_id, AlertChannel.channel_id).join(
        Alert, col(Alert.id) == col(AlertChannel.alert_id)
    )
    for alert, channel in session.exec(links.where(col(Alert.application_id).is_(None))).all():
        used[channel].update(by_alert.get(alert, ()))
    for row, about in policies:
        for step in row.steps:
            for channel in step["channels"]:
                used[channel].update(about)
    query = select(Channel).where(col(Channel.application_id).is_(None), col(Channel.product_wide).is_(False))
    return [known.part(row, used[row.id]) for row in session.exec(query.order_by(Channel.slug)).all()]


def _members(session: Session) -> Sequence[LegacyMember]:
    query = (
        select(Principal.slug, Principal.name, Membership.role)
        .join(Membership, col(Membership.principal_id) == col(Principal.id))
        .where(col(Membership.application_id).is_(None))
    )
    return [LegacyMember(*row) for row in session.exec(query.order_by(Principal.slug)).all()]


def _named(known: _Known, idents: Collection[str]) -> Collection[str]:
    return {known.slugs[ident] for ident in idents if ident in known.slugs}
