"""Revocations that an approval policy guards: requested, decided, and carried out once."""

from datetime import timedelta

import pytest
from cryptography import x509
from sqlmodel import select
from tests.integration.conftest import Team

from certrail.domain.approval import GuardedAction
from certrail.domain.errors import Conflict, Forbidden
from certrail.persistence.tables import Certificate, OutboxRow, RevocationRequest
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor

REVOCATION = (GuardedAction.REVOCATION,)
OWNERS = Step("Owners", ("ann", "bob"), quorum=2)


def issued(team: Team, name: str = "a.example.com") -> Certificate:
    request, _ = team.ask(team.admin, name)
    assert team.services.issuance.advance(request).status == "issued"
    return team.services.inventory.get(team.services.requests.get(request).certificate_id or "")


@pytest.fixture
def people(team: Team) -> dict[str, Actor]:
    return {slug: team.person(slug) for slug in ("ann", "bob", "asker")}


def requested(
    team: Team, asker: Actor, certificate: Certificate, reason: Reason = Reason.KEY_COMPROMISE
) -> tuple[RevocationRequest, str]:
    """A request for the revocation of a certificate, and the id of its approval."""
    found, request = team.services.revocation.revoke(asker, certificate.id, reason)
    assert request is not None
    assert found.status == "active"
    approval = team.services.approvals.of_subject(request.id)
    assert approval is not None
    return request, approval.id


def vote(team: Team, approval: str, *voters: Actor, decision: str = "approve", comment: str = "") -> None:
    for voter in voters:
        team.services.approvals.vote(voter, approval, decision, comment)


def state(team: Team, certificate: Certificate) -> str:
    return team.services.inventory.get(certificate.id).status


def listed(team: Team) -> int:
    return len(list(x509.load_der_x509_crl(team.services.status_responder.crl("root").content)))


