"""dns-account-01 and dns-persist-01: records in DNS that name the account; profiles; failed validations."""

import hashlib
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from acme import messages
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.b64 import b64encode
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld, soon

from certrail.domain.acme.account_records import account_label, hashed_account_uri
from certrail.domain.errors import BadInput

pytestmark = pytest.mark.any_database

ISSUER = "ca.example.net"
PERSIST = {"challenges": ["dns-persist-01"], "issuer_domain_names": [ISSUER]}


def url_of(client: AcmeClient) -> str:
    assert client.account is not None
    return str(client.account.uri)


def meta_of(acme_client: AcmeClient) -> dict[str, Any]:
    found: dict[str, Any] = acme_client.net.session.get(acme_client.world.directory).json()["meta"]
    return found


def record(client: AcmeClient, domain: str, *parameters: str, issuer: str = ISSUER) -> str:
    """A record of dns-persist-01 for the client's present key."""
    prefix = meta_of(client)["accountHashPrefix"]
    thumbprint = b64encode(client.key.thumbprint()).decode()
    uri = hashed_account_uri(prefix, domain, thumbprint, url_of(client))
    return "; ".join([issuer, f"accounturi={uri}", *parameters])


def answered(client: AcmeClient, order: messages.OrderResource, kind: str) -> dict[str, Any]:
    """The challenge of the first authorization, once it is decided."""
    raw = client.post(order.authorizations[0].uri, None).json()
    url = next(each["url"] for each in raw["challenges"] if each["type"] == kind)
    client.raw(url, {})
    for _ in range(600):
        found: dict[str, Any] = client.post(url, None).json()
        if found["status"] not in ("pending", "processing"):
            return found
        threading.Event().wait(0.05)
    raise AssertionError("the challenge is not decided")


def issued(client: AcmeClient, order: messages.OrderResource) -> bool:
    return bool(client.acme.poll_finalization(client.acme.begin_finalization(order), soon()).fullchain_pem)


def persisted(client: AcmeClient, name: str) -> dict[str, Any]:
    return answered(client, client.order(name), "dns-persist-01")


class TestDnsAccount:
    """draft-ietf-acme-dns-account-label-03."""

    def test_it_is_offered_where_it_is_switched_on(self, acme: AcmeWorld) -> None:
        client = acme.client()
        raw = client.post(client.order("a.example.com").authorizations[0].uri, None).json()
        assert sorted(each["type"] for each in raw["challenges"]) == ["dns-01", "http-01", "tls-alpn-01"]
        acme.settings(challenges=["dns-account-01"])
        raw = client.post(client.order("*.example.com").authorizations[0].uri, None).json()
        assert [each["type"] for each in raw["challenges"]] == ["dns-account-01"]

    @pytest.mark.parametrize("name", ["a.example.com", "*.example.com"])
    def test_the_record_is_below_the_label_of_the_account(self, acme: AcmeWorld, name: str) -> None:
        acme.settings(challenges=["dns-account-01"])
        client = acme.client()
        order = client.order(name)
        raw = client.post(order.authorizations[0].uri, None).json()
        token = raw["challenges"][0]["token"]
        thumbprint = b64encode(client.key.thumbprint()).decode()
        where = f"{account_label(url_of(client))}._acme-challenge.{name.removeprefix('*.')}"
        acme.dns.set(where, "TXT", ["another client's", digest_of(f"{token}.{thumbprint}")])
        assert answered(client, order, "dns-account-01")["status"] == "valid"
        assert issued(client, order)

    def test_the_label_of_another_account_does_not_count(self, acme: AcmeWorld) -> None:
        acme.settings(challenges=["dns-account-01"])
        client, other = acme.client(), acme.client()
        order = client.order("a.example.com")
        token = client.post(order.authorizations[0].uri, None).json()["challenges"][0]["token"]
        thumbprint = b64encode(client.key.thumbprint()).decode()
        where = f"{account_label(url_of(other))}._acme-challenge.a.example.com"
        acme.dns.set(where, "TXT", [digest_of(f"{token}.{thumbprint}")])
        found = answered(client, order, "dns-account-01")
        assert found["error"]["type"].endswith(":dns")
        assert url_of(client) in found["error"]["detail"]


