"""The ACM destination against a stand-in as strict as AWS documents itself."""

import asyncio

import pytest

from certrail_destination_aws_acm import AwsAcm, AwsAcmConfig, certrail_destinations
from certrail_fakes.acm import AcmServer
from certrail_sdk import (
    ConcurrentModification,
    Deployment,
    Observes,
    Permanent,
    Receipt,
    Removes,
    Retryable,
    Target,
    connection_fields,
    secret_fields,
)

from .deployments import EC_CA, EC_KEY, RSA_CA, bundle, config, desired, pem, signed

LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1"


# The issuer is self-signed under another name on purpose: ACM looks at neighbours in the chain only.
ROOT = signed("Root", RSA_CA, "Root", RSA_CA)


def target(deployment: Deployment, receipt: Receipt | None) -> Target:
    return Target(delivery=deployment.delivery, name=deployment.name, receipt=receipt)


async def test_first_import_selects_key_chain_and_tags(acm: AwsAcm, server: AcmServer) -> None:
    deployment = desired(bundle("shop.example", root=pem(ROOT)))
    receipt = await acm.deploy(deployment)
    stored = server.certificates()[0]
    assert receipt.changed
    assert (receipt.reference, receipt.fingerprint) == (stored.arn, stored.fingerprint)
    assert stored.fingerprint == deployment.bundle.fingerprint
    assert len(stored.chain) == 2
    assert stored.tags == {
        "Name": "shop.example",
        "certrail:delivery": "sync-1/lineage-1",
        "certrail:lineage": "lineage-1",
        "certrail:application": "shop",
        "certrail:managed": "true",
    }


