"""Authorities for tests, and independent judges of the chains they sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store
from tests.support.programs import openssl

from certrail.pki.keys import PrivateKey

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""When every certificate of these tests begins."""


@dataclass(frozen=True)
class Authority:
    """A certificate and the key that signs below it."""

    certificate: x509.Certificate
    key: PrivateKey


def openssl_verifies(
    folder: Path,
    leaf: x509.Certificate,
    chain: Sequence[x509.Certificate],
    root: x509.Certificate,
    at: datetime = START,
) -> bool:
    """Whether OpenSSL, strictly, finds a chain from the leaf to the root."""
    for name, certificates in (("leaf", [leaf]), ("chain", chain), ("root", [root])):
        (folder / name).write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in certificates))
    command = ["verify", "-x509_strict", "-check_ss_sig", "-attime", str(int(at.timestamp()))]
    files = ["-CAfile", "root", *(["-untrusted", "chain"] if chain else []), "leaf"]
    return openssl(*command, *files, folder=folder).returncode == 0


def webpki_verifies(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], root: x509.Certificate, host: str
) -> list[x509.Certificate]:
    """The chain from leaf to root by the rules of the web's browsers. Raises VerificationError."""
    builder = PolicyBuilder().store(Store([root])).time(START)
    return builder.build_server_verifier(x509.DNSName(host)).verify(leaf, list(chain))
