"""Destinations that each break the contract in one way, and the rules that must notice.

The tests run this file through pytest and compare what failed with ``breaks``.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from pydantic import ConfigDict, Field

from certrail_sdk import (
    Deployment,
    Observation,
    PluginError,
    Publication,
    Receipt,
    Removal,
    Retryable,
    Secret,
    Target,
)
from certrail_sdk.testing import DestinationConformance
from certrail_sdk.testing.memory import (
    PASSWORD,
    Board,
    InMemoryDestination,
    MemoryConfig,
    Storage,
    boards,
    storages,
)

log = logging.getLogger("faulty")


@pytest.fixture
def place() -> str:
    name = uuid.uuid4().hex
    storages[name] = Storage()
    boards[name] = Board()
    return name


class FaultyDestination(DestinationConformance):
    plugin: ClassVar[type[InMemoryDestination]]

    @pytest.fixture
    def build(self, place: str) -> Callable[[], InMemoryDestination]:
        return lambda: self._made(place, PASSWORD)

    @pytest.fixture
    def broken(self, place: str) -> InMemoryDestination:
        return self._made(place, "not-the-password")

    def _made(self, place: str, password: str) -> InMemoryDestination:
        config = self.plugin.config_type.parse({"place": place, "password": password})
        assert isinstance(config, MemoryConfig)
        return self.plugin(config)


class TestNameless(FaultyDestination):
    breaks = frozenset({"test_says_what_it_is"})

    class plugin(InMemoryDestination):
        """No name."""

        name = ""


class TestUndescribedField(FaultyDestination):
    breaks = frozenset({"test_every_field_is_described"})

    class plugin(InMemoryDestination):
        """A field that nobody can fill in."""

        class config_type(MemoryConfig):
            extra: str = ""


class TestForgetfulConfiguration(FaultyDestination):
    breaks = frozenset({"test_configuration_survives_storage"})

    class plugin(InMemoryDestination):
        """Stores something else than it was given."""

        class config_type(MemoryConfig):
            def reveal(self) -> dict[str, Any]:
                return {**super().reveal(), "place": "elsewhere"}


class TestCarelessConfiguration(FaultyDestination):
    breaks = frozenset({"test_unknown_fields_are_refused"})

    class plugin(InMemoryDestination):
        """Takes any key."""

        class config_type(MemoryConfig):
            model_config = ConfigDict(extra="ignore")


class TestTalkativeRepr(FaultyDestination):
    breaks = frozenset({"test_secrets_are_masked"})

    class plugin(InMemoryDestination):
        """Shows its password."""

        def __repr__(self) -> str:
            return f"<faulty {self.config.password.get_secret_value()}>"


class TestCheckNeverPasses(FaultyDestination):
    breaks = frozenset({"test_check_passes", "test_check_refuses_what_cannot_work"})

    class plugin(InMemoryDestination):
        """Always busy."""

        async def check(self) -> None:
            raise Retryable("busy")


class TestCheckAlwaysPasses(FaultyDestination):
    breaks = frozenset({"test_check_refuses_what_cannot_work"})

    class plugin(InMemoryDestination):
        """Looks at nothing."""

        async def check(self) -> None:
            return None


class TestCheckTellsThePassword(FaultyDestination):
    breaks = frozenset({"test_check_refuses_what_cannot_work"})

    class plugin(InMemoryDestination):
        """Says which password was wrong, in the error's cause only."""

        async def check(self) -> None:
            try:
                await super().check()
            except PluginError as err:
                raise err from ValueError(self.config.password.get_secret_value())


class TestAlwaysChanged(FaultyDestination):
    breaks = frozenset({"test_adopts_what_a_lost_try_left", "test_deploys_once", "test_keeps_its_mark"})

    class plugin(InMemoryDestination):
        """Claims work that it did not do."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            return (await super().deploy(deployment)).model_copy(update={"changed": True})


class TestSecondObject(FaultyDestination):
    breaks = frozenset({"test_adopts_what_a_lost_try_left", "test_survives_cancellation"})

    class plugin(InMemoryDestination):
        """Makes a second object unless a receipt names the first, and removes the one in the receipt."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            receipt = await super().deploy(deployment)
            if deployment.may_exist and deployment.receipt is None:
                storage = self._storage()
                storage.objects["second"] = list(storage.objects[deployment.name])
                storage.owners["second"] = deployment.delivery
            return receipt

        async def observe(self, target: Target) -> Observation:
            seen = await super().observe(target)
            if seen.present or "second" not in self._storage().objects:
                return seen
            return await super().observe(target.model_copy(update={"name": "second"}))


