"""The vote that decides issues the certificate in its own transaction, where nothing has to be waited for."""

import pytest
from sqlmodel import col, select
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team
from tests.support.statements import traffic

from certrail.persistence.tables import Certificate, EventRow, OutboxRow
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step


@pytest.fixture
def asked(team: Team) -> tuple[str, str]:
    """A request that waits for one vote, and its approval."""
    team.person("voter")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(team.person("asker"))
    assert approval is not None
    return request, approval


def vote(team: Team, approval: str) -> None:
    team.services.approvals.vote(team.actor("voter"), approval, "approve")


def events(team: Team) -> list[str]:
    with team.services.context.db.read() as session:
        rows = session.exec(
            select(EventRow).order_by(col(EventRow.seq)).where(EventRow.actor_name == "voter")
        )
        return [row.type for row in rows.all()]


def test_vote_and_certificate_are_one_commit(team: Team, asked: tuple[str, str]) -> None:
    request, approval = asked
    with traffic(team.services.context.db) as seen:
        vote(team, approval)
    assert seen.commits == 1, seen.listed
    assert team.services.requests.get(request).status == "issued"
    assert events(team) == [
        "approval.voted",
        "request.approved",
        "approval.approved",
        "request.issued",
        "certificate.issued",
    ]
    assert team.services.issuance.advance(request).status == "issued"
    with team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1
        # The workflow hears of it, too: it ends with the request.
        signals = select(OutboxRow.signal).where(OutboxRow.subject_id == request)
        assert any(signal and signal.endswith("approved") for signal in session.exec(signals).all())


def test_what_cannot_be_issued_is_approved_and_left_to_its_workflow(
    team: Team, asked: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request, approval = asked

    def broken(*_arguments: object) -> None:
        raise RuntimeError("no entropy")

    with monkeypatch.context() as patch:
        patch.setattr("certrail.services.issuance.issuance.new_serial", broken)
        vote(team, approval)
    assert team.services.requests.get(request).status == "approved"
    with team.services.context.db.read() as session:
        assert session.exec(select(Certificate)).all() == []
    assert "certificate.issued" not in events(team)
    assert team.services.issuance.advance(request).status == "issued"


def test_an_rsa_key_is_not_generated_under_the_locks_of_a_vote(team: Team) -> None:
    team.person("voter")
    team.guard(Step("One", ("voter",)))
    request, approval = team.ask(team.person("asker"), key_algorithm="RSA_2048")
    assert approval is not None
    vote(team, approval)
    assert team.services.requests.get(request).status == "approved"
    assert team.services.issuance.advance(request).status == "issued"


@pytest.mark.parametrize("vote_first", [True, False], ids=["the vote first", "the workflow first"])
def test_vote_and_workflow_at_once_issue_once(team: Team, asked: tuple[str, str], vote_first: bool) -> None:
    request, approval = asked
    both = (lambda: vote(team, approval), lambda: team.services.issuance.advance(request))
    meanwhile(team, *(both if vote_first else reversed(both)))
    assert team.services.requests.get(request).status == "issued"
    with team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1


def test_a_renewal_is_issued_by_its_vote_beside_a_revocation(team: Team, asked: tuple[str, str]) -> None:
    """The vote locks request, approval and lineage; a revocation the lineage first, and none of the other two."""
    request, approval = asked
    vote(team, approval)
    first = team.services.requests.get(request).certificate_id
    assert first is not None
    renewal = team.services.renewals.renew(team.actor("asker"), first)
    second = team.services.approvals.of_subject(renewal.id)
    assert second is not None
    meanwhile(
        team,
        lambda: vote(team, second.id),
        lambda: team.services.revocation.revoke(team.admin, first, Reason.SUPERSEDED),
    )
    assert team.services.requests.get(renewal.id).status == "issued"
    assert team.services.inventory.get(first).status == "revoked"
