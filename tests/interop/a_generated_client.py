"""A client that openapi-python-client generates from the API's description builds and fetches a certificate.

`make interop` runs this. It is not part of `make test`: the generator needs a virtual environment of its own, because
it pins an older typer.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from examples.demo.installation import Api, Installation

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = ROOT / ".venv-interop" / "bin"
DESCRIPTION = ROOT / "docs" / "reference" / "openapi.json"


def run(*command: str | Path, **env: str) -> str:
    # What is generated is formatted by the ruff of the same environment, which the generator looks for in the PATH.
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **env}
    done = subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """`certrail dev` with a profile that an Application may use."""
    installation = Installation(tmp_path / "certrail")
    installation.start()
    try:
        yield installation
    finally:
        installation.stop()


def test_a_generated_client_builds_and_fetches_a_certificate(
    installation: Installation, tmp_path: Path
) -> None:
    sources, wheels, packages = (tmp_path / name for name in ("sources", "wheels", "packages"))
    settings = ("--config", HERE / "generator.yaml", "--meta", "setup", "--fail-on-warning")
    run(BIN / "openapi-python-client", "generate", "--path", DESCRIPTION, "--output-path", sources, *settings)
    pip = (BIN / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, sources)
    (wheel,) = wheels.glob("*.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--target", packages, wheel)

    token = installation.run("token", "bootstrap", "--name", "Ada")
    admin = Api(installation.url, token)
    root = {"slug": "root", "name": "Root", "subject": {"common_name": "Root"}}
    admin.post("/certificate-authorities", root)
    admin.post("/certificate-policies", {"slug": "any", "name": "Any"})
    profile = {"slug": "web", "name": "Web", "ca": "root", "policy": "any", "ttl": "47d"}
    admin.post("/certificate-profiles", profile)
    admin.post("/applications", {"slug": "app", "name": "App", "profiles": ["web"]})

    pem = run(
        BIN / "python",
        HERE / "fetch.py",
        PYTHONPATH=str(packages),
        CERTRAIL_URL=installation.url,
        CERTRAIL_TOKEN=token,
    )
    leaf = x509.load_pem_x509_certificate(pem.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["interop.example.com"]
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 10
