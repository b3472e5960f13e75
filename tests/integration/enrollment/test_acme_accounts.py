"""Accounts: registration, external account binding, key roll-over, deactivation, nonces."""

import json
from typing import Any

import pytest
from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.b64 import b64encode
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld

from certrail.domain.errors import Conflict
from certrail.persistence.tables import AcmeAccount, EventRow, ExternalAccountKey, Principal

URN = "urn:ietf:params:acme:error:"


def eab(acme: AcmeWorld, client: AcmeClient, name: str = "web-servers") -> dict[str, Any]:
    shown = acme.team.services.external_account_keys.create(
        acme.team.admin, acme.team.application, "web", name
    )
    return bound(client, shown.row.id, shown.mac_key)


def bound(client: AcmeClient, kid: str, mac_key: str) -> dict[str, Any]:
    return messages.ExternalAccountBinding.from_data(
        client.key.public_key(), kid, mac_key, client.acme.directory
    )


def test_a_key_has_one_account(acme: AcmeWorld) -> None:
    client = acme.client(contact=("mailto:ops@example.com",))
    url = client.acme.directory["newAccount"]
    again = client.raw(url, {"termsOfServiceAgreed": True}, jwk=client.key.public_key().to_partial_json())
    assert again.status_code == 200
    assert client.account is not None
    assert again.headers["Location"] == client.account.uri
    assert again.json()["contact"] == ["mailto:ops@example.com"]
    with acme.team.services.context.db.read() as session:
        row = session.exec(select(AcmeAccount)).one()
        principal = session.get_one(Principal, row.principal_id)
        event = session.exec(select(EventRow).where(EventRow.type == "acme.account.created")).one()
    assert principal.kind == "enrollment"
    assert event.actor_id == principal.id


def test_only_an_existing_account_is_looked_for(acme: AcmeWorld) -> None:
    stranger = acme.stranger()
    with pytest.raises(messages.Error) as unknown:
        stranger.acme.new_account(messages.NewRegistration.from_data(only_return_existing=True))
    assert unknown.value.code == "accountDoesNotExist"


def test_a_binding_is_required_where_the_enrollment_says_so(acme: AcmeWorld) -> None:
    acme.settings(external_account_required=True)
    stranger = acme.stranger()
    with pytest.raises(messages.Error) as refused:
        stranger.register()
    assert refused.value.code == "externalAccountRequired"
    stranger.register(external_account_binding=eab(acme, stranger))
    with acme.team.services.context.db.read() as session:
        row = session.exec(select(AcmeAccount)).one()
        key = session.exec(select(ExternalAccountKey)).one()
        principal = session.get_one(Principal, row.principal_id)
    assert row.external_key_id == key.id
    assert key.last_used_at is not None
    assert "web-servers" in principal.name


def test_a_binding_needs_the_right_mac_and_a_key_that_is_valid(acme: AcmeWorld) -> None:
    keys, team = acme.team.services.external_account_keys, acme.team
    shown = keys.create(team.admin, team.application, "web", "first")
    with pytest.raises(Conflict):
        keys.create(team.admin, team.application, "web", "first")
    rotated = keys.rotate(team.admin, team.application, "web", "first")
    assert rotated.row.id == shown.row.id
    stranger = acme.stranger()
    for kid, mac_key in ((shown.row.id, shown.mac_key), ("unknown", rotated.mac_key)):
        with pytest.raises(messages.Error) as refused:
            stranger.register(external_account_binding=bound(stranger, kid, mac_key))
        assert refused.value.code == "unauthorized"
    other = acme.stranger()
    with pytest.raises(messages.Error):
        stranger.register(external_account_binding=bound(other, rotated.row.id, rotated.mac_key))
    stranger.register(external_account_binding=bound(stranger, rotated.row.id, rotated.mac_key))
    keys.revoke(team.admin, team.application, "web", "first")
    with pytest.raises(messages.Error):
        other.register(external_account_binding=bound(other, rotated.row.id, rotated.mac_key))
    assert stranger.order("a.example.com"), "what it bound stays"
    with team.services.context.db.read() as session:
        assert rotated.mac_key not in session.exec(select(ExternalAccountKey)).one().secret_sealed


def test_contacts_are_changed_and_checked(acme: AcmeWorld) -> None:
    client = acme.client()
    assert client.account is not None
    changed = client.acme.update_registration(
        client.account, messages.UpdateRegistration(contact=("mailto:new@example.com",))
    )
    assert changed.body.contact == ("mailto:new@example.com",)
    for contact, kind in (("tel:+1", "unsupportedContact"), ("mailto:a@b,c@d", "invalidContact")):
        answer = client.raw(client.account.uri, {"contact": [contact]})
        assert answer.json()["type"] == URN + kind


def test_a_deactivated_account_does_nothing_any_more(acme: AcmeWorld) -> None:
    client = acme.client()
    assert client.account is not None
    gone = client.acme.deactivate_registration(client.account)
    assert gone.body.status == "deactivated"
    with pytest.raises(messages.Error) as refused:
        client.order("a.example.com")
    assert refused.value.code == "unauthorized"


def test_an_administrator_revokes_an_account(acme: AcmeWorld) -> None:
    client, team = acme.client(), acme.team
    profile = team.services.catalog.profile("web").id
    (row,) = team.services.acme_accounts.list(team.application, profile)
    team.services.acme_accounts.revoke(team.admin, team.application, profile, row.id)
    with pytest.raises(messages.Error) as refused:
        client.order("a.example.com")
    assert refused.value.code == "unauthorized"


