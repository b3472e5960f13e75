"""Lists that grow without end are read to their end, page by page, by an index."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from tests.integration.conftest import Team
from tests.support.plans import plans_of
from tests.support.sample_events import sample_event

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import NotificationRow
from certrail.services.alerting.notify import NotifyCall
from certrail.services.approvals import queries
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail_sdk import Sent
from certrail_server.api.answers.alerting import notification_answers
from certrail_server.api.pages import PageRequest, decode_cursor, encode_cursor
from certrail_server.api.schemas.channels import NotificationList

READ_AHEAD = 20
"""Rows that an inbox reads at once, in its test."""
MAIL = {"sender": "certrail@example.com", "recipients": ["ops@example.com"]}


@pytest.fixture
def reported(team: Team) -> Team:
    """A channel that is told of refusals."""
    services = team.services
    services.connections.create(
        team.admin, slug="smtp", name="SMTP", type_="smtp", config={"host": "mail.example.com", "port": 587}
    )
    services.channels.create(
        team.admin,
        team.application,
        slug="mail",
        name="Mail",
        notifier="email",
        connection="smtp",
        config=MAIL,
    )
    services.alerts.create_alert(
        team.admin, team.application, slug="all", name="All", events=["request.refused"], channels=["mail"]
    )
    return team


def refuse(team: Team, times: int) -> None:
    with team.services.context.unit_of_work(SYSTEM) as uow:
        for number in range(times):
            uow.record(sample_event("request.refused", str(number), team.application))


def log(team: Team, status: str | None = None) -> list[NotificationRow]:
    return list(team.services.alerts.notifications(team.application, status, limit=1000))


def test_the_log_is_read_to_its_end(reported: Team) -> None:
    refuse(reported, 7)
    reported.clock.advance(timedelta(seconds=1))
    refuse(reported, 5)
    seen: list[str] = []
    cursor = None
    while True:
        page = PageRequest(decode_cursor(cursor), 5).of(
            NotificationList,
            lambda **turn: reported.services.alerts.notifications(reported.application, **turn),
            partial(notification_answers, reported.services),
        )
        seen += [item.id for item in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert len(seen) == len(set(seen)) == 12
    instants = [row.created_at for row in log(reported)]
    assert instants == sorted(instants, reverse=True)


@pytest.mark.parametrize("wrong", ["nonsense", encode_cursor, "bm8", "W10"])
def test_a_foreign_cursor_is_refused(team: Team, wrong: Any) -> None:
    cursor = wrong(team.clock.now, "a\0b") if callable(wrong) else wrong
    with pytest.raises(BadInput, match="cursor"):
        decode_cursor(cursor)


def test_pages_are_found_by_index(reported: Team) -> None:
    services, here = reported.services, reported.application
    after = (reported.clock.now, "x")
    with plans_of(services.context.db) as plans:
        services.alerts.notifications(here, after=after)
        services.approvals.list(here, after=after)
        services.incidents.list(here, after=after)
        services.requests.list(here, after=after)
    assert len(plans) == 4
    for plan in plans if services.context.db.is_sqlite else ():
        assert "_list" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_an_inbox_holds_what_is_behind_much_that_is_not_for_the_reader(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "READ_AHEAD", READ_AHEAD)
    ann, bob, asker = team.person("ann"), team.person("bob"), team.person("asker")
    team.guard(Step("One", ("ann",)))
    first, _ = team.ask(asker, "first.example.com")
    team.clock.advance(timedelta(seconds=1))
    policy = team.services.approval_policies.list(team.application)[0][0]
    team.services.approval_policies.delete(team.admin, team.application, policy.slug)
    assert [row.status for row in team.services.approvals.inbox(ann)] == ["cancelled"]
    team.guard(Step("Two", ("bob",)))
    for number in range(READ_AHEAD + 1):
        team.ask(asker, f"n{number}.example.com")
    assert [row.subject_id for row in team.services.approvals.inbox(ann)] == [first]
    assert len(team.services.approvals.inbox(bob, limit=READ_AHEAD + 2)) == READ_AHEAD + 1
    assert len(team.services.approvals.inbox(asker, limit=READ_AHEAD + 5)) == READ_AHEAD + 2
    team.services.applications.remove_member(team.admin, team.application, "bob")
    assert team.services.approvals.inbox(bob) == []


class TestADeletedChannel:
    def gone(self, team: Team) -> None:
        team.services.alerts.delete_alert(team.admin, team.application, "all")
        team.services.channels.delete(team.admin, team.application, "mail")

    def test_leaves_the_log_of_what_it_reported(self, reported: Team) -> None:
        refuse(reported, 2)
        sent, unsent = log(reported)
        call = reported.services.effects.notify.begin(sent.id, 1)
        assert isinstance(call, NotifyCall)
        reported.services.effects.notify.complete(call, Sent(reference="1"))
        self.gone(reported)
        assert {row.id: row.status for row in log(reported)} == {sent.id: "sent", unsent.id: "withdrawn"}
        assert reported.services.effects.notify.begin(unsent.id, 1) is None
        with pytest.raises(Conflict, match="deleted"):
            reported.services.alerts.replay(reported.admin, sent.id)
        with pytest.raises(NotFound):
            reported.services.channels.delete(reported.admin, reported.application, "mail")

    def test_is_tried_no_more(self, reported: Team) -> None:
        refuse(reported, 1)
        (row,) = log(reported)
        assert reported.services.effects.notify.begin(row.id, 1)
        self.gone(reported)
        reported.services.effects.notify.fail(
            row.id, Failure("Retryable", "busy", "", "email 0.1", next_try_at=None, permanent=False)
        )
        assert reported.services.effects.notify.begin(row.id, 2) is None
        assert log(reported)[0].status == "withdrawn"

    def test_stays_while_an_approval_is_asked_there(self, reported: Team) -> None:
        services = reported.services
        services.connections.create(
            reported.admin,
            slug="chat",
            name="Chat",
            type_="slack",
            config={"bot_token": "xoxb-1-2", "signing_secret": "0" * 32},
        )
        services.channels.create(
            reported.admin,
            reported.application,
            slug="chat",
            name="Chat",
            notifier="slack",
            connection="chat",
            config={"channel": "C123"},
        )
        reported.person("ann")
        reported.guard(Step("One", ("ann",), channels=("chat",)))
        _, approval = reported.ask(reported.person("asker"))
        with pytest.raises(Conflict, match="guard-"):
            services.channels.delete(reported.admin, reported.application, "chat")
        ((policy, _),) = services.approval_policies.list(reported.application)
        services.approval_policies.update(
            reported.admin, reported.application, policy.slug, steps=[Step("One", ("ann",))]
        )
        with pytest.raises(Conflict, match=f"open approval {approval}"):
            services.channels.delete(reported.admin, reported.application, "chat")
        services.approvals.vote(reported.actor("ann"), approval or "", "approve")
        services.channels.delete(reported.admin, reported.application, "chat")
        assert services.approvals.get(approval or "")[0].status == "approved"
