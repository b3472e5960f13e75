"""Secrets and exchanges of enrollment are deleted some time after they are refused anyway."""

from dataclasses import replace
from datetime import timedelta

from sqlmodel import func, select
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.integration.enrollment.est_client import est_csr, est_of

from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import (
    AcmeAuthorization,
    AcmeChallenge,
    AcmeOrder,
    Certificate,
    EnrollmentExchange,
    EnrollmentSecret,
)
from certrail.services.enrollment.secrets import SecretKind
from certrail.services.operations.housekeeping import Housekeeping
from certrail_server.settings import Settings


def test_expired_challenges_go_after_a_month_and_answered_exchanges_after_a_week(team: Team) -> None:
    where = (team.admin, team.application, "web")
    team.services.applications.set_enrollment(*where, EnrollmentMethod.SCEP)
    team.services.enrollment_secrets.create(*where, SecretKind.ONE_TIME_CHALLENGE, name="printer")
    with est_of(team) as est:
        est.enrolled(est_csr("a.example.com"))
        est.enrolled(est_csr("a.example.com"))
    assert counted(team) == (2, 2)
    with est_of(team) as est:
        csr = est_csr("b.example.com")
        est.enrolled(csr)
        est.enrolled(csr)  # the second answer notes the first
        est.post("simpleenroll", csr)
    team.clock.advance(timedelta(days=8))
    sweep(team)
    assert counted(team)[1] == 0
    team.clock.advance(timedelta(days=23))
    sweep(team)
    assert counted(team)[0] == 2  # both passphrases, which do not expire


def test_orders_go_a_while_after_they_ended(acme: AcmeWorld) -> None:
    """With authorizations and challenges; one with a valid certificate goes a while after that has expired."""
    acme.here("a.example.com", "b.example.com")
    team, client = acme.team, acme.client()
    client.order("b.example.com")
    client.certificate("a.example.com")
    team.clock.advance(timedelta(days=7) + timedelta(days=29))
    sweep(team)
    assert rows_of(team) == (2, 2, 6)
    team.clock.advance(timedelta(days=1, hours=1))
    sweep(team)
    assert rows_of(team) == (1, 0, 0)
    with team.services.context.db.read() as session:
        row = session.exec(select(Certificate)).one()
        assert session.exec(select(AcmeOrder)).one().ends_at == row.not_after
    client.certificate("a.example.com")
    with team.services.context.db.read() as session:
        assert len({row.lineage_id for row in session.exec(select(Certificate)).all()}) == 1
    team.clock.now = row.not_after + timedelta(days=31)
    sweep(team)
    assert rows_of(team)[0] == 1, "the order of the second certificate, which is valid for longer"


def test_how_long_ended_orders_are_kept_is_a_setting(acme: AcmeWorld) -> None:
    acme.client().order("b.example.com")
    acme.team.clock.advance(timedelta(days=8, hours=1))
    sweep(acme.team)
    assert rows_of(acme.team) == (1, 1, 3)
    kept = Settings.model_validate({"acme_ended_orders_kept": "1d"}).acme_ended_orders_kept
    briefly = replace(acme.team.services.context, ended_orders_kept=kept)
    Housekeeping(briefly).run()
    assert rows_of(acme.team) == (0, 0, 0)


def rows_of(team: Team) -> tuple[int, ...]:
    """Orders, authorizations and challenges."""
    with team.services.context.db.read() as session:
        tables = (AcmeOrder, AcmeAuthorization, AcmeChallenge)
        return tuple(session.exec(select(func.count()).select_from(table)).one() for table in tables)


def counted(team: Team) -> tuple[int, int]:
    with team.services.context.db.read() as session:
        secrets = session.exec(select(func.count()).select_from(EnrollmentSecret)).one()
        return secrets, session.exec(select(func.count()).select_from(EnrollmentExchange)).one()


def sweep(team: Team) -> None:
    while team.services.sweeps["housekeeping"]():
        pass
