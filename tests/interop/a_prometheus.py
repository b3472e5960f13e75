"""Debian's Prometheus scrapes a running certrail and evaluates the alert rules that come with it.

`make interop` runs this. Of the sample configuration only addresses and files are changed, to those of this machine.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from examples.demo.installation import Api, Installation
from tests.interop.debian import program, running, until

from certrail_server.ports import free_port

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "deploy" / "prometheus"
TOKEN = "figures-0123456789abcdef"
RULES = yaml.safe_load((SAMPLES / "certrail.rules.yml").read_text())["groups"][0]["rules"]


def promtool(*arguments: str | Path) -> str:
    command = [program("promtool", "prometheus"), *map(str, arguments)]
    done = subprocess.run(command, cwd=SAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    (token := tmp_path / "certrail-token").write_text(f"{TOKEN}\n")
    installation = Installation(tmp_path / "certrail", CERTRAIL_METRICS_TOKEN_FILE=str(token))
    installation.start()
    try:
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def prometheus(installation: Installation, tmp_path: Path) -> Iterator[str]:
    text = (SAMPLES / "prometheus.yml").read_text()
    for there, here in {
        "127.0.0.1:8080": f"127.0.0.1:{installation.port}",
        "/etc/prometheus/certrail-token": str(tmp_path / "certrail-token"),
        "scrape_interval: 30s": "scrape_interval: 1s",
        "evaluation_interval: 30s": "evaluation_interval: 1s",
        "scrape_timeout: 20s": "scrape_timeout: 1s",
    }.items():
        assert there in text, f"the sample has no {there!r}"
        text = text.replace(there, here)
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(SAMPLES / "certrail.rules.yml", tmp_path)
    address = f"127.0.0.1:{free_port()}"
    command = (
        program("prometheus", "prometheus"),
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    )
    with running(*command, log=tmp_path / "prometheus.log"):
        yield f"http://{address}"


def ask(prometheus: str, path: str, **params: str) -> Any:
    try:
        answer = httpx2.get(f"{prometheus}/api/v1/{path}", params=params, trust_env=False)
    except httpx2.TransportError:  # it starts
        return {}
    return answer.json()["data"] if answer.is_success else {}


def value_of(prometheus: str, expression: str) -> float | None:
    """Of an expression with one result."""
    found = ask(prometheus, "query", query=expression).get("result", [])
    return float(found[0]["value"][1]) if len(found) == 1 else None


def test_the_rules_and_the_sample_are_well_formed(tmp_path: Path) -> None:
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", "certrail.rules.yml")
    for name in ("prometheus.yml", "certrail.rules.yml"):
        shutil.copy(SAMPLES / name, tmp_path)
    (token := tmp_path / "certrail-token").write_text(TOKEN)
    config = tmp_path / "prometheus.yml"
    config.write_text(config.read_text().replace("/etc/prometheus/certrail-token", str(token)))
    promtool("check", "config", config)


def test_the_rules_do_what_their_tests_say() -> None:
    promtool("test", "rules", "certrail.rules.test.yml")
    tested = (SAMPLES / "certrail.rules.test.yml").read_text()
    assert [rule["alert"] for rule in RULES if f'alertname="{rule["alert"]}"' not in tested] == []


def test_prometheus_scrapes_and_evaluates(installation: Installation, prometheus: str) -> None:
    admin = Api(installation.url, installation.run("token", "bootstrap", "--name", "Ada"))
    admin.post("/certificate-authorities", {"slug": "root", "name": "R", "subject": {"common_name": "R"}})
    admin.post("/certificate-policies", {"slug": "any", "name": "Any"})
    profile = {"slug": "web", "name": "Web", "ca": "root", "policy": "any", "ttl": "3d"}
    admin.post("/certificate-profiles", profile)
    admin.post("/applications", {"slug": "app", "name": "App", "profiles": ["web"]})
    desired = {"profile": "web", "subject": {"common_name": "a.example.com"}}
    admin.post("/applications/app/certificate-requests", desired)

    def holds(expression: str, expected: float) -> None:
        until(lambda: value_of(prometheus, expression) == expected, expression)

    holds('up{job="certrail"}', 1)
    holds('certrail_requests_finished_total{outcome="issued"}', 1)
    holds("certrail_issuance_duration_seconds_count", 1)
    holds('certrail_queue_length{queue="outbox"}', 0)
    for kind in ("server", "flows", "plugins"):
        holds(f'certrail_processes{{kind="{kind}"}}', 1)
    route = '{method="POST", route="/api/v1/applications/{application}/certificate-requests"}'
    holds(f"sum(certrail_http_requests_total{route})", 1)
    holds("certrail_certificate_soonest_expiry_timestamp_seconds - time() < bool 3 * 86400", 1)
    groups = ask(prometheus, "rules")["groups"]
    assert [(rule["name"], rule["health"]) for group in groups for rule in group["rules"]] == [
        (rule["alert"], "ok") for rule in RULES
    ]
    holds('count(ALERTS{alertname="CertrailCertificateExpiresSoon", application="app"})', 1)
    assert value_of(prometheus, 'count(ALERTS{alertname!="CertrailCertificateExpiresSoon"})') is None
