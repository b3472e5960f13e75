"""Two steps of a guarded revocation on two connections: one waits for the other's locks, and one of them decides.

Each test lets the first do everything but commit, then starts the second, which ends or waits for a row lock.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from sqlmodel import select
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team
from tests.integration.lifecycle.test_guarded_revocation import REVOCATION, issued

from certrail.domain.errors import Conflict
from certrail.persistence.tables import ApprovalRequest, Certificate, OutboxRow, RevocationRequest
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor

OWNERS = Step("Owners", ("ann", "bob", "carol"), quorum=2)
LIFETIME = timedelta(hours=1)


@dataclass
class Guarded:
    """A certificate whose revocation two of ann, bob and carol must approve; it is requested, and ann has approved."""

    team: Team
    ann: Actor
    bob: Actor
    carol: Actor
    asker: Actor
    certificate: Certificate
    request: str = ""
    approval: str = ""

    def open(self) -> None:
        """Submit the request, with the first vote."""
        _, request = self.team.services.revocation.revoke(
            self.asker, self.certificate.id, Reason.KEY_COMPROMISE
        )
        assert request is not None
        approval = self.team.services.approvals.of_subject(request.id)
        assert approval is not None
        self.request, self.approval = request.id, approval.id
        self.vote(self.ann)

    def vote(self, voter: Actor, decision: str = "approve") -> None:
        """One vote, as by the API."""
        self.team.services.approvals.vote(voter, self.approval, decision, "still in use")

    def advance(self) -> str:
        """A step of the request's workflow."""
        return self.team.services.revocation.advance(self.request).status

    def renewal(self) -> Callable[[], Any]:
        """The step that issues a renewal of the certificate, which is requested now."""
        renewal = self.team.services.renewals.renew(self.team.admin, self.certificate.id)
        return lambda: self.team.services.issuance.advance(renewal.id)

    def states(self) -> tuple[str, str, str]:
        """Of the certificate, the request and the approval."""
        with self.team.services.context.db.read() as session:
            return (
                session.get_one(Certificate, self.certificate.id).status,
                session.get_one(RevocationRequest, self.request).status,
                session.get_one(ApprovalRequest, self.approval).status,
            )

    def events(self) -> Counter[str]:
        """How many events of each type are on record about revocation and approval."""
        rows = self.team.services.audit_log.events(None, limit=1000)
        kinds = ("approval.", "revocation_request.", "certificate.revoked", "certificate.held")
        return Counter(row.type for row in rows if row.type.startswith(kinds))

    def listed(self) -> set[str]:
        """The serial numbers on the revocation list."""
        crl = x509.load_der_x509_crl(self.team.services.status_responder.crl("root").content)
        return {f"{entry.serial_number:x}" for entry in crl}

    def signals(self) -> int:
        """How often the request's workflow was signalled."""
        with self.team.services.context.db.read() as session:
            rows = session.exec(
                select(OutboxRow).where(OutboxRow.workflow_id == f"revocation-{self.request}")
            )
            return sum(row.signal is not None for row in rows)


@pytest.fixture
def guarded(team: Team) -> Guarded:
    ann, bob, carol, asker = (team.person(slug) for slug in ("ann", "bob", "carol", "asker"))
    team.guard(OWNERS, guards=REVOCATION, request_ttl=LIFETIME)
    one = Guarded(team, ann, bob, carol, asker, issued(team))
    one.open()
    return one


def refused(step: Callable[[], object]) -> Callable[[], str]:
    """The kind of the conflict that a step ends in."""

    def attempt() -> str:
        with pytest.raises(Conflict) as conflict:
            step()
        return conflict.value.kind

    return attempt


def test_the_deciding_vote_is_seen_by_a_step_that_waits_for_it(guarded: Guarded) -> None:
    assert meanwhile(guarded.team, lambda: guarded.vote(guarded.bob), guarded.advance) == "revoked"
    assert guarded.states() == ("revoked", "revoked", "approved")
    assert guarded.listed() == {guarded.certificate.serial}
    counts = guarded.events()
    assert (counts["approval.approved"], counts["approval.voted"], counts["certificate.revoked"]) == (1, 2, 1)


def test_the_deciding_vote_after_a_step_that_waits_signals_the_next_one(guarded: Guarded) -> None:
    before = guarded.signals()
    meanwhile(guarded.team, guarded.advance, lambda: guarded.vote(guarded.bob))
    assert guarded.states() == ("active", "approved", "approved")
    assert guarded.signals() == before + 1
    assert guarded.advance() == "revoked"
    assert guarded.events()["certificate.revoked"] == 1


def test_a_rejection_before_the_deciding_vote_wins(guarded: Guarded) -> None:
    late = meanwhile(
        guarded.team,
        lambda: guarded.vote(guarded.carol, "reject"),
        refused(lambda: guarded.vote(guarded.bob)),
    )
    assert late == "approval-closed"
    assert guarded.advance() == "rejected"
    assert guarded.states() == ("active", "rejected", "rejected")
    counts = guarded.events()
    assert (counts["approval.rejected"], counts["approval.approved"], counts["certificate.revoked"]) == (
        1,
        0,
        0,
    )
    assert counts["approval.vote_refused"] == 1


def test_the_deciding_vote_before_a_rejection_wins(guarded: Guarded) -> None:
    late = meanwhile(
        guarded.team,
        lambda: guarded.vote(guarded.bob),
        refused(lambda: guarded.vote(guarded.carol, "reject")),
    )
    assert late == "approval-closed"
    assert guarded.advance() == "revoked"
    counts = guarded.events()
    assert (counts["approval.rejected"], counts["approval.approved"], counts["certificate.revoked"]) == (
        0,
        1,
        1,
    )


