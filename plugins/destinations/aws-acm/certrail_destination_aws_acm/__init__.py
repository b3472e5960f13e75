"""AWS Certificate Manager as a destination."""

from typing import Any

from certrail_destination_aws_acm.config import AwsAcmConfig
from certrail_destination_aws_acm.destination import AwsAcm
from certrail_sdk import Destination, hookimpl

__all__ = ["AwsAcm", "AwsAcmConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """Offer the destination ``aws-acm``."""
    return [AwsAcm]
