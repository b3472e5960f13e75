"""What deriving a key from a password would cost, read before it is done.

The sender of an encrypted key or a PKCS#12 file chooses how often a hash is computed, or how much memory is taken,
until the password can be tried. The parameters stand in clear before the ciphertext: PBES1 and PBES2 (RFC 8018),
scrypt (RFC 7914), the MAC and the safes of PKCS#12 (RFC 7292).
"""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress

from certrail.domain.errors import BadInput
from certrail.pki.der import INTEGER, OCTETS, OID, SEQUENCE, Element, NotDer, one

MOST_ITERATIONS = 2_000_000
"""Of all derivations in one file together; OpenSSL writes 2,048, Java 10,000, password managers up to 1,000,000."""
QUICK_ITERATIONS = 20_000
"""Done in well under 250 ms, while no other thread runs: more is left to a process."""
MOST_SCRYPT_BYTES = 64 * 1024 * 1024
MOST_SCRYPT_PARALLEL = 4
LARGEST_QUICK_KEY = 2_700
"""Octets of an RSA key of 4096 bits in PKCS#8, with room: the primes of a larger one take long to check."""
DEEPEST = 40

PBES2, PBKDF2, SCRYPT, PBMAC1 = (
    "1.2.840.113549.1.5.13",
    "1.2.840.113549.1.5.12",
    "1.3.6.1.4.1.11591.4.11",
    "1.2.840.113549.1.5.14",
)
_PBES1 = re.compile(r"1\.2\.840\.113549\.1\.(5\.\d+|12\.1\.\d+)")
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)


def require_affordable_pem(pem: bytes) -> bool:
    """Look at the private key in a PEM text; returns whether it is read quickly.

    Raises:
        BadInput: its key derivation is too expensive, or there is no private key.
    """
    if (found := _PEM.search(pem)) is None:
        raise BadInput(
            "The private key cannot be read: begin with -----BEGIN PRIVATE KEY-----.", "private_key"
        )
    label, body = found[1], found[2]
    if label == b"OPENSSH PRIVATE KEY":
        raise BadInput(
            "A private key in the format of OpenSSH is not taken; write it as PKCS#8: ssh-keygen -p -m PKCS8.",
            "private_key",
        )
    content = _decoded(body)
    if label != b"ENCRYPTED PRIVATE KEY":
        return len(content) <= LARGEST_QUICK_KEY
    try:
        return require_affordable(content, "private_key") and len(content) <= LARGEST_QUICK_KEY
    except NotDer:
        raise BadInput("The private key cannot be read: its encoding is broken.", "private_key") from None


def require_affordable(content: bytes, field: str) -> bool:
    """Add up what every derivation that can be seen in DER costs; returns whether all of it is quick.

    Raises:
        BadInput: it is too expensive.
        NotDer: the encoding is broken, or is none.
    """
    iterations, quick = _mac_iterations(one(content)), True
    for algorithm, parameters in _algorithms(one(content), 0):
        if algorithm == SCRYPT:
            quick = False
            _require_small_scrypt(parameters, field)
        else:
            iterations += _count(algorithm, parameters)
    if iterations > MOST_ITERATIONS:
        raise BadInput(
            f"Its password would be hashed {iterations} times; at most {MOST_ITERATIONS} are done."
            " Encrypt it again with fewer iterations.",
            field,
        )
    return quick and iterations <= QUICK_ITERATIONS


def _algorithms(element: Element, depth: int) -> Iterator[tuple[str, Element]]:
    """Every AlgorithmIdentifier with parameters, also within octet strings that hold DER: PKCS#12 nests them."""
    if depth > DEEPEST:
        raise NotDer("nested too deeply")
    if element.tag == OCTETS:
        try:
            inner = one(element.content)
        except NotDer:
            return
        if inner.tag == SEQUENCE and len(inner.raw) == len(element.content):
            # Ciphertext may look like DER by chance.
            with suppress(NotDer):
                yield from _algorithms(inner, depth + 1)
        return
    if not element.tag & 0x20:
        return
    children = element.children()
    if element.tag == SEQUENCE and len(children) >= 2 and children[0].tag == OID:
        yield children[0].oid(), children[1]
    for child in children:
        yield from _algorithms(child, depth + 1)


def _count(algorithm: str, parameters: Element) -> int:
    if parameters.tag != SEQUENCE or not (algorithm == PBKDF2 or _PBES1.fullmatch(algorithm)):
        return 0
    if algorithm in (PBES2, PBMAC1):
        return 0  # its derivation is an AlgorithmIdentifier of its own
    return sum(abs(child.integer()) for child in parameters.children()[:2] if child.tag == INTEGER)


def _mac_iterations(pfx: Element) -> int:
    """MacData of PKCS#12: the digest, a salt, and how often the password is hashed."""
    children = pfx.children() if pfx.tag == SEQUENCE else []
    if len(children) < 3 or children[0].tag != INTEGER or children[2].tag != SEQUENCE:
        return 0
    mac = children[2].children()
    return abs(mac[2].integer()) if len(mac) > 2 and mac[2].tag == INTEGER else 0


def _require_small_scrypt(parameters: Element, field: str) -> None:
    numbers = [child.integer() for child in parameters.children() if child.tag == INTEGER]
    n, r, p = (*numbers, 0, 0, 0)[:3]
    if n < 1 or r < 1 or not 1 <= p <= MOST_SCRYPT_PARALLEL or 128 * n * r > MOST_SCRYPT_BYTES:
        raise BadInput(
            f"Its password is protected by scrypt with more memory than {MOST_SCRYPT_BYTES // 1024 // 1024} MiB."
            " Encrypt it again with less.",
            field,
        )


def _decoded(body: bytes) -> bytes:
    lines = [line for line in body.splitlines() if b":" not in line]
    try:
        return base64.b64decode(b"".join(lines), validate=False)
    except binascii.Error:
        raise BadInput("The private key is broken: its base64 cannot be read.", "private_key") from None
