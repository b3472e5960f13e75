"""Members change while approvals are open: who left does not count, and a quorum out of reach is told of."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.integration.conftest import Team

from certrail.domain.access import Permission, ProductRole, Role
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound
from certrail.domain.events import Event
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail.services.core.subscriptions import Subscriptions

Leave = Callable[[Team, str], object]
DEPARTING: dict[str, Leave] = {
    "removed": lambda team, slug: team.services.applications.remove_member(
        team.admin, team.application, slug
    ),
    "made an auditor": lambda team, slug: team.services.applications.set_member(
        team.admin, team.application, slug, Role.AUDITOR
    ),
    "deactivated": lambda team, slug: team.services.principals.set_active(team.admin, slug, False),
}


def back(team: Team, slug: str) -> object:
    return team.services.applications.set_member(team.admin, team.application, slug, Role.OPERATOR)


RETURNING: dict[str, Leave] = {
    "removed": back,
    "made an auditor": back,
    "deactivated": lambda team, slug: team.services.principals.set_active(team.admin, slug, True),
}


def asked(team: Team, *steps: Step, **options: object) -> tuple[dict[str, Actor], str, str]:
    """Alice, Bob and Carol, and a request that waits for these steps."""
    people = {slug: team.person(slug) for slug in ("alice", "bob", "carol")}
    team.guard(*steps, **options)
    request, approval = team.ask(team.person("asker", kind="machine"))
    assert approval
    return people, request, approval


def reported(team: Team) -> list[tuple[str, object]]:
    """The events on quorums, in order."""
    return [
        (event.type, event.data.get("step"))
        for event in team.services.audit_log.events(None, limit=1000)
        if event.type in ("approval.quorum_lost", "approval.quorum_restored")
    ]


def status(team: Team, approval: str) -> str:
    return team.services.approvals.get(approval)[0].status


@pytest.mark.parametrize("how", DEPARTING)
def test_the_vote_of_whoever_left_does_not_count_until_they_are_back(team: Team, how: str) -> None:
    people, request, approval = asked(team, Step("Owners", ("alice", "bob", "carol"), quorum=2))
    vote = team.services.approvals.vote
    vote(people["alice"], approval, "approve")
    DEPARTING[how](team, "alice")
    vote(people["bob"], approval, "approve")
    assert status(team, approval) == "open"
    assert reported(team) == [], "Bob and Carol can still do it"
    RETURNING[how](team, "alice")
    assert status(team, approval) == "approved"
    assert team.services.issuance.advance(request).status == "issued"


@pytest.mark.parametrize("how", DEPARTING)
def test_a_quorum_out_of_reach_is_reported_once(team: Team, how: str) -> None:
    people, _, approval = asked(team, Step("Owners", ("alice", "bob"), quorum=2))
    DEPARTING[how](team, "alice")
    team.person("somebody-else")
    assert reported(team) == [("approval.quorum_lost", "Owners")]
    (event,) = team.services.audit_log.events(None, type_="approval.quorum_lost")
    assert (event.data["quorum"], event.data["able"], event.application_id) == (2, 1, team.application)
    assert team.services.approvals.get(approval)[0].unreachable_step == 0
    RETURNING[how](team, "alice")
    assert reported(team)[1:] == [("approval.quorum_restored", None)]
    for person in ("alice", "bob"):
        team.services.approvals.vote(people[person], approval, "approve")
    assert status(team, approval) == "approved"


def test_a_later_step_out_of_reach_is_reported_at_once(team: Team) -> None:
    people, _, approval = asked(team, Step("First", ("alice",)), Step("Second", ("bob",)))
    DEPARTING["removed"](team, "bob")
    assert reported(team) == [("approval.quorum_lost", "Second")]
    team.services.approvals.vote(people["alice"], approval, "approve")
    DEPARTING["removed"](team, "carol")
    assert reported(team) == [("approval.quorum_lost", "Second")]
    assert status(team, approval) == "open"


def test_groups_give_and_take_quorum(team: Team) -> None:
    principals = team.services.principals
    people = {slug: team.person(slug, None) for slug in ("alice", "bob")}
    principals.create(team.admin, kind="group", slug="owners", name="Owners", members=["alice"])
    back(team, "owners")
    team.guard(Step("Owners", ("owners",)))
    _, approval = team.ask(team.person("asker", kind="machine"))
    assert approval
    with pytest.raises(Exception, match="no such approval"):
        team.services.approvals.vote(people["bob"], approval, "approve")
    principals.set_group_member(team.admin, "owners", "alice", False)
    assert reported(team) == [("approval.quorum_lost", "Owners")]
    principals.set_group_member(team.admin, "owners", "bob", True)
    assert reported(team)[1:] == [("approval.quorum_restored", None)]
    assert [row.slug for row in principals.group_members("owners")] == ["bob"]
    team.services.approvals.vote(people["bob"], approval, "approve")
    assert status(team, approval) == "approved"
    with pytest.raises(BadInput, match="Name a group"):
        principals.set_group_member(team.admin, "alice", "bob", True)


def test_a_group_that_is_not_active_gives_nothing_until_it_is_again(team: Team) -> None:
    principals = team.services.principals
    alice = team.person("alice", None)
    principals.create(team.admin, kind="group", slug="owners", name="Owners", members=["alice"])
    back(team, "owners")
    team.guard(Step("Owners", ("owners",)))
    _, approval = team.ask(team.person("asker", kind="machine"))
    assert approval
    principals.set_active(team.admin, "owners", False)
    assert reported(team) == [("approval.quorum_lost", "Owners")]
    assert team.services.applications.visible_to(alice) == []
    assert team.services.approvals.inbox(alice) == []
    for refused in (
        lambda: team.services.approvals.vote(alice, approval, "approve"),
        lambda: principals.authorize_in(alice, Permission.APPLICATION_READ, team.application),
    ):
        with pytest.raises(NotFound):
            refused()
    principals.set_active(team.admin, "owners", True)
    assert reported(team)[1:] == [("approval.quorum_restored", None)]
    team.services.approvals.vote(alice, approval, "approve")
    assert status(team, approval) == "approved"


def test_a_group_without_a_role_of_its_own_gives_quorum_while_it_is_active(team: Team) -> None:
    """Its members have roles of their own: they are asked through the group all the same."""
    team.person("alice")
    team.services.principals.create(team.admin, kind="group", slug="owners", name="Owners", members=["alice"])
    back(team, "owners")
    team.guard(Step("Owners", ("owners",)))
    team.ask(team.person("asker", kind="machine"))
    team.services.applications.remove_member(team.admin, team.application, "owners")
    assert reported(team) == []
    team.services.principals.set_active(team.admin, "owners", False)
    assert reported(team) == [("approval.quorum_lost", "Owners")]


def test_an_auditor_is_refused_though_the_step_names_them(team: Team) -> None:
    people, _, approval = asked(team, Step("Owners", ("alice", "bob")))
    DEPARTING["made an auditor"](team, "alice")
    with pytest.raises(Forbidden) as refused:
        team.services.approvals.vote(people["alice"], approval, "approve")
    assert refused.value.kind == "auditor"


def test_the_last_product_admin_stays(team: Team) -> None:
    principals = team.services.principals
    with pytest.raises(Conflict, match="last Product Admin"):
        principals.set_active(team.admin, "admin", False)
    with pytest.raises(Conflict, match="last Product Admin"):
        principals.update(team.admin, "admin", product_role=ProductRole.MEMBER)
    team.person("second", None)
    principals.update(team.admin, "second", product_role=ProductRole.ADMIN)
    assert principals.update(team.admin, "admin", product_role=ProductRole.MEMBER).product_role == "member"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_admins_who_demote_each_other_at_once_leave_one(team: Team) -> None:
    principals = team.services.principals
    team.person("second", None)
    principals.update(team.admin, "second", product_role=ProductRole.ADMIN)
    second = team.actor("second")
    team.services.context.subscriptions = Subscriptions({Event: [lambda _uow, _event, _row: meet.wait()]})
    meet = OneIsHeld(team)
    with ThreadPoolExecutor(2) as pool:
        demoted = [
            pool.submit(principals.update, actor, reference, product_role=ProductRole.MEMBER)
            for actor, reference in ((team.admin, "second"), (second, "admin"))
        ]
        (refusal,) = [future.exception() for future in demoted if future.exception()]
    assert isinstance(refusal, Conflict)
    assert refusal.kind == "last-admin"


@dataclass
class OneIsHeld:
    """Where two transactions wait that are about to commit: for each other, or until one is held up by a lock."""

    team: Team
    arrived: list[int] = field(default_factory=list)

    def wait(self) -> None:
        self.arrived.append(1)
        deadline = time.monotonic() + 60
        while len(self.arrived) < 2 and not self._held():
            assert time.monotonic() < deadline, "the other one never came"

    def _held(self) -> bool:
        with self.team.services.context.db.read() as session:
            return bool(session.connection().scalar(text("select count(*) from pg_locks where not granted")))


def test_votes_that_count_again_when_the_time_is_over_decide_nothing(team: Team) -> None:
    """Its workflow closes it as soon as there is a worker again."""
    people, request, approval = asked(
        team, Step("Owners", ("alice", "bob", "carol"), quorum=2), request_ttl=timedelta(hours=1)
    )
    team.services.approvals.vote(people["alice"], approval, "approve")
    team.services.applications.remove_member(team.admin, team.application, "alice")
    team.services.approvals.vote(people["bob"], approval, "approve")
    team.clock.advance(timedelta(hours=1))
    back(team, "alice")
    assert team.services.issuance.advance(request).status == "expired"


def test_a_quorum_that_came_into_reach_between_two_tries_is_reported_when_it_is_lost_again(
    team: Team,
) -> None:
    _, request, approval = asked(team, Step("Owners", ("alice",)))
    team.services.applications.remove_member(team.admin, team.application, "alice")
    team.services.issuance.fail(request, "the worker gave up")
    back(team, "alice")
    team.services.requests.retry(team.admin, request)
    assert team.services.approvals.get(approval)[0].unreachable_step is None
    team.services.applications.remove_member(team.admin, team.application, "alice")
    assert [kind for kind, _ in reported(team)] == ["approval.quorum_lost"] * 2
