"""A revoked certificate that stays at its destination, since the sync removes nothing, is an event."""

from tests.integration import alert_world
from tests.integration.acm_world import AcmWorld

from certrail.pki.revocation import Reason


async def test_it_is_named_and_notified_where_it_stays(acm_world: AcmWorld) -> None:
    team = acm_world.team
    alert_world.connect(team)
    alert_world.channel(team, "mail")
    alert_world.alert(team, "delivery.revoked")
    acm_world.sync(prune=False, prune_grace_seconds=0)
    certificate = acm_world.issue()
    await acm_world.work()
    team.services.revocation.revoke(team.admin, certificate, Reason.KEY_COMPROMISE)
    (event,) = acm_world.reported("delivery.revoked")
    assert (event["certificate_id"], event["sync"]) == (certificate, "acm")
    (message,) = team.services.alerts.notifications(team.application)
    assert "a.example.com" in str(message.content)
    await acm_world.work()
    assert len(acm_world.there) == 1


async def test_nothing_is_said_where_it_leaves_or_never_was(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    await acm_world.work()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, certificate)
    await acm_world.work()
    assert acm_world.there == set()
    elsewhere = acm_world.team.services.revocation
    elsewhere.revoke(acm_world.team.admin, acm_world.issue("never-delivered.example.com"))
    assert acm_world.reported("delivery.revoked") == []
