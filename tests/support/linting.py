"""A judge by the letter of RFC 5280 and RFC 6960: pkilint."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader, report
from pkilint.bin import lint_crl, lint_ocsp_response
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


def crl_errors(der: bytes, folder: Path) -> str:
    """What is wrong with a revocation list."""
    return _evaluated(lint_crl.main, ["lint", "-t", "CRL", "-p", "PKIX"], der, folder)


def ocsp_errors(der: bytes, folder: Path) -> str:
    """What is wrong with an answer about status (RFC 6960)."""
    return _evaluated(lint_ocsp_response.main, ["lint"], der, folder)


def _evaluated(evaluate: Callable[[list[str]], int], words: list[str], der: bytes, folder: Path) -> str:
    file, said = folder / "judged", io.StringIO()
    file.write_bytes(der)
    with redirect_stdout(said):
        found = evaluate([*words, "-s", "ERROR", str(file)])
    return said.getvalue() if found else ""
