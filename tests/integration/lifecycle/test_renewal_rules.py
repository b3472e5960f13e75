"""When a renewal is due: by the rule of its profile, a moment of its own, open times and an authority's advice."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError
from tests.integration.conftest import Team
from tests.integration.renewal_world import (
    HOUR,
    broken_authority,
    due_at,
    events,
    issue,
    present,
    renewed_count,
    set_rule,
    sweep,
)

from certrail.domain.renewal import Advice, RenewalOverride, RenewalRule
from certrail.persistence.tables import Certificate
from certrail_server.api.schemas.lifecycle import RenewalPlanIn

pytestmark = pytest.mark.any_database


def due_none(team: Team, certificate: Certificate) -> bool:
    return team.services.renewals.explained(certificate.id)["renew_at"] is None


class TestRules:
    """What an Application says about renewal."""

    def test_a_rule_moves_what_is_there_already(self, team: Team) -> None:
        (row,) = issue(team)
        before = due_at(team, row)
        set_rule(team, before="10d")
        assert due_at(team, row) > before
        explained = team.services.renewals.explained(row.id)
        assert any("10.0 days before the end" in text for text in explained["inputs"])

    def test_switched_off_and_on(self, team: Team) -> None:
        row, other = issue(team, 2)
        set_rule(team, enabled=False)
        assert team.services.renewals.explained(row.id)["off"] == "it is switched off for this profile here"
        assert team.services.renewals.decide(team.admin, row.id, True)["renew_at"] is not None
        set_rule(team, enabled=True)
        assert due_at(team, other) is not None
        assert team.services.renewals.decide(team.admin, row.id, False)["renew_at"] is None
        team.clock.advance(timedelta(days=46))
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        assert present(team, other.lineage_id).id != other.id

    def test_nothing_is_renewed_in_a_freeze(self, team: Team) -> None:
        (row,) = issue(team)
        ends = row.not_before + timedelta(days=35)
        freeze = {"begins": row.not_before.isoformat(), "ends": ends.isoformat(), "reason": "year end"}
        set_rule(team, freezes=[freeze])
        assert ends <= due_at(team, row) < row.not_after
        assert RenewalRule.model_validate({"freezes": [freeze]}).open_at(due_at(team, row))

    def test_a_key_that_is_not_here_and_an_import_without_a_profile_are_not_renewed(self, team: Team) -> None:
        (row,) = issue(team)
        with team.services.context.db.write() as session:
            stored = session.get_one(Certificate, row.id)
            stored.key_sealed = None
            session.add(stored)
        set_rule(team)
        assert "not held here" in team.services.renewals.explained(row.id)["off"]


class TestOpenTimes:
    """Renewals happen inside windows and outside freezes, whatever was missed and whatever failed."""

    NIGHT = ({"begins": "02:00", "ends": "04:00"},)

    def test_a_window_that_was_slept_through_is_not_made_up_for_outside_of_it(self, team: Team) -> None:
        rows = issue(team, 5)
        set_rule(team, windows=self.NIGHT)
        noon = max(due_at(team, row) for row in rows).replace(hour=12, minute=4)
        team.clock.now = noon
        sweep(team)
        assert [present(team, row.lineage_id).id for row in rows] == [row.id for row in rows]
        instants = [due_at(team, row) for row in rows]
        assert all(noon < instant < noon + timedelta(hours=16) for instant in instants)
        assert all(2 <= instant.hour < 4 for instant in instants)
        assert len(set(instants)) == len(rows), "the window does not begin with a herd"
        team.clock.now = max(instants)
        sweep(team)
        assert all(present(team, row.lineage_id).id != row.id for row in rows)

    def test_a_try_after_a_failure_waits_for_an_open_time_too(self, team: Team) -> None:
        (row,) = issue(team)
        begins = due_at(team, row) + timedelta(minutes=2)
        freeze = {"begins": begins.isoformat(), "ends": (begins + timedelta(days=2)).isoformat()}
        set_rule(team, freezes=[freeze])
        team.services.authorities.update(team.admin, "root", enabled=False)
        team.clock.now = due_at(team, row)
        sweep(team)
        team.services.authorities.update(team.admin, "root", enabled=True)
        assert due_at(team, row) >= begins + timedelta(days=2)
        team.clock.now = begins + HOUR
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        team.clock.now = due_at(team, row)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id

    def test_a_freeze_that_begins_after_the_failure_holds_its_next_try(self, team: Team) -> None:
        (row,) = issue(team)
        team.services.authorities.update(team.admin, "root", enabled=False)
        team.clock.now = due_at(team, row)
        sweep(team)
        ends = team.clock.now + timedelta(days=1)
        set_rule(team, freezes=[{"begins": team.clock.now.isoformat(), "ends": ends.isoformat()}])
        team.services.authorities.update(team.admin, "root", enabled=True)
        team.clock.advance(HOUR)
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        assert due_at(team, row) >= ends

    def test_a_freeze_until_the_end_is_reported_once_and_never_broken(self, team: Team) -> None:
        (row,) = issue(team, ttl=timedelta(days=6))
        ends = row.not_after + timedelta(days=1)
        freezes = [{"begins": row.not_before.isoformat(), "ends": ends.isoformat()}]
        set_rule(team, freezes=freezes)
        set_rule(team, freezes=freezes)
        (reported,) = events(team, "certificate.renewal_failed")
        assert reported.data["reason"] == "there is no open window before the end"
        assert "no open time before the end" in team.services.renewals.explained(row.id)["inputs"][-1]
        while team.clock.now < ends:
            sweep(team)
            assert present(team, row.lineage_id).id == row.id
            team.clock.advance(timedelta(hours=6))
        team.clock.now = due_at(team, row)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id, "it is wanted all the same"
        assert len(events(team, "certificate.renewal_failed")) == 1

    def test_one_that_is_issued_into_such_a_freeze_is_reported_after_it_was_issued(self, team: Team) -> None:
        ends = team.clock.now + timedelta(days=10)
        set_rule(team, freezes=[{"begins": team.clock.now.isoformat(), "ends": ends.isoformat()}])
        (row,) = issue(team, ttl=timedelta(days=2))
        sweep(team)
        (reported,) = events(team, "certificate.renewal_failed")
        (issued,) = events(team, "certificate.issued")
        assert issued.seq < reported.seq  # type: ignore[operator]
        assert present(team, row.lineage_id).id == row.id

    def test_places_in_the_row_of_an_authority_are_taken_in_open_times_only(self, team: Team) -> None:
        rows = issue(team, 12)
        team.services.authorities.update(team.admin, "root", renewals_per_minute=1)
        set_rule(team, windows=({"begins": "02:00", "ends": "02:04"},))
        team.clock.now = max(due_at(team, row) for row in rows).replace(hour=1, minute=59, second=0)
        nights = Counter[datetime]()
        for _ in range(8):
            for _ in range(36):
                before = renewed_count(team)
                sweep(team)
                if done := renewed_count(team) - before:
                    assert (team.clock.now.hour, team.clock.now.minute // 4) == (2, 0)
                    nights[team.clock.now.replace(hour=0, minute=0, second=0)] += done
                team.clock.advance(timedelta(seconds=10))
            team.clock.now = (team.clock.now + timedelta(days=1)).replace(hour=1, minute=59, second=0)
        assert sum(nights.values()) == 12, "what has no place tonight has one tomorrow"
        assert max(nights.values()) <= 4


class TestProfilesComeAndGo:
    """A profile is detached and attached again, in an Application or by its own enrollment."""

    def test_its_certificates_are_renewed_when_it_is_back(self, team: Team) -> None:
        (row,) = issue(team)
        before = due_at(team, row)
        team.services.applications.detach_profile(team.admin, team.application, "web")
        assert due_none(team, row)
        assert team.services.renewals.explained(row.id)["off"] == "the profile is not attached any more"
        team.clock.now = before
        assert sweep(team) == 0
        team.services.applications.attach_profile(team.admin, team.application, "web")
        assert due_at(team, row) <= team.clock.now
        sweep(team)
        assert present(team, row.lineage_id).id != row.id


class TestAInstantOfItsOwn:
    """Said for one certificate, against the moment of its profile's rule."""

    def test_it_counts_for_the_certificate_and_its_successors(self, team: Team) -> None:
        row, other = issue(team, 2)
        before = due_at(team, other)
        own = RenewalOverride(before=timedelta(days=8))
        explained = team.services.renewals.decide(team.admin, row.id, None, own)
        assert explained["renewal_override"] == {"before": "8d"}
        assert any(
            "8.0 days before the end" in text and "this certificate" in text for text in explained["inputs"]
        )
        assert due_at(team, other) == before
        team.clock.now = due_at(team, row)
        sweep(team)
        after = present(team, row.lineage_id)
        assert after.id != row.id
        assert due_at(team, after) <= after.not_after - timedelta(days=8)
        assert any("8.0 days" in text for text in team.services.renewals.explained(after.id)["inputs"])
        assert team.services.renewals.decide(team.admin, after.id, None)["renewal_override"] is None

    def test_windows_and_freezes_are_those_of_the_rule(self, team: Team) -> None:
        (row,) = issue(team)
        set_rule(team, windows=TestOpenTimes.NIGHT)
        team.services.renewals.decide(team.admin, row.id, None, RenewalOverride(fraction=0.4))
        assert 2 <= due_at(team, row).hour < 4

    def test_one_that_says_nothing_clear_is_refused(self) -> None:
        for wrong in ({"fraction": 2}, {"fraction": 0.5, "before": "60s"}, {"windows": []}):  # type: ignore[var-annotated]
            with pytest.raises(ValidationError):
                RenewalPlanIn.model_validate({"auto_renew": None, "renewal_override": wrong})


