"""Fields that configurations share: a CA file, and hosts for which a rule is lifted."""

import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import StringConstraints

from certrail_sdk.config import connection_field
from certrail_sdk.errors import Misconfigured

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
"""A DNS name (RFC 1035) or an IP address."""


def allowed_hosts_field(
    description: str = "Host names or addresses that may be private, loopback or plain http.",
) -> Any:
    """The field ``allowed_hosts: tuple[HostName, ...]``: hosts that need not have public addresses."""
    return connection_field((), title="Allowed private hosts", description=description, max_length=20)


def ca_file_field() -> Any:
    """The field ``ca_file: str | None``, to be read by `tls_context`."""
    return connection_field(
        None,
        title="CA file",
        description="PEM file on the worker with the only CAs to trust; empty: those of the system.",
    )


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Whether the host is one of these; case does not matter (RFC 4343)."""
    return host.lower() in {each.lower() for each in hosts}


def is_loopback(host: str) -> bool:
    """Whether this is the worker's own machine, by literal name or address; nothing is resolved."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A client's context that trusts the CAs of a file only, or those of the system. Reads files: use a thread.

    Raises:
        Misconfigured: ``ca_file`` cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        # The reason is left out: it would disclose which files the worker has.
        raise Misconfigured("ca_file", "is no PEM file that this worker can read") from error
