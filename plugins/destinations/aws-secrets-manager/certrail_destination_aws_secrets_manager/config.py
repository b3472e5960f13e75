"""What a person fills in to use AWS Secrets Manager."""

from typing import Literal

from pydantic import Field

from certrail_aws import AwsConfig, EndpointUrl, endpoint_field


class AwsSecretsManagerConfig(AwsConfig):
    """Which account and region, under which names, and what becomes of a secret that is removed."""

    secrets_manager_endpoint_url: EndpointUrl | None = endpoint_field("Secrets Manager")
    path: str = Field(
        "",
        title="Path",
        description="Put before the name of each secret, such as certificates/web.",
        pattern=r"^([\w.@+=-]+(/[\w.@+=-]+)*)?$",
        max_length=256,
    )
    kms_key_id: str | None = Field(
        None,
        title="KMS key",
        description="Id, ARN or alias of the key for new secrets; empty: aws/secretsmanager.",
        min_length=1,
        max_length=2048,
    )
    recovery_window: str = Field(
        "30d",
        title="Recovery window",
        description="How long a removed secret can be restored: 7d to 30d, or 0d to delete it at once.",
        pattern=r"^(0|[7-9]|[12]\d|30)d$",
    )
    on_soft_deleted: Literal["explain", "restore"] = Field(
        "explain",
        title="Soft-deleted secret",
        description="What to do where our secret is scheduled for deletion: explain it, or restore the secret.",
    )

    @property
    def recovery_days(self) -> int:
        """Days of the recovery window; 0 for none."""
        return int(self.recovery_window.removesuffix("d"))
