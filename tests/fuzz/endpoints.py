"""Every endpoint that takes a body, called in this process: the operations that take JSON, OCSP and callbacks."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from docs.generate import application
from fastapi import FastAPI
from tests.integration.api.test_examples import bodies
from tests.integration.conftest import made
from tests.integration.example_world import SECRET, ExampleWorld, opened
from tests.support.web import served_application

from certrail.persistence.database import Database
from certrail.plugins.registry import PluginRegistry

JSON = "application/json"
LOCKS_OUT = ("set_principal_active", "update_principal")
"""Operations whose success would end the caller's access."""
RENEWED_AFTER = 2000
"""Bodies after which the installation is made as it was: what is accepted changes it."""


@dataclass(frozen=True)
class Endpoint:
    """One way in, with bodies that are accepted there."""

    method: str
    path: str
    media_type: str
    seeds: tuple[bytes, ...]


@dataclass(frozen=True)
class Answer:
    """What a body was answered with."""

    endpoint: Endpoint
    status: int
    seconds: float
    text: bytes


class Endpoints:
    """The endpoints of one installation."""

    def __init__(self, world: ExampleWorld, app: FastAPI) -> None:
        self._world, self._app = world, app
        self._token = world.client.headers["authorization"].encode()
        self._sent, self._loop = 0, asyncio.new_event_loop()
        self.all = (*self._operations(), *self._ocsp(), self._callback())

    def send(self, number: int, body: bytes) -> Answer:
        """Send a body through the endpoint of this number, counted around. Raises what the application raises."""
        self._sent += 1
        if self._sent % RENEWED_AFTER == 0:
            self._world.renew()
        endpoint = self.all[number % len(self.all)]
        began = time.monotonic()
        status, text = self._loop.run_until_complete(self._ask(endpoint, body))
        return Answer(endpoint, status, time.monotonic() - began, text)

    async def _ask(self, endpoint: Endpoint, body: bytes) -> tuple[int, bytes]:
        path, sent = endpoint.path, body
        if endpoint.method == "GET":
            path, sent = f"{endpoint.path}/{base64.b64encode(body).decode()}", b""
        messages: Iterator[MutableMapping[str, Any]] = iter(
            [{"type": "http.request", "body": sent, "more_body": False}]
        )
        answered: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: MutableMapping[str, Any]) -> None:
            answered.append(message)

        headers = {b"host": b"localhost", b"content-type": endpoint.media_type.encode()}
        headers |= {b"content-length": str(len(sent)).encode(), b"authorization": self._token}
        headers |= self._signature(endpoint, sent)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": endpoint.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": list(headers.items()),
            "client": ("127.0.0.1", 9),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        await self._app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in answered[1:])
        return answered[0]["status"], text

    def _signature(self, endpoint: Endpoint, body: bytes) -> dict[bytes, bytes]:
        """Slack's, so that bodies get past it (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
        if not endpoint.path.startswith("/callbacks/"):
            return {}
        at = str(int(self._world.team.clock().timestamp())).encode()
        mac = hmac.new(SECRET.encode(), b"v0:" + at + b":" + body, hashlib.sha256).hexdigest()
        return {b"x-slack-request-timestamp": at, b"x-slack-signature": f"v0={mac}".encode()}

    def _operations(self) -> Iterator[Endpoint]:
        for method, path, operation, schema in bodies(application().openapi()):
            if operation["operationId"] not in LOCKS_OUT:
                at = self._world.path(path, operation["operationId"])
                examples = (self._world.body(path, example) for example in schema["examples"])
                yield Endpoint(method, at, JSON, tuple(json.dumps(example).encode() for example in examples))

    def _ocsp(self) -> Iterator[Endpoint]:
        builder = ocsp.OCSPRequestBuilder()
        for digest in (hashes.SHA1(), hashes.SHA256()):
            names = (b"n" * digest.digest_size, b"k" * digest.digest_size)
            asked = builder.add_certificate_by_hash(*names, 5, digest).build().public_bytes(Encoding.DER)
            for method in ("POST", "GET"):
                yield Endpoint(method, "/ocsp/root", "application/ocsp-request", (asked,))

    def _callback(self) -> Endpoint:
        team = self._world.team
        channel = next(
            row for row in team.services.channels.list(team.application) if row.slug == "approvals"
        )
        payload = json.dumps({"type": "block_actions", "user": {"id": "U1"}, "actions": [{"value": "x"}]})
        seed = b"payload=" + payload.encode()
        return Endpoint("POST", f"/callbacks/{channel.id}", "application/x-www-form-urlencoded", (seed,))


@contextmanager
def opened_endpoints(folder: Path) -> Iterator[Endpoints]:
    """The endpoints of a new installation in a folder."""
    database = Database(f"sqlite:///{folder / 'certrail.db'}")
    with opened(made(database, PluginRegistry.discover()), folder) as world:
        yield Endpoints(world, served_application())
    database.close()
