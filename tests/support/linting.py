"""A judge of certificates by the letter of RFC 5280: pkilint."""

from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader, report
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity, ValidatorContainer


@cache
def _linter() -> ValidatorContainer:
    decoding = certificate.create_decoding_validators(
        name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
    )
    return certificate.create_pkix_certificate_validator_container(
        decoding,
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


def errors_in(subject: x509.Certificate) -> str:
    """What is wrong with a certificate, as text; empty when it is as RFC 5280 wants it."""
    document = loader.load_certificate(subject.public_bytes(Encoding.DER), "certificate")
    results = _linter().validate(document.root)
    if not report.get_findings_count(results, ValidationFindingSeverity.ERROR):
        return ""
    return str(report.ReportGeneratorPlaintext(results, ValidationFindingSeverity.ERROR).generate())
