"""Makes the boto3 client: credentials, role, endpoint, and no retries of its own."""

import hashlib
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from botocore.loaders import Loader, create_loader

from certrail_aws.config import AwsConfig
from certrail_aws.errors import code_of, explained

CONNECT_SECONDS, READ_SECONDS = 5, 15
"""Together well below what the engine grants a try that is no longer wanted, so that none of them writes an
older certificate after the newer one."""
CONNECTIONS = 32
"""Of one client, which many deliveries use at once."""
# The engine does all the retrying. Where a call has no idempotency token, as ImportCertificate, a repeat by the SDK
# after a lost answer would make a second object.
ONE_ATTEMPT = ClientConfig(
    retries={"total_max_attempts": 1},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=CONNECTIONS,
)
ROLE_SESSION = "certrail"
KEPT_SECONDS = 300.0
"""After which a client is made anew: credentials that no delivery uses leave the memory."""
MOST_KEPT = 16
_making, _keeping = threading.Lock(), threading.Lock()
_kept: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()


def client_of(config: AwsConfig, service: str, endpoint_url: str | None) -> Any:
    """A client for one service; with keys in the configuration, one that was made for the same minutes ago.

    Making a client takes as long as two calls, and a kept one has its connections open. A role is assumed each time,
    and what the SDK finds by itself is looked for: either may have been changed.

    Raises:
        PluginError: the credentials or the role could not be had.
    """
    if config.access_key_id is None or config.role_arn is not None:
        return make_client(config, service, endpoint_url)
    _keep_bodies_out_of_logs()
    name, now = _digest(config, service, endpoint_url), time.monotonic()
    with _keeping:
        for ended in [key for key, (made, _) in _kept.items() if now - made >= KEPT_SECONDS]:
            del _kept[ended]
        if name in _kept:
            return _kept[name][1]
    client = make_client(config, service, endpoint_url)
    with _keeping:
        _kept[name] = now, client
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return client


def _digest(config: AwsConfig, *more: str | None) -> bytes:
    """Of all that makes a client, secrets included, which are not kept once more as a key."""
    secrets = (config.secret_access_key, config.session_token)
    clear = [secret.get_secret_value() if secret else None for secret in secrets]
    return hashlib.sha256(json.dumps([config.region, config.access_key_id, *clear, *more]).encode()).digest()


def make_client(config: AwsConfig, service: str, endpoint_url: str | None) -> Any:
    """A client for one service. Blocking: it reads files and may ask STS or the instance for credentials.

    Raises:
        PluginError: the credentials or the role could not be had.
    """
    _keep_bodies_out_of_logs()
    with explained("sts:AssumeRole" if config.role_arn else service):
        credentials = _given(config)
        if config.role_arn:
            credentials = _assumed(config, credentials)
        return _client(service, endpoint_url, config.region, credentials)


def made(
    client: Any, action: str, parameters: Mapping[str, Any], none_for: Collection[str]
) -> dict[str, Any] | None:
    """Make one call, ``action`` as IAM names it; ``None`` where AWS answers with an error code of ``none_for``.

    Raises:
        PluginError: every other error of AWS and of its SDK.
    """
    with explained(action):
        try:
            got: dict[str, Any] = getattr(client, xform_name(action.partition(":")[2]))(**parameters)
        except ClientError as error:
            if code_of(error.response) in none_for:
                return None
            raise
    return got


@dataclass(frozen=True)
class _Credentials:
    key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def _given(config: AwsConfig) -> _Credentials | None:
    """``None`` where the SDK is to find them."""
    if config.access_key_id is None or config.secret_access_key is None:
        return None
    token = config.session_token.get_secret_value() if config.session_token else None
    return _Credentials(config.access_key_id, config.secret_access_key.get_secret_value(), token)


def _assumed(config: AwsConfig, credentials: _Credentials | None) -> _Credentials:
    sts = _client("sts", config.sts_endpoint_url, config.region, credentials)
    desired = {"RoleArn": config.role_arn, "RoleSessionName": ROLE_SESSION}
    if config.external_id:
        desired["ExternalId"] = config.external_id
    got = sts.assume_role(**desired)["Credentials"]
    return _Credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


def _client(service: str, endpoint: str | None, region: str, credentials: _Credentials | None) -> Any:
    if credentials is None:
        # A session of its own: it keeps the credentials that it finds.
        return _session().client(service, region_name=region, endpoint_url=endpoint)
    # One that is shared keeps none: they belong to the client. Sessions are not made for several threads at once.
    with _making:
        return _shared_session().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=credentials.key,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
        )


@cache
def _shared_session() -> Any:
    # Making a session takes two thirds of the time of making a client: once, not twice per delivery.
    return _session()


def _session() -> Any:
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    # For every client of the session, also for those that the SDK makes to find its credentials.
    core.set_default_client_config(ONE_ATTEMPT)
    return boto3.Session(botocore_session=core)


@cache
def _loader() -> Loader:
    # The SDK's service models are public files of several megabytes: read once, not once per delivery.
    return create_loader()


def _keep_bodies_out_of_logs() -> None:
    # At DEBUG the SDK logs request bodies, and the body of a delivery holds the private key.
    logger = logging.getLogger("botocore")
    logger.setLevel(max(logging.INFO, logger.level))
