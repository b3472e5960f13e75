"""Issuance in bulk: a chunk is one transaction, each request is issued once, and nothing is lost or silent."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from tests.integration import alert_world
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team
from tests.integration.issuance.slow_signer import slow_signer
from tests.support.statements import traffic

from certrail.domain.errors import Conflict
from certrail.persistence.tables import Certificate, Delivery, NotificationRow, OutboxRow
from certrail.services.approvals.policies import Step
from certrail.services.issuance import batch as batching

SIZE = 100
STATEMENTS = {"sqlite": 21, "postgresql": 22}
"""Of a batch of `SIZE` requests, with one sync and one alert by mail, of which a single issuance has 18 and 19."""


class Crash(BaseException):
    """The worker dies here."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a chunk is as large as its test says."""
    monkeypatch.setattr(batching, "LONGEST", 3600.0)
    monkeypatch.setattr(batching, "LONGEST_KEYS", 3600.0)


def raising(error: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def requested(team: Team, count: int) -> list[str]:
    return [team.ask(team.admin, f"n{number}.example.com")[0] for number in range(count)]


def issue_all(team: Team, idents: Sequence[str]) -> int:
    """What the workflow does; returns how many chunks it took."""
    chunks, left = 0, list(idents)
    while left:
        left, chunks = list(team.services.issuance_batch.advance(left)), chunks + 1
        assert chunks <= len(idents)
    return chunks


def statuses(team: Team, idents: Sequence[str]) -> Counter[str]:
    return Counter(team.services.requests.get(ident).status for ident in idents)


def certificates(team: Team) -> Counter[str | None]:
    """How many there are of each request."""
    with team.services.context.db.read() as session:
        return Counter(session.exec(select(Certificate.request_id)).all())


def own_workflows(team: Team, after: int = 0) -> list[str]:
    """The requests whose own workflow is started by rows after one."""
    with team.services.context.db.read() as session:
        query = select(OutboxRow).where(OutboxRow.flow == "issuance", col(OutboxRow.seq) > after)
        return [row.subject_id for row in session.exec(query).all() if row.batch_key is None]


def test_a_hundred_requests_are_issued_in_one_transaction(team: Team, tmp_path: Path) -> None:
    alert_world.sync_and_alert(team, tmp_path)
    idents = requested(team, SIZE)
    database = team.services.context.db
    with traffic(database) as seen:
        assert issue_all(team, idents) == 1
    assert statuses(team, idents) == {"issued": SIZE}
    assert certificates(team) == Counter(idents)
    with database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == SIZE
        assert len(session.exec(select(NotificationRow)).all()) == SIZE
    assert own_workflows(team) == []
    events = team.services.audit_log.events(None, type_="certificate.issued", limit=1000)
    assert Counter(event.data["request_id"] for event in events) == Counter(idents)
    expected = STATEMENTS["sqlite" if database.is_sqlite else "postgresql"]
    assert (len(seen.statements), seen.commits) == (expected, 1), seen.listed
    assert team.services.audit_log.verify().faults == []


def test_a_batch_that_runs_twice_issues_each_request_once(team: Team) -> None:
    idents = requested(team, 10)
    issue_all(team, idents)
    assert team.services.issuance_batch.advance(idents) == []
    assert team.services.issuance.advance(idents[0]).status == "issued", "its own workflow finds it issued"
    assert certificates(team) == Counter(idents)


@pytest.mark.parametrize("place", ["item.37", "signed", "committed", "begin"])
def test_a_worker_that_dies_inside_a_batch_leaves_all_or_nothing(
    team: Team, at_checkpoint: dict[str, Callable[[], None]], place: str
) -> None:
    idents = requested(team, SIZE)
    at_checkpoint[f"issuance_batch.{place}"] = raising(Crash())
    with pytest.raises(Crash):
        team.services.issuance_batch.advance(idents)
    issued = SIZE if place == "committed" else 0
    assert statuses(team, idents)["issued"] == issued
    issue_all(team, idents)
    assert statuses(team, idents) == {"issued": SIZE}
    assert certificates(team) == Counter(idents)
    assert own_workflows(team) == []


def test_one_that_the_policy_refuses_gets_its_own_workflow_which_says_why(team: Team) -> None:
    idents = requested(team, 5)
    rules = {"sans": {"dns": {"allowed": ["n0.example.com", "n1.example.com", "n3.example.com"]}}}
    team.services.catalog.update_policy(team.admin, "tls", rules=rules)
    assert issue_all(team, idents) == 1
    assert statuses(team, idents) == {"issued": 3, "approved": 2}
    assert sorted(own_workflows(team)) == sorted([idents[2], idents[4]])
    assert team.services.issuance.advance(idents[2]).status == "failed"
    assert "n2.example.com" in (team.services.requests.get(idents[2]).reason or "")
    assert certificates(team) == Counter([idents[0], idents[1], idents[3]])


def test_one_that_waits_for_approval_is_left_to_its_own_workflow(team: Team) -> None:
    free = requested(team, 2)
    team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    guarded, _ = team.ask(team.admin, "guarded.example.com")
    assert issue_all(team, [*free, guarded]) == 1
    assert statuses(team, [*free, guarded]) == {"issued": 2, "pending_approval": 1}
    # Once when it was accepted, once by the batch; the second start changes nothing where the first one runs.
    assert own_workflows(team) == [guarded, guarded]


def test_one_whose_approval_was_given_is_left_to_its_own_workflow(team: Team) -> None:
    boss = team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    # The deciding vote issues it at once where its key takes no time.
    content = {"sans": {"dns": ["guarded.example.com"]}, "key_algorithm": "RSA_2048"}
    row = team.services.requests.submit(team.admin, team.application, profile="web", content=content)
    approval = team.services.approvals.of_subject(row.id)
    assert approval is not None
    team.services.approvals.vote(boss, approval.id, "approve")
    before = len(own_workflows(team))
    issue_all(team, [row.id])
    assert statuses(team, [row.id]) == {"approved": 1}, "its content is compared with what was approved there"
    assert own_workflows(team)[before:] == [row.id]


def test_one_of_a_remote_authority_is_left_to_its_own_workflow(team: Team) -> None:
    (early,) = requested(team, 1)
    slow_signer(team)
    late, _ = team.ask(team.admin, "late.example.com")
    assert own_workflows(team) == [late], "accepted after its key went to the remote signer"
    issue_all(team, [early, late])
    assert statuses(team, [early, late]) == {"issuing": 2}
    assert sorted(own_workflows(team)) == sorted([late, early, late])


def test_one_that_was_cancelled_or_deleted_is_passed_over(team: Team) -> None:
    idents = requested(team, 3)
    team.services.requests.cancel(team.admin, idents[1])
    assert issue_all(team, [*idents, "no-such-request"]) == 1
    assert statuses(team, idents) == {"issued": 2, "cancelled": 1}
    assert own_workflows(team) == [idents[1]], (
        "the signal of the cancellation, to a workflow that ends at once"
    )
    assert team.services.issuance.advance(idents[1]).status == "cancelled"


def test_a_renewal_by_hand_is_left_to_its_own_workflow(team: Team) -> None:
    (first,) = requested(team, 1)
    issue_all(team, [first])
    certificate = team.services.requests.get(first).certificate_id or ""
    renewal = team.services.renewals.renew(team.admin, certificate)
    assert own_workflows(team) == [renewal.id], "it locks a lineage"
    issue_all(team, [renewal.id])
    assert statuses(team, [renewal.id]) == {"approved": 1}
    assert own_workflows(team) == [renewal.id, renewal.id]


def test_what_cannot_be_recorded_together_has_workflows_of_its_own(
    team: Team, at_checkpoint: dict[str, Callable[[], None]]
) -> None:
    """A fault of a chunk that no single request explains, twice: together, and one by one."""
    idents = requested(team, 4)
    signed = "issuance_batch.signed"

    def again() -> None:
        at_checkpoint[signed] = raising(ValueError("the second time"))
        raise ValueError("the first time")

    at_checkpoint[signed] = again
    assert team.services.issuance_batch.advance(idents) == []
    assert statuses(team, idents) == {"approved": 4}
    assert sorted(own_workflows(team)) == sorted(idents)
    for ident in idents:
        assert team.services.issuance.advance(ident).status == "issued"
    assert certificates(team) == Counter(idents)


def test_a_database_that_goes_away_is_raised(
    team: Team, at_checkpoint: dict[str, Callable[[], None]]
) -> None:
    idents = requested(team, 4)
    at_checkpoint["issuance_batch.item.2"] = raising(OperationalError("gone", None, Exception()))
    with pytest.raises(OperationalError):
        team.services.issuance_batch.advance(idents)
    assert own_workflows(team) == []
    assert statuses(team, idents) == {"approved": 4}
    assert issue_all(team, idents) == 1


def test_a_transaction_takes_requests_for_a_bounded_time(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    idents = requested(team, 3)
    monkeypatch.setattr(batching, "LONGEST", 0.0)
    assert issue_all(team, idents) == 3
    assert certificates(team) == Counter(idents)


def test_keys_are_made_for_a_bounded_time_and_before_the_transaction(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    idents = requested(team, 3)
    monkeypatch.setattr(batching, "LONGEST_KEYS", 0.0)
    assert team.services.issuance_batch.advance(idents) == idents[1:]
    assert issue_all(team, idents[1:]) == 2
    assert certificates(team) == Counter(idents)


def test_whoever_cancels_while_a_batch_signs_finds_it_issued(team: Team) -> None:
    idents = requested(team, 3)

    def cancel() -> object:
        try:
            return team.services.requests.cancel(team.admin, idents[1])
        except Conflict as refusal:
            return refusal

    found = meanwhile(team, lambda: issue_all(team, idents), cancel)
    assert isinstance(found, Conflict)
    assert statuses(team, idents) == {"issued": 3}


def test_two_batches_with_the_same_requests_issue_each_once(team: Team) -> None:
    idents = requested(team, 6)
    meanwhile(team, lambda: issue_all(team, idents[:4]), lambda: issue_all(team, idents[::-1]))
    assert statuses(team, idents) == {"issued": 6}
    assert certificates(team) == Counter(idents)


def test_a_batch_that_was_lost_is_found_by_its_requests(team: Team) -> None:
    """Temporal knows no workflow of a request that was in a batch; the reconciliation starts one."""
    services = team.services
    services.reconciliation.restore("store")
    idents = requested(team, 3)
    for message in services.outbox.claim():
        services.outbox.dispatched([message.seq])
    issue_all(team, idents[:1])
    team.clock.advance(timedelta(minutes=2))
    needed = services.reconciliation.to_check()
    assert {one.ident for one in needed if one.kind == "requests"} == set(idents[1:])
    assert services.reconciliation.restart(needed) >= 2
    assert sorted(own_workflows(team)) == sorted(idents[1:])


def test_a_failed_request_that_is_retried_has_its_own_workflow(team: Team) -> None:
    (ident,) = requested(team, 1)
    team.services.issuance.fail(ident, "for a test")
    team.services.requests.retry(team.admin, ident)
    assert own_workflows(team) == [ident]
    assert team.services.issuance.advance(ident).status == "issued"
