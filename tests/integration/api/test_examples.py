"""Every body has examples in the API's description; each is sent, and what it wrote is what is read."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from docs.generate import application, routes
from tests.integration.conftest import Fresh, installed
from tests.integration.example_world import ExampleWorld, Json, opened

from certrail.domain.enrollment import AVAILABLE_METHODS, EnrollmentMethod
from certrail.plugins.redaction import MASK
from certrail.plugins.registry import PluginRegistry

SCOPE = "/applications/{application}"
SECRETS = {"signing_secret", "config.url"}
"""By name, or by place: the URL of a webhook is one, as whoever knows it may post there."""
NOT_READ = {"private_key", "password", "pkcs12", "entry"}
"""Members of an import: secrets, or another form of the same certificate."""
SETS = {"channels", "events", "guards", "members", "profiles", "scopes", "thresholds"}
"""Answered in an order of the server's."""
Example = tuple[str, str, str, Json]
"""Method, path and name of the operation, and the body."""


def bodies(document: Json) -> Iterator[tuple[str, str, Json, Json]]:
    """Method, path, operation and schema of every call that takes JSON."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                choices = content["schema"].get("anyOf", [content["schema"]])
                names = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
                assert len(names) == 1, f"{method} {path}"
                yield method.upper(), path, operation, schemas[names[0]]


def all_examples(document: Json) -> Iterator[Example]:
    for method, path, operation, schema in bodies(document):
        for example in schema["examples"]:
            yield method, path, operation["operationId"], example


@pytest.fixture(scope="module")
def document() -> Json:
    return application().openapi()


@pytest.fixture(scope="module")
def world(
    sqlite: Fresh, plugins: PluginRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExampleWorld]:
    with opened(installed(sqlite, plugins), tmp_path_factory.mktemp("examples")) as world:
        yield world
    sqlite.database.close()


NOT_SERVED = {
    f"/api/v1/applications/{{application}}/profiles/{{profile}}/enrollment/{method}"
    for method in set(EnrollmentMethod) - AVAILABLE_METHODS
}
"""Settings of methods of enrollment that this version refuses."""


def test_every_body_has_examples_of_every_member(document: Json) -> None:
    found = list(bodies(document))
    assert len(found) > 60
    without = [
        f"{method} {path}: {sorted(schema['properties'].keys() - set().union(*schema.get('examples', [])))}"
        for method, path, _, schema in found
        if schema["properties"].keys() != set().union(*schema.get("examples", []))
    ]
    assert not without, "\n".join(without)


def test_every_example_is_accepted_and_read_as_it_was_written(world: ExampleWorld, document: Json) -> None:
    """In the legacy scope nothing is created but what is product-wide, which is refused in an Application."""
    moved = {(route.method, route.path) for route in routes() if route.moved}
    wrong, accepted, read_back = [], 0, set()
    for method, path, operation, example in all_examples(document):
        world.renew()
        answer = world.send(method, path, operation, example)
        product_wide = bool(example.get("product_wide"))
        if (method, path) in moved and not product_wide:
            fits = answer.status_code == 409 and answer.json()["type"].endswith(":legacy-creation")
        elif product_wide and (method, path) not in moved:
            fits = answer.status_code == 400 and answer.json()["field"] == "product_wide"
        elif path in NOT_SERVED:
            fits = answer.status_code == 409 and answer.json()["type"].endswith(":method-unavailable")
        else:
            fits = answer.is_success
            accepted += fits
        if not fits:
            wrong.append(f"{method} {path} {example}: {answer.status_code} {answer.text[:500]}")
        elif answer.is_success and (single := _single(document, method, path)):
            named = _named(answer.json(), single) if method != "PUT" else {}
            found = world.client.get(world.path(single, operation, **named)).raise_for_status().json()
            body = world.body(path, example)
            wrong += [f"{method} {path}: {what}" for what in _differences(body, _comparable(found, body))]
            read_back.add((method, path))
    assert not wrong, "\n".join(wrong)
    assert accepted > 70
    assert len(read_back) > 35


def _single(document: Json, method: str, path: str) -> str | None:
    """The path at which one object that a call creates or changes is read."""
    readable: list[str] = [found for found, methods in document["paths"].items() if "get" in methods]
    if method in ("PATCH", "PUT"):
        return path if path in readable else None
    collections = "|".join(re.escape(collection) for collection in (path, path.replace(SCOPE, "")))
    return next((found for found in readable if re.fullmatch(rf"({collections})/{{\w+}}", found)), None)


def _named(answer: Json, single: str) -> dict[str, str]:
    """What names the object of an answer in the last part of a path: its id or its slug."""
    (name,) = re.findall(r"{(\w+)}$", single)
    ident = (
        answer["id"] if name.endswith("_id") else answer.get("slug") or answer.get("id") or answer.get(name)
    )
    return {name: str(ident)}


def _comparable(found: Json, body: Json) -> Json:
    """An imported certificate is read as `pem`, and its root apart from the chain."""
    if "certificate" in body and "pem" in found:
        return {**found, "certificate": found["pem"], "chain": "".join([*found["chain"], found["root"]])}
    return found


def _differences(written: Any, read: Any, where: str = "") -> Iterator[str]:
    """Members that are read as another value than they were written, or not at all."""
    member = where.rpartition(".")[2]
    if member in NOT_READ:
        return
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            below = f"{where}.{name}".lstrip(".")
            if name not in read and name not in NOT_READ:
                yield f"{below} is not read"
            else:
                yield from _differences(value, read.get(name), below)
    elif member in SECRETS or where in SECRETS:
        if read != MASK:
            yield f"{where} is not masked"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = (
            zip(sorted(written), sorted(read), strict=True)
            if where in SETS
            else zip(written, read, strict=True)
        )
        for place, (one, other) in enumerate(pairs):
            yield from _differences(one, other, f"{where}.{place}")
    elif written != read:
        yield f"{where}: {written!r} is read as {read!r}"


def test_null_clears_and_what_is_left_out_is_kept(world: ExampleWorld, document: Json) -> None:
    """RFC 7396, for every member of every PATCH: cleared, refused by its name, or needed by the object."""
    cleared, wrong = set(), []
    for method, path, operation, schema in bodies(document):
        if method != "PATCH":
            continue
        for member, detail in schema["properties"].items():
            world.renew()
            at = world.path(path, operation["operationId"])
            nullable = {"type": "null"} in detail.get("anyOf", [])
            if nullable:  # what is to be cleared is set first
                values = (example.get(member) for example in schema["examples"])
                value = next(value for value in values if value is not None)
                world.client.patch(at, json={member: value}).raise_for_status()
            before = world.client.get(at).json()
            answer = world.client.patch(at, json={member: None})
            after = world.client.get(at).json()
            if nullable and answer.is_success and after[member] is None and before[member] is not None:
                cleared.add(f"{schema['title']}.{member}")
                kept = {name: value for name, value in after.items() if name in schema["properties"]}
                assert kept == {name: before[name] for name in kept} | {member: None}
            elif answer.status_code != 400 or member not in answer.text or after != before:
                wrong.append(f"{operation['operationId']} {member}: {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)
    assert cleared == {
        "ApprovalPolicyChangeIn.request_ttl",
        "ApprovalPolicyChangeIn.reminder",
        "ApprovalPolicyChangeIn.renewal_preapproval",
        "AuthorityChangeIn.renewals_per_minute",
        "ChannelChangeIn.digest",
        "ChannelChangeIn.fallback",
        "ConnectionChangeIn.expires_at",
        "ConnectionChangeIn.max_per_minute",
    }


def test_everything_is_listed_and_shown_without_its_plugin(world: ExampleWorld, document: Json) -> None:
    """Every GET whose parameters the installation has; a plugin may be broken, renamed or not installed here."""
    world.renew()
    context = world.team.services.context
    paths = [
        path
        for path, methods in document["paths"].items()
        if "get" in methods and set(re.findall(r"{(\w+)}", path)) <= world.named.keys()
    ]
    assert len(paths) > 60

    def statuses() -> dict[str, int]:
        return {path: world.client.get(world.path(path)).status_code for path in paths}

    before, plugins = statuses(), context.plugins
    context.plugins = PluginRegistry()
    try:
        after = statuses()
    finally:
        context.plugins = plugins
    assert sum(status == 200 for status in before.values()) > 50
    changed = {path: (before[path], after[path]) for path in paths if after[path] != before[path]}
    assert not changed