def test_an_approval_that_expires_takes_no_vote(guarded: Guarded) -> None:
    guarded.team.clock.advance(LIFETIME)
    late = meanwhile(guarded.team, guarded.advance, refused(lambda: guarded.vote(guarded.bob)))
    assert late == "approval-closed"
    assert guarded.states() == ("active", "expired", "expired")
    assert guarded.events()["approval.expired"] == 1


def test_a_step_that_runs_twice_revokes_once(guarded: Guarded) -> None:
    guarded.vote(guarded.bob)
    assert meanwhile(guarded.team, guarded.advance, guarded.advance) == "revoked"
    assert guarded.states() == ("revoked", "revoked", "approved")
    counts = guarded.events()
    assert (counts["certificate.revoked"], counts["revocation_request.revoked"]) == (1, 1)


def test_a_cancellation_before_the_deciding_vote_wins(guarded: Guarded) -> None:
    cancel = guarded.team.services.revocation.cancel
    late = meanwhile(
        guarded.team,
        lambda: cancel(guarded.asker, guarded.request),
        refused(lambda: guarded.vote(guarded.bob)),
    )
    assert late == "approval-closed"
    assert guarded.advance() == "cancelled"
    assert guarded.states() == ("active", "cancelled", "cancelled")


def test_the_deciding_vote_before_a_cancellation_wins(guarded: Guarded) -> None:
    cancel = guarded.team.services.revocation.cancel
    meanwhile(
        guarded.team,
        lambda: guarded.vote(guarded.bob),
        refused(lambda: cancel(guarded.asker, guarded.request)),
    )
    assert guarded.advance() == "revoked"
    assert guarded.states() == ("revoked", "revoked", "approved")


def test_a_renewal_before_the_revocation_voids_the_approval(guarded: Guarded) -> None:
    guarded.vote(guarded.bob)
    assert meanwhile(guarded.team, guarded.renewal(), guarded.advance) == "waiting"
    assert guarded.states() == ("superseded", "pending_approval", "open")
    assert guarded.listed() == set()
    guarded.vote(guarded.ann)
    guarded.vote(guarded.bob)
    assert guarded.advance() == "revoked"
    assert guarded.events()["certificate.revoked"] == 1


def test_a_renewal_after_the_revocation_fails(guarded: Guarded) -> None:
    guarded.vote(guarded.bob)
    assert meanwhile(guarded.team, guarded.advance, guarded.renewal()).status == "failed"
    assert guarded.states() == ("revoked", "revoked", "approved")
    assert guarded.events()["certificate.revoked"] == 1


def test_a_vote_during_a_renewal_revokes_nothing_else(guarded: Guarded) -> None:
    """The vote was for an active certificate; it is superseded before the revocation, which needs a new approval."""

    def vote() -> None:
        with suppress(
            Conflict
        ):  # where it waits for the renewal, as on SQLite, it is refused: the content changed
            guarded.vote(guarded.bob)

    meanwhile(guarded.team, guarded.renewal(), vote)
    assert guarded.advance() == "waiting"
    assert guarded.states() == ("superseded", "pending_approval", "open")


def test_two_requests_for_one_certificate_are_one_approval(team: Team) -> None:
    _, _, _, first, second = (team.person(slug) for slug in ("ann", "bob", "carol", "asker", "other"))
    team.guard(OWNERS, guards=REVOCATION)
    certificate, revoke = issued(team), team.services.revocation.revoke
    kind = meanwhile(
        team,
        lambda: revoke(first, certificate.id),
        refused(lambda: revoke(second, certificate.id)),
    )
    assert kind == "revocation-requested"
    (request,) = team.services.revocation.list(team.application)
    assert (request.status, request.requester_id) == ("pending_approval", first.principal_id)
    with team.services.context.db.read() as session:
        (approval,) = session.exec(select(ApprovalRequest)).all()
    assert approval.subject_id == request.id


@pytest.mark.parametrize("vote_first", [True, False], ids=["after the vote", "before the vote"])
def test_a_revocation_without_approval_beside_the_deciding_vote_is_one_revocation(
    team: Team, vote_first: bool
) -> None:
    """A machine identity that the policy bypasses locks the lineage first, the vote the request: no deadlock."""
    ann, bob, carol, asker = (team.person(slug) for slug in ("ann", "bob", "carol", "asker"))
    robot = team.person("robot", kind="machine")
    team.guard(OWNERS, guards=REVOCATION, bypass_machine_identities=True)
    guarded = Guarded(team, ann, bob, carol, asker, issued(team))
    guarded.open()

    def bypassing() -> object:
        return team.services.revocation.revoke(robot, guarded.certificate.id, Reason.SUPERSEDED)

    if vote_first:
        meanwhile(team, lambda: guarded.vote(guarded.bob), bypassing)
    else:
        assert meanwhile(team, bypassing, refused(lambda: guarded.vote(guarded.bob))) == "approval-closed"
    assert guarded.advance() == "cancelled"
    certificate, request, approval = guarded.states()
    assert (certificate, request) == ("revoked", "cancelled")
    assert approval == ("approved" if vote_first else "cancelled")
    assert guarded.events()["certificate.revoked"] == 1
    assert team.services.inventory.get(guarded.certificate.id).revocation_reason == "superseded"


def test_a_role_that_is_lost_beside_the_deciding_vote(guarded: Guarded) -> None:
    """Who loses the role while voting has voted; the members change after the decision, under the same locks."""
    remove = guarded.team.services.applications.remove_member
    meanwhile(
        guarded.team,
        lambda: guarded.vote(guarded.bob),
        lambda: remove(guarded.team.admin, guarded.team.application, "bob"),
    )
    assert guarded.advance() == "revoked"
    assert guarded.states() == ("revoked", "revoked", "approved")
    assert guarded.events()["approval.quorum_lost"] == 0
