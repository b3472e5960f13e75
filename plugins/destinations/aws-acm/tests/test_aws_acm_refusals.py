"""What AWS refuses, and what becomes of it."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from pydantic import ValidationError

from certrail_aws import session
from certrail_aws.errors import answered, scrubbed
from certrail_destination_aws_acm import AwsAcm, AwsAcmConfig
from certrail_fakes.acm import AcmServer
from certrail_sdk import (
    Bundle,
    ConcurrentModification,
    Permanent,
    QuotaExceeded,
    RateLimited,
    Retryable,
    Unauthorized,
)

from .deployments import EC_CA, EC_KEY, OTHER_KEY, RSA_KEY, bundle, config, desired, pem


@pytest.mark.parametrize("seconds", [7, None])
async def test_throttling_asks_for_the_pause_that_aws_asks_for(
    acm: AwsAcm, server: AcmServer, seconds: int | None
) -> None:
    server.configure(throttle_next=1, retry_after=seconds)
    with pytest.raises(RateLimited) as caught:
        await acm.deploy(desired())
    assert caught.value.retry_after == (timedelta(seconds=seconds) if seconds else None)
    assert caught.value.nothing_written, "the import is the only call that writes"
    assert [c.outcome for c in server.calls] == ["ThrottlingException"]


def kept_client(given: AwsAcmConfig) -> object:
    return session.client_of(given, "acm", given.endpoint_url)


async def test_a_client_is_kept_for_the_same_credentials_only(server: AcmServer) -> None:
    given = config(server)
    assert kept_client(given) is kept_client(config(server))
    other = config(server, secret_access_key="another-secret")
    assert kept_client(other) is not kept_client(given)
    with pytest.raises(Unauthorized):
        await AwsAcm(other).deploy(desired())
    assert (await AwsAcm(given).deploy(desired())).changed


def test_a_client_is_not_kept_for_long(server: AcmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_client(config(server))
    monkeypatch.setattr(session, "KEPT_SECONDS", 0.0)
    assert kept_client(config(server)) is not first
    monkeypatch.setattr(session, "MOST_KEPT", 1)
    kept_client(config(server, secret_access_key="another-secret"))
    assert len(session._kept) == 1


async def test_full_account(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(quota=0)
    with pytest.raises(QuotaExceeded, match="maximum number of certificates"):
        await acm.deploy(desired())


async def test_wrong_key_is_refused_without_showing_it(
    acm: AwsAcm, server: AcmServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = bundle(private=OTHER_KEY)
    with pytest.raises(Permanent, match="does not match") as caught:
        await acm.deploy(desired(wrong))
    line = pem(OTHER_KEY).splitlines()[3]
    assert line not in caplog.text + repr(caught.value)
    assert "PrivateKey" not in caplog.text
    assert caught.value.__cause__ is None
    assert server.certificates() == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (lambda: bundle(key=ed25519.Ed25519PrivateKey.generate()), "takes no Ed25519 key"),
        (lambda: bundle(key=rsa.generate_private_key(65537, 2560)), "takes no RSA_2560 key"),
        (lambda: bundle().model_copy(update={"private_key": None}), "needs the private key"),
    ],
)
async def test_what_acm_cannot_take_is_refused_before_calling(
    acm: AwsAcm, server: AcmServer, given: Callable[[], Bundle], reason: str
) -> None:
    with pytest.raises(Permanent, match=reason):
        await acm.deploy(desired(given()))
    assert server.calls == ()


async def test_an_arn_keeps_its_key_type(acm: AwsAcm) -> None:
    first = await acm.deploy(desired())
    with pytest.raises(Permanent, match="holds a RSA_2048 key and the new certificate a EC_prime256v1"):
        await acm.deploy(desired(bundle(key=EC_KEY, ca=EC_CA), receipt=first))
    assert (
        await acm.deploy(desired(bundle(key=EC_KEY, ca=EC_CA), receipt=first, keep_identity=False))
    ).changed


async def test_a_refused_right_is_named(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(denied_actions=["ImportCertificate"])
    with pytest.raises(Unauthorized, match="acm:ImportCertificate") as caught:
        await acm.deploy(desired())
    assert "acm:ImportCertificate" in caught.value.action


@pytest.mark.parametrize("changes", [{"access_key_id": "AKIDUNKNOWN"}, {"secret_access_key": "wrong"}])
async def test_check_refuses_wrong_credentials(server: AcmServer, changes: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        await AwsAcm(config(server, **changes)).check()


async def test_expired_credentials(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(expired_keys=[server.access_key_id])
    with pytest.raises(Unauthorized, match="ExpiredToken"):
        await acm.check()


async def test_no_credentials_at_all(server: AcmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(Unauthorized, match="no usable credentials"):
        await AwsAcm(config(server, access_key_id=None, secret_access_key=None)).check()


async def test_the_default_chain_of_the_sdk(server: AcmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
    await AwsAcm(config(server, access_key_id=None, secret_access_key=None)).check()
    assert server.count("ListCertificates", "ok") == 1


async def test_a_role_is_assumed(server: AcmServer) -> None:
    role = f"arn:aws:iam::{server.account_id}:role/deployer"
    acm = AwsAcm(config(server, role_arn=role, external_id="x-1", sts_endpoint_url=server.url))
    assert (await acm.deploy(desired())).changed
    assert server.calls[-1].access_key_id != server.access_key_id
    server.configure(denied_actions=["AssumeRole"])
    with pytest.raises(Unauthorized, match="sts:AssumeRole"):
        await acm.check()


async def test_a_failing_service_is_tried_later(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(fail_next=1)
    with pytest.raises(Retryable, match="InternalFailure"):
        await acm.deploy(desired())
    assert server.count("ImportCertificate") == 1


async def test_an_unreachable_endpoint_is_tried_later() -> None:
    with AcmServer() as server:
        acm = AwsAcm(config(server))
    with pytest.raises(Retryable, match="could not be reached"):
        await acm.check()


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"region": "Frankfurt"}, "region"),
        ({"secret_access_key": None}, "together"),
        ({"endpoint_url": "http://acm.example.com"}, "endpoint_url"),
        ({"endpoint_url": "https://user:pass@acm.example.com"}, "endpoint_url"),
        ({"external_id": "x"}, "role_arn"),
        ({"role_arn": "deployer"}, "role_arn"),
        ({"acces_key": "x"}, "acces_key"),
    ],
)
def test_wrong_configurations_are_refused(
    server: AcmServer, changes: dict[str, Any], field_name: str
) -> None:
    with pytest.raises(ValidationError, match=field_name) as caught:
        config(server, **changes)
    assert server.secret_access_key not in str(caught.value)


def test_messages_of_aws_are_cleaned_of_key_material() -> None:
    message = (
        f"Value at 'privateKey' failed: {pem(RSA_KEY)} and {'QUJD' * 20} in arn:aws:acm:x:1:certificate/1-2"
    )
    clean = scrubbed(message)
    assert "BEGIN" not in clean
    assert "QUJDQUJD" not in clean
    assert clean.endswith("arn:aws:acm:x:1:certificate/1-2")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("RequestInProgressException", 400, Retryable),
        ("InternalFailure", 500, Retryable),
        ("ResourceNotFoundException", 400, ConcurrentModification),
        ("InvalidClientTokenId", 403, Unauthorized),
        ("TooManyTagsException", 400, Permanent),
        ("CertificateNotFound", 400, ConcurrentModification),
        ("DeleteConflict", 409, ConcurrentModification),
        ("EntityTemporarilyUnmodifiable", 409, Retryable),
        ("PriorRequestNotComplete", 400, RateLimited),
        ("LimitExceeded", 409, QuotaExceeded),
        ("TooManyCertificates", 400, QuotaExceeded),
        ("EncryptionFailure", 400, Unauthorized),
        ("AccessDenied", 403, Unauthorized),
        ("KeyPairMismatch", 400, Permanent),
    ],
)
def test_codes_of_aws(code: str, status: int, kind: type[Exception]) -> None:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert type(answered("acm:ImportCertificate", response)) is kind


async def test_a_certificate_that_begins_later_by_the_clock_of_aws_is_tried_again(
    acm: AwsAcm, server: AcmServer
) -> None:
    with pytest.raises(Retryable, match="not in effect"):
        await acm.deploy(desired(bundle(since=datetime.now(UTC) + timedelta(minutes=1))))
    assert server.certificates() == []
