from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from cryptography.x509.verification import VerificationError
from tests.support.chains import START, Authority, openssl_verifies, webpki_verifies

from certrail.domain.content import (
    BasicConstraints,
    KeyAlgorithm,
    Sans,
    SignatureAlgorithm,
    Subject,
    signature_by,
)
from certrail.domain.errors import Conflict
from certrail.pki.keys import PrivateKey
from certrail.pki.leaf import LeafPlan, sign_leaf
from certrail.pki.names import from_name

PLAN = LeafPlan(
    subject=Subject(common_name="web.example.com", organization="Example", country="DE"),
    sans=Sans(
        dns=("web.example.com", "*.example.com"),
        ip=("192.0.2.1", "2001:db8::1"),
        email=("jo@example.com",),
        uri=("spiffe://example.com/web",),
        upn=("jo@corp.example",),
    ),
    key_usages=("digitalSignature",),
    extended_key_usages=("serverAuth", "1.3.6.1.4.1.311.20.2.2"),
    not_before=START,
    not_after=START + timedelta(hours=36),
)
SUBJECTS = {"a subject": PLAN.subject, "no subject": Subject()}
SIGNATURE_OIDS = {
    SignatureAlgorithm.RSA_SHA256: SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithm.ECDSA_SHA256: SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithm.ECDSA_SHA384: SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithm.ECDSA_SHA512: SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    SignatureAlgorithm.ED25519: SignatureAlgorithmOID.ED25519,
}
Sign = Callable[..., x509.Certificate]


@pytest.fixture
def sign(root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]) -> Sign:
    def make(plan: LeafPlan = PLAN, serial: int = 7) -> x509.Certificate:
        root = root_for()
        return sign_leaf(plan, key_for(KeyAlgorithm.EC_P256).public_key(), root.certificate, root.key, serial)

    return make


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_openssl_finds_the_chains_of_every_key_algorithm(
    algorithm: KeyAlgorithm,
    subject: Subject,
    root_for: Callable[..., Authority],
    intermediate_for: Callable[..., Authority],
    key_for: Callable[..., PrivateKey],
    tmp_path: Path,
) -> None:
    root, middle = root_for(algorithm), intermediate_for(algorithm)
    public_key, plan = key_for(algorithm).public_key(), replace(PLAN, subject=subject)
    below_root = sign_leaf(plan, public_key, root.certificate, root.key, 7)
    below_middle = sign_leaf(plan, public_key, middle.certificate, middle.key, 8)
    assert openssl_verifies(tmp_path, root.certificate, [], root.certificate)
    assert openssl_verifies(tmp_path, middle.certificate, [], root.certificate)
    assert openssl_verifies(tmp_path, below_root, [], root.certificate)
    assert openssl_verifies(tmp_path, below_middle, [middle.certificate], root.certificate)
    assert not openssl_verifies(tmp_path, below_middle, [], root.certificate)


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_the_webs_rules_find_the_chains_of_every_key_algorithm(
    algorithm: KeyAlgorithm,
    subject: Subject,
    intermediate_for: Callable[..., Authority],
    key_for: Callable[..., PrivateKey],
    root_for: Callable[..., Authority],
) -> None:
    root, middle = root_for(algorithm).certificate, intermediate_for(algorithm)
    plan = replace(PLAN, subject=subject)
    leaf = sign_leaf(plan, key_for(algorithm).public_key(), middle.certificate, middle.key, 8)
    path = [leaf, middle.certificate, root]
    for certificate, issuer in zip(path, [*path[1:], root], strict=True):
        certificate.verify_directly_issued_by(issuer)
        assert certificate.signature_algorithm_oid == SIGNATURE_OIDS[signature_by(algorithm)]
    stranger = root_for(next(other for other in KeyAlgorithm if other != algorithm)).certificate
    if algorithm == KeyAlgorithm.ED25519:
        # The verifier holds to the CA/Browser Forum's rules, which know no Ed25519: it must refuse exactly that, so the
        # names and signatures above are all there is to check.
        with pytest.raises(VerificationError, match=r"[Aa]lgorithm"):
            webpki_verifies(leaf, [middle.certificate], root, "web.example.com")
        with pytest.raises((ValueError, TypeError)):
            middle.certificate.verify_directly_issued_by(stranger)
        return
    with pytest.raises(VerificationError):
        webpki_verifies(leaf, [middle.certificate], stranger, "web.example.com")
    chain = webpki_verifies(leaf, [middle.certificate], root, "web.example.com")
    assert chain == path
    with pytest.raises(VerificationError):
        webpki_verifies(leaf, [middle.certificate], root, "other.example.org")


