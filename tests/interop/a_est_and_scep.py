"""EST and SCEP with clients of others: strongSwan's pki, certmonger, and micromdm's scepclient.

`make interop` runs this. strongSwan speaks EST over TLS only: nginx stands in front of the server, which also has a TLS
port of its own.
"""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from examples.demo.installation import Api
from tests.interop.certificates import Authority
from tests.interop.debian import program, running, until

from certrail_server.ports import free_port

SECONDS = 90
PKI, MONGER, MICROMDM = "strongswan-pki", "certmonger", "scep"
CERTMONGER_FOLDERS = ("CONFIG_DIR", "REQUESTS_DIR", "CAS_DIR", "LOCAL_CA_DIR", "TMPDIR")


@dataclass(frozen=True)
class Enrollment:
    """One Application's enrollment by both protocols, with secrets of its clients."""

    api: Api
    application: str
    tls_root: Path
    est: str
    scep: str
    passphrase: str
    challenge: str

    def certificates(self) -> list[Mapping[str, Any]]:
        """All of them, newest first."""
        found: list[Mapping[str, Any]] = self.api.get(f"/applications/{self.application}/certificates")[
            "items"
        ]
        return found

    def lineage_of(self, certificate: x509.Certificate) -> str:
        """Of a certificate that a client got."""
        serial = f"{certificate.serial_number:x}"
        (row,) = [row for row in self.certificates() if row["serial"] == serial]
        return str(row["lineage_id"])

    def approve(self) -> None:
        """Vote for the approval that is open, once there is one."""
        path = f"/applications/{self.application}/approval-requests"

        def open_ones() -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = self.api.get(path, status="open")["items"]
            return found

        until(lambda: bool(open_ones()), "the approval")
        (approval,) = open_ones()
        self.api.post(f"/approval-requests/{approval['id']}/votes", {"decision": "approve"})


@dataclass(frozen=True)
class Fronted:
    """A server, and nginx with TLS in front of it."""

    server: int
    port: int
    own_port: int
    tls_root: Path
    api: Api
    guarded: Enrollment

    def enrollment(self) -> Enrollment:
        """A new Application whose profile is enrolled by EST and SCEP."""
        return new_enrollment(self.api, self.server, self.tls_root)


