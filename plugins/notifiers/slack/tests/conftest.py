"""One workspace for each test, and somebody in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from certrail_fakes.slack import SlackServer, User
from certrail_sdk import Interaction

from .workspace import CallbackSite, slack


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
def ann(server: SlackServer) -> User:
    return server.add_user("ann", "ann@example.com")


@pytest.fixture
async def site(server: SlackServer) -> AsyncIterator[tuple[CallbackSite, str]]:
    callbacks = CallbackSite(slack(server))
    app = web.Application()
    app.router.add_post("/callbacks/1", callbacks.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    host, port = runner.addresses[0][:2]
    yield callbacks, f"http://{host}:{port}/callbacks/1"
    await runner.cleanup()


@pytest.fixture
async def listening(server: SlackServer) -> AsyncIterator[Callable[[Any], Any]]:
    tasks: list[asyncio.Task[None]] = []

    async def start(answer: Callable[[Interaction], Any]) -> None:
        notifier = slack(server, app_token=server.app_token)
        tasks.append(asyncio.create_task(notifier.listen(answer)))
        await server.wait_connected()

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
