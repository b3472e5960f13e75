"""A process that reads one encrypted file and ends: what it costs holds up nobody else.

Run as ``python -m certrail.pki.decryption_process``. JSON on standard input: ``kind`` (``pem`` or ``pkcs12``),
``content`` and ``password`` in base64. JSON on standard output: ``keys`` and ``certificates`` (DER, base64; with
``name``), or ``fault``.
"""

import base64
import json
import os
import resource
import sys
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12

from certrail.pki.der import OCTETS, SEQUENCE, Element, NotDer, one

CPU_SECONDS = 10
MEMORY_BYTES = 1024 * 1024 * 1024
NICENESS = 10
KEY_BAG, SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.1", "1.2.840.113549.1.12.10.1.2"
MOST_KEYS = 20


def main() -> None:
    """Read, answer, end."""
    os.nice(NICENESS)  # what a stranger's file costs is computed when nothing else is to be done
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.load(sys.stdin)
    content, password = base64.b64decode(order["content"]), base64.b64decode(order["password"])
    json.dump(opened(order["kind"], content, password), sys.stdout)


def opened(kind: str, content: bytes, password: bytes) -> dict[str, Any]:
    """What is in a file, or the word for what is wrong with it. No text of the parser leaves this function."""
    try:
        if kind == "pem":
            return {"keys": [_key(load_pem_private_key(content, password or None))]}
        return _pkcs12(content, password)
    except TypeError:
        return {"fault": "password"}
    except Exception:
        return {"fault": "unreadable"}


def _pkcs12(content: bytes, password: bytes) -> dict[str, Any]:
    store = _store(content, password)
    bags = [*([store.cert] if store.cert else []), *store.additional_certs]
    keys = [_key(store.key)] if store.key else []
    # The parser gives the first key only. Others stand in bags of their own, each encrypted for itself.
    for bag in _key_bags(content):
        key = _key(load_der_private_key(bag, password))
        keys += [key] if key not in keys else []
    return {
        "keys": keys,
        "certificates": [
            {
                "der": _text(bag.certificate.public_bytes(Encoding.DER)),
                "name": bag.friendly_name.decode(errors="replace") if bag.friendly_name else "",
            }
            for bag in bags
        ],
    }


def _store(content: bytes, password: bytes) -> PKCS12KeyAndCertificates:
    """Without a password there are two ways to write: under the empty one, and under none."""
    if password:
        return load_pkcs12(content, password)
    try:
        return load_pkcs12(content, None)
    except ValueError:
        return load_pkcs12(content, b"")


def _key_bags(content: bytes) -> list[bytes]:
    """Every shrouded key of the safes that are not encrypted as a whole; none for one key, which was read already."""
    try:
        found = list(_bags(one(content), 0))
    except NotDer:
        return []
    return found[:MOST_KEYS] if len(found) > 1 else []


def _bags(element: Element, depth: int) -> list[bytes]:
    if depth > MOST_KEYS:
        return []
    if element.tag == OCTETS:
        try:
            inner = one(element.content)
        except NotDer:
            return []
        return _bags(inner, depth + 1) if inner.tag == SEQUENCE else []
    if not element.tag & 0x20:
        return []
    children = element.children()
    if element.tag == SEQUENCE and len(children) >= 2 and children[0].tag == 0x06:
        if children[0].oid() == SHROUDED_KEY_BAG:
            return [children[1].content]
        if children[0].oid() == KEY_BAG:
            return []
    return [bag for child in children for bag in _bags(child, depth + 1)]


def _key(key: Any) -> str:
    return _text(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    main()
