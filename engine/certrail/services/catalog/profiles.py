"""The product level: certificate policies and profiles, shared by all Applications."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import delete
from sqlmodel import Session, col, select

from certrail.domain.content import LONGEST_TTL_SECONDS, RequestContent, usages_of
from certrail.domain.durations import format_duration
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import BadInput, Conflict
from certrail.domain.events.catalog import (
    PolicyCreated,
    PolicyDeleted,
    PolicyUpdated,
    ProfileCreated,
    ProfileDeleted,
    ProfileUpdated,
)
from certrail.domain.faults import in_one_line
from certrail.domain.policy import PolicyRules
from certrail.persistence import cascades
from certrail.persistence.tables import (
    AcmeAccount,
    Application,
    CertificatePolicy,
    CertificateProfile,
    CertificateRequest,
    Enrollment,
    ExternalAccountKey,
)
from certrail.services.authorities.signing import find_authority
from certrail.services.catalog.enrollment import (
    described,
    enroll,
    enrollments,
    legacy_enrollments,
    set_method,
)
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, lock, patch, refuse_taken
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

IssuerType = Literal["ca", "self-signed"]


class Catalog:
    """Policies and profiles, owned by Product Admins. Rows refer to them by id, so they may be renamed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create_policy(
        self, actor: Actor, *, slug: str, name: str, rules: Mapping[str, Any]
    ) -> CertificatePolicy:
        """Say what may be requested. Raises BadInput for rules that cannot be read."""
        parsed = _rules(rules)
        with self._context.unit_of_work(actor) as uow:
            refuse_taken(uow.session, CertificatePolicy, slug)
            policy = CertificatePolicy(
                id=uow.new_id(), created_at=uow.now, slug=slug, name=name, rules=parsed
            )
            uow.session.add(policy)
            uow.record(PolicyCreated(policy.id, slug=slug, rules=parsed))
            return policy

    def update_policy(
        self,
        actor: Actor,
        reference: str,
        rules: Mapping[str, Any] | Unchanged = UNCHANGED,
        *,
        slug: str | Unchanged = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
    ) -> CertificatePolicy:
        """Rename, or replace the rules: open requests are evaluated with the new ones."""
        parsed = UNCHANGED if rules is UNCHANGED else _rules(rules)
        with self._context.unit_of_work(actor) as uow:
            policy = lock(uow.session, find_policy(uow.session, reference), "certificate policy")
            before, after = patch(uow.session, policy, slug=slug, name=name, rules=parsed)
            # Requests are approved for a version of the rules: another name is no other version.
            policy.version += before["rules"] != after["rules"]
            uow.record(PolicyUpdated(policy.id, before=before, after=after))
            return policy

    def delete_policy(self, actor: Actor, reference: str) -> None:
        """Remove a policy. Raises Conflict while profiles use it."""
        with self._context.unit_of_work(actor) as uow:
            policy = find_policy(uow.session, reference)
            used = select(CertificateProfile.slug).where(CertificateProfile.policy_id == policy.id)
            if users := sorted(uow.session.exec(used).all()):
                raise Conflict(f"The policy is used by the profiles {', '.join(users)}.", kind="in-use")
            uow.session.delete(policy)
            uow.record(PolicyDeleted(policy.id, slug=policy.slug, rules=policy.rules))

    def create_profile(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        policy: str,
        ttl: timedelta,
        ca: str | None = None,
        issuer_type: IssuerType = "ca",
        defaults: Mapping[str, Any] | None = None,
        legacy_enrollment: Mapping[str, Any] | None = None,
    ) -> CertificateProfile:
        """Create a profile: an authority (none for self-signed certificates), a policy and defaults.

        Args:
            legacy_enrollment: by method, enrollment in the legacy scope; for migration only.

        Raises:
            BadInput: the lifetime, the defaults, or the choice of the issuer is wrong; or the policy never allows
                certificates as long as that.
        """
        seconds = _seconds(ttl)
        checked = _defaults(defaults or {})
        with self._context.unit_of_work(actor) as uow:
            refuse_taken(uow.session, CertificateProfile, slug)
            profile = CertificateProfile(
                id=uow.new_id(),
                created_at=uow.now,
                slug=slug,
                name=name,
                issuer_type=issuer_type,
                ca_id=_issuer(uow.session, issuer_type, ca),
                policy_id=find_policy(uow.session, policy).id,
                defaults=checked,
                ttl_seconds=seconds,
            )
            # A migrated profile is taken as it is; requests that its policy denies are refused one by one.
            if legacy_enrollment is None:
                _refuse_too_long(uow.session, profile)
            uow.session.add(profile)
            uow.session.flush()
            for method, given in (legacy_enrollment or {}).items():
                settings = dict(given)
                enabled = settings.pop("enabled")
                enroll(uow, None, profile.id, EnrollmentMethod(method), enabled=enabled, settings=settings)
            uow.record(ProfileCreated(profile.id, **_facts(uow.session, profile)))
            return profile

    def update_profile(
        self,
        actor: Actor,
        reference: str,
        *,
        slug: str | Unchanged = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
        ca: str | Unchanged | None = UNCHANGED,
        policy: str | Unchanged = UNCHANGED,
        ttl: timedelta | Unchanged = UNCHANGED,
        defaults: Mapping[str, Any] | Unchanged = UNCHANGED,
        legacy_enrollment: Mapping[str, Any] | Unchanged = UNCHANGED,
    ) -> CertificateProfile:
        """Change what is given; open requests are approved anew, for votes hold for one profile version only.

        Raises:
            BadInput: the lifetime, the defaults, or the choice of the issuer is wrong, as for a new one.
            Conflict: an enrollment of its own is given to a profile that never had one.
        """
        checked = UNCHANGED if defaults is UNCHANGED else _defaults(defaults)
        with self._context.unit_of_work(actor) as uow:
            profile = lock(uow.session, find_profile(uow.session, reference), "certificate profile")
            before = _facts(uow.session, profile)
            issuer_type = profile.issuer_type
            patch(
                uow.session,
                profile,
                slug=slug,
                name=name,
                ca_id=UNCHANGED if ca is UNCHANGED else _issuer(uow.session, issuer_type, ca),
                policy_id=UNCHANGED if policy is UNCHANGED else find_policy(uow.session, policy).id,
                ttl_seconds=UNCHANGED if ttl is UNCHANGED else _seconds(ttl),
                defaults=checked,
            )
            if policy is not UNCHANGED or ttl is not UNCHANGED:
                _refuse_too_long(uow.session, profile)
            if legacy_enrollment is not UNCHANGED:
                _change_enrollment(uow, profile, legacy_enrollment)
            after = _facts(uow.session, profile)
            naming = {"slug", "name", "legacy_enrollment"}
            if {k: v for k, v in before.items() if k not in naming} != {
                k: v for k, v in after.items() if k not in naming
            }:
                profile.version += 1
            uow.session.add(profile)
            uow.record(ProfileUpdated(profile.id, before=before, after=after))
            return profile

    def delete_profile(self, actor: Actor, reference: str) -> None:
        """Remove a profile that was never used. Raises Conflict for another, which is detached instead."""
        with self._context.unit_of_work(actor) as uow:
            profile = find_profile(uow.session, reference)
            _refuse_used(uow.session, profile)
            facts = _facts(uow.session, profile)
            rows = enrollments(uow.session, None, profile.id)
            for table, condition in cascades.enrollments([row.id for row in rows]):
                uow.session.execute(delete(table).where(condition))
            for row in rows:
                uow.session.delete(row)
            uow.session.flush()
            uow.session.delete(profile)
            uow.record(ProfileDeleted(profile.id, **facts))

    def legacy_enrollments(self, profiles: Sequence[CertificateProfile]) -> dict[str, dict[str, Any]]:
        """By profile id and method: enrollment in the legacy scope, of those profiles that have one."""
        with self._context.db.read() as session:
            return legacy_enrollments(session, [profile.id for profile in profiles])

    def policies(self) -> Sequence[CertificatePolicy]:
        """All certificate policies."""
        with self._context.db.read() as session:
            return session.exec(select(CertificatePolicy).order_by(CertificatePolicy.slug)).all()

    def policy(self, reference: str) -> CertificatePolicy:
        """One certificate policy."""
        with self._context.db.read() as session:
            return find_policy(session, reference)

    def profiles(self) -> Sequence[CertificateProfile]:
        """All certificate profiles."""
        with self._context.db.read() as session:
            return session.exec(select(CertificateProfile).order_by(CertificateProfile.slug)).all()

    def profile(self, reference: str) -> CertificateProfile:
        """One certificate profile."""
        with self._context.db.read() as session:
            return find_profile(session, reference)


