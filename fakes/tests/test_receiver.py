"""The webhook receiver stand-in against a plain HTTP client."""

import asyncio
import json
import ssl
import subprocess
import sys

import httpx2
import pytest

from certrail_fakes.receiver import Answer, WebhookReceiver


async def test_it_keeps_the_untouched_request() -> None:
    async with WebhookReceiver() as receiver, httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(receiver.url, content=b'{ "a":1}', headers={"X-Thing": "1"})
        [kept] = await receiver.wait_for(1)
    assert answer.status_code == 200
    assert (kept.method, kept.path, kept.body) == ("POST", "/hook", b'{ "a":1}')
    assert kept.headers["x-thing"] == "1"


async def test_it_answers_as_scripted_then_with_200() -> None:
    async with WebhookReceiver() as receiver, httpx2.AsyncClient(trust_env=False) as client:
        receiver.script(503, Answer(429, {"Retry-After": "7"}, b"slow down"))
        receiver.redirect("http://127.0.0.1:1/")
        answers = [await client.post(receiver.url) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 429, 302, 200]
    assert (answers[1].headers["retry-after"], answers[1].text) == ("7", "slow down")
    assert answers[2].headers["location"] == "http://127.0.0.1:1/"


async def test_it_can_hang_up() -> None:
    async with WebhookReceiver() as receiver, httpx2.AsyncClient(trust_env=False) as client:
        receiver.script(Answer(cut="before"), Answer(body=b"half", cut="within"))
        for _ in range(2):
            with pytest.raises(httpx2.TransportError):
                await client.post(receiver.url)
        assert len(receiver.requests) == 2


async def test_it_holds_an_answer_until_released() -> None:
    async with WebhookReceiver() as receiver, httpx2.AsyncClient(trust_env=False) as client:
        receiver.script(Answer(204, hold=True))
        posting = asyncio.create_task(client.post(receiver.url))
        await receiver.wait_for(1)
        assert not posting.done()
        receiver.release()
        assert (await posting).status_code == 204


async def test_it_speaks_tls_with_its_own_ca() -> None:
    async with WebhookReceiver(tls=True) as receiver:
        context = ssl.create_default_context(cafile=receiver.ca_file)
        async with httpx2.AsyncClient(trust_env=False, verify=context) as client:
            assert (await client.post(receiver.url)).status_code == 200
        async with httpx2.AsyncClient(trust_env=False) as stranger:
            with pytest.raises(httpx2.ConnectError):
                await stranger.post(receiver.url)


def test_as_a_process_it_lists_its_requests() -> None:
    command = [sys.executable, "-m", "certrail_fakes.receiver", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            with httpx2.Client(trust_env=False) as client:
                client.post(ready["url"], content=b"hello")
                [listed] = client.get(ready["requests"]).json()
        finally:
            process.terminate()
    assert (listed["path"], listed["body"]) == ("/hook", "aGVsbG8=")
