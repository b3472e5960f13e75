"""A revocation that is approved in Slack."""

from tests.integration.slack_world import SlackWorld, step

from certrail.domain.approval import GuardedAction
from certrail.pki.revocation import Reason


async def test_a_guarded_revocation_is_approved_by_two(slack_world: SlackWorld) -> None:
    team, services = slack_world.team, slack_world.team.services
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    request, _ = team.ask(asker)
    services.issuance.advance(request)
    certificate = services.requests.get(request).certificate_id or ""
    team.guard(step("Owners", "ann", "bob", quorum=2), guards=(GuardedAction.REVOCATION,))
    _, revocation = services.revocation.revoke(asker, certificate, Reason.KEY_COMPROMISE)
    assert revocation is not None
    await slack_world.refresh()
    message = slack_world.slack.messages[-1]
    for shown in ("Approve the revocation of a.example.com?", "keyCompromise", "0 of 2 approvals in Owners"):
        assert shown in message.plain
    for slug in ("ann", "bob"):
        assert services.revocation.advance(revocation.id).status == "waiting"
        await slack_world.click(slug, message)
        await slack_world.refresh()
    assert "Approved by ann, bob at" in message.plain
    assert services.revocation.advance(revocation.id).status == "revoked"
    assert services.inventory.get(certificate).status == "revoked"