def find_policy(session: Session, reference: str) -> CertificatePolicy:
    """By slug or id. Raises NotFound."""
    return find(session, CertificatePolicy, reference, "certificate policy")


def find_profile(session: Session, reference: str) -> CertificateProfile:
    """By slug or id. Raises NotFound."""
    return find(session, CertificateProfile, reference, "certificate profile")


def _facts(session: Session, profile: CertificateProfile) -> dict[str, Any]:
    values = profile.model_dump(exclude={"id", "created_at", "version"})
    return {**values, "legacy_enrollment": legacy_enrollments(session, [profile.id]).get(profile.id)}


def _seconds(ttl: timedelta) -> int:
    seconds = int(ttl.total_seconds())
    if not 0 < seconds <= LONGEST_TTL_SECONDS:
        raise BadInput("The lifetime is at least a second and at most a century.", "ttl")
    return seconds


def _refuse_too_long(session: Session, profile: CertificateProfile) -> None:
    """Every request that leaves the lifetime to the profile would be denied."""
    policy = session.get_one(CertificatePolicy, profile.policy_id)
    longest = PolicyRules.model_validate(policy.rules).max_ttl
    if longest is not None and profile.ttl_seconds > longest.total_seconds():
        raise BadInput(
            f"The policy {policy.slug!r} allows lifetimes of at most {format_duration(longest)}; choose no longer one.",
            "ttl",
        )


