"""The enrollment that a URL of a protocol names: an Application, or the legacy scope, and a profile."""

from typing import NamedTuple

from sqlmodel import Session, col, or_, select

from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import NotFound
from certrail.domain.policy import PolicyRules
from certrail.persistence.tables import Application, CertificatePolicy, CertificateProfile, Enrollment

WHAT = "enrollment"


class Enrolled(NamedTuple):
    """A profile that is enrolled by a method, with its policy.

    Attributes:
        where: profile and Application, in words.
    """

    enrollment: Enrollment
    profile: CertificateProfile
    policy: CertificatePolicy
    where: str

    @property
    def application_id(self) -> str | None:
        """``None`` in the legacy scope."""
        return self.enrollment.application_id

    @property
    def rules(self) -> PolicyRules:
        """Of its policy."""
        return PolicyRules.model_validate(self.policy.rules)


def find_enrolled(
    session: Session,
    method: EnrollmentMethod,
    application: str | None,
    profile: str,
    *,
    enabled_only: bool = True,
) -> Enrolled:
    """By slug or id of the Application, ``None`` for the legacy scope, and of the profile.

    Raises:
        NotFound: there is no such enrollment; the same where it is disabled, as strangers ask.
    """
    query = (
        select(Enrollment, CertificateProfile, CertificatePolicy, Application)
        .join(CertificateProfile, col(CertificateProfile.id) == col(Enrollment.profile_id))
        .join(CertificatePolicy, col(CertificatePolicy.id) == col(CertificateProfile.policy_id))
        .join(Application, col(Application.id) == col(Enrollment.application_id), isouter=True)
        .where(
            Enrollment.method == method,
            or_(col(CertificateProfile.id) == profile, col(CertificateProfile.slug) == profile),
        )
    )
    if application is None:
        query = query.where(col(Enrollment.application_id).is_(None))
    else:
        query = query.where(or_(col(Application.id) == application, col(Application.slug) == application))
    found = session.exec(query).first()
    if found is None or (enabled_only and not found[0].enabled):
        raise NotFound(WHAT)
    row, of_profile, policy, owner = found
    where = of_profile.slug if owner is None else f"{of_profile.slug} in {owner.slug}"
    return Enrolled(row, of_profile, policy, where)
