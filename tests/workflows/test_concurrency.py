"""How much a worker does at once is what it was given."""

from temporalio.client import Client
from tests.workflows.fakes import QUEUE, Fakes

from certrail_workflows import policies
from certrail_workflows.worker import Concurrency, core_worker, plugin_worker


async def test_the_limits_of_a_worker_are_those_it_was_given(client: Client, fakes: Fakes) -> None:
    chosen = Concurrency(workflow_tasks=7, activities=3, plugin_calls=2)
    core = core_worker(client, fakes.services, fakes.drain, chosen).config()
    assert core["max_concurrent_workflow_tasks"] == 7
    assert core["max_concurrent_activities"] == 3
    assert core["max_concurrent_local_activities"] == 3
    plugin = plugin_worker(client, fakes.services, QUEUE, fakes.calls, chosen).config()
    assert plugin["max_concurrent_activities"] == 2


async def test_without_settings_the_limits_are_those_of_the_policies(client: Client, fakes: Fakes) -> None:
    core = core_worker(client, fakes.services, fakes.drain).config()
    assert core["max_concurrent_activities"] == policies.CORE_ACTIVITIES
    plugin = plugin_worker(client, fakes.services, QUEUE, fakes.calls).config()
    assert plugin["max_concurrent_activities"] == policies.ACTIVITIES_PER_PLUGIN
