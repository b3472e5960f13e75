"""Which BIG-IP, as whom, and what a profile inherits from."""

from pydantic import Field

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig

WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


class F5Config(EndpointConfig):
    """The management address of a BIG-IP, as `https://bigip.example.net`, and a user that may use iControl REST."""

    username: str = connection_field(
        title="User",
        description="A local user, who signs in by HTTP Basic.",
        pattern=rf"^{WORD}$",
        max_length=64,
    )
    password: Secret = connection_field(title="Password", description="Of that user.", min_length=6)
    partition: str = connection_field(
        "Common",
        title="Partition",
        description="Administrative partition of all objects.",
        pattern=rf"^{WORD}$",
    )
    parent: str = Field(
        "/Common/clientssl",
        title="Parent profile",
        description="Client SSL profile from which each new one inherits, with its partition.",
        pattern=rf"^/{WORD}/{WORD}$",
    )
