"""`cert import` and `request submit` take the files that other programs write, and find out what they are."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.integration.cli_shell import Shell

PASSWORD = "geheim12"


def openssl(folder: Path, text: str, *more: str) -> None:
    subprocess.run(["openssl", *text.split(), *more], cwd=folder, check=True, capture_output=True)


def made(folder: Path, name: str) -> Path:
    key = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem"
    openssl(folder, f"{key} -days 90 -subj /CN={name}.example.com")
    return folder / f"{name}.pem"


def test_every_form_of_a_certificate_is_taken(shell: Shell) -> None:
    folder = shell.folder
    for name in ("one", "two", "three", "four", "five", "six", "seven"):
        made(folder, name)
    openssl(folder, "ec -in one.key -aes256 -passout pass:geheim12 -out one-encrypted.key")
    openssl(folder, "pkcs12 -export -inkey two.key -in two.pem -passout pass: -out two.p12")
    openssl(folder, "x509 -in three.pem -outform der -out three.cer")
    openssl(folder, "pkcs8 -topk8 -nocrypt -in three.key -outform der -out three-key.der")
    (folder / "four.pem").write_bytes((folder / "four.pem").read_text().encode("utf-16"))
    latin = b"Aussteller: M\xfcller\n" + (folder / "five.pem").read_bytes()
    (folder / "five.pem").write_bytes(latin.replace(b"\n", b"\r\n"))
    (folder / "six.pem").write_bytes((folder / "six.key").read_bytes() + (folder / "six.pem").read_bytes())
    openssl(
        folder, "pkcs12 -export -inkey seven.key -in seven.pem -out seven.p12", "-passout", "pass:geheim12"
    )
    (folder / "password").write_text(f"{PASSWORD}\n")
    for words, typed in (
        (("one.pem", "--key", "one-encrypted.key"), f"{PASSWORD}\n"),
        (("two.p12", "--pkcs12"), "\n"),
        (("three.cer", "--key", "three-key.der"), ""),
        (("four.pem", "--key", "four.key"), ""),
        (("five.pem", "--key", "five.key"), ""),
        (("six.pem",), ""),
        (("seven.p12", "--password-file", "password"), ""),
    ):
        paths = [str(folder / word) if (folder / word).exists() else word for word in words]
        row = json.loads(shell.run("cert", "import", "app", *paths, "--json", typed=typed))
        assert row["has_private_key"], words
        assert row["common_name"] == f"{words[0].partition('.')[0]}.example.com"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "keytool -importkeystore"),
        (b"-----BEGIN CERTIFICATE-----\nMII", "is cut off"),
        (b"hello", "holds no PEM, DER or PKCS#12"),
        (b"", "holds no PEM, DER or PKCS#12"),
        (bytes.fromhex("300b06092a864886f70d010702"), "PKCS#7"),
    ],
)
def test_what_is_none_is_refused_with_what_to_do(shell: Shell, content: bytes, reason: str) -> None:
    path = shell.folder / "file"
    path.write_bytes(content)
    assert reason in shell.refused("cert", "import", "app", str(path))


def test_a_request_in_der_or_with_text_around_it_is_taken(shell: Shell) -> None:
    folder = shell.folder
    openssl(folder, "req -new -newkey rsa:2048 -nodes -keyout k -out a.csr -subj /CN=a.example.com")
    openssl(folder, "req -in a.csr -outform der -out a.der")
    openssl(folder, "req -in a.csr -text -out text.csr")
    for name in ("a.der", "text.csr"):
        asked = shell.json("request", "submit", "app", "--profile", "web", "--csr", str(folder / name))
        assert asked["status"] in ("approved", "issuing", "issued", "pending_approval")
    both = folder / "both.csr"
    both.write_bytes((folder / "k").read_bytes() + (folder / "a.csr").read_bytes())
    refused = shell.refused("request", "submit", "app", "--profile", "web", "--csr", str(both))
    assert "holds a private key" in refused
