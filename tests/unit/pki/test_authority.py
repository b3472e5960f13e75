from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from tests.support.chains import START, Authority

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import Conflict
from certrail.pki.authority import intermediate, self_signed_root
from certrail.pki.keys import PrivateKey

END = START + timedelta(days=30)


def path_length(certificate: x509.Certificate) -> int | None:
    extension = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert extension.critical
    assert extension.value.ca
    return extension.value.path_length


def below(root: Authority, key: PrivateKey, limit: int | None, days: int = 30) -> x509.Certificate:
    return intermediate(
        Subject(common_name="Below"),
        key.public_key(),
        root.certificate,
        root.key,
        serial=5,
        not_before=START,
        not_after=START + timedelta(days=days),
        max_path_length=limit,
    )


def test_a_root_names_itself_as_its_issuer(root_for: Callable[..., Authority]) -> None:
    root = root_for().certificate
    root.verify_directly_issued_by(root)
    subject_key = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority_key = root.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority_key.key_identifier == subject_key.digest


def test_an_authority_signs_certificates_and_revocation_lists(root_for: Callable[..., Authority]) -> None:
    extension = root_for().certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.critical
    assert (extension.value.key_cert_sign, extension.value.crl_sign) == (True, True)
    assert not extension.value.key_encipherment


@pytest.mark.parametrize("limit", [None, 0, 3])
def test_a_roots_path_length_is_as_asked(limit: int | None, key_for: Callable[..., PrivateKey]) -> None:
    key = key_for(KeyAlgorithm.EC_P256)
    root = self_signed_root(Subject(common_name="Root"), key, 9, START, END, limit)
    assert path_length(root) == limit
    assert (root.serial_number, root.not_valid_before_utc, root.not_valid_after_utc) == (9, START, END)


def test_times_after_2049_are_read_back_exactly(key_for: Callable[..., PrivateKey]) -> None:
    late = START.replace(year=2061)
    root = self_signed_root(Subject(common_name="R"), key_for(KeyAlgorithm.EC_P256), 9, START, late, None)
    assert root.not_valid_after_utc == late


@pytest.mark.parametrize(("above", "asked"), [(None, None), (None, 7), (2, 1), (2, 0), (1, 0)])
def test_an_intermediate_fits_below_its_issuer(
    above: int | None,
    asked: int | None,
    root_for: Callable[..., Authority],
    key_for: Callable[..., PrivateKey],
) -> None:
    root = root_for(KeyAlgorithm.EC_P256, above)
    certificate = below(root, key_for(KeyAlgorithm.EC_P384), asked)
    certificate.verify_directly_issued_by(root.certificate)
    assert path_length(certificate) == asked


@pytest.mark.parametrize(
    ("above", "asked", "part"), [(0, 0, "no authority below"), (1, 1, "at most 0"), (2, None, "at most 1")]
)
def test_an_intermediate_that_allows_more_than_its_issuer_is_refused(
    above: int,
    asked: int | None,
    part: str,
    root_for: Callable[..., Authority],
    key_for: Callable[..., PrivateKey],
) -> None:
    with pytest.raises(Conflict, match=part):
        below(root_for(KeyAlgorithm.EC_P256, above), key_for(KeyAlgorithm.EC_P384), asked)


def test_an_intermediate_does_not_outlive_its_issuer(
    root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]
) -> None:
    with pytest.raises(Conflict, match="outlive"):
        below(root_for(), key_for(KeyAlgorithm.EC_P384), 0, days=3651)
