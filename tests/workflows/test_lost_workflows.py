"""What is missing in Temporal, as a real server tells it: namespaces, schedules, workflows."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client
from tests.workflows.fakes import Fakes

from certrail.crypto.keyring import Keyring
from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage, WorkflowStart
from certrail.services.issuance.issuance import Advance
from certrail_workflows import policies
from certrail_workflows.client import TemporalOrchestrator
from certrail_workflows.setup import KINDS, missing_sweeps


def orchestrator(address: str, keyring: Keyring, namespace: str = "default") -> TemporalOrchestrator:
    return TemporalOrchestrator(address=address, namespace=namespace, keyring=keyring)


def started(flow: str, ident: str) -> WorkflowStart:
    plugin = None if flow == "issuance" else "destination-fake"
    return WorkflowStart(flow=flow, workflow_id=ident, subject_id="subject-1", summary="", plugin=plugin)


async def test_a_namespace_that_is_made_anew_has_another_identity(address: str, keyring: Keyring) -> None:
    fresh = orchestrator(address, keyring, "lost-and-found")
    assert await fresh.identity() is None
    for _ in range(100):  # a new namespace is known to all parts of the server a while later
        try:
            missing = await fresh.ensure()
            break
        except OrchestratorUnavailable:
            await asyncio.sleep(0.2)
    assert sorted(missing) == [f"sweep-{kind}" for kind in sorted(KINDS)]
    first = await fresh.identity()
    assert first is not None
    assert first != await orchestrator(address, keyring).identity()
    assert await orchestrator(address, keyring, "lost-and-found").identity() == first


async def test_schedules_that_are_missing_are_made_and_no_other_is_touched(
    address: str, keyring: Keyring, client: Client
) -> None:
    here = orchestrator(address, keyring)
    await here.prepare()
    kept = client.get_schedule_handle("sweep-expiry")
    await kept.pause(note="by an operator")
    for kind in ("digests", "shared"):
        await client.get_schedule_handle(f"sweep-{kind}").delete()
    assert await here.missing_schedules() == ["sweep-digests", "sweep-shared"]
    assert await here.ensure() == ["sweep-digests", "sweep-shared"]
    assert await here.ensure() == []
    assert await missing_sweeps(client) == []
    assert (await kept.describe()).schedule.state.paused
    for kind in KINDS:
        await client.get_schedule_handle(f"sweep-{kind}").delete()


async def test_only_what_does_not_run_is_lost(
    address: str, keyring: Keyring, client: Client, fakes: Fakes
) -> None:
    here = orchestrator(address, keyring)
    for ident in ("running", "ended", "done"):
        await here.dispatch(OutboxMessage(1, "issuance", f"issuance-{ident}", "subject-1"))
    await client.get_workflow_handle("issuance-ended").terminate("by hand")
    needed = [started("issuance", f"issuance-{ident}") for ident in ("running", "ended", "never")]
    assert await here.lost(needed) == {"issuance-ended", "issuance-never"}
    assert await here.lost([]) == set()
    fakes.issuance.steps = [Advance("issued"), Advance("issued")]
    async with fakes.workers(client):
        for ident in ("running", "done"):
            assert await client.get_workflow_handle(f"issuance-{ident}").result() == "issued"
    assert await here.lost([started("issuance", "issuance-done")]) == set(), "its success was just recorded"


async def test_one_that_failed_by_itself_is_left_for_a_while(
    address: str, keyring: Keyring, client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = orchestrator(address, keyring)
    fakes.issuance.steps = [Advance("failed")]
    async with fakes.workers(client):
        await here.dispatch(OutboxMessage(1, "issuance", "issuance-failed", "subject-1"))
        with pytest.raises(Exception, match="Workflow execution failed"):
            await client.get_workflow_handle("issuance-failed").result()
    failed = [started("issuance", "issuance-failed")]
    assert await here.lost(failed) == set()
    monkeypatch.setattr(policies, "LONGEST_WAIT", timedelta(0))
    assert await here.lost(failed) == {"issuance-failed"}
