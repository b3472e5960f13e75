"""Files whose password is expensive to try are refused before it is tried, or read where nobody waits for them."""

import base64
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certrail.domain.errors import BadInput, Busy
from certrail.pki import decryption
from certrail.pki.der import one
from certrail.pki.kdf import MOST_ITERATIONS, require_affordable, require_affordable_pem
from certrail.pki.keys import from_pem
from certrail.pki.parse import from_pkcs12

from .test_field_cases import pem_of, wrapped

PASSWORD = "geheim12"


def openssl(folder: Path, text: str) -> None:
    subprocess.run(["openssl", *text.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kdf")
    openssl(made, "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out leaf.pem -days 9 -subj /CN=leaf")
    return made


def with_iterations(content: bytes, before: int, after: int) -> bytes:
    """The same bytes with another count, as a stranger would write it: nothing of it is computed."""
    old = wrapped(0x02, before.to_bytes((before.bit_length() + 8) // 8, "big"))
    new = after.to_bytes(len(old) - 2, "big") if after.bit_length() < 8 * (len(old) - 2) else None
    assert new is not None
    assert old in content
    return content.replace(old, wrapped(0x02, new))


@pytest.mark.parametrize("prf", ["hmacWithSHA1", "hmacWithSHA512"])
def test_an_encrypted_key_with_many_iterations_is_refused_at_once(folder: Path, prf: str) -> None:
    written = "pkcs8 -topk8 -in key.pem -out p8.pem -v2 aes-256-cbc -iter 2000000 -passout pass:geheim12"
    openssl(folder, f"{written} -v2prf {prf}")
    text = (folder / "p8.pem").read_text()
    bomb = pem_with(text, 2_000_000, 8_000_000)
    began = time.monotonic()
    with pytest.raises(BadInput, match="hashed 8000000 times") as refused:
        from_pem(bomb.encode(), PASSWORD)
    assert time.monotonic() - began < 0.25
    assert refused.value.extra["field"] == "private_key"


def pem_with(text: str, before: int, after: int) -> str:
    import base64

    lines = text.strip().splitlines()
    content = with_iterations(base64.b64decode("".join(lines[1:-1])), before, after)
    return "\n".join([lines[0], base64.b64encode(content).decode(), lines[-1]])


def test_scrypt_with_much_memory_is_refused_at_once(folder: Path) -> None:
    openssl(folder, "pkcs8 -topk8 -in key.pem -out s.pem -scrypt -passout pass:geheim12")
    assert from_pem((folder / "s.pem").read_bytes(), PASSWORD)
    lines = (folder / "s.pem").read_text().strip().splitlines()
    content = base64.b64decode("".join(lines[1:-1]))
    cost = bytes.fromhex("020240000201080201")  # N = 16384, r = 8
    assert cost in content
    content = content.replace(cost, bytes.fromhex("0202400002017f0201"))
    bomb = "\n".join([lines[0], base64.b64encode(content).decode(), lines[-1]])
    with pytest.raises(BadInput, match="scrypt with more memory"):
        from_pem(bomb.encode(), PASSWORD)


def test_pkcs12_with_many_iterations_is_refused_at_once(folder: Path) -> None:
    written = "pkcs12 -export -inkey key.pem -in leaf.pem -out s.p12 -passout pass:geheim12"
    openssl(folder, f"{written} -iter 100000 -maciter")
    content = (folder / "s.p12").read_bytes()
    assert from_pkcs12(content, PASSWORD).key is not None
    began = time.monotonic()
    with pytest.raises(BadInput, match="times; at most") as refused:
        from_pkcs12(with_iterations(content, 100_000, 2**22), PASSWORD)
    assert time.monotonic() - began < 0.25
    assert refused.value.extra["field"] == "pkcs12"


def test_the_count_of_the_mac_is_seen(folder: Path) -> None:
    """The MAC is verified first, so its count alone is enough."""
    openssl(
        folder, "pkcs12 -export -inkey key.pem -in leaf.pem -out m.p12 -passout pass:geheim12 -iter 70000"
    )
    content = (folder / "m.p12").read_bytes()
    counts = one(content).children()[2].children()[2].integer()
    assert counts == 70000
    pfx = one(content).children()
    mac = pfx[2].children()
    bomb = wrapped(0x30, mac[0].raw + mac[1].raw + wrapped(0x02, MOST_ITERATIONS.to_bytes(4, "big")))
    with pytest.raises(BadInput, match="times; at most"):
        from_pkcs12(wrapped(0x30, pfx[0].raw + pfx[1].raw + bomb), PASSWORD)


def test_what_is_expensive_but_allowed_holds_up_nobody(folder: Path) -> None:
    """The library keeps the interpreter's lock while it derives a key: it does that in another process."""
    written = "pkcs8 -topk8 -in key.pem -out slow.pem -v2 aes-256-cbc -iter 1500000 -passout pass:geheim12"
    openssl(folder, written)
    longest, stop = [0.0], threading.Event()

    def watch() -> None:
        last = time.monotonic()
        while not stop.wait(0.005):
            now = time.monotonic()
            longest[0] = max(longest[0], now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    from_pem((folder / "slow.pem").read_bytes(), PASSWORD)
    took = time.monotonic() - began
    stop.set()
    watcher.join()
    assert longest[0] < 0.25, f"others waited {longest[0]:.3f} s of {took:.1f} s"


def test_a_large_rsa_key_is_verified_elsewhere() -> None:
    key = rsa.generate_private_key(65537, 4096)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert require_affordable_pem(text), "4096 bits are read at once"
    padded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    assert load_pem_private_key(padded, b"x")
    larger = text.replace(b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 4000, 1)
    assert not require_affordable_pem(larger)


def test_a_process_that_takes_too_long_is_ended_and_the_file_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decryption, "SECONDS", 0.001)
    with pytest.raises(BadInput, match="too much time or memory"):
        from_pkcs12(b"\x30\x03\x02\x01\x03", PASSWORD)


def test_only_so_many_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decryption, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(decryption, "_slots", threading.BoundedSemaphore(1))
    with decryption._slots, pytest.raises(Busy, match="Try again"):
        from_pkcs12(b"\x30\x03\x02\x01\x03", PASSWORD)


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds a thread of the server: one too many is answered at once."""
    monkeypatch.setattr(decryption, "WAIT_SECONDS", 600)
    monkeypatch.setattr(decryption, "_admitted", threading.BoundedSemaphore(1))
    with decryption._admitted, pytest.raises(Busy, match="Try again"):
        from_pkcs12(b"\x30\x03\x02\x01\x03", PASSWORD)


def test_deeply_nested_encodings_end(folder: Path) -> None:
    content = b""
    for _ in range(200):
        content = wrapped(0x30, content)
    assert require_affordable(content[:100] and wrapped(0x30, b""), "pkcs12")
    with pytest.raises(BadInput, match="cannot be read"):
        from_pkcs12(content, PASSWORD)


def test_an_openssh_key_is_refused_with_what_to_do() -> None:
    text = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(BadInput, match="ssh-keygen -p -m PKCS8"):
        from_pem(text.encode(), PASSWORD)
    assert pem_of(b"x")
