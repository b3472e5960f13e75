"""Moments and durations that no calendar or sense has room for are refused over HTTP with the fault by name."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.api_client import ApiClient, entered, names, reported
from tests.integration.conftest import Team

CENTURIES = "86399999999999s"
NAMES = {"sans": {"dns": ["a.example.com"]}}
ROOT = {"slug": "r", "name": "R", "subject": {"common_name": "R"}}
AUTHORITY = "certificate-authorities/root"
POSTED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "certificate-authorities": [
        ({**ROOT, "lifetime": CENTURIES}, "lifetime"),
        ({**ROOT, "lifetime": -5}, "lifetime"),
        ({**ROOT, "lifetime": 0}, "lifetime"),
        ({**ROOT, "lifetime": "0d"}, "lifetime"),
        ({**ROOT, "lifetime": "P40000D"}, "lifetime"),
    ],
    f"{AUTHORITY}/renew": [
        ({"lifetime": CENTURIES}, "lifetime"),
        ({"lifetime": -5}, "lifetime"),
        ({"lifetime": 1e300}, "lifetime"),
    ],
    "tokens": [
        ({"principal": "x", "name": "t", "lifetime": CENTURIES}, "lifetime"),
        ({"principal": "x", "name": "t", "lifetime": -5}, "lifetime"),
        ({"principal": "x", "name": "t", "lifetime": "0s"}, "lifetime"),
    ],
    "connections": [
        ({"slug": "c", "name": "C", "type": "folder", "config": {}, "expires_at": instant}, "expires_at")
        for instant in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2030-01-01T00:00:00")
    ],
    "applications/app/certificate-requests": [
        ({"profile": "web", **NAMES, "ttl": CENTURIES}, "ttl"),
        ({"profile": "web", **NAMES, "ttl": -1}, "ttl"),
    ],
}
EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({"saved_search": "ending", "expires_after": "2030-01-01T00:00:00Z"}, "expires_after must be before"),
    ({"expires_after": EARLY}, "expires_after"),
    ({"expires_before": LATE}, "expires_before"),
    ({"expires_after": "2030-01-01T00:00:00"}, "expires_after"),
    ({"expires_after": "2030-01-02T00:00:00Z", "expires_before": "2030-01-01T00:00:00Z"}, "must be before"),
    ({"status": "gone"}, "status"),
    *(({"cursor": cursor}, "cursor") for cursor in ("hello", "", "!", "bnVsbA", "W10")),
    *(
        ({"cursor": base64.urlsafe_b64encode(json.dumps(place).encode()).decode()}, "cursor")
        for place in ([EARLY, "x"], [LATE, "x"], ["2030-01-01T00:00:00", "x"], [EARLY], [7, "x"], [LATE, 7])
    ),
]


LATER = "2030-01-01T00:00:00Z"
RULE = "applications/app/profiles/web/enrollment/api"
PUT: list[tuple[str, dict[str, Any], str]] = [
    (f"{AUTHORITY}/renewal-info", {"begins": EARLY, "ends": LATER}, "begins"),
    (f"{AUTHORITY}/renewal-info", {"begins": LATER, "ends": LATE}, "ends"),
    (RULE, {"auto_renew": {"freezes": [{"begins": EARLY, "ends": LATER}]}}, "freezes.0.begins"),
    (RULE, {"auto_renew": {"before": CENTURIES}}, "before"),
    (RULE, {"auto_renew": {"windows": [{"begins": "01:00Z", "ends": "02:00"}]}}, "windows.0.begins"),
    (RULE, {"auto_renew": {"windows": [{"begins": "01:00", "ends": "02:00+02:00"}]}}, "windows.0.ends"),
]


@pytest.fixture
def front_endpoint(team: Team) -> Iterator[ApiClient]:
    with entered(team, team.admin.principal_id or "") as api_client:
        yield api_client


def test_instants_and_durations_out_of_all_bounds_are_refused(front_endpoint: ApiClient) -> None:
    ending = {"slug": "ending", "name": "E", "filter": {"expires_before": "2029-01-01T00:00:00Z"}}
    assert front_endpoint.post("applications/app/saved-searches", ending).status_code == 201
    answers = [
        *(
            (f"{path} {body}", front_endpoint.post(path, body), w)
            for path, of in POSTED.items()
            for body, w in of
        ),
        *(
            (
                f"search {given}",
                front_endpoint.client.get("/api/v1/applications/app/certificates", params=given),
                w,
            )
            for given, w in SEARCHES
        ),
    ]
    answers += [
        (f"{path} {body}", front_endpoint.client.put(f"/api/v1/{path}", json=body), word)
        for path, body, word in PUT
    ]
    wrong = [f"{what}: {reported(answer)}" for what, answer, word in answers if not names(answer, word)]
    assert not wrong, "\n".join(wrong)
    assert len(front_endpoint.team.services.authorities.list()) == 1
    bare = front_endpoint.post("certificate-authorities", {**ROOT, "lifetime": 86400})
    assert (bare.status_code, "write 86400s for seconds" in bare.text) == (400, True), bare.text
    lived = front_endpoint.post("certificate-authorities", {**ROOT, "lifetime": "86400s"})
    assert (lived.status_code, lived.json()["lifetime"]) == (201, "1d"), lived.text
