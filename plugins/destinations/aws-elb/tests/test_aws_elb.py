"""The destination against the fake through boto3: default and further certificates of listeners, and refusals."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_elbv2 import Listener
from certrail_sdk import (
    ConcurrentModification,
    Deployment,
    Misconfigured,
    Permanent,
    QuotaExceeded,
    RateLimited,
    Receipt,
    Retryable,
    Unauthorized,
)
from certrail_sdk.testing import make_deployment, renewed
from certrail_sdk.testing.deliveries import target_of, uncertain, with_receipt

from .balancers import by_hand, listener, plugin


def deployment(name: str = "shop.example") -> Deployment:
    return make_deployment(name, common_name=name)


def others(server: AwsServer, of: Listener) -> list[str]:
    """The certificates of a listener beside its default one, as Elastic Load Balancing says."""
    got = server.client("elbv2").describe_listener_certificates(ListenerArn=of.arn)["Certificates"]
    return [each["CertificateArn"] for each in got if not each["IsDefault"]]


async def test_create(server: AwsServer) -> None:
    web, mail = listener(server), listener(server, protocol="TLS", load_balancer="mail")
    before = web.default
    receipt = await plugin(server, web, mail).deploy(given := deployment())
    assert receipt.changed
    assert receipt.details["listeners"] == f"{web.arn} {mail.arn}"
    assert others(server, web) == others(server, mail) == [receipt.reference]
    assert web.default == before
    stored = {each.arn: each for each in server.certificates()}[receipt.reference]
    assert stored.fingerprint == given.bundle.fingerprint
    assert stored.tags["certrail:delivery"] == given.delivery


async def test_create_as_the_default_certificate(server: AwsServer) -> None:
    web = listener(server)
    before = web.default
    receipt = await plugin(server, web, role="default").deploy(deployment())
    assert web.default == receipt.reference
    assert others(server, web) == [before], "the names of the former default certificate are served on"


@pytest.mark.parametrize("role", ["sni", "default"])
async def test_renew_in_the_same_place(server: AwsServer, role: str) -> None:
    web = listener(server)
    first = deployment()
    before = await plugin(server, web, role=role).deploy(first)
    there, writes = others(server, web), len(server.calls)
    newer = renewed(first)
    after = await plugin(server, web, role=role).deploy(with_receipt(newer, before))
    assert after.reference == before.reference
    assert others(server, web) == there
    made = {call.action for call in server.calls[writes:]}
    assert made.isdisjoint({"AddListenerCertificates", "ModifyListener", "RemoveListenerCertificates"})
    seen = await plugin(server, web, role=role).observe(target_of(with_receipt(newer, after)))
    assert seen.fingerprint == newer.bundle.fingerprint
    assert seen.in_use_by is None, "its own listeners do not hold up its removal"


@pytest.mark.parametrize("answers", [1, 2])
async def test_adopt_after_a_cut_answer(server: AwsServer, answers: int) -> None:
    """The first answer is that to the import; the second that to the attaching."""
    web = listener(server)
    given = deployment()
    server.configure(lose_answers=answers)
    for _ in range(answers):
        with pytest.raises(Retryable):
            await plugin(server, web).deploy(given)
        given = uncertain(given)
    found = await plugin(server, web).deploy(given)
    assert others(server, web) == [found.reference]
    assert len(server.certificates()) == 2


async def test_foreign_is_left_alone(server: AwsServer) -> None:
    web = listener(server)
    foreign = by_hand(server)
    web.certificates.append(foreign)
    given = deployment()
    receipt = await plugin(server, web).deploy(given)
    await plugin(server, web).remove(target_of(with_receipt(given, receipt)))
    assert others(server, web) == [foreign]
    named = with_receipt(given, Receipt(reference=foreign, fingerprint="0", changed=True))
    with pytest.raises(Permanent, match="does not carry the tag of this delivery"):
        await plugin(server, web).remove(target_of(named))
    assert others(server, web) == [foreign]


async def test_foreign_default_of_another_delivery(server: AwsServer) -> None:
    web = listener(server)
    first = await plugin(server, web, role="default").deploy(deployment())
    with pytest.raises(Permanent, match="is that of another delivery") as raised:
        await plugin(server, web, role="default").deploy(deployment("other.example"))
    assert "sni" in raised.value.action
    assert web.default == first.reference
    assert len(server.certificates()) == 2


@pytest.mark.parametrize("seconds", [7, None])
async def test_throttled(server: AwsServer, seconds: int | None) -> None:
    web = listener(server)
    server.configure(throttle_next=1, retry_after=seconds)
    with pytest.raises(RateLimited) as raised:
        await plugin(server, web).deploy(deployment())
    assert raised.value.retry_after == (timedelta(seconds=seconds) if seconds else None)


@pytest.mark.parametrize(
    ("role", "action"),
    [
        ("sni", "acm:ImportCertificate"),
        ("sni", "elasticloadbalancing:AddListenerCertificates"),
        ("default", "elasticloadbalancing:ModifyListener"),
    ],
)
async def test_unauthorized(server: AwsServer, role: str, action: str) -> None:
    web = listener(server)
    server.configure(denied_actions=[action.partition(":")[2]])
    with pytest.raises(Unauthorized, match=action) as raised:
        await plugin(server, web, role=role).deploy(deployment())
    assert action in raised.value.action


async def test_removed(server: AwsServer) -> None:
    web, mail = listener(server), listener(server, protocol="TLS", load_balancer="mail")
    given = deployment()
    receipt = await plugin(server, web, mail).deploy(given)
    target = target_of(with_receipt(given, receipt))
    assert (await plugin(server, web, mail).remove(target)).changed
    assert not (await plugin(server, web, mail).remove(target)).changed
    assert others(server, web) == others(server, mail) == []
    assert receipt.reference not in server.texts()


async def test_removed_once_another_is_the_default_certificate(server: AwsServer) -> None:
    web = listener(server)
    former = web.default
    given = deployment()
    receipt = await plugin(server, web, role="default").deploy(given)
    target = target_of(with_receipt(given, receipt))
    with pytest.raises(ConcurrentModification, match=web.arn) as raised:
        await plugin(server, web, role="default").remove(target)
    assert "another default certificate" in raised.value.action
    web.default = former
    assert (await plugin(server, web, role="default").remove(target)).changed


async def test_removed_once_acm_knows_that_it_is_detached(server: AwsServer) -> None:
    web = listener(server)
    given = deployment()
    receipt = await plugin(server, web).deploy(given)
    target = target_of(with_receipt(given, receipt))
    server.settings.in_use[receipt.reference] = [web.load_balancer]
    with pytest.raises(ConcurrentModification, match=web.load_balancer):
        await plugin(server, web).remove(target)
    assert others(server, web) == []
    server.settings.in_use.clear()
    assert (await plugin(server, web).remove(target)).changed


async def test_removed_from_a_listener_that_is_no_longer_named(server: AwsServer) -> None:
    web, mail = listener(server), listener(server, load_balancer="mail")
    given = deployment()
    receipt = await plugin(server, web, mail).deploy(given)
    after = await plugin(server, web).deploy(with_receipt(given, receipt))
    assert after.details["listeners"] == web.arn
    assert (others(server, web), others(server, mail)) == ([receipt.reference], [])
    await plugin(server, web).remove(target_of(with_receipt(given, receipt)))
    assert others(server, web) == []


async def test_removed_where_a_listener_is_gone(server: AwsServer) -> None:
    web, mail = listener(server), listener(server, load_balancer="mail")
    given = deployment()
    receipt = await plugin(server, web, mail).deploy(given)
    del server.elbv2.listeners[mail.arn]
    assert (await plugin(server, web, mail).remove(target_of(with_receipt(given, receipt)))).changed
    assert others(server, web) == []


async def test_drift_is_seen(server: AwsServer) -> None:
    web, mail = listener(server), listener(server, load_balancer="mail")
    given = deployment()
    receipt = await plugin(server, web, mail).deploy(given)
    known = with_receipt(given, receipt)
    server.client("elbv2").remove_listener_certificates(
        ListenerArn=mail.arn, Certificates=[{"CertificateArn": receipt.reference}]
    )
    assert not (await plugin(server, web, mail).observe(target_of(known))).present
    assert (await plugin(server, web, mail).deploy(known)).changed
    assert (await plugin(server, web, mail).observe(target_of(known))).present
    other = renewed(given)
    await plugin(server, web, mail).deploy(with_receipt(other, receipt))
    seen = await plugin(server, web, mail).observe(target_of(known))
    assert seen.fingerprint == other.bundle.fingerprint


async def test_drift_of_the_default_certificate(server: AwsServer) -> None:
    web = listener(server)
    former = web.default
    given = deployment()
    receipt = await plugin(server, web, role="default").deploy(given)
    web.default = former
    known = with_receipt(given, receipt)
    assert not (await plugin(server, web, role="default").observe(target_of(known))).present
    assert (await plugin(server, web, role="default").deploy(known)).changed
    assert web.default == receipt.reference


@pytest.mark.parametrize("role", ["sni", "default"])
async def test_a_new_identity_takes_the_place_of_the_older_one(server: AwsServer, role: str) -> None:
    """The engine removes the older one by its own receipt."""
    web = listener(server)
    former = web.default
    first = deployment()
    before = await plugin(server, web, role=role).deploy(first)
    newer = with_receipt(renewed(first), before).model_copy(update={"keep_identity": False})
    after = await plugin(server, web, role=role).deploy(newer)
    assert after.reference != before.reference
    await plugin(server, web, role=role).remove(target_of(with_receipt(first, before)))
    assert others(server, web) == ([after.reference] if role == "sni" else [former])
    assert web.default == (former if role == "sni" else after.reference)


async def test_full_load_balancer(server: AwsServer) -> None:
    web = listener(server)
    server.configure(listener_quota=0)
    with pytest.raises(QuotaExceeded, match="TooManyCertificates") as raised:
        await plugin(server, web).deploy(deployment())
    assert "load balancer" in raised.value.action


@pytest.mark.parametrize("verb", ["check", "deploy"])
@pytest.mark.parametrize("wrong", ["gone", "HTTP", "TCP"])
async def test_a_listener_that_takes_no_certificates(server: AwsServer, verb: str, wrong: str) -> None:
    web = listener(server) if wrong == "gone" else server.elbv2.add_listener(None, protocol=wrong)
    if wrong == "gone":
        server.elbv2.listeners.clear()
    destination = plugin(server, web)
    with pytest.raises(Misconfigured, match=r"listeners: .*listener/") as raised:
        await (destination.check() if verb == "check" else destination.deploy(deployment()))
    assert raised.value.field == "listeners"
    assert server.count("ImportCertificate") == (wrong == "gone")


async def test_lists_are_read_to_their_end(server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    web = listener(server)
    web.certificates += [by_hand(server) for _ in range(3)]
    given = deployment()
    receipt = await plugin(server, web).deploy(given)
    whole = server.elbv2.describe_listener_certificates
    monkeypatch.setattr(
        server.elbv2,
        "describe_listener_certificates",
        lambda asked, caller: whole(asked | {"PageSize": 2}, caller),
    )
    assert not (await plugin(server, web).deploy(with_receipt(given, receipt))).changed


@pytest.mark.parametrize(
    "changes",
    [
        {"listeners": []},
        {"listeners": ["arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/gwy/web/0a/0b"]},
        {"listeners": ["arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/web/0a/0b"]},
        {"listeners": ["arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/web/0a/0b"] * 2},
    ],
)
def test_wrong_listeners_are_refused(server: AwsServer, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="listeners"):
        plugin(server, **changes)
