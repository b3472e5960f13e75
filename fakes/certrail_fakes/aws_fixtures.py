"""Fixtures of pytest for an account: one for all tests of a file, emptied for each. A conftest imports both."""

from collections.abc import Iterator

import pytest

from certrail_fakes.aws import AwsServer


@pytest.fixture(scope="module")
def account() -> Iterator[AwsServer]:
    """The account of a file."""
    with AwsServer() as server:
        yield server


@pytest.fixture
def server(account: AwsServer) -> AwsServer:
    """The account, empty."""
    account.reset()
    return account
