"""Rules of a destination about all that is stored: they read it past the plugin."""

from collections.abc import Callable
from typing import Any

import pytest

from certrail_sdk import Bundle, Deployment, Destination, pem
from certrail_sdk.testing.deliveries import another, uncertain, with_receipt
from certrail_sdk.testing.material import make_bundle, renewed
from certrail_sdk.testing.provided import Stored, given, read_with
from certrail_sdk.testing.watch import HeldThreads, interrupted, interrupted_in_thread, own_threads

Build = Callable[[], Destination[Any]]
LAST_STEP = 60


class ContentRules:
    """Part of `DestinationConformance`."""

    async def test_delivers_everything(
        self, build: Build, deployment: Deployment, stored: Stored | None
    ) -> None:
        """Leaf, chain in its order, and the key that fits; after a renewal too, and with the root when it is wanted."""
        given(stored, "stored")
        first = await build().deploy(deployment)
        await _holds(stored, deployment.bundle)
        newer = renewed(deployment)
        second = await build().deploy(with_receipt(newer, first))
        await _holds(stored, newer.bundle)
        rsa_key = _is_rsa(deployment.bundle)
        rooted = make_bundle(deployment.bundle.common_name, rsa_key=rsa_key, with_root=True)
        await build().deploy(with_receipt(newer.model_copy(update={"bundle": rooted}), second))
        await _holds(stored, rooted)

    async def test_makes_no_second_object(
        self, build: Build, deployment: Deployment, stored: Stored | None
    ) -> None:
        """Repeated, adopted and renewed, there is one object more than before."""
        before = set(await read_with(stored))
        first = await build().deploy(deployment)
        await build().deploy(uncertain(deployment))
        await build().deploy(with_receipt(renewed(deployment), first))
        await build().deploy(uncertain(with_receipt(renewed(deployment), first)))
        made = set(await read_with(stored)) - before
        assert len(made) == 1, f"one delivery has {len(made)} objects"

    async def test_replaces_in_one_step(
        self, build: Build, deployment: Deployment, stored: Stored | None
    ) -> None:
        """Cancelled anywhere, a renewal leaves one of the two, whole."""
        given(stored, "stored")
        for step in range(1, LAST_STEP):
            tried = another(deployment, step)
            known = with_receipt(renewed(tried), await build().deploy(tried))
            async with own_threads():
                cancelled = await interrupted(build().deploy(known), step)
            leaves = await _leaves(stored)
            assert leaves & {tried.bundle.fingerprint, known.bundle.fingerprint}, (
                "cancelled at this step, neither the former nor the new certificate is there"
            )
            present = known if known.bundle.fingerprint in leaves else tried
            await _holds(stored, present.bundle)
            if not cancelled:
                return

    async def test_settles_its_writes(
        self, build: Build, deployment: Deployment, stored: Stored | None
    ) -> None:
        """No write of a cancelled deployment lands after it has ended."""
        given(stored, "stored")
        for number in range(1, LAST_STEP):
            tried, threads = another(deployment, number), HeldThreads(number)
            async with own_threads(threads):
                cancelled = await interrupted_in_thread(build().deploy(tried), threads)
                # Reads need not settle: only what lands while its thread is still at work was left behind.
                left = threads.at_work and tried.bundle.fingerprint not in await _leaves(stored)
                threads.release()
            landed = tried.bundle.fingerprint in await _leaves(stored)
            assert not (left and landed), "a write went on after the cancelled deployment had ended"
            if not cancelled:
                return


async def _holds(stored: Stored | None, bundle: Bundle) -> None:
    texts = [text for text in (await read_with(stored)).values() if _leaf(text) == bundle.fingerprint]
    assert texts, "nothing that `stored` returns begins with this certificate"
    text = texts[0]
    wanted = [bundle.fingerprint, *pem.fingerprints(bundle.chain_pem)]
    assert list(pem.fingerprints(text))[: len(wanted)] == wanted, (
        "the chain is missing, incomplete or in another order"
    )
    key = pem.private_key(text)
    if key is None:
        pytest.fail("no private key is stored, or `stored` does not return it")
    assert pem.key_fits(bundle.certificate, key), "the private key that is stored is of another certificate"


async def _leaves(stored: Stored | None) -> set[str | None]:
    return {_leaf(text) for text in (await read_with(stored)).values()}


def _leaf(text: str) -> str | None:
    return next(iter(pem.fingerprints(text)), None)


def _is_rsa(bundle: Bundle) -> bool:
    from cryptography import x509  # noqa: PLC0415  with the extra `testing`
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    return isinstance(
        x509.load_pem_x509_certificate(bundle.certificate.encode()).public_key(), rsa.RSAPublicKey
    )
