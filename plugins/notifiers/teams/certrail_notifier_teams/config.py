"""What a channel must know to post into a Microsoft Teams chat or channel."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import Endpoint, HostName, allowed_hosts_field, is_listed


class TeamsConfig(Config):
    """The workflow that posts for us. Its URL is a secret: who knows it can post."""

    workflow_url: Secret = connection_field(
        title="Workflow URL",
        description='HTTP POST URL of the workflow "Post to a channel when a webhook request is received".',
        min_length=1,
        max_length=2048,
    )
    allowed_hosts: tuple[HostName, ...] = allowed_hosts_field()
    timeout_seconds: float = Field(
        10.0, title="Timeout", description="Seconds for the whole exchange, at most 30.", ge=1, le=30
    )

    @model_validator(mode="after")
    def _usable_url(self) -> Self:
        try:
            url = urlsplit(self.workflow_url.get_secret_value())
            usable = bool(url.hostname) and url.port != 0 and "@" not in url.netloc and not url.fragment
        except ValueError:
            raise ValueError("workflow_url: this is no URL") from None
        if not usable or url.scheme not in ("https", "http"):
            raise ValueError("workflow_url: give the absolute https URL that Teams shows for the workflow")
        if url.scheme == "http" and not self._allows(url.hostname or ""):
            raise ValueError("workflow_url: http is only for a host in allowed_hosts; use https")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where cards are posted, and on which terms."""
        url = self.workflow_url.get_secret_value()
        private = self._allows(urlsplit(url).hostname or "")
        return Endpoint(url, private=private, seconds=self.timeout_seconds, field="workflow_url")

    def _allows(self, host: str) -> bool:
        return is_listed(host, self.allowed_hosts)
