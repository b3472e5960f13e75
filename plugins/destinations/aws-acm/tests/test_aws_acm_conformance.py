"""The destination keeps every rule of the contract."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from certrail_destination_aws_acm import AwsAcm
from certrail_fakes.aws import AwsServer
from certrail_sdk.testing import DestinationConformance, make_bundle

from .deployments import config


class TestAwsAcm(DestinationConformance):
    """With the elliptic keys that the kit makes, which ACM hides from a careless list."""

    @pytest.fixture
    def build(self, server: AwsServer) -> Callable[[], AwsAcm]:
        return lambda: AwsAcm(config(server))

    @pytest.fixture
    def broken(self, server: AwsServer) -> AwsAcm:
        return AwsAcm(config(server, secret_access_key="another-secret"))

    @pytest.fixture
    def stored(self, server: AwsServer) -> Callable[[], Mapping[str, str]]:
        return server.texts

    @pytest.fixture
    def foreign(self, server: AwsServer) -> Callable[[str], None]:
        def put(name: str) -> None:
            bundle = make_bundle("conformance.example")
            assert isinstance(bundle.private_key, SecretStr)
            tags: list[Any] = [{"Key": "Name", "Value": name}]
            server.client("acm").import_certificate(
                Certificate=bundle.certificate.encode(),
                PrivateKey=bundle.private_key.get_secret_value().encode(),
                CertificateChain=bundle.chain_pem.encode(),
                Tags=tags,
            )

        return put

    @pytest.fixture
    def elsewhere(self, server: AwsServer) -> AwsAcm:
        return AwsAcm(config(server, region="eu-west-1"))

    @pytest.fixture
    def busy(self, server: AwsServer) -> AwsAcm:
        server.configure(throttle_every=1, retry_after=30)
        return AwsAcm(config(server))

    @pytest.fixture
    def unreachable(self) -> AwsAcm:
        with AwsServer() as gone:
            return AwsAcm(config(gone))
