"""Approval policies: whose approval the guarded actions on an Application's profiles require."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import overload

from sqlmodel import Session, col, or_, select

from certrail.domain.approval import GuardedAction
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.approvals import (
    ApprovalPolicyCreated,
    ApprovalPolicyDeleted,
    ApprovalPolicyUpdated,
    SelfApprovalAllowed,
)
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import (
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    CertificateProfile,
)
from certrail.services.access.membership import expand_groups, find_principal, is_member
from certrail.services.alerting.channels import find_channel
from certrail.services.approvals.lifecycle import close
from certrail.services.approvals.store import lock_approvals
from certrail.services.catalog.enrollment import enrollment
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, gathered, lock, patch
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import notifier_class
from certrail_sdk import Interactive

SHORTEST_LIFETIME, LONGEST_LIFETIME = timedelta(hours=1), timedelta(days=30)
MOST_STEPS, MOST_QUORUM = 10, 100
NEWEST_SIGN_IN, OLDEST_SIGN_IN = timedelta(minutes=1), timedelta(hours=12)


@dataclass(frozen=True)
class Step:
    """One step: its eligible approvers, its quorum, and the channels of its approval messages.

    Attributes:
        max_sign_in_age: votes count only from a sign-in that is no older; chat and other tokens do not vote then.
    """

    name: str
    approvers: tuple[str, ...]
    quorum: int = 1
    channels: tuple[str, ...] = ()
    max_sign_in_age: timedelta | None = None


class ApprovalPolicies:
    """Configured by Application Admins. Editing never alters approvals that are running."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        slug: str,
        name: str,
        profiles: Sequence[str],
        steps: Sequence[Step],
        guards: Sequence[GuardedAction] = (GuardedAction.ISSUANCE,),
        request_ttl: timedelta | None = None,
        reminder: timedelta | None = None,
        allow_self_approval: bool = False,
        bypass_machine_identities: bool = False,
        bypass_enrollment_clients: bool = False,
        renewal_preapproval: Mapping[str, int] | None = None,
    ) -> ApprovalPolicy:
        """Guard actions on profiles.

        Args:
            guards: the actions that require approval; issuance unless given.
            renewal_preapproval: ``{"renewals": …, "days": …}`` lets one approval cover renewals
                of the same content.

        Raises:
            BadInput: an approver is no member, a quorum cannot be reached, a lifetime is out of bounds.
            Conflict: another policy guards an action on a profile already, or the slug is taken.
        """
        _check_times(request_ttl, reminder)
        if not profiles or not 1 <= len(steps) <= MOST_STEPS:
            raise BadInput(f"Name at least one profile and 1 to {MOST_STEPS} steps.", "steps")
        with self._context.unit_of_work(actor) as uow:
            _refuse_taken_slug(uow.session, application_id, slug)
            policy = ApprovalPolicy(
                id=uow.new_id(),
                created_at=uow.now,
                application_id=application_id,
                slug=slug,
                name=name,
                steps=[self._step(uow.session, application_id, n, s) for n, s in enumerate(steps)],
                request_ttl_seconds=_seconds(request_ttl),
                reminder_seconds=_seconds(reminder),
                allow_self_approval=allow_self_approval,
                bypass_machine_identities=bypass_machine_identities,
                bypass_enrollment_clients=bypass_enrollment_clients,
                renewal_preapproval=dict(renewal_preapproval) if renewal_preapproval else None,
            )
            uow.session.add(policy)
            _guard(uow, policy, application_id, profiles, guards)
            uow.record(ApprovalPolicyCreated(policy.id, application_id, slug=slug))
            if allow_self_approval:
                uow.record(SelfApprovalAllowed(policy.id, application_id, slug=slug))
            return policy

    def update(
        self,
        actor: Actor,
        application_id: str | None,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        profiles: Sequence[str] | Unchanged = UNCHANGED,
        steps: Sequence[Step] | Unchanged = UNCHANGED,
        guards: Sequence[GuardedAction] | Unchanged = UNCHANGED,
        request_ttl: timedelta | Unchanged | None = UNCHANGED,
        reminder: timedelta | Unchanged | None = UNCHANGED,
        allow_self_approval: bool | Unchanged = UNCHANGED,
        bypass_machine_identities: bool | Unchanged = UNCHANGED,
        bypass_enrollment_clients: bool | Unchanged = UNCHANGED,
        renewal_preapproval: Mapping[str, int] | Unchanged | None = UNCHANGED,
    ) -> ApprovalPolicy:
        """Change what is given; approvals that run keep the policy they began under.

        Args:
            request_ttl: ``None`` for no expiry; likewise no reminder and no preapproval.

        Raises:
            BadInput: as for a new one.
            Conflict: another policy guards an action on a profile already.
        """
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            policy = find_approval_policy(session, application_id, reference)
            policy = lock(session, policy, "approval policy")
            before = _facts(session, policy)
            if steps is not UNCHANGED:
                if not 1 <= len(steps) <= MOST_STEPS:
                    raise BadInput(f"Name 1 to {MOST_STEPS} steps.", "steps")
                policy.steps = [self._step(session, application_id, n, s) for n, s in enumerate(steps)]
            patch(
                session,
                policy,
                name=name,
                request_ttl_seconds=_seconds(request_ttl),
                reminder_seconds=_seconds(reminder),
                allow_self_approval=allow_self_approval,
                bypass_machine_identities=bypass_machine_identities,
                bypass_enrollment_clients=bypass_enrollment_clients,
                renewal_preapproval=renewal_preapproval,
            )
            _check_times(_duration(policy.request_ttl_seconds), _duration(policy.reminder_seconds))
            if profiles is not UNCHANGED or guards is not UNCHANGED:
                profiles = _profiles_of(session, policy.id) if profiles is UNCHANGED else profiles
                actions = [GuardedAction(name) for name in policy.guards] if guards is UNCHANGED else guards
                _guard(uow, policy, application_id, profiles, actions)
            policy.version += 1
            session.flush()
            after = _facts(session, policy)
            uow.record(ApprovalPolicyUpdated(policy.id, application_id, before=before, after=after))
            if policy.allow_self_approval and not before["allow_self_approval"]:
                uow.record(SelfApprovalAllowed(policy.id, application_id, slug=policy.slug))
            return policy

    def delete(self, actor: Actor, application_id: str | None, reference: str) -> None:
        """Remove a policy; approvals that run under it are cancelled, visibly."""
        with self._context.unit_of_work(actor) as uow:
            session = uow.session
            policy = find_approval_policy(session, application_id, reference)
            running = select(ApprovalRequest).where(
                ApprovalRequest.policy_id == policy.id, ApprovalRequest.status == ApprovalStatus.OPEN
            )
            for held in lock_approvals(uow, session.exec(running).all()):
                # A vote may have decided it while this waited for the lock.
                if held.approval.status == ApprovalStatus.OPEN:
                    close(
                        uow,
                        held,
                        ApprovalStatus.CANCELLED,
                        actor.principal_id,
                        "the approval policy was deleted",
                    )
            links = select(ApprovalPolicyProfile).where(ApprovalPolicyProfile.policy_id == policy.id)
            for link in session.exec(links).all():
                session.delete(link)
            session.delete(policy)
            uow.record(ApprovalPolicyDeleted(policy.id, application_id, slug=policy.slug))

    def list(self, application_id: str | None) -> Sequence[tuple[ApprovalPolicy, list[str]]]:
        """The policies of an Application with the ids of the profiles they guard."""
        with self._context.db.read() as session:
            profile = col(ApprovalPolicyProfile.profile_id)
            query = (
                select(ApprovalPolicy, profile)
                .join(
                    ApprovalPolicyProfile,
                    col(ApprovalPolicyProfile.policy_id) == col(ApprovalPolicy.id),
                    isouter=True,
                )
                .where(ApprovalPolicy.application_id == application_id)
            )
            # One row for each guarded action of a profile.
            return gathered(session.exec(query.order_by(ApprovalPolicy.slug, profile)).all())

    def get(self, application_id: str | None, reference: str) -> tuple[ApprovalPolicy, Sequence[str]]:
        """One policy by slug or id, with the ids of the profiles it guards. Raises NotFound."""
        with self._context.db.read() as session:
            query = (
                select(ApprovalPolicy, ApprovalPolicyProfile.profile_id)
                .join(
                    ApprovalPolicyProfile,
                    col(ApprovalPolicyProfile.policy_id) == col(ApprovalPolicy.id),
                    isouter=True,
                )
                .where(
                    ApprovalPolicy.application_id == application_id,
                    or_(ApprovalPolicy.id == reference, ApprovalPolicy.slug == reference),
                )
            )
            rows = session.exec(query).all()
            if not rows:
                raise NotFound("approval policy", reference)
            policy = rows[0][0]
            # One row for each guarded action.
            return policy, sorted({ident for row, ident in rows if row is policy and ident is not None})

    def _step(
        self, session: Session, application_id: str | None, number: int, step: Step
    ) -> dict[str, object]:
        where = f"steps.{number}"
        if not 1 <= step.quorum <= MOST_QUORUM:
            raise BadInput(f"A quorum is 1 to {MOST_QUORUM}.", f"{where}.quorum")
        approvers = [find_principal(session, reference) for reference in step.approvers]
        outsiders = [p.slug for p in approvers if not is_member(session, application_id, p.id)]
        if outsiders:
            raise BadInput(f"Not members of this Application: {', '.join(outsiders)}.", f"{where}.approvers")
        people = expand_groups(session, [p.id for p in approvers])
        if len(people) < step.quorum:
            raise BadInput(
                f"Step {number + 1} needs {step.quorum} approvals but names only {len(people)} people.",
                f"{where}.quorum",
            )
        channels = [find_channel(session, application_id, reference) for reference in step.channels]
        for channel in channels:
            if not issubclass(notifier_class(self._context, channel.notifier), Interactive):
                raise BadInput(
                    f"The channel {channel.slug!r} cannot post approval messages.", f"{where}.channels"
                )
        age = step.max_sign_in_age
        if age is not None and not NEWEST_SIGN_IN <= age <= OLDEST_SIGN_IN:
            raise BadInput("A sign-in may be 1 minute to 12 hours old.", f"{where}.max_sign_in_age")
        return {
            "name": step.name,
            "approvers": [p.id for p in approvers],
            "quorum": step.quorum,
            "channels": [c.id for c in channels],
            "max_sign_in_age_seconds": _seconds(age),
        }


