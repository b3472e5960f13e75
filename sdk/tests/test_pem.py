"""PEM taken apart and put together."""

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization import pkcs12 as format12
from pydantic import SecretStr

from certrail_sdk import Permanent, pem
from certrail_sdk.testing import make_bundle

BUNDLE = make_bundle("pem.example", with_root=True)
OTHER = make_bundle("other.example", rsa_key=True)


def key(bundle: object = BUNDLE) -> str:
    secret = getattr(bundle, "private_key")  # noqa: B009
    assert isinstance(secret, SecretStr)
    return secret.get_secret_value()


def test_a_text_with_everything_is_taken_apart() -> None:
    text = f"# a comment\n{key()}\n{BUNDLE.certificate}between\r\n{BUNDLE.chain_pem}".replace("\n", "\r\n")
    assert len(pem.certificates(text)) == 3
    assert pem.fingerprints(text)[0] == pem.fingerprint(text) == BUNDLE.fingerprint
    found = pem.private_key(text)
    assert found
    assert pem.key_fits(text, found)
    assert pem.private_key(BUNDLE.certificate) is None


def test_what_is_no_certificate_has_no_fingerprint() -> None:
    assert pem.certificates("nothing") == ()
    with pytest.raises(ValueError, match="no PEM certificate"):
        pem.fingerprint(key())


def test_only_its_own_key_fits_a_certificate() -> None:
    assert pem.key_fits(BUNDLE.certificate, key())
    assert pem.key_fits(OTHER.certificate, SecretStr(key(OTHER)))
    assert not pem.key_fits(BUNDLE.certificate, key(OTHER))
    locked = load_pem_private_key(key().encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )
    with pytest.raises(ValueError, match="encrypted"):
        pem.key_fits(BUNDLE.certificate, locked.decode())


@pytest.mark.parametrize("password", [None, "a password", SecretStr("a password")])
def test_pkcs12_holds_key_leaf_and_chain(password: str | SecretStr | None) -> None:
    packed = pem.pkcs12(BUNDLE, password=password, name="the name")
    loaded = format12.load_pkcs12(packed, b"a password" if password else None)
    assert loaded.cert
    assert loaded.cert.friendly_name == b"the name"
    assert loaded.cert.certificate.public_bytes(Encoding.PEM).decode() == BUNDLE.certificate
    assert [each.certificate.public_bytes(Encoding.PEM).decode() for each in loaded.additional_certs] == [
        *BUNDLE.chain,
        BUNDLE.root,
    ]


def test_without_a_key_a_person_is_needed() -> None:
    keyless = BUNDLE.model_copy(update={"private_key": None})
    with pytest.raises(Permanent, match="The place needs the private key"):
        pem.key_of(keyless, "The place")
    with pytest.raises(Permanent):
        pem.pkcs12(keyless)
    assert pem.full_chain(BUNDLE) == BUNDLE.certificate + BUNDLE.chain[0] + (BUNDLE.root or "")