def test_validity_is_exact_to_the_second(sign: Sign) -> None:
    begin = START.replace(microsecond=999_999)
    certificate = sign(replace(PLAN, not_before=begin, not_after=begin + timedelta(hours=36)))
    assert certificate.not_valid_before_utc == START
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(hours=36)


def test_nothing_outlives_its_issuer(sign: Sign, root_for: Callable[..., Authority]) -> None:
    end = root_for().certificate.not_valid_after_utc
    assert sign(replace(PLAN, not_after=end)).not_valid_after_utc == end
    with pytest.raises(Conflict, match=r"outlive its issuer.*shorter lifetime"):
        sign(replace(PLAN, not_after=end + timedelta(seconds=1)))


def test_an_end_before_the_beginning_is_refused(sign: Sign) -> None:
    with pytest.raises(Conflict, match="end before it begins"):
        sign(replace(PLAN, not_after=PLAN.not_before))


def test_every_name_is_in_the_certificate(sign: Sign) -> None:
    names = sign().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web.example.com", "*.example.com"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "2001:db8::1"]
    assert names.get_values_for_type(x509.RFC822Name) == ["jo@example.com"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.com/web"]
    [upn] = names.get_values_for_type(x509.OtherName)
    assert upn.type_id.dotted_string == "1.3.6.1.4.1.311.20.2.3"
    assert upn.value == b"\x0c\x0fjo@corp.example"


def test_the_names_are_critical_exactly_when_the_subject_is_empty(sign: Sign) -> None:
    for subject, critical in ((PLAN.subject, False), (Subject(), True)):
        certificate = sign(replace(PLAN, subject=subject))
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert extension.critical is critical
        assert (len(certificate.subject.rdns) == 0) is critical


def test_without_names_there_is_no_extension_for_them(sign: Sign) -> None:
    with pytest.raises(x509.ExtensionNotFound):
        sign(replace(PLAN, sans=Sans())).extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_the_subject_is_written_from_country_to_common_name(sign: Sign) -> None:
    assert sign().subject.rfc4514_string() == "CN=web.example.com,O=Example,C=DE"
    subject = Subject(common_name="web", organization="Example", domain_components=("corp", "example", "com"))
    named = sign(replace(PLAN, subject=subject)).subject
    assert named.rfc4514_string() == "CN=web,O=Example,DC=corp,DC=example,DC=com"
    assert [attribute.value for attribute in named][:3] == ["com", "example", "corp"]
    assert Subject.model_validate(from_name(named)) == subject


def test_key_usages_are_critical_and_exactly_those_asked_for(sign: Sign) -> None:
    certificate = sign(replace(PLAN, key_usages=("digitalSignature", "keyEncipherment")))
    extension = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.critical
    usage = extension.value
    assert (usage.digital_signature, usage.key_encipherment) == (True, True)
    assert not any(
        (
            usage.content_commitment,
            usage.data_encipherment,
            usage.key_agreement,
            usage.key_cert_sign,
            usage.crl_sign,
        )
    )


def test_extended_usages_by_name_and_oid(sign: Sign) -> None:
    usages = sign().extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.2")]


def test_it_is_no_authority_and_says_who_issued_it(sign: Sign, root_for: Callable[..., Authority]) -> None:
    extensions = sign().extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    issuer = root_for().certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == issuer.digest


@pytest.mark.parametrize("serial", [0, -1, 2**159])
def test_serials_are_positive_and_below_160_bits(sign: Sign, serial: int) -> None:
    assert sign(serial=2**159 - 1).serial_number == 2**159 - 1
    with pytest.raises(ValueError, match="serial"):
        sign(serial=serial)


def test_an_issuer_that_may_not_sign_is_refused(
    root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]
) -> None:
    root, key = root_for(), key_for(KeyAlgorithm.EC_P256)
    leaf = sign_leaf(PLAN, key.public_key(), root.certificate, root.key, 7)
    with pytest.raises(Conflict, match="not that of its key"):
        sign_leaf(PLAN, key.public_key(), root.certificate, key, 8)
    with pytest.raises(Conflict, match="not that of an authority"):
        sign_leaf(PLAN, key.public_key(), leaf, key, 8)


def test_an_authority_can_be_asked_for_where_its_issuer_has_room(
    sign: Sign, root_for: Callable[..., Authority], key_for: Callable[..., PrivateKey]
) -> None:
    plan = replace(PLAN, basic_constraints=BasicConstraints(ca=True, path_length=0), extended_key_usages=())
    extensions = sign(plan).extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.crl_sign
    full = root_for(max_path_length=0)
    with pytest.raises(Conflict, match="no authority below"):
        sign_leaf(plan, key_for(KeyAlgorithm.EC_P256).public_key(), full.certificate, full.key, 8)
