"""Which server, and how to sign in there."""

from typing import Self

from pydantic import Field, model_validator

from certrail_sdk import Secret, connection_field
from certrail_sdk.http import EndpointConfig


class VaultKvConfig(EndpointConfig):
    """A KV engine of version 2, entered with a token or by AppRole."""

    namespace: str | None = connection_field(
        None, title="Namespace", description="Namespace of the engine; empty: the root namespace."
    )
    token: Secret | None = connection_field(
        None, title="Token", description="A token with the policy of this plugin's page.", min_length=4
    )
    role_id: str | None = connection_field(
        None, title="Role id", description="Of an AppRole, in the place of a token.", min_length=1
    )
    secret_id: Secret | None = connection_field(
        None, title="Secret id", description="Belongs to the role id.", min_length=6
    )
    mount: str = connection_field(
        "secret", title="Mount", description="Path of the KV engine.", pattern=r"^[\w.-]+(/[\w.-]+)*$"
    )
    path: str = Field(
        "",
        title="Path",
        description="Put before the name of each secret, such as certificates/web.",
        pattern=r"^([\w.-]+(/[\w.-]+)*)?$",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.role_id is None) or (self.role_id is None) != (
            self.secret_id is None
        ):
            raise ValueError("give a token, or role_id with secret_id")
        return self
