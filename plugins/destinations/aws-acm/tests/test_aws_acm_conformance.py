"""The destination keeps every rule of the contract."""

from collections.abc import Callable, Iterator

import pytest

from certrail_destination_aws_acm import AwsAcm, AwsAcmConfig
from certrail_fakes.acm import AcmServer
from certrail_sdk.testing import DestinationConformance


@pytest.fixture(scope="module")
def shared() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def server(shared: AcmServer) -> AcmServer:
    shared.reset()
    return shared


def plugin(server: AcmServer, secret: str) -> AwsAcm:
    return AwsAcm(
        AwsAcmConfig.parse(
            {
                "region": server.region,
                "access_key_id": server.access_key_id,
                "secret_access_key": secret,
                "endpoint_url": server.url,
            }
        )
    )


class TestAwsAcm(DestinationConformance):
    """With the elliptic keys that the kit makes, which ACM hides from a careless list."""

    @pytest.fixture
    def build(self, server: AcmServer) -> Callable[[], AwsAcm]:
        return lambda: plugin(server, server.secret_access_key)

    @pytest.fixture
    def broken(self, server: AcmServer) -> AwsAcm:
        return plugin(server, "another-secret")
