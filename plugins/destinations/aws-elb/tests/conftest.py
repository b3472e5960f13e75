"""One account for all tests of a file, emptied for each."""

from collections.abc import Iterator

import pytest

from certrail_fakes.aws import AwsServer


@pytest.fixture(scope="module")
def shared() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture
def server(shared: AwsServer) -> AwsServer:
    shared.reset()
    return shared
