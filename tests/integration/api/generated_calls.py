"""Calls that schemathesis generates from the API's own description, against a served installation."""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import httpx2
from tests.integration.conftest import Team
from tests.support.web import serving

NOT_CALLED = r"/principals/.*/active|/(certificate|revocation)-requests/\{\w+\}$"
"""What would lock the caller out, and long polls: no workflow decides here what they wait a minute for."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
OF_APPLICATION = "/api/v1/applications/{application}/"


def assert_answered_as_declared(team: Team, folder: Path, *phases: str, seed: int = 7) -> None:
    """Send what the phases generate; each answer is as declared, and none is a server's error.

    Args:
        folder: for the cache of failures, with which the next run in it would begin.
        phases: arguments of ``st run --phases``.
    """
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    program = str(Path(sys.executable).with_name("st"))
    how = ["--phases", *phases, "--checks", ",".join(CHECKS)]
    with serving(team.services) as url:
        description = httpx2.get(f"{url}/openapi.json", trust_env=False, timeout=60)
        file = folder / "openapi.json"
        file.write_bytes(description.content)
        paths = description.json()["paths"]
        twins = [f"^{re.escape(path)}$" for path in _served_twice(paths)] if "coverage" in phases else []
        where = ["--exclude-path-regex", "|".join([NOT_CALLED, *twins])]
        where += ["--seed", str(seed), "--generation-database", "none", "--no-color"]
        command = [program, "run", str(file), "--url", url, "--header", f"Authorization: Bearer {token}"]
        done = subprocess.run(
            [*command, *how, *where], cwd=folder, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout


def _served_twice(paths: Collection[str]) -> list[str]:
    """For what belongs to no Application too, by the same routes: their inputs have the same boundaries."""
    twins = [path.replace(OF_APPLICATION, "/api/v1/") for path in paths if path.startswith(OF_APPLICATION)]
    return [path for path in twins if path in paths]
