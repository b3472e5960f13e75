"""A planned removal that is retried by hand, and messages about deliveries, which name their certificate."""

from tests.integration import alert_world
from tests.integration.acm_world import GRACE, AcmWorld

from certrail.persistence.tables import Retirement
from certrail.services.delivery import retirement_planner


async def test_a_planned_removal_that_is_retried_by_hand_stays_planned(acm_world: AcmWorld) -> None:
    """Its object is desired until its certificate ends, so nothing is tried, and it is removed then."""
    acm_world.sync()
    certificate = acm_world.team.services.inventory.get(acm_world.issue())
    await acm_world.work()
    retirements = acm_world.team.services.retirements
    ((planned, _, _),) = retirements.list(acm_world.team.application)
    retried = retirements.retry(acm_world.team.admin, planned.id)
    assert (retried.status, retried.remove_at) == ("waiting", planned.remove_at)
    await acm_world.work()
    assert acm_world.plans() == [("ended", "waiting")]
    # Also where it became due in another way: a sweep with a clock that is ahead, say.
    with acm_world.team.services.context.unit_of_work(acm_world.team.admin) as uow:
        retirement_planner.mark_due(uow, uow.session.get_one(Retirement, planned.id))
    await acm_world.work()
    assert acm_world.plans() == [("ended", "waiting")]
    acm_world.advance(certificate.not_after - acm_world.team.clock() + GRACE)
    await acm_world.work()
    assert acm_world.plans() == [("ended", "removed")]
    assert acm_world.there == set()


async def test_what_waits_for_its_grace_is_removed_by_hand_before(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    await acm_world.work()
    retirements = acm_world.team.services.retirements
    (superseded,) = (
        row for row, _, _ in retirements.list(acm_world.team.application) if row.reason == "superseded"
    )
    retirements.retry(acm_world.team.admin, superseded.id)
    await acm_world.work()
    assert old not in acm_world.there
    assert len(acm_world.there) == 1


async def test_a_message_about_a_delivery_names_its_certificate(acm_world: AcmWorld) -> None:
    team = acm_world.team
    alert_world.connect(team)
    alert_world.channel(team, "mail")
    alert_world.alert(team, "delivery.delivered", "delivery.removed")
    acm_world.sync()
    row = team.services.requests.submit(
        team.admin,
        team.application,
        profile="web",
        content={"sans": {"dns": [f"{letter}.example.com" for letter in "abcd"]}},
    )
    certificate = team.services.inventory.get(acm_world.issued(row.id))
    await acm_world.work()
    acm_world.advance(certificate.not_after - team.clock() + GRACE)
    await acm_world.work()
    messages = [row.content for row in team.services.alerts.notifications(team.application)]
    assert {message["event_type"] for message in messages} == {"delivery.delivered", "delivery.removed"}
    for message in messages:
        facts = {fact["label"]: fact["value"] for fact in message["facts"]}
        assert facts["Certificate"] == "a.example.com, b.example.com, c.example.com and 1 more"
        assert facts["Serial"] == certificate.serial
        assert facts["Certificate"] in message["summary"]
