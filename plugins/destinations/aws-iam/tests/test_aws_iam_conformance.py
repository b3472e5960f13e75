"""The destination keeps every rule of the contract."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from certrail_destination_aws_iam import AwsIam, AwsIamConfig
from certrail_fakes.aws import AwsServer
from certrail_sdk import Bundle
from certrail_sdk.testing import DestinationConformance, make_bundle


def plugin(server: AwsServer, **changes: Any) -> AwsIam:
    return AwsIam(AwsIamConfig.parse(server.connection(iam_endpoint_url=server.url) | changes))


def upload(server: AwsServer, name: str, bundle: Bundle, path: str) -> None:
    """By hand, without tags."""
    assert isinstance(bundle.private_key, SecretStr)
    server.client("iam").upload_server_certificate(
        Path=path,
        ServerCertificateName=name,
        CertificateBody=bundle.certificate,
        PrivateKey=bundle.private_key.get_secret_value(),
        CertificateChain=bundle.chain_pem,
    )


class TestAwsIam(DestinationConformance):
    @pytest.fixture
    def build(self, server: AwsServer) -> Callable[[], AwsIam]:
        server.configure(iam_quota=1000)
        return lambda: plugin(server)

    @pytest.fixture
    def broken(self, server: AwsServer) -> AwsIam:
        return plugin(server, secret_access_key="another-secret")

    @pytest.fixture
    def stored(self, server: AwsServer) -> Callable[[], Mapping[str, str]]:
        """By path: what is below one is one object in many versions, of which the last is delivered."""
        return lambda: {one.path: one.body + one.chain + one.key for one in server.iam.certificates.values()}

    @pytest.fixture
    def foreign(self, server: AwsServer) -> Callable[[str], None]:
        return lambda name: upload(
            server, f"{name}-by-hand", make_bundle("by-hand.example"), f"/certrail/{name}/"
        )

    @pytest.fixture
    def elsewhere(self, server: AwsServer) -> AwsIam:
        return plugin(server, path="/cloudfront/certrail/")

    @pytest.fixture
    def busy(self, server: AwsServer) -> AwsIam:
        server.configure(throttle_every=1, retry_after=30)
        return plugin(server)

    @pytest.fixture
    def unreachable(self) -> AwsIam:
        with AwsServer() as gone:
            return plugin(gone)
