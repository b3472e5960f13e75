"""Imports by boto3 and nothing else: ``python -m bench.bare_acm URL COUNT THREADS``.

Prints the seconds that the imports took, without the start of the process. No state is kept, nothing is read back, and
what fails is not tried again: it is the least that an import costs a Python process.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import local
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certrail_fakes.acm import AcmServer


def certificate() -> dict[str, Any]:
    """A self-signed certificate with its key, as ImportCertificate takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bare.example.com")])
    now = datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=47))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bare.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "Certificate": leaf.public_bytes(serialization.Encoding.PEM),
        "PrivateKey": key.private_bytes(*pkcs8),
    }


def main(url: str, count: int, threads: int) -> None:
    """Import, so many at once; each thread has its client."""
    material, mine = certificate(), local()

    def client() -> Any:
        if not hasattr(mine, "client"):
            session = boto3.Session(AcmServer.access_key_id, AcmServer.secret_access_key)
            mine.client = session.client("acm", endpoint_url=url, region_name=AcmServer.region)
        return mine.client

    def one(number: int) -> None:
        tags = [
            {"Key": "Name", "Value": f"bare-{number}"},
            {"Key": "certrail:delivery", "Value": str(number)},
        ]
        client().import_certificate(**material, Tags=tags)

    with ThreadPoolExecutor(threads, initializer=client) as pool:
        list(pool.map(lambda _: client().list_certificates(MaxItems=1), range(threads)))
        began = time.perf_counter()
        list(pool.map(one, range(count)))
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
