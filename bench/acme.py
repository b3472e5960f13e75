"""Pebble and OpenBao beside certrail, by ACME: ``python -m bench acme``.

One client, in this process, takes certificates for P-256 keys from each server by turns, eight orders at once. Each
name is shown by DNS-01, and each server looks it up at the same DNS server. certrail's validations are workflows; with
`preauthorized` names need none. Pebble keeps all in memory and speaks TLS only, OpenBao writes an audit log. They do
not do the same work: the page says what a peer does not do.
"""

import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx2
from examples.demo.installation import until
from tests.interop.certificates import Authority

from bench.harness.acme_client import AcmeSession
from bench.harness.figures import Figure, ratio
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run, folder
from bench.harness.site import PROFILE, Site, site
from bench.issuance import rates
from bench.peers import bao_server
from certrail_fakes.dns import DnsServer, dns_server
from certrail_server.ports import free_port

AT_ONCE = 8
CERTRAIL = "certrail"
PEBBLE = "pebble"
"""Of Debian's package of that name, as `.ci/interop-programs` installs it."""
Side = Callable[[], Load]


def measure(run: Run) -> list[Figure]:
    """Both ways of certrail on each database, in the same run as the peers."""
    figures = []
    for kind in run.databases:
        with ExitStack() as stack:
            dns = stack.enter_context(dns_server())
            count = run.pick("orders of a round", quick=8, default=48)
            place = stack.enter_context(site(run, kind))
            directories = {
                CERTRAIL: _enrolled(place, CERTRAIL, dns, preauthorized=False),
                f"{CERTRAIL}, preauthorized": _enrolled(place, "preauthorized", dns, preauthorized=True),
                "Pebble": stack.enter_context(_pebble(run, dns)),
                "OpenBao": stack.enter_context(_open_bao(dns)),
            }
            sides = {
                name: stack.enter_context(_orders(run, url, dns, count)) for name, url in directories.items()
            }
            found = run.interleaved(f"acme, {kind}", sides)
            figures += [
                ratio(
                    f"{name}: orders per second by ACME, {AT_ONCE} at once, to certrail's",
                    kind,
                    rates(name, found[name]),
                    rates(CERTRAIL, found[CERTRAIL]),
                )
                for name in sides
                if name != CERTRAIL
            ]
    return figures


@contextmanager
def _orders(run: Run, directory: str, dns: DnsServer, count: int) -> Iterator[Side]:
    """What takes so many certificates from one server; a few were taken before."""
    session = AcmeSession(directory, lambda name, text: dns.set(name, "TXT", [text]))
    run.wait(session.open())

    def taken(number: int) -> Load:
        prefix = uuid.uuid4().hex[:8]

        async def job(each: int) -> None:
            assert "BEGIN CERTIFICATE" in await session.certificate(f"{prefix}-{each}.example.com")

        return run.wait(closed_loop(job, number, AT_ONCE))

    taken(AT_ONCE)
    try:
        yield lambda: taken(count)
    finally:
        run.wait(session.close())


def _enrolled(place: Site, application: str, dns: DnsServer, *, preauthorized: bool) -> str:
    """An Application that is enrolled by ACME; returns its directory."""
    place.application(application)
    settings = {
        "allowed_networks": ["127.0.0.0/8"],
        "resolvers": [dns.address],
        "orders_per_hour": 100_000,
        "preauthorized": preauthorized,
    }
    path = f"/applications/{application}/profiles/{PROFILE}/enrollment/acme"
    return str(place.admin.put(path, settings)["urls"]["directory"])


@contextmanager
def _pebble(run: Run, dns: DnsServer) -> Iterator[str]:
    """Pebble without its pauses and without its refusals of nonces; yields its directory."""
    binary = shutil.which(PEBBLE)
    assert binary is not None, "The command pebble is missing: apt-get install pebble"
    with folder() as place:
        pem, key = Authority(place, "authority").issue("localhost")
        listens, manages = (f"127.0.0.1:{free_port()}" for _ in range(2))
        config = {
            "listenAddress": listens,
            "managementListenAddress": manages,
            "certificate": str(pem),
            "privateKey": str(key),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (place / "config.json").write_text(json.dumps({"pebble": config}))
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        command = [binary, "-config", str(place / "config.json"), "-dnsserver", dns.address]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=place, env=environment)
        try:
            until(lambda: process.poll() is not None or _answers(f"https://{listens}/dir"), "Pebble answers")
            assert process.poll() is None, f"Pebble did not start: {(place / 'log').read_text()}"
            run.say("Pebble is started")
            yield f"https://{listens}/dir"
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, verify=False, trust_env=False).is_success
    except httpx2.TransportError:
        return False


@contextmanager
def _open_bao(dns: DnsServer) -> Iterator[str]:
    """OpenBao's secrets engine for PKI with ACME; yields the directory of its role."""
    with bao_server(audited=True) as server, server.client() as client:
        headers = ["Replay-Nonce", "Link", "Location"]
        client.post("/sys/mounts/pki/tune", json={"allowed_response_headers": headers}).raise_for_status()
        client.post("/pki/config/cluster", json={"path": f"{server.url}/v1/pki"}).raise_for_status()
        acme = {"enabled": True, "eab_policy": "not-required", "dns_resolver": dns.address}
        client.post("/pki/config/acme", json=acme).raise_for_status()
        yield f"{server.url}/v1/pki/roles/web/acme/directory"
