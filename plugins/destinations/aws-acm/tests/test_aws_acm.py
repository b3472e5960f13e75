"""The ACM destination against a stand-in as strict as AWS documents itself."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from certrail_destination_aws_acm import AwsAcm, AwsAcmConfig, certrail_destinations
from certrail_destination_aws_acm.errors import answered, scrubbed
from certrail_sdk import (
    Bundle,
    Conflict,
    Context,
    Deployment,
    Observes,
    Permanent,
    Plans,
    QuotaExceeded,
    RateLimited,
    Receipt,
    Removes,
    Retryable,
    Target,
    Unauthorized,
    connection_fields,
    secret_fields,
)
from certrail_standins.acm import AcmServer

SINCE, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
RSA_CA, RSA_KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(3))
EC_CA, EC_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1"


def signed(subject: str, key: Any, issuer: str, signer: Any, names: tuple[str, ...] = ()) -> x509.Certificate:
    """A certificate for ``key``."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(SINCE)
        .not_valid_after(UNTIL)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    made: x509.Certificate = builder.sign(signer, hashes.SHA256())
    return made


def pem(thing: Any) -> str:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made: bytes = thing.private_bytes(serialization.Encoding.PEM, *how)
    return made.decode()


ISSUERS = {id(ca): signed("Issuing", ca, "Root", ca) for ca in (RSA_CA, EC_CA)}
# The issuer is self-signed under another name on purpose: ACM looks at neighbours in the chain only.
ROOT = signed("Root", RSA_CA, "Root", RSA_CA)


def bundle(*names: str, key: Any = RSA_KEY, ca: Any = RSA_CA, private: Any = None, **more: Any) -> Bundle:
    """A new certificate with key and chain."""
    names = names or ("shop.example",)
    leaf = signed(names[0], key, "Issuing", ca, names)
    values: dict[str, Any] = {
        "certificate": pem(leaf),
        "chain": (pem(ISSUERS[id(ca)]),),
        "private_key": SecretStr(pem(private or key)),
        "fingerprint": leaf.fingerprint(hashes.SHA256()).hex(),
        "serial": f"{leaf.serial_number:x}",
        "common_name": names[0],
        "dns_names": names,
        "not_before": SINCE,
        "not_after": UNTIL,
    }
    return Bundle(**(values | more))


def wish(given: Bundle | None = None, **more: Any) -> Deployment:
    """A deployment of one delivery."""
    values: dict[str, Any] = {
        "delivery": "sync-1/lineage-1",
        "name": "shop.example",
        "application": "shop",
        "lineage": "lineage-1",
        "certificate": "certificate-1",
        "bundle": given or bundle(),
    }
    return Deployment(**(values | more))


def target(deployment: Deployment, receipt: Receipt | None) -> Target:
    return Target(delivery=deployment.delivery, name=deployment.name, receipt=receipt)


@pytest.fixture(scope="module")
def shared() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def server(shared: AcmServer) -> AcmServer:
    shared.reset()
    return shared


def config(server: AcmServer, **changes: Any) -> AwsAcmConfig:
    values = {
        "region": server.region,
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
        "endpoint_url": server.url,
    }
    return AwsAcmConfig.parse(values | changes)


@pytest.fixture
def acm(server: AcmServer) -> AwsAcm:
    return AwsAcm(config(server))


async def test_first_import_carries_key_chain_and_tags(acm: AwsAcm, server: AcmServer) -> None:
    deployment = wish(bundle("shop.example", root=pem(ROOT)))
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
    first = await acm.deploy(wish(given := bundle()))
    again = await acm.deploy(wish(given, receipt=first))
    assert (again.reference, again.changed) == (first.reference, False)
    assert server.count("ImportCertificate") == 1


