"""Nothing is signed for a key that can be broken, or that was revoked for keyCompromise."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration import handmade
from tests.integration.conftest import Team
from tests.support.breakable_keys import close_primes
from tests.support.web import serving

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import BadInput, Conflict
from certrail.persistence.tables import Certificate
from certrail.pki.authority import self_signed_root
from certrail.pki.keys import generate, to_pem
from certrail.pki.parse import from_pem_text
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail.services.issuance.imports import ImportedStatus

pytestmark = pytest.mark.any_database


def submit(team: Team, csr: str) -> str:
    return team.services.requests.submit(team.admin, team.application, profile="web", content={"csr": csr}).id


def issued(team: Team, csr: str) -> Certificate:
    request = submit(team, csr)
    assert team.services.issuance.advance(request).status == "issued"
    return team.services.inventory.get(team.services.requests.get(request).certificate_id or "")


def test_a_key_with_close_primes_is_refused_over_http(team: Team) -> None:
    _, token = team.services.tokens.issue(team.admin, "admin", name="t")
    body = {"profile": "web", "csr": handmade.csr(close_primes())}
    with serving(team.services) as url:
        answer = httpx2.post(
            f"{url}/api/v1/applications/app/certificate-requests",
            json=body,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=60,
        )
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (400, "csr"), problem
    assert "its primes are close to each other" in problem["detail"]


@pytest.mark.parametrize("reason", list(Reason))
def test_only_a_compromised_key_is_burnt(team: Team, reason: Reason) -> None:
    key = generate(KeyAlgorithm.EC_P256)
    team.services.revocation.revoke(team.admin, issued(team, handmade.csr(key)).id, reason)
    if reason is not Reason.KEY_COMPROMISE:
        assert issued(team, handmade.csr(key)).status == "active"
        return
    for csr in (handmade.csr(key), handmade.csr(key, name="b.example.com")):
        with pytest.raises(Conflict, match="revoked for keyCompromise"):
            submit(team, csr)
    assert issued(team, handmade.csr()).status == "active"


def test_what_waits_for_approval_is_not_signed_when_its_key_is_compromised(team: Team) -> None:
    key = generate(KeyAlgorithm.EC_P256)
    first = issued(team, handmade.csr(key))
    team.guard(Step("Owners", ("admin",)), allow_self_approval=True)
    request = submit(team, handmade.csr(key))
    approval = team.services.approvals.of_subject(request)
    assert approval
    team.services.revocation.revoke(team.admin, first.id, Reason.KEY_COMPROMISE)
    team.services.approvals.vote(team.admin, approval.id, "approve")
    assert team.services.issuance.advance(request).status == "failed"
    assert "revoked for keyCompromise" in (team.services.requests.get(request).reason or "")


def test_a_kept_key_is_not_signed_again(team: Team) -> None:
    """Two certificates hold the key; one of them is revoked for it."""
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    first = team.services.requests.get(request).certificate_id or ""
    again = team.services.renewals.renew(team.admin, first, same_key=True)
    team.services.issuance.advance(again.id)
    second = team.services.requests.get(again.id).certificate_id or ""
    team.services.revocation.revoke(team.admin, first, Reason.KEY_COMPROMISE)
    with pytest.raises(Conflict, match="Make a new key"):
        team.services.renewals.renew(team.admin, second, same_key=True)
    fresh = team.services.renewals.renew(team.admin, second)
    assert team.services.issuance.advance(fresh.id).status == "issued"


def test_a_certificate_that_comes_revoked_burns_its_key_too(team: Team) -> None:
    """As in an inventory that is taken over."""
    key = generate(KeyAlgorithm.EC_P256)
    bundle = from_pem_text(handmade.certificate(key))
    past = ImportedStatus("revoked", datetime.now(UTC), Reason.KEY_COMPROMISE)
    team.services.imports.keep(team.admin, team.application, bundle, past=past)
    with pytest.raises(Conflict, match="revoked for keyCompromise"):
        submit(team, handmade.csr(key))


def test_an_authority_with_a_weak_key_is_not_taken_over(team: Team) -> None:
    key, now = close_primes(), datetime.now(UTC)
    root = self_signed_root(Subject(common_name="Weak"), key, 7, now, now + timedelta(days=9), None)
    with pytest.raises(BadInput, match="close to each other") as refusal:
        team.services.authorities.adopt(
            team.admin,
            slug="weak",
            name="Weak",
            certificate=root.public_bytes(Encoding.PEM).decode(),
            private_key=to_pem(key).decode(),
        )
    assert refusal.value.extra["field"] == "private_key"
