"""Every kind of certificate that certrail signs passes pkilint's rules for RFC 5280."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from tests.support.chains import START, Authority
from tests.support.linting import errors_in

from certrail.domain.content import KeyAlgorithm, Sans, Subject
from certrail.pki.keys import PrivateKey, hash_for
from certrail.pki.leaf import LeafPlan, self_signed_leaf, sign_leaf

END = START + timedelta(days=30)
SUBJECTS = {
    "no subject": Subject(),
    "a name": Subject(common_name="a.example.com"),
    "all parts": Subject(
        common_name="a.example.com",
        organization="Exämple",
        organizational_unit="Web",
        country="DE",
        state="Berlin",
        locality="Berlin",
        domain_components=("web", "example", "com"),
    ),
}
# No wildcards, which RFC 5280 leaves to other documents (RFC 9525), and none of the URI schemes that pkilint does
# not know, such as spiffe: its rules refuse both.
NAMES = {
    "dns": Sans(dns=("a.example.com", "b.example.com")),
    "every type": Sans(
        dns=("a.example.com",),
        ip=("192.0.2.7", "2001:db8::7"),
        email=("a@example.com",),
        uri=("https://example.com/a",),
        upn=("a@example.com",),
    ),
}


def usages_for(key: PrivateKey) -> tuple[str, ...]:
    """What such a key can be used for (RFC 3279, RFC 8410)."""
    return ("digitalSignature", "keyEncipherment") if "RSA" in type(key).__name__ else ("digitalSignature",)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_authorities_and_leaves_of_every_key_algorithm(
    algorithm: KeyAlgorithm,
    key_for: Callable[..., PrivateKey],
    root_for: Callable[..., Authority],
    intermediate_for: Callable[..., Authority],
) -> None:
    root, issuer, key = root_for(algorithm), intermediate_for(algorithm), key_for(algorithm)
    assert errors_in(root.certificate) == ""
    assert errors_in(issuer.certificate) == ""
    for subject in SUBJECTS.values():
        for names in NAMES.values():
            plan = LeafPlan(subject, names, usages_for(key), ("serverAuth", "clientAuth"), START, END)
            for signer in (root, issuer):
                leaf = sign_leaf(
                    plan, key.public_key(), signer.certificate, signer.key, x509.random_serial_number()
                )
                assert errors_in(leaf) == ""
            if not subject.is_empty():
                assert errors_in(self_signed_leaf(plan, key, x509.random_serial_number())) == ""


def test_the_linter_finds_what_is_wrong(root_for: Callable[..., Authority]) -> None:
    """An empty subject with names that are not critical: what a peer's default certificates look like."""
    root = root_for()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject)
        .public_key(root.key.public_key())
        .serial_number(5)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example.com")]), critical=False)
    )
    assert "critical" in errors_in(builder.sign(root.key, hash_for(root.key)))
