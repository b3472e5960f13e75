"""Both clients against a certrail server over HTTP, and against servers that fail."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from client.tests.conftest import Scripted, Server

from certrail.services.approvals.policies import Step
from certrail_client import (
    ApiError,
    AsyncClient,
    BadInput,
    Call,
    Client,
    Conflict,
    InvalidAnswer,
    InvalidReference,
    NotFound,
    PagedCall,
    RetryPolicy,
    ServerError,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    Unreachable,
    WaitTimeout,
)
from certrail_client.api import access, applications, certificate_requests, certificates
from certrail_client.errors import error_of
from certrail_client.models.access import TokenIn
from certrail_client.models.applications import ApplicationIn
from certrail_client.models.certificate_requests import CertificateRequestIn
from certrail_client.retries import retry_after

Start = Callable[..., Scripted]
AT_ONCE = RetryPolicy(jitter=lambda: 0.0)
TOKEN = "crt_0123_canary-of-a-secret"


@pytest.fixture
def client(server: Server) -> Any:
    with Client(server.url, server.token) as client:
        yield client


def test_a_certificate_is_requested_and_fetched(server: Server, client: Client) -> None:
    wanted = CertificateRequestIn(profile="web", sans={"dns": ["a.example.com"]})
    request = client.send(certificate_requests.create_certificate_request("app", wanted))
    worker = threading.Timer(0.2, server.team.services.issuance.advance, [request.id])
    worker.start()
    issued = client.wait_for_request(request.id, timeout=60)
    worker.join()
    assert issued.status == "issued"
    certificate = client.send(certificates.get_certificate(issued.certificate_id or ""))
    assert certificate.pem.startswith("-----BEGIN CERTIFICATE-----")


async def test_both_clients_answer_the_same(server: Server, client: Client) -> None:
    async with AsyncClient(server.url, server.token) as other:
        call = applications.get_application("app")
        assert await other.send(call) == await asyncio.to_thread(client.send, call)
        with pytest.raises(NotFound):
            await other.send(applications.get_application("none"))
        found = [row async for row in other.pages(_events(2))]
    assert found == await asyncio.to_thread(lambda: list(client.pages(_events(2))))
    assert len(found) > 4


def test_a_request_that_waits_for_approval_is_not_waited_for_longer_than_that(
    server: Server, client: Client
) -> None:
    server.team.person("bea")
    server.team.guard(Step("One", ("bea",)))
    wanted = CertificateRequestIn(profile="web", sans={"dns": ["b.example.com"]})
    request = client.send(certificate_requests.create_certificate_request("app", wanted))
    started = time.monotonic()
    with pytest.raises(WaitTimeout) as late:
        client.wait_for_request(request.id, timeout=0.3)
    assert 0.3 <= time.monotonic() - started < 30
    assert late.value.last.status == "pending_approval"


def test_refusals_are_typed_and_say_what_the_problem_document_says(server: Server, client: Client) -> None:
    with pytest.raises(NotFound) as missing:
        client.send(certificates.get_certificate("none"))
    assert (missing.value.status, missing.value.kind) == (404, "not-found")
    assert missing.value.problem.instance == "/api/v1/certificates/none"
    assert missing.value.problem.request_id
    wanted = CertificateRequestIn(profile="web", sans={"dns": ["a.example.org", "b.example.org"]})
    with pytest.raises(Unprocessable) as refused:
        client.send(certificate_requests.create_certificate_request("app", wanted))
    assert len(refused.value.problem.messages) == 2
    with pytest.raises(BadInput) as wrong:
        client.send(Call("POST", "/api/v1/applications", Any, body={"slug": "B A D"}))
    assert {fault["field"] for fault in wrong.value.problem.members["errors"]} == {"slug", "name"}
    with pytest.raises(Conflict):
        client.send(applications.create_application(ApplicationIn(slug="app", name="Again")))
    with Client(server.url, "crt_wrong_token") as stranger, pytest.raises(Unauthenticated):
        stranger.send(access.get_me())


def test_an_answer_of_something_else_is_an_error_too(scripted: Start) -> None:
    server = scripted((500, {}), (418, {}))
    with Client(server.url, retries=RetryPolicy(attempts=1)) as client:
        with pytest.raises(ServerError) as failed:
            client.send(access.get_me())
        assert (failed.value.status, str(failed.value)) == (500, "The server answered 500.")
        with pytest.raises(ApiError) as odd:
            client.send(access.get_me())
        assert odd.value.status == 418
        with pytest.raises(InvalidAnswer):
            client.send(Call("GET", "/api/v1/me", list[int]))


def test_a_name_is_one_segment_of_a_path(client: Client) -> None:
    with pytest.raises(NotFound):
        client.send(applications.get_application("app?x=1#y"))
    for reference in ("", ".", "..", "app/members"):
        with pytest.raises(InvalidReference):
            applications.get_application(reference)


def test_a_create_whose_answer_was_lost_makes_one_object(server: Server, scripted: Start) -> None:
    front = scripted("cut", (503, {}), behind=server.url)
    with Client(front.url, server.token, retries=AT_ONCE) as client:
        made = client.send(applications.create_application(ApplicationIn(slug="once", name="Once")))
    assert made.slug == "once"
    keys = [headers["idempotency-key"] for _, _, headers in front.received]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert [row.slug for row in server.team.services.applications.visible_to(server.team.admin)].count(
        "once"
    ) == 1


async def test_the_same_call_sent_twice_makes_one_object(server: Server) -> None:
    call = applications.create_application(ApplicationIn(slug="twice", name="Twice"))
    async with AsyncClient(server.url, server.token) as client:
        first, second = await client.send(call), await client.send(call)
        assert first.id == second.id
        with pytest.raises(Conflict):
            await client.send(applications.create_application(ApplicationIn(slug="twice", name="Twice")))


@pytest.mark.parametrize("failure", ["cut", (503, {}), (429, {}), (502, {}), (504, {})], ids=str)
def test_reads_are_sent_again_and_changes_are_not(failure: Any, scripted: Start) -> None:
    server = scripted(failure)
    with Client(server.url, TOKEN, retries=AT_ONCE) as client:
        assert client.send(Call("GET", "/api/v1/me", dict[str, Any])) == {}
        assert len(server.received) == 2
        server.script.append(failure)
        with pytest.raises((ApiError, Unreachable)):
            client.send(Call("DELETE", "/api/v1/tokens/x", type(None)))
    assert [method for method, _, _ in server.received] == ["GET", "GET", "DELETE"]


def test_a_refusal_is_not_sent_again(scripted: Start) -> None:
    server = scripted((409, {}), (500, {}))
    with Client(server.url, retries=AT_ONCE) as client:
        for error in (Conflict, ServerError):
            with pytest.raises(error):
                client.send(access.get_me())
    assert len(server.received) == 2


async def test_retries_end_and_honour_retry_after(scripted: Start) -> None:
    server = scripted(*[(503, {"retry-after": "0"})] * 3, (503, {"retry-after": "3600"}))
    never = RetryPolicy(attempts=3, jitter=_not_drawn)
    async with AsyncClient(server.url, retries=never) as client:
        with pytest.raises(Unavailable) as ended:
            await client.send(access.get_me())
        assert (len(server.received), ended.value.retry_after) == (3, 0.0)
        with pytest.raises(Unavailable):
            await client.send(access.get_me())  # an hour is too long
    assert len(server.received) == 4


def test_pauses_grow_up_to_a_limit() -> None:
    policy = RetryPolicy(attempts=9, first_seconds=1, longest_seconds=5, jitter=lambda: 1.0)
    assert [policy.pause(attempt) for attempt in range(1, 10)] == [1, 2, 4, 5, 5, 5, 5, 5, None]
    assert policy.pause(1, 4.0) == 4.0
    assert policy.pause(1, 6.0) is None


def test_retry_after_is_seconds_or_a_date(scripted: Start) -> None:
    import httpx2

    now = datetime(2030, 1, 1, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    for text, seconds in (("7", 7.0), (later, 90.0), ("soon", None), ("", None)):
        assert retry_after(httpx2.Response(503, headers={"retry-after": text}), now) == seconds
    assert isinstance(error_of(httpx2.Response(503)), Unavailable)


def test_an_address_where_nobody_is_or_that_is_none_is_said() -> None:
    with (
        Client("http://127.0.0.1:9", retries=RetryPolicy(attempts=1)) as client,
        pytest.raises(Unreachable) as away,
    ):
        client.send(access.get_me())
    assert "http://127.0.0.1:9 cannot be reached" in str(away.value)
    with pytest.raises(Unreachable, match="begin with http"):
        Client("127.0.0.1:8080")


def test_no_secret_is_in_a_repr_or_an_error(scripted: Start) -> None:
    body = TokenIn.model_validate({"principal": "a", "name": "n"})
    secret = Call("POST", "/api/v1/x", Any, body={"password": TOKEN})
    with Client(scripted((400, {})).url, TOKEN) as client:
        with pytest.raises(BadInput) as refused:
            client.send(secret)
        shown = [repr(client), repr(client._exchange), repr(secret), repr(refused.value), repr(body)]
    assert not [text for text in shown if TOKEN in text]


def _not_drawn() -> float:
    raise AssertionError("Retry-After says how long")


def _events(limit: int) -> PagedCall[Any, Any]:
    return PagedCall("GET", "/api/v1/audit/events", Any, {"limit": limit}, position="after")
