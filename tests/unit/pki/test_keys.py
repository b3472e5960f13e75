from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519

from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput
from certrail.pki.keys import PrivateKey, algorithm_of, from_pem, hash_for, to_pem

EVERY = pytest.mark.parametrize("algorithm", list(KeyAlgorithm))


@EVERY
def test_a_key_is_of_the_algorithm_that_was_asked_for(
    algorithm: KeyAlgorithm, key_for: Callable[..., PrivateKey]
) -> None:
    assert algorithm_of(key_for(algorithm).public_key()) == algorithm


@EVERY
def test_a_key_survives_its_pem(algorithm: KeyAlgorithm, key_for: Callable[..., PrivateKey]) -> None:
    pem = to_pem(key_for(algorithm))
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert from_pem(pem).public_key() == key_for(algorithm).public_key()


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        (KeyAlgorithm.RSA_2048, "sha256"),
        (KeyAlgorithm.RSA_3072, "sha256"),
        (KeyAlgorithm.RSA_4096, "sha256"),
        (KeyAlgorithm.EC_P256, "sha256"),
        (KeyAlgorithm.EC_P384, "sha384"),
        (KeyAlgorithm.EC_P521, "sha512"),
        (KeyAlgorithm.ED25519, None),
    ],
)
def test_the_hash_follows_from_the_key(
    algorithm: KeyAlgorithm, name: str | None, key_for: Callable[..., PrivateKey]
) -> None:
    chosen = hash_for(key_for(algorithm))
    assert (chosen.name if chosen else None) == name


def test_keys_that_are_weak_or_unknown_are_refused_with_what_to_use() -> None:
    for public_key, part in (
        (rsa.generate_private_key(65537, 1024).public_key(), "2048, 3072 or 4096"),
        (rsa.generate_private_key(3, 2048).public_key(), "65537"),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "P-256"),
        (ed448.Ed448PrivateKey.generate().public_key(), "Ed25519"),
        (x25519.X25519PrivateKey.generate().public_key(), "Ed25519"),
    ):
        with pytest.raises(BadInput, match=part):
            algorithm_of(public_key)


def test_what_is_no_private_key_is_refused_without_repeating_it(key_for: Callable[..., PrivateKey]) -> None:
    encrypted = key_for(KeyAlgorithm.EC_P256).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    unsupported = ed448.Ed448PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for pem in (b"hunter2", encrypted, unsupported):
        with pytest.raises(BadInput) as caught:
            from_pem(pem)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