def _issuer(session: Session, issuer_type: str, ca: str | None) -> str | None:
    if issuer_type == "self-signed":
        if ca is not None:
            raise BadInput("Certificates that sign themselves have no authority; leave it out.", "ca")
        return None
    if ca is None:
        raise BadInput("Name the authority that signs, or choose the issuer type self-signed.", "ca")
    return find_authority(session, ca).id


def _change_enrollment(uow: UnitOfWork, profile: CertificateProfile, given: Mapping[str, Any]) -> None:
    """Methods, and settings of a method, that are not given stay as they are; renewals are planned anew."""
    known = {row.method: described(row) for row in enrollments(uow.session, None, profile.id)}
    if not known:
        raise Conflict(
            "Enrollment belongs to an Application: attach the profile there, with POST"
            " /api/v1/applications/{application}/profiles.",
            kind="legacy-creation",
            endpoint="/api/v1/applications/{application}/profiles",
        )
    for method, settings in given.items():
        values = {**known.get(method, {}), **settings}
        enabled = values.pop("enabled")
        set_method(uow, None, profile.id, EnrollmentMethod(method), enabled, values)
    uow.session.flush()


def _refuse_used(session: Session, profile: CertificateProfile) -> None:
    attached = session.exec(
        select(Application.slug)
        .join(Enrollment, col(Enrollment.application_id) == col(Application.id))
        .where(Enrollment.profile_id == profile.id)
    ).all()
    if attached:
        raise Conflict(
            f"The profile is attached to {', '.join(sorted(set(attached)))}; detach it there.", kind="in-use"
        )
    requested = select(CertificateRequest.id).where(CertificateRequest.profile_id == profile.id).limit(1)
    if session.exec(requested).first():
        raise Conflict(
            "Certificates were requested with this profile, so it stays on record. Detached everywhere, it issues"
            " no more.",
            kind="in-use",
        )
    for table, what in ((AcmeAccount, "ACME accounts"), (ExternalAccountKey, "keys for ACME accounts")):
        if session.exec(select(col(table.id)).where(col(table.profile_id) == profile.id).limit(1)).first():
            raise Conflict(f"The profile has {what}, so it stays on record.", kind="in-use")


def _rules(rules: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return PolicyRules.model_validate(rules).model_dump(mode="json", exclude_none=True)
    except ValidationError as err:
        raise BadInput(f"The rules are wrong. {in_one_line(err, PolicyRules)}", "rules") from None


def _refuse_unfit_usages(defaults: RequestContent) -> None:
    key = defaults.key_algorithm
    if unfit := [usage for usage in defaults.key_usages if usage not in usages_of(key)]:
        raise BadInput(
            f"The defaults are wrong. A key of the algorithm {key} cannot be used for {', '.join(unfit)}.",
            "defaults",
        )


def _defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a request may leave out, checked as if a request had said it."""
    own = {"csr", "ttl_seconds"} & given.keys()
    if own:
        raise BadInput(f"These are no defaults: {', '.join(sorted(own))}.", "defaults")
    complete = {"subject": {"common_name": "default"}, **given, "ttl_seconds": 1}
    try:
        parsed = RequestContent.model_validate(complete)
    except ValidationError as err:
        what = in_one_line(err, RequestContent)
        raise BadInput(f"The defaults are wrong. {what}", "defaults") from None
    if {"key_algorithm", "key_usages"} <= given.keys():
        _refuse_unfit_usages(parsed)
    return dict(given)
