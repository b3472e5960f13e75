"""What a person fills in to give certificates to listeners."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from certrail_aws import AwsConfig, EndpointUrl, endpoint_field

ListenerArn = Annotated[
    str,
    StringConstraints(
        pattern=r"^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/(app|net)/[\w-]+/[0-9a-f]+/[0-9a-f]+$",
        max_length=256,
    ),
]


class AwsElbConfig(AwsConfig):
    """Which listeners of Application and Network Load Balancers get the certificates, and as what."""

    endpoint_url: EndpointUrl | None = endpoint_field("ACM")
    elbv2_endpoint_url: EndpointUrl | None = endpoint_field("Elastic Load Balancing")
    listeners: tuple[ListenerArn, ...] = Field(
        title="Listeners",
        description="ARNs of HTTPS listeners of Application or TLS listeners of Network Load Balancers.",
        min_length=1,
        max_length=20,
    )
    role: Literal["sni", "default"] = Field(
        "sni",
        title="Used as",
        description="sni: for clients that ask for one of its names; default: also for all that no other one fits.",
    )

    @model_validator(mode="after")
    def _listeners_are_in_the_region(self) -> Self:
        if len({*self.listeners}) < len(self.listeners):
            raise ValueError("listeners: each is named once")
        if any(arn.split(":")[3] != self.region for arn in self.listeners):
            raise ValueError("listeners: all are in the region of the connection")
        return self
