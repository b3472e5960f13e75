"""What is written from the OpenAPI document is current, and covers the API."""

import re
from pathlib import Path

import pytest
from client.generate import PACKAGE, PREFIX, files, formatted
from client.tests.conftest import Server
from docs.generate import application

from certrail_client import Client
from certrail_client.models.common import CertificateRequestOut

README = Path(__file__).parents[1] / "README.md"


def test_models_and_calls_are_current() -> None:
    texts = formatted(files(application().openapi()))
    written = {path for folder in ("models", "api") for path in (PACKAGE / folder).glob("*.py")}
    assert written == texts.keys()
    stale = [path.name for path, text in texts.items() if path.read_text() != text]
    assert not stale, "run: python -m docs.generate"


def test_every_operation_has_a_function() -> None:
    paths = application().openapi()["paths"]
    names = {
        (
            detail["operationId"].removesuffix("_in_legacy_scope"),
            path.replace("/applications/{application}", "", 1),
        )
        for path, methods in paths.items()
        for detail in methods.values()
        if path.startswith(PREFIX)
    }
    source = "".join(path.read_text() for path in (PACKAGE / "api").glob("*.py"))
    functions = re.findall(r"^def (\w+)\(", source, re.MULTILINE)
    assert len(functions) == len(names) > 80


@pytest.mark.parametrize("number", range(2))
def test_the_examples_of_the_readme_run(number: int, server: Server) -> None:
    code = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[number]
    issuance = server.team.services.issuance

    class Working(Client):
        """As if a worker ran."""

        def wait_for_request(self, request_id: str, *, timeout: float = 300.0) -> CertificateRequestOut:
            issuance.advance(request_id)
            return super().wait_for_request(request_id, timeout=timeout)

    scope: dict[str, object] = {"url": server.url, "token": server.token}
    if "async" in code:
        import asyncio

        wrapped = "async def main():\n" + "".join(f"    {line}\n" for line in code.splitlines())
        exec(compile(wrapped, str(README), "exec"), scope)
        asyncio.run(scope["main"]())  # type: ignore[operator]
        return
    exec(
        compile(code.replace("Client(url", "Working(url"), str(README), "exec"), scope | {"Working": Working}
    )
