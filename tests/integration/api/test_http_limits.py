"""What a client can do to the server without a valid call: nothing that others notice, and little that is logged."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.errors import Busy
from certrail.services.approvals.policies import Step
from certrail_server import http_protocol
from certrail_server.api import bodies, polls
from certrail_server.api.app import THREADS
from certrail_server.api.bodies import DEEPEST, LARGEST_BODY, MOST_MEMBERS, fault_of
from certrail_server.http_protocol import LimitedProtocol, Quiet


@pytest.fixture
def url(team: Team) -> Iterator[str]:
    with serving(team.services) as url:
        yield url


@pytest.fixture
def token(team: Team) -> str:
    return team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="limits")[1]


def post(
    url: str, token: str, content: bytes, path: str = "/api/v1/certificate-authorities"
) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return httpx2.post(f"{url}{path}", content=content, headers=headers, trust_env=False, timeout=60)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"[" * (DEEPEST + 1), "levels deep"),
        (b'{"a":' * 100_000, "levels deep"),
        (b"[" + b"1," * (MOST_MEMBERS + 1) + b"1]", "members"),
        (rb'{"a":"\ud800"}', "surrogate"),
        (rb'{"a":"\udc00"}', "surrogate"),
        (rb'{"a":"\ud800\ud800"}', "surrogate"),
        (rb'{"a":"\ud83d x\ude00"}', "surrogate"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "NaN"),
    ],
)
def test_json_that_is_not_parsed(text: bytes, fault: str) -> None:
    assert fault in (fault_of(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        rb'{"a":"\ud83d\ude00"}',
        rb'{"a":"\\ud800"}',
        rb'{"a":"NaN [[[[ \" ,,,,"}',
        b'"' + b"," * MOST_MEMBERS * 2 + b'"',
        b"[" * DEEPEST + b"]" * DEEPEST,
    ],
)
def test_json_that_is_parsed(text: bytes) -> None:
    assert fault_of(text) is None


def test_no_body_is_a_fault_of_the_server(url: str, token: str) -> None:
    texts = (
        b"[" * 200_000,
        b'{"slug":' * 50_000,
        rb'{"slug":"\ud800","name":"x"}',
        b"\xff\xfe\x00",
        b'{"slug":' + b"9" * 10_000 + b"}",
        b'{"slug":1e999}',
        b"",
        b"null",
        json.dumps({"sans": {"dns": ["a_b"] * 15_000}, "profile": "web"}).encode(),
    )
    for path in ("/api/v1/certificate-authorities", "/api/v1/applications/app/certificate-requests"):
        for text in texts:
            began = time.monotonic()
            answer = post(url, token, text, path)
            assert 400 <= answer.status_code < 500, (text[:40], answer.text[:200])
            assert answer.headers["x-request-id"]
            assert time.monotonic() - began < 10


def test_at_most_twenty_faults_are_reported(url: str, token: str) -> None:
    wrong = {"profile": "web", **{f"unknown_{n}": 1 for n in range(300)}}
    answer = post(url, token, json.dumps(wrong).encode(), "/api/v1/applications/app/certificate-requests")
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 20)
    assert "and 280 more" in answer.json()["detail"]
    assert len(answer.content) < 10_000
    many = {"profile": "web", "sans": {"dns": [f"{n}.example.com" for n in range(101)]}}
    answer = post(url, token, json.dumps(many).encode(), "/api/v1/applications/app/certificate-requests")
    assert "give at most 100; these are 101" in answer.json()["detail"], answer.text
    assert "Tuple" not in answer.text


def test_a_body_that_says_too_little_or_comes_too_slowly_ends(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    head = f"POST /api/v1/syncs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
    assert b" 408 " in raw(url, f"{head}content-length: 100\r\n\r\n{{".encode())
    assert b" 413 " in raw(url, f"{head}content-length: {LARGEST_BODY + 1}\r\n\r\n".encode())
    assert b" 413 " in raw(url, f"{head}transfer-encoding: chunked\r\n\r\n0\r\n\r\n".encode())
    monkeypatch.setattr(bodies, "MOST_BUFFERED", 10)
    assert b" 429 " in raw(url, f"{head}content-length: 100\r\n\r\n{'x' * 20}".encode())


def test_a_client_that_goes_away_is_not_logged(
    url: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(5):
        with connected(url) as client:
            client.sendall(b"POST /api/v1/syncs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
    assert httpx2.get(f"{url}/healthz", trust_env=False, timeout=60).status_code == 200
    assert sum(len(record.getMessage()) for record in caplog.records if record.name != "httpx2") < 200
    assert not [record for record in caplog.records if record.exc_info]


def connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def raw(url: str, content: bytes) -> bytes:
    with connected(url) as client:
        client.sendall(content)
        return client.recv(200)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with the protocol that `certrail server` uses, and short times."""
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 1.0)
    monkeypatch.setattr(http_protocol, "MOST_WAITING", 50)

    async def app(_scope: object, receive: object, send: object) -> None:
        while (await receive()).get("more_body"):  # type: ignore[operator]
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]

    config = uvicorn.Config(app, port=0, log_config=None, http=LimitedProtocol, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


def test_headers_have_a_deadline_also_on_a_kept_connection(limited: str) -> None:
    with connected(limited) as slow, connected(limited) as kept:
        slow.sendall(b"GET / HT")
        kept.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" in kept.recv(200)
        kept.sendall(b"GET / HTTP/1.1\r\nhos")
        for client in (slow, kept):
            began = time.monotonic()
            assert ended(client)
            assert time.monotonic() - began < 10


def ended(client: socket.socket) -> bool:
    try:
        while client.recv(1000):
            pass
    except ConnectionResetError:
        return True
    return True


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nx: ", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"]
)
def test_slow_clients_make_room_for_those_that_speak(limited: str, begun: bytes) -> None:
    """Slowloris: the oldest connection without a whole request goes, and a new client is served at once."""
    slow = [connected(limited) for _ in range(120)]
    try:
        for client in slow:
            client.sendall(begun)
        for _ in range(5):
            began = time.monotonic()
            assert httpx2.get(limited, trust_env=False, timeout=10).text == "ok"
            assert time.monotonic() - began < 2
        assert len(LimitedProtocol.counted.waiting) <= 50
    finally:
        for client in slow:
            client.close()


