"""Mutated calls: only ACME's problems, never a 5xx, never over two seconds."""

import json
import random
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_csr
from josepy.b64 import b64encode
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld, csr_for

pytestmark = pytest.mark.any_database
LONGEST_SECONDS = 2.0
HEADERS = {"Content-Type": "application/jose+json"}
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    "\x00",
    "\ud83d\ude00",
    "a" * 5000,
    [],
    [[[[[[]]]]]],
    {},
    {"a": {"b": {"c": None}}},
    ["a.example.com"] * 500,
    "AAAA",
    "../../etc/passwd",
    "*",
    "xn--",
    "a..b",
)
"""Values in place of a member's."""


def test_300_mutated_bodies(acme: AcmeWorld) -> None:
    client, chance = acme.client(), random.Random(8555)
    url = client.acme.directory["newOrder"]
    whole = client.signed(
        url, json.dumps({"identifiers": [{"type": "dns", "value": "a.example.com"}]}).encode()
    )
    for number in range(300):
        sent = mutated(whole, chance)
        if answered(client, url, sent, number) < 400:
            assert json.loads(sent) == json.loads(whole), "the signature covers every part"


def test_headers_with_odd_values_that_are_signed(acme: AcmeWorld) -> None:
    client = acme.client()
    url = client.acme.directory["newOrder"]
    payload = json.dumps({"identifiers": [{"type": "dns", "value": "a.example.com"}]}).encode()
    for name in ("url", "nonce", "kid", "jwk", "crit", "b64"):
        for odd in ODD:
            assert_refused(client, url, client.signed(url, payload, **{name: odd}), (name, odd))
    for alg in ODD:
        assert_refused(client, url, client.signed(url, payload, alg=alg), ("alg", alg))


def test_jwks_with_odd_members(acme: AcmeWorld) -> None:
    stranger = acme.stranger()
    url = stranger.acme.directory["newAccount"]
    whole = stranger.key.public_key().to_partial_json()
    for name in (*whole, "d", "n", "e"):
        for odd in ODD:
            if name in whole:
                signed = stranger.signed(url, b"{}", jwk=whole | {name: odd})
                assert_refused(stranger, url, signed, (name, odd))
    huge = {"kty": "RSA", "n": b64encode(b"\xff" * 1000).decode(), "e": b64encode(b"\xff" * 1000).decode()}
    for jwk in ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, huge, {"kty": "OKP", "crv": "X25519", "x": "AA"}):
        assert_refused(stranger, url, stranger.signed(url, b"{}", jwk=jwk), jwk)


def payloads(client: AcmeClient) -> Iterator[tuple[str, dict[str, Any]]]:
    """URLs, and payloads that they take."""
    directory = client.acme.directory
    assert client.account is not None
    order = client.order("a.example.com")
    csr = load_pem_x509_csr(csr_for("a.example.com")).public_bytes(Encoding.DER)
    yield (
        directory["newOrder"],
        {"identifiers": [{"type": "dns", "value": "a.example.com"}], "replaces": "a.b"},
    )
    yield client.account.uri, {"contact": ["mailto:a@example.com"], "status": "valid"}
    yield order.body.finalize, {"csr": b64encode(csr).decode()}
    yield order.authorizations[0].uri, {"status": "deactivated2"}
    yield directory["revokeCert"], {"certificate": "AAAA", "reason": 1}
    yield directory["keyChange"], {"protected": "e30", "payload": "e30", "signature": "AAAA"}


def test_payloads_with_odd_values_that_are_signed(acme: AcmeWorld) -> None:
    client, chance = acme.client(), random.Random(9773)
    for url, payload in payloads(client):
        for name in payload:
            for odd in ODD:
                if (name, odd) == ("status", "deactivated"):
                    continue
                answered(
                    client, url, client.signed(url, json.dumps(payload | {name: odd}).encode()), (name, odd)
                )
        whole = json.dumps(payload).encode()
        for number in range(30):
            answered(client, url, client.signed(url, mutated(whole, chance)), (url, number))


def test_300_mutated_csrs(acme: AcmeWorld) -> None:
    acme.settings(preauthorized=True)
    client, chance = acme.client(), random.Random(2986)
    der = load_pem_x509_csr(csr_for("a.example.com")).public_bytes(Encoding.DER)
    order = client.order("a.example.com")
    for number in range(300):
        sent = mutated(der, chance)
        if sent != der:
            payload = json.dumps({"csr": b64encode(sent).decode()}).encode()
            assert_refused(client, order.body.finalize, client.signed(order.body.finalize, payload), number)
    assert client.acme.poll_and_finalize(order).fullchain_pem, "the order is as it was"


@pytest.mark.parametrize("kind", ["text/plain", "application/json", ""])
def test_other_content_types(acme: AcmeWorld, kind: str) -> None:
    client = acme.client()
    url = client.acme.directory["newOrder"]
    answer = client.net.session.post(url, data=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:ietf:params:acme:error:malformed"


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """A few octets changed, removed, repeated or cut off."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randint(1, 20)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 50)]
            case 3:
                del data[at:]
            case _:
                data[at:at] = chance.choice([b'"', b"{", b"[", b"\x00", b"\xff", b"9" * 400, b"\\ud800"])
    return bytes(data)


def assert_refused(client: AcmeClient, url: str, sent: bytes, what: object) -> None:
    assert answered(client, url, sent, what) >= 400, what


def answered(client: AcmeClient, url: str, sent: bytes, what: object) -> int:
    """The status of an answer, which is no 5xx, comes in time, and is a problem where it is a refusal."""
    began = monotonic()
    answer = client.net.session.post(url, data=sent, headers=HEADERS)
    assert monotonic() - began < LONGEST_SECONDS, what
    assert answer.status_code < 500, (what, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json", what
        assert answer.json()["type"].startswith("urn:ietf:params:acme:error:"), (what, answer.text)
    return int(answer.status_code)
