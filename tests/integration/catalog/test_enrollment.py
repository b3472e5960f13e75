"""Enrollment by method, and the origin of requests."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.renewal_world import issue, sweep

from certrail.domain import enrollment
from certrail.domain.enrollment import EnrollmentMethod, RequestOrigin
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import CertificateProfile, CertificateRequest, Enrollment, EventRow
from certrail.services.approvals.policies import Step
from certrail.services.catalog.enrollment import enroll
from certrail.services.core.actor import SYSTEM


def methods(team: Team) -> dict[str, Enrollment]:
    with team.services.context.db.read() as session:
        return {row.method: row for row in session.exec(select(Enrollment))}


def profile_id(team: Team) -> str:
    with team.services.context.db.read() as session:
        return session.exec(select(CertificateProfile.id)).one()


def test_a_profile_that_is_attached_is_used_by_api(team: Team) -> None:
    (row,) = methods(team).values()
    assert (row.application_id, row.method, row.enabled, row.settings) == (team.application, "api", True, {})


def test_settings_are_those_of_the_method(team: Team) -> None:
    set_enrollment = team.services.applications.set_enrollment
    rule = {"auto_renew": {"fraction": 0.5}}
    set_enrollment(team.admin, team.application, "web", EnrollmentMethod.API, enabled=False, settings=rule)
    row = methods(team)["api"]
    assert (row.enabled, row.settings["auto_renew"]["fraction"]) == (False, 0.5)
    with pytest.raises(Conflict) as off:
        team.ask(team.admin)
    assert off.value.kind == "enrollment-off"
    with pytest.raises(BadInput, match="auto_renew"):
        set_enrollment(
            team.admin, team.application, "web", EnrollmentMethod.API, settings={"challenge": "http-01"}
        )
    with team.services.context.db.read() as session:
        (event,) = session.exec(select(EventRow).where(EventRow.type == "enrollment.updated")).all()
    assert (event.data["method"], event.data["before"]) == ("api", {"enabled": True})


@pytest.mark.parametrize("method", sorted(set(EnrollmentMethod) - {EnrollmentMethod.API}))
def test_a_method_that_is_not_served_is_refused(
    team: Team, method: EnrollmentMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrollment, "AVAILABLE_METHODS", frozenset({EnrollmentMethod.API}))
    with pytest.raises(
        Conflict, match=f"by {method} is not served by this version; it serves: api"
    ) as refused:
        team.services.applications.set_enrollment(team.admin, team.application, "web", method)
    assert refused.value.kind == "method-unavailable"
    assert methods(team).keys() == {"api"}


@pytest.mark.parametrize("legacy", [False, True])
def test_a_method_exists_once_in_a_scope(team: Team, legacy: bool) -> None:
    scope, profile = None if legacy else team.application, profile_id(team)

    def again() -> None:
        with team.services.context.unit_of_work(SYSTEM) as uow:
            enroll(uow, scope, profile, EnrollmentMethod.API)

    if legacy:
        again()
    with pytest.raises(IntegrityError):
        again()


def test_a_profile_that_is_detached_has_no_method_left(team: Team) -> None:
    team.services.applications.detach_profile(team.admin, team.application, "web")
    assert methods(team) == {}
    with pytest.raises(NotFound):
        team.ask(team.admin)
    with pytest.raises(NotFound):
        team.services.applications.set_enrollment(team.admin, team.application, "web", EnrollmentMethod.API)


class TestOrigin:
    """What a request came from, and who is behind it."""

    def origin(self, team: Team) -> tuple[str, str | None]:
        with team.services.context.db.read() as session:
            rows = session.exec(select(CertificateRequest)).all()
        newest = next(row for row in rows if row.renews_id) if len(rows) > 1 else rows[0]
        return newest.origin, newest.origin_by

    def test_of_a_call_is_its_caller(self, team: Team) -> None:
        team.ask(ada := team.person("ada"))
        assert self.origin(team) == (RequestOrigin.API, ada.principal_id)

    def test_of_a_renewal_by_hand_is_its_caller(self, team: Team) -> None:
        (certificate,) = issue(team)
        team.services.renewals.renew(ada := team.person("ada"), certificate.id)
        assert self.origin(team) == (RequestOrigin.RENEWAL, ada.principal_id)

    def test_of_an_automatic_renewal_is_nobody(self, team: Team) -> None:
        issue(team)
        team.clock.advance(timedelta(days=40))
        assert sweep(team) == 1
        assert self.origin(team) == (RequestOrigin.RENEWAL, None)

    def test_the_bypass_of_machines_reads_it(self, team: Team) -> None:
        team.person("ada")
        team.guard(Step("One", ("ada",)), bypass_machine_identities=True)
        machine, person = team.person("pipeline", kind="machine"), team.person("linus")
        assert team.ask(machine)[1] is None
        assert team.ask(person)[1] is not None

    def test_a_person_who_renews_a_machines_certificate_is_not_bypassed(self, team: Team) -> None:
        team.person("ada")
        machine, person = team.person("pipeline", kind="machine"), team.person("linus")
        (certificate,) = issue(team, actor=machine)
        team.guard(Step("One", ("ada",)), bypass_machine_identities=True)
        assert team.services.renewals.renew(person, certificate.id).status == "pending_approval"
