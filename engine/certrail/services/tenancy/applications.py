"""Applications, their members and their enrollments."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import Select

from certrail.domain.access import WITHOUT_ROLE, ProductRole, Role
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.tenancy import (
    ApplicationCreated,
    ApplicationUpdated,
    EnrollmentUpdated,
    MemberRemoved,
    MemberSet,
    ProfileAttached,
    ProfileDetached,
)
from certrail.persistence import cascades
from certrail.persistence.tables import (
    Application,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    CertificateProfile,
    Enrollment,
    Membership,
    Principal,
    Sync,
)
from certrail.services.access.membership import find_principal, identities_of
from certrail.services.approvals.quorum import reevaluate
from certrail.services.catalog.enrollment import described, enroll, enrollments, set_method
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import patch, refuse_taken
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.renewal_schedule import replan


class Applications:
    """Where teams work."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self, actor: Actor, *, slug: str, name: str, description: str = "", profiles: Sequence[str] = ()
    ) -> Application:
        """Make an Application; its creator becomes Application Admin in the same step.

        Raises:
            Conflict: the slug is taken.
        """
        with self._context.unit_of_work(actor) as uow:
            refuse_taken(uow.session, Application, slug)
            row = Application(
                id=uow.new_id(), created_at=uow.now, slug=slug, name=name, description=description
            )
            uow.session.add(row)
            uow.record(ApplicationCreated(row.id, row.id, slug=slug, name=name))
            if actor.principal_id:
                _join(uow, row.id, actor.principal_id, Role.ADMIN)
            for profile in profiles:
                _attach(uow, row.id, find_profile(uow.session, profile))
            return row

    def visible_to(self, actor: Actor) -> Sequence[Application]:
        """All of them for a Product Admin; else those where the actor is a member."""
        with self._context.db.read() as session:
            query = select(Application).order_by(Application.slug)
            if actor.product_role != ProductRole.ADMIN:
                mine = identities_of(session, actor.principal_id or "")
                member_of = select(Membership.application_id).where(col(Membership.principal_id).in_(mine))
                query = query.where(col(Application.id).in_(member_of))
            return session.exec(query).all()

    def get(self, application_id: str) -> Application:
        """One Application, by id. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(Application, application_id)) is None:
                raise NotFound("Application")
            return row

    def id_of(self, reference: str) -> str | None:
        """Of the Application with this slug or id; ``None`` where there is none."""
        with self._context.db.read() as session:
            query = select(Application.id).where(
                or_(col(Application.id) == reference, col(Application.slug) == reference)
            )
            return session.exec(query).first()

    def update(
        self,
        actor: Actor,
        application_id: str,
        *,
        slug: str | Unchanged = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
        description: str | Unchanged = UNCHANGED,
    ) -> Application:
        """Rename or describe; everything is linked by id and stays.

        Raises:
            Conflict: the slug is taken.
        """
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.get_one(Application, application_id)
            before, after = patch(uow.session, row, slug=slug, name=name, description=description)
            uow.record(ApplicationUpdated(row.id, row.id, before=before, after=after))
            return row

    def members(self, application_id: str | None) -> Sequence[tuple[Membership, Principal]]:
        """Members with their roles; ``None`` names the legacy scope."""
        with self._context.db.read() as session:
            return session.exec(
                select(Membership, Principal)
                .join(Principal, col(Principal.id) == col(Membership.principal_id))
                .where(Membership.application_id == application_id)
                .order_by(Principal.slug)
            ).all()

    def member(self, application_id: str | None, principal: str) -> tuple[Membership, Principal]:
        """One member, by the principal's slug, id or e-mail address. Raises NotFound."""
        with self._context.db.read() as session:
            found = find_principal(session, principal)
            if (row := _membership(session, application_id, found.id)) is None:
                raise NotFound("member", principal)
            return row, found

    def set_member(self, actor: Actor, application_id: str | None, principal: str, role: Role) -> Membership:
        """Give a principal its one role here, or change it; ``None`` names the legacy scope.

        Raises:
            BadInput: it is an enrollment client or an agent, which has no role.
        """
        with self._context.unit_of_work(actor) as uow:
            found = find_principal(uow.session, principal)
            if found.kind in WITHOUT_ROLE:
                raise BadInput(
                    "An enrollment client or an agent has no role; it acts by its enrollment only.",
                    "principal",
                )
            row = _join(uow, application_id, found.id, role)
            reevaluate(uow, application_id)
            return row

    def remove_member(self, actor: Actor, application_id: str | None, principal: str) -> None:
        """Take a principal out; it votes in no open step from now on.

        Raises:
            NotFound: not a member.
        """
        with self._context.unit_of_work(actor) as uow:
            found = find_principal(uow.session, principal)
            row = _membership(uow.session, application_id, found.id)
            if row is None:
                raise NotFound("member", principal)
            uow.session.delete(row)
            uow.record(MemberRemoved(found.id, application_id, name=found.name))
            reevaluate(uow, application_id)

    def attach_profile(self, actor: Actor, application_id: str, profile: str) -> Enrollment:
        """Let an Application use a profile through the API; one that is attached already stays as it is."""
        with self._context.unit_of_work(actor) as uow:
            return _attach(uow, application_id, find_profile(uow.session, profile))

    def set_enrollment(
        self,
        actor: Actor,
        application_id: str,
        profile: str,
        method: EnrollmentMethod,
        *,
        enabled: bool = True,
        settings: Mapping[str, Any] | None = None,
    ) -> Enrollment:
        """Say whether and how an attached profile is used by a method; renewals of its certificates are planned anew.

        Args:
            settings: of the method; for the API ``{"auto_renew": {...}}`` as `RenewalRule` describes it.

        Raises:
            NotFound: the profile is not attached.
            Conflict: the method is not served by this version (``method-unavailable``).
        """
        with self._context.unit_of_work(actor) as uow:
            found = find_profile(uow.session, profile)
            known = {row.method: described(row) for row in enrollments(uow.session, application_id, found.id)}
            if not known:
                raise NotFound("certificate profile attached to this Application")
            row = set_method(uow, application_id, found.id, method, enabled, settings or {})
            uow.session.flush()
            uow.record(
                EnrollmentUpdated(
                    found.id,
                    application_id,
                    method=method,
                    before=known.get(method),
                    after=described(row),
                )
            )
            if method is EnrollmentMethod.API:
                replan(uow, application_id, found.id)
            return row

    def detach_profile(self, actor: Actor, application_id: str, profile: str) -> None:
        """Stop an Application from using a profile. What was issued with it stays, and is renewed no more.

        Raises:
            NotFound: it is not attached.
            Conflict: syncs or approval policies name it.
        """
        with self._context.unit_of_work(actor) as uow:
            found = find_profile(uow.session, profile)
            if not (rows := enrollments(uow.session, application_id, found.id)):
                raise NotFound("certificate profile attached to this Application")
            if users := _users_of(uow.session, application_id, found.id):
                raise Conflict(
                    f"The profile is named by {', '.join(users)}; change or delete these first.",
                    kind="in-use",
                )
            for table, condition in cascades.enrollments([row.id for row in rows]):
                uow.session.execute(delete(table).where(condition))
            for row in rows:
                uow.session.delete(row)
            uow.session.flush()
            uow.record(ProfileDetached(found.id, application_id, slug=found.slug))
            replan(uow, application_id, found.id)

    def profiles(self, application_id: str) -> Sequence[tuple[Enrollment, CertificateProfile]]:
        """The profiles attached to an Application, each with its enrollment through the API there."""
        with self._context.db.read() as session:
            return session.exec(_attachments(application_id).order_by(CertificateProfile.slug)).all()

    def profile(self, application_id: str, reference: str) -> tuple[Enrollment, CertificateProfile]:
        """One of them, by slug or id of the profile. Raises NotFound."""
        with self._context.db.read() as session:
            named = or_(col(CertificateProfile.id) == reference, col(CertificateProfile.slug) == reference)
            found = session.exec(_attachments(application_id).where(named)).first()
            if found is None:
                raise NotFound("certificate profile attached to this Application")
            return found

    def attached(self, application_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The slugs of the profiles attached to each of several Applications."""
        query = (
            select(Enrollment.application_id, CertificateProfile.slug)
            .join(CertificateProfile, col(CertificateProfile.id) == col(Enrollment.profile_id))
            .where(col(Enrollment.application_id).in_(application_ids))
            .distinct()
        )
        found: dict[str, list[str]] = {}
        with self._context.db.read() as session:
            for application_id, slug in session.exec(query.order_by(CertificateProfile.slug)).all():
                found.setdefault(application_id or "", []).append(slug)
        return found


def _attachments(application_id: str) -> Select[Enrollment, CertificateProfile]:
    return (
        select(Enrollment, CertificateProfile)
        .join(CertificateProfile, col(Enrollment.profile_id) == col(CertificateProfile.id))
        .where(Enrollment.application_id == application_id, Enrollment.method == EnrollmentMethod.API)
    )


def _membership(session: Session, application_id: str | None, principal_id: str) -> Membership | None:
    return session.exec(
        select(Membership).where(
            Membership.application_id == application_id, Membership.principal_id == principal_id
        )
    ).first()


def _join(uow: UnitOfWork, application_id: str | None, principal_id: str, role: Role) -> Membership:
    if role not in set(Role):
        raise BadInput(f"Unknown role {role!r}; use one of {', '.join(Role)}.", "role")
    row = _membership(uow.session, application_id, principal_id)
    before = row.role if row else None
    if row is None:
        row = Membership(
            id=uow.new_id(),
            created_at=uow.now,
            application_id=application_id,
            principal_id=principal_id,
            role=role,
        )
    row.role = role
    uow.session.add(row)
    uow.record(MemberSet(principal_id, application_id, before=before, role=role))
    return row


def _attach(uow: UnitOfWork, application_id: str, profile: CertificateProfile) -> Enrollment:
    if known := enrollments(uow.session, application_id, profile.id):
        return known[0]
    row = enroll(uow, application_id, profile.id, EnrollmentMethod.API)
    uow.session.flush()
    uow.record(ProfileAttached(profile.id, application_id, slug=profile.slug))
    replan(uow, application_id, profile.id)
    return row


def _users_of(session: Session, application_id: str, profile_id: str) -> list[str]:
    """The syncs and approval policies of an Application that name a profile."""
    syncs = session.exec(select(Sync).where(Sync.application_id == application_id)).all()
    guards = session.exec(
        select(ApprovalPolicy.slug)
        .join(ApprovalPolicyProfile, col(ApprovalPolicyProfile.policy_id) == col(ApprovalPolicy.id))
        .where(
            ApprovalPolicy.application_id == application_id, ApprovalPolicyProfile.profile_id == profile_id
        )
    ).all()
    named = [sync.slug for sync in syncs if profile_id in sync.selection.get("profiles", [])]
    return [*(f"the sync {slug}" for slug in named), *(f"the approval policy {slug}" for slug in guards)]
