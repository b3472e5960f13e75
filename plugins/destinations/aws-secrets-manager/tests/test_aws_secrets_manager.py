"""The destination against the fake through boto3: what becomes of a secret, and of what AWS refuses."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_destination_aws_secrets_manager import AwsSecretsManager, AwsSecretsManagerConfig
from certrail_fakes.aws import AwsServer
from certrail_sdk import (
    Deployment,
    Permanent,
    QuotaExceeded,
    RateLimited,
    Receipt,
    Retryable,
    Target,
    Unauthorized,
)
from certrail_sdk.testing import make_deployment, renewed
from certrail_sdk.testing.deliveries import target_of, uncertain, with_receipt

NAME = "web/shop.example"


def plugin(server: AwsServer, **changes: Any) -> AwsSecretsManager:
    values = server.connection(secrets_manager_endpoint_url=server.url)
    return AwsSecretsManager(AwsSecretsManagerConfig.parse(values | changes))


def deployment() -> Deployment:
    return make_deployment(NAME)


def read(server: AwsServer, stage: str = "AWSCURRENT", name: str = NAME) -> dict[str, Any]:
    got = server.client("secretsmanager").get_secret_value(SecretId=name, VersionStage=stage)
    value: dict[str, Any] = json.loads(got["SecretString"])
    return value


def described(server: AwsServer, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = server.client("secretsmanager").describe_secret(SecretId=name)
    return found


async def test_create(server: AwsServer) -> None:
    given = deployment()
    receipt = await plugin(server).deploy(given)
    value, secret = read(server), described(server)
    assert (receipt.reference, receipt.changed) == (secret["ARN"], True)
    assert value["certificate"] == given.bundle.certificate
    assert value["chain"] == given.bundle.chain_pem
    assert given.bundle.private_key
    assert value["private_key"] == given.bundle.private_key.get_secret_value()
    assert {tag["Key"]: tag["Value"] for tag in secret["Tags"]}["certrail:delivery"] == given.delivery


async def test_renew_in_the_same_place(server: AwsServer) -> None:
    first = deployment()
    before = await plugin(server).deploy(first)
    newer = renewed(first)
    after = await plugin(server).deploy(with_receipt(newer, before))
    assert after.reference == before.reference
    assert read(server)["fingerprint"] == newer.bundle.fingerprint
    assert read(server, "AWSPREVIOUS")["fingerprint"] == first.bundle.fingerprint
    assert described(server)["VersionIdsToStages"] == {
        after.version: ["AWSCURRENT"],
        before.version: ["AWSPREVIOUS"],
    }


@pytest.mark.parametrize("renewal", [False, True])
async def test_adopt_after_a_cut_answer(server: AwsServer, renewal: bool) -> None:
    given = deployment()
    if renewal:
        given = with_receipt(renewed(given), await plugin(server).deploy(given))
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await plugin(server).deploy(given)
    found = await plugin(server).deploy(uncertain(given))
    assert not found.changed
    assert len(described(server)["VersionIdsToStages"]) == 1 + renewal


async def test_adopt_what_is_not_seen_yet(server: AwsServer) -> None:
    """Where reads lag behind the write, the second attempt has the token of the first, and adds no version."""
    given = deployment()
    receipt = await plugin(server).deploy(given)
    newer = with_receipt(renewed(given), receipt)
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await plugin(server).deploy(newer)
    assert receipt.version
    secret = next(iter(server.secrets.secrets.values()))
    secret.stages["AWSCURRENT"] = receipt.version
    again = await plugin(server).deploy(uncertain(newer))
    assert secret.versions.keys() == {receipt.version, again.version}


async def test_foreign_is_left_alone(server: AwsServer) -> None:
    server.client("secretsmanager").create_secret(Name=NAME, SecretString="by hand")
    with pytest.raises(Permanent, match="not made by this delivery") as raised:
        await plugin(server).deploy(deployment())
    assert "path" in raised.value.action
    assert not (await plugin(server).observe(target_of(deployment()))).present
    with pytest.raises(Permanent, match="not made by this delivery"):
        await plugin(server).remove(target_of(deployment()))
    got = server.client("secretsmanager").get_secret_value(SecretId=NAME)
    assert got["SecretString"] == "by hand"


@pytest.mark.parametrize("seconds", [7, None])
async def test_throttled(server: AwsServer, seconds: int | None) -> None:
    server.configure(throttle_next=1, retry_after=seconds)
    with pytest.raises(RateLimited) as raised:
        await plugin(server).deploy(deployment())
    assert raised.value.retry_after == (timedelta(seconds=seconds) if seconds else None)
    assert [call.outcome for call in server.calls] == ["ThrottlingException"]


@pytest.mark.parametrize("action", ["CreateSecret", "TagResource", "DescribeSecret"])
async def test_unauthorized(server: AwsServer, action: str) -> None:
    server.configure(denied_actions=[action])
    with pytest.raises(Unauthorized, match=f"secretsmanager:{action}") as raised:
        await plugin(server).deploy(deployment())
    assert "in IAM" in raised.value.action


@pytest.mark.parametrize("window", ["0d", "7d", "30d"])
async def test_removed(server: AwsServer, window: str) -> None:
    given = deployment()
    removing = plugin(server, recovery_window=window)
    target = target_of(with_receipt(given, await removing.deploy(given)))
    removal = await removing.remove(target)
    assert removal.changed
    assert ("deleted_on" in removal.details) == (window != "0d")
    assert not (await removing.remove(target)).changed
    assert not (await removing.observe(target)).present
    assert len(server.secrets.secrets) == (window != "0d")


@pytest.mark.parametrize("value", ["{}", "no JSON", '["a list"]', '{"certificate": "x", "private_key": "y"}'])
async def test_drift_is_seen(server: AwsServer, value: str) -> None:
    given = deployment()
    receipt = await plugin(server).deploy(given)
    server.client("secretsmanager").put_secret_value(SecretId=NAME, SecretString=value)
    seen = await plugin(server).observe(target_of(with_receipt(given, receipt)))
    assert (seen.present, seen.fingerprint, seen.key_matches) == (True, None, False)
    repaired = await plugin(server).deploy(with_receipt(given, receipt))
    assert repaired.changed
    assert read(server)["fingerprint"] == given.bundle.fingerprint


async def test_another_key_under_the_certificate_is_seen(server: AwsServer) -> None:
    given = deployment()
    await plugin(server).deploy(given)
    value = read(server)
    other = renewed(given).bundle.private_key
    assert other
    changed = json.dumps(value | {"private_key": other.get_secret_value()})
    server.client("secretsmanager").put_secret_value(SecretId=NAME, SecretString=changed)
    seen = await plugin(server).observe(target_of(given))
    assert (seen.fingerprint, seen.key_matches) == (given.bundle.fingerprint, False)


async def test_a_soft_deleted_secret_is_explained(server: AwsServer) -> None:
    given = deployment()
    receipt = await plugin(server).deploy(given)
    await plugin(server).remove(target_of(with_receipt(given, receipt)))
    with pytest.raises(Permanent, match="scheduled for deletion") as raised:
        await plugin(server).deploy(renewed(given))
    assert "on_soft_deleted" in raised.value.action


@pytest.mark.parametrize("same", [True, False])
async def test_a_soft_deleted_secret_is_restored_when_asked(server: AwsServer, same: bool) -> None:
    given = deployment()
    restoring = plugin(server, on_soft_deleted="restore")
    receipt = await restoring.deploy(given)
    await restoring.remove(target_of(with_receipt(given, receipt)))
    again = await restoring.deploy(given if same else renewed(given))
    assert (again.reference, again.changed) == (receipt.reference, True)
    assert len(described(server)["VersionIdsToStages"]) == (1 if same else 2)
    assert "DeletedDate" not in described(server)


async def test_a_soft_deleted_secret_of_others_stays_deleted(server: AwsServer) -> None:
    client = server.client("secretsmanager")
    client.create_secret(Name=NAME, SecretString="by hand")
    client.delete_secret(SecretId=NAME)
    with pytest.raises(Permanent, match="not made by this delivery"):
        await plugin(server, on_soft_deleted="restore").deploy(deployment())
    assert "DeletedDate" in described(server)


async def test_full_region(server: AwsServer) -> None:
    server.configure(secret_quota=0)
    with pytest.raises(QuotaExceeded, match="LimitExceededException") as raised:
        await plugin(server).deploy(deployment())
    assert "secrets" in raised.value.action


async def test_a_secret_has_a_size(server: AwsServer) -> None:
    given = deployment()
    long = given.bundle.model_copy(update={"chain": given.bundle.chain * 200})
    with pytest.raises(Permanent, match="at most 65536"):
        await plugin(server).deploy(given.model_copy(update={"bundle": long}))
    assert not server.secrets.secrets


async def test_path_and_key_of_new_secrets(server: AwsServer) -> None:
    given = make_deployment("shop.example")
    receipt = await plugin(server, path="certificates/web", kms_key_id="alias/web").deploy(given)
    assert receipt.details["name"] == "certificates/web/shop.example"
    secret = server.secrets.secrets[server.region, "certificates/web/shop.example"]
    assert secret.kms_key == "alias/web"


@pytest.mark.parametrize("changes", [{"region": "eu-west-1"}, {"path": "moved"}])
async def test_what_is_elsewhere_is_not_meant(server: AwsServer, changes: dict[str, str]) -> None:
    given = deployment()
    target = target_of(with_receipt(given, await plugin(server).deploy(given)))
    moved = plugin(server, **changes)
    assert not (await moved.observe(target)).present
    with pytest.raises(Permanent, match="the connection leads by now"):
        await moved.remove(target)
    assert len(server.secrets.secrets) == 1


async def test_a_secret_of_another_account_is_not_taken_for_gone(server: AwsServer) -> None:
    arn = f"arn:aws:secretsmanager:{server.region}:000000000000:secret:{NAME}-AbCdEf"
    receipt = Receipt(reference=arn, fingerprint="0", changed=True)
    with pytest.raises(Unauthorized):
        await plugin(server).remove(Target(delivery="d", name=NAME, receipt=receipt))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recovery_window": "6d"}, "recovery_window"),
        ({"recovery_window": "31d"}, "recovery_window"),
        ({"path": "/leading"}, "path"),
        ({"secrets_manager_endpoint_url": "http://sm.example.com"}, "secrets_manager_endpoint_url"),
        ({"on_soft_deleted": "ignore"}, "on_soft_deleted"),
    ],
)
def test_wrong_configurations_are_refused(server: AwsServer, changes: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        plugin(server, **changes)
