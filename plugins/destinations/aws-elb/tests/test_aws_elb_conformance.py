"""The destination keeps every rule of the contract."""

from collections.abc import Callable, Mapping

import pytest

from certrail_destination_aws_elb import AwsElb
from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_elbv2 import Listener
from certrail_sdk.testing import DestinationConformance

from .balancers import by_hand, listener, plugin


class TestAwsElb(DestinationConformance):
    @pytest.fixture
    def web(self, server: AwsServer) -> Listener:
        server.configure(listener_quota=1000)
        return listener(server)

    @pytest.fixture
    def build(self, server: AwsServer, web: Listener) -> Callable[[], AwsElb]:
        return lambda: plugin(server, web)

    @pytest.fixture
    def broken(self, server: AwsServer, web: Listener) -> AwsElb:
        return plugin(server, web, secret_access_key="another-secret")

    @pytest.fixture
    def stored(self, server: AwsServer) -> Callable[[], Mapping[str, str]]:
        """Certificates in ACM, each with the listeners that have it."""
        return lambda: {arn: f"{text}\n{server.elbv2.users_of(arn)}" for arn, text in server.texts().items()}

    @pytest.fixture
    def foreign(self, server: AwsServer, web: Listener) -> Callable[[str], None]:
        def put(name: str) -> None:
            server.client("elbv2").add_listener_certificates(
                ListenerArn=web.arn, Certificates=[{"CertificateArn": by_hand(server, name=name)}]
            )

        return put

    @pytest.fixture
    def elsewhere(self, server: AwsServer) -> AwsElb:
        return plugin(server, listener(server, load_balancer="other"))

    @pytest.fixture
    def busy(self, server: AwsServer, web: Listener) -> AwsElb:
        server.configure(throttle_every=1, retry_after=30)
        return plugin(server, web)

    @pytest.fixture
    def unreachable(self) -> AwsElb:
        with AwsServer() as gone:
            return plugin(gone, listener(gone))
