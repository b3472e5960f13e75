"""What a channel must know to send mail."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import HostName, ca_file_field, is_loopback

ADDRESS = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
)
Address = Annotated[str, StringConstraints(pattern=ADDRESS, max_length=254)]
"""A plain address without display name (RFC 5321 Mailbox, ASCII)."""


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


DEFAULT_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


class EmailConfig(Config):
    """The mail server and the people who get the mail."""

    host: HostName = connection_field(
        title="Mail server", description="Host name of the SMTP server, as its certificate names it."
    )
    port: int | None = connection_field(
        None, title="Port", description="Empty: 587, or 465 for tls, or 25 for none.", ge=1, le=65535
    )
    security: Security = connection_field(
        Security.STARTTLS,
        title="Security",
        description="starttls upgrades the connection and gives up if it cannot; tls speaks TLS from "
        "the first byte; none sends in clear.",
    )
    username: str | None = connection_field(
        None, title="User name", description="For SMTP AUTH; empty to send without.", max_length=256
    )
    password: Secret | None = connection_field(
        None, title="Password", description="For SMTP AUTH.", max_length=1024
    )
    ca_file: str | None = ca_file_field()
    timeout_seconds: float = connection_field(
        15.0, title="Timeout", description="Seconds to wait for each answer of the server.", ge=1, le=120
    )
    sender: Address = Field(title="Sender", description="Address the mail comes from.")
    recipients: tuple[Address, ...] = Field(
        title="Recipients", description="Addresses that get the mail, 1 to 50.", min_length=1, max_length=50
    )
    reply_to: Address | None = Field(
        None, title="Reply to", description="Address that answers go to; empty: the sender."
    )
    subject_prefix: str = Field(
        "[certrail]", title="Subject prefix", description="Put before every subject.", max_length=60
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together: give both or none")
        if self.username and self.security is Security.NONE and not is_loopback(self.host):
            raise ValueError("security: credentials are not sent in clear; choose starttls or tls")
        if len({address.lower() for address in self.recipients}) < len(self.recipients):
            raise ValueError("recipients: an address is listed twice")
        return self

    @property
    def effective_port(self) -> int:
        """The given port, or the usual one for this security."""
        return self.port or DEFAULT_PORTS[self.security]
