"""How many statements the two busiest ways of an approval take. The numbers may fall, and must not grow."""

from tests.integration.conftest import Team
from tests.integration.slack_world import SlackWorld, step
from tests.support.statements import statements

from certrail.domain.access import Role
from certrail.persistence.tables import ChatIdentity
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM

CLICK, ROLE_CHANGE = 27, 30
"""A click that decides issues the certificate, too."""
DISPATCHER = ("SELECT outbox.", "UPDATE outbox ", "SELECT application.id, application.slug ")


def known_in_chat(slack_world: SlackWorld, slug: str) -> None:
    """As after a first click, when somebody is looked up by e-mail address once and for all."""
    user, context = slack_world.people[slug], slack_world.team.services.context
    with context.unit_of_work(SYSTEM) as uow:
        uow.session.add(
            ChatIdentity(
                id=uow.new_id(),
                created_at=uow.now,
                notifier="slack",
                workspace=user.team_id,
                sender=user.id,
                principal_id=slack_world.team.actor(slug).principal_id or "",
            )
        )


async def test_the_deciding_click(slack_world: SlackWorld) -> None:
    people = [slack_world.person(slug) for slug in ("asker", "ann", "bob")]
    message = await slack_world.ask(people[0], step("Owners", "ann", "bob", quorum=2))
    assert (await slack_world.click("ann", message)).status == 200
    known_in_chat(slack_world, "bob")
    await slack_world.refresh()
    with statements(slack_world.team.services.context.db) as seen:
        answer = await slack_world.click("bob", message)
    assert answer.status == 200
    assert slack_world.status == "approved"
    # The server's dispatcher empties the outbox meanwhile, which is no part of the click.
    own = [text for text in seen if not text.startswith(DISPATCHER)]
    assert len(own) <= CLICK, "\n".join([str(len(own)), *own])


def test_a_role_change_with_twenty_open_approvals(team: Team) -> None:
    people = [f"person-{number}" for number in range(5)]
    for slug in people:
        team.person(slug)
    team.guard(Step("Owners", tuple(people), quorum=2))
    asker = team.person("asker", kind="machine")
    for number in range(20):
        assert team.ask(asker, f"host-{number}.example.com")[1]
    with statements(team.services.context.db) as seen:
        team.services.applications.set_member(team.admin, team.application, "person-0", Role.AUDITOR)
    assert len(seen) <= ROLE_CHANGE, "\n".join([str(len(seen)), *seen])