def digest_of(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


class TestDnsPersist:
    """draft-ietf-acme-dns-persist-02."""

    def test_the_directory_says_what_a_record_is_made_of(self, acme: AcmeWorld) -> None:
        assert "accountHashPrefix" not in meta_of(acme.client())
        acme.settings(**PERSIST)
        client = acme.client()
        meta = meta_of(client)
        assert meta["issuerDomainNames"] == [ISSUER]
        assert url_of(client).startswith(meta["accountHashPrefix"].replace("account-hash/", "account/"))
        raw = client.post(client.order("a.example.com").authorizations[0].uri, None).json()
        (challenge,) = raw["challenges"]
        assert (challenge["issuerDomainNames"], "token" in challenge) == ([ISSUER], False)

    @pytest.mark.parametrize("domain", ["a.example.com", "*"])
    def test_one_record_serves_every_order(self, acme: AcmeWorld, domain: str) -> None:
        acme.settings(**PERSIST)
        client = acme.client()
        text = record(client, domain)
        acme.dns.set("_validation-persist.a.example.com", "TXT", [f"other.example; {text}", text])
        for _ in range(2):
            order = client.order("a.example.com")
            assert answered(client, order, "dns-persist-01")["status"] == "valid"
            assert issued(client, order)

    def test_a_record_of_an_earlier_key_counts_after_a_roll_over(self, acme: AcmeWorld) -> None:
        acme.settings(**PERSIST)
        client = acme.client()
        acme.dns.set("_validation-persist.a.example.com", "TXT", [record(client, "a.example.com")])
        before = client.key
        client.key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        rolled_over(client, before)
        assert persisted(client, "a.example.com")["status"] == "valid"

    def test_a_wildcard_needs_its_policy(self, acme: AcmeWorld) -> None:
        acme.settings(**PERSIST)
        client = acme.client()
        where = "_validation-persist.example.com"
        acme.dns.set(where, "TXT", [record(client, "example.com", "policy=other")])
        refused = persisted(client, "*.example.com")
        assert refused["error"]["type"].endswith(":unauthorized")
        assert "policy=wildcard" in refused["error"]["detail"]
        acme.dns.set(where, "TXT", [record(client, "example.com", "policy=WILDCARD")])
        assert persisted(client, "*.example.com")["status"] == "valid"

    def test_names_below_count_where_both_sides_say_so(self, acme: AcmeWorld) -> None:
        acme.settings(**PERSIST)
        client = acme.client()
        where = "_validation-persist.example.com"
        acme.dns.set(where, "TXT", [record(client, "example.com", "policy=wildcard")])
        assert persisted(client, "a.b.example.com")["error"]["type"].endswith(":dns")
        acme.settings(**PERSIST, persist_subdomains=True)
        assert persisted(client, "a.b.example.com")["status"] == "valid"
        assert acme.dns.queries["_validation-persist.com", "TXT"] == 0
        acme.dns.set(where, "TXT", [record(client, "example.com")])
        assert persisted(client, "c.example.com")["status"] == "invalid"

    def test_an_order_ends_with_its_record(self, acme: AcmeWorld) -> None:
        acme.settings(**PERSIST)
        client, clock = acme.client(), acme.team.clock
        until = clock.now + timedelta(hours=2)
        text = record(client, "a.example.com", f"persistUntil={int(until.timestamp())}")
        acme.dns.set("_validation-persist.a.example.com", "TXT", [text])
        order = client.order("a.example.com")
        assert answered(client, order, "dns-persist-01")["status"] == "valid"
        for url in (order.uri, order.authorizations[0].uri):
            assert client.post(url, None).json()["expires"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
        clock.advance(timedelta(hours=3))
        assert client.post(order.uri, None).json()["status"] == "invalid"
        refused = persisted(client, "a.example.com")
        assert "counted until" in refused["error"]["detail"]

    @pytest.mark.parametrize(
        ("change", "kind"),
        [
            (lambda text: text.replace(ISSUER, "other.example"), "unauthorized"),
            (lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), "unauthorized"),
            (lambda text: text.replace("sha-256/", "SHA-256/"), "unauthorized"),
            (lambda text: text.partition(";")[0], "unauthorized"),
            (lambda text: f"{text}; persistUntil=soon", "malformed"),
        ],
    )
    def test_another_record_does_not_count(self, acme: AcmeWorld, change: Any, kind: str) -> None:
        acme.settings(**PERSIST)
        client = acme.client()
        acme.dns.set("_validation-persist.a.example.com", "TXT", [change(record(client, "a.example.com"))])
        assert persisted(client, "a.example.com")["error"]["type"].endswith(f":{kind}")

    def test_neither_a_clear_account_url_nor_another_account_counts(self, acme: AcmeWorld) -> None:
        """Section 7.2.3: only the hashed URI binds the record to the account's key."""
        acme.settings(**PERSIST)
        client, other = acme.client(), acme.client()
        clear = f"{ISSUER}; accounturi={url_of(client)}"
        acme.dns.set("_validation-persist.a.example.com", "TXT", [clear, record(other, "a.example.com")])
        refused = persisted(client, "a.example.com")
        assert refused["error"]["type"].endswith(":unauthorized")
        assert record(client, "a.example.com").partition("=")[2] in refused["error"]["detail"]

    def test_every_resolver_sees_it(self, acme: AcmeWorld) -> None:
        acme.settings(**PERSIST, resolvers=[acme.dns.address, "127.0.0.1:9"])
        client = acme.client()
        acme.dns.set("_validation-persist.a.example.com", "TXT", [record(client, "a.example.com")])
        assert persisted(client, "a.example.com")["status"] == "invalid"

    def test_it_needs_the_name_of_an_issuer(self, acme: AcmeWorld) -> None:
        for names in ([], ["*.example.com"], ["no name"]):
            with pytest.raises(BadInput, match="issuer"):
                acme.settings(challenges=["dns-persist-01"], issuer_domain_names=names)


def rolled_over(client: AcmeClient, before: JWK) -> None:
    """Sign by the old key that the account has a new one."""
    url, after = str(client.acme.directory["keyChange"]), client.key
    old = before.public_key().to_partial_json()
    new = after.public_key().to_partial_json()
    payload = {"account": url_of(client), "oldKey": old}
    inner = jws(after, {"alg": "ES256", "jwk": new, "url": url}, payload)
    client.key = before
    assert client.raw(url, inner).status_code == 200
    client.key = client.net.key = after


def jws(key: JWK, header: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    protected = b64encode(json.dumps(header).encode()).decode()
    body = b64encode(json.dumps(payload).encode()).decode()
    signature = b64encode(ES256.sign(key.key, f"{protected}.{body}".encode())).decode()
    return {"protected": protected, "payload": body, "signature": signature}


class TestProfiles:
    """draft-ietf-acme-profiles-00."""

    def test_a_server_is_that_of_one_profile(self, acme: AcmeWorld) -> None:
        client = acme.client()
        assert list(meta_of(client)["profiles"]) == ["web"]
        identifiers = [{"type": "dns", "value": "a.example.com"}]
        url = client.acme.directory["newOrder"]
        for given in ({}, {"profile": "web"}):
            answer = client.raw(url, {"identifiers": identifiers, **given})
            assert (answer.status_code, answer.json()["profile"]) == (201, "web")
        assert client.raw(answer.headers["Location"], None).json()["profile"] == "web"
        for other in ("other", 7, ["web"]):
            answer = client.raw(url, {"identifiers": identifiers, "profile": other})
            assert answer.json()["type"] == "urn:ietf:params:acme:error:invalidProfile"


def test_a_name_whose_validation_fails_again_and_again_has_to_wait(acme: AcmeWorld) -> None:
    acme.settings(failed_validations_per_hour=2)
    client, url = acme.client(), None
    for _ in range(2):
        order = client.order("a.example.com")
        assert answered(client, order, "dns-01")["status"] == "invalid"
        acme.team.clock.advance(timedelta(minutes=5))
    url = client.acme.directory["newOrder"]
    wanted = [{"type": "dns", "value": name} for name in ("a.example.com", "b.example.com")]
    refused = client.raw(url, {"identifiers": wanted})
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (429, "rateLimited")
    assert [each["identifier"]["value"] for each in refused.json()["subproblems"]] == ["a.example.com"]
    assert client.raw(url, {"identifiers": wanted[1:]}).status_code == 201
    assert acme.client().order("a.example.com"), "another account is not held up by it"
    acme.team.clock.advance(timedelta(seconds=int(refused.headers["Retry-After"])))
    assert client.raw(url, {"identifiers": wanted}).status_code == 201
