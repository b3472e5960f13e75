"""What plugins that speak HTTP or TLS share: the extra ``certrail-sdk[http]``."""

from certrail_sdk.http.addresses import AddressRefused, is_public, resolve, resolve_public
from certrail_sdk.http.endpoint import Endpoint, EndpointConfig, SecretEndpointConfig, timeout_field
from certrail_sdk.http.hosts import (
    HostName,
    allowed_hosts_field,
    ca_file_field,
    is_listed,
    is_loopback,
    tls_context,
)
from certrail_sdk.http.requests import Response, post, refusal_of, request, request_json, retry_after_of

__all__ = [
    "AddressRefused",
    "Endpoint",
    "EndpointConfig",
    "HostName",
    "Response",
    "SecretEndpointConfig",
    "allowed_hosts_field",
    "ca_file_field",
    "is_listed",
    "is_loopback",
    "is_public",
    "post",
    "refusal_of",
    "request",
    "request_json",
    "resolve",
    "resolve_public",
    "retry_after_of",
    "timeout_field",
    "tls_context",
]
