"""Listeners with a certificate that somebody imported by hand, and the destination for them."""

from typing import Any

from pydantic import SecretStr

from certrail_destination_aws_elb import AwsElb, AwsElbConfig
from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_elbv2 import Listener
from certrail_sdk import Bundle
from certrail_sdk.testing import make_bundle


def by_hand(server: AwsServer, bundle: Bundle | None = None, name: str = "by-hand") -> str:
    """A certificate in ACM without a mark; returns its ARN."""
    bundle = bundle or make_bundle("by-hand.example")
    assert isinstance(bundle.private_key, SecretStr)
    answer = server.client("acm").import_certificate(
        Certificate=bundle.certificate.encode(),
        PrivateKey=bundle.private_key.get_secret_value().encode(),
        CertificateChain=bundle.chain_pem.encode(),
        Tags=[{"Key": "Name", "Value": name}],
    )
    return str(answer["CertificateArn"])


def listener(server: AwsServer, **options: Any) -> Listener:
    """A listener of an application load balancer, with a default certificate of its owner's."""
    return server.elbv2.add_listener(by_hand(server), **options)


def plugin(server: AwsServer, *listeners: Listener, **changes: Any) -> AwsElb:
    values = server.connection(
        endpoint_url=server.url,
        elbv2_endpoint_url=server.url,
        listeners=[each.arn for each in listeners],
    )
    return AwsElb(AwsElbConfig.parse(values | changes))