class TestNewReferenceEachTime(FaultyDestination):
    breaks = frozenset({"test_keeps_its_mark", "test_renews"})

    class plugin(InMemoryDestination):
        """Renames the object at each renewal."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            receipt = await super().deploy(deployment)
            renewal = deployment.receipt is not None and receipt.changed
            return receipt.model_copy(update={"reference": "renamed"}) if renewal else receipt


class TestHalfWritten(FaultyDestination):
    breaks = frozenset({"test_leaves_other_deliveries_alone", "test_survives_cancellation"})

    class plugin(InMemoryDestination):
        """Leaves a lock behind when it is cancelled."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            storage = self._storage()
            if "lock" in storage.owners:
                raise Retryable("locked")
            storage.owners["lock"] = deployment.delivery
            await asyncio.sleep(0)
            receipt = await super().deploy(deployment)
            del storage.owners["lock"]
            return receipt


class TestRetriesWhatCannotWork(FaultyDestination):
    breaks = frozenset(
        {
            "test_keeps_its_mark",
            "test_keeps_nothing_between_calls",
            "test_leaves_other_deliveries_alone",
            "test_refused_deployments_are_permanent",
        }
    )

    class plugin(InMemoryDestination):
        """Lets the engine try for days with a wrong password."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            try:
                return await super().deploy(deployment)
            except PluginError:
                raise Retryable("refused") from None


class TestRaisesItsVendorsErrors(FaultyDestination):
    breaks = frozenset(
        {
            "test_keeps_its_mark",
            "test_keeps_nothing_between_calls",
            "test_leaves_other_deliveries_alone",
            "test_refused_deployments_are_permanent",
        }
    )

    class plugin(InMemoryDestination):
        """Lets a foreign error out."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            try:
                return await super().deploy(deployment)
            except PluginError:
                raise KeyError("vendor") from None


class TestSeesGhosts(FaultyDestination):
    breaks = frozenset(
        {
            "test_adopts_what_a_lost_try_left",
            "test_leaves_other_deliveries_alone",
            "test_reads_back",
            "test_removes",
            "test_survives_cancellation",
        }
    )

    class plugin(InMemoryDestination):
        """Says that everything is there."""

        async def observe(self, target: Target) -> Observation:
            seen = await super().observe(target)
            return seen.model_copy(update={"present": True})


class TestRemovesOnlyOnce(FaultyDestination):
    breaks = frozenset({"test_removes"})

    class plugin(InMemoryDestination):
        """Fails when there is nothing left to remove."""

        async def remove(self, target: Target) -> Removal:
            removal = await super().remove(target)
            if not removal.changed:
                raise Retryable("not there")
            return removal


class TestPublishesOnce(FaultyDestination):
    breaks = frozenset({"test_publishes"})

    class plugin(InMemoryDestination):
        """Keeps what it had first."""

        async def publish(self, publication: Publication) -> Receipt:
            kept = publication.model_copy(update={"content": b"one"})
            return await super().publish(kept)


class TestLogsTheKey(FaultyDestination):
    breaks = frozenset(
        {"test_keeps_secrets", "test_lives_without_the_key", "test_refused_deployments_are_permanent"}
    )

    class plugin(InMemoryDestination):
        """Logs the whole request where it thinks that nobody listens."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            assert deployment.bundle.private_key
            log.debug("request: %s", {"key": deployment.bundle.private_key.get_secret_value()})
            return await super().deploy(deployment)


class TestTellsThePasswordInTheReceipt(FaultyDestination):
    breaks = frozenset({"test_keeps_secrets"})

    class plugin(InMemoryDestination):
        """Keeps the password at hand in the receipt."""

        async def deploy(self, deployment: Deployment) -> Receipt:
            details = {"opened_with": self.config.password.get_secret_value()}
            return (await super().deploy(deployment)).model_copy(update={"details": details})


class TestOddNames(FaultyDestination):
    breaks = frozenset({"test_accepts_ordinary_names"})

    class plugin(InMemoryDestination):
        """Takes digits only."""

        name_pattern = r"\d+"


class TestBlocks(FaultyDestination):
    breaks = frozenset({"test_check_passes", "test_check_refuses_what_cannot_work"})

    class plugin(InMemoryDestination):
        """Waits where the event loop has to wait with it."""

        async def check(self) -> None:
            time.sleep(2)  # noqa: ASYNC251  the fault; long enough to be seen by a machine that stalls
            await super().check()


class TestNestedSecretInRepr(FaultyDestination):
    breaks = frozenset({"test_secrets_are_masked"})

    class plugin(InMemoryDestination):
        """Shows a secret that lies deeper in the configuration."""

        class config_type(MemoryConfig):
            headers: dict[str, Secret] = Field(
                {"Authorization": Secret("Bearer of-the-nested-secret")},
                title="Headers",
                description="Sent with every request.",
            )

            def __repr__(self) -> str:
                return str(self.reveal()["headers"])
