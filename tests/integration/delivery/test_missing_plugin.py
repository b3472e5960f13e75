"""A destination whose plugin is not here: nothing fails for it, and its deliveries wait and say so."""

from dataclasses import replace
from typing import cast

from tests.integration.conftest import Team
from tests.integration.folder_world import REFUSED, FolderWorld

from certrail.plugins.registry import PluginRegistry
from certrail_server import doctor
from certrail_server.bootstrap import App
from certrail_server.settings import Settings
from certrail_workflows.client import TemporalOrchestrator


async def test_without_its_plugin_an_issuance_goes_on_and_the_delivery_waits(
    folder_world: FolderWorld,
) -> None:
    folder_world.sync(name_schema="{{common_name}}-{{short_certificate_id}}")
    context = folder_world.team.services.context
    plugins, context.plugins = context.plugins, PluginRegistry()
    certificate = folder_world.issue()
    (waiting,) = folder_world.deliveries()
    assert (waiting.desired_certificate_id, waiting.status) == (certificate, "pending")
    context.plugins = plugins
    await folder_world.work()
    (delivered,) = folder_world.deliveries()
    assert (delivered.object_name, delivered.status) == (waiting.object_name, "delivered")


async def test_a_delivery_says_that_its_plugin_is_missing_until_it_is_there(
    folder_world: FolderWorld,
) -> None:
    folder_world.sync()
    services = folder_world.team.services
    plugins, services.context.plugins = services.context.plugins, PluginRegistry()
    folder_world.issue()
    services.sweeps["shared"]()
    waiting = folder_world.delivery()
    assert waiting.last_error is not None
    assert (waiting.status, waiting.last_error["kind"], waiting.last_error["permanent"]) == (
        "retrying",
        "PluginMissing",
        False,
    )
    assert "The destination plugin 'files' cannot be used: it is not installed here" in str(
        waiting.last_error
    )
    assert "certrail plugins" in waiting.last_error["action"]
    assert services.sweeps["shared"]() == 0
    assert len(folder_world.reported("delivery.failed")) == 1
    services.context.plugins = plugins
    await folder_world.work()
    assert (folder_world.delivery().status, folder_world.delivery().last_error) == ("delivered", None)
    assert len(folder_world.reported("delivery.recovered")) == 1


async def test_it_replaces_what_failed_before_and_touches_nobody_else(folder_world: FolderWorld) -> None:
    folder_world.sync()
    folder_world.issue()
    services = folder_world.team.services
    row = folder_world.delivery()
    assert folder_world.begun()
    services.effects.deliver.fail(row.id, replace(REFUSED, permanent=False), row.generation)
    assert services.sweeps["shared"]() == 0
    services.context.plugins = PluginRegistry()
    services.sweeps["shared"]()
    assert (folder_world.delivery().last_error or {})["kind"] == "PluginMissing"


def test_a_message_says_so_and_its_channel_is_failing(team: Team) -> None:
    receiver = {"url": "https://receiver.example.com/", "signing_secret": "long-enough-secret"}
    team.services.connections.create(team.admin, slug="hook", name="Hook", type_="webhook", config=receiver)
    team.services.channels.create(
        team.admin,
        team.application,
        slug="hook",
        name="Hook",
        notifier="webhook",
        connection="hook",
        config={},
    )
    team.services.alerts.create_alert(
        team.admin,
        team.application,
        slug="issued",
        name="Issued",
        events=["certificate.issued"],
        channels=["hook"],
    )
    team.services.context.plugins = PluginRegistry()
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    team.services.sweeps["shared"]()
    (message,) = team.services.alerts.notifications(team.application)
    assert (message.status, (message.last_error or {})["kind"]) == ("retrying", "PluginMissing")
    assert team.services.channels.get(team.application, "hook").failing_since is not None


def test_doctor_counts_what_uses_it(folder_world: FolderWorld) -> None:
    folder_world.sync()
    folder_world.sync("more")
    services = folder_world.team.services
    app = App(cast(Settings, None), services, cast(TemporalOrchestrator, None))
    assert not doctor._absent_plugins(app)
    services.context.plugins = PluginRegistry()
    (finding,) = doctor._absent_plugins(app)
    assert (finding.check, finding.ok) == ("uses of destination-files", False)
    assert finding.detail.startswith(
        "2 syncs: The destination plugin 'files' cannot be used: it is not installed"
    )
