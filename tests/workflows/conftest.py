"""Temporal's own servers: the one that skips time, and the real one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import Fakes

from certrail.crypto.keyring import Keyring
from certrail_workflows.binaries import temporal_binary, test_server_binary
from certrail_workflows.codec import data_converter

STARTS = 6


def _existing(binary: Path | None) -> str:
    if binary is None:
        pytest.fail("Temporal's servers are missing; run: make setup")
    return str(binary)


async def _started(start: Callable[[], Awaitable[WorkflowEnvironment]]) -> WorkflowEnvironment:
    """Temporal's helper gives its server five seconds, which a busy machine may need more than once."""
    for _ in range(STARTS - 1):
        with suppress(RuntimeError):
            return await start()
    return await start()


@pytest_asyncio.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """An environment in which waiting takes no time."""
    start = partial(
        WorkflowEnvironment.start_time_skipping,
        data_converter=data_converter(Keyring.generate()),
        test_server_existing_path=_existing(test_server_binary()),
    )
    async with await _started(start) as environment:
        yield environment


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """Where a real server listens."""
    start = partial(
        WorkflowEnvironment.start_local,
        dev_server_existing_path=_existing(temporal_binary()),
        dev_server_log_level="error",
    )
    async with await _started(start) as environment:
        yield environment.client.service_client.config.target_host


@pytest.fixture
def keyring() -> Keyring:
    """Seals what this test sends."""
    return Keyring.generate()


@pytest_asyncio.fixture
async def client(address: str, keyring: Keyring) -> Client:
    """A client of the real server."""
    return await Client.connect(address, data_converter=data_converter(keyring))


@pytest_asyncio.fixture
async def fakes() -> Fakes:
    """Use cases that the test scripts."""
    return Fakes()
