"""One ACM for all tests of a file, emptied for each."""

from collections.abc import Iterator
from typing import Any

import pytest

from certrail_fakes.acm import AcmServer

from .imports import client


@pytest.fixture(scope="module")
def shared() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def server(shared: AcmServer) -> AcmServer:
    shared.reset()
    return shared


@pytest.fixture
def acm(server: AcmServer) -> Any:
    return client(server)
