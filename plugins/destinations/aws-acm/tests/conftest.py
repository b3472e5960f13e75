"""One account for all tests of a file, emptied for each."""

import pytest

from certrail_destination_aws_acm import AwsAcm
from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_fixtures import account, server

from .deployments import config

__all__ = ["account", "acm", "server"]


@pytest.fixture
def acm(server: AwsServer) -> AwsAcm:
    return AwsAcm(config(server))
