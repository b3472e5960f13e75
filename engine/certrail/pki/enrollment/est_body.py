"""Bodies of EST (RFC 7030, RFC 8951): base64 in one line, certs-only PKCS#7, key with certificate."""

import base64
import binascii
import re
import secrets
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certrail.pki.enrollment.ber import Malformed

LARGEST_REQUEST = 65_536
"""Bytes of a body, in base64."""
CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
CSR_ATTRIBUTES = "application/csrattrs"
PRIVATE_KEY = "application/pkcs8"
BASE64 = {"Content-Transfer-Encoding": "base64"}
_PEM = re.compile(
    rb"\A\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.+?)-----END [A-Z ]+-----\s*\Z", re.DOTALL
)
_SPACE = re.compile(rb"\s+")


def read_request_body(body: bytes) -> bytes:
    """The DER of a request from a body in base64, in one line or many; PEM is taken as well.

    Raises:
        Malformed: it is too large, or no base64.
    """
    if len(body) > LARGEST_REQUEST:
        raise Malformed(f"the body has {len(body)} bytes; a CSR has at most {LARGEST_REQUEST}")
    armoured = _PEM.match(body)
    text = _SPACE.sub(b"", armoured[1] if armoured else body)
    if not text:
        raise Malformed("the body is empty; send a PKCS#10 request in base64 (RFC 8951 section 3)")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Malformed(
            "the body is no base64; send a PKCS#10 request in base64 (RFC 8951 section 3)"
        ) from None


def one_line(der: bytes) -> bytes:
    """Base64 without line breaks: strongSwan reads no other (RFC 8951 section 3.1 allows both)."""
    return base64.b64encode(der)


def certs_only(certificates: Sequence[x509.Certificate]) -> bytes:
    """A degenerate SignedData with these certificates, DER (RFC 5652 section 5.2, RFC 7030 section 4.1.3)."""
    return pkcs7.serialize_certificates(list(certificates), Encoding.DER)


def key_and_certificate(key_der: bytes, certificates: bytes) -> tuple[str, bytes]:
    """Media type and body of a serverkeygen answer: PKCS#8 and certs-only, each in base64 (RFC 7030 section 4.4.2)."""
    boundary = f"certrail-{secrets.token_hex(16)}"
    lines: list[bytes] = []
    for media_type, content in ((PRIVATE_KEY, key_der), (CERTS_ONLY, certificates)):
        lines += [
            f"--{boundary}".encode(),
            f"Content-Type: {media_type}".encode(),
            b"Content-Transfer-Encoding: base64",
            b"",
            one_line(content),
        ]
    lines += [f"--{boundary}--".encode(), b""]
    return f"multipart/mixed; boundary={boundary}", b"\r\n".join(lines)
