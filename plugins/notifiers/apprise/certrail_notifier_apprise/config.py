"""What a channel must know to send through Apprise."""

from typing import Self

import apprise
from pydantic import model_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import HostName, allowed_hosts_field, is_listed

LOCAL = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemas that would tell the machine of the worker, where nobody looks."""
ELSEWHERE = frozenset({"blossom", "keyfile", "pgpkey", "pgpprv", "pgppub", "relay", "subfile", "wkd"})
"""Parameters that name servers besides that of the service, or files, which may be the worker's own."""


class AppriseConfig(Config):
    """One Apprise URL. All of it is a secret: tokens stand anywhere in it."""

    url: Secret = connection_field(
        title="Apprise URL",
        description="As https://github.com/caronc/apprise/wiki describes it for the service.",
        min_length=1,
        max_length=4096,
    )
    allowed_hosts: tuple[HostName, ...] = allowed_hosts_field(
        "Host names or addresses of your own servers that may be private or loopback."
    )

    @model_validator(mode="after")
    def _usable_url(self) -> Self:
        if named := ELSEWHERE.intersection(self._parameters()):
            raise ValueError(f"url: {min(named)} would have the worker look elsewhere; leave it out")
        service = self.service()
        if service is None:
            raise ValueError("url: Apprise does not understand this URL; see its wiki for the service")
        if not LOCAL.isdisjoint(_names(service.protocol) + _names(service.secure_protocol)):
            raise ValueError("url: this service tells the worker's own machine only")
        if any(isinstance(part, apprise.AppriseAttachment) and len(part) for part in vars(service).values()):
            raise ValueError("url: it names a file or page that the worker would read; leave that out")
        return self

    def service(self) -> apprise.NotifyBase | None:
        """The service behind the URL, if Apprise knows it."""
        found: apprise.NotifyBase | None = apprise.Apprise.instantiate(self.url.get_secret_value())
        if found is not None:
            found.redirects = False  # they would lead past the look at where the URL leads
        return found

    def _parameters(self) -> frozenset[str]:
        parsed = apprise.URLBase.parse_url(self.url.get_secret_value(), verify_host=False)  # type: ignore[no-untyped-call]
        return frozenset(parsed["qsd"] if parsed else ())

    def allows(self, host: str) -> bool:
        """Whether this host is exempted from the rule that receivers are public."""
        return is_listed(host, self.allowed_hosts)


def _names(protocol: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol or ())
