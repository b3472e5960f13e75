"""What is created by forms that plugins' schemas give, and the guided creation of an Application."""

import re
from typing import Any

import pytest
from tests.integration.console.conftest import Site, csrf

from certrail.domain.errors import BadInput
from certrail_server.console.forms import Form
from certrail_server.console.schema_form import fields_of, values_of

APP = "/console/applications/app"
SCHEMA: dict[str, Any] = {
    "properties": {
        "host": {"type": "string", "description": "Where it is."},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 22},
        "key": {"type": "string", "format": "password"},
        "token": {"anyOf": [{"type": "string", "format": "password", "maxLength": 9}, {"type": "null"}]},
        "fast": {"type": "boolean", "default": False},
        "mode": {"$ref": "#/$defs/Mode"},
        "hosts": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "rules": {"type": "array", "items": {"type": "object"}},
        "retry": {"anyOf": [{"$ref": "#/$defs/Retry"}, {"type": "null"}], "default": None},
    },
    "required": ["host", "key", "mode"],
    "$defs": {
        "Mode": {"enum": ["one", "two"], "type": "string"},
        "Retry": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]},
    },
}


def test_a_schema_becomes_controls_and_their_text_its_values() -> None:
    fields = fields_of(SCHEMA, SCHEMA["properties"].keys())
    kinds = {field.name: (field.kind, field.required) for field in fields}
    assert kinds == {
        "host": ("text", True),
        "key": ("long-secret", True),
        "mode": ("choice", True),
        "port": ("number", False),
        "token": ("secret", False),
        "fast": ("yes-no", False),
        "hosts": ("lines", False),
        "labels": ("pairs", False),
        "rules": ("json", False),
        "retry.count": ("number", False),
    }
    assert [field.required for field in fields] == [True] * 3 + [False] * 7
    hints = {field.name: field.hint for field in fields}
    assert hints["port"] == "1 to 65535. Left out: 22."
    assert values_of(fields, Form({})) == {}, "what is left out stays out"
    typed = {
        "host": "h",
        "key": "-----BEGIN-----\r\nx\r\n-----END-----",
        "port": "2222",
        "fast": "no",
        "hosts": "a\r\n\r\nb",
        "labels": "team = shop",
        "rules": '[{"a": 1}]',
        "retry.count": "3",
    }
    assert values_of(fields, Form({f"config.{name}": [text] for name, text in typed.items()})) == {
        "host": "h",
        "key": "-----BEGIN-----\nx\n-----END-----\n",
        "port": 2222,
        "fast": False,
        "hosts": ["a", "b"],
        "labels": {"team": "shop"},
        "rules": [{"a": 1}],
        "retry": {"count": 3},
    }


@pytest.mark.parametrize(("name", "text"), [("port", "many"), ("labels", "team"), ("rules", "{")])
def test_what_cannot_be_read_names_its_field(name: str, text: str) -> None:
    with pytest.raises(BadInput, match=name.capitalize()) as refused:
        values_of(fields_of(SCHEMA, SCHEMA["properties"].keys()), Form({f"config.{name}": [text]}))
    assert refused.value.extra["field"] == name


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_connection_is_created_and_its_secret_never_sent_back(site: Site) -> None:
    services, path = site.team.services, "/console/new-connection"
    with site.browser("above") as browser:
        seen = browser.get(f"{path}?type=http-put").text
        assert 'type="password"' in seen
        given = {
            "csrf": csrf(seen),
            "once": "a",
            "type": "http-put",
            "slug": "edge",
            "name": "Edge",
            "config.url": "https://edge.example.com/put",
            "config.token": "a-secret-of-the-edge",
        }
        wrong = browser.post(path, data={**given, "slug": "no slug"})
        assert (wrong.status_code, "https://edge.example.com/put" in wrong.text) == (400, True)
        assert "a-secret" not in wrong.text
        made = browser.post(path, data=given)
        assert made.headers["location"] == "/console/connections/edge"
        assert "a-secret" not in browser.get("/console/connections/edge").text
        assert browser.post(path, data={**given, "type": "no"}).status_code == 404
    assert services.connections.get("edge").type == "http-put"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_application_is_created_step_by_step(site: Site) -> None:
    services = site.team.services
    with site.browser("above") as browser:
        seen = browser.get("/console/new-application").text
        given = {"csrf": csrf(seen), "once": "a", "slug": "shop", "name": "Shop"}
        assert browser.post("/console/new-application", data={**given, "slug": "no slug"}).status_code == 400
        step = browser.post("/console/new-application", data={**given, "profiles": "web"}).headers["location"]
        base = "/console/applications/shop"
        assert step == f"{base}/setup/members"
        del given["once"]
        for who in ("ann", "bob"):
            added = browser.post(step, data={**given, "principal": who, "role": "operator"})
            assert added.headers["location"] == step
        assert browser.post(step, data={**given, "principal": "nobody", "role": "admin"}).status_code == 404
        asked = {**given, "name": "Owners", "slug": "owners", "profiles": "web", "quorum": "2"}
        few = browser.post(f"{base}/setup/approvals", data={**asked, "approvers": "ann"})
        assert few.status_code == 400, "two votes of one person"
        done = browser.post(f"{base}/setup/approvals", data={**asked, "approvers": ["ann", "bob"]})
        assert done.headers["location"] == f"{base}/setup/sync"
        form = browser.get(f"{base}/new-sync?destination=files&then=setup").text
        assert re.search('name="then" value="setup"', form)
        sync = {**given, "then": "setup", "slug": "files", "name": "Files", "destination": "files"}
        made = browser.post(
            f"{base}/new-sync", data={**sync, "connection": "one", "config.format": "combined"}
        )
        assert made.headers["location"] == f"{base}/setup/alert"
        assert "There is no channel yet." in browser.get(f"{base}/setup/alert").text
        channel = {**given, "then": "setup", "slug": "mail", "name": "Mail", "notifier": "email"}
        people = {"config.sender": "c@example.com", "config.recipients": "a@example.com\r\nb@example.com"}
        made = browser.post(f"{base}/new-channel", data={**channel, "connection": "smtp", **people})
        assert made.headers["location"] == f"{base}/setup/alert"
        alert = {**given, "slug": "wrong", "name": "Wrong", "channels": "mail"}
        none = browser.post(f"{base}/setup/alert", data=alert)
        assert none.status_code == 400, "an alert is about something"
        notified = browser.post(
            f"{base}/setup/alert", data={**alert, "events": ["delivery.failed", "certificate.expiring"]}
        )
        assert notified.headers["location"] == base
    shop = _id(site, "shop")
    assert services.syncs.shown(services.syncs.get(shop, "files"))["format"] == "combined"
    ((found, channels),) = services.alerts.list(shop)
    assert (found.thresholds, len(channels)) == ([30 * 86400, 7 * 86400, 86400], 1)
    ((policy, _),) = services.approval_policies.list(shop)
    assert policy.steps[0]["quorum"] == 2


def _id(site: Site, slug: str) -> str:
    services = site.team.services
    return next(row.id for row in services.applications.visible_to(site.team.admin) if row.slug == slug)
