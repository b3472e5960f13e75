"""Whatever can be generated from the API's own description is answered as it declares, never with a server's error."""

import re
from pathlib import Path

import httpx2
import pytest
from tests.integration.api.generated_calls import assert_answered_as_declared
from tests.integration.conftest import Team
from tests.support.web import serving


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_every_generated_call_is_answered_as_declared(team: Team, tmp_path: Path) -> None:
    """Inputs at random; `make fuzz` sends the boundaries of each."""
    assert_answered_as_declared(team, tmp_path, "fuzzing", "--max-examples", "1")


def test_the_description_is_complete(team: Team) -> None:
    with serving(team.services) as url:
        document = httpx2.get(f"{url}/openapi.json", timeout=60).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            assert ("security" in operation) == path.startswith("/api/"), f"{method} {path}"
