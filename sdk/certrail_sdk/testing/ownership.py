"""Rules of a destination about whose an object is, and about what is there now rather than what once was."""

from collections.abc import Callable
from typing import Any

import pytest

from certrail_sdk import (
    Deployment,
    Destination,
    Observes,
    Permanent,
    PluginError,
    Receipt,
    Removes,
    Target,
)
from certrail_sdk.testing.deliveries import of_another_delivery, target_of, uncertain, with_receipt
from certrail_sdk.testing.material import renewed
from certrail_sdk.testing.provided import Stored, awaited, given, read_with
from certrail_sdk.testing.state import kept_by
from certrail_sdk.testing.watch import unblocked

Build = Callable[[], Destination[Any]]


class OwnershipRules:
    """Part of `DestinationConformance`."""

    @pytest.fixture
    def foreign(self) -> Callable[[str], object] | None:
        """A callable that puts an object of this name there by hand, without any mark of certrail."""
        return None

    @pytest.fixture
    def elsewhere(self) -> Destination[Any] | None:
        """A working plugin object that differs from `build` in its target only: another folder, vault or region."""
        return None

    async def test_keeps_its_mark(self, build: Build, deployment: Deployment) -> None:
        """After a renewal, the object is still found by the mark alone, and still refused to others."""
        first = await build().deploy(deployment)
        newer = renewed(deployment)
        second = await build().deploy(with_receipt(newer, first))
        found = await unblocked(build().deploy(uncertain(newer)))
        assert found.reference == second.reference, "the renewed object is not found without its receipt"
        assert not found.changed, "the renewed object is written again, as if it were another"
        await _refused_or_apart(build(), of_another_delivery(newer), second)
        await _still_there(build(), with_receipt(newer, second))

    async def test_leaves_other_deliveries_alone(self, build: Build, deployment: Deployment) -> None:
        """Under the same name, another delivery takes nothing over, sees nothing of it, and removes nothing."""
        ours = with_receipt(deployment, await build().deploy(deployment))
        assert ours.receipt
        other = of_another_delivery(deployment)
        apart = await _refused_or_apart(build(), other, ours.receipt)
        again = await _refused_or_apart(build(), uncertain(other), ours.receipt)
        if not apart and not again:
            await _see_nothing(build(), target_of(other))
            await _remove_nothing(build(), target_of(other))
        await _still_there(build(), ours)

    async def test_leaves_foreign_objects_alone(
        self,
        build: Build,
        deployment: Deployment,
        foreign: Callable[[str], object] | None,
        stored: Stored | None,
    ) -> None:
        """What somebody made by hand is not ours, whatever it is called."""
        put = given(foreign, "foreign")
        await awaited(put(deployment.name))
        before = await read_with(stored)
        assert before, "the fixture `foreign` made nothing that `stored` returns"
        for tried in (deployment, uncertain(deployment)):
            try:
                receipt = await unblocked(build().deploy(tried))
            except Permanent:
                continue
            await _removed(build(), with_receipt(tried, receipt))
        await _see_nothing(build(), target_of(deployment))
        await _remove_nothing(build(), target_of(deployment))
        after = await read_with(stored)
        assert {name: after.get(name) for name in before} == before, "an object that was made by hand changed"

    async def test_returns_to_an_earlier_certificate(self, build: Build, deployment: Deployment) -> None:
        """What was replaced can be deployed again."""
        first = await build().deploy(deployment)
        newer = renewed(deployment)
        second = await build().deploy(with_receipt(newer, first))
        back = await unblocked(build().deploy(with_receipt(deployment, second)))
        assert back.changed, "the earlier certificate is taken for the present one"
        assert back.fingerprint == deployment.bundle.fingerprint
        await _still_there(build(), with_receipt(deployment, back))

    async def test_puts_back_what_was_removed(self, build: Build, deployment: Deployment) -> None:
        """An object that is gone is made again, though a receipt says that it was there."""
        receipt = await build().deploy(deployment)
        if not isinstance(destination := build(), Removes):
            pytest.skip("the destination does not let us remove")
        await destination.remove(target_of(with_receipt(deployment, receipt)))
        try:
            again = await unblocked(build().deploy(with_receipt(deployment, receipt)))
        except Permanent:
            return  # the name of what was deleted stays taken, and a person is told
        assert again.changed, "the destination believes the receipt instead of looking"
        await _still_there(build(), with_receipt(deployment, again))

    async def test_keeps_nothing_between_calls(
        self, build: Build, broken: Destination[Any], deployment: Deployment
    ) -> None:
        """Neither the object nor its module keeps anything, so another configuration gets nothing of it."""
        await build().deploy(deployment)
        destination = build()
        before = kept_by(destination)
        await destination.deploy(renewed(deployment))
        assert kept_by(destination) == before, "the object or its module keeps something of a call"
        with pytest.raises(Permanent):
            await broken.deploy(renewed(deployment))

    async def test_is_not_misled_by_another_target(
        self, build: Build, elsewhere: Destination[Any] | None, deployment: Deployment
    ) -> None:
        """A sync was retargeted: the receipt names the object of the same delivery and name at the former target."""
        there = given(elsewhere, "elsewhere")
        ours = with_receipt(deployment, await build().deploy(deployment))
        former = renewed(deployment)
        moved = with_receipt(former, await there.deploy(former))
        if isinstance(destination := build(), Observes):
            seen = await unblocked(_or_nothing(destination.observe(target_of(moved))))
            assert seen is None or not seen.present or seen.fingerprint == moved.bundle.fingerprint, (
                "`observe` takes the object of the same name here for the one at another target"
            )
        await _remove_nothing(build(), target_of(moved), may_remove=True)
        await _still_there(build(), ours)


async def _refused_or_apart(destination: Destination[Any], other: Deployment, ours: Receipt) -> bool:
    """Deploy another delivery: it is refused, or gets an object of its own, which is said and taken away."""
    try:
        receipt = await unblocked(destination.deploy(other))
    except Permanent:
        return False
    assert receipt.reference != ours.reference, "an object of another delivery is replaced"
    await _removed(destination, with_receipt(other, receipt))
    return True


async def _removed(destination: Destination[Any], deployment: Deployment) -> None:
    if isinstance(destination, Removes):
        await destination.remove(target_of(deployment))


async def _see_nothing(destination: Destination[Any], target: Target) -> None:
    if isinstance(destination, Observes):
        seen = await unblocked(_or_nothing(destination.observe(target)))
        assert seen is None or not seen.present, "`observe` takes an object of somebody else for ours"


async def _remove_nothing(destination: Destination[Any], target: Target, *, may_remove: bool = False) -> None:
    """Try to remove what is not ours; an object at another target may be removed where it is."""
    if isinstance(destination, Removes):
        removal = await unblocked(_or_nothing(destination.remove(target)))
        assert may_remove or removal is None or not removal.changed, (
            "`remove` takes away what is somebody else's"
        )


async def _still_there(destination: Destination[Any], deployment: Deployment) -> None:
    if isinstance(destination, Observes):
        seen = await destination.observe(target_of(deployment))
        assert seen.present, "our object is gone"
        assert seen.fingerprint == deployment.bundle.fingerprint, "our object has another certificate"


async def _or_nothing(verb: Any) -> Any:
    """What the verb answers; ``None`` where it refuses, as it may."""
    try:
        return await verb
    except PluginError:
        return None
