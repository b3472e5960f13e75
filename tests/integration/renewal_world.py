"""Certificates that the clock renews: how they come about, when they are due, what became of them."""

from datetime import datetime, timedelta

from sqlmodel import col, func, select
from tests.integration.conftest import Team

from certrail.crypto.keyring import Keyring
from certrail.domain.content import Subject
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.renewal import RenewalWait
from certrail.persistence.tables import (
    CaKey,
    Certificate,
    CertificateAuthority,
    CertificateRequest,
    EventRow,
    Lineage,
)
from certrail.services.core.actor import Actor

HOUR = timedelta(hours=1)


def sweep(team: Team) -> int:
    """Everything that is due now: what the sweep takes, and what the workflows of open rounds do by their timers."""
    handled = 0
    while some := team.services.sweeps["renewals"]() + wake(team):
        handled += some
    return handled


def wake(team: Team) -> int:
    """Let the workflow of every round whose timer has fired take its step; returns how many did.

    A poll that finds the signature still pending is none: its workflow sleeps until the next one.
    """
    with team.services.context.db.read() as session:
        due = session.exec(
            select(Lineage).where(
                col(Lineage.renewal_wait).is_not(None), col(Lineage.renewal_wakes_at) <= team.clock.now
            )
        ).all()
    steps = [team.services.renewal_waits.advance(lineage.id, lineage.renewal_round) for lineage in due]
    return sum(step.wait is not RenewalWait.AUTHORITY for step in steps)


def issue(
    team: Team,
    count: int = 1,
    ttl: timedelta | None = None,
    actor: Actor | None = None,
    profile: str = "web",
) -> list[Certificate]:
    made = []
    for n in range(count):
        content: dict[str, object] = {"sans": {"dns": [f"n{n}.example.com"]}}
        if ttl:
            content["ttl_seconds"] = int(ttl.total_seconds())
        row = team.services.requests.submit(
            actor or team.admin, team.application, profile=profile, content=content, attributes={"n": str(n)}
        )
        assert team.services.issuance.advance(row.id).status == "issued"
        made.append(team.services.inventory.get(team.services.requests.get(row.id).certificate_id or ""))
    return made


def due_at(team: Team, certificate: Certificate) -> datetime:
    instant = team.services.renewals.explained(certificate.id)["renew_at"]
    assert isinstance(instant, datetime)
    return instant


def present(team: Team, lineage: str) -> Certificate:
    with team.services.context.db.read() as session:
        return session.get_one(Certificate, session.get_one(Lineage, lineage).current_certificate_id)


def events(team: Team, kind: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        rows = session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq)))
        return list(rows)


def renewed_count(team: Team) -> int:
    with team.services.context.db.read() as session:
        query = select(func.count()).where(
            col(CertificateRequest.renews_id).is_not(None), CertificateRequest.status == "issued"
        )
        return session.exec(query).one()


def set_rule(team: Team, **rule: object) -> None:
    team.services.applications.set_enrollment(
        team.admin, team.application, "web", EnrollmentMethod.API, settings={"auto_renew": rule}
    )


def broken_authority(team: Team) -> None:
    """A profile `lost` of an authority whose key cannot be opened any more."""
    services = team.services
    services.authorities.create_root(
        team.admin, slug="lost", name="Lost", subject=Subject(common_name="Lost Root")
    )
    services.catalog.create_profile(
        team.admin, slug="lost", name="Lost", ca="lost", policy="tls", ttl=timedelta(days=47)
    )
    services.applications.attach_profile(team.admin, team.application, "lost")


def lose_key(team: Team, slug: str) -> str:
    """Returns what was there, to be put back."""
    with team.services.context.db.write() as session:
        authority = session.exec(select(CertificateAuthority).where(CertificateAuthority.slug == slug)).one()
        key = session.exec(select(CaKey).where(CaKey.ca_id == authority.id)).one()
        before, key.key_sealed = key.key_sealed, Keyring.generate().seal(b"another", "ca-key")
        session.add(key)
        return before  # type: ignore[return-value]


def put_back_key(team: Team, slug: str, sealed: str) -> None:
    with team.services.context.db.write() as session:
        authority = session.exec(select(CertificateAuthority).where(CertificateAuthority.slug == slug)).one()
        key = session.exec(select(CaKey).where(CaKey.ca_id == authority.id)).one()
        key.key_sealed = sealed
        session.add(key)
