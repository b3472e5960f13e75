"""What a channel must know to open incidents of a PagerDuty service."""

from urllib.parse import urlsplit

from pydantic import field_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import ca_file_field, is_loopback

KEY_LENGTH = 32


class PagerDutyConfig(Config):
    """The integration of one service."""

    routing_key: Secret = connection_field(
        title="Integration key",
        description="Of the service's Events API V2 integration, 32 characters.",
        min_length=KEY_LENGTH,
        max_length=KEY_LENGTH,
    )
    events_url: str = connection_field(
        "https://events.pagerduty.com",
        title="Events API",
        description="https://events.eu.pagerduty.com for accounts in the EU service region.",
        max_length=256,
    )
    ca_file: str | None = ca_file_field()

    @field_validator("events_url")
    @classmethod
    def _usable_url(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            loopback = is_loopback(url.hostname or "")
        except ValueError:
            loopback = False
        known = (url.hostname or "").endswith(".pagerduty.com") and not url.port
        whole = url.scheme == "https" and not url.path.strip("/") and "@" not in url.netloc
        if not whole or not (known or loopback):
            raise ValueError("give https://events.pagerduty.com or https://events.eu.pagerduty.com")
        return value.rstrip("/")
