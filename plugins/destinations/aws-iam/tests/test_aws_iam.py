"""The destination against the fake through boto3: one certificate after the other, and what AWS refuses."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr, ValidationError

from certrail_destination_aws_iam import AwsIam, AwsIamConfig
from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_iam import ServerCertificate
from certrail_sdk import (
    ConcurrentModification,
    Deployment,
    Permanent,
    QuotaExceeded,
    RateLimited,
    Retryable,
    Unauthorized,
    pem,
)
from certrail_sdk.testing import make_bundle, make_deployment, renewed
from certrail_sdk.testing.deliveries import target_of, uncertain, with_receipt

from .test_aws_iam_conformance import upload

PATH = "/certrail/shop.example/"


def plugin(server: AwsServer, **changes: Any) -> AwsIam:
    return AwsIam(AwsIamConfig.parse(server.connection(iam_endpoint_url=server.url) | changes))


def deployment(*, rsa_key: bool = False) -> Deployment:
    return make_deployment("shop.example", rsa_key=rsa_key)


def listed(server: AwsServer) -> list[ServerCertificate]:
    return list(server.iam.certificates.values())


def leaves(server: AwsServer) -> list[str]:
    return [pem.fingerprint(one.body) for one in listed(server)]


@pytest.mark.parametrize("rsa_key", [False, True])
async def test_create(server: AwsServer, rsa_key: bool) -> None:
    given = deployment(rsa_key=rsa_key)
    receipt = await plugin(server).deploy(given)
    (stored,) = listed(server)
    assert receipt.changed
    assert receipt.reference == f"arn:aws:iam::{server.account_id}:server-certificate{PATH}"
    assert (receipt.version, receipt.details["arn"]) == (stored.name, stored.arn)
    got = server.client("iam").get_server_certificate(ServerCertificateName=stored.name)["ServerCertificate"]
    assert got["CertificateBody"] == given.bundle.certificate
    assert got["CertificateChain"] == given.bundle.chain_pem
    assert {tag["Key"]: tag["Value"] for tag in got["Tags"]}["certrail:delivery"] == given.delivery
    assert stored.key.startswith(f"-----BEGIN {'RSA' if rsa_key else 'EC'} PRIVATE KEY-----")
    assert pem.key_fits(stored.body, stored.key)


async def test_renew_in_the_same_place(server: AwsServer) -> None:
    first = deployment()
    before = await plugin(server).deploy(first)
    newer = renewed(first)
    after = await plugin(server).deploy(with_receipt(newer, before))
    assert after.reference == before.reference
    assert after.version != before.version
    assert leaves(server) == [newer.bundle.fingerprint]


async def test_renew_keeps_what_is_in_use_until_it_is_not(server: AwsServer) -> None:
    first = deployment()
    before = await plugin(server).deploy(first)
    server.settings.in_use[before.details["arn"]] = ["arn:aws:cloudfront::1:distribution/E1"]
    newer = renewed(first)
    after = await plugin(server).deploy(with_receipt(newer, before))
    assert after.details["older_in_use"] == before.version
    assert len(listed(server)) == 2
    seen = await plugin(server).observe(target_of(with_receipt(newer, after)))
    assert seen.fingerprint == newer.bundle.fingerprint
    server.settings.in_use.clear()
    again = await plugin(server).deploy(with_receipt(newer, after))
    assert not again.changed
    assert leaves(server) == [newer.bundle.fingerprint]


async def test_an_earlier_certificate_that_is_still_there_is_the_delivered_one_again(
    server: AwsServer,
) -> None:
    first = deployment()
    before = await plugin(server, keep_versions=3).deploy(first)
    after = await plugin(server, keep_versions=3).deploy(with_receipt(renewed(first), before))
    back = await plugin(server, keep_versions=3).deploy(with_receipt(first, after))
    assert (back.version, back.changed) == (before.version, True)
    seen = await plugin(server).observe(target_of(with_receipt(first, back)))
    assert seen.fingerprint == first.bundle.fingerprint


async def test_as_many_versions_are_kept_as_wanted(server: AwsServer) -> None:
    given, receipt = deployment(), None
    sent = []
    for _ in range(4):
        given = renewed(given)
        receipt = await plugin(server, keep_versions=2).deploy(given.model_copy(update={"receipt": receipt}))
        sent.append(given.bundle.fingerprint)
        for one in listed(server):
            one.uploaded -= timedelta(days=1)
    assert leaves(server) == sent[-2:]


@pytest.mark.parametrize("renewal", [False, True])
async def test_adopt_after_a_cut_answer(server: AwsServer, renewal: bool) -> None:
    given = deployment()
    if renewal:
        given = with_receipt(renewed(given), await plugin(server).deploy(given))
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await plugin(server).deploy(given)
    found = await plugin(server).deploy(uncertain(given))
    assert found.changed == renewal
    assert leaves(server) == [given.bundle.fingerprint]


async def test_adopt_what_is_not_listed_yet(server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given = deployment()
    first = await plugin(server).deploy(given)
    nothing = {"ServerCertificateMetadataList": [], "IsTruncated": False}
    monkeypatch.setattr(server.iam, "list_server_certificates", lambda given, caller: nothing)
    again = await plugin(server).deploy(uncertain(given))
    assert again.reference == first.reference
    assert len(listed(server)) == 1
    assert (await plugin(server).observe(target_of(with_receipt(given, again)))).present


async def test_foreign_is_left_alone(server: AwsServer) -> None:
    upload(server, "by-hand", make_bundle("by-hand.example"), PATH)
    with pytest.raises(Permanent, match=r"by-hand below .* was not uploaded by this"):
        await plugin(server).deploy(deployment())
    assert not (await plugin(server).observe(target_of(deployment()))).present
    with pytest.raises(Permanent, match="was not uploaded by this delivery"):
        await plugin(server).remove(target_of(deployment()))
    assert [one.name for one in listed(server)] == ["by-hand"]


async def test_foreign_below_another_path_is_not_looked_at(server: AwsServer) -> None:
    upload(server, "by-hand", make_bundle("by-hand.example"), f"{PATH}below/")
    given = deployment()
    await plugin(server).deploy(given)
    await plugin(server).remove(target_of(given))
    assert [one.name for one in listed(server)] == ["by-hand"]


async def test_foreign_with_the_name_of_ours(server: AwsServer) -> None:
    given = deployment()
    name = (await plugin(server).deploy(given)).version or ""
    await plugin(server).remove(target_of(given))
    upload(server, name.upper(), make_bundle("by-hand.example"), "/")
    with pytest.raises(Permanent, match=f"another server certificate called {name}"):
        await plugin(server).deploy(given)
    assert len(listed(server)) == 1


@pytest.mark.parametrize("seconds", [7, None])
async def test_throttled(server: AwsServer, seconds: int | None) -> None:
    server.configure(throttle_next=1, retry_after=seconds)
    with pytest.raises(RateLimited) as raised:
        await plugin(server).deploy(deployment())
    assert raised.value.retry_after == (timedelta(seconds=seconds) if seconds else None)
    assert len(server.calls) == 1


@pytest.mark.parametrize("action", ["ListServerCertificates", "UploadServerCertificate"])
async def test_unauthorized(server: AwsServer, action: str) -> None:
    server.configure(denied_actions=[action])
    with pytest.raises(Unauthorized, match=f"iam:{action}") as raised:
        await plugin(server).deploy(deployment())
    assert f"iam:{action}" in raised.value.action
    assert not listed(server)


async def test_removed(server: AwsServer) -> None:
    given = deployment()
    before = await plugin(server, keep_versions=2).deploy(given)
    newer = renewed(given)
    after = await plugin(server, keep_versions=2).deploy(with_receipt(newer, before))
    target = target_of(with_receipt(newer, after))
    server.settings.in_use[after.details["arn"]] = ["arn:aws:cloudfront::1:distribution/E1"]
    with pytest.raises(ConcurrentModification, match=after.version):
        await plugin(server).remove(target)
    assert leaves(server) == [newer.bundle.fingerprint]
    server.settings.in_use.clear()
    assert (await plugin(server).remove(target)).changed
    assert not (await plugin(server).remove(target)).changed
    assert not listed(server)


async def test_drift_is_seen(server: AwsServer) -> None:
    given = deployment()
    receipt = await plugin(server).deploy(given)
    client, target = server.client("iam"), target_of(with_receipt(given, receipt))
    client.delete_server_certificate(ServerCertificateName=receipt.version)
    assert not (await plugin(server).observe(target)).present
    older = renewed(given)
    await plugin(server).deploy(older)
    seen = await plugin(server).observe(target)
    assert (seen.present, seen.fingerprint) == (True, older.bundle.fingerprint)
    assert (await plugin(server).deploy(with_receipt(given, receipt))).changed
    assert leaves(server) == [given.bundle.fingerprint]


async def test_full_account(server: AwsServer) -> None:
    server.configure(iam_quota=0)
    with pytest.raises(QuotaExceeded, match="ServerCertificatesPerAccount") as raised:
        await plugin(server).deploy(deployment())
    assert "IAM" in raised.value.action


async def test_another_chain_is_another_certificate(server: AwsServer) -> None:
    given = deployment()
    receipt = await plugin(server).deploy(given)
    root = make_bundle("x.example", with_root=True).root
    rooted = given.model_copy(update={"bundle": given.bundle.model_copy(update={"root": root})})
    again = await plugin(server).deploy(with_receipt(rooted, receipt))
    assert again.changed
    (stored,) = listed(server)
    assert len(pem.certificates(stored.chain)) == 2


async def test_keys_that_iam_does_not_take(server: AwsServer) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = deployment()
    bundle = given.bundle.model_copy(update={"private_key": SecretStr(text)})
    with pytest.raises(Permanent, match="IAM takes no Ed25519PrivateKey"):
        await plugin(server).deploy(given.model_copy(update={"bundle": bundle}))
    assert not server.calls


async def test_what_is_below_another_path_is_not_meant(server: AwsServer) -> None:
    given = deployment()
    target = target_of(with_receipt(given, await plugin(server).deploy(given)))
    moved = plugin(server, path="/cloudfront/")
    assert not (await moved.observe(target)).present
    with pytest.raises(Permanent, match="is not below /cloudfront/"):
        await moved.remove(target)
    assert len(listed(server)) == 1


async def test_lists_are_read_to_their_end(server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given = deployment()
    receipt = await plugin(server, keep_versions=3).deploy(given)
    await plugin(server, keep_versions=3).deploy(with_receipt(renewed(given), receipt))
    whole = server.iam.list_server_certificates
    monkeypatch.setattr(
        server.iam, "list_server_certificates", lambda asked, caller: whole(asked | {"MaxItems": 1}, caller)
    )
    assert (await plugin(server).remove(target_of(with_receipt(given, receipt)))).details["removed"] == "2"


@pytest.mark.parametrize("path", ["certrail/", "/certrail", "/a b/", ""])
def test_wrong_paths_are_refused(server: AwsServer, path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        plugin(server, path=path)
