"""Whether a profile may be used somewhere: in an Application it is attached to, or by enrollment of its own."""

from typing import Any

from sqlmodel import Session

from certrail.domain.errors import NotFound
from certrail.persistence.tables import ApplicationProfile, CertificateProfile


def enrollment(session: Session, application_id: str | None, profile: CertificateProfile) -> dict[str, Any]:
    """How the profile may be used through the API there. Raises NotFound where it may not be used at all."""
    if application_id is None:
        legacy = profile.legacy_enrollment
        if legacy is None:
            raise NotFound("certificate profile with enrollment of its own; use it in an Application")
        return dict(legacy.get("api", {}))
    link = session.get(ApplicationProfile, (application_id, profile.id))
    if link is None:
        raise NotFound("certificate profile attached to this Application")
    return link.api
