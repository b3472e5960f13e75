"""Which zone, and how its certificates are served."""

from typing import Literal

from pydantic import Field

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig


class CloudflareConfig(EndpointConfig):
    """A token, and the zone whose custom certificates it may edit."""

    url: str = connection_field(
        "https://api.cloudflare.com/client/v4",
        title="URL",
        description="Of the API, version 4; another one is for tests.",
        max_length=2048,
    )
    token: Secret = connection_field(
        title="Token",
        description="API token with SSL and Certificates: Edit for this zone alone.",
        min_length=8,
    )
    zone: str = connection_field(
        title="Zone", description="Id of the zone: 32 hexadecimal digits.", pattern=r"^[0-9a-f]{32}$"
    )
    type: Literal["legacy_custom", "sni_custom"] = Field(
        "legacy_custom",
        title="Type",
        description="legacy_custom keeps its id in renewals and serves clients without SNI; sni_custom gets a new one.",
    )
