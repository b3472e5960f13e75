"""One ACME server: that of a profile in an Application, or of a profile in the legacy scope."""

from dataclasses import dataclass

from sqlmodel import Session

from certrail.domain.acme import AcmeProblem
from certrail.domain.enrollment import AcmeSettings, EnrollmentMethod
from certrail.domain.errors import CertrailError
from certrail.persistence.tables import Application, CertificateProfile
from certrail.services.catalog.enrollment import enrolled_profile, refuse_off
from certrail.services.core.lookup import find


@dataclass(frozen=True)
class AcmeScope:
    """An enrollment by ACME that is enabled.

    Attributes:
        key: the Application's id, or empty: what unique constraints use.
    """

    application_id: str | None
    profile: CertificateProfile
    settings: AcmeSettings

    @property
    def key(self) -> str:
        """What unique constraints use for the scope: they see no two NULLs as equal."""
        return self.application_id or ""


def acme_scope(session: Session, application: str | None, profile: str) -> AcmeScope:
    """The server that a path names, by slugs or ids.

    Raises:
        AcmeProblem: there is none (404), or it is switched off (403).
    """
    try:
        application_id = find(session, Application, application, "Application").id if application else None
        found, _, enrolled = enrolled_profile(session, application_id, profile, EnrollmentMethod.ACME)
    except CertrailError:
        raise AcmeProblem("malformed", "There is no ACME server at this URL.", status=404) from None
    try:
        refuse_off(EnrollmentMethod.ACME, enrolled)
    except CertrailError as refusal:
        raise AcmeProblem("unauthorized", refusal.detail, status=403) from None
    return AcmeScope(application_id, found, AcmeSettings.model_validate(dict(enrolled.settings)))
