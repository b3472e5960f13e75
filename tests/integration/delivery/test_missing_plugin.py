"""A destination whose plugin is not here: nothing fails for it, and its deliveries wait."""

from tests.integration.folder_world import FolderWorld

from certrail.plugins.registry import PluginRegistry


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
