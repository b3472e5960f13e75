"""`doctor` on schedules and workflows: what is missing is counted, and a Temporal that refuses is one finding."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import pytest

from certrail.services.core.orchestrator import OrchestratorUnavailable, WorkflowStart
from certrail.services.operations.schema_watch import prepare
from certrail_server import doctor
from certrail_server.bootstrap import App, build
from certrail_server.settings import Settings
from certrail_workflows.client import TemporalOrchestrator

STORE = "store-1"


class Store:
    """What `doctor` is told of Temporal; the tests beside a real one are in `tests/workflows` and `tests/live`."""

    missing: Sequence[str] = ()
    refuses = False

    async def missing_schedules(self) -> Sequence[str]:
        return self.missing

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        return {start.workflow_id for start in starts}

    async def health(self) -> bool:
        return True

    async def client(self) -> None:
        if self.refuses:
            raise OrchestratorUnavailable("Temporal says PERMISSION_DENIED: no")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def app(tmp_path: Path, store: Store) -> App:
    built = build(Settings(data_dir=tmp_path))
    prepare(built.context.db, built.context.keyring)
    return App(built.settings, built.services, cast(TemporalOrchestrator, store))


async def test_missing_schedules_are_named(app: App, store: Store) -> None:
    assert (await doctor._schedules(app)).ok
    store.missing = ["sweep-expiry", "sweep-outbox"]
    finding = await doctor._schedules(app)
    assert not finding.ok
    assert finding.detail.startswith("2 schedules missing: sweep-expiry, sweep-outbox; ")


async def test_a_replaced_store_is_reported_until_it_is_filled(app: App) -> None:
    app.services.reconciliation.restore("store-0")
    assert (await doctor._workflows(app, "store-0")).detail.endswith("nothing was ever started again")
    finding = await doctor._workflows(app, STORE)
    assert finding.ok
    assert "Temporal's database was replaced, nothing was in flight" in finding.detail


async def test_a_temporal_that_refuses_is_one_finding(app: App, store: Store) -> None:
    store.refuses = True
    (finding,) = await doctor._temporal(app, database=True)
    assert (finding.check, finding.ok) == ("temporal", False)
    assert "PERMISSION_DENIED" in finding.detail
