import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from tests.support.chains import START, Authority

from certrail.domain.content import KeyAlgorithm, Sans, Subject
from certrail.domain.errors import BadInput
from certrail.pki.bundle import certificate_facts, pkcs12
from certrail.pki.keys import PrivateKey
from certrail.pki.leaf import LeafPlan, sign_leaf

SANS = Sans(dns=("a.example",), ip=("192.0.2.1",), uri=("urn:x:y",), upn=("u" * 200 + "@corp.example",))


@pytest.fixture
def leaf(root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]) -> x509.Certificate:
    root = root_for()
    plan = LeafPlan(
        Subject(common_name="a.example"), SANS, ("digitalSignature",), (), START, START + timedelta(days=1)
    )
    public_key = key_for(KeyAlgorithm.EC_P384).public_key()
    return sign_leaf(plan, public_key, root.certificate, root.key, 0xABC)


def test_the_facts_are_those_of_the_certificate(leaf: x509.Certificate) -> None:
    facts = certificate_facts(leaf)
    assert facts.serial == "abc"
    assert facts.fingerprint == hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()
    assert facts.common_name == "a.example"
    assert facts.names == {kind: list(names) for kind, names in SANS.model_dump().items() if names}
    assert facts.key_algorithm == KeyAlgorithm.EC_P384
    assert (facts.not_before, facts.not_after) == (START, START + timedelta(days=1))
    assert x509.load_pem_x509_certificate(facts.pem.encode()) == leaf


def test_a_certificate_without_names_has_no_facts_of_them(root_for: Callable[..., Authority]) -> None:
    assert certificate_facts(root_for().certificate).names == {}


def test_a_pkcs12_file_holds_all_parts_and_opens_with_its_password_only(
    leaf: x509.Certificate, root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]
) -> None:
    key, root = key_for(KeyAlgorithm.EC_P384), root_for().certificate
    file = pkcs12(leaf, [root], key, "pässword", "web")
    opened = load_pkcs12(file, "pässword".encode())
    assert opened.key is not None
    assert opened.cert is not None
    assert opened.key.public_key() == key.public_key()
    assert (opened.cert.certificate, opened.cert.friendly_name) == (leaf, b"web")
    assert [extra.certificate for extra in opened.additional_certs] == [root]
    with pytest.raises(ValueError, match="password"):
        load_pkcs12(file, b"other")


def test_a_pkcs12_file_needs_a_password_and_the_right_key(
    leaf: x509.Certificate, key_for: Callable[..., PrivateKey]
) -> None:
    with pytest.raises(BadInput, match="password"):
        pkcs12(leaf, [], key_for(KeyAlgorithm.EC_P384), "", "web")
    with pytest.raises(BadInput, match="not that of the certificate"):
        pkcs12(leaf, [], key_for(KeyAlgorithm.EC_P256), "password", "web")
