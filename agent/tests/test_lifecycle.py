"""One certificate against a server: requested once, deployed whole, renewed in time, whatever is cut or refused."""

import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent_world import AgentWorld

from certrail.domain.enrollment import EnrollmentMethod
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail_agent.errors import DeployFailed

DAY = timedelta(days=1)


def settled(world: AgentWorld, **certificate: Any) -> str:
    """A process that starts and follows its request; what it came to."""
    agent = world.agent(**certificate)
    outcome = agent.advance()
    while outcome.status == "waiting" and "approval" not in outcome.message:
        outcome = agent.advance(wait=20)
    return outcome.status


def states_of(world: AgentWorld) -> list[str]:
    return [row.status for row in world.certificates()]


def test_a_certificate_is_requested_and_put_in_place(world: AgentWorld) -> None:
    assert settled(world, metadata={"team": "shop"}) == "current"
    (row,), pair = world.certificates(), world.pair()
    assert pair.fingerprint == row.fingerprint
    assert row.key_sealed is None, "the key never left the host"
    assert row.attributes == {"team": "shop"}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in world.current.iterdir()}
    assert modes == {"fullchain.pem": 0o644, "privkey.pem": 0o600, ".proven": 0o644}
    assert not Path(os.readlink(world.current)).is_absolute()
    assert not list((world.folder / "state").glob("*.key")), "the key is where it is used, and nowhere else"
    kept = json.loads(world.state_file.read_text())
    assert kept["held"]["certificate_id"] == row.id
    assert kept["held"]["lineage_id"] == row.lineage_id
    assert "PRIVATE KEY" not in world.state_file.read_text()


def test_a_process_that_starts_again_requests_nothing(world: AgentWorld) -> None:
    settled(world)
    before = world.pair()
    for _ in range(3):
        assert settled(world) == "current"
    assert len(world.requests()) == 1
    assert world.pair() == before


def test_it_waits_while_an_approval_is_open(world: AgentWorld) -> None:
    boss = world.team.person("boss")
    world.team.guard(Step(name="Boss", approvers=("boss",)))
    assert settled(world) == "waiting"
    assert settled(world) == "waiting"
    (request,) = world.requests()
    approval = world.team.services.approvals.of_subject(request.id)
    assert approval
    world.team.services.approvals.vote(boss, approval.id, "approve")
    assert settled(world) == "current"
    assert len(world.requests()) == 1


def test_a_rejected_request_is_not_sent_again_at_once(world: AgentWorld) -> None:
    boss = world.team.person("boss")
    world.team.guard(Step(name="Boss", approvers=("boss",)))
    settled(world)
    approval = world.team.services.approvals.of_subject(world.requests()[0].id)
    assert approval
    world.team.services.approvals.vote(boss, approval.id, "reject", "not that name")
    outcome = world.agent().advance()
    assert outcome.status == "failed"
    assert "rejected" in outcome.message
    assert world.agent().advance().status == "failed"
    assert len(world.requests()) == 1
    world.team.clock.advance(timedelta(hours=2))
    assert world.agent().advance().status == "waiting"
    assert len(world.requests()) == 2


def test_a_denied_name_is_reported_with_its_reason(world: AgentWorld) -> None:
    outcome = world.agent(dns=["a.example.org"]).advance()
    assert outcome.status == "failed"
    assert "a.example.org" in outcome.message
    assert outcome.again > 3_000
    assert not world.current.exists()


def test_it_renews_when_the_server_says_so(world: AgentWorld) -> None:
    settled(world)
    first = world.pair()
    (row,) = world.certificates()
    suggested = world.team.services.renewals.explained(row.id)["suggested_at"]
    assert row.not_before < suggested < row.not_after
    world.team.clock.now = suggested - timedelta(hours=2)
    assert settled(world) == "current"
    assert len(world.requests()) == 1
    world.team.clock.now = suggested + timedelta(seconds=1)
    assert settled(world) == "current"
    assert world.pair().key != first.key
    assert states_of(world) == ["superseded", "active"]
    assert len({row.lineage_id for row in world.certificates()}) == 1
    assert settled(world) == "current"
    assert len(world.requests()) == 2


def test_an_earlier_advice_is_taken_at_the_next_look(world: AgentWorld) -> None:
    settled(world)
    settings = {"auto_renew": {"windows": [], "before": "40d"}}
    world.team.services.applications.set_enrollment(
        world.team.admin, world.team.application, "web", EnrollmentMethod.API, settings=settings
    )
    world.team.clock.advance(16 * DAY)
    assert settled(world) == "current"
    assert states_of(world) == ["superseded", "active"]


def test_another_name_needs_another_certificate(world: AgentWorld) -> None:
    settled(world)
    world.team.clock.advance(DAY)
    assert settled(world, dns=["a.example.com", "b.example.com"]) == "current"
    assert [sorted(row.names["dns"]) for row in world.certificates()] == [
        ["a.example.com"],
        ["a.example.com", "b.example.com"],
    ]


def test_a_revoked_certificate_is_followed_by_another_one(world: AgentWorld) -> None:
    settled(world)
    (row,) = world.certificates()
    world.team.services.revocation.revoke(world.team.admin, row.id, Reason.KEY_COMPROMISE)
    world.team.clock.advance(timedelta(hours=2))
    assert settled(world) == "current"
    assert states_of(world) == ["revoked", "active"]
    assert world.pair().fingerprint == world.certificates()[1].fingerprint


