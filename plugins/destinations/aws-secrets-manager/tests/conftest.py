"""One account for all tests of a file, emptied for each."""

from certrail_fakes.aws_fixtures import account, server

__all__ = ["account", "server"]
