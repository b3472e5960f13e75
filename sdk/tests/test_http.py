"""Requests with JSON, queries, and what a refusal is quoted with, against a server with TLS on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from certrail_fakes.http_api import Call, HttpApi, Json, Refused
from certrail_sdk import NotFound, Permanent
from certrail_sdk.http import EndpointConfig, SecretEndpointConfig, request_json


@dataclass
class Echo(HttpApi):
    """Answers with what it was sent; refuses what is below /missing with the URL's last part in its words."""

    def answer(self, call: Call) -> tuple[int, Json]:
        if call.path.startswith("/missing/"):
            raise Refused(404, {"message": f"{call.path.rpartition('/')[2]} is not here"})
        if call.method == "DELETE":
            return 204, None
        return 200, {"sent": call.document if call.body else None, "query": call.query, "path": call.path}


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as running:
        yield running


def config(kind: type[Any], echo: Echo, path: str = "/v1") -> Any:
    return kind.parse({"url": echo.url + path, "ca_file": echo.ca_file, "allowed_hosts": ["127.0.0.1"]})


async def test_documents_go_out_and_come_back(echo: Echo) -> None:
    asked = config(EndpointConfig, echo, "/v1?tenant=1").at("a/b", query={"page": "2", "q": "x&y"})
    assert asked.url == f"{echo.url}/v1/a%2Fb?tenant=1&page=2&q=x%26y"
    assert await request_json(asked, "POST", {"a": [1]}) == {
        "sent": {"a": [1]},
        "query": {"tenant": "1", "page": "2", "q": "x&y"},
        "path": "/v1/a/b",
    }
    assert (await request_json(asked, "GET"))["sent"] is None
    assert await request_json(asked, "DELETE") is None


async def test_what_is_no_json_is_reported(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrail_fakes.http_api.json.dumps", lambda _: "<html>")
    with pytest.raises(Permanent, match="something that is no JSON"):
        await request_json(config(EndpointConfig, echo).at(), "GET")


@pytest.mark.parametrize(("kind", "quoted"), [(EndpointConfig, True), (SecretEndpointConfig, False)])
async def test_a_refusal_that_quotes_the_url_is_reported_unless_the_url_is_secret(
    echo: Echo, kind: type[Any], quoted: bool
) -> None:
    with pytest.raises(NotFound) as raised:
        await request_json(config(kind, echo, "/missing").at("web-certificate"), "GET")
    assert ("web-certificate is not here" in raised.value.body) is quoted
    assert ("web-certificate" in str(raised.value)) is quoted
