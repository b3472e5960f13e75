"""The tools that the rules are made with."""

import asyncio
import json
import logging
import time
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certrail_sdk import Retryable
from certrail_sdk.testing import make_bundle, make_deployment, renewed, watch
from certrail_sdk.testing.canary import LogWatch, refuse_secrets, reported, secrets_in
from certrail_sdk.testing.watch import interrupted, own_threads, unblocked


@pytest.mark.parametrize(
    ("rsa_key", "kind"), [(False, ec.EllipticCurvePrivateKey), (True, rsa.RSAPrivateKey)]
)
def test_material_is_a_valid_path_with_its_key(rsa_key: bool, kind: type) -> None:
    bundle = make_deployment(rsa_key=rsa_key).bundle
    leaf = x509.load_pem_x509_certificate(bundle.certificate.encode())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(bundle.chain[0].encode()))
    assert bundle.private_key
    key = load_pem_private_key(bundle.private_key.get_secret_value().encode(), None)
    assert isinstance(key, kind)
    assert key.public_key() == leaf.public_key()
    assert int(bundle.serial, 16) == leaf.serial_number


@pytest.mark.parametrize("rsa_key", [False, True])
def test_a_renewal_is_another_certificate_of_the_same_lineage(rsa_key: bool) -> None:
    first = make_deployment(rsa_key=rsa_key)
    second = renewed(first)
    assert (second.lineage, second.delivery, second.name) == (first.lineage, first.delivery, first.name)
    assert second.bundle.fingerprint != first.bundle.fingerprint
    assert second.certificate != first.certificate
    keys = [
        x509.load_pem_x509_certificate(d.bundle.certificate.encode()).public_key() for d in (first, second)
    ]
    assert type(keys[0]) is type(keys[1])
    assert keys[0] != keys[1]


@pytest.mark.parametrize("disguise", [str, quote, json.dumps, lambda pem: b64encode(pem.encode()).decode()])
def test_a_key_is_found_in_any_disguise(disguise: object) -> None:
    deployment = make_deployment()
    (secret,) = secrets_in(deployment)
    assert callable(disguise)
    with pytest.raises(pytest.fail.Exception, match="a secret stands in a log") as raised:
        refuse_secrets(f"request {disguise(secret)}", [secret], "a log")
    assert secret.splitlines()[1] not in str(raised.value)


def test_public_text_is_let_through() -> None:
    deployment = make_deployment()
    refuse_secrets(deployment.bundle.certificate + repr(deployment), secrets_in(deployment), "a log")


def test_silenced_loggers_are_received(everything_logged: LogWatch) -> None:
    logging.getLogger("sdk.tests.silenced").debug("psst")
    try:
        raise ValueError("in the traceback")
    except ValueError:
        logging.getLogger("sdk.tests.silenced").exception("failed")
    assert "psst" in everything_logged.text()
    assert "in the traceback" in everything_logged.text()


@pytest.fixture(autouse=True)
def silenced() -> logging.Logger:
    logger = logging.getLogger("sdk.tests.silenced")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    return logger


def test_an_error_tells_its_causes() -> None:
    with pytest.raises(Retryable) as raised:
        raise Retryable("the error", action="the advice") from ValueError("the cause")
    assert all(part in reported(raised.value) for part in ("the cause", "the error", "the advice"))


async def test_waiting_is_not_blocking() -> None:
    await unblocked(asyncio.sleep(0.3))
    await unblocked(asyncio.to_thread(time.sleep, 0.3))


@pytest.mark.parametrize("pause_first", [True, False])
async def test_blocking_is_seen(pause_first: bool) -> None:
    async def verb() -> None:
        if pause_first:
            await asyncio.sleep(0.02)
        time.sleep(2)  # noqa: ASYNC251  what is to be seen, also by a machine that stalls

    with pytest.raises(AssertionError, match=r"blocked in .*test_kit_tools.py:.* verb"):
        await unblocked(verb())


async def test_long_computing_is_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_COMPUTATION", 0.2)
    with pytest.raises(AssertionError, match=r"blocked in .*test_kit_tools.py:.* compute"):
        await unblocked(compute(seconds=60, unless=places_seen(monkeypatch)))


async def test_computing_for_less_than_a_machine_may_stall_is_not_blocking() -> None:
    await unblocked(compute(seconds=watch.LONGEST_COMPUTATION / 5))


async def compute(seconds: float, unless: Sequence[str] = ()) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not unless:
        pass


def places_seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the watch found the loop blocked, however seldom a busy machine lets it look."""
    places: list[str] = []
    where = watch._Watch._where

    def looked(self: watch._Watch) -> str:
        place = where(self)
        places.extend(filter(None, [place]))
        return place

    monkeypatch.setattr(watch._Watch, "_where", looked)
    return places


async def test_foreign_errors_are_seen() -> None:
    async def verb() -> None:
        raise KeyError("token")

    with pytest.raises(AssertionError, match="not KeyError"):
        await unblocked(verb())


async def test_plugin_errors_pass() -> None:
    async def verb() -> None:
        raise Retryable("later")

    with pytest.raises(Retryable):
        await unblocked(verb())


@pytest.mark.parametrize(
    ("step", "cancelled", "reached"), [(1, True, [0]), (3, True, [0, 1, 2]), (4, False, [0, 1, 2, 3])]
)
async def test_a_verb_is_cancelled_where_it_waits(step: int, cancelled: bool, reached: list[int]) -> None:
    seen: list[int] = []

    async def verb() -> None:
        for n in range(4):
            seen.append(n)
            if n < 3:
                await asyncio.sleep(0.001 * n)

    assert await interrupted(verb(), step) is cancelled
    assert seen == reached


async def test_threads_of_a_cancelled_verb_have_ended() -> None:
    ended: list[bool] = []

    def work() -> None:
        time.sleep(0.05)
        ended.append(True)

    async with own_threads():
        assert await interrupted(asyncio.to_thread(work), 1)
        assert not ended
    assert ended
    assert await asyncio.to_thread(lambda: "the loop has threads again")


def test_the_root_is_there_when_it_is_wanted() -> None:
    bundle = make_bundle("conformance.example", with_root=True)
    assert bundle.root
    issuer = x509.load_pem_x509_certificate(bundle.chain[0].encode())
    issuer.verify_directly_issued_by(x509.load_pem_x509_certificate(bundle.root.encode()))
