"""Where a request goes, and configurations that say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self
from urllib.parse import quote, urlencode

import httpx2
from pydantic import Field, model_validator

from certrail_sdk.config import Config, Secret, connection_field
from certrail_sdk.http.hosts import HostName, allowed_hosts_field, ca_file_field, is_listed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send a request, and on which terms.

    Attributes:
        url: absolute; kept out of every repr and error, for it may hold the receiver's own secret.
        private: whether the host may have addresses that are not public.
        ca_file: PEM file with the only CAs to trust; ``None`` for those of the system.
        seconds: for the whole exchange.
        field: of the configuration, to be named when the URL is at fault.
        secret: whether the URL may hold a secret; a refusal that quotes a part of it is reported without words.
    """

    url: str = field(repr=False)
    private: bool = False
    ca_file: str | None = None
    seconds: float = 7.0
    field: str = "url"
    secret: bool = True

    @property
    def host(self) -> str:
        """The host name in ASCII, or the address."""
        return httpx2.URL(self.url).raw_host.decode("ascii")


class _Reaching:
    """What both configurations have: rules for the URL, and the endpoint that it makes."""

    ca_file: str | None
    allowed_hosts: tuple[HostName, ...]
    timeout_seconds: float
    _secret_url: ClassVar[bool] = True

    def _address(self) -> str:
        raise NotImplementedError

    def _require_usable_url(self) -> None:
        try:
            url = httpx2.URL(self._address())
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

    @property
    def host(self) -> str:
        """The host name in ASCII, or the address."""
        return Endpoint(self._address()).host

    @property
    def endpoint(self) -> Endpoint:
        """Where requests go, and on which terms."""
        return self.at()

    def at(self, *segments: str, query: Mapping[str, str] | None = None) -> Endpoint:
        """The endpoint with path segments added, each encoded: a ``/`` within one stays within it (RFC 3986, 3.3).

        Args:
            query: put behind the query that the URL has, each name and value encoded.
        """
        path = "".join(f"/{quote(segment, safe='')}" for segment in segments)
        base, _, given = self._address().partition("?")
        asked = "&".join(filter(None, (given, urlencode(query or {}))))
        url = (base.rstrip("/") + path if path else base) + (f"?{asked}" if asked else "")
        return Endpoint(
            url,
            private=self.allows(self.host),
            ca_file=self.ca_file,
            seconds=self.timeout_seconds,
            secret=self._secret_url,
        )

    def allows(self, host: str) -> bool:
        """Whether this host is exempted from the rule that addresses are public."""
        return is_listed(host, self.allowed_hosts)


def timeout_field(seconds: float = 7.0) -> float:
    """The field ``timeout_seconds: float``, for a whole exchange."""
    made: float = Field(
        seconds, title="Timeout", description="Seconds for the whole exchange, at most 30.", ge=1, le=30
    )
    return made


class EndpointConfig(_Reaching, Config):
    """A host with its URL, CA file and limits: the base of configurations that speak HTTP."""

    url: str = connection_field(
        title="URL",
        description="Absolute URL. https; http only for a host in allowed_hosts.",
        min_length=1,
        max_length=2048,
    )
    ca_file: str | None = ca_file_field()
    allowed_hosts: tuple[HostName, ...] = allowed_hosts_field()
    timeout_seconds: float = timeout_field()
    _secret_url: ClassVar[bool] = False

    @model_validator(mode="after")
    def _usable_url(self) -> Self:
        self._require_usable_url()
        return self

    def _address(self) -> str:
        return self.url


class SecretEndpointConfig(_Reaching, Config):
    """The same where the URL is a secret, as of many webhooks: who knows it can post."""

    url: Secret = connection_field(
        title="URL",
        description="Absolute URL, kept secret. https; http only for a host in allowed_hosts.",
        min_length=1,
        max_length=2048,
    )
    ca_file: str | None = ca_file_field()
    allowed_hosts: tuple[HostName, ...] = allowed_hosts_field()
    timeout_seconds: float = timeout_field()

    @model_validator(mode="after")
    def _usable_url(self) -> Self:
        self._require_usable_url()
        return self

    def _address(self) -> str:
        return self.url.get_secret_value()
