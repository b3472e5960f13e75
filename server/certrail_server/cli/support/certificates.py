"""What a file is that somebody gives: PEM in any encoding of text, DER, PKCS#12. The API takes PEM and base64."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

import typer

from certrail_server.cli.common import fail

CERTIFICATE, REQUEST = "CERTIFICATE", "CERTIFICATE REQUEST"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_PEM = b"-----BEGIN "
_JKS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_SEQUENCE, _INTEGER, _OID = 0x30, 0x02, 0x06


@dataclass(frozen=True)
class GivenFile:
    """A file that was read.

    Attributes:
        blocks: PEM, without what stood around them.
        pkcs12: the file, if it is PKCS#12.
    """

    path: Path
    blocks: tuple[str, ...] = ()
    pkcs12: bytes | None = None

    @property
    def text(self) -> str:
        """PEM."""
        return "\n".join(self.blocks) + "\n"

    def has(self, label: str) -> bool:
        """Whether there is a block whose label ends with this."""
        return any(f"{label}-----" in block.partition("\n")[0] for block in self.blocks)

    def is_encrypted(self) -> bool:
        """Whether a private key in it has a password."""
        return any("PRIVATE KEY" in block and "ENCRYPTED" in block for block in self.blocks)


def given_file(path: Path) -> GivenFile:
    """Read a file and find out what it is; ends the command with what to do for one that is nothing of all that."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        fail(f"{path} cannot be read: {problem.strerror}.")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"-\x00-\x00" in content[:64]:
        # As PowerShell redirects output; without a mark it is little-endian.
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le"
        content = content.decode(encoding, "replace").encode()
    if _PEM in content:
        # Latin-1 reads any byte: what stands around the blocks is for people, and is left out.
        blocks = [found[0].replace("\r\n", "\n") for found in _BLOCK.finditer(content.decode("latin-1"))]
        if not blocks:
            fail(f"{path} is cut off: it begins a PEM block and does not end it.")
        return GivenFile(path, tuple(blocks))
    if content[:4] in _JKS:
        fail(f"{path} is a Java keystore. Convert it: keytool -importkeystore -deststoretype pkcs12 …")
    return _der(path, content)


def password_for(what: str, password_file: Path | None) -> str:
    """The password, from a file or a prompt, where none may be given."""
    if password_file is None:
        return str(
            typer.prompt(f"Password of {what}", hide_input=True, err=True, default="", show_default=False)
        )
    try:
        lines = password_file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        fail(f"{password_file} cannot be read as text.")
    return lines[0] if lines else ""


def _der(path: Path, content: bytes) -> GivenFile:
    from certrail.pki.der import NotDer, one

    try:
        tags = [child.tag for child in one(content).children()]
        first = one(content).children()[0]
        if one(content).tag != _SEQUENCE:
            raise NotDer
        if first.tag == _INTEGER and first.integer() == 3:
            return GivenFile(path, pkcs12=content)
        label = _label(tags, first.tag)
    except (NotDer, IndexError):
        fail(f"{path} holds no PEM, DER or PKCS#12. Files often end in .pem, .crt, .cer, .der, .p12 or .pfx.")
    if label is None:
        fail(f"{path} is PKCS#7. Convert it: openssl pkcs7 -inform der -in {path} -print_certs")
    body = base64.encodebytes(content).decode()
    return GivenFile(path, (f"-----BEGIN {label}-----\n{body}-----END {label}-----",))


def _label(tags: list[int], first: int) -> str | None:
    """What DER is, by its first elements: a certificate and a request begin alike, and differ in what they sign."""
    if first == _OID:
        return None
    if first == _INTEGER:
        if tags[1] == _SEQUENCE:
            return "PRIVATE KEY"
        return "EC PRIVATE KEY" if tags[1] == 0x04 else "RSA PRIVATE KEY"
    return "ENCRYPTED PRIVATE KEY" if tags[1:2] == [0x04] else CERTIFICATE


def request_text(path: Path) -> str:
    """A CSR, PEM."""
    given = given_file(path)
    if given.pkcs12 is not None:
        fail(f"{path} is PKCS#12, not a certification request.")
    if given.has(CERTIFICATE) and len(given.blocks) == 1 and not given.has(REQUEST):
        # DER of a request has the outer form of a certificate; the server says which it is not.
        return given.text.replace(f" {CERTIFICATE}-----", f" {REQUEST}-----")
    return given.text
