"""What has to be configured. The model is the form, the documentation and the validation."""

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig


class EdgeConfig(EndpointConfig):
    """Where Edge's API is, as `https://edge.example.com/v1`, and how to sign in there."""

    token: Secret = connection_field(
        title="Token", description="An API token of Edge that may write certificates.", min_length=8
    )
