"""What certrail's destinations at AWS share. Nothing here loads boto3 before the first call."""

from certrail_aws.client import AwsClient
from certrail_aws.config import AwsConfig, EndpointUrl, endpoint_field
from certrail_aws.tags import delivery_of, tags_of

__all__ = ["AwsClient", "AwsConfig", "EndpointUrl", "delivery_of", "endpoint_field", "tags_of"]
