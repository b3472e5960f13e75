"""Whatever can be generated from the API's own description is answered as it declares, never with a server's error."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
from tests.integration.conftest import Team
from tests.support.web import serving

PHASES = {"sqlite": ["coverage"], "postgresql": ["fuzzing", "--max-examples", "6"]}
"""The boundaries of every input one by one, and inputs at random: a minute each, so each database has one."""
NOT_CALLED = r"/principals/.*/active|/(certificate|revocation)-requests/\{\w+\}$"
"""What would lock the caller out, and long polls: no workflow decides here what they wait a minute for."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
OF_APPLICATION = "/api/v1/applications/{application}/"


def test_every_generated_call_is_answered_as_declared(team: Team, tmp_path: Path) -> None:
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    program = str(Path(sys.executable).with_name("st"))
    database = team.services.context.db.engine.dialect.name
    how = ["--phases", *PHASES[database], "--checks", ",".join(CHECKS)]
    with serving(team.services) as url:
        twins = [f"^{re.escape(path)}$" for path in _served_twice(url)] if database == "sqlite" else []
        where = ["--exclude-path-regex", "|".join([NOT_CALLED, *twins])]
        where += ["--seed", "7", "--generation-database", "none", "--no-color"]
        command = [program, "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}"]
        # Where it runs it keeps what failed before, and begins with that.
        done = subprocess.run(
            [*command, *how, *where], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout


def _served_twice(url: str) -> list[str]:
    """For what belongs to no Application too, by the same routes: their inputs have the same boundaries."""
    paths = httpx2.get(f"{url}/openapi.json", timeout=60).json()["paths"]
    twins = [path.replace(OF_APPLICATION, "/api/v1/") for path in paths if path.startswith(OF_APPLICATION)]
    return [path for path in twins if path in paths]


def test_the_description_is_complete(team: Team) -> None:
    with serving(team.services) as url:
        document = httpx2.get(f"{url}/openapi.json", timeout=60).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            assert ("security" in operation) == path.startswith("/api/"), f"{method} {path}"