def test_it_is_revoked_once_both_approved(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, approval = requested(team, people["asker"], certificate)
    advance = team.services.revocation.advance
    assert advance(request.id).status == "waiting"
    vote(team, approval, people["ann"])
    assert advance(request.id).status == "waiting"
    assert (state(team, certificate), listed(team)) == ("active", 0)
    vote(team, approval, people["bob"])
    assert [advance(request.id).status for _ in range(2)] == ["revoked", "revoked"]
    row = team.services.inventory.get(certificate.id)
    assert (row.status, row.revocation_reason, listed(team)) == ("revoked", "keyCompromise", 1)
    types = [event.type for event in team.services.audit_log.events(None, limit=1000)]
    assert types.count("certificate.revoked") == 1
    assert team.services.revocation.get(request.id).status == "revoked"


def test_a_rejected_one_changes_nothing(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    before = listed(team)
    request, approval = requested(team, people["asker"], certificate)
    vote(team, approval, people["ann"], decision="reject", comment="still in use")
    assert team.services.revocation.advance(request.id).status == "rejected"
    row = team.services.revocation.get(request.id)
    assert (row.status, row.reason) == ("rejected", "still in use")
    assert (state(team, certificate), listed(team)) == ("active", before)
    again, _ = requested(team, people["asker"], certificate)
    assert again.id != request.id


def test_what_nobody_guards_is_revoked_at_once(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS)
    found, request = team.services.revocation.revoke(people["asker"], certificate.id)
    assert (found.status, request) == ("revoked", None)
    assert team.services.revocation.list(team.application) == []


def test_a_machine_identity_that_the_policy_bypasses_revokes_at_once(
    team: Team, people: dict[str, Actor]
) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION, bypass_machine_identities=True)
    request, approval = requested(team, people["asker"], certificate)
    found, waiting = team.services.revocation.revoke(team.person("robot", kind="machine"), certificate.id)
    assert (found.status, waiting) == ("revoked", None)
    # The request of the person has nothing left to revoke, and its approval says so.
    assert team.services.approvals.get(approval)[0].status == "cancelled"
    row = team.services.revocation.get(request.id)
    assert (row.status, row.reason) == ("cancelled", "the certificate was revoked meanwhile")
    assert team.services.revocation.advance(request.id).status == "cancelled"


def test_a_certificate_has_one_open_request(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, _ = requested(team, people["asker"], certificate)
    with pytest.raises(Conflict, match="requested already") as refused:
        team.services.revocation.revoke(team.person("other"), certificate.id)
    assert refused.value.extra["revocation_request_id"] == request.id


def test_a_renewal_meanwhile_asks_everybody_again(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, approval = requested(team, people["asker"], certificate)
    vote(team, approval, people["ann"])
    renewal = team.services.renewals.renew(team.admin, certificate.id)
    assert team.services.issuance.advance(renewal.id).status == "issued"
    with pytest.raises(Conflict, match="has changed"):
        vote(team, approval, people["bob"])
    assert team.services.revocation.advance(request.id).status == "waiting"
    row, _ = team.services.approvals.get(approval)
    assert (row.status, row.round) == ("open", 1)
    vote(team, approval, people["ann"], people["bob"])
    assert team.services.revocation.advance(request.id).status == "revoked"
    assert state(team, certificate) == "revoked"


def test_a_renewal_after_the_approval_asks_everybody_again_too(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, approval = requested(team, people["asker"], certificate)
    vote(team, approval, people["ann"], people["bob"])
    renewal = team.services.renewals.renew(team.admin, certificate.id)
    assert team.services.issuance.advance(renewal.id).status == "issued"
    assert team.services.revocation.advance(request.id).status == "waiting"
    assert team.services.revocation.get(request.id).status == "pending_approval"
    assert state(team, certificate) == "superseded"


def test_it_is_cancelled_by_the_requester_or_an_admin(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, approval = requested(team, people["asker"], certificate)
    with pytest.raises(Forbidden):
        team.services.revocation.cancel(people["ann"], request.id)
    assert team.services.revocation.cancel(people["asker"], request.id).status == "cancelled"
    assert team.services.approvals.get(approval)[0].status == "cancelled"
    with pytest.raises(Conflict):
        team.services.revocation.cancel(people["asker"], request.id)
    second, _ = requested(team, people["asker"], certificate)
    assert team.services.revocation.cancel(team.admin, second.id).status == "cancelled"


def test_it_expires(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION, request_ttl=timedelta(hours=1))
    request, approval = requested(team, people["asker"], certificate)
    step = team.services.revocation.advance(request.id)
    assert step.wake_at == team.clock.now + timedelta(hours=1)
    team.clock.advance(timedelta(hours=1))
    assert team.services.revocation.advance(request.id).status == "expired"
    assert team.services.approvals.get(approval)[0].status == "expired"


def test_a_policy_that_is_deleted_closes_it(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, _ = requested(team, people["asker"], certificate)
    ((policy, _),) = team.services.approval_policies.list(team.application)
    team.services.approval_policies.delete(team.admin, team.application, policy.slug)
    assert team.services.revocation.advance(request.id).status == "cancelled"
    assert team.services.revocation.revoke(people["asker"], certificate.id).certificate.status == "revoked"


def test_who_requests_it_does_not_approve_it(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(Step("Owners", ("ann", "bob")), guards=REVOCATION)
    _, approval = requested(team, people["ann"], certificate)
    with pytest.raises(Forbidden, match="others must decide"):
        vote(team, approval, people["ann"])


def test_policies_overlap_by_guarded_action(team: Team, people: dict[str, Actor]) -> None:
    assert people
    team.guard(OWNERS)
    team.guard(OWNERS, guards=REVOCATION)
    with pytest.raises(Conflict, match="revocation of the profile"):
        team.guard(OWNERS, guards=REVOCATION)
    with pytest.raises(Conflict, match="issuance of the profile"):
        team.guard(OWNERS, guards=tuple(GuardedAction))


def test_its_workflow_is_named_by_the_request(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, approval = requested(team, people["asker"], certificate)
    vote(team, approval, people["ann"], people["bob"])
    with team.services.context.db.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.flow == "revocation")).all()
    assert {row.workflow_id for row in rows} == {f"revocation-{request.id}"}
    assert {row.lineage_id for row in rows} == {certificate.lineage_id}
    assert [row.signal is None for row in rows] == [True, False]


def test_an_application_with_an_open_request_is_not_deleted(team: Team, people: dict[str, Actor]) -> None:
    certificate = issued(team)
    team.guard(OWNERS, guards=REVOCATION)
    request, _ = requested(team, people["asker"], certificate)
    deletions = team.services.deletions
    with pytest.raises(Conflict, match="revocation requests are under way"):
        deletions.delete(team.admin, team.application, deletions.preview(team.application).confirm)
    team.services.revocation.cancel(team.admin, request.id)
    deletions.delete(team.admin, team.application, deletions.preview(team.application).confirm)
