"""What a channel must know to post events."""

from typing import Self

import httpx2
from pydantic import Field, model_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import Endpoint, HostName, allowed_hosts_field, ca_file_field, is_listed


class WebhookConfig(Config):
    """The receiver and how it verifies that an event is ours. Its URL is a secret: often who knows it can post."""

    url: Secret = connection_field(
        title="URL",
        description="Where events are posted. https; http only for a host in allowed_hosts.",
        min_length=1,
        max_length=2048,
    )
    signing_secret: Secret | None = connection_field(
        None,
        title="Signing secret",
        description="Shared with the receiver; every event is signed with it. Empty: not signed.",
        min_length=8,
        max_length=256,
    )
    ca_file: str | None = ca_file_field()
    allowed_hosts: tuple[HostName, ...] = allowed_hosts_field()
    timeout_seconds: float = Field(
        7.0, title="Timeout", description="Seconds for the whole exchange, at most 30.", ge=1, le=30
    )

    @model_validator(mode="after")
    def _usable_url(self) -> Self:
        try:
            url = httpx2.URL(self.url.get_secret_value())
        except httpx2.InvalidURL:
            raise ValueError("url: this is no URL") from None
        if url.scheme not in ("https", "http") or not url.host:
            raise ValueError("url: give an absolute https URL")
        if url.userinfo or url.fragment:
            raise ValueError("url: user names, passwords and fragments do not belong here")
        if url.port is not None and not 0 < url.port < 65536:
            raise ValueError("url: a port is 1 to 65535")
        if url.scheme == "http" and not self.allows(self.host):
            raise ValueError("url: http is only for a host in allowed_hosts; use https")
        return self

    @property
    def host(self) -> str:
        """The receiver's host name in ASCII, or its address."""
        return self._endpoint(private=False).host

    @property
    def endpoint(self) -> Endpoint:
        """Where events are posted, and on which terms."""
        return self._endpoint(private=self.allows(self.host))

    def _endpoint(self, *, private: bool) -> Endpoint:
        url = self.url.get_secret_value()
        return Endpoint(url, private=private, ca_file=self.ca_file, seconds=self.timeout_seconds)

    def allows(self, host: str) -> bool:
        """Whether this host is exempted from the rule that receivers are public."""
        return is_listed(host, self.allowed_hosts)