async def test_renewal_keeps_arn_and_tags(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(wish())
    before = server.certificates()[0].tags
    renewed = await acm.deploy(wish(new := bundle(), receipt=first))
    stored = server.certificates()
    assert renewed.changed
    assert [s.arn for s in stored] == [first.reference] == [renewed.reference]
    assert (stored[0].fingerprint, stored[0].tags) == (new.fingerprint, before)


async def test_a_changed_chain_is_delivered(acm: AwsAcm, server: AcmServer) -> None:
    given = bundle()
    first = await acm.deploy(wish(given))
    with_root = given.model_copy(update={"root": pem(ROOT)})
    second = await acm.deploy(wish(with_root, receipt=first, keep_identity=False))
    assert (second.reference, second.changed) == (first.reference, True)
    assert len(server.certificates()[0].chain) == 2


async def test_renewal_with_a_new_identity_names_the_old_one(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(wish())
    renewed = await acm.deploy(wish(bundle(), receipt=first, keep_identity=False))
    assert len(server.certificates()) == 2
    assert renewed.reference != first.reference
    assert renewed.details["superseded"] == first.reference


async def test_lost_answer_ends_with_exactly_one_certificate(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    deployment = wish()
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
        await acm.deploy(wish())
    newer = bundle()
    found = await acm.deploy(wish(newer, may_exist=True))
    assert [(s.arn, s.fingerprint) for s in server.certificates()] == [(found.reference, newer.fingerprint)]


async def test_lost_answer_of_a_new_identity(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(wish())
    server.configure(lose_answers=1)
    renewal = wish(bundle(), receipt=first, keep_identity=False)
    with pytest.raises(Retryable):
        await acm.deploy(renewal)
    found = await acm.deploy(renewal.model_copy(update={"may_exist": True}))
    assert len(server.certificates()) == 2
    assert (found.reference, found.changed) == (server.certificates()[1].arn, False)
    third = await acm.deploy(
        wish(bundle("moved.example"), receipt=found, keep_identity=False, may_exist=True)
    )
    assert third.details["superseded"] == found.reference


async def test_lost_renewal_is_not_imported_again(acm: AwsAcm, server: AcmServer) -> None:
    first = await acm.deploy(wish())
    server.configure(lose_answers=1)
    renewal = wish(bundle(), receipt=first)
    with pytest.raises(Retryable):
        await acm.deploy(renewal)
    again = await acm.deploy(renewal.model_copy(update={"may_exist": True}))
    assert (again.reference, again.changed) == (first.reference, False)
    assert server.count("ImportCertificate") == 2


async def test_elliptic_certificate_is_found_on_a_later_page(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    mine = wish(bundle(key=EC_KEY, ca=EC_CA), may_exist=True)
    with pytest.raises(Retryable):
        await acm.deploy(mine)
    for number in range(3):
        await acm.deploy(wish(bundle("shop.example"), delivery=f"other-{number}"))
    server.configure(page_size=2)
    lists = server.count("ListCertificates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("certrail_destination_aws_acm.acm_client.PAGE", 2)
        found = await acm.deploy(mine)
    assert server.count("ListCertificates") - lists == 2
    assert not found.changed
    assert len(server.certificates()) == 4


async def test_look_up_passes_over_certificates_of_other_names(acm: AwsAcm, server: AcmServer) -> None:
    await acm.deploy(wish(bundle("other.example"), delivery="another"))
    await acm.deploy(wish(may_exist=True))
    assert server.count("ListTagsForCertificate") == 0
    assert len(server.certificates()) == 2


async def test_deleted_behind_our_back_is_imported_anew(acm: AwsAcm, server: AcmServer) -> None:
    gone = Receipt(
        reference=f"arn:aws:acm:{server.region}:{server.account_id}:certificate/0-0",
        fingerprint="0",
        changed=True,
    )
    receipt = await acm.deploy(wish(receipt=gone))
    assert receipt.changed
    assert "superseded" not in receipt.details
    assert [s.arn for s in server.certificates()] == [receipt.reference]
    adopted = await acm.deploy(wish(bundle(), receipt=gone))
    assert adopted.reference == receipt.reference


@pytest.mark.parametrize("seconds", [7, None])
async def test_throttling_asks_for_the_pause_that_aws_asks_for(
    acm: AwsAcm, server: AcmServer, seconds: int | None
) -> None:
    server.configure(throttle_next=1, retry_after=seconds)
    with pytest.raises(RateLimited) as caught:
        await acm.deploy(wish())
    assert caught.value.retry_after == (timedelta(seconds=seconds) if seconds else None)
    assert [c.outcome for c in server.calls] == ["ThrottlingException"]


async def test_full_account(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(quota=0)
    with pytest.raises(QuotaExceeded, match="maximum number of certificates"):
        await acm.deploy(wish())


async def test_wrong_key_is_refused_without_showing_it(
    acm: AwsAcm, server: AcmServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = bundle(private=OTHER_KEY)
    with pytest.raises(Permanent, match="does not match") as caught:
        await acm.deploy(wish(wrong))
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
        await acm.deploy(wish(given()))
    assert server.calls == ()


async def test_an_arn_keeps_its_key_type(acm: AwsAcm) -> None:
    first = await acm.deploy(wish())
    with pytest.raises(Permanent, match="holds a RSA_2048 key and the new certificate a EC_prime256v1"):
        await acm.deploy(wish(bundle(key=EC_KEY, ca=EC_CA), receipt=first))
    assert (await acm.deploy(wish(bundle(key=EC_KEY, ca=EC_CA), receipt=first, keep_identity=False))).changed


async def test_a_refused_right_is_named(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(denied_actions=["ImportCertificate"])
    with pytest.raises(Unauthorized, match="acm:ImportCertificate") as caught:
        await acm.deploy(wish())
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
    assert (await acm.deploy(wish())).changed
    assert server.calls[-1].access_key_id != server.access_key_id
    server.configure(denied_actions=["AssumeRole"])
    with pytest.raises(Unauthorized, match="sts:AssumeRole"):
        await acm.check()


async def test_a_failing_service_is_tried_later(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(fail_next=1)
    with pytest.raises(Retryable, match="InternalFailure"):
        await acm.deploy(wish())
    assert server.count("ImportCertificate") == 1


async def test_an_unreachable_endpoint_is_tried_later() -> None:
    with AcmServer() as server:
        acm = AwsAcm(config(server))
    with pytest.raises(Retryable, match="could not be reached"):
        await acm.check()


async def test_plan_changes_nothing(acm: AwsAcm, server: AcmServer) -> None:
    given = bundle()
    assert (await acm.plan(wish(given))).action == "create"
    receipt = await acm.deploy(wish(given))
    assert (await acm.plan(wish(given, receipt=receipt))).action == "none"
    renewal = await acm.plan(wish(bundle(), receipt=receipt))
    assert (renewal.action, receipt.reference in renewal.notes[0]) == ("replace", True)
    anew = await acm.plan(wish(bundle(), receipt=receipt, keep_identity=False))
    assert (anew.action, receipt.reference in anew.notes[1]) == ("create", True)
    assert server.count("ImportCertificate") == 1


async def test_observe(acm: AwsAcm, server: AcmServer) -> None:
    deployment = wish()
    assert not (await acm.observe(target(deployment, None))).present
    receipt = await acm.deploy(deployment)
    server.settings.in_use[receipt.reference] = [LOAD_BALANCER]
    by_receipt = await acm.observe(target(deployment, receipt))
    assert by_receipt == await acm.observe(target(deployment, None))
    assert (by_receipt.fingerprint, by_receipt.ours) == (receipt.fingerprint, True)
    assert by_receipt.in_use_by == (LOAD_BALANCER,)
    assert by_receipt.chain_fingerprints == server.certificates()[0].chain


async def test_remove_waits_for_users_then_removes_once(acm: AwsAcm, server: AcmServer) -> None:
    receipt = await acm.deploy(wish())
    server.settings.in_use[receipt.reference] = [LOAD_BALANCER]
    with pytest.raises(Conflict, match=LOAD_BALANCER):
        await acm.remove(target(wish(), receipt))
    server.settings.in_use.clear()
    assert (await acm.remove(target(wish(), receipt))).changed
    assert not (await acm.remove(target(wish(), receipt))).changed
    assert not (await acm.observe(target(wish(), receipt))).present
    assert server.certificates() == []


async def test_remove_finds_what_a_lost_answer_left(acm: AwsAcm, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    with pytest.raises(Retryable):
        await acm.deploy(wish())
    assert (await acm.remove(target(wish(), None))).changed
    assert server.certificates() == []


async def test_what_is_not_ours_stays(acm: AwsAcm, server: AcmServer) -> None:
    receipt = await acm.deploy(wish(delivery="somebody-else"))
    with pytest.raises(Permanent, match="not ours"):
        await acm.remove(target(wish(), receipt))
    assert not (await acm.observe(target(wish(), receipt))).ours
    assert len(server.certificates()) == 1


async def test_long_look_ups_send_heartbeats(server: AcmServer) -> None:
    beats: list[str] = []
    acm = AwsAcm(config(server), Context(heartbeat=lambda: beats.append("beat")))
    await acm.deploy(wish(may_exist=True))
    assert len(beats) == len(server.calls) == 2


@pytest.mark.parametrize("renewal", [False, True])
async def test_cancelling_waits_for_an_import_that_is_under_way(
    acm: AwsAcm, server: AcmServer, renewal: bool
) -> None:
    receipt = await acm.deploy(wish()) if renewal else None
    server.hold("before")
    given = bundle()
    delivery = asyncio.create_task(acm.deploy(wish(given, receipt=receipt)))
    assert await asyncio.to_thread(server.wait_until_held)
    delivery.cancel()
    ended, _ = await asyncio.wait({delivery}, timeout=0.1)
    assert not ended
    server.release()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    again = await acm.deploy(wish(given, receipt=receipt, may_exist=True))
    assert not again.changed
    assert [again.reference] == [s.arn for s in server.certificates()]


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


def test_contract() -> None:
    assert certrail_destinations() == [AwsAcm]
    assert connection_fields(AwsAcmConfig) == frozenset(AwsAcmConfig.model_fields)
    assert secret_fields(AwsAcmConfig) == {"secret_access_key", "session_token"}
    assert all(f.title and f.description for f in AwsAcmConfig.model_fields.values())
    assert all(issubclass(AwsAcm, verbs) for verbs in (Observes, Removes, Plans))
    assert AwsAcm.accepts_name("shop.example:443/a b")
    assert not AwsAcm.accepts_name("*.shop.example")


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
        ("ResourceNotFoundException", 400, Conflict),
        ("InvalidClientTokenId", 403, Unauthorized),
        ("TooManyTagsException", 400, Permanent),
    ],
)
def test_codes_of_aws(code: str, status: int, kind: type[Exception]) -> None:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert type(answered("acm:ImportCertificate", response)) is kind
