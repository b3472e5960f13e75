"""A key that can be broken is refused by its weakness; a key of our own never is."""

from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.support.breakable_keys import close_primes, roca

from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput
from certrail.pki.keys import PrivateKey, generate
from certrail.pki.weak_keys import BlocklistError, KeyBlocklist, refuse_weak


@pytest.mark.parametrize(("key", "weakness"), [(close_primes(), "close to each other"), (roca(), "ROCA")])
def test_a_key_that_can_be_factored_is_refused(key: rsa.RSAPrivateKey, weakness: str) -> None:
    with pytest.raises(BadInput, match=weakness) as refusal:
        refuse_weak(key.public_key(), None, "csr")
    assert refusal.value.extra["field"] == "csr"


def test_a_modulus_with_a_small_factor_is_refused() -> None:
    n = generate(KeyAlgorithm.RSA_2048).public_key().public_numbers().n  # type: ignore[union-attr]
    with pytest.raises(BadInput, match="small factor"):
        refuse_weak(rsa.RSAPublicNumbers(65537, n * 641).public_key(), None)


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_a_key_of_our_own_is_taken(algorithm: KeyAlgorithm) -> None:
    refuse_weak(generate(algorithm).public_key(), None)


def blocklist(folder: Path, *keys: PrivateKey) -> KeyBlocklist:
    """As the badkeys project writes it."""
    hashes = sorted(sha256(octets_of(key)).digest()[:15] for key in keys)
    (folder / "blocklist.dat").write_bytes(b"".join(hash_ + bytes([3]) for hash_ in hashes))
    return KeyBlocklist(folder / "blocklist.dat")


def octets_of(key: PrivateKey) -> bytes:
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public.public_bytes_raw().lstrip(b"\0")
    numbers = public.public_numbers()
    number = numbers.x if isinstance(numbers, ec.EllipticCurvePublicNumbers) else numbers.n
    return bytes.fromhex(f"{number:x}".zfill(len(f"{number:x}") + len(f"{number:x}") % 2))


def test_a_published_key_is_refused(tmp_path: Path) -> None:
    published = [generate(algorithm) for algorithm in KeyAlgorithm]
    listed = blocklist(tmp_path, *published)
    for key in published:
        assert listed.holds(key.public_key())
        with pytest.raises(BadInput, match="private half is public"):
            refuse_weak(key.public_key(), listed)
    for algorithm in KeyAlgorithm:
        refuse_weak(generate(algorithm).public_key(), listed)


@pytest.mark.parametrize("content", [b"", b"x" * 17, b"b" * 16 + b"a" * 16])
def test_another_file_is_no_blocklist(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(BlocklistError, match="CERTRAIL_KEY_BLOCKLIST_FILE"):
        KeyBlocklist(tmp_path / "other")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BlocklistError, match="nothing-here"):
        KeyBlocklist(tmp_path / "nothing-here")