class TestAdvice:
    """An authority wants what it has issued replaced, as renewal information says it (RFC 9773)."""

    def advise(self, team: Team, begins: timedelta, ends: timedelta) -> Advice:
        team.clock.advance(timedelta(seconds=1))  # what was issued before this moment is concerned
        now = team.clock.now
        advice = Advice(begins=now + begins, ends=now + ends, explanation="https://ca.example.com/incident")
        team.services.renewal_advice.advise(team.admin, "root", advice)
        return advice

    def test_each_is_renewed_within_the_window_and_says_why(self, team: Team) -> None:
        rows = issue(team, 6)
        advice = self.advise(team, timedelta(days=1), timedelta(days=3))
        sweep(team)
        instants = [due_at(team, row) for row in rows]
        assert all(advice.begins <= instant <= advice.ends for instant in instants)
        assert len(set(instants)) == 6, "spread over the window"
        assert advice.explanation in " ".join(team.services.renewals.explained(rows[0].id)["inputs"])
        team.clock.now = advice.ends
        sweep(team)
        for row in rows:
            successor = present(team, row.lineage_id)
            assert successor.id != row.id
            assert due_at(team, successor) > team.clock.now + timedelta(days=7), (
                "nobody advises it for this one"
            )

    def test_a_window_that_is_past_is_due_now_but_in_open_times_only(self, team: Team) -> None:
        (row,) = issue(team)
        team.clock.now = team.clock.now.replace(hour=12) + timedelta(days=1)
        set_rule(team, windows=TestOpenTimes.NIGHT)
        self.advise(team, -timedelta(hours=2), -timedelta(hours=1))
        sweep(team)
        assert 2 <= due_at(team, row).hour < 4
        set_rule(team)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id

    def test_others_are_left_alone_and_it_can_be_withdrawn(self, team: Team) -> None:
        broken_authority(team)
        (row,), (other,) = issue(team), issue(team, profile="lost")
        before = due_at(team, row), due_at(team, other)
        self.advise(team, timedelta(hours=1), timedelta(hours=2))
        sweep(team)
        assert due_at(team, row) < before[0]
        assert due_at(team, other) == before[1]
        team.services.renewal_advice.advise(team.admin, "root", None)
        sweep(team)
        assert (due_at(team, row), due_at(team, other)) == before
