"""One account for all tests of a file, emptied for each."""

from collections.abc import Iterator

import pytest

from certrail_destination_aws_acm import AwsAcm
from certrail_fakes.acm import AcmServer

from .deployments import config


@pytest.fixture(scope="module")
def shared() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def server(shared: AcmServer) -> AcmServer:
    shared.reset()
    return shared


@pytest.fixture
def acm(server: AcmServer) -> AwsAcm:
    return AwsAcm(config(server))
