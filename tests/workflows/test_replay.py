"""Recorded histories replay on the flows of today, and stay as short as they are."""

import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from tests.workflows.record_histories import HISTORIES, STORIES, payloads

from certrail_workflows import flows, policies
from certrail_workflows.messages import ADVANCE_ISSUANCE, IssuanceInput, IssuanceStep
from certrail_workflows.registry import WORKFLOWS
from certrail_workflows.worker import sandbox

EVENTS = {
    "delivery_batch_at_once": 11,
    "delivery_batch_that_fails": 12,
    "delivery_at_once": 12,
    "delivery_mismatch": 24,
    "delivery_refused": 13,
    "delivery_retired": 20,
    "issuance_at_once": 6,
    "issuance_that_fails": 6,
    "issuance_batch_at_once": 6,
    "issuance_batch_in_chunks": 7,
    "issuance_batch_that_fails": 8,
    "notification_refused": 11,
    "notification_sent": 11,
    "outbox_sweep": 11,
    "revocation_that_fails": 6,
    "renewal_handed_back": 7,
    "sweep": 11,
    "validation_checked_again": 22,
    "validation_given_up": 12,
}
"""Of each recorded history: the server's work per event is what a workflow costs."""
SIGNALLED = {
    "delivery_superseded": 33,
    "issuance_with_approval": 17,
    "mirror_published": 22,
    "approval_message_closed": 19,
    "renewal_that_waits": 17,
    "revocation_with_approval": 17,
}
"""At most: a signal that arrives with something else shares its workflow task."""
RECORDED = sorted(HISTORIES.glob("*.json"))


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=sandbox()
    )
    await replayer.replay_workflow(history(path))


def workflow_type(path: Path) -> str:
    started = json.loads(path.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]
    name: str = started["workflowType"]["name"]
    return name


def defined_workflows() -> set[type]:
    """Every class of the flows' package that Temporal knows as a workflow."""
    modules = [import_module(f"{flows.__name__}.{found.name}") for found in iter_modules(flows.__path__)]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return {one for one in classes if hasattr(one, "__temporal_workflow_definition")}


def test_each_workflow_has_a_recorded_history() -> None:
    assert defined_workflows() == set(WORKFLOWS), "the worker runs every workflow that is defined"
    assert {workflow_type(path) for path in RECORDED} == {one.__name__ for one in WORKFLOWS}


def test_every_story_was_recorded_and_costs_as_many_events_as_before() -> None:
    assert {path.stem for path in RECORDED} == {story.__name__ for story in STORIES}
    counts = {path.stem: len(json.loads(path.read_text())["events"]) for path in RECORDED}
    assert counts == EVENTS | {name: min(counts[name], most) for name, most in SIGNALLED.items()}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_history_holds_ids_only(path: Path) -> None:
    held = b"".join(payloads(json.loads(path.read_text())))
    assert b"BEGIN" not in held
    assert b"canary" not in held


@workflow.defn(name="IssuanceWorkflow", sandboxed=False)
class ChangedFlow:
    """An issuance that waits a second first: a change that needs a patch marker."""

    @workflow.run
    async def run(self, task: IssuanceInput) -> str:
        await workflow.sleep(1)
        step: IssuanceStep = await workflow.execute_local_activity(
            ADVANCE_ISSUANCE, task.request_id, result_type=IssuanceStep, **policies.OWN_STEP
        )
        return step.status


async def test_an_incompatible_change_is_found() -> None:
    replayer = Replayer(workflows=[ChangedFlow], data_converter=pydantic_data_converter)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history(HISTORIES / "issuance_at_once.json"))