def test_a_process_whose_threads_are_all_busy_is_alive(
    team: Team, url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, release = threading.Semaphore(0), threading.Event()

    def authenticate(*_: object) -> None:
        busy.release()
        release.wait(60)
        raise Busy("This was a long call.")

    monkeypatch.setattr(team.services.tokens, "authenticate", authenticate)
    headers = {"authorization": f"Bearer {token}"}

    def call() -> int:
        return httpx2.get(f"{url}/api/v1/me", headers=headers, trust_env=False, timeout=60).status_code

    with ThreadPoolExecutor(THREADS) as pool:
        calls = [pool.submit(call) for _ in range(THREADS)]
        try:
            assert all(busy.acquire(timeout=30) for _ in range(THREADS))
            assert httpx2.get(f"{url}/healthz", trust_env=False, timeout=20).status_code == 200
        finally:
            release.set()
        assert {call.result() for call in calls} == {429}


def test_garbage_writes_nothing_into_the_log() -> None:
    kept = Quiet()
    made = logging.LogRecord(
        "uvicorn.error", logging.WARNING, "", 1, "Invalid HTTP request received.", (), None
    )
    assert not kept.filter(made)
    made.msg = "Started server process"
    assert kept.filter(made)


async def patient() -> bodies.Message:
    """What a client sends that waits for its answer: nothing."""
    await asyncio.Event().wait()
    return {}


async def test_one_question_answers_all_that_wait(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ended_requests(_db: object, idents: list[str]) -> set[str]:
        asked.append(len(idents))
        return set(idents) if len(asked) > 1 else set()

    monkeypatch.setattr(polls, "KINDS", {"request": ended_requests})
    waiting = polls.Polls(team.services.context.db)
    await asyncio.gather(*(waiting.wait(patient, f"p{n % 50}", "request", f"r{n}", 30) for n in range(500)))
    assert asked == [500, 500]


async def test_one_caller_waits_only_so_often(team: Team) -> None:
    waiting = polls.Polls(team.services.context.db)
    request, _ = _waiting_request(team)
    held = [
        asyncio.create_task(waiting.wait(patient, "p", "request", request, 30))
        for _ in range(polls.MOST_OF_ONE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="At most 20 calls"):
        await waiting.wait(patient, "p", "request", request, 30)
    team.services.requests.cancel(team.admin, request)
    await asyncio.wait_for(asyncio.gather(*held), 20)
    await waiting.wait(patient, "p", "request", "unknown", 30)


def _waiting_request(team: Team) -> tuple[str, str | None]:
    team.person("boss", Role.ADMIN)
    team.guard(Step("Owners", ("admin",)))
    return team.ask(team.person("asker"))


def test_a_long_poll_ends_with_the_decision(team: Team, url: str, token: str) -> None:
    request, _ = _waiting_request(team)
    headers = {"authorization": f"Bearer {token}"}
    path = f"{url}/api/v1/certificate-requests/{request}?wait=30"
    timer = threading.Timer(0.5, lambda: team.services.requests.cancel(team.admin, request))
    timer.start()
    began = time.monotonic()
    answer = httpx2.get(path, headers=headers, trust_env=False, timeout=60)
    timer.join()
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert time.monotonic() - began < 25


def test_who_hangs_up_waits_no_more(team: Team, url: str, token: str) -> None:
    """The place is free for another call: a client that is impatient must not be refused for the rest of a minute."""
    request, _ = _waiting_request(team)
    headers = {"authorization": f"Bearer {token}"}
    path = f"{url}/api/v1/certificate-requests/{request}"

    def poll(seconds: int, patience: float) -> int:
        address = f"{path}?wait={seconds}"
        return httpx2.get(address, headers=headers, trust_env=False, timeout=patience).status_code

    def hang_up(_number: int) -> None:
        with pytest.raises(httpx2.ReadTimeout):
            poll(60, 2)

    with ThreadPoolExecutor(polls.MOST_OF_ONE) as pool:
        list(pool.map(hang_up, range(polls.MOST_OF_ONE)))
    deadline = time.monotonic() + 20
    while (status := poll(1, 30)) == 429 and time.monotonic() < deadline:
        pass
    assert status == 200


def test_what_ocsp_cannot_answer_is_malformed(url: str) -> None:
    """Every body gets an OCSP answer, be it a hash of another length or a serial number of 40 octets."""
    asked = ocsp.OCSPRequestBuilder().add_certificate_by_hash(b"n" * 20, b"k" * 20, 5, hashes.SHA1()).build()
    der = asked.public_bytes(Encoding.DER)
    md5 = der.replace(bytes.fromhex("06052b0e03021a"), bytes.fromhex("06052b0e030219"))
    for body in (b"", b"\x30\x00", der[:-3], md5, b"\x30\x80" * 5000, der + b"x" * 70_000):
        answer = httpx2.post(f"{url}/ocsp/root", content=body, trust_env=False, timeout=60)
        assert answer.status_code == 200
        assert ocsp.load_der_ocsp_response(answer.content).response_status.name == "MALFORMED_REQUEST"
