"""Whatever can be generated from the API's own description is answered, and never with a server's error."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
from tests.integration.conftest import Team
from tests.support.web import serving

PHASES = {"sqlite": ["coverage"], "postgresql": ["fuzzing", "--max-examples", "10"]}
"""The boundaries of every input one by one, and inputs at random: a minute each, so each database has one."""
NOT_CALLED = "/principals/.*/active"
"""What would lock the caller out."""


def test_no_generated_call_is_answered_with_a_servers_error(team: Team) -> None:
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    program = str(Path(sys.executable).with_name("st"))
    phases = PHASES[team.services.kernel.db.engine.dialect.name]
    how = ["--phases", *phases, "--checks", "not_a_server_error"]
    where = ["--exclude-path-regex", NOT_CALLED, "--seed", "7", "--generation-database", "none", "--no-color"]
    with serving(team.services) as url:
        command = [program, "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}"]
        done = subprocess.run([*command, *how, *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout


def test_the_description_is_complete(team: Team) -> None:
    with serving(team.services) as url:
        document = httpx2.get(f"{url}/openapi.json", timeout=60).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            assert ("security" in operation) == path.startswith("/api/"), f"{method} {path}"
