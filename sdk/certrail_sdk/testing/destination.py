"""The rules of a destination."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from certrail_sdk import Deployment, Destination, Observes, Receipt, Removes, Target
from certrail_sdk.testing.material import make_deployment, renewed
from certrail_sdk.testing.rules import PluginConformance, config_secrets, logged, refuse_secrets, unblocked

Build = Callable[[], Destination[Any]]


class DestinationConformance(PluginConformance):
    """Subclass it and provide the fixtures of PluginConformance. Optional verbs are checked where they are."""

    @pytest.fixture
    def deployment(self) -> Deployment:
        """The first certificate; override it where the destination wants other material."""
        return make_deployment()

    async def test_deploys_once(self, build: Build, deployment: Deployment) -> None:
        """The same deployment again changes nothing, and says so."""
        first = await unblocked(build().deploy(deployment))
        again = await unblocked(build().deploy(with_receipt(deployment, first)))
        assert first.changed, "the first deployment puts something there"
        assert first.fingerprint == deployment.bundle.fingerprint
        assert not again.changed, "the second deployment finds everything in place"
        assert again.reference == first.reference

    async def test_adopts_what_a_lost_try_left(self, build: Build, deployment: Deployment) -> None:
        """After a try whose receipt was lost, the next one finds the object instead of making a second."""
        lost = await build().deploy(deployment)
        found = await unblocked(build().deploy(deployment.model_copy(update={"may_exist": True})))
        assert found.reference == lost.reference
        assert not found.changed

    async def test_renews(self, build: Build, deployment: Deployment) -> None:
        """A newer certificate replaces the older one under the same reference."""
        first = await build().deploy(deployment)
        newer = renewed(deployment)
        second = await unblocked(build().deploy(with_receipt(newer, first)))
        assert second.changed
        assert second.fingerprint == newer.bundle.fingerprint
        assert second.reference == first.reference, "keep_identity keeps the object's reference"

    async def test_survives_cancellation(self, build: Build, deployment: Deployment) -> None:
        """Cancelled in the middle, then tried again, it ends as if nothing had happened."""
        for turns in (0, 1, 3):
            task = asyncio.ensure_future(
                build().deploy(deployment.model_copy(update={"may_exist": turns > 0}))
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        receipt = await unblocked(build().deploy(deployment.model_copy(update={"may_exist": True})))
        assert receipt.fingerprint == deployment.bundle.fingerprint

    async def test_reads_back(self, build: Build, deployment: Deployment) -> None:
        """`observe` tells absent from present, and which certificate is there."""
        destination = build()
        if not isinstance(destination, Observes):
            return
        before = await unblocked(destination.observe(_target(deployment)))
        assert not before.present
        receipt = await destination.deploy(deployment)
        after = await unblocked(destination.observe(_target(with_receipt(deployment, receipt))))
        assert after.present
        assert after.fingerprint == deployment.bundle.fingerprint
        assert after.key_matches is not False
        assert after.ours is not False

    async def test_removes(self, build: Build, deployment: Deployment) -> None:
        """`remove` takes our object away; removing twice is fine."""
        destination = build()
        if not isinstance(destination, Removes):
            return
        receipt = await destination.deploy(deployment)
        target = _target(with_receipt(deployment, receipt))
        assert (await unblocked(destination.remove(target))).changed
        assert not (await unblocked(destination.remove(target))).changed

    async def test_keeps_secrets(
        self, build: Build, deployment: Deployment, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither the private key nor a credential reaches a log or a receipt."""
        caplog.set_level(logging.DEBUG)
        destination = build()
        receipt = await destination.deploy(deployment)
        secrets = config_secrets(destination)
        if deployment.bundle.private_key is not None:
            secrets.append(deployment.bundle.private_key.get_secret_value())
        refuse_secrets(
            f"{receipt!r} {receipt.model_dump_json()} {deployment!r}", secrets, "a receipt or a repr"
        )
        refuse_secrets(logged(caplog), secrets, "a log")

    def test_accepts_ordinary_names(self, build: Build) -> None:
        """The default name schema fits the destination."""
        assert type(build()).accepts_name("certrail-0123456789ABCDEFGHIJKL")


def with_receipt(deployment: Deployment, receipt: Receipt) -> Deployment:
    """The deployment as the engine sends it after a successful one."""
    return deployment.model_copy(update={"receipt": receipt})


def _target(deployment: Deployment) -> Target:
    return Target(delivery=deployment.delivery, name=deployment.name, receipt=deployment.receipt)


__all__ = ["DestinationConformance", "with_receipt"]
