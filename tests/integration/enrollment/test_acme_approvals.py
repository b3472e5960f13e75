"""ACME orders under an approval policy: requested once, used once, whoever comes back with a new key."""

from datetime import timedelta
from typing import Any

import pytest
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from josepy.b64 import b64encode
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld, csr_for, soon

from certrail.domain.content import KeyAlgorithm
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import (
    AcmeOrderApproval,
    ApprovalRequest,
    Certificate,
    CertificateRequest,
    EventRow,
)
from certrail.services.approvals.policies import Step
from certrail.services.approvals.subject import subject_of


def guard(acme: AcmeWorld, **options: Any) -> None:
    acme.team.person("ada")
    acme.team.guard(Step("One", ("ada",)), **options)
    acme.here("a.example.com", "b.example.com")


def encoded(pem: bytes) -> str:
    return b64encode(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)).decode()


def approvals(team: Team) -> list[ApprovalRequest]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(ApprovalRequest)).all())


def vote(team: Team, decision: str = "approve") -> None:
    (opened,) = [row for row in approvals(team) if row.status == ApprovalStatus.OPEN]
    team.services.approvals.vote(team.actor("ada"), opened.id, decision, "as was agreed")


def finalized(
    client: AcmeClient, name: str = "a.example.com", csr: bytes | None = None
) -> messages.OrderResource:
    """An order whose challenges are valid and whose CSR was given; the client gives up then."""
    order = client.acme.new_order(csr or csr_for(name))
    client.show_by_http(order)
    order = client.acme.poll_authorizations(order, soon())
    return client.acme.begin_finalization(order)


def state(client: AcmeClient, order: messages.OrderResource) -> tuple[str, str | None]:
    answer = client.raw(order.uri, None)
    return answer.json()["status"], answer.headers.get("Retry-After")


def issued(client: AcmeClient, order: messages.OrderResource) -> str:
    return client.acme.poll_finalization(order, soon()).fullchain_pem


