"""Listeners of AWS load balancers as a destination."""

from typing import Any

from certrail_destination_aws_elb.config import AwsElbConfig
from certrail_destination_aws_elb.destination import AwsElb
from certrail_sdk import Destination, hookimpl

__all__ = ["AwsElb", "AwsElbConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """Offer the destination ``aws-elb``."""
    return [AwsElb]
