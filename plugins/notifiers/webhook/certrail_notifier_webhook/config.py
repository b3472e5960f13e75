"""What a channel must know to post events."""

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import SecretEndpointConfig


class WebhookConfig(SecretEndpointConfig):
    """The receiver and how it verifies that an event is ours. Its URL is a secret: often who knows it can post."""

    url: Secret = connection_field(
        title="URL",
        description="Where events are posted. https; http only for a host in allowed_hosts.",
        min_length=1,
        max_length=2048,
    )
    signing_secret: Secret | None = connection_field(
        None,
        title="Signing secret",
        description="Shared with the receiver; every event is signed with it. Empty: not signed.",
        min_length=8,
        max_length=256,
    )
