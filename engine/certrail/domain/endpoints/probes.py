"""Probes: TLS handshakes that show whether a service presents the certificate that was delivered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from certrail.domain.endpoints.addresses import literal
from certrail.domain.errors import BadInput
from certrail.domain.formats import dns_name

MOST_PROBES = 5
"""Of one sync: each is a connection per certificate and interval."""
LONGEST_GRACE = timedelta(days=7)
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(days=7)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_REASON = 300
COMMON_NAME = re.compile(r"\{\{\s*common_name\s*\}\}")
"""The placeholder that a host and a server name may have."""


class ProbeProtocol(StrEnum):
    """How TLS begins."""

    TLS = "tls"
    SMTP = "smtp"
    IMAP = "imap"
    POSTGRESQL = "postgresql"


PORTS = {
    ProbeProtocol.TLS: 443,
    ProbeProtocol.SMTP: 25,
    ProbeProtocol.IMAP: 143,
    ProbeProtocol.POSTGRESQL: 5432,
}
"""Where each is spoken usually."""


class ProbeVerdict(StrEnum):
    """What a probe found."""

    SERVED = "served"
    """The certificate that belongs there, with its chain."""
    OLDER = "older"
    """Another certificate for the same names and profile."""
    OTHER = "other"
    """A certificate of another lineage, or one that is not known here."""
    CHAIN_BROKEN = "chain_broken"
    """The certificate that belongs there, without all its intermediates."""
    UNREACHABLE = "unreachable"
    """No TLS handshake."""


@dataclass(frozen=True)
class Endpoint:
    """Where a service is.

    Attributes:
        server_name: for SNI; empty for none.
    """

    protocol: str
    host: str
    port: int
    server_name: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = f" as {self.server_name}" if self.server_name not in ("", self.host) else ""
        return f"{self.protocol}://{host}:{self.port}{named}"

    def fault(self) -> str:
        """Why it cannot be connected to; empty if it can."""
        for what, name in (("host", self.host), ("server name", self.server_name)):
            if name and not _is_host(name):
                return f"{name} is no {what}: name one in the sync."
        return ""


@dataclass(frozen=True)
class ProbeSettings:
    """One probe of a sync, for each of its certificates.

    Attributes:
        host: a name or an address; ``{{common_name}}`` in it is the certificate's.
        port: ``None`` for the usual one of the protocol.
        server_name: for SNI, with the same placeholder; ``None`` for the host, if that is a name.
        grace_seconds: how long after a delivery, or after it was served last, another verdict is no failure.
        interval_seconds: between two looks at what is served.
    """

    host: str
    port: int | None = None
    server_name: str | None = None
    protocol: ProbeProtocol = ProbeProtocol.TLS
    grace_seconds: int = 600
    interval_seconds: int = 3600

    def __post_init__(self) -> None:
        """Raises BadInput naming the member."""
        for member, text in (("host", self.host), ("server_name", self.server_name)):
            if text is not None and not _is_host(COMMON_NAME.sub("a", text)):
                raise BadInput(
                    f"{text!r} is no host name or address; {{{{common_name}}}} is the only placeholder.",
                    f"probes.{member}",
                )

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """From a sync's row."""
        return cls(**{**values, "protocol": ProbeProtocol(values["protocol"])})

    def values(self) -> dict[str, Any]:
        """For a sync's row."""
        return asdict(self)

    def endpoint(self, common_name: str) -> Endpoint:
        """Of a certificate."""
        host = COMMON_NAME.sub(common_name, self.host).lower()
        named = host if self.server_name is None else COMMON_NAME.sub(common_name, self.server_name).lower()
        port = PORTS[self.protocol] if self.port is None else self.port
        return Endpoint(self.protocol, host, port, "" if literal(named) else named)


def require_distinct(probes: Sequence[ProbeSettings]) -> None:
    """Raises BadInput for two probes of the same endpoint, or too many."""
    if len(probes) > MOST_PROBES:
        raise BadInput(f"A sync has at most {MOST_PROBES} probes; these are {len(probes)}.", "probes")
    endpoints = [probe.endpoint("{{common_name}}") for probe in probes]
    if twice := next((each for each in endpoints if endpoints.count(each) > 1), None):
        raise BadInput(f"The probe of {twice} is given twice.", "probes")


@dataclass(frozen=True)
class ProbeState:
    """What is known of one endpoint.

    Attributes:
        failures: looks since it was served or delivered.
        grace_until: until when another verdict than `served` is no failure; ``None`` while it is served.
        reported_at: when it was reported that it is not served; ``None`` where there is nothing to resolve.
        due_at: of the next look.
    """

    verdict: ProbeVerdict | None = None
    failures: int = 0
    grace_until: datetime | None = None
    reported_at: datetime | None = None
    due_at: datetime | None = None

    def after(
        self, verdict: ProbeVerdict, now: datetime, grace: timedelta, interval: timedelta
    ) -> "ProbeState":
        """What a look makes of it: within the grace with growing pauses, which never skip its end."""
        if verdict is ProbeVerdict.SERVED:
            return ProbeState(verdict, due_at=now + interval)
        grace_until = self.grace_until or now + grace
        pause = min(interval, FIRST_PAUSE * (1 << min(self.failures, 20)))
        due_at = now + pause
        if now < grace_until:
            due_at = min(due_at, grace_until)
        reported_at = self.reported_at or (now if now >= grace_until else None)
        return replace(
            self,
            verdict=verdict,
            failures=self.failures + 1,
            grace_until=grace_until,
            reported_at=reported_at,
            due_at=due_at,
        )


def _is_host(text: str) -> bool:
    if literal(text):
        return True
    try:
        return not dns_name(text).startswith("*")
    except ValueError:
        return False
