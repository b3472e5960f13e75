"""Secrets and exchanges of enrollment are deleted some time after they are refused anyway."""

from datetime import timedelta

from sqlmodel import func, select
from tests.integration.conftest import Team
from tests.integration.enrollment.est_client import est_csr, est_of

from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import EnrollmentExchange, EnrollmentSecret
from certrail.services.enrollment.secrets import SecretKind


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


def counted(team: Team) -> tuple[int, int]:
    with team.services.context.db.read() as session:
        secrets = session.exec(select(func.count()).select_from(EnrollmentSecret)).one()
        return secrets, session.exec(select(func.count()).select_from(EnrollmentExchange)).one()


def sweep(team: Team) -> None:
    while team.services.sweeps["housekeeping"]():
        pass
