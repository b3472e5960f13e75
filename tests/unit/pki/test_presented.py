"""The chain that a server presents."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.chains import START, Authority
from tests.unit.pki.test_leaf import PLAN

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.pki.authority import intermediate
from certrail.pki.keys import PrivateKey
from certrail.pki.leaf import sign_leaf
from certrail.services.delivery.probes.presented import chain_fault

MISSING = "The intermediate CN=Intermediate EC_P256 is missing."


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def der(*certificates: x509.Certificate) -> list[bytes]:
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates]


@pytest.fixture
def leaf(intermediate_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]) -> x509.Certificate:
    middle = intermediate_for()
    return sign_leaf(PLAN, key_for(KeyAlgorithm.EC_P256).public_key(), middle.certificate, middle.key, 9)


def test_all_but_a_root_has_to_be_presented(
    leaf: x509.Certificate, intermediate_for: Callable[..., Authority], root_for: Callable[..., Authority]
) -> None:
    middle, root = intermediate_for().certificate, root_for().certificate
    chain = [pem(middle), pem(root)]
    assert chain_fault(der(leaf, middle), chain, START) == ""
    assert chain_fault(der(leaf, root, middle), chain, START) == "", "their order is free (RFC 8446)"
    assert chain_fault(der(leaf), chain, START) == MISSING
    assert chain_fault(der(leaf, root), chain, START) == MISSING
    assert chain_fault([*der(leaf), b"no certificate"], chain, START) == MISSING
    assert chain_fault(der(leaf), [], START) == ""


def test_an_intermediate_that_was_issued_anew_is_as_good_until_it_ends(
    leaf: x509.Certificate, intermediate_for: Callable[..., Authority], root_for: Callable[..., Authority]
) -> None:
    middle, root = intermediate_for(), root_for()

    def again(subject: str, key: PrivateKey) -> x509.Certificate:
        return intermediate(
            Subject(common_name=subject),
            key.public_key(),
            root.certificate,
            root.key,
            serial=1003,
            not_before=START,
            not_after=START + timedelta(days=30),
            max_path_length=0,
        )

    chain = [pem(middle.certificate)]
    anew = again("Intermediate EC_P256", middle.key)
    assert chain_fault(der(leaf, anew), chain, START) == ""
    assert chain_fault(der(leaf, again("Intermediate EC_P256", root.key)), chain, START) == MISSING
    assert chain_fault(der(leaf, again("Another", middle.key)), chain, START) == MISSING
    assert "has expired" in chain_fault(der(leaf, anew), chain, START + timedelta(days=31))
