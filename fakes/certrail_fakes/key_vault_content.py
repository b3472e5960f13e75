"""What Key Vault accepts as a certificate, and what it makes of it."""

import base64
import hashlib
import re
import time
import uuid
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    load_pem_private_key,
    pkcs12,
)

Json = dict[str, Any]
PEM, PFX = "application/x-pem-file", "application/x-pkcs12"
_KEY = re.compile(rb"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----", re.DOTALL)


class BadContent(Exception):
    """The content cannot be imported."""


def bundle_of(base: str, name: str, body: Json) -> tuple[Json, Json]:
    """The certificate bundle and the secret that an import makes."""
    kind = ((body.get("policy") or {}).get("secret_props") or {}).get("contentType", PFX)
    try:
        raw = base64.b64decode(body["value"])
        leaf, value = _pem(raw) if kind == PEM else _pfx(raw, body.get("pwd"))
    except (ValueError, TypeError, KeyError, IndexError, StopIteration):
        form = "PEM" if kind == PEM else "PKCS#12"
        raise BadContent(f"The specified {form} X.509 certificate content can not be read.") from None
    if not isinstance(leaf.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadContent("The key type of the certificate is not supported.")
    version, now, der = uuid.uuid4().hex, int(time.time()), leaf.public_bytes(Encoding.DER)
    attributes = {
        "enabled": (body.get("attributes") or {}).get("enabled", True),
        "nbf": int(leaf.not_valid_before_utc.timestamp()),
        "exp": int(leaf.not_valid_after_utc.timestamp()),
        "created": now,
        "updated": now,
        "recoveryLevel": "CustomizedRecoverable+Purgeable",
        "recoverableDays": 7,
    }
    secret_id = f"{base}/secrets/{name}/{version}"
    bundle = {
        "id": f"{base}/certificates/{name}/{version}",
        "kid": f"{base}/keys/{name}/{version}",
        "sid": secret_id,
        "x5t": base64.urlsafe_b64encode(hashlib.sha1(der).digest()).rstrip(b"=").decode(),
        "cer": base64.b64encode(der).decode(),
        "attributes": attributes,
        "policy": {
            "id": f"{base}/certificates/{name}/policy",
            "key_props": {"exportable": True, "reuse_key": False},
            "secret_props": {"contentType": kind},
            "x509_props": {"subject": leaf.subject.rfc4514_string()},
            "issuer": {"name": "Unknown"},
        },
        **({"tags": body["tags"]} if body.get("tags") else {}),
    }
    return bundle, {"id": secret_id, "value": value, "contentType": kind, "attributes": attributes}


def _pem(raw: bytes) -> tuple[x509.Certificate, str]:
    key = load_pem_private_key(_KEY.findall(raw)[0], None)
    leaf = next(c for c in x509.load_pem_x509_certificates(raw) if c.public_key() == key.public_key())
    return leaf, raw.decode()


def _pfx(raw: bytes, password: str | None) -> tuple[x509.Certificate, str]:
    key, leaf, chain = pkcs12.load_key_and_certificates(raw, password.encode() if password else None)
    if key is None or leaf is None or leaf.public_key() != key.public_key():
        raise ValueError("the key and the certificate do not fit")
    # The secret gives the content without its password.
    plain = pkcs12.serialize_key_and_certificates(None, key, leaf, chain, NoEncryption())  # type: ignore[arg-type]
    return leaf, base64.b64encode(plain).decode()
