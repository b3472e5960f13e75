"""AWS Secrets Manager as a destination."""

from typing import Any

from certrail_destination_aws_secrets_manager.config import AwsSecretsManagerConfig
from certrail_destination_aws_secrets_manager.destination import AwsSecretsManager
from certrail_sdk import Destination, hookimpl

__all__ = ["AwsSecretsManager", "AwsSecretsManagerConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """Offer the destination ``aws-secrets-manager``."""
    return [AwsSecretsManager]
