"""What a person fills in to use server certificates of AWS IAM."""

from pydantic import Field

from certrail_aws import AwsConfig, EndpointUrl, endpoint_field


class AwsIamConfig(AwsConfig):
    """Which account, and below which path. IAM is global: the region says in which partition of AWS it is."""

    iam_endpoint_url: EndpointUrl | None = endpoint_field("IAM")
    path: str = Field(
        "/certrail/",
        title="Path",
        description="Of the server certificates; CloudFront takes those below /cloudfront/ only.",
        pattern=r"^/([\w.+=@-]+/)*$",
        max_length=256,
    )
    keep_versions: int = Field(
        1,
        title="Versions kept",
        description="How many certificates of a delivery are kept, the newest first; those in use are kept anyway.",
        ge=1,
        le=10,
    )
