"""Public keys whose private keys can be computed or are public: refused before anything is signed for them.

The methods are those of the CA/Browser Forum's Baseline Requirements, section 6.1.1.3 (4): close primes (Fermat), ROCA
(CVE-2017-15361) and published keys such as those of Debian's OpenSSL (CVE-2008-0166). The arithmetic is the `badkeys`
library's.
"""

import hashlib
import mmap
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from badkeys.rsakeys import fermat, roca, rsainvalid, rsapoly, sharedprimes, smalld, smallfactors
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certrail.domain.errors import BadInput

RECORD, HASH = 16, 15
"""Octets of a record in a blocklist, and those of the truncated SHA-256 in it; the last one is the list's number."""

_RSA: Mapping[str, Callable[..., Any]] = {
    "its primes are close to each other": fermat,
    "it was made by a chip with the ROCA flaw (CVE-2017-15361)": roca,
    "its modulus or exponent is invalid": rsainvalid,
    "its modulus has a pattern by which it is factored": rsapoly,
    "it shares a prime with a published key": sharedprimes,
    "its private exponent is small": smalld,
    "its modulus has a small factor": smallfactors,
}


class BlocklistError(Exception):
    """The file is no blocklist; the message says what to do."""


class KeyBlocklist:
    """Keys that are public, in the format of the badkeys project's ``blocklist.dat``: sorted records of 16 octets.

    Raises:
        BlocklistError: the file cannot be read, or is in another format.
    """

    def __init__(self, file: Path) -> None:
        advice = "Fetch blocklist.dat of the badkeys project again, or unset CERTRAIL_KEY_BLOCKLIST_FILE."
        try:
            with file.open("rb") as content:
                self._records = mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as err:
            raise BlocklistError(f"The blocklist {file} cannot be read ({err}). {advice}") from None
        if len(self._records) % RECORD or self._hash(0) > self._hash(len(self) - 1):
            raise BlocklistError(f"The file {file} is no blocklist. {advice}")

    def __len__(self) -> int:
        return len(self._records) // RECORD

    def holds(self, key: PublicKeyTypes) -> bool:
        """Whether the key is on the list; binary search."""
        if (content := _content(key)) is None:
            return False
        wanted = hashlib.sha256(content).digest()[:HASH]
        found = bisect_left(range(len(self)), wanted, key=self._hash)
        return found < len(self) and self._hash(found) == wanted

    def _hash(self, number: int) -> bytes:
        return self._records[number * RECORD : number * RECORD + HASH]


def _content(key: PublicKeyTypes) -> bytes | None:
    """What a blocklist hashes: the modulus, the x coordinate or the raw key, without leading zero octets."""
    if isinstance(key, rsa.RSAPublicKey):
        number = key.public_numbers().n
    elif isinstance(key, ec.EllipticCurvePublicKey):
        number = key.public_numbers().x
    elif isinstance(key, ed25519.Ed25519PublicKey):
        number = int.from_bytes(key.public_bytes_raw())
    else:
        return None
    return number.to_bytes((number.bit_length() + 7) // 8)


def refuse_weak(key: PublicKeyTypes, blocklist: KeyBlocklist | None, field: str = "csr") -> None:
    """Raise BadInput about the field if the key's private half can be computed or is public."""
    if blocklist is not None and blocklist.holds(key):
        raise _refusal(
            "its private half is public, such as one made by Debian's OpenSSL of 2006 to 2008", field
        )
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        for weakness, finds in _RSA.items():
            if finds(numbers.n, e=numbers.e):
                raise _refusal(weakness, field)


def _refusal(weakness: str, field: str) -> BadInput:
    return BadInput(f"The key can be broken: {weakness}. Make a new key, with another program.", field)