def new_enrollment(api: Api, server: int, tls_root: Path, *, guarded: bool = False) -> Enrollment:
    slug = f"app-{uuid.uuid4().hex[:8]}"
    api.post("/applications", {"slug": slug, "name": slug, "profiles": ["web"]})
    if guarded:
        step = {"name": "One", "approvers": ["ada"]}
        policy = {"slug": "guard", "name": "Guard", "profiles": ["web"], "steps": [step]}
        api.post(f"/applications/{slug}/approval-policies", policy)
    base = f"/applications/{slug}/profiles/web/enrollment"
    api.put(f"{base}/est", {"retry_after": "1s"})
    api.put(f"{base}/scep", {})
    urls = {method["method"]: method["urls"] for method in api.get(base)["methods"]}
    plain = urls["scep"]["server"].partition("/scep/")[2]
    return Enrollment(
        api,
        slug,
        tls_root,
        urls["est"]["prefix"],
        f"http://127.0.0.1:{server}/scep/{plain}",
        api.post(f"{base}/est/passphrases", {"name": "x"})["value"],
        api.post(f"{base}/scep/challenges", {"name": "x"})["value"],
    )


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    folder, server, port = tmp_path_factory.mktemp("est"), free_port(), free_port()
    authority = Authority(folder, "authority")
    pem, key = authority.issue("localhost")
    own_port = free_port()
    environment = {
        "CERTRAIL_EST_PORT": str(own_port),
        "CERTRAIL_EST_TLS_CERTIFICATE_FILE": str(pem),
        "CERTRAIL_EST_TLS_KEY_FILE": str(key),
        "CERTRAIL_DATA_DIR": str(folder / "certrail"),
        "CERTRAIL_PORT": str(server),
        "CERTRAIL_PUBLIC_URL": f"https://127.0.0.1:{port}",
        "CERTRAIL_TRUSTED_PROXIES": "127.0.0.1",
        "CERTRAIL_CLIENT_CERTIFICATE_HEADER": "X-Client-Certificate",
        # Of Temporal, which is not needed here: what waits for nothing is issued by the server.
        "CERTRAIL_TEMPORAL_ADDRESS": "127.0.0.1:9",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        own = (sys.executable, "-m", "certrail_server")
        subprocess.run([*own, "migrate"], check=True)
        bootstrap = [*own, "token", "bootstrap", "--name", "Ada"]
        token = subprocess.run(bootstrap, check=True, capture_output=True, text=True).stdout.strip()
        with running(*own, "server", log=folder / "server.log"):
            until(lambda: answers(server), "the server")
            api = Api(f"http://127.0.0.1:{server}", token)
            subject = {"common_name": "Root"}
            api.post("/certificate-authorities", {"slug": "root", "name": "Root", "subject": subject})
            api.post("/certificate-policies", {"slug": "any", "name": "Any"})
            profile = {"slug": "web", "name": "Web", "ca": "root", "policy": "any", "ttl": "7d"}
            # Without clientAuth OpenSSL refuses them as certificates of clients.
            usages = {"extended_key_usages": ["serverAuth", "clientAuth"]}
            api.post("/certificate-profiles", profile | {"defaults": usages})
            guarded = new_enrollment(api, server, authority.certificate, guarded=True)
            write_nginx(folder, port, server, pem, key, guarded.application)
            command = (program("nginx", "nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf"))
            with running(*command, log=folder / "nginx.log"):
                yield Fronted(server, port, own_port, authority.certificate, api, guarded)


def write_nginx(folder: Path, port: int, server: int, pem: Path, key: Path, root: str) -> None:
    """TLS; and one Application's enrollment at the root, for what strongSwan makes of an URL while it polls."""
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    label = f"applications/{root}/profiles/web"
    rewrite = f"rewrite ^/.well-known/est/([a-z]+)$ /.well-known/est/{label}/$1;"
    location = f"{rewrite} location / {{ proxy_pass http://127.0.0.1:{server}; }}"
    header = "proxy_set_header X-Client-Certificate $ssl_client_escaped_cert;"
    client = f"ssl_verify_client optional_no_ca; {header}"  # certrail decides which certificates it knows
    tls = f"listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {key}; {client}"
    site = f"{tls} {location}"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    http = f"http {{\naccess_log {folder}/access.log;\n{paths}server {{ {site} }}\n}}\n"
    (folder / "nginx.conf").write_text(f"{user}{main}{http}")


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx2.TransportError:
        return False


def pki(folder: Path, *arguments: str, to: str | None = None, fails: bool = False) -> str:
    """Run strongSwan's tool; its output goes to a file. Returns what it says on the way."""
    command = [program("pki", PKI), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=SECONDS)
    said = done.stderr.decode()
    assert bool(done.returncode) == fails, f"{' '.join(arguments[:1])}: {said}"
    if to is not None:
        (folder / to).write_bytes(done.stdout)
    return said


def loaded(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def new_csr(folder: Path, name: str) -> None:
    """A key and a CSR, `name`.key and `name`.csr; its attributes are not in the order of DER."""
    pki(folder, "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem", to=f"{name}.key")
    request = ("--req", "--in", f"{name}.key", "--type", "priv", "--password", "unused")
    pki(folder, *request, "--dn", "CN=host.example.com", "--san", "host.example.com", to=f"{name}.csr")


def est(enrollment: Enrollment, *arguments: str) -> tuple[str, ...]:
    credentials = ("--userpass", f"client:{enrollment.passphrase}", "--interval", "1", "--outform", "pem")
    trust = ("--cacert", str(enrollment.tls_root), "--cacert", "ca.pem")
    return ("--est", "--url", enrollment.est, *trust, *credentials, *arguments)


def get_est_authority(enrollment: Enrollment, folder: Path) -> None:
    trust = ("--cacert", str(enrollment.tls_root), "--outform", "pem", "--force")
    pki(folder, "--estca", "--url", enrollment.est, *trust, "--caout", "ca.pem")


def test_strongswan_enrolls_and_renews_by_est(fronted: Fronted, tmp_path: Path) -> None:
    enrollment = fronted.enrollment()
    get_est_authority(enrollment, tmp_path)
    new_csr(tmp_path, "first")
    pki(tmp_path, *est(enrollment, "--in", "first.csr"), to="first.pem")
    first = loaded(tmp_path / "first.pem")
    first.verify_directly_issued_by(loaded(tmp_path / "ca.pem"))
    new_csr(tmp_path, "next")
    present = ("--cert", "first.pem", "--key", "first.key")
    pki(tmp_path, *est(enrollment, "--in", "next.csr", *present), to="next.pem")
    renewed = loaded(tmp_path / "next.pem")
    assert renewed != first
    assert enrollment.lineage_of(renewed) == enrollment.lineage_of(first)


@pytest.mark.parametrize("by_proxy", [True, False], ids=["proxy", "tls-port"])
def test_strongswan_renews_by_est_with_its_certificate_alone(
    fronted: Fronted, tmp_path: Path, by_proxy: bool
) -> None:
    enrollment = fronted.enrollment()
    if not by_proxy:
        own = enrollment.est.replace(str(fronted.port), str(fronted.own_port))
        enrollment = replace(enrollment, est=own)
    get_est_authority(enrollment, tmp_path)
    new_csr(tmp_path, "first")
    pki(tmp_path, *est(enrollment, "--in", "first.csr"), to="first.pem")
    new_csr(tmp_path, "next")
    trust = ("--cacert", str(enrollment.tls_root), "--cacert", "ca.pem", "--outform", "pem")
    present = ("--cert", "first.pem", "--key", "first.key")
    renewal = ("--est", "--url", enrollment.est, *trust, "--in", "next.csr", *present)

    def renewed_at_last() -> bool:
        try:
            pki(tmp_path, *renewal, to="next.pem")
        except AssertionError:
            return False  # the server looks for new authorities every ten seconds
        return True

    until(renewed_at_last, "the renewal")
    first, renewed = loaded(tmp_path / "first.pem"), loaded(tmp_path / "next.pem")
    assert renewed.public_key() != first.public_key()
    assert enrollment.lineage_of(renewed) == enrollment.lineage_of(first)


def test_strongswan_is_refused_without_the_passphrase(fronted: Fronted, tmp_path: Path) -> None:
    enrollment = fronted.enrollment()
    get_est_authority(enrollment, tmp_path)
    new_csr(tmp_path, "first")
    wrong = [argument.replace(enrollment.passphrase, "wrong") for argument in est(enrollment)]
    assert "401" in pki(tmp_path, *wrong, "--in", "first.csr", fails=True)
    assert not enrollment.certificates()


def test_strongswan_waits_for_an_approval_by_est(fronted: Fronted, tmp_path: Path) -> None:
    """Version 5.9.8 drops the path of the URL while it polls: the enrollment has a host, or a port, of its own."""
    enrollment = replace(fronted.guarded, est=f"https://127.0.0.1:{fronted.port}")
    get_est_authority(enrollment, tmp_path)
    new_csr(tmp_path, "first")
    voter = threading.Thread(target=enrollment.approve)
    voter.start()
    pki(tmp_path, *est(enrollment, "--in", "first.csr", "--maxpolltime", "60"), to="first.pem")
    voter.join()
    assert enrollment.lineage_of(loaded(tmp_path / "first.pem"))


def scep(enrollment: Enrollment, key: str, *arguments: str) -> tuple[str, ...]:
    names = ("--dn", "CN=device.example.com", "--san", "device.example.com")
    trust = ("--cacert-enc", "ra.pem", "--cacert-sig", "ra.pem", "--cacert", "ca.pem")
    how = ("--interval", "1", "--outform", "pem")
    return ("--scep", "--url", enrollment.scep, "--in", key, *names, *trust, *how, *arguments)


def get_scep_authorities(enrollment: Enrollment, folder: Path) -> None:
    files = ("--caout", "ca.pem", "--raout", "ra.pem", "--outform", "pem", "--force")
    pki(folder, "--scepca", "--url", enrollment.scep, *files)
    for name in ("first", "next"):
        pki(folder, "--gen", "--type", "rsa", "--size", "2048", "--outform", "pem", to=f"{name}.key")


@pytest.mark.parametrize("cipher", ["aes", "des3"])
def test_strongswan_enrolls_and_renews_by_scep(fronted: Fronted, tmp_path: Path, cipher: str) -> None:
    """Debian's build finds AES by SHA-384 among the capabilities, which it looks at one by the number of another."""
    enrollment = fronted.enrollment()
    get_scep_authorities(enrollment, tmp_path)
    wrong = pki(tmp_path, *scep(enrollment, "first.key", "--password", "wrong"), fails=True)
    assert "badRequest" in wrong
    chosen = ("--cipher", cipher)
    pki(tmp_path, *scep(enrollment, "first.key", "--password", enrollment.challenge, *chosen), to="first.pem")
    first = loaded(tmp_path / "first.pem")
    present = ("--cert", "first.pem", "--key", "first.key")
    pki(tmp_path, *scep(enrollment, "next.key", *present, *chosen), to="next.pem")
    renewed = loaded(tmp_path / "next.pem")
    assert renewed.public_key() != first.public_key()
    assert enrollment.lineage_of(renewed) == enrollment.lineage_of(first)


def test_strongswan_polls_for_an_approval_by_scep(fronted: Fronted, tmp_path: Path) -> None:
    enrollment = fronted.guarded
    get_scep_authorities(enrollment, tmp_path)
    voter = threading.Thread(target=enrollment.approve)
    voter.start()
    waiting = ("--password", enrollment.challenge, "--maxpolltime", "60")
    pki(tmp_path, *scep(enrollment, "first.key", *waiting), to="first.pem")
    voter.join()
    assert enrollment.lineage_of(loaded(tmp_path / "first.pem"))


def test_certmonger_enrolls_and_renews_by_scep(fronted: Fronted, tmp_path: Path) -> None:
    """On a message bus of its own; with AES and GET, and a transactionID of 77 digits."""
    enrollment = fronted.enrollment()
    get_scep_authorities(enrollment, tmp_path)
    folders = {name: tmp_path / name.lower() for name in CERTMONGER_FOLDERS}
    for folder in folders.values():
        folder.mkdir()
    environment = {f"CERTMONGER_{name}": str(folder) for name, folder in folders.items()}
    environment["CERTMONGER_SYSTEM_LOCK_FILE"] = str(tmp_path / "lock")
    getcert = program("getcert", MONGER)
    script = f"""
set -eu
{program("certmonger", MONGER)} -n -s -d 1 &
daemon=$!
trap 'kill $daemon' EXIT
until {getcert} list-cas -s >/dev/null 2>&1; do sleep 0.2; done
{getcert} add-scep-ca -s -c certrail -u {enrollment.scep} -R {tmp_path}/ca.pem -r {tmp_path}/ra.pem -N {tmp_path}/ca.pem
{getcert} request -s -w -c certrail -k {tmp_path}/device.key -f {tmp_path}/device.pem -I device \\
  -N CN=device.example.com -D device.example.com -L {enrollment.challenge}
cp {tmp_path}/device.pem {tmp_path}/first.pem
{getcert} resubmit -s -w -i device
{getcert} list -s
"""
    command = [program("dbus-run-session", "dbus-daemon"), "--", "sh", "-c", script]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert "status: MONITORING" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    first, renewed = loaded(tmp_path / "first.pem"), loaded(tmp_path / "device.pem")
    assert renewed != first
    assert enrollment.lineage_of(renewed) == enrollment.lineage_of(first)


def test_single_des_of_micromdm_is_answered_with_bad_alg(fronted: Fronted, tmp_path: Path) -> None:
    """In constructed BER, signed with SHA-1."""
    enrollment = fronted.enrollment()
    get_scep_authorities(enrollment, tmp_path)
    ra = loaded(tmp_path / "ra.pem")
    command = [
        program("scepclient", MICROMDM),
        *("-server-url", enrollment.scep, "-challenge", enrollment.challenge, "-cn", "device.example.com"),
        *("-private-key", "micromdm.key", "-certificate", "micromdm.pem"),
        *("-ca-fingerprint", ra.fingerprint(hashes.SHA256()).hex()),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert "badAlg" in done.stdout + done.stderr
    assert not enrollment.certificates()
