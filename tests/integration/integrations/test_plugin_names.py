"""What uses a plugin is given to the distribution that it was made for, and to no other one of the same name."""

from typing import Any, ClassVar

import pytest
from temporalio.exceptions import ApplicationError
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.domain.errors import BadInput, Conflict, ForeignPlugin, NotFound
from certrail.plugins.redaction import MASK
from certrail.plugins.registry import PluginRegistry
from certrail.services.integrations.plugin_names import used_distributions
from certrail_sdk import (
    Config,
    Deployment,
    Destination,
    Notification,
    Notifier,
    Receipt,
    Secret,
    Sent,
    hookimpl,
)

FIRST, LATER = "acme-first", "acme-later"
HANDED: list[str] = []
"""What the plugins were built with."""


class Login(Config):
    password: Secret
    level: str = "top"


class Locker(Destination[Login]):
    name: ClassVar[str] = "locker"
    title: ClassVar[str] = "Locker"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        HANDED.append(self.config.password.get_secret_value())

    async def check(self) -> None: ...

    async def deploy(self, deployment: Deployment) -> Receipt:
        return Receipt(reference="1", fingerprint=deployment.bundle.fingerprint, changed=True)


class Megaphone(Notifier[Login]):
    name: ClassVar[str] = "megaphone"
    title: ClassVar[str] = "Megaphone"

    async def check(self) -> None: ...

    async def send(self, notification: Notification) -> Sent:
        return Sent(reference=notification.id)


class Module:
    @staticmethod
    @hookimpl
    def certrail_destinations() -> list[type[Destination[Any]]]:
        return [Locker]

    @staticmethod
    @hookimpl
    def certrail_notifiers() -> list[type[Notifier[Any]]]:
        return [Megaphone]


def install(team: Team, distribution: str) -> None:
    """Have the plugins provided by this distribution, as if it alone were installed and certrail started again."""
    registry = PluginRegistry()
    registry.register(Module, distribution=distribution, version="1.0")
    team.services.context.plugins = registry
    HANDED.clear()


def sync(team: Team, slug: str = "s") -> None:
    team.services.syncs.create(
        team.admin,
        team.application,
        slug=slug,
        name=slug,
        destination="locker",
        config={"password": "c0nfidential"},
    )


def channel(team: Team, slug: str = "c") -> None:
    team.services.channels.create(
        team.admin,
        team.application,
        slug=slug,
        name=slug,
        notifier="megaphone",
        config={"password": "c0nfidential"},
    )


@pytest.fixture
def used(team: Team) -> Team:
    """A sync with a delivery and a channel, made while the first distribution was installed."""
    install(team, FIRST)
    sync(team)
    channel(team)
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    return team


def test_the_distributions_in_use_are_known(used: Team) -> None:
    assert used_distributions(used.services.context.db) == {
        "destination-locker": FIRST,
        "notifier-megaphone": FIRST,
    }


def test_spelling_of_a_distribution_does_not_matter(used: Team) -> None:
    install(used, "ACME_First")
    assert (
        used.services.syncs.build(used.application, "s").config.password.get_secret_value() == "c0nfidential"
    )


async def test_another_distribution_is_given_no_key_and_its_delivery_waits(used: Team) -> None:
    install(used, LATER)
    ((row, _),) = used.services.deliveries.list(used.application)
    with pytest.raises(ApplicationError) as refused:
        await run_verb(used, used.services.effects.deliver, row.id)
    assert not refused.value.non_retryable
    ((row, _),) = used.services.deliveries.list(used.application)
    assert row.last_error is not None
    assert (row.status, row.last_error["kind"], row.last_error["permanent"]) == (
        "retrying",
        "foreign-plugin",
        False,
    )
    assert f"belongs to the distribution {FIRST}" in row.last_error["message"]
    assert "certrail plugin transfer" in row.last_error["action"]
    assert not HANDED
    install(used, FIRST)
    await run_verb(used, used.services.effects.deliver, row.id)
    ((row, _),) = used.services.deliveries.list(used.application)
    assert row.status == "delivered"


def test_another_distribution_is_shown_and_built_with_no_secret(used: Team) -> None:
    install(used, LATER)
    row = used.services.syncs.get(used.application, "s")
    assert used.services.syncs.shown(row) == {"password": MASK}
    for build in (used.services.syncs.build, used.services.channels.build):
        with pytest.raises(ForeignPlugin, match=FIRST):
            build(used.application, "s" if build == used.services.syncs.build else "c")
    with pytest.raises(ForeignPlugin):
        used.services.syncs.update(
            used.admin, used.application, "s", config={"password": MASK, "level": "low"}
        )
    assert not HANDED


@pytest.mark.parametrize("create", [sync, channel])
def test_nothing_new_is_made_with_the_plugin_of_another_distribution(used: Team, create: Any) -> None:
    install(used, LATER)
    with pytest.raises(ForeignPlugin, match=f"belongs to the distribution {FIRST}"):
        create(used, "more")


def test_a_product_admin_gives_the_name_to_another_distribution(used: Team) -> None:
    install(used, LATER)
    names = used.services.plugin_names
    with pytest.raises(BadInput, match=f"Distributions that do: {LATER}"):
        names.transfer(used.admin, "destination-locker", "acme-third")
    names.transfer(used.admin, "destination-locker", "ACME.later")
    assert used.services.syncs.build(used.application, "s").config.level == "top"
    with pytest.raises(ForeignPlugin):  # the name of another kind is its own
        used.services.channels.build(used.application, "c")
    (event,) = used.services.audit_log.events(None, type_="plugin.transferred", limit=9)
    assert (event.data["before"], event.data["after"], event.actor_name) == (FIRST, LATER, used.admin.name)


def test_no_bundled_or_unused_name_is_given_away(team: Team) -> None:
    with pytest.raises(Conflict, match="come with certrail"):
        team.services.plugin_names.transfer(team.admin, "destination-files", LATER)
    install(team, LATER)
    with pytest.raises(NotFound):
        team.services.plugin_names.transfer(team.admin, "destination-locker", LATER)


def test_a_name_that_nothing_uses_any_more_is_free(used: Team) -> None:
    used.services.syncs.delete(used.admin, used.application, "s")
    install(used, LATER)
    sync(used, "anew")
    assert used_distributions(used.services.context.db)["destination-locker"] == LATER
