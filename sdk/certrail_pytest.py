"""The conformance kit's pytest plugin: assertions of its modules are rewritten, and a fixture collects every log.

A module of its own: every pytest run of an environment imports it, and the kit itself takes a while to import.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from certrail_sdk.testing.canary import LogWatch

for _module in ("rules", "watch", "destination", "notifier"):
    pytest.register_assert_rewrite(f"certrail_sdk.testing.{_module}")


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> "Iterator[LogWatch]":
    """All that any logger says during the test, at DEBUG, even those that were silenced before."""
    from certrail_sdk.testing.canary import LogWatch, every_logger_open  # noqa: PLC0415

    caplog.set_level(logging.DEBUG)
    with every_logger_open():
        yield LogWatch(caplog)
