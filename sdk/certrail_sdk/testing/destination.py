"""The rules of a destination."""

from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest

from certrail_sdk import (
    Deployment,
    Destination,
    Observes,
    Permanent,
    Publication,
    Publishes,
    Removes,
)
from certrail_sdk.testing.canary import LogWatch, refuse_secrets, reported, secrets_in
from certrail_sdk.testing.content import ContentRules
from certrail_sdk.testing.deliveries import (
    another,
    assert_no_second,
    secrets_of,
    target_of,
    uncertain,
    with_receipt,
)
from certrail_sdk.testing.material import make_deployment, renewed
from certrail_sdk.testing.ownership import OwnershipRules
from certrail_sdk.testing.plugin import PluginConformance
from certrail_sdk.testing.watch import interrupted, own_threads, unblocked

Build = Callable[[], Destination[Any]]
LIST = "application/pkix-crl"
INTERRUPTIONS = (1, 2, 3, 5, 8, 13, 21, 34)
"""The waits of ``deploy`` at which it is cancelled, until it has fewer than that."""
SAMPLES = {
    "short_certificate_id": "0123456789ABCDEFGHIJab",
    "certificate_id": "0123456789abcdef" * 2,
    "lineage_id": "0123456789abcdef" * 2,
    "common_name": "a",
    "profile": "a",
    "application": "a",
}


