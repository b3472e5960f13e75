"""What plugins that speak HTTP or TLS share: the extra ``certrail-sdk[http]``."""

from certrail_sdk.http.addresses import AddressRefused, is_public, resolve, resolve_public
from certrail_sdk.http.hosts import (
    HostName,
    allowed_hosts_field,
    ca_file_field,
    is_listed,
    is_loopback,
    tls_context,
)
from certrail_sdk.http.post import Endpoint, Response, post

__all__ = [
    "AddressRefused",
    "Endpoint",
    "HostName",
    "Response",
    "allowed_hosts_field",
    "ca_file_field",
    "is_listed",
    "is_loopback",
    "is_public",
    "post",
    "resolve",
    "resolve_public",
    "tls_context",
]