async def test_the_same_again_changes_nothing(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(desired(given := bundle()))
    again = await acm.deploy(desired(given, receipt=first))
    assert (again.reference, again.changed) == (first.reference, False)
    assert server.count("ImportCertificate") == 1


async def test_renewal_keeps_arn_and_tags(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(desired())
    before = server.certificates()[0].tags
    renewed = await acm.deploy(desired(new := bundle(), receipt=first))
    stored = server.certificates()
    assert renewed.changed
    assert [s.arn for s in stored] == [first.reference] == [renewed.reference]
    assert (stored[0].fingerprint, stored[0].tags) == (new.fingerprint, before)


async def test_a_changed_chain_is_delivered(acm: AwsAcm, server: AcmServer) -> None:
    given = bundle()
    first = await acm.deploy(desired(given))
    with_root = given.model_copy(update={"root": pem(ROOT)})
    second = await acm.deploy(desired(with_root, receipt=first, keep_identity=False))
    assert (second.reference, second.changed) == (first.reference, True)
    assert len(server.certificates()[0].chain) == 2


async def test_renewal_with_a_new_identity_names_the_old_one(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(desired())
    renewed = await acm.deploy(desired(bundle(), receipt=first, keep_identity=False))
    assert len(server.certificates()) == 2
    assert renewed.reference != first.reference
    assert renewed.details["superseded"] == first.reference


async def test_lost_answer_ends_with_exactly_one_certificate(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    deployment = desired()
    with pytest.raises(Retryable):
        await acm.deploy(deployment)
    assert server.count("ImportCertificate") == 1
    found = await acm.deploy(deployment.model_copy(update={"may_exist": True}))
    assert [found.reference] == [s.arn for s in server.certificates()]
    assert not found.changed


async def test_lost_answer_then_a_newer_certificate_takes_the_same_arn(
    acm: AwsAcm, server: AcmServer
) -> None:
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await acm.deploy(desired())
    newer = bundle()
    found = await acm.deploy(desired(newer, may_exist=True))
    assert [(s.arn, s.fingerprint) for s in server.certificates()] == [(found.reference, newer.fingerprint)]


async def test_lost_answer_of_a_new_identity(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(desired())
    server.configure(lose_answers=1)
    renewal = desired(bundle(), receipt=first, keep_identity=False)
    with pytest.raises(Retryable):
        await acm.deploy(renewal)
    found = await acm.deploy(renewal.model_copy(update={"may_exist": True}))
    assert len(server.certificates()) == 2
    assert (found.reference, found.changed) == (server.certificates()[1].arn, False)
    third = await acm.deploy(
        desired(bundle("moved.example"), receipt=found, keep_identity=False, may_exist=True)
    )
    assert third.details["superseded"] == found.reference


async def test_lost_renewal_is_not_imported_again(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(desired())
    server.configure(lose_answers=1)
    renewal = desired(bundle(), receipt=first)
    with pytest.raises(Retryable):
        await acm.deploy(renewal)
    again = await acm.deploy(renewal.model_copy(update={"may_exist": True}))
    assert (again.reference, again.changed) == (first.reference, False)
    assert server.count("ImportCertificate") == 2


async def test_elliptic_certificate_is_found_on_a_later_page(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    mine = desired(bundle(key=EC_KEY, ca=EC_CA), may_exist=True)
    with pytest.raises(Retryable):
        await acm.deploy(mine)
    for number in range(3):
        await acm.deploy(desired(bundle("shop.example"), delivery=f"other-{number}"))
    server.configure(page_size=2)
    lists = server.count("ListCertificates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("certrail_aws.acm.PAGE", 2)
        found = await acm.deploy(mine)
    assert server.count("ListCertificates") - lists == 2
    assert not found.changed
    assert len(server.certificates()) == 4


async def test_look_up_passes_over_certificates_of_other_names(acm: AwsAcm, server: AcmServer) -> None:
    await acm.deploy(desired(bundle("other.example"), delivery="another"))
    await acm.deploy(desired(may_exist=True))
    assert server.count("ListTagsForCertificate") == 0
    assert len(server.certificates()) == 2


async def test_deleted_behind_our_back_is_imported_anew(acm: AwsAcm, server: AcmServer) -> None:
    gone = Receipt(
        reference=f"arn:aws:acm:{server.region}:{server.account_id}:certificate/0-0",
        fingerprint="0",
        changed=True,
    )
    receipt = await acm.deploy(desired(receipt=gone))
    assert receipt.changed
    assert "superseded" not in receipt.details
    assert [s.arn for s in server.certificates()] == [receipt.reference]
    adopted = await acm.deploy(desired(bundle(), receipt=gone))
    assert adopted.reference == receipt.reference


async def test_observe(acm: AwsAcm, server: AcmServer) -> None:
    deployment = desired()
    assert not (await acm.observe(target(deployment, None))).present
    receipt = await acm.deploy(deployment)
    server.settings.in_use[receipt.reference] = [LOAD_BALANCER]
    by_receipt = await acm.observe(target(deployment, receipt))
    assert by_receipt == await acm.observe(target(deployment, None))
    assert by_receipt.fingerprint == receipt.fingerprint
    assert by_receipt.in_use_by == (LOAD_BALANCER,)


async def test_remove_waits_for_users_then_removes_once(acm: AwsAcm, server: AcmServer) -> None:
    receipt = await acm.deploy(desired())
    server.settings.in_use[receipt.reference] = [LOAD_BALANCER]
    with pytest.raises(ConcurrentModification, match=LOAD_BALANCER):
        await acm.remove(target(desired(), receipt))
    server.settings.in_use.clear()
    assert (await acm.remove(target(desired(), receipt))).changed
    assert not (await acm.remove(target(desired(), receipt))).changed
    assert not (await acm.observe(target(desired(), receipt))).present
    assert server.certificates() == []


async def test_remove_finds_what_a_lost_answer_left(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await acm.deploy(desired())
    assert (await acm.remove(target(desired(), None))).changed
    assert server.certificates() == []


async def test_what_is_not_ours_stays(acm: AwsAcm, server: AcmServer) -> None:
    receipt = await acm.deploy(desired(delivery="somebody-else"))
    with pytest.raises(Permanent, match="not ours"):
        await acm.remove(target(desired(), receipt))
    assert len(server.certificates()) == 1


async def test_what_is_in_another_region_is_not_taken_for_gone(acm: AwsAcm, server: AcmServer) -> None:
    receipt = await acm.deploy(desired())
    moved = AwsAcm(config(server, region="eu-west-1"))
    with pytest.raises(Permanent, match="is in eu-central-1"):
        await moved.remove(target(desired(), receipt))
    assert len(server.certificates()) == 1


@pytest.mark.parametrize("renewal", [False, True])
async def test_cancelling_waits_for_an_import_that_is_under_way(
    acm: AwsAcm, server: AcmServer, renewal: bool
) -> None:
    receipt = await acm.deploy(desired()) if renewal else None
    server.hold("before")
    given = bundle()
    delivery = asyncio.create_task(acm.deploy(desired(given, receipt=receipt)))
    assert await asyncio.to_thread(server.wait_until_held)
    delivery.cancel()
    ended, _ = await asyncio.wait({delivery}, timeout=0.1)
    assert not ended
    server.release()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    again = await acm.deploy(desired(given, receipt=receipt, may_exist=True))
    assert not again.changed
    assert [again.reference] == [s.arn for s in server.certificates()]


def test_contract() -> None:
    assert certrail_destinations() == [AwsAcm]
    assert connection_fields(AwsAcmConfig) == frozenset(AwsAcmConfig.model_fields)
    assert secret_fields(AwsAcmConfig) == {"secret_access_key", "session_token"}
    assert all(f.title and f.description for f in AwsAcmConfig.model_fields.values())
    assert all(issubclass(AwsAcm, verbs) for verbs in (Observes, Removes))
    assert AwsAcm.accepts_name("shop.example:443/a b")
    assert not AwsAcm.accepts_name("*.shop.example")
