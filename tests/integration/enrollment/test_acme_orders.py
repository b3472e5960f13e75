"""From the directory to the certificate, with certbot's library."""

import pytest
from acme import errors, messages
from cryptography import x509
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeWorld, csr_for, rsa_key, soon

from certrail.domain.content import Subject
from certrail.domain.enrollment import RequestOrigin
from certrail.persistence.tables import AcmeOrder, Certificate, CertificateRequest, Principal


def test_a_client_gets_a_certificate_by_http(acme: AcmeWorld) -> None:
    acme.here("a.example.com", "b.example.com")
    done = acme.client().certificate("a.example.com", "b.example.com")
    chain = x509.load_pem_x509_certificates(done.fullchain_pem.encode())
    sans = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(sans.get_values_for_type(x509.DNSName)) == {"a.example.com", "b.example.com"}
    with acme.team.services.context.db.read() as session:
        request = session.exec(select(CertificateRequest)).one()
        principal = session.get_one(Principal, request.origin_by)
        certificate = session.exec(select(Certificate)).one()
    assert (request.origin, principal.kind) == (RequestOrigin.ACME, "enrollment")
    assert certificate.key_sealed is None
    assert int(certificate.serial, 16) == chain[0].serial_number


def test_an_rsa_account_is_served(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    assert acme.client(rsa_key()).certificate("a.example.com").fullchain_pem


def test_the_alternate_chain_ends_with_the_root(acme: AcmeWorld) -> None:
    team = acme.team
    team.services.authorities.create_intermediate(
        team.admin, slug="sub", name="Sub", subject=Subject(common_name="Sub"), parent="root"
    )
    team.services.catalog.update_profile(team.admin, "web", ca="sub")
    acme.here("a.example.com")
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    order = client.acme.begin_finalization(client.acme.poll_authorizations(order, soon()))
    done = client.acme.poll_finalization(order, soon(), fetch_alternative_chains=True)
    (alternate,) = done.alternative_fullchains_pem
    assert len(x509.load_pem_x509_certificates(done.fullchain_pem.encode())) == 2
    last = x509.load_pem_x509_certificates(alternate.encode())[-1]
    assert last.subject == last.issuer


def test_a_name_that_leads_elsewhere_gets_none(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    acme.web.answers.clear()
    other = client.order("a.example.com")
    body = other.authorizations[0].body.challenges
    http = next(each for each in body if each.typ == "http-01")
    client.acme.answer_challenge(http, http.response(client.key))
    with pytest.raises(errors.ValidationError) as failed:
        client.acme.poll_authorizations(other, soon())
    problem = failed.value.failed_authzrs[0].body.challenges[0].error
    assert problem is not None
    assert "404" in str(problem.detail)
    with acme.team.services.context.db.read() as session:
        row = session.exec(select(AcmeOrder).where(AcmeOrder.id == other.uri.rpartition("/")[2])).one()
    assert row.status == "invalid"


def test_names_that_the_policy_denies_are_refused_each(acme: AcmeWorld) -> None:
    with pytest.raises(messages.Error) as refused:
        acme.client().order("a.example.com", "a.elsewhere.test", "b.elsewhere.test")
    assert refused.value.code == "rejectedIdentifier"
    assert [each.identifier and each.identifier.value for each in refused.value.subproblems or ()] == [
        "a.elsewhere.test",
        "b.elsewhere.test",
    ]


def test_the_names_of_the_csr_are_those_of_the_order(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    for other in (csr_for("a.example.com", "b.example.com"), csr_for("b.example.com")):
        with pytest.raises(messages.Error) as refused:
            client.acme.poll_and_finalize(order.update(csr_pem=other))
        assert refused.value.code == "badCSR"
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_an_order_that_is_not_ready_is_not_finalized(acme: AcmeWorld) -> None:
    client = acme.client()
    order = client.order("a.example.com")
    with pytest.raises(messages.Error) as refused:
        client.acme.begin_finalization(order)
    assert refused.value.code == "orderNotReady"


def test_finalizing_twice_makes_one_request(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    client.acme.poll_authorizations(order, soon())
    client.acme.begin_finalization(order)
    client.acme.begin_finalization(order)
    with acme.team.services.context.db.read() as session:
        assert len(session.exec(select(CertificateRequest)).all()) == 1


def test_a_pre_authorised_enrollment_asks_for_no_challenge(acme: AcmeWorld) -> None:
    acme.settings(preauthorized=True)
    client = acme.client()
    order = client.order("a.example.com", "*.example.com")
    assert order.body.status == messages.STATUS_READY
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_an_ip_address_that_is_given_as_a_dns_name_is_refused(acme: AcmeWorld) -> None:
    client = acme.client()
    url = client.acme.directory["newOrder"]
    answer = client.raw(url, {"identifiers": [{"type": "dns", "value": "127.0.0.1"}]})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:ietf:params:acme:error:rejectedIdentifier"
    assert answer.headers["Replay-Nonce"]
