"""Makes the boto3 client: credentials, role, endpoint, and no retries of its own."""

import logging
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config as ClientConfig
from botocore.loaders import Loader, create_loader

from certrail_destination_aws_acm.config import AwsAcmConfig
from certrail_destination_aws_acm.errors import explained

CONNECT_SECONDS, READ_SECONDS = 5, 15
"""Together well below what the engine grants a try that is no longer wanted, so that none of them writes an
older certificate after the newer one."""
# ImportCertificate has no idempotency token: a repeat by the SDK after a lost answer makes a second
# certificate. The engine does all the retrying.
ONE_ATTEMPT = ClientConfig(
    retries={"total_max_attempts": 1}, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
)
ROLE_SESSION = "certrail"


def make_client(config: AwsAcmConfig) -> Any:
    """A client for ACM. Blocking: it reads files and may ask STS or the instance for credentials.

    Raises:
        PluginError: the credentials or the role could not be had.
    """
    _keep_bodies_out_of_logs()
    with explained("sts:AssumeRole" if config.role_arn else "acm"):
        session = _session(config)
        if config.role_arn:
            session = _assume(session, config)
        return session.client("acm", endpoint_url=config.endpoint_url)


def _session(config: AwsAcmConfig) -> Any:
    return _open(
        config.region,
        config.access_key_id,
        config.secret_access_key.get_secret_value() if config.secret_access_key else None,
        config.session_token.get_secret_value() if config.session_token else None,
    )


def _assume(session: Any, config: AwsAcmConfig) -> Any:
    sts = session.client("sts", endpoint_url=config.sts_endpoint_url)
    desired = {"RoleArn": config.role_arn, "RoleSessionName": ROLE_SESSION}
    if config.external_id:
        desired["ExternalId"] = config.external_id
    got = sts.assume_role(**desired)["Credentials"]
    return _open(config.region, got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


def _open(region: str, key: str | None, secret: str | None, token: str | None) -> Any:
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    # For every client of the session, also for those that the SDK makes to find its credentials.
    core.set_default_client_config(ONE_ATTEMPT)
    return boto3.Session(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=region,
        botocore_session=core,
    )


@cache
def _loader() -> Loader:
    # The SDK's service models are public files of several megabytes: read once, not once per delivery.
    return create_loader()


def _keep_bodies_out_of_logs() -> None:
    # At DEBUG the SDK logs request bodies, and the body of an import holds the private key.
    logger = logging.getLogger("botocore")
    logger.setLevel(max(logging.INFO, logger.level))