def roll_over(client: AcmeClient, new: JWKEC, **change: object) -> object:
    """A key change, its inner payload with members replaced."""
    assert client.account is not None
    url = client.acme.directory["keyChange"]
    old = client.key.public_key().to_partial_json()
    payload = {"account": client.account.uri, "oldKey": old, **change}
    protected = {"alg": "ES256", "url": url, "jwk": new.public_key().to_partial_json()}
    parts = [b64encode(json.dumps(part).encode()).decode() for part in (protected, payload)]
    signature = ES256.sign(new.key, ".".join(parts).encode())
    inner = {"protected": parts[0], "payload": parts[1], "signature": b64encode(signature).decode()}
    return client.raw(url, inner)


def test_a_key_is_rolled_over(acme: AcmeWorld) -> None:
    client = acme.client()
    new = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    assert client.account is not None
    wrong = roll_over(client, new, account=f"{client.account.uri}x")
    assert wrong.status_code == 400  # type: ignore[attr-defined]
    assert roll_over(client, new).status_code == 200  # type: ignore[attr-defined]
    with pytest.raises(messages.Error):
        client.order("a.example.com")
    changed = AcmeClient(acme, new)
    changed.account = client.account
    changed.net.account = client.account
    assert changed.order("a.example.com")


def test_a_key_that_another_account_has_is_refused(acme: AcmeWorld) -> None:
    client, other = acme.client(), acme.client()
    assert isinstance(other.key, JWKEC)
    answer = roll_over(client, other.key)
    assert answer.status_code == 409  # type: ignore[attr-defined]
    assert other.account is not None
    assert answer.headers["Location"] == other.account.uri  # type: ignore[attr-defined]


def test_a_nonce_is_used_once(acme: AcmeWorld) -> None:
    client = acme.client()
    url = client.acme.directory["newOrder"]
    payload = json.dumps({"identifiers": [{"type": "dns", "value": "a.example.com"}]}).encode()
    signed = client.signed(url, payload)
    headers = {"Content-Type": "application/jose+json"}
    first = client.net.session.post(url, data=signed, headers=headers)
    second = client.net.session.post(url, data=signed, headers=headers)
    assert (first.status_code, second.status_code) == (201, 400)
    assert second.json()["type"] == URN + "badNonce"
    again = client.raw(url, json.loads(payload), nonce=second.headers["Replay-Nonce"])
    assert again.status_code == 201


def test_a_nonce_of_one_process_is_taken_by_another(acme: AcmeWorld) -> None:
    services = acme.team.services
    other = type(services.acme_nonces)(services.context)
    nonce = other.give()
    assert services.acme_nonces.use(nonce)
    assert not other.use(nonce)
    assert not services.acme_nonces.use("unknown")
    assert not services.acme_nonces.use(None)


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("header", "kind", "status"),
    [
        ({"url": "http://elsewhere.test/"}, "unauthorized", 403),
        ({"alg": "none"}, "badSignatureAlgorithm", 400),
        ({"alg": "HS256"}, "badSignatureAlgorithm", 400),
        ({"nonce": "x"}, "badNonce", 400),
        ({"kid": "http://elsewhere.test/account/1"}, "accountDoesNotExist", 400),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "badPublicKey", 400),
        ({"crit": ["exp"]}, "malformed", 400),
    ],
)
def test_headers_that_are_refused(acme: AcmeWorld, header: dict[str, object], kind: str, status: int) -> None:
    client = acme.client()
    answer = client.raw(client.acme.directory["newOrder"], {"identifiers": []}, **header)
    assert (answer.status_code, answer.json()["type"]) == (status, URN + kind)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Replay-Nonce"]


@pytest.mark.any_database
def test_the_limit_of_orders_says_when_to_come_again(acme: AcmeWorld) -> None:
    acme.settings(orders_per_hour=2)
    client = acme.client()
    client.order("a.example.com")
    client.order("b.example.com")
    url = client.acme.directory["newOrder"]
    answer = client.raw(url, {"identifiers": [{"type": "dns", "value": "c.example.com"}]})
    assert (answer.status_code, answer.json()["type"]) == (429, URN + "rateLimited")
    assert 3500 < int(answer.headers["Retry-After"]) <= 3601


@pytest.mark.any_database
def test_an_order_of_another_account_is_not_seen(acme: AcmeWorld) -> None:
    order = acme.client().order("a.example.com")
    other = acme.client()
    for url in (order.uri, order.authorizations[0].uri):
        assert other.raw(url, None).status_code == 404
    with pytest.raises(errors.Error):
        other.acme.answer_challenge(
            order.authorizations[0].body.challenges[0],
            order.authorizations[0].body.challenges[0].response(other.key),
        )


@pytest.mark.any_database
def test_an_enrollment_that_is_off_answers_nobody(acme: AcmeWorld) -> None:
    client, team = acme.client(), acme.team
    team.services.applications.set_enrollment(team.admin, team.application, "web", "acme", enabled=False)  # type: ignore[arg-type]
    answer = client.net.session.get(acme.directory)
    assert (answer.status_code, answer.json()["type"]) == (403, URN + "unauthorized")
    assert client.net.session.get(acme.directory.replace("web", "unknown")).status_code == 404
