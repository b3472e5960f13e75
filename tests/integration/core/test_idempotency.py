"""A call that is made again is answered with what it made before, or with 404 when that was deleted since."""

from typing import Any

import pytest
from tests.integration.api_client import entered
from tests.integration.conftest import Team

HERE = "applications/app/"
MADE: dict[str, dict[str, Any]] = {
    "applications": {"slug": "x", "name": "X"},
    "connections": {"slug": "x", "name": "X", "type": "folder", "config": {"root": "/srv"}},
    f"{HERE}approval-policies": {
        "slug": "x",
        "name": "X",
        "profiles": ["web"],
        "steps": [{"name": "Owners", "approvers": ["boss"]}],
    },
    f"{HERE}saved-searches": {"slug": "x", "name": "X", "filter": {}},
}


@pytest.mark.parametrize("path", MADE)
def test_what_was_deleted_since_is_not_found(team: Team, path: str) -> None:
    team.person("boss")
    with entered(team, team.admin.principal_id or "") as api_client:
        url, headers = f"/api/v1/{path}", {"idempotency-key": "key-1"}
        first = api_client.client.post(url, json=MADE[path], headers=headers)
        assert first.status_code == 201, first.text
        again = api_client.client.post(url, json=MADE[path], headers=headers)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        query = {}
        if path == "applications":
            query = {"confirm": api_client.client.get(f"{url}/x/deletion").json()["confirm"]}
        gone = api_client.client.delete(f"{url}/x", params=query)
        assert gone.status_code == 204, gone.text
        assert api_client.client.post(url, json=MADE[path], headers=headers).status_code == 404
