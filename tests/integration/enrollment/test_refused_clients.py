"""Refused calls of ACME, EST and SCEP are events of the access room: of the client where it is known, else counted."""

from typing import Any

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.integration.enrollment.est_client import est_csr, est_of
from tests.integration.enrollment.test_est_client_certificates import headers_of, proxied, with_certificate
from tests.integration.enrollment.test_scep import NAME, certificate_of, refused, scep_of
from tests.support.scep_client import rsa_key, scep_csr

from certrail.persistence.tables import AcmeAccount, EventRow, Principal
from certrail.pki.scep.message import FailInfo, MessageType

pytestmark = pytest.mark.any_database


def recorded(team: Team, kind: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        return list(
            session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq))).all()
        )


def reasons(team: Team, kind: str) -> list[tuple[Any, Any]]:
    return [(row.data["reason"], row.data["repeats"]) for row in recorded(team, kind)]


def test_an_account_that_is_refused_is_named(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    client, team = acme.client(), acme.team
    order = client.order("a.example.com")
    with team.services.context.db.read() as session:
        principal = session.exec(select(AcmeAccount)).one().principal_id
    elsewhere = {"identifiers": [{"type": "dns", "value": "elsewhere.test"}]}
    for _ in range(3):
        assert client.raw(client.acme.directory["newOrder"], elsewhere).status_code == 400
    other = acme.client()
    assert other.raw(order.uri, None).status_code == 404
    assert reasons(team, "access.refused") == [("rejectedIdentifier", 0), ("malformed", 0)]
    first = recorded(team, "access.refused")[0]
    assert (first.application_id, first.actor_id) == (team.application, principal)
    team.services.refusal_counter.record_all()
    assert reasons(team, "access.refused")[2] == ("rejectedIdentifier", 1)


def test_a_stranger_is_counted_by_its_address(acme: AcmeWorld) -> None:
    acme.settings(external_account_required=True)
    stranger = acme.stranger()
    accounts = stranger.acme.directory["newAccount"]
    for _ in range(4):
        assert stranger.raw(accounts, {}).json()["type"].endswith("externalAccountRequired")
    (first,) = recorded(acme.team, "access.unauthenticated")
    assert (first.subject_type, first.subject_id) == ("remote", "127.0.0.1")
    assert first.data["reason"] == "externalAccountRequired"
    acme.team.services.refusal_counter.record_all()
    assert reasons(acme.team, "access.unauthenticated")[1][1] == 2


def test_a_wrong_signature_is_recorded_and_an_old_nonce_is_not(acme: AcmeWorld) -> None:
    client = acme.client()
    target = client.acme.directory["newOrder"]
    order = {"identifiers": [{"type": "dns", "value": "a.example.com"}]}
    assert client.raw(target, order, nonce="b2xk").json()["type"].endswith("badNonce")
    assert not recorded(acme.team, "access.unauthenticated")
    client.key = acme.stranger().key
    assert client.raw(target, order).status_code == 400
    assert reasons(acme.team, "access.unauthenticated") == [("malformed", 0)]


def test_a_passphrase_that_is_wrong_is_counted_by_the_address(team: Team) -> None:
    with est_of(team) as est:
        assert est.post("simpleenroll", est_csr("a.example.com"), "a-wrong-passphrase").status_code == 401
        (stranger,) = recorded(team, "access.unauthenticated")
        assert (stranger.subject_id, stranger.data["method"]) == ("127.0.0.1", "POST")
        assert "a-wrong-passphrase" not in repr(stranger.data)


def test_a_certificate_that_is_used_for_more_than_its_renewal_is_refused_as_its_client(team: Team) -> None:
    with proxied(team) as est:
        (header, *_) = headers_of(est.enrolled(est_csr("a.example.com")))
        for name in ("a.example.com", "b.example.com"):
            assert with_certificate(est, "simpleenroll", est_csr(name), header).status_code == 403
        (event,) = recorded(team, "access.refused")
        with team.services.context.db.read() as session:
            client = session.get_one(Principal, event.actor_id)
    assert (event.application_id, event.data["reason"]) == (team.application, "renewal-only")
    assert client.name.startswith("EST client certificates of web")


def test_a_scep_client_that_may_not_renew_is_refused_as_a_client(team: Team) -> None:
    with scep_of(team, renewal_by_certificate=False) as scep:
        renewing = scep.client(rsa_key(), certificate_of(scep.enrolled(scep.client())))
        message = renewing.request(scep_csr(rsa_key(1), NAME), MessageType.RENEWAL_REQ)
        refused(scep.send(renewing, message), FailInfo.BAD_REQUEST)
        (event,) = recorded(team, "access.refused")
        assert (event.application_id, event.data["reason"]) == (team.application, "forbidden")


def test_a_scep_message_that_is_signed_by_another_key_is_counted_by_the_address(team: Team) -> None:
    with scep_of(team) as scep:
        forger = scep.client()
        forger.key = rsa_key(1)
        message = forger.request(scep_csr(rsa_key(1), NAME, scep.challenge))
        refused(scep.send(forger, message), FailInfo.BAD_MESSAGE_CHECK)
        assert [row.subject_id for row in recorded(team, "access.unauthenticated")] == ["127.0.0.1"]
