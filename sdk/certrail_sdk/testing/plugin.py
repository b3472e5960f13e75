"""The pytest plugin: readable assertions for the kit's own modules, and the fixture that hears every log."""

import logging
from collections.abc import Iterator

import pytest

from certrail_sdk.testing.canary import LogWatch, every_logger_open

for _module in ("rules", "watch", "destination", "notifier"):
    pytest.register_assert_rewrite(f"certrail_sdk.testing.{_module}")


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[LogWatch]:
    """All that any logger says during the test, at DEBUG, even those that were silenced before."""
    caplog.set_level(logging.DEBUG)
    with every_logger_open():
        yield LogWatch(caplog)
