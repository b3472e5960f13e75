"""Approvers see what they approve: in chat, over the API, at the command line and on the page that links lead to."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration import alert_world
from tests.integration.api_client import entered
from tests.integration.conftest import Team
from tests.integration.slack_world import SlackWorld, step

from certrail.domain.approval import GuardedAction
from certrail.persistence.tables import CertificateRequest
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail_fakes.slack import Message
from certrail_sdk import Notification

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CA = {"subject": {"common_name": "Sub CA"}, "basic_constraints": {"ca": True, "path_length": 0}, "sans": {}}
ANY_CA = {"basic_constraints": {"ca": "allowed"}}


def submit(team: Team, asker: Actor, **content: Any) -> CertificateRequest:
    attributes = content.pop("attributes", {})
    values = {"sans": {"dns": ["a.example.com"]}, **content}
    return team.services.requests.submit(
        asker, team.application, profile="web", content=values, attributes=attributes
    )


def allow(team: Team, **rules: Any) -> None:
    team.services.catalog.update_policy(team.admin, "tls", rules)


async def asked(world: SlackWorld, asker: Actor, **content: Any) -> Message:
    world.request = submit(world.team, asker, **content).id
    approval = world.team.services.approvals.of_subject(world.request)
    assert approval is not None
    world.approval = approval.id
    await world.refresh()
    return world.slack.messages[-1]


def answers(message: Message) -> int:
    return sum("certrail_answer" in button["action_id"] for button in message.buttons)


async def test_an_authority_is_called_one_in_title_and_facts(slack_world: SlackWorld) -> None:
    team, asker = slack_world.team, slack_world.person("asker")
    slack_world.person("ann")
    allow(team, **ANY_CA)
    team.guard(step("Owners", "ann"))
    leaf = await asked(slack_world, asker, subject={"common_name": "Sub CA"})
    authority = await asked(slack_world, asker, **CA)
    assert "Approve a certificate for Sub CA?" in leaf.plain
    assert "CERTIFICATE AUTHORITY" not in leaf.plain
    assert "Approve a CERTIFICATE AUTHORITY, Sub CA?" in authority.plain
    assert "CERTIFICATE AUTHORITY, path length 0" in authority.plain
    assert answers(authority) == 2


async def test_the_message_says_what_who_and_how_many(slack_world: SlackWorld) -> None:
    team, asker = slack_world.team, slack_world.person("asker")
    for slug in ("ann", "bob"):
        slack_world.person(slug)
    team.guard(step("Owners", "ann", "bob", quorum=2))
    message = await asked(slack_world, asker, attributes={"owner": "payments"})
    for text in (
        slack_world.approval,
        "Web (web), version 1, policy version 1",
        "47 days",
        "ann, bob",
        "0 of 2 approvals in Owners; 2 missing",
        "Metadata owner",
        "payments",
        "EC_P256, made and held by certrail",
        "serverAuth",
        "api, asker",
    ):
        assert text in message.plain, text
    await slack_world.click("ann", message)
    await slack_world.refresh()
    assert "1 of 2 approvals in Owners; 1 missing" in message.plain
    assert "ann, bob" not in message.plain, "only those are named whose votes are missing"


async def test_a_question_that_does_not_fit_has_no_buttons(slack_world: SlackWorld) -> None:
    team, asker = slack_world.team, slack_world.person("asker")
    slack_world.person("ann")
    team.services.context.public_url = "https://certrail.example"
    team.guard(step("Owners", "ann"))
    names = [f"{n}.{'x' * 40}.example.com" for n in range(100)]
    message = await asked(slack_world, asker, sans={"dns": names})
    assert names[-1] not in message.plain
    assert answers(message) == 0
    assert "does not fit" in message.plain
    (link,) = message.buttons
    assert link["url"] == f"https://certrail.example/approvals/{slack_world.approval}"
    facts = {fact.label: fact.value for fact in team.services.approvals.shown(slack_world.approval).facts}
    assert facts["DNS names (100)"] == ", ".join(names), "the API shows all of it"


async def test_a_revocation_says_what_it_revokes(slack_world: SlackWorld) -> None:
    team, asker = slack_world.team, slack_world.person("asker")
    slack_world.person("ann")
    allow(team, **ANY_CA)
    request = submit(team, asker, **CA)
    team.services.issuance.advance(request.id)
    certificate = team.services.inventory.get(team.services.requests.get(request.id).certificate_id or "")
    team.guard(step("Owners", "ann"), guards=(GuardedAction.REVOCATION,))
    team.services.revocation.revoke(asker, certificate.id, Reason.KEY_COMPROMISE)
    await slack_world.refresh()
    message = slack_world.slack.messages[-1]
    assert "Approve the revocation of the CERTIFICATE AUTHORITY Sub CA?" in message.plain
    for text in (certificate.serial, certificate.fingerprint, "keyCompromise", "1 missing"):
        assert text in message.plain, text


def test_the_reminder_has_what_an_approver_needs(team: Team) -> None:
    team.services.context.public_url = "https://certrail.example"
    asker, _ = team.person("asker"), team.person("ann")
    alert_world.connect(team)
    alert_world.channel(team, "mail")
    allow(team, **ANY_CA)
    team.guard(Step("Owners", ("ann",)), reminder=timedelta(hours=1))
    alert_world.alert(team, "approval.opened")
    request = submit(team, asker, **CA)
    approval = team.services.approvals.of_subject(request.id)
    assert approval is not None
    (row,) = team.services.alerts.notifications(team.application)
    message = Notification.model_validate(row.content)
    assert message.title == "Approval wanted: CERTIFICATE AUTHORITY Sub CA"
    assert message.link == f"https://certrail.example/approvals/{approval.id}"
    facts = {fact.label: fact.value for fact in message.facts}
    assert facts["Approval"] == approval.id
    assert facts["Profile"] == "web"
    assert facts["Lifetime"] == "47 days"
    assert facts["May vote"] == "ann"
    assert facts["Votes missing"] == "1"


def test_a_vote_counts_for_what_was_read(team: Team) -> None:
    asker, ann = team.person("asker"), team.person("ann")
    team.guard(Step("Owners", ("ann",)))
    request = submit(team, asker)
    approval = team.services.approvals.of_subject(request.id)
    assert approval is not None
    with entered(team, "ann") as api:
        path = f"/api/v1/approval-requests/{approval.id}"
        shown = api.client.get(path).raise_for_status().json()
        labels = [fact["label"] for fact in shown["facts"]]
        assert {"Certificate", "DNS names (1)", "Lifetime", "Requested by", "Origin"} <= set(labels)
        assert (shown["voters"], shown["votes_given"], shown["votes_missing"]) == (["ann"], 0, 1)
        answer = api.client.post(f"{path}/votes", json={"decision": "approve", "digest": "0" * 64})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:certrail:problem:content-changed")
    team.services.approvals.vote(ann, approval.id, "approve", digest=shown["digest"])
    assert team.services.approvals.get(approval.id)[0].status == "approved"


def test_same_key_and_metadata_are_voted_on(team: Team) -> None:
    asker, _ = team.person("asker"), team.person("ann")
    digests = set()
    for attributes in ({}, {"owner": "a"}, {"owner": "b"}):
        request = submit(team, asker, attributes=attributes)
        digests.add(request.digest)
    team.services.issuance.advance(request.id)
    certificate = team.services.requests.get(request.id).certificate_id or ""
    for same_key in (False, True):
        renewal = team.services.renewals.renew(asker, certificate, same_key=same_key)
        digests.add(renewal.digest)
        with team.services.context.db.write() as session:
            session.delete(session.get_one(CertificateRequest, renewal.id))
    assert len(digests) == 5
