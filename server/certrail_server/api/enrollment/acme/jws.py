"""Signed requests: JWS in the flattened JSON serialization (RFC 7515 section 7.2.2, RFC 8555 section 6.2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from certrail.crypto import base64url
from certrail.domain.acme import AcmeProblem
from certrail.services.enrollment.acme.accounts import AccountKey

ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA")
MAC_ALGORITHMS = ("HS256", "HS384", "HS512")
LONGEST_HEADER = 8192
"""Characters; the JWK of an RSA key with 8192 bits is within."""
LONGEST_MEMBER = 1400
"""Characters of one member of a JWK: the modulus of such a key."""
SMALLEST_RSA, LARGEST_RSA = 2048, 8192
CURVES = frozenset({"P-256", "P-384", "P-521"})
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("kty", "n", "e"),
    "EC": ("kty", "crv", "x", "y"),
    "OKP": ("kty", "crv", "x"),
}
"""The members of a public key by its type; all others are left out, private ones among them."""
Json = dict[str, Any]
_FAULTS = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, UnsupportedAlgorithm)
"""What a library raises for a key or a signature that is malformed."""


class _Registry(jws.JWSRegistry):
    max_header_length = LONGEST_HEADER
    max_payload_length = 1_048_576


@dataclass(frozen=True)
class SignedBody:
    """A JWS whose signature is not verified yet.

    Attributes:
        parts: as they came.
        header: the protected header.
    """

    parts: Mapping[str, str]
    header: Json

    @property
    def algorithm(self) -> object:
        """The header's `alg`, of whatever type."""
        return self.header.get("alg")


@dataclass(frozen=True)
class VerifyingKey:
    """A public key that a signature is verified with, and as it is stored with an account."""

    key: RSAKey | ECKey | OKPKey
    account_key: AccountKey


def signed_body(text: bytes | Json) -> SignedBody:
    """A JWS, read. Raises AcmeProblem (``malformed``)."""
    try:
        value = text if isinstance(text, dict) else json.loads(text)
    except (ValueError, RecursionError):
        raise AcmeProblem("malformed", "The body is not JSON.") from None
    names = {"protected", "payload", "signature"}
    if not isinstance(value, dict) or value.keys() != names:
        raise AcmeProblem(
            "malformed", "The body is a JWS with protected, payload and signature, and nothing else."
        )
    if not all(isinstance(part, str) for part in value.values()):
        raise AcmeProblem("malformed", "The parts of a JWS are texts.")
    if len(value["protected"]) > LONGEST_HEADER:
        raise AcmeProblem("malformed", f"The protected header has at most {LONGEST_HEADER} characters.")
    header = _object(value["protected"], "protected header")
    if "b64" in header or "crit" in header:
        raise AcmeProblem("malformed", "The header parameters b64 and crit are not served.")
    return SignedBody(value, header)


def _object(text: str, what: str) -> Json:
    try:
        value = json.loads(base64url.decode(text))
    except (ValueError, RecursionError):
        raise AcmeProblem("malformed", f"The {what} is not base64url of JSON.") from None
    if not isinstance(value, dict):
        raise AcmeProblem("malformed", f"The {what} is not an object.")
    return value


def payload_of(body: SignedBody) -> Json | None:
    """The payload as an object; ``None`` where it is empty (POST-as-GET)."""
    if body.parts["payload"] == "":
        return None
    return _object(body.parts["payload"], "payload")


def public_key(given: object) -> VerifyingKey:
    """A public key from its JWK (RFC 7517). Raises AcmeProblem (``badPublicKey``)."""
    kind = given.get("kty") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in MEMBERS:
        raise AcmeProblem("badPublicKey", "The jwk is a public key of the type RSA, EC or OKP.")
    members = {name: given.get(name) for name in MEMBERS[kind]}
    if not all(isinstance(value, str) and 0 < len(value) <= LONGEST_MEMBER for value in members.values()):
        raise AcmeProblem("badPublicKey", f"The jwk has the texts {', '.join(members)}.")
    kinds = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    try:
        key: RSAKey | ECKey | OKPKey = kinds[kind].import_key(members)  # type: ignore[attr-defined]
        raw = key.raw_value
        thumbprint = key.thumbprint()
    except _FAULTS:
        raise AcmeProblem("badPublicKey", "The jwk is not a key.") from None
    if isinstance(raw, rsa.RSAPublicKey):
        exponent = raw.public_numbers().e
        if not SMALLEST_RSA <= raw.key_size <= LARGEST_RSA or exponent < 65537 or exponent.bit_length() > 64:
            raise AcmeProblem(
                "badPublicKey", f"An RSA key has {SMALLEST_RSA} to {LARGEST_RSA} bits and a usual exponent."
            )
    elif members["crv"] not in (CURVES if kind == "EC" else {"Ed25519"}):
        raise AcmeProblem("badPublicKey", "The curve of the jwk is not served.")
    return VerifyingKey(key, AccountKey(members, thumbprint))


def spki_of(key: AccountKey) -> bytes:
    """SubjectPublicKeyInfo, DER, of a key that was verified with."""
    raw: Any = public_key(dict(key.jwk)).key.raw_value
    der: bytes = raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


class WrongSignature(AcmeProblem):
    """The caller does not hold the key that the call names."""


def verify(body: SignedBody, key: RSAKey | ECKey | OKPKey) -> None:
    """Verify a signature. Raises AcmeProblem (``badSignatureAlgorithm``), or WrongSignature."""
    _refuse_algorithm(body, ALGORITHMS)
    if not _is_signed(body, key, ALGORITHMS):
        raise WrongSignature("malformed", "The signature does not fit the key.")


def is_bound(body: SignedBody, mac_key: bytes) -> bool:
    """Whether the MAC of an external account binding is right. Raises AcmeProblem (``badSignatureAlgorithm``)."""
    _refuse_algorithm(body, MAC_ALGORITHMS)
    return _is_signed(body, OctKey.import_key(mac_key), MAC_ALGORITHMS)


def _refuse_algorithm(body: SignedBody, served: tuple[str, ...]) -> None:
    if body.algorithm not in served:
        raise AcmeProblem(
            "badSignatureAlgorithm",
            f"Signatures are made with one of {', '.join(served)}.",
            algorithms=list(served),
        )


def _flattened(body: SignedBody) -> jws.FlattenedJSONSerialization:
    parts = body.parts
    return {
        "protected": parts["protected"],
        "payload": parts["payload"],
        "signature": parts["signature"],
    }


def _is_signed(body: SignedBody, key: Any, served: tuple[str, ...]) -> bool:
    registry = _Registry(algorithms=list(served), strict_check_header=False)
    try:
        jws.deserialize_json(_flattened(body), key, registry=registry)
    except _FAULTS:
        return False
    return True
