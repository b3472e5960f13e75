"""A destination is not asked more often than its connection says, and nobody's turn is lost."""

from datetime import datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.domain.rate_limits import RateSlot
from certrail.services.delivery.deploy import DeployCall
from certrail_sdk import Receipt, Removal

pytestmark = pytest.mark.any_database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def deliveries(team: Team, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Twelve that are wanted at once, where three may go in a minute."""
    folder = tmp_path_factory.mktemp("files")
    services, admin = team.services, team.admin
    services.connections.create(
        admin, slug="disk", name="Disk", type_="folder", config={"root": str(folder)}, max_per_minute=3
    )
    services.syncs.create(
        admin,
        team.application,
        slug="disk",
        name="Disk",
        destination="files",
        config={},
        connection="disk",
    )
    for number in range(12):
        request, _ = team.ask(admin, f"n{number}.example.com")
        services.issuance.advance(request)
    return [delivery.id for delivery, _ in services.deliveries.list(team.application)]


def play(team: Team, waiting: list[str]) -> list[datetime]:
    """Every delivery comes back when it was told to; returns when each was begun."""
    begun: list[datetime] = []
    turns = dict.fromkeys(waiting, team.clock.now)
    while turns:
        ident = min(turns, key=lambda ident: turns[ident])
        team.clock.now = max(team.clock.now, turns[ident])
        work = team.services.effects.deliver.begin(ident, 1)
        if isinstance(work, RateSlot):
            turns[ident] = work.at
            continue
        assert work
        begun.append(team.clock.now)
        done = Receipt(reference=ident, fingerprint=work.deployment.bundle.fingerprint, changed=True)
        team.services.effects.deliver.complete(work, done)
        del turns[ident]
    return begun


def test_no_minute_holds_more_than_the_connection_says_and_none_is_lost(
    team: Team, deliveries: list[str]
) -> None:
    begun = play(team, deliveries)
    assert len(begun) == 12
    assert all(later - earlier >= MINUTE for earlier, later in zip(begun, begun[3:], strict=False))
    assert begun[-1] - begun[0] <= 12 * MINUTE / 2
    states = {delivery.status for delivery, _ in team.services.deliveries.list(team.application)}
    assert states == {"delivered"}


def test_turns_that_passed_while_nothing_ran_are_not_all_taken_at_once(
    team: Team, deliveries: list[str]
) -> None:
    for ident in deliveries:
        team.services.effects.deliver.begin(ident, 1)
    team.clock.advance(timedelta(hours=1))
    begun = play(team, deliveries)
    assert all(later - earlier >= MINUTE for earlier, later in zip(begun, begun[3:], strict=False))


def test_what_leaves_takes_its_turn_too(team: Team, deliveries: list[str]) -> None:
    play(team, deliveries)
    services = team.services
    services.syncs.delete(team.admin, team.application, "disk", cleanup=True)
    removed: list[datetime] = []
    turns = dict.fromkeys(deliveries, team.clock.now)
    while turns:
        ident = min(turns, key=lambda ident: turns[ident])
        team.clock.now = max(team.clock.now, turns[ident])
        work = services.effects.remove.begin(ident, 1)
        if isinstance(work, RateSlot):
            turns[ident] = work.at
            continue
        assert work
        removed.append(team.clock.now)
        services.effects.remove.complete(work, Removal(changed=True))
        del turns[ident]
    assert all(later - earlier >= MINUTE for earlier, later in zip(removed, removed[3:], strict=False))
    assert removed[-1] - removed[0] <= 12 * MINUTE / 2
    assert not services.syncs.list(team.application), "and it is gone with the last of them"


async def test_what_is_to_leave_waits_and_that_is_nobodys_failure(team: Team, deliveries: list[str]) -> None:
    play(team, deliveries)
    services = team.services
    services.syncs.delete(team.admin, team.application, "disk", cleanup=True)
    with pytest.raises(ApplicationError) as waits:
        await run_verb(team, services.effects.remove, deliveries[0])
    assert waits.value.type == "NotYet"
    assert waits.value.next_retry_delay is not None
    (plan,) = (
        row
        for row, delivery, _ in services.retirements.list(team.application)
        if delivery.id == deliveries[0]
    )
    assert (plan.status, plan.last_error) == ("due", None)
    assert plan.next_try_at == team.clock.now + waits.value.next_retry_delay


async def test_what_waits_shows_its_turn_and_is_nobodys_failure(team: Team, deliveries: list[str]) -> None:
    first, second, *_ = deliveries
    assert isinstance(team.services.effects.deliver.begin(first, 1), DeployCall)
    with pytest.raises(ApplicationError) as waits:
        await run_verb(team, team.services.effects.deliver, second)
    delivery, _ = team.services.deliveries.get(second)
    assert waits.value.next_retry_delay is not None
    assert delivery.next_try_at == team.clock.now + waits.value.next_retry_delay
    assert delivery.last_error is None
    assert delivery.status == "pending"
    assert not team.services.audit_log.events(None, type_="delivery.failed", limit=10)


def test_a_rate_that_is_taken_away_keeps_nobody_waiting(team: Team, deliveries: list[str]) -> None:
    for ident in deliveries:
        team.services.effects.deliver.begin(ident, 1)
    team.services.connections.update(team.admin, "disk", max_per_minute=None)
    assert isinstance(team.services.effects.deliver.begin(deliveries[-1], 1), DeployCall)
