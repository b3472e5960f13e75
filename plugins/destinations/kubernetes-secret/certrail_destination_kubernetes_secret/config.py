"""Which cluster, as which account, and in which namespace."""

from pydantic import Field

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig


class KubernetesConfig(EndpointConfig):
    """The API server, as `https://10.0.0.1:6443`, and an account that has the rights of this plugin's page."""

    token: Secret = connection_field(
        title="Token", description="Bearer token of the service account.", min_length=8, max_length=16384
    )
    namespace: str = Field(
        "default",
        title="Namespace",
        description="Of the secrets. It has to be there.",
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        max_length=63,
    )
