"""Enrollment: by which methods a profile is used, in an Application or in the legacy scope."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, and_, col, or_, select

from certrail.domain.enrollment import EnrollmentMethod, method_settings, refuse_unavailable
from certrail.domain.errors import Conflict, NotFound
from certrail.persistence.database import cached
from certrail.persistence.tables import CertificatePolicy, CertificateProfile, Enrollment
from certrail.services.core.unit_of_work import UnitOfWork

Json = dict[str, Any]


@dataclass(frozen=True)
class MethodEnrollment:
    """Whether certificates may be requested by a method, and the settings of that method."""

    enabled: bool
    settings: Mapping[str, Any]


def enrollment(session: Session, application_id: str | None, profile: CertificateProfile) -> MethodEnrollment:
    """The enrollment by API, which is off where the profile is used by other methods only.

    Raises:
        NotFound: the profile is not used there by any method.
    """
    key = ("enrollment", application_id, profile.id)
    rows = cached(session, key, lambda: enrollments(session, application_id, profile.id))
    return _by(EnrollmentMethod.API, rows, application_id)


def remember_enrollments(
    session: Session, application_id: str | None, profile_id: str, rows: Sequence[Enrollment]
) -> None:
    """For a caller that loaded all of them already: within `session_cache`, `enrollment` queries nothing."""
    cached(session, ("enrollment", application_id, profile_id), lambda: rows)


def enrolled_profile(
    session: Session,
    application_id: str | None,
    reference: str,
    method: EnrollmentMethod = EnrollmentMethod.API,
) -> tuple[CertificateProfile, CertificatePolicy, MethodEnrollment]:
    """A profile by slug or id, with its policy and its enrollment by a method, in one statement.

    Raises:
        NotFound: there is no such profile, or it is not used there by any method.
    """
    here = and_(
        col(Enrollment.profile_id) == col(CertificateProfile.id), Enrollment.application_id == application_id
    )
    query = (
        select(CertificateProfile, CertificatePolicy, Enrollment)
        .join(CertificatePolicy, col(CertificatePolicy.id) == col(CertificateProfile.policy_id))
        .join(Enrollment, here, isouter=True)
        .where(or_(CertificateProfile.id == reference, CertificateProfile.slug == reference))
    )
    rows: Sequence[tuple[CertificateProfile, CertificatePolicy, Enrollment | None]] = session.exec(
        query
    ).all()
    if not rows:
        raise NotFound("certificate profile", reference)
    profile, policy, _ = rows[0]
    methods = [row for owner, _, row in rows if owner is profile and row is not None]
    return profile, policy, _by(method, methods, application_id)


def refuse_off(method: EnrollmentMethod, found: MethodEnrollment) -> None:
    """Raise Conflict (``enrollment-off``) where a method is not enabled for a profile."""
    if not found.enabled:
        name = method.upper()
        raise Conflict(f"Enrollment by {name} is switched off for this profile here.", kind="enrollment-off")


def _by(method: EnrollmentMethod, rows: Sequence[Enrollment], application_id: str | None) -> MethodEnrollment:
    if not rows:
        raise NotFound(
            "certificate profile attached to this Application"
            if application_id
            else "certificate profile with enrollment of its own; use it in an Application"
        )
    found = next((row for row in rows if row.method == method), None)
    return MethodEnrollment(found.enabled, found.settings) if found else MethodEnrollment(False, {})


def enrollments(session: Session, application_id: str | None, profile_id: str) -> Sequence[Enrollment]:
    """The enrollments of a profile in one scope, one a method."""
    return session.exec(
        select(Enrollment)
        .where(Enrollment.application_id == application_id, Enrollment.profile_id == profile_id)
        .order_by(Enrollment.method)
    ).all()


def enroll(
    uow: UnitOfWork,
    application_id: str | None,
    profile_id: str,
    method: EnrollmentMethod,
    *,
    enabled: bool = True,
    settings: Mapping[str, Any] | None = None,
) -> Enrollment:
    """Add a method. Raises BadInput for settings that do not fit it."""
    row = Enrollment(
        id=uow.new_id(),
        created_at=uow.now,
        application_id=application_id,
        profile_id=profile_id,
        method=method,
        enabled=enabled,
        settings=method_settings(method, settings or {}),
    )
    uow.session.add(row)
    return row


def set_method(
    uow: UnitOfWork,
    application_id: str | None,
    profile_id: str,
    method: EnrollmentMethod,
    enabled: bool,
    settings: Mapping[str, Any],
) -> Enrollment:
    """Change a method, or add it. One that this version does not serve can only be switched off.

    Raises:
        Conflict: the method is not served (``method-unavailable``).
        BadInput: the settings do not fit it.
    """
    known = {row.method: row for row in enrollments(uow.session, application_id, profile_id)}
    row = known.get(method)
    if row is None or enabled:
        refuse_unavailable(method)
    if row is None:
        return enroll(uow, application_id, profile_id, method, enabled=enabled, settings=settings)
    row.enabled, row.settings = enabled, method_settings(method, settings)
    uow.session.add(row)
    return row


def described(row: Enrollment) -> Json:
    """A method as people see it: whether it is enabled, and its settings."""
    return {"enabled": row.enabled, **row.settings}


def legacy_enrollments(session: Session, profile_ids: Collection[str]) -> dict[str, Json]:
    """By profile id and method: enrollment in the legacy scope. A profile without one is left out."""
    query = select(Enrollment).where(
        col(Enrollment.application_id).is_(None), col(Enrollment.profile_id).in_(profile_ids)
    )
    found: dict[str, Json] = {}
    for row in session.exec(query.order_by(Enrollment.method)):
        found.setdefault(row.profile_id, {})[row.method] = described(row)
    return found