def test_a_client_that_waits_gets_it_after_the_approval(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    order = finalized(client)
    assert state(client, order) == ("processing", "15")
    vote(acme.team)
    assert issued(client, order)
    with acme.team.services.context.db.read() as session:
        request = session.exec(select(CertificateRequest)).one()
    (approval,) = approvals(acme.team)
    assert (approval.subject_type, request.preapproval_id) == ("acme_order", approval.id)


def test_the_approver_reads_names_and_account_and_that_the_key_is_free(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client(contact=("mailto:ops@example.com",))
    client.order("a.example.com")
    (approval,) = approvals(acme.team)
    context = acme.team.services.context
    with context.db.read() as session:
        subject = subject_of(context, session, approval)
        facts = {fact.label: fact.value for fact in subject.facts(session)}
    assert subject.title() == "Approve ACME orders for a.example.com?"
    assert facts["DNS names (1)"] == "a.example.com"
    assert facts["Certificate"] == "end entity"
    assert facts["Profile"].endswith("version 1, policy version 1")
    assert "may change" in facts["Key"]
    assert "mailto:ops@example.com" in facts["Account"]


def test_the_approver_reads_what_the_defaults_of_the_profile_add(acme: AcmeWorld) -> None:
    """Facts are equal only where digests are: an authority and a subject are among them."""
    defaults = {
        "subject": {"organization": "Example"},
        "basic_constraints": {"ca": True, "path_length": 0},
    }
    catalog = acme.team.services.catalog
    catalog.update_policy(acme.team.admin, "tls", rules={"basic_constraints": {"ca": "allowed"}})
    catalog.update_profile(acme.team.admin, "web", defaults=defaults)
    guard(acme)
    acme.client().order("a.example.com")
    (approval,) = approvals(acme.team)
    context = acme.team.services.context
    with context.db.read() as session:
        subject = subject_of(context, session, approval)
        facts = {fact.label: fact.value for fact in subject.facts(session)}
    assert facts["Certificate"] == "CERTIFICATE AUTHORITY, path length 0"
    assert facts["Organization"] == "Example"
    assert "CERTIFICATE AUTHORITY" in subject.title()


def test_a_client_that_gave_up_finds_the_approval_with_a_new_order_and_key(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    given_up = finalized(client)
    again = finalized(client)
    assert len(approvals(acme.team)) == 1, "nobody is asked twice"
    vote(acme.team)
    with acme.team.services.context.db.read() as session:
        assert session.exec(select(CertificateRequest)).all() == [], "nothing is issued for who has gone"
    later = finalized(client)
    assert issued(client, later)
    assert len(approvals(acme.team)) == 1
    for earlier in (given_up, again):
        assert state(client, earlier)[0] == "processing"
    assert len([row for row in approvals(acme.team) if row.status == "open"]) == 1, "it was used: asked again"
    with acme.team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1


def test_it_is_used_once(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    order = finalized(client)
    vote(acme.team)
    assert issued(client, order)
    client.order("a.example.com")
    assert [row.status for row in approvals(acme.team)].count("open") == 1


def test_it_is_used_within_its_lifetime(acme: AcmeWorld) -> None:
    guard(acme, request_ttl=timedelta(hours=2))
    client = acme.client()
    client.order("a.example.com")
    vote(acme.team)
    acme.team.clock.advance(timedelta(hours=3))
    client.order("a.example.com")
    assert sorted(row.status for row in approvals(acme.team)) == ["approved", "open"]


def test_other_names_and_other_accounts_ask_by_themselves(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    client.order("a.example.com")
    client.order("b.example.com")
    acme.client().order("a.example.com")
    assert len(approvals(acme.team)) == 3


def test_a_rejected_order_is_invalid(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    order = finalized(client)
    vote(acme.team, "reject")
    answer = client.raw(order.uri, None).json()
    assert answer["status"] == "invalid"
    assert answer["error"]["type"] == "urn:ietf:params:acme:error:unauthorized"
    assert "rejected" in answer["error"]["detail"]


def test_one_that_nobody_decides_expires(acme: AcmeWorld) -> None:
    guard(acme, request_ttl=timedelta(hours=1), reminder=timedelta(minutes=20))
    client = acme.client()
    order = finalized(client)
    acme.team.clock.advance(timedelta(minutes=30))
    acme.team.services.sweeps["shared"]()
    with acme.team.services.context.db.read() as session:
        assert len(session.exec(select(EventRow).where(EventRow.type == "approval.reminder")).all()) == 1
    acme.team.clock.advance(timedelta(hours=1))
    acme.team.services.sweeps["shared"]()
    assert [row.status for row in approvals(acme.team)] == ["expired"]
    assert state(client, order)[0] == "invalid"


@pytest.mark.parametrize("bypass", [False, True])
def test_only_a_bypass_of_enrollment_clients_lets_it_pass(acme: AcmeWorld, bypass: bool) -> None:
    guard(acme, bypass_enrollment_clients=bypass, bypass_machine_identities=not bypass)
    client = acme.client()
    order = finalized(client)
    if bypass:
        assert issued(client, order)
    else:
        assert state(client, order)[0] == "processing"


def test_a_changed_profile_asks_anew(acme: AcmeWorld) -> None:
    guard(acme)
    client, team = acme.client(), acme.team
    order = finalized(client)
    vote(team)
    team.services.catalog.update_profile(team.admin, "web", ttl=timedelta(days=20))
    assert state(client, order)[0] == "processing"
    assert sorted(row.status for row in approvals(team)) == ["approved", "open"]
    vote(team)
    assert issued(client, order)
    with team.services.context.db.read() as session:
        row = session.exec(select(Certificate)).one()
        digests = {each.digest for each in session.exec(select(AcmeOrderApproval)).all()}
    assert row.not_after - row.not_before == timedelta(days=20)
    assert len(digests) == 2


def test_a_renewal_preapproval_covers_renewals(acme: AcmeWorld) -> None:
    guard(acme, renewal_preapproval={"renewals": 1, "days": 100})
    client = acme.client()
    order = finalized(client)
    vote(acme.team)
    assert issued(client, order)
    assert issued(client, finalized(client))
    assert len(approvals(acme.team)) == 1
    client.order("a.example.com")
    assert len(approvals(acme.team)) == 2


@pytest.mark.parametrize("cn", [None, "a.example.com"])
@pytest.mark.parametrize("key", [KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_2048])
def test_an_approval_holds_for_every_csr_of_its_order(
    acme: AcmeWorld, cn: str | None, key: KeyAlgorithm
) -> None:
    """certbot sets no common name, older clients do; RSA keys get a key usage that other keys cannot have."""
    usages = {"key_usages": ["digitalSignature", "keyEncipherment"]}
    acme.team.services.catalog.update_profile(acme.team.admin, "web", defaults=usages)
    guard(acme)
    client = acme.client()
    given_up = finalized(client, csr=csr_for("a.example.com", "b.example.com", cn=cn, key=key))
    vote(acme.team)
    order = finalized(client, csr=csr_for("b.example.com", "a.example.com"))
    assert issued(client, order)
    assert state(client, given_up)[0] == "processing"
    client.order("a.example.com", "b.example.com")
    assert [row.status for row in approvals(acme.team)].count("open") == 1, (
        "what is used up is asked for once"
    )
    vote(acme.team)
    leaf = x509.load_pem_x509_certificate(issued(client, given_up).encode())
    assert [name.value for name in leaf.subject] == ([cn] if cn else [])
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment is (key is KeyAlgorithm.RSA_2048)
    assert len(approvals(acme.team)) == 2


def test_a_csr_that_is_denied_is_refused_before_its_order_waits(acme: AcmeWorld) -> None:
    acme.team.services.catalog.update_policy(
        acme.team.admin, "tls", rules={"subject": {"denied": {"common_name": ["*"]}}}
    )
    guard(acme)
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    order = client.acme.poll_authorizations(order, soon())
    denied = client.raw(order.body.finalize, {"csr": encoded(csr_for("a.example.com", cn="a.example.com"))})
    assert denied.json()["type"] == "urn:ietf:params:acme:error:badCSR", denied.text
    assert state(client, order)[0] == "ready", "another CSR may follow"
    assert len(approvals(acme.team)) == 1
    vote(acme.team)
    assert issued(client, client.acme.begin_finalization(order))


def test_an_order_whose_csr_is_denied_after_the_vote_is_invalid(acme: AcmeWorld) -> None:
    guard(acme)
    client = acme.client()
    order = finalized(client, csr=csr_for("a.example.com", cn="a.example.com"))
    vote(acme.team)
    acme.team.services.catalog.update_policy(
        acme.team.admin, "tls", rules={"subject": {"denied": {"common_name": ["*"]}}}
    )
    answer = client.raw(order.uri, None)
    assert (answer.status_code, answer.json()["status"]) == (200, "invalid")
    assert answer.json()["error"]["type"].endswith("badCSR")


def test_a_policy_that_requires_a_common_name_is_met_by_the_csr(acme: AcmeWorld) -> None:
    acme.team.services.catalog.update_policy(
        acme.team.admin, "tls", rules={"subject": {"required": {"common_name": "*.example.com"}}}
    )
    guard(acme)
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    order = client.acme.poll_authorizations(order, soon())
    without = client.raw(order.body.finalize, {"csr": encoded(csr_for("a.example.com"))})
    assert without.json()["type"] == "urn:ietf:params:acme:error:badCSR", without.text
    order = finalized(client, csr=csr_for("a.example.com", cn="a.example.com"))
    vote(acme.team)
    assert issued(client, order)
    assert len(approvals(acme.team)) == 1
