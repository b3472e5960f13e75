"""A plugin that listens badly: its fault is on record, and it is started again."""

from typing import Any, ClassVar

import pytest
from tests.integration.conftest import Team

from certrail.plugins.registry import PluginRegistry
from certrail.services.integrations.plugin_faults import CallFault, PluginFaults
from certrail_fakes.arrivals import Arrivals
from certrail_sdk import Config, Notification, Notifier, Sent, hookimpl
from certrail_server.workers import listeners
from certrail_server.workers.listeners import Listeners
from certrail_workflows.activities.calls import Calls

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
KEY = "notifier-ear"


class Ear(Notifier[Config]):
    name: ClassVar[str] = "ear"
    title: ClassVar[str] = "Ear"

    async def check(self) -> None: ...

    async def send(self, notification: Notification) -> Sent:
        return Sent(reference=notification.id)

    def wants_listener(self) -> bool:
        return True

    async def listen(self, answer: Any) -> None:
        raise SystemExit(3)


class Module:
    @staticmethod
    @hookimpl
    def certrail_notifiers() -> list[type[Notifier[Any]]]:
        return [Ear]


class Noted(PluginFaults):
    """Says when a fault is on record."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.recorded: Arrivals[CallFault] = Arrivals()

    def record(self, fault: CallFault) -> None:
        super().record(fault)
        self.recorded.add(fault)


async def test_what_would_end_the_process_is_its_fault(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "RETRY_SECONDS", 0.0)
    registry = PluginRegistry()
    registry.register(Module, distribution="acme", version="4.2")
    team.services.context.plugins = registry
    team.services.channels.create(
        team.admin, team.application, slug="ear", name="Ear", notifier="ear", config={}
    )
    faults = Noted(team.services.context)
    listening = Listeners(team.services.chat, registry, faults, Calls())
    listening.serve({KEY})
    await listening.look()
    (first, *_) = await faults.recorded.wait_for(2, 60)
    listening.stop()
    assert (first.plugin, first.version, first.verb, first.what) == (
        KEY,
        "4.2",
        "listen",
        "raised SystemExit",
    )
    assert team.services.plugin_faults.all()[KEY].count >= 2
