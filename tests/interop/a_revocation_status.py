"""Status of a leaf under three levels, as verifiers of others find it: OpenSSL, nginx's stapling, Java.

`make interop` runs this.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from examples.demo.installation import Api, Installation, until
from tests.interop.debian import program, running
from tests.interop.debian import until as within

from certrail_server.ports import free_port

NAME = "status.example.com"
CHECKER = Path(__file__).parent / "RevocationCheck.java"
METHODS = ("ocsp", "crl")


@dataclass
class Deep:
    """An installation with root, middle and issuing authority, and files of a leaf's path.

    Attributes:
        path: the leaf, then each authority above it but the root.
    """

    folder: Path
    url: str
    admin: Api
    certificate_id: str
    path: list[Path]
    root: Path
    chain: Path
    key: Path

    def java(self, method: str) -> str:
        """The verdict of Java's verifier."""
        command = [program("java", "default-jdk-headless"), "-Dcom.sun.security.enableCRLDP=true"]
        return output(*command, CHECKER, method, self.root, *self.path)

    def openssl_ocsp(self, number: int) -> str:
        """What `openssl ocsp` says of a certificate of the path; the answer's signature is verified."""
        above = [*self.path, self.root][number + 1]
        (address,) = output("openssl", "x509", "-in", self.path[number], "-noout", "-ocsp_uri").split()
        said = output(
            *("openssl", "ocsp", "-issuer", above, "-cert", self.path[number], "-url", address),
            *("-CAfile", self.root, "-verify_other", self.chain, "-no_nonce"),
            merged=True,
        )
        assert "Response verify OK" in said, said
        (status,) = re.findall(rf"{re.escape(str(self.path[number]))}: (\w+)", said)
        return str(status)


def output(*command: object, merged: bool = False) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        [*map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Deep]:
    installation = Installation(tmp_path / "certrail")
    installation.start()
    try:
        yield issued(installation, tmp_path)
    finally:
        installation.stop()


def issued(installation: Installation, folder: Path) -> Deep:
    """A leaf under three levels, requested with a CSR."""
    admin = Api(installation.url, installation.run("token", "bootstrap", "--name", "Ada"))
    for slug, parent, room in (("root", None, None), ("middle", "root", 1), ("issuing", "middle", 0)):
        below = {"kind": "intermediate", "parent": parent, "max_path_length": room} if parent else {}
        body = {"slug": slug, "name": slug, "subject": {"common_name": slug}, **below}
        admin.post("/certificate-authorities", body)
    admin.post("/certificate-policies", {"slug": "any", "name": "Any"})
    profile = {"slug": "web", "name": "Web", "ca": "issuing", "policy": "any", "ttl": "7d"}
    admin.post("/certificate-profiles", profile)
    admin.post("/applications", {"slug": "app", "name": "App", "profiles": ["web"]})
    key, csr = folder / "leaf.key", folder / "leaf.csr"
    output(
        *("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
        *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", csr),
    )
    request = admin.post("/applications/app/certificate-requests", {"profile": "web", "csr": csr.read_text()})

    def certificate_id() -> str | None:
        found: str | None = admin.get(f"/certificate-requests/{request['id']}")["certificate_id"]
        return found

    ident: str = until(certificate_id, "the certificate")
    certificate = admin.get(f"/certificates/{ident}")
    pem: str = "\n".join((certificate["pem"], *certificate["chain"]))
    path = []
    for number, one in enumerate(x509.load_pem_x509_certificates(pem.encode())):
        path.append(folder / f"{number}.pem")
        path[-1].write_bytes(one.public_bytes(Encoding.PEM))
    root, chain = folder / "root.pem", folder / "chain.pem"
    root.write_text(certificate["root"])
    chain.write_text(pem)
    return Deep(folder, installation.url, admin, ident, path, root, chain, key)


@contextmanager
def stapling(deep: Deep) -> Iterator[int]:
    """The port of an nginx that staples the status of its certificate."""
    port, folder = free_port(), deep.folder / "nginx"
    folder.mkdir()
    trusted = folder / "trusted.pem"
    trusted.write_text(deep.chain.read_text() + deep.root.read_text())
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
access_log off;
{paths}server {{
listen 127.0.0.1:{port} ssl;
server_name {NAME};
ssl_certificate {deep.chain};
ssl_certificate_key {deep.key};
ssl_trusted_certificate {trusted};
ssl_stapling on;
ssl_stapling_verify on;
return 204;
}}
}}
"""
    )
    command = (program("nginx", "nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf"))
    subprocess.run([*command, "-t"], check=True)
    with running(*command, log=folder / "nginx.log"):
        yield port


def stapled(deep: Deep, port: int) -> str | None:
    """The status in the handshake, which `openssl s_client` verifies; ``None`` while there is none yet."""
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-status"),
            *("-CAfile", str(deep.root), "-verify_return_error", "-verify_hostname", NAME),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "Cert Status" not in done.stdout:
        return None
    assert "Verify return code: 0 (ok)" in done.stdout, done.stdout
    (status,) = re.findall(r"Cert Status: (\w+)", done.stdout)
    return str(status)


def is_stapled(deep: Deep, port: int, status: str) -> bool:
    return stapled(deep, port) == status


def test_all_verifiers_agree_at_three_levels(deep: Deep) -> None:
    assert len(deep.path) == 3
    assert [deep.openssl_ocsp(number) for number in range(3)] == ["good"] * 3
    assert {method: deep.java(method) for method in METHODS} == dict.fromkeys(METHODS, "valid")
    with stapling(deep) as port:
        within(lambda: is_stapled(deep, port, "good"), "the stapled status")

    deep.admin.post(f"/certificates/{deep.certificate_id}/revoke", {"reason": "keyCompromise"})
    assert [deep.openssl_ocsp(number) for number in range(3)] == ["revoked", "good", "good"]
    assert {method: deep.java(method) for method in METHODS} == dict.fromkeys(METHODS, "REVOKED at 0")

    deep.admin.post("/certificate-authorities/issuing/revoke", {"reason": "cessationOfOperation"})
    assert [deep.openssl_ocsp(number) for number in (1, 2)] == ["revoked", "good"]
    assert {method: deep.java(method) for method in METHODS} == dict.fromkeys(METHODS, "REVOKED at 1")
