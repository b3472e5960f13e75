"""Secrets that were handed to a plugin, in what comes back from it."""

import asyncio
import io
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import BaseModel

from certrail.plugins.redaction import MASK, SHORTEST_SECRET, Redactor
from certrail_sdk import Config, Destination, Receipt, Recipient, Secret, Sent

PASSWORD = 'p\u00e4ss w/rd+"&1'
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent-encoded": lambda s: quote(s, safe=""),
    "json": json.dumps,
    "repr": repr,
    "base64": lambda s: b64encode(s.encode()).decode(),
    "base64 for urls": lambda s: urlsafe_b64encode(s.encode()).decode().rstrip("="),
    "basic authentication": lambda s: b64encode(f"user:{s}".encode()).decode(),
    "base64 inside": lambda s: b64encode(f"u:{s}!!".encode()).decode(),
    "hexadecimal": lambda s: s.encode().hex(),
}
KEYS: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def encoded(key: Any, encoding: str = "PEM", layout: str = "PKCS8") -> bytes:
    written: bytes = key.private_bytes(
        getattr(serialization.Encoding, encoding),
        getattr(serialization.PrivateFormat, layout),
        serialization.NoEncryption(),
    )
    return written


def private_part(key: Any) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        d = key.private_numbers().d
        return d.to_bytes((d.bit_length() + 7) // 8, "big")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32, "big")
    part: bytes = key.private_bytes_raw()
    return part


def rewrapped(der: bytes, width: int) -> str:
    text = b64encode(der).decode()
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


KEY_FORMS: dict[str, Callable[[Any], str]] = {
    "pem": lambda key: encoded(key).decode(),
    "lines joined": lambda key: encoded(key).decode().replace("\n", ""),
    "lines by backslash n": lambda key: encoded(key).decode().replace("\n", "\\n"),
    "lines of windows": lambda key: encoded(key).decode().replace("\n", "\r\n"),
    "list of lines": lambda key: repr(encoded(key).decode().splitlines()),
    "percent-encoded": lambda key: quote(encoded(key).decode()),
    "another width": lambda key: rewrapped(encoded(key, "DER"), 76),
    "der in hexadecimal": lambda key: encoded(key, "DER").hex(),
    "der in pairs": lambda key: encoded(key, "DER").hex(":").upper(),
    "base64 for urls": lambda key: urlsafe_b64encode(encoded(key, "DER")).decode(),
    "base64 percent-encoded": lambda key: quote(b64encode(encoded(key, "DER")), safe=""),
    "its number": lambda key: str(int.from_bytes(private_part(key), "big")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    written = FORMS[form](PASSWORD)
    cleaned = Redactor([PASSWORD]).text(f"refused: {written} was wrong")
    assert MASK in cleaned
    assert PASSWORD not in cleaned
    assert cleaned.startswith("refused: ")
    assert cleaned.endswith(" was wrong")
    # At most what depends on its neighbours in Base64 is left of it.
    assert len(cleaned) <= len("refused:  was wrong") + len(MASK) + 10


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", KEY_FORMS)
def test_a_private_key_is_masked_in_every_form(form: str, kind: str) -> None:
    key = KEYS[kind]
    cleaned = Redactor([encoded(key).decode()]).text(f"before {KEY_FORMS[form](key)} after")
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert MASK in cleaned
    number = private_part(key)
    dense = "".join(c for c in cleaned if c not in "\n\r:'\", ")
    for piece in (number[4:16].hex(), number[-16:-4].hex()):
        assert piece not in dense.lower()
    for shift in range(3):  # no run of the number's middle at any alignment of Base64
        assert b64encode(number[shift : shift + 15]).decode() not in dense


def test_another_format_of_the_key_is_found_too() -> None:
    for key in (KEYS["rsa"], KEYS["ec"]):
        other = encoded(key, layout="TraditionalOpenSSL").decode()
        cleaned = Redactor([encoded(key).decode()]).text(other)
        with pytest.raises(ValueError, match=r"."):
            serialization.load_pem_private_key(cleaned.encode(), None)
        assert cleaned.count(MASK) >= 1


def test_the_public_key_is_no_secret() -> None:
    for key in KEYS.values():
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert Redactor([encoded(key).decode()]).text(public.decode()) == public.decode()


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_line_of_a_key(line: int) -> None:
    pem = encoded(KEYS["rsa"]).decode()
    assert Redactor([pem]).text(f"in <{pem.splitlines()[line]}>") == f"in <{MASK}>"


def test_a_short_secret_is_not_searched_for() -> None:
    assert Redactor(["a" * (SHORTEST_SECRET - 1)]).text("banana aaaaaaa") == "banana aaaaaaa"
    assert Redactor(["a" * SHORTEST_SECRET]).text("b" + "a" * SHORTEST_SECRET) == f"b{MASK}"


def test_the_path_of_a_secret_url() -> None:
    redactor = Redactor(["https://hooks.example.com/services/T0/B0/abcdef123456?key=9"])
    assert redactor.text("POST /services/T0/B0/abcdef123456?key=9 404") == f"POST {MASK} 404"


class Login(BaseModel):
    user: str
    password: Secret


class DeepConfig(Config):
    logins: dict[str, list[Login]]
    token: Secret | None = None


class Deep(Destination[DeepConfig]):
    name, title = "deep", "Deep"


def test_the_secrets_of_a_configuration_however_deep() -> None:
    config = DeepConfig.model_validate(
        {"logins": {"a": [{"user": "u", "password": "deep-secret"}]}, "token": "flat-secret"}
    )
    redactor = Redactor.of({"call": [Deep(config)]})
    assert redactor.text("u: deep-secret, flat-secret") == f"u: {MASK}, {MASK}"


def test_answers_and_what_is_in_them() -> None:
    redactor = Redactor(["top-secret"])
    answer = Receipt(
        reference="arn:top-secret",
        fingerprint="ab",
        changed=True,
        details={"url": "https://u:top-secret@host", "top-secret": "x"},
    )
    cleaned = redactor.value(answer)
    assert cleaned.details == {"url": f"https://u:{MASK}@host", MASK: "x"}
    assert cleaned.reference == f"arn:{MASK}"
    sent = Sent(reference="r", recipients=(Recipient(address="a", accepted=False, detail="top-secret"),))
    assert redactor.value(sent).recipients[0].detail == MASK


async def test_log_lines_of_a_call_and_of_its_threads() -> None:
    written = io.StringIO()
    logger = logging.getLogger("a.vendor.library")
    handler = logging.StreamHandler(written)
    logger.addHandler(handler)

    def in_thread() -> None:
        logger.warning("thread: %s", "top-secret")

    async def call() -> None:
        logger.warning("line: %s", "top-secret")
        await asyncio.to_thread(in_thread)
        try:
            raise ValueError("top-secret")
        except ValueError:
            logger.exception("failed")
        logger.warning("wrong %d", "top-secret")

    try:
        with Redactor(["top-secret"]).in_logs():
            task = asyncio.create_task(call())
        await task
        assert "top-secret" not in written.getvalue()
        assert written.getvalue().count(MASK) >= 3
        logger.warning("afterwards: %s", "top-secret")
        assert "afterwards: top-secret" in written.getvalue()
    finally:
        logger.removeHandler(handler)
