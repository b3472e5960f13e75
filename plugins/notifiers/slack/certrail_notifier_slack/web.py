"""The vendor's clients as we use them: one try, bounded, and silent about what they carry."""

import logging
import sys
from typing import TYPE_CHECKING

from certrail_notifier_slack.config import SlackConfig

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

SECONDS = 10
CALLBACK_SECONDS = 2
"""While a person waits: Slack gives us three seconds in all."""


class _WithoutContent(logging.Filter):
    """Keeps tokens, tickets and payloads out of what the vendor's SDK logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = sys.exc_info()[0]
        record.msg = "the Slack client reports a problem and goes on by itself: %s"
        record.args = (kind.__name__ if kind else f"line {record.lineno} of {record.filename}",)
        record.exc_info = record.exc_text = None
        return True


def sdk_logger() -> logging.Logger:
    """The logger for the vendor's SDK, which would show whole requests at DEBUG."""
    logger = logging.getLogger("certrail_notifier_slack.sdk")
    logger.setLevel(logging.WARNING)
    if not logger.filters:
        logger.addFilter(_WithoutContent())
    return logger


def web_client(config: SlackConfig, seconds: int = SECONDS) -> "AsyncWebClient":
    """A client that never retries: the engine does."""
    # It brings aiohttp: a quarter of a second that no process should pay that posts nothing.
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    client = AsyncWebClient(
        token=config.bot_token.get_secret_value(),
        base_url=config.api_url,
        timeout=seconds,
        retry_handlers=[],
        logger=sdk_logger(),
    )
    if config.is_local:
        # The SDK takes a proxy from the environment without looking at NO_PROXY.
        client.proxy = None
    return client
