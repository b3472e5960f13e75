"""Stored configurations are read step by step at the revision of the installed plugin, those of connections too."""

from typing import Any, ClassVar

import pytest
from pydantic import Field
from tests.integration.conftest import Team
from typing_extensions import override

from certrail.domain.errors import BadInput, OutdatedPlugin
from certrail.plugins.redaction import MASK
from certrail.plugins.registry import PluginRegistry
from certrail_sdk import (
    Config,
    Deployment,
    Destination,
    NewerConfiguration,
    Observation,
    Receipt,
    Secret,
    Target,
    connection_field,
    hookimpl,
)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class First(Config):
    """As the first version of a plugin had it."""

    host: str = connection_field(title="Host")
    credential: Secret = connection_field(title="Credential")
    label: Secret = connection_field(default=Secret("l"), title="Label")
    row: str = "top"
    pin: Secret | None = None


class Third(Config):
    """Two revisions later: `credential` became `token`, and `pin` became `codes`."""

    revision: ClassVar[int] = 3
    steps: ClassVar[list[int]] = []

    host: str = connection_field(title="Host")
    token: Secret = connection_field(title="Token")
    label: Secret = connection_field(default=Secret("l"), title="Label")
    row: str = "top"
    codes: dict[str, Secret] = Field(default_factory=dict)

    @override
    @classmethod
    def migrate(cls, old: dict[str, Any], revision: int) -> dict[str, Any]:
        cls.steps.append(revision)
        if revision == 1 and "credential" in old:
            old["token"] = old.pop("credential")
        if revision == 2 and "pin" in old:
            old["codes"] = {"pin": old.pop("pin")}
        return old


class Broken(Third):
    revision: ClassVar[int] = 4

    @override
    @classmethod
    def migrate(cls, old: dict[str, Any], revision: int) -> dict[str, Any]:
        raise KeyError(old.get("credential"))


def plugin_of(config: type[Config]) -> type[Destination[Any]]:
    class Locker(Destination[config]):  # type: ignore[valid-type]
        name: ClassVar[str] = "locker"
        title: ClassVar[str] = "Locker"
        connection_type: ClassVar[str | None] = "locker"

        async def check(self) -> None: ...

        async def deploy(self, deployment: Deployment) -> Receipt:
            raise NotImplementedError

        async def observe(self, target: Target) -> Observation:
            raise NotImplementedError

    return Locker


def install(team: Team, config: type[Config]) -> None:
    """Replace the installed version of the plugin."""

    class Module:
        @staticmethod
        @hookimpl
        def certrail_destinations() -> list[type[Destination[Any]]]:
            return [plugin_of(config)]

    registry = PluginRegistry()
    registry.register(Module, distribution="locker", version="1.0")
    team.services.context.plugins = registry


@pytest.fixture
def stored(team: Team) -> Team:
    """A connection and a sync of the first version."""
    install(team, First)
    connection = {"host": "h", "credential": "c0nfidential"}
    team.services.connections.create(team.admin, slug="c", name="C", type_="locker", config=connection)
    team.services.syncs.create(
        team.admin,
        team.application,
        slug="s",
        name="S",
        destination="locker",
        connection="c",
        config={"row": "low", "pin": "1234-5678"},
    )
    Third.steps.clear()
    return team


def test_both_are_migrated_once_a_step(stored: Team) -> None:
    install(stored, Third)
    config = stored.services.syncs.build(stored.application, "s").config
    assert (config.token.get_secret_value(), config.host) == ("c0nfidential", "h")
    assert config.codes["pin"].get_secret_value() == "1234-5678"
    assert sorted(Third.steps) == [1, 1, 2, 2]


def test_renamed_secrets_are_masked_under_their_new_names(stored: Team) -> None:
    install(stored, Third)
    services = stored.services
    assert services.connections.shown(services.connections.get("c")) == {"host": "h", "token": MASK}
    sync = services.syncs.get(stored.application, "s")
    assert services.syncs.shown(sync) == {"row": "low", "codes": {"pin": MASK}}


def test_masks_of_the_new_names_keep_the_old_values(stored: Team) -> None:
    install(stored, Third)
    services = stored.services
    services.connections.update(stored.admin, "c", {"host": "h2", "token": MASK})
    services.syncs.update(stored.admin, stored.application, "s", config={"codes": {"pin": MASK, "puk": "99"}})
    Third.steps.clear()
    config = services.syncs.build(stored.application, "s").config
    assert Third.steps == [], "what is stored at the present revision is not migrated"
    assert (config.host, config.token.get_secret_value()) == ("h2", "c0nfidential")
    assert {name: code.get_secret_value() for name, code in config.codes.items()} == {
        "pin": "1234-5678",
        "puk": "99",
    }


def test_a_newer_revision_says_so_and_shows_nothing(stored: Team) -> None:
    install(stored, Third)
    services = stored.services
    services.connections.update(stored.admin, "c", {"host": "h", "token": "t0ken-t0ken"})
    services.syncs.update(stored.admin, stored.application, "s", config={"codes": {"a": "b0ok-b0ok"}})
    install(stored, First)
    with pytest.raises(OutdatedPlugin, match="stored at revision 3; the installed version reads up to 1"):
        services.syncs.build(stored.application, "s")
    sync = services.syncs.get(stored.application, "s")
    assert services.syncs.shown(sync) == {"codes": MASK}
    assert services.connections.shown(services.connections.get("c")) == {"host": MASK, "token": MASK}
    with pytest.raises(NewerConfiguration):
        First.parse({"host": "h"}, 2)


def test_a_migration_that_fails_shows_no_value(stored: Team) -> None:
    install(stored, Broken)
    services = stored.services
    with pytest.raises(BadInput, match="cannot migrate the configuration of revision 1: KeyError") as refusal:
        services.syncs.build(stored.application, "s")
    assert "c0nfidential" not in str(refusal.value.extra) + refusal.value.detail
    assert set(services.connections.shown(services.connections.get("c")).values()) == {MASK}


def test_without_the_plugin_everything_is_masked_and_listed(stored: Team) -> None:
    stored.services.context.plugins = PluginRegistry()
    services = stored.services
    sync = services.syncs.get(stored.application, "s")
    assert services.syncs.shown(sync) == {"row": MASK, "pin": MASK}
    assert set(services.connections.shown(services.connections.get("c")).values()) == {MASK}
