"""What a person fills in to reach AWS: the fields of a connection of type ``aws``."""

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from certrail_sdk import Config, Secret, connection_field

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _safe_url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("give a URL with a host and without user or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError("the URL must be https; http is allowed to this machine only")
    return value


EndpointUrl = Annotated[str, AfterValidator(_safe_url)]


def endpoint_field(service: str) -> Any:
    """A field for the URL of one service; its type is ``EndpointUrl | None``."""
    return connection_field(
        None,
        title=f"Endpoint of {service}",
        description=f"URL of {service}, for a VPC endpoint. https, or http to this machine.",
    )


class AwsConfig(Config):
    """Which account and region, and how to get in.

    Without keys the default credential chain of the AWS SDK is used: environment, shared files, web
    identity, container or instance role.
    """

    region: str = connection_field(
        title="Region",
        description="AWS region of the objects, such as eu-central-1. CloudFront reads ACM in us-east-1 only.",
        pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$",
    )
    access_key_id: str | None = connection_field(
        None,
        title="Access key id",
        description="Leave empty to use the credentials that the worker's environment supplies.",
        min_length=1,
    )
    secret_access_key: Secret | None = connection_field(
        None, title="Secret access key", description="Belongs to the access key id."
    )
    session_token: Secret | None = connection_field(
        None, title="Session token", description="Only for temporary access keys."
    )
    role_arn: str | None = connection_field(
        None,
        title="Role to assume",
        description="ARN of an IAM role to assume with the credentials above, for another account.",
        pattern=r"^arn:[\w-]+:iam::\d{12}:role/.+$",
    )
    external_id: str | None = connection_field(
        None, title="External id", description="What the role's trust policy asks for, if it does."
    )
    sts_endpoint_url: EndpointUrl | None = connection_field(
        None,
        title="STS endpoint",
        description="URL of STS, for a VPC endpoint. Used only to assume a role.",
    )

    @model_validator(mode="after")
    def _keys_come_together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key are given together or not at all")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token needs access_key_id and secret_access_key")
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("external_id needs role_arn")
        return self
