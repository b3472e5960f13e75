"""Server certificates of AWS IAM as a destination."""

from typing import Any

from certrail_destination_aws_iam.config import AwsIamConfig
from certrail_destination_aws_iam.destination import AwsIam
from certrail_sdk import Destination, hookimpl

__all__ = ["AwsIam", "AwsIamConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """Offer the destination ``aws-iam``."""
    return [AwsIam]
