"""A plugin's verb, as its activity runs it."""

from typing import Any

from temporalio.testing import ActivityEnvironment
from tests.integration.conftest import Team

from certrail.services.core.effects import PluginStep
from certrail_workflows.activities.calls import Calls
from certrail_workflows.activities.plugin import plugin_activity

CALLS = Calls()


async def run_verb(team: Team, step: PluginStep, subject_id: str) -> Any:
    """One attempt. Raises ApplicationError with what Temporal is to do next."""
    return await ActivityEnvironment().run(
        plugin_activity(step, team.clock, team.services.plugin_faults, CALLS), subject_id
    )
