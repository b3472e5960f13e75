"""Certificates that were issued a while ago, so that they are due now."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import col, func, select

from certrail.domain.content import RequestContent, Subject
from certrail.domain.enrollment import EnrollmentMethod, RequestOrigin
from certrail.persistence.database import session_cache
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import Certificate, CertificateProfile, CertificateRequest, Lineage
from certrail.services.access.membership import actor_of
from certrail.services.core.actor import Actor
from certrail.services.core.audit_seal import empty_head
from certrail.services.facade import Services
from certrail.services.issuance.acceptance import accept
from certrail_server.bootstrap import build
from certrail_server.settings import Settings

AGE, LIFETIME = timedelta(days=40), timedelta(days=47)
CHUNK = 100
APPLICATION = "fleet"
MINUTE = timedelta(minutes=1)


def busiest_minute(instants: Sequence[datetime]) -> int:
    """The most that fall into any minute, wherever it begins."""
    return max(bisect_left(instants, instant + MINUTE) - place for place, instant in enumerate(instants))


class Aged:
    """An installation's own database, filled before it is started. Nothing is renewed until it is said so.

    Args:
        database_url: of an empty database; by default SQLite in the data folder.
    """

    def __init__(self, data_dir: Path, database_url: str | None = None) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        parts = build(Settings(data_dir=data_dir, database_url=database_url))
        migrate(parts.context.db, lambda: empty_head(parts.context.keyring))
        self.services: Services = parts.services
        self._context = parts.context
        self._context.clock = lambda: datetime.now(UTC) - AGE
        principal, self.token = self.services.principals.bootstrap("Admin")
        self.admin: Actor = actor_of(principal)
        services = self.services
        services.authorities.create_root(
            self.admin, slug="root", name="Root", subject=Subject(common_name="Fleet Root")
        )
        services.catalog.create_policy(self.admin, slug="any", name="Any", rules={})
        self.application = services.applications.create(self.admin, slug=APPLICATION, name="Fleet").id

    def stock(self, profile: str, count: int, per_minute: int = 0) -> list[str]:
        """Issue certificates of a profile of their own, some time ago; returns their ids.

        Args:
            per_minute: by an authority of their own, which must not be asked faster for renewals by the clock.
        """
        services, authority = self.services, "root"
        if per_minute:
            authority = f"{profile}-root"
            subject = Subject(common_name=authority)
            services.authorities.create_root(self.admin, slug=authority, name=authority, subject=subject)
            services.authorities.update(self.admin, authority, renewals_per_minute=per_minute)
        services.catalog.create_profile(
            self.admin, slug=profile, name=profile, ca=authority, policy="any", ttl=LIFETIME
        )
        services.applications.attach_profile(self.admin, self.application, profile)
        self.renew_by_the_clock(profile, False)
        self._context.clock = lambda: datetime.now(UTC) - AGE
        made: list[str] = []
        for begin in range(0, count, CHUNK):
            with self._context.unit_of_work(self.admin) as uow, session_cache(uow.session):
                found = select(CertificateProfile).where(CertificateProfile.slug == profile)
                row = uow.session.exec(found).one()
                for number in range(begin, min(begin + CHUNK, count)):
                    content = RequestContent.model_validate(
                        {
                            "sans": {"dns": [f"{profile}-{number}.example.com"]},
                            "ttl_seconds": int(LIFETIME.total_seconds()),
                        }
                    )
                    request = accept(
                        uow, self.application, row, content, {}, origin=RequestOrigin.API, start=False
                    ).request
                    services.issuance.issue(uow, request)
                    assert request.certificate_id
                    made.append(request.certificate_id)
        self._context.clock = lambda: datetime.now(UTC)
        return made

    def renew_by_the_clock(self, profile: str, enabled: bool) -> None:
        """Switch it on or off for all certificates of a profile at once."""
        self.services.applications.set_enrollment(
            self.admin,
            self.application,
            profile,
            EnrollmentMethod.API,
            settings={"auto_renew": {"enabled": enabled}},
        )

    def renewed(self, profile: str) -> list[datetime]:
        """When the successors of a profile's certificates were made."""
        with self._context.db.read() as session:
            query = (
                select(Certificate.created_at)
                .join(CertificateProfile, col(CertificateProfile.id) == col(Certificate.profile_id))
                .where(CertificateProfile.slug == profile, Certificate.status == "active")
            )
            young = datetime.now(UTC) - AGE / 2
            return sorted(instant for instant in session.exec(query) if instant > young)

    def count_renewed(self, profile: str) -> int:
        """How many successors there are, without reading them: for whoever asks again and again."""
        with self._context.db.read() as session:
            query = (
                select(func.count())
                .select_from(CertificateRequest)
                .join(CertificateProfile, col(CertificateProfile.id) == col(CertificateRequest.profile_id))
                .where(
                    CertificateProfile.slug == profile,
                    col(CertificateRequest.renews_id).is_not(None),
                    CertificateRequest.status == "issued",
                )
            )
            return session.exec(query).one()

    def generations(self) -> Counter[int]:
        """How many lineages have how many certificates."""
        with self._context.db.read() as session:
            per_lineage = Counter(session.exec(select(Certificate.lineage_id)).all())
            assert len(per_lineage) == len(session.exec(select(Lineage.id)).all())
            return Counter(per_lineage.values())

    def close(self) -> None:
        self._context.db.close()