class DestinationConformance(OwnershipRules, ContentRules, PluginConformance):
    """Subclass it and provide the fixtures of PluginConformance. Optional verbs are checked where present.

    For all rules provide also ``foreign(name)``, which puts an object there by hand, and ``elsewhere``, a plugin object
    of the same configuration but for the target: another folder, vault or region.
    """

    kind = "destination"

    @pytest.fixture
    def deployment(self) -> Deployment:
        """The first certificate; override it where the destination wants other material."""
        return make_deployment()

    def test_accepts_ordinary_names(self, build: Build) -> None:
        """The default name schema fits the destination."""
        plugin = type(build())
        name = sample_name(plugin.default_name_schema)
        assert plugin.accepts_name(name), f"names such as {name} do not fit name_pattern and name_length"

    def verbs(self, plugin: Any, request: pytest.FixtureRequest) -> Iterator[Awaitable[object]]:
        """A call of each verb that reaches the other side."""
        deployment: Deployment = request.getfixturevalue("deployment")
        yield plugin.check()
        yield plugin.deploy(deployment)
        if isinstance(plugin, Observes):
            yield plugin.observe(target_of(deployment))
        if isinstance(plugin, Removes):
            yield plugin.remove(target_of(deployment))

    async def test_deploys_once(self, build: Build, deployment: Deployment) -> None:
        """The same deployment again changes nothing, and says so."""
        first = await unblocked(build().deploy(deployment))
        again = await unblocked(build().deploy(with_receipt(deployment, first)))
        assert first.changed, "the first deployment puts something there"
        assert first.reference, "a receipt names the object"
        assert first.fingerprint == again.fingerprint == deployment.bundle.fingerprint
        assert not again.changed, "the second deployment finds everything in place"
        assert again.reference == first.reference

    async def test_adopts_what_a_lost_try_left(self, build: Build, deployment: Deployment) -> None:
        """After a try whose receipt was lost, the next one finds the object instead of making a second."""
        lost = await build().deploy(deployment)
        found = await unblocked(build().deploy(uncertain(deployment)))
        assert found.reference == lost.reference
        assert not found.changed
        await assert_no_second(build(), with_receipt(deployment, found))

    async def test_renews(self, build: Build, deployment: Deployment) -> None:
        """A newer certificate replaces the older one under the same reference."""
        first = await build().deploy(deployment)
        newer = renewed(deployment)
        second = await unblocked(build().deploy(with_receipt(newer, first)))
        assert second.changed
        assert second.fingerprint == newer.bundle.fingerprint
        assert second.reference == first.reference, "keep_identity keeps the object's reference"
        if isinstance(destination := build(), Observes):
            seen = await destination.observe(target_of(with_receipt(newer, second)))
            assert seen.fingerprint == newer.bundle.fingerprint

    async def test_survives_cancellation(self, build: Build, deployment: Deployment) -> None:
        """Cancelled at any point and tried again, it ends as if nothing had happened."""
        for step in INTERRUPTIONS:
            tried = another(deployment, step)
            async with own_threads():
                cancelled = await interrupted(build().deploy(tried), step)
            receipt = await unblocked(build().deploy(uncertain(tried)))
            assert receipt.fingerprint == tried.bundle.fingerprint
            await assert_no_second(build(), with_receipt(tried, receipt))
            if not cancelled:
                break

    async def test_refused_deployments_are_permanent(
        self, broken: Destination[Any], deployment: Deployment, everything_logged: LogWatch
    ) -> None:
        """With a configuration that cannot work, `deploy` asks for a person, not for a retry."""
        with pytest.raises(Permanent) as raised:
            await unblocked(broken.deploy(deployment))
        spoken = reported(raised.value) + everything_logged.text()
        refuse_secrets(spoken, secrets_of(broken, deployment), "an error or a log")

    async def test_reads_back(self, build: Build, deployment: Deployment) -> None:
        """`observe` tells absent from present, and which certificate is there."""
        destination = build()
        if not isinstance(destination, Observes):
            pytest.skip("the destination cannot be read back")
        before = await unblocked(destination.observe(target_of(deployment)))
        assert not before.present
        receipt = await destination.deploy(deployment)
        after = await unblocked(destination.observe(target_of(with_receipt(deployment, receipt))))
        assert after.present
        assert after.fingerprint == deployment.bundle.fingerprint
        assert after.reference in (None, receipt.reference)
        assert after.key_matches is not False
        newer = renewed(deployment)
        await destination.deploy(with_receipt(newer, receipt))
        drifted = await unblocked(destination.observe(target_of(with_receipt(deployment, receipt))))
        assert drifted.fingerprint in (newer.bundle.fingerprint, None), (
            "`observe` says what the receipt says: a certificate that was replaced since is not seen"
        )

    async def test_removes(self, build: Build, deployment: Deployment) -> None:
        """`remove` takes our object away; removing twice is fine."""
        destination = build()
        if not isinstance(destination, Removes):
            pytest.skip("the destination does not let us remove")
        receipt = await destination.deploy(deployment)
        target = target_of(with_receipt(deployment, receipt))
        assert (await unblocked(destination.remove(target))).changed
        assert not (await unblocked(destination.remove(target))).changed
        if isinstance(destination, Observes):
            assert not (await destination.observe(target)).present

    async def test_publishes(self, build: Build) -> None:
        """`publish` puts a public file in place, replaces its own, and leaves alone what is not ours."""
        destination = build()
        if not isinstance(destination, Publishes):
            pytest.skip("the destination holds no public files")
        first = Publication(delivery="list-1", name="list.crl", content=b"one", media_type=LIST)
        receipt = await unblocked(destination.publish(first))
        assert receipt.changed
        assert receipt.fingerprint == sha256(b"one").hexdigest()
        known = first.model_copy(update={"receipt": receipt})
        assert not (await unblocked(destination.publish(known))).changed
        newer = await unblocked(destination.publish(known.model_copy(update={"content": b"two"})))
        assert newer.changed
        assert newer.reference == receipt.reference
        lost = known.model_copy(update={"content": b"three", "receipt": None, "may_exist": True})
        assert (await unblocked(destination.publish(lost))).fingerprint == sha256(b"three").hexdigest()
        foreign = first.model_copy(update={"delivery": "list-2", "content": b"four"})
        with pytest.raises(Permanent):
            await unblocked(destination.publish(foreign))

    async def test_keeps_secrets(
        self,
        build: Build,
        deployment: Deployment,
        everything_logged: LogWatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Neither a private key nor a credential reaches a log or a receipt, whatever the verb."""
        destination = build()
        newer = renewed(deployment)
        first = await destination.deploy(deployment)
        second = await destination.deploy(with_receipt(newer, first))
        spoken = [f"{receipt!r} {receipt.model_dump_json()}" for receipt in (first, second)]
        target = target_of(with_receipt(newer, second))
        if isinstance(destination, Observes):
            spoken.append(repr(await destination.observe(target)))
        if isinstance(destination, Removes):
            spoken.append(repr(await destination.remove(target)))
        secrets = [*secrets_of(destination, deployment), *secrets_in(newer)]
        refuse_secrets(" ".join(spoken), secrets, "a receipt or an observation")
        refuse_secrets(everything_logged.text(), secrets, "a log")
        refuse_secrets("".join(capfd.readouterr()), secrets, "the standard output")

    async def test_lives_without_the_key(self, build: Build, deployment: Deployment) -> None:
        """A certificate whose key certrail does not hold is delivered without it, or a person is asked."""
        bundle = deployment.bundle.model_copy(update={"private_key": None})
        try:
            receipt = await unblocked(build().deploy(deployment.model_copy(update={"bundle": bundle})))
        except Permanent:
            return
        assert receipt.fingerprint == bundle.fingerprint

    async def test_gives_a_new_identity(self, build: Build, deployment: Deployment) -> None:
        """With `keep_identity=False` the new certificate arrives all the same."""
        first = await build().deploy(deployment)
        newer = with_receipt(renewed(deployment), first).model_copy(update={"keep_identity": False})
        second = await unblocked(build().deploy(newer))
        assert second.changed
        assert second.fingerprint == newer.bundle.fingerprint
        if isinstance(destination := build(), Observes):
            seen = await destination.observe(target_of(with_receipt(newer, second)))
            assert seen.fingerprint == newer.bundle.fingerprint


def sample_name(schema: str) -> str:
    """A name that the engine would make by a schema: ids as they are, texts as short as they can be."""
    for placeholder, value in SAMPLES.items():
        schema = schema.replace("{{" + placeholder + "}}", value)
    return schema


__all__ = ["DestinationConformance", "uncertain", "with_receipt"]
