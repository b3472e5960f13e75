"""What has to be configured to put certificates to a URL."""

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig


class HttpPutConfig(EndpointConfig):
    """The collection in which each certificate is one resource, ``<URL>/<name>``."""

    token: Secret | None = connection_field(
        None,
        title="Token",
        description="Sent as a bearer token (RFC 6750). Empty: none is sent.",
        min_length=8,
        max_length=4096,
    )
