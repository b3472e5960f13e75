"""What a person fills in to use AWS Certificate Manager."""

from certrail_aws import AwsConfig, EndpointUrl, endpoint_field


class AwsAcmConfig(AwsConfig):
    """Which account and region, and how to get in.

    Without keys the default credential chain of the AWS SDK is used: environment, shared files, web
    identity, container or instance role.
    """

    endpoint_url: EndpointUrl | None = endpoint_field("ACM")
