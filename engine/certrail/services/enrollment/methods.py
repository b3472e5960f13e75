"""What each method of enrollment of a profile is set to, and the URLs that its clients are configured with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certrail.domain.enrollment import AVAILABLE_METHODS, SETTINGS, EnrollmentMethod, endpoints
from certrail.domain.errors import NotFound
from certrail.persistence.tables import CertificateProfile
from certrail.services.catalog.enrollment import enrollments
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.client_configuration import client_configurations


@dataclass(frozen=True)
class MethodState:
    """A method of one profile in one scope.

    Attributes:
        served: whether this version serves it.
        enabled: whether it is switched on there.
        settings: all of them, with their defaults; no secret is among them.
        urls: by name, what a client is configured with; empty for a method that is not served.
        clients: by name of a client, its configuration to copy.
    """

    method: EnrollmentMethod
    served: bool
    enabled: bool
    settings: Mapping[str, Any]
    urls: Mapping[str, str]
    clients: Mapping[str, str]


class EnrollmentMethods:
    """Read-only; methods are changed where they are attached, in `Applications` and `Catalog`."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def of(
        self, application_id: str | None, profile: str, public_url: str
    ) -> tuple[CertificateProfile, Sequence[MethodState]]:
        """Every method, in the order of their names.

        Raises:
            NotFound: the profile is not used there by any method.
        """
        with self._context.db.read() as session:
            found = find_profile(session, profile)
            rows = {row.method: row for row in enrollments(session, application_id, found.id)}
        if not rows:
            raise NotFound("certificate profile attached to this Application", profile)
        states = []
        for method in sorted(EnrollmentMethod):
            row, served = rows.get(method), method in AVAILABLE_METHODS
            settings = SETTINGS[method].model_validate(row.settings if row else {})
            urls = endpoints(method, public_url, application_id, found.id) if served else {}
            if method is EnrollmentMethod.EST and (tls := self._context.est_public_url):
                urls["tls"] = endpoints(method, tls, application_id, found.id)["server"]
            states.append(
                MethodState(
                    method,
                    served,
                    bool(row and row.enabled),
                    settings.model_dump(mode="json", exclude_none=True),
                    urls,
                    client_configurations(method, urls),
                )
            )
        return found, states
