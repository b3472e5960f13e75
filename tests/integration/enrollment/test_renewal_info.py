"""Renewal information (ARI), and lineages that orders join."""

from datetime import datetime, timedelta

import pytest
from acme import messages
from cryptography import x509
from josepy.b64 import b64encode
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld, csr_for
from tests.integration.renewal_world import set_rule

from certrail.domain.renewal import Advice
from certrail.persistence.tables import AcmeOrder, Certificate
from certrail.pki.revocation import Reason

URN = "urn:ietf:params:acme:error:"


def issued(acme: AcmeWorld, client: AcmeClient, *names: str) -> x509.Certificate:
    acme.here(*names)
    return x509.load_pem_x509_certificate(client.certificate(*names).fullchain_pem.encode())


def named(certificate: x509.Certificate) -> str:
    """As RFC 9773 section 4.1 names it."""
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    number = certificate.serial_number
    serial = number.to_bytes(number.bit_length() // 8 + 1)
    return ".".join(b64encode(part).decode() for part in (identifier.key_identifier or b"", serial))


def window(acme: AcmeWorld, client: AcmeClient, certificate: x509.Certificate) -> tuple[datetime, datetime]:
    answer = client.net.session.get(f"{client.acme.directory['renewalInfo']}/{named(certificate)}")
    assert answer.status_code == 200, answer.text
    assert 60 <= int(answer.headers["Retry-After"]) <= 21600
    suggested = answer.json()["suggestedWindow"]
    begins, ends = (
        datetime.fromisoformat(suggested[name].replace("Z", "+00:00")) for name in ("start", "end")
    )
    assert begins < ends
    return begins, ends


@pytest.mark.any_database
def test_the_window_follows_the_rule_and_moves_with_it(acme: AcmeWorld) -> None:
    client = acme.client()
    certificate = issued(acme, client, "a.example.com")
    ends = certificate.not_valid_after_utc
    set_rule(acme.team, before="10d")
    late, _ = window(acme, client, certificate)
    set_rule(acme.team, fraction=0.34)
    early, _ = window(acme, client, certificate)
    assert early < late <= ends - timedelta(days=10)
    acme.team.clock.now = late + timedelta(days=1)
    assert window(acme, client, certificate)[1] < acme.team.clock.now, "it was missed, so at once"
    until = late + timedelta(days=3)
    freeze = {"begins": late.isoformat(), "ends": until.isoformat(), "reason": "holidays"}
    set_rule(acme.team, fraction=0.34, freezes=[freeze])
    assert window(acme, client, certificate)[0] >= until


@pytest.mark.any_database
def test_a_revoked_certificate_is_to_be_renewed_at_once(acme: AcmeWorld) -> None:
    client, team = acme.client(), acme.team
    certificate = issued(acme, client, "a.example.com")
    with team.services.context.db.read() as session:
        row = session.exec(select(Certificate)).one()
    team.services.revocation.revoke(team.admin, row.id, Reason.KEY_COMPROMISE)
    assert window(acme, client, certificate)[1] <= team.clock.now


@pytest.mark.any_database
def test_the_window_ends_with_that_of_an_incident(acme: AcmeWorld) -> None:
    client, team = acme.client(), acme.team
    certificate = issued(acme, client, "a.example.com")
    team.clock.advance(timedelta(days=1))
    begins, ends = team.clock.now + timedelta(hours=1), team.clock.now + timedelta(hours=3)
    team.services.renewal_advice.advise(team.admin, "root", Advice(begins=begins, ends=ends))
    suggested = window(acme, client, certificate)
    assert begins <= suggested[0] < suggested[1] <= ends
    acme.replace_all()
    assert window(acme, client, certificate)[1] <= team.clock.now, "at once"


@pytest.mark.any_database
def test_names_of_no_certificate(acme: AcmeWorld) -> None:
    client = acme.client()
    certificate = issued(acme, client, "a.example.com")
    base = client.acme.directory["renewalInfo"]
    assert client.net.session.get(f"{base}/nonsense").status_code == 400
    other = f"{named(certificate).partition('.')[0]}.AQ"
    assert client.net.session.get(f"{base}/{other}").status_code == 404


def order(client: AcmeClient, names: tuple[str, ...], replaces: str) -> messages.OrderResource:
    identifiers = [{"type": "dns", "value": name} for name in names]
    answer = client.raw(client.acme.directory["newOrder"], {"identifiers": identifiers, "replaces": replaces})
    if answer.status_code != 201:
        raise messages.Error.from_json(answer.json())
    assert answer.json()["replaces"] == replaces
    made = messages.OrderResource(
        body=messages.Order.from_json(answer.json()), uri=answer.headers["Location"], csr_pem=csr_for(*names)
    )
    authorizations = [
        messages.AuthorizationResource(
            body=messages.Authorization.from_json(client.post(url, None).json()), uri=url
        )
        for url in made.body.authorizations
    ]
    whole: messages.OrderResource = made.update(authorizations=authorizations)
    return whole


def test_an_order_joins_the_lineage_of_what_it_replaces(acme: AcmeWorld) -> None:
    client = acme.client()
    first = issued(acme, client, "a.example.com")
    acme.here("b.example.com")
    replacing = order(client, ("a.example.com", "b.example.com"), named(first))
    client.show_by_http(replacing)
    client.acme.poll_and_finalize(replacing)
    with acme.team.services.context.db.read() as session:
        rows = {row.status: row for row in session.exec(select(Certificate)).all()}
    assert rows["active"].lineage_id == rows["superseded"].lineage_id
    assert int(rows["superseded"].serial, 16) == first.serial_number
    with pytest.raises(messages.Error) as again:
        order(client, ("a.example.com",), named(first))
    assert again.value.typ == URN + "alreadyReplaced"


def test_what_another_account_ordered_is_not_replaced(acme: AcmeWorld) -> None:
    first = issued(acme, acme.client(), "a.example.com")
    with pytest.raises(messages.Error):
        order(acme.client(), ("a.example.com",), named(first))


def test_a_new_order_for_the_same_names_joins_too(acme: AcmeWorld) -> None:
    client, other = acme.client(), acme.client()
    issued(acme, client, "a.example.com", "b.example.com")
    issued(acme, client, "b.example.com", "a.example.com")
    issued(acme, client, "a.example.com")
    issued(acme, other, "a.example.com", "b.example.com")
    with acme.team.services.context.db.read() as session:
        lineages = [row.lineage_id for row in session.exec(select(Certificate)).all()]
        assert all(row.replaces is None for row in session.exec(select(AcmeOrder)).all())
    assert sorted(lineages.count(each) for each in set(lineages)) == [1, 1, 2]
