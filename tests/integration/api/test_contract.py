"""The contract of the API: every answer typed, every property described, every parameter known."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from docs.generate import application
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail_server.api.schemas.base import Out

pytestmark = pytest.mark.any_database

Json = dict[str, Any]
WITHOUT_BODY = {"204", "302", "303"}
OF_ITS_OWN = {"take_callback", "finish_sign_in", "get_crl", "get_crl_of_key", "ask_ocsp", "ask_ocsp_by_get"}
"""A chat system, an OpenID provider and TLS clients call these, and may append parameters of their own."""
SECRET = ("sealed", "secret_hash", "key_shown", "config_revision", "token_hash")


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_answer_is_typed() -> None:
    document = application().openapi()
    untyped = []
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            contents = answer.get("content", {})
            typed = all(_typed(content.get("schema", {}), document) for content in contents.values())
            nothing = not contents and status.startswith("2") and status not in WITHOUT_BODY
            nothing = nothing and (method, status) != ("DELETE", "202")  # accepted, and nothing to say yet
            if not typed or (nothing and operation["operationId"] not in OF_ITS_OWN):
                untyped.append(f"{method} {path} {status}")
    assert not untyped


def _typed(schema: Json, document: Json) -> bool:
    """Whether it is a model with named members, one of several, or a file."""
    if choices := schema.get("anyOf"):
        return all(_typed(choice, document) for choice in choices)
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found = document["components"]["schemas"].get(name, schema)
    return bool(found.get("properties")) or found.get("format") == "binary"


def test_every_property_and_parameter_is_described() -> None:
    document = application().openapi()
    schemas = document["components"]["schemas"]
    members = {
        f"{name}.{member}": detail
        for name, schema in schemas.items()
        for member, detail in schema.get("properties", {}).items()
    }
    assert len(members) > 500
    assert not [name for name, detail in members.items() if not detail.get("description")]
    assert not [name for name, schema in schemas.items() if not schema.get("description")]
    parameters = [
        f"{method} {path} {parameter['name']}"
        for method, path, operation in operations(document)
        for parameter in operation["parameters"]
        if not parameter.get("description")
    ]
    assert not parameters


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    found = [operation for _, _, operation in operations(application().openapi())]
    names = [operation["operationId"] for operation in found]
    assert len(names) == len(set(names)) > 120
    assert all(name.isidentifier() for name in names)
    assert all(operation.get("description") for operation in found)


def test_no_duration_is_a_number_of_seconds() -> None:
    document = application().openapi()
    members = [
        m for schema in document["components"]["schemas"].values() for m in schema.get("properties", {})
    ]
    assert not [member for member in members if member.endswith("_seconds")]


def test_no_answer_has_a_sealed_or_internal_column() -> None:
    def below(model: type[Out]) -> Iterator[type[Out]]:
        for one in model.__subclasses__():
            yield one
            yield from below(one)

    application()
    answers = list(below(Out))
    assert len(answers) > 60
    leaks = [f"{m.__name__}.{f}" for m in answers for f in m.model_fields if any(s in f for s in SECRET)]
    assert not leaks
    assert all(model.model_config["extra"] == "forbid" for model in answers)


@pytest.fixture
def client(team: Team) -> Iterator[httpx2.Client]:
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    headers = {"authorization": f"Bearer {token}"}
    with (
        serving(team.services) as url,
        httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as found,
    ):
        yield found


def test_an_unknown_parameter_is_refused_by_name(client: httpx2.Client) -> None:
    answer = client.get("/api/v1/applications/app/certificate-requests", params={"stat": "issued"})
    assert (answer.status_code, answer.json()["field"]) == (400, "stat")
    assert answer.json()["detail"].endswith("known: cursor, limit, status.")
    answer = client.get("/api/v1/applications/app/certificate-requests", params={"status": "gone"})
    assert answer.status_code == 400
    assert "'pending_approval'" in answer.json()["detail"]
    assert client.get("/api/v1/me", params={"x": "1"}).json()["detail"].endswith("this call has none.")
    assert client.get("/api/v1/me", params={"x": "1"}, headers={"authorization": ""}).status_code == 401


def test_every_route_refuses_unknown_parameters(client: httpx2.Client) -> None:
    """Of objects that exist or not: the Application and everything of the product are there."""
    accepted, tried = [], 0
    for method, path, operation in operations(application().openapi()):
        if not path.startswith("/api/v1") or "_id}" in path:
            continue
        named = path.replace("{application}", "app").replace("{ca}", "root")
        answer = client.request(method, named, params={"no_such_parameter": "1"})
        tried += 1
        refused = answer.status_code == 400 and "no_such_parameter" in answer.text
        moved = answer.status_code == 409 and "legacy-creation" in answer.text
        if not (refused or moved):
            accepted.append(f"{operation['operationId']}: {answer.status_code}")
    assert not accepted
    assert tried > 100


def test_the_pages_of_the_reference_come_from_here_alone(client: httpx2.Client) -> None:
    for path, script in (("/docs", "swagger-ui-bundle.js"), ("/redoc", "redoc.standalone.js")):
        page = client.get(path, headers={"authorization": ""})
        assert page.status_code == 200
        assert "//" not in page.text.replace("<!DOCTYPE", "")
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
        assert page.text.count("<script") == page.text.count('<script src="/docs/assets/')
        sources = [part.split('"')[0] for part in page.text.split('src="')[1:]]
        assert f"/docs/assets/{script}" in sources
        sources += [part.split('"')[0] for part in page.text.split('href="')[1:]]
        for source in sources:
            asset = client.get(source)
            assert asset.status_code == 200, source
            assert asset.headers["x-content-type-options"] == "nosniff"
            assert asset.headers["content-type"].startswith(("text/javascript", "text/css"))
    assert client.get("/docs/assets/../app.py").status_code == 404
    assert client.get("/docs/assets/favicon.png").status_code == 404
