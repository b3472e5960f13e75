"""What is needed for a while only is deleted after it, and not before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import SQLModel, func, select
from tests.integration.conftest import Team
from tests.support.plans import plans_of

from certrail.persistence.tables import (
    ActionToken,
    ActionTokenUse,
    ApprovalMessage,
    Channel,
    IdempotencyKeyRow,
    OutboxRow,
    SeenCallback,
)
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import IdempotencyKey
from certrail.services.core.idempotency import AlreadyDone
from certrail.services.operations import housekeeping


def keep_house(team: Team) -> int:
    """Sweep until nothing is due; returns how much was."""
    total = 0
    while some := team.services.sweeps["housekeeping"]():
        total += some
    return total


def count(team: Team, table: type[SQLModel]) -> int:
    with team.services.context.db.read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def store(team: Team, *rows: SQLModel) -> None:
    with team.services.context.db.write() as session:
        session.add_all(rows)


def test_replay_keys_are_kept_for_a_day(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ROWS", 2)
    store(team, *(SeenCallback(id=f"old-{n}", created_at=team.clock.now) for n in range(5)))
    team.clock.advance(timedelta(hours=12))
    store(team, SeenCallback(id="new", created_at=team.clock.now))
    assert keep_house(team) == 0
    team.clock.advance(timedelta(hours=12))
    assert keep_house(team) == 5
    with team.services.context.db.read() as session:
        assert session.exec(select(SeenCallback.id)).all() == ["new"]


def test_rows_of_the_outbox_are_kept_for_a_week_after_they_were_sent(team: Team) -> None:
    outbox = team.services.outbox
    team.ask(team.person("asker"), "a.example.com")
    sent = [message.seq for message in outbox.claim()]
    outbox.dispatched(sent)
    team.ask(team.actor("asker"), "b.example.com")
    waiting = outbox.pending()
    assert sent
    assert waiting
    team.clock.advance(timedelta(days=7, seconds=-1))
    assert keep_house(team) == 0
    team.clock.advance(timedelta(seconds=1))
    assert keep_house(team) == len(sent)
    assert outbox.pending() == waiting == count(team, OutboxRow)


def test_idempotency_keys_are_kept_for_thirty_days(team: Team) -> None:
    caller = replace(team.admin, idempotency_key=IdempotencyKey("key", "a call"))

    def create() -> None:
        team.services.principals.create(caller, kind="user", slug="ann", name="Ann", email="ann@example.com")

    create()
    team.clock.advance(timedelta(days=30, seconds=-1))
    assert keep_house(team) == 0
    with pytest.raises(AlreadyDone):
        create()
    team.clock.advance(timedelta(seconds=1))
    assert keep_house(team) == 1
    assert count(team, IdempotencyKeyRow) == 0


def show(team: Team, message_id: str) -> None:
    """Bring a copy of a question to its present state, without a channel behind it."""
    work = team.services.approval_messages.begin(message_id)
    assert work is not None
    team.services.approval_messages.shown(message_id, work.version, "C1:1.1", work.closed)


def test_tokens_are_kept_until_thirty_days_after_their_question_is_closed(team: Team) -> None:
    services = team.services
    open_channel(team)
    asker, ann = team.person("asker"), team.person("ann")
    team.guard(Step("Owners", ("ann",), channels=("approvals",)))
    approvals = [team.ask(asker, name)[1] for name in ("a.example.com", "b.example.com")]
    with services.context.db.read() as session:
        found = {copy.approval_request_id: copy.id for copy in session.exec(select(ApprovalMessage))}
    decided, still_open = (found[approval or ""] for approval in approvals)
    show(team, decided)
    show(team, still_open)
    with services.context.db.read() as session:
        pressed = session.exec(select(ActionToken).where(ActionToken.message_id == decided)).all()
    store(team, ActionTokenUse(token_hash=pressed[0].token_hash, sender="U1"))
    team.clock.advance(timedelta(days=40))
    assert not sweep_tokens(team), "both questions are open"
    services.approvals.vote(ann, approvals[0] or "", "approve")
    show(team, decided)
    team.clock.advance(timedelta(days=30, seconds=-1))
    assert not sweep_tokens(team)
    team.clock.advance(timedelta(seconds=1))
    assert sweep_tokens(team)
    with services.context.db.read() as session:
        left = session.exec(select(ActionToken.message_id).distinct()).all()
    assert left == [still_open]
    assert count(team, ActionTokenUse) == 0
    assert not sweep_tokens(team), "what was seen to is not looked at again"


def sweep_tokens(team: Team) -> bool:
    """Keep house; says whether tokens were deleted."""
    before = count(team, ActionToken)
    keep_house(team)
    return count(team, ActionToken) < before


def open_channel(team: Team) -> Channel:
    services = team.services
    config = {"bot_token": "xoxb-1", "signing_secret": "secret"}
    services.connections.create(team.admin, slug="slack", name="Slack", type_="slack", config=config)
    return services.channels.create(
        team.admin,
        team.application,
        slug="approvals",
        name="Approvals",
        notifier="slack",
        config={"channel": "#approvals"},
        connection="slack",
    )


def test_what_is_due_is_found_by_index(team: Team) -> None:
    with plans_of(team.services.context.db) as plans:
        keep_house(team)
    assert len(plans) == len(housekeeping.KEPT) + 2
    for plan in plans if team.services.context.db.is_sqlite else ():
        assert "USING INDEX" in plan, plan
        assert "TEMP B-TREE" not in plan, plan