def find_approval_policy(session: Session, application_id: str | None, reference: str) -> ApprovalPolicy:
    """By slug or id, inside one Application. Raises NotFound."""
    return find(session, ApprovalPolicy, reference, "approval policy", scope=application_id)


def _guard(
    uow: UnitOfWork,
    policy: ApprovalPolicy,
    application_id: str | None,
    profiles: Sequence[str],
    actions: Sequence[GuardedAction],
) -> None:
    """Let a policy guard these actions on these profiles, and nothing else."""
    if not profiles:
        raise BadInput("Name at least one profile.", "profiles")
    if not actions:
        raise BadInput("Name at least one action to guard.", "guards")
    links = select(ApprovalPolicyProfile).where(ApprovalPolicyProfile.policy_id == policy.id)
    for link in uow.session.exec(links).all():
        uow.session.delete(link)
    policy.guards = sorted(set(actions))
    uow.session.flush()
    for reference in profiles:
        profile = _enrolled(uow.session, application_id, reference)
        for action in policy.guards:
            _guard_one(uow, policy, application_id or "", profile, action)


def _duration(seconds: int | None) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None


@overload
def _seconds(duration: timedelta | None) -> int | None: ...
@overload
def _seconds(duration: timedelta | Unchanged | None) -> int | Unchanged | None: ...
def _seconds(duration: timedelta | Unchanged | None) -> int | Unchanged | None:
    return int(duration.total_seconds()) if isinstance(duration, timedelta) else duration


