"""The destination keeps every rule of the contract."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from certrail_destination_aws_secrets_manager import AwsSecretsManager, AwsSecretsManagerConfig
from certrail_fakes.aws import AwsServer
from certrail_sdk.testing import DestinationConformance, make_bundle


def plugin(server: AwsServer, **changes: Any) -> AwsSecretsManager:
    values = server.connection(secrets_manager_endpoint_url=server.url)
    return AwsSecretsManager(AwsSecretsManagerConfig.parse(values | changes))


class TestAwsSecretsManager(DestinationConformance):
    @pytest.fixture
    def build(self, server: AwsServer) -> Callable[[], AwsSecretsManager]:
        return lambda: plugin(server)

    @pytest.fixture
    def broken(self, server: AwsServer) -> AwsSecretsManager:
        return plugin(server, secret_access_key="another-secret")

    @pytest.fixture
    def stored(self, server: AwsServer) -> Callable[[], Mapping[str, str]]:
        def texts() -> Mapping[str, str]:
            values = {secret.arn: json.loads(secret.value) for secret in server.secrets.secrets.values()}
            return {
                arn: value["certificate"] + value.get("chain", "") + value.get("private_key", "")
                for arn, value in values.items()
            }

        return texts

    @pytest.fixture
    def foreign(self, server: AwsServer) -> Callable[[str], None]:
        def put(name: str) -> None:
            value = json.dumps({"certificate": make_bundle("by-hand.example").certificate})
            server.client("secretsmanager").create_secret(Name=name, SecretString=value)

        return put

    @pytest.fixture
    def elsewhere(self, server: AwsServer) -> AwsSecretsManager:
        return plugin(server, region="eu-west-1")

    @pytest.fixture
    def busy(self, server: AwsServer) -> AwsSecretsManager:
        server.configure(throttle_every=1, retry_after=30)
        return plugin(server)

    @pytest.fixture
    def unreachable(self) -> AwsSecretsManager:
        with AwsServer() as gone:
            return plugin(gone)
