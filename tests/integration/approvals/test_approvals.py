"""Votes under concurrency, and every way in which one is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, select
from tests.integration.conftest import Team

from certrail.domain.access import Role
from certrail.domain.errors import CertrailError, Conflict, PolicyViolation
from certrail.persistence.tables import Certificate, EventRow, OutboxRow, Vote
from certrail.services.approvals.lifecycle import close
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor, IdempotencyKey
from certrail.services.core.idempotency import AlreadyDone
from certrail.services.issuance.state import lock_request
from certrail.services.issuance.subject import approval_for

SLOW_KEY = {"key_algorithm": "RSA_2048"}
"""Its certificate is issued by the workflow, some time after the vote."""
VOTERS = 30
"""A hundred vote over HTTP, in tests/live/shared/test_votes.py."""


def refused(team: Team, actor: Actor, approval: str, decision: str = "approve", comment: str = "") -> str:
    """The kind of refusal, which must also be on record."""
    with pytest.raises(CertrailError) as raised:
        team.services.approvals.vote(actor, approval, decision, comment)
    with team.services.context.db.read() as session:
        events = session.exec(
            select(EventRow).where(EventRow.type == "approval.vote_refused").order_by(col(EventRow.seq))
        ).all()
    assert events[-1].actor_id == actor.principal_id
    assert events[-1].data["reason"] == raised.value.kind
    return raised.value.kind


def test_many_simultaneous_votes_give_one_issuance(team: Team) -> None:
    people = [team.person(f"p{n}") for n in range(VOTERS)]
    requester = team.person("asker", kind="machine")
    team.guard(Step("All", tuple(f"p{n}" for n in range(VOTERS)), quorum=3))
    request, approval = team.ask(requester)
    assert approval is not None

    def vote(person: Actor) -> str:
        try:
            team.services.approvals.vote(person, approval, "approve")
        except CertrailError as err:
            return err.kind
        return "recorded"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(vote, people))
    assert outcomes.count("recorded") == 3
    assert outcomes.count("approval-closed") == VOTERS - 3
    for _ in range(3):
        assert team.services.issuance.advance(request).status == "issued"
    with team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1
        assert len(session.exec(select(Vote)).all()) == 3
        refusals = (
            select(EventRow).where(EventRow.type == "approval.vote_refused").order_by(col(EventRow.seq))
        )
        assert len(session.exec(refusals).all()) == VOTERS - 3


def test_steps_are_taken_in_order(team: Team) -> None:
    first, second = team.person("first"), team.person("second")
    team.guard(Step("One", ("first",)), Step("Two", ("second",)))
    request, approval = team.ask(team.person("asker"))
    assert approval is not None
    assert refused(team, second, approval) == "not-in-step"
    team.services.approvals.vote(first, approval, "approve")
    assert refused(team, first, approval) == "not-in-step"
    team.services.approvals.vote(second, approval, "approve")
    assert team.services.issuance.advance(request).status == "issued"


@pytest.mark.parametrize("what", ["vote", "delete the policy"])
def test_who_comes_second_waits_and_sees_what_the_first_one_did(team: Team, what: str) -> None:
    """Locks are taken in one order, so a decision and a cancellation at once do not end in a deadlock."""
    asker, voter = team.person("asker"), team.person("voter")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(asker)
    assert approval is not None
    services, waits = team.services, threading.Event()
    policy = services.approval_policies.list(team.application)[0][0].slug

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        in_thread = threading.current_thread() is not threading.main_thread()
        if in_thread and "FROM certificate_request" in statement and "FOR NO KEY UPDATE" in statement:
            waits.set()

    def second() -> None:
        if what == "vote":
            with pytest.raises(Conflict, match="cancelled already"):
                services.approvals.vote(voter, approval, "approve")
        else:
            services.approval_policies.delete(team.admin, team.application, policy)

    event.listen(services.context.db.engine, "before_cursor_execute", seen)
    with ThreadPoolExecutor(1) as pool:
        with services.context.unit_of_work(asker) as uow:
            locked_request = lock_request(uow.session, request)
            answer = pool.submit(second)
            # SQLite lets one writer in at a time: there the second one does not even begin.
            assert services.context.db.is_sqlite or waits.wait(60)
            held = approval_for(uow.session, locked_request)
            assert held is not None
            close(uow, held, "cancelled", asker.principal_id, "not needed any more")
        answer.result(60)
    assert services.approvals.get(approval)[0].comment == "not needed any more"


def test_the_same_vote_again_is_the_same_vote(team: Team) -> None:
    """A voter whose answer was lost sends the call again: no second vote, and no refusal either."""
    asker, voter = team.person("asker"), team.person("voter")
    team.guard(Step("One", ("voter",)))
    _, approval = team.ask(asker)
    assert approval is not None
    patient = replace(voter, idempotency_key=IdempotencyKey("key-1", "fingerprint"))
    vote = team.services.approvals.vote(patient, approval, "approve")
    with pytest.raises(AlreadyDone) as done:
        team.services.approvals.vote(patient, approval, "approve")
    assert team.services.approvals.cast_before(done.value.subject_id).id == vote.id


def test_refusals_are_reported_apart_and_recorded(team: Team) -> None:
    asker, voter, other = team.person("asker"), team.person("voter"), team.person("other")
    auditor, outsider, gone = (
        team.person("auditor", Role.AUDITOR),
        team.person("outsider", None),
        team.person("gone"),
    )
    team.guard(Step("Two of them", ("asker", "voter", "other", "gone"), quorum=2))
    _, approval = team.ask(asker)
    assert approval is not None
    team.services.principals.set_active(team.admin, "gone", False)
    assert refused(team, asker, approval) == "own-request"
    assert refused(team, auditor, approval) == "auditor"
    assert refused(team, outsider, approval) == "not-found"
    assert refused(team, gone, approval) == "deactivated"
    assert refused(team, voter, approval, "reject") == "reason-missing"
    team.services.approvals.vote(voter, approval, "approve")
    assert refused(team, voter, approval) == "voted-already"
    team.services.approvals.vote(other, approval, "reject", "wrong name")
    assert refused(team, other, approval) == "approval-closed"


def test_changed_content_voids_votes_and_asks_again(team: Team) -> None:
    voters = [team.person("a"), team.person("b")]
    team.guard(Step("Both", ("a", "b"), quorum=2))
    request, approval = team.ask(team.person("asker"))
    assert approval is not None
    team.services.approvals.vote(voters[0], approval, "approve")
    team.services.catalog.update_policy(team.admin, "tls", {"max_ttl": "47d"})
    assert refused(team, voters[1], approval) == "content-changed"
    assert team.services.issuance.advance(request).status == "waiting"
    row, _ = team.services.approvals.get(approval)
    assert row.round == 1
    for voter in voters:
        team.services.approvals.vote(voter, approval, "approve")
    assert team.services.issuance.advance(request).status == "issued"


def test_content_that_changed_after_the_approval_is_asked_about_again(team: Team) -> None:
    """Temporal was down meanwhile, say: what is signed is what was approved, or nothing."""
    voter = team.person("voter")
    team.guard(Step("One", ("voter",)), request_ttl=timedelta(hours=1))
    request, approval = team.ask(team.person("asker"), **SLOW_KEY)
    assert approval is not None
    team.services.approvals.vote(voter, approval, "approve")
    team.services.catalog.update_policy(team.admin, "tls", {"max_ttl": "47d"})
    team.clock.advance(timedelta(hours=2))
    assert team.services.issuance.advance(request).status == "waiting"
    row, votes = team.services.approvals.get(approval)
    assert (row.status, row.round, len(votes), row.decided_by) == ("open", 1, 1, None)
    assert row.expires_at == team.clock.now + timedelta(hours=1), "its time begins anew"
    assert team.services.requests.get(request).status == "pending_approval"
    assert team.services.issuance.advance(request).status == "waiting"
    team.services.approvals.vote(voter, approval, "approve")
    assert team.services.issuance.advance(request).status == "issued"
    with team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1


def test_the_workflow_hears_of_every_decision_also_when_it_is_the_same_one_again(team: Team) -> None:
    """It may wait without a deadline, and takes a reference that it heard before for the same news."""
    voter = team.person("voter")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(team.person("asker"), **SLOW_KEY)
    assert approval is not None
    team.services.approvals.vote(voter, approval, "approve")
    team.services.catalog.update_policy(team.admin, "tls", {"max_ttl": "47d"})
    assert team.services.issuance.advance(request).status == "waiting"
    team.services.approvals.vote(voter, approval, "approve")
    with team.services.context.db.read() as session:
        reported = session.exec(select(OutboxRow.signal).where(OutboxRow.subject_id == request)).all()
    decisions = [signal for signal in reported if signal]
    assert len(decisions) == len(set(decisions)) == 2


def test_a_present_approval_does_not_cover_what_changed_after_it_was_asked_for(team: Team) -> None:
    voter, asker = team.person("voter"), team.person("asker")
    team.guard(Step("One", ("voter",)), renewal_preapproval={"renewals": 5, "days": 400})
    request, approval = team.ask(asker)
    team.services.approvals.vote(voter, approval or "", "approve")
    assert team.services.issuance.advance(request).status == "issued"
    first = team.services.requests.get(request).certificate_id or ""
    renewal = team.services.renewals.renew(asker, first)
    assert (renewal.status, renewal.preapproval_id) == ("approved", approval)
    team.services.catalog.update_policy(team.admin, "tls", {"max_ttl": "47d"})
    assert team.services.issuance.advance(renewal.id).status == "waiting"
    asked = team.services.approvals.of_subject(renewal.id)
    assert asked is not None
    assert team.services.requests.get(renewal.id).preapproval_id is None
    team.services.approvals.vote(voter, asked.id, "approve")
    assert team.services.issuance.advance(renewal.id).status == "issued"


@pytest.mark.parametrize("failure", ["policy", "authority", "worker"])
def test_what_failed_before_it_was_approved_is_asked_about_when_it_is_tried_again(
    team: Team, failure: str
) -> None:
    voter, asker = team.person("voter"), team.person("asker")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(asker)
    assert approval is not None
    services, nothing = team.services, {"sans": {"dns": {"allowed": ["*.other.example"]}}}
    if failure == "policy":
        services.catalog.update_policy(team.admin, "tls", nothing)
        assert services.issuance.advance(request).status == "failed"
        with pytest.raises(PolicyViolation):
            services.requests.retry(asker, request)
        services.catalog.update_policy(team.admin, "tls", {})
    elif failure == "authority":
        services.authorities.update(team.admin, "root", enabled=False)
        assert services.issuance.advance(request).status == "failed"
        services.authorities.update(team.admin, "root", enabled=True)
    else:
        services.issuance.fail(request, "the worker gave up")
    assert services.approvals.get(approval)[0].status == "cancelled"
    assert services.requests.retry(asker, request).status == "pending_approval"
    assert services.issuance.advance(request).status == "waiting"
    services.approvals.vote(voter, approval, "approve")
    assert services.issuance.advance(request).status == "issued"
    assert [vote.round for vote in services.approvals.get(approval)[1]] == [1]


def test_an_approval_that_was_given_holds_when_it_is_tried_again(team: Team) -> None:
    voter, asker = team.person("voter"), team.person("asker")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(asker, **SLOW_KEY)
    team.services.approvals.vote(voter, approval or "", "approve")
    team.services.issuance.fail(request, "the worker gave up")
    assert team.services.requests.retry(asker, request).status == "approved"
    assert team.services.issuance.advance(request).status == "issued"


def test_what_nobody_was_asked_about_is_asked_about_if_it_is_guarded_when_it_is_tried_again(
    team: Team,
) -> None:
    voter, asker = team.person("voter"), team.person("asker")
    request, approval = team.ask(asker)
    assert approval is None
    team.services.issuance.fail(request, "the worker gave up")
    team.guard(Step("One", ("voter",)))
    assert team.services.requests.retry(asker, request).status == "pending_approval"
    opened = team.services.approvals.of_subject(request)
    assert opened is not None
    team.services.approvals.vote(voter, opened.id, "approve")
    assert team.services.issuance.advance(request).status == "issued"


@pytest.mark.parametrize(("days", "status"), [(399, "approved"), (401, "pending_approval")])
def test_a_present_approval_must_still_stand_when_a_renewal_is_tried_again(
    team: Team, days: int, status: str
) -> None:
    voter, asker = team.person("voter"), team.person("asker")
    team.guard(Step("One", ("voter",)), renewal_preapproval={"renewals": 1, "days": 400})
    request, approval = team.ask(asker)
    team.services.approvals.vote(voter, approval or "", "approve")
    assert team.services.issuance.advance(request).status == "issued"
    first = team.services.requests.get(request).certificate_id or ""
    renewal = team.services.renewals.renew(asker, first)
    assert renewal.status == "approved"
    team.services.issuance.fail(renewal.id, "the worker gave up")
    team.clock.advance(timedelta(days=days))
    assert team.services.requests.retry(asker, renewal.id).status == status


def test_what_was_accepted_before_its_profile_was_detached_is_not_signed_after(team: Team) -> None:
    request, _ = team.ask(team.person("asker"))
    team.services.applications.detach_profile(team.admin, team.application, "web")
    assert team.services.issuance.advance(request).status == "failed"
    assert "attached" in (team.services.requests.get(request).reason or "")
    team.services.applications.attach_profile(team.admin, team.application, "web")
    team.services.requests.retry(team.admin, request)
    assert team.services.issuance.advance(request).status == "issued"


def test_a_policy_that_now_denies_is_never_signed(team: Team) -> None:
    voter = team.person("voter")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(team.person("asker"), **SLOW_KEY)
    assert approval is not None
    team.services.approvals.vote(voter, approval, "approve")
    team.services.catalog.update_policy(
        team.admin, "tls", {"sans": {"dns": {"allowed": ["*.other.example"]}}}
    )
    assert team.services.issuance.advance(request).status == "failed"
    row = team.services.requests.get(request)
    assert "a.example.com" in (row.reason or "")


def test_expiry_comes_with_the_clock(team: Team) -> None:
    team.person("voter")
    team.guard(Step("One", ("voter",)), request_ttl=timedelta(hours=1))
    request, _ = team.ask(team.person("asker"))
    waiting = team.services.issuance.advance(request)
    assert waiting.wake_at == team.clock.now + timedelta(hours=1)
    team.clock.advance(timedelta(hours=1))
    assert team.services.issuance.advance(request).status == "expired"
    assert team.services.requests.get(request).status == "expired"


def test_an_unreachable_quorum_is_found_at_once(team: Team) -> None:
    asker = team.person("asker")
    team.person("voter")
    team.guard(Step("Both", ("asker", "voter"), quorum=2))
    with pytest.raises(Conflict, match="only 1 of its approvers"):
        team.ask(asker)


def test_a_refused_request_leaves_an_event_with_every_violation(team: Team) -> None:
    with pytest.raises(PolicyViolation):
        team.ask(team.person("asker"), "a.evil.example")
    with team.services.context.db.read() as session:
        row = session.exec(select(EventRow).where(EventRow.type == "request.refused")).one()
    assert row.data["violations"][0]["offered"] == "a.evil.example"