def _facts(session: Session, policy: ApprovalPolicy) -> dict[str, object]:
    values = policy.model_dump(mode="json", exclude={"id", "created_at", "application_id"})
    return {**values, "profiles": _profiles_of(session, policy.id)}


def _check_times(request_ttl: timedelta | None, reminder: timedelta | None) -> None:
    if request_ttl and not SHORTEST_LIFETIME <= request_ttl <= LONGEST_LIFETIME:
        raise BadInput("A request lives 1 hour to 30 days, or for ever when left out.", "request_ttl")
    if reminder and (reminder < timedelta(minutes=1) or (request_ttl and reminder >= request_ttl)):
        raise BadInput(
            "A reminder comes after a minute at the earliest, and before the request expires.", "reminder"
        )


def _refuse_taken_slug(session: Session, application_id: str | None, slug: str) -> None:
    query = select(ApprovalPolicy).where(
        ApprovalPolicy.application_id == application_id, ApprovalPolicy.slug == slug
    )
    if session.exec(query).first():
        raise Conflict(f"An approval policy {slug!r} exists already in this Application.")


def _enrolled(session: Session, application_id: str | None, reference: str) -> CertificateProfile:
    profile = find_profile(session, reference)
    try:
        enrollment(session, application_id, profile)
    except NotFound:
        raise BadInput(
            f"The profile {reference!r} is not attached to this Application.", "profiles"
        ) from None
    return profile


def _guard_one(
    uow: UnitOfWork, policy: ApprovalPolicy, scope: str, profile: CertificateProfile, action: str
) -> None:
    taken = select(ApprovalPolicyProfile).where(
        ApprovalPolicyProfile.scope == scope,
        ApprovalPolicyProfile.profile_id == profile.id,
        ApprovalPolicyProfile.action == action,
    )
    if uow.session.exec(taken).first():
        raise Conflict(
            f"The {action} of the profile {profile.slug!r} is guarded by another policy already.",
            kind="overlap",
        )
    uow.session.add(
        ApprovalPolicyProfile(policy_id=policy.id, profile_id=profile.id, action=action, scope=scope)
    )
    uow.session.flush()


def _profiles_of(session: Session, policy_id: str) -> list[str]:
    query = select(ApprovalPolicyProfile.profile_id).where(ApprovalPolicyProfile.policy_id == policy_id)
    return list(session.exec(query.distinct().order_by(col(ApprovalPolicyProfile.profile_id))).all())