def test_a_managed_key_is_pulled_and_its_renewals_are_followed(world: AgentWorld) -> None:
    assert settled(world, managed_key=True) == "current"
    (row,) = world.certificates()
    assert row.key_sealed is not None
    first = world.pair()
    assert first.fingerprint == row.fingerprint
    world.team.clock.now = world.team.services.renewals.explained(row.id)["renew_at"] + timedelta(minutes=1)
    while world.team.services.sweeps["renewals"]():
        pass
    (_, renewal) = world.requests()
    assert world.team.services.issuance.advance(renewal.id).status == "issued"
    assert settled(world, managed_key=True) == "current"
    assert world.pair().fingerprint == world.certificates()[1].fingerprint
    assert world.pair().key != first.key
    assert len(world.requests()) == 2


def test_another_renewal_with_the_same_key_is_taken(world: AgentWorld) -> None:
    settled(world)
    (row,) = world.certificates()
    world.team.clock.advance(timedelta(minutes=1))
    renewal = world.team.services.renewals.renew(world.team.admin, row.id, same_key=True)
    world.team.services.issuance.advance(renewal.id)
    world.team.clock.advance(timedelta(hours=2))
    assert settled(world) == "current"
    assert world.pair().fingerprint == world.certificates()[1].fingerprint
    assert len(world.requests()) == 2


def test_days_without_the_server_change_nothing_on_the_host(world: AgentWorld) -> None:
    settled(world)
    before, there = world.pair(), world.url
    world.team.clock.advance(20 * DAY)
    world.url = "http://127.0.0.1:1"
    agent, pauses = world.agent(), []
    for _ in range(20):
        outcome = agent.advance()
        assert outcome.status == "unreachable"
        pauses.append(outcome.again)
        world.team.clock.advance(timedelta(seconds=outcome.again))
    assert pauses == sorted(pauses)
    assert pauses[0] < 5
    assert pauses[-1] == 600
    assert world.pair() == before
    world.team.clock.advance(20 * DAY)
    assert world.agent().advance().status == "unreachable"
    assert world.pair() == before
    world.url = there
    assert settled(world) == "current"
    assert len(world.requests()) == 2


def test_a_token_that_is_refused_is_no_reason_to_begin_anew(world: AgentWorld) -> None:
    settled(world)
    token = (world.folder / "state" / "token").read_text()
    world.team.clock.advance(40 * DAY)
    world.set_token("crt_0_wrong")
    outcome = world.agent().advance()
    assert outcome.status == "failed"
    assert "token" in outcome.message
    world.set_token(token)
    assert settled(world) == "current"
    assert len(world.requests()) == 2


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=2)])
def test_a_bad_reload_restores_the_last_good_certificate_and_requests_nothing(
    world: AgentWorld, after: timedelta
) -> None:
    settled(world)
    first, good = world.pair(), world.folder / "good.pem"
    good.write_text((world.current / "fullchain.pem").read_text())
    picky = {"command": ["cmp", "-s", str(world.current / "fullchain.pem"), str(good)]}
    world.team.clock.advance(40 * DAY)
    agent = world.agent(reload=picky)
    outcome = agent.advance()
    while outcome.status == "waiting":
        outcome = agent.advance(wait=20)
    assert outcome.status == "failed"
    assert "cmp ended with 1. The former certificate was restored and works" in outcome.message
    assert world.pair() == first
    assert len(list((world.tls / "www").iterdir())) == 3, "the mark, the link and one version"
    world.team.clock.advance(after)
    assert settled(world, reload=picky) == "failed"
    assert world.pair() == first
    assert settled(world, reload={"command": ["true"]}) == "current"
    assert world.pair().fingerprint == world.certificates()[1].fingerprint
    assert len(world.requests()) == 2


def test_files_that_were_deleted_come_back(world: AgentWorld) -> None:
    settled(world)
    world.team.clock.advance(DAY)
    for path in world.current.resolve().iterdir():
        path.unlink()
    assert settled(world) == "current"
    assert world.pair().fingerprint == world.certificates()[1].fingerprint


def test_a_link_that_was_changed_is_set_right(world: AgentWorld) -> None:
    settled(world)
    before = world.pair()
    world.current.unlink()
    world.current.symlink_to("elsewhere")
    assert settled(world) == "current"
    assert world.pair() == before
    assert len(world.requests()) == 1


def test_a_foreign_folder_is_left_alone(world: AgentWorld) -> None:
    (world.tls / "www").mkdir()
    (world.tls / "www" / "site.pem").write_text("by hand")
    agent = world.agent()
    outcome = agent.advance()
    while outcome.status == "waiting":
        outcome = agent.advance(wait=20)
    assert outcome.status == "failed"
    assert "was not made for this certificate" in outcome.message
    assert [path.name for path in (world.tls / "www").iterdir()] == ["site.pem"]


def test_a_certificate_for_another_key_is_not_written(world: AgentWorld) -> None:
    settled(world)
    pair = world.pair()
    with pytest.raises(DeployFailed, match="does not belong to the key"):
        world.agent().work.put_into_use(type(pair)(pair.certificate, pair.chain, _other_key()))
    assert world.pair() == pair


def _other_key() -> str:
    from certrail_agent.keys import generate

    return generate("EC_P256")
