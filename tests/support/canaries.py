"""Looks for secrets where something is kept: as they are, and in the encodings that would hide them."""

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlmodel import select

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.services.operations.key_rotation import SEALED, purpose_of

LINE = 64
"""Characters of a PEM line."""


def leaks(kept: bytes, secrets: Mapping[str, bytes]) -> list[str]:
    """What of the secrets, which go by what they are, is in something."""
    low = kept.lower()
    return [what for what, secret in secrets.items() if any(form in low for form in forms(secret))]


@cache
def forms(secret: bytes) -> tuple[bytes, ...]:
    """A secret in the encodings that certrail and its neighbours use, in lower case."""
    return tuple(form.lower() for form in _encodings(secret))


def _encodings(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    for shift in range(3):  # Base64 of something longer shows what is inside in one of three alignments
        text = base64.b64encode(b"\0" * shift + secret)
        shown = text[4 if shift else 0 : -4]
        yield shown
        yield shown.translate(bytes.maketrans(b"+/", b"-_"))
    if secret.isascii():
        text = secret.decode()  # type: ignore[assignment]
        yield quote(text, safe="").encode()
        yield json.dumps(text)[1:-1].encode()


def private_keys(database: Database, keyring: Keyring) -> dict[str, bytes]:
    """Every private key that is sealed in a database: of authorities, of certificates, of who answers for status."""
    found: dict[str, bytes] = {}
    with database.read() as session:
        for table, column, purpose in SEALED:
            for row in session.exec(select(table)) if column == "key_sealed" else ():
                if envelope := row.key_sealed:  # type: ignore[attr-defined]
                    what = f"{table.__name__} {row.id}"  # type: ignore[attr-defined]
                    found |= parts_of_key(what, keyring.open(envelope, purpose_of(row, purpose)))
    return found


def parts_of_key(what: str, pem: bytes) -> dict[str, bytes]:
    """What no copy of a key can be without: its secret number, or the lines of PEM in which that stands."""
    key = load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        kind, number, size = "scalar", key.private_numbers().private_value, key.key_size
    else:
        assert isinstance(key, rsa.RSAPrivateKey)
        kind, number, size = "prime", key.private_numbers().p, key.key_size // 2
    secret = number.to_bytes((size + 7) // 8)
    found = {f"{kind} of {what}": secret}
    for form, format_ in (("PKCS #8", PrivateFormat.PKCS8), ("older form", PrivateFormat.TraditionalOpenSSL)):
        der = key.private_bytes(Encoding.DER, format_, NoEncryption())
        begin = der.index(secret)
        text = base64.b64encode(der)
        first, last = begin * 4 // 3 // LINE, (begin + len(secret)) * 4 // 3 // LINE
        for line in range(first, last + 1):
            found[f"line {line} of {what} as {form}"] = text[line * LINE : (line + 1) * LINE]
    return found


def sqlite_dump(file: Path) -> bytes:
    """Every value of a SQLite database as raw bytes; a file spreads a long one over pages, SQL shows a blob in hex."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        tables = [
            name.decode()
            for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        ]
        rows = (row for name in tables for row in connection.execute(f'select * from "{name}"'))
        return b"\n".join(
            value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
        )
    finally:
        connection.close()
