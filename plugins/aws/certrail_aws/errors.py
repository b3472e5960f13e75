"""Turns what the AWS SDK raises into what the engine understands."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from botocore import exceptions as aws

from certrail_sdk import (
    ConcurrentModification,
    Misconfigured,
    Permanent,
    PluginError,
    QuotaExceeded,
    RateLimited,
    Retryable,
    Unauthorized,
)

THROTTLED = frozenset(
    {
        "PriorRequestNotComplete",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    }
)
FULL = frozenset(
    {"LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "TooManyCertificates"}
)
REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
BUSY = frozenset(
    {
        "EntityTemporarilyUnmodifiable",
        "RequestInProgressException",
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestExpired",
    }
)
EARLY = "not in effect"
"""In the words of AWS about a certificate whose notBefore is to come by its clock: a failure that time ends."""
CHANGING = frozenset(
    {
        "CertificateNotFound",
        "ConcurrentModification",
        "ConflictException",
        "DeleteConflict",
        "EntityAlreadyExists",
        "ListenerNotFound",
        "NoSuchEntity",
        "ResourceExistsException",
        "ResourceInUseException",
        "ResourceNotFoundException",
    }
)
"""What was looked at before the call has become another, or is not yet seen everywhere, as a certificate that was just
imported: the next look decides anew."""
KEY_REFUSED = frozenset({"DecryptionFailure", "EncryptionFailure"})
"""Secrets Manager could not use the KMS key (API reference, common to all its actions)."""
ROOM = {
    "acm": "Delete unused certificates in ACM, or have AWS raise the quota of imported certificates.",
    "elasticloadbalancing": "Remove unused certificates from the load balancer, or have AWS raise its quota.",
    "iam": "Delete unused server certificates in IAM, or have AWS raise the quota of the account.",
    "secretsmanager": "Delete unused secrets, or have AWS raise the quota of the region.",
}
"""How room is made in each service."""

_LONG_RUN = re.compile(r"[A-Za-z0-9+/=\\]{40,}")
_PEM = re.compile(r"-----BEGIN.*?(-----END[^-]*-----|$)", re.DOTALL)


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Translate every failure of one AWS call; ``action`` is the IAM name of it.

    The cause is not chained: what AWS echoes, and what the SDK quotes, may hold the private key.
    """
    try:
        yield
    except aws.ClientError as error:
        failure = answered(action, error.response)
    except aws.BotoCoreError as error:
        failure = unanswered(action, error)
    else:
        return
    raise failure from None


def code_of(response: Mapping[str, Any]) -> str:
    """The error code of an answer."""
    return str(response.get("Error", {}).get("Code", ""))


def answered(action: str, response: Mapping[str, Any]) -> PluginError:
    """What an error answer of AWS asks the engine to do."""
    code = code_of(response)
    metadata = response.get("ResponseMetadata", {})
    text = f"AWS answered {action} with {code}: {scrubbed(str(response.get('Error', {}).get('Message', '')))}"
    if code in THROTTLED:
        return RateLimited(text, retry_after=_pause(metadata.get("HTTPHeaders", {})))
    if code in REFUSED:
        action_text = f"Renew the credentials of the connection, or allow {action} to them in IAM."
        return Unauthorized(text, action=action_text)
    if code in FULL:
        return QuotaExceeded(text, action=ROOM.get(action.partition(":")[0], QuotaExceeded.action))
    if code in KEY_REFUSED:
        action_text = "See that the KMS key is enabled, and allow kms:GenerateDataKey and kms:Decrypt on it."
        return Unauthorized(text, action=action_text)
    if code in CHANGING:
        return ConcurrentModification(text)
    if code in BUSY or EARLY in text or int(metadata.get("HTTPStatusCode", 0)) >= 500:
        return Retryable(text)
    return Permanent(text)


def unanswered(action: str, error: aws.BotoCoreError) -> PluginError:
    """What a call that got no answer asks the engine to do."""
    kind = type(error).__name__
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError | aws.CredentialRetrievalError):
        return Unauthorized(
            f"{action}: the AWS SDK found no usable credentials ({kind}).",
            action="Give access keys in the connection, or a role to the worker.",
        )
    if isinstance(error, aws.SSLError):
        return Misconfigured(
            "endpoint_url", f"the TLS certificate of the endpoint is not trusted ({action})."
        )
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError | aws.MetadataRetrievalError):
        return Retryable(f"{action}: AWS could not be reached, or did not answer ({kind}).")
    return Permanent(f"{action}: the AWS SDK refused the call ({kind}).")


def scrubbed(message: str) -> str:
    """A message of AWS without anything that may be key material, cut to a readable length."""
    return _LONG_RUN.sub("[removed]", _PEM.sub("[removed]", message))[:500]


def _pause(headers: Mapping[str, str]) -> timedelta | None:
    seconds = headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isdigit() else None
