"""Objects that are named by their certificates: a re-issue has the name of its predecessor, and a clash is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from tests.integration.folder_world import FolderWorld
from tests.integration.verbs import run_verb

from certrail.domain.endpoints.probes import ProbeVerdict
from certrail.domain.errors import BadInput
from certrail.pki.revocation import Reason
from certrail.services.delivery.desired_state import workflow_of
from certrail.services.delivery.probes.verdict import verdict_of_leaf
from certrail.services.inventory.selectors import CertificateSelector

pytestmark = pytest.mark.any_database

BY_NAME = "{{common_name}}"
NAME, OTHER = "a.example.com", "b.example.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "one"


def issue(world: FolderWorld, *names: str) -> str:
    """A certificate that is newer than those before it."""
    world.team.clock.advance(timedelta(seconds=1))
    request, _ = world.team.ask(world.team.admin, sans={"dns": [*names]})
    world.team.services.issuance.advance(request)
    return world.team.services.requests.get(request).certificate_id or ""


def leaf(folder: Path, name: str) -> str:
    """What is there."""
    return (folder / name / "current/fullchain.pem").read_text().partition("-----END")[0]


def pem(world: FolderWorld, certificate: str) -> str:
    return world.team.services.inventory.get(certificate).pem.partition("-----END")[0]


async def test_a_path_is_known_before_anything_is_issued(folder_world: FolderWorld, folder: Path) -> None:
    folder_world.sync(name_schema=BY_NAME)
    certificate = issue(folder_world, NAME)
    await folder_world.work()
    assert leaf(folder, NAME) == pem(folder_world, certificate)


async def test_a_re_issue_takes_the_object_over(folder_world: FolderWorld, folder: Path) -> None:
    folder_world.sync(name_schema=BY_NAME)
    first = issue(folder_world, NAME, OTHER)
    await folder_world.work()
    before = folder_world.delivery()
    second = issue(folder_world, NAME.upper(), OTHER)
    row = folder_world.delivery()
    assert (row.id, row.object_name) == (before.id, NAME)
    assert row.lineage_id == folder_world.lineage(second) != folder_world.lineage(first)
    await folder_world.work()
    assert folder_world.delivery().status == "delivered"
    assert leaf(folder, NAME) == pem(folder_world, second)
    (event,) = folder_world.reported("delivery.reassigned")
    assert event["former_lineage_id"] == folder_world.lineage(first)


async def test_what_a_service_still_presents_is_older(folder_world: FolderWorld) -> None:
    inventory = folder_world.team.services.inventory
    first, second = (inventory.get(issue(folder_world, NAME)) for _ in range(2))
    with folder_world.team.services.context.db.read() as session:
        finding = verdict_of_leaf(session, [second], first.fingerprint)
        stranger = verdict_of_leaf(session, [inventory.get(issue(folder_world, OTHER))], first.fingerprint)
    assert (finding.verdict, stranger.verdict) == (ProbeVerdict.OLDER, ProbeVerdict.OTHER)


async def test_one_workflow_delivers_whichever_lineage_has_the_name(folder_world: FolderWorld) -> None:
    """Two at once would overtake each other."""
    folder_world.sync(name_schema=BY_NAME)
    issue(folder_world, NAME)
    row = folder_world.delivery()
    services = folder_world.team.services
    sync = services.syncs.get(folder_world.team.application, "files")
    first = workflow_of(sync, row, services.inventory.get(row.desired_certificate_id)).workflow_id
    second = services.inventory.get(issue(folder_world, NAME))
    assert workflow_of(sync, folder_world.delivery(), second).workflow_id == first


async def test_the_receipt_of_a_deploy_that_was_overtaken_does_not_count(
    folder_world: FolderWorld, folder: Path
) -> None:
    folder_world.sync(name_schema=BY_NAME)
    issue(folder_world, NAME)
    call = folder_world.begun()
    assert call
    second = issue(folder_world, NAME)
    receipt = await call.destination.deploy(call.deployment)
    folder_world.team.services.effects.deliver.complete(call, receipt)
    assert folder_world.delivery().status == "pending"
    await folder_world.work()
    assert leaf(folder, NAME) == pem(folder_world, second)


def test_a_clash_is_refused_when_the_sync_is_made(folder_world: FolderWorld) -> None:
    first, second = issue(folder_world, NAME), issue(folder_world, NAME, OTHER)
    with pytest.raises(BadInput, match="would both be called") as refused:
        folder_world.sync(name_schema=BY_NAME)
    assert first in refused.value.detail
    assert second in refused.value.detail
    assert refused.value.extra["field"] == "name_schema"
    with pytest.raises(BadInput, match="would both be called"):
        folder_world.team.services.syncs.preview(
            folder_world.team.application,
            destination="files",
            selection=CertificateSelector(),
            name_schema=BY_NAME,
        )
    folder_world.sync()
    with pytest.raises(BadInput, match="would both be called"):
        folder_world.update(name_schema=BY_NAME)
    assert len(folder_world.deliveries()) == 2


async def test_the_newest_of_the_same_names_is_delivered(folder_world: FolderWorld, folder: Path) -> None:
    issue(folder_world, NAME)
    newest = issue(folder_world, NAME)
    ((shown, name),) = folder_world.team.services.syncs.preview(
        folder_world.team.application,
        destination="files",
        selection=CertificateSelector(),
        name_schema=BY_NAME,
    )
    assert (shown.id, name) == (newest, NAME)
    folder_world.sync(name_schema=BY_NAME)
    await folder_world.work()
    assert folder_world.delivery().desired_certificate_id == newest
    assert leaf(folder, NAME) == pem(folder_world, newest)
    # Nothing changes hands by an unrelated change.
    folder_world.update(name="Called otherwise")
    assert folder_world.delivery().desired_certificate_id == newest


async def test_a_taken_name_fails_the_delivery_with_the_reason_until_it_is_free(
    folder_world: FolderWorld, folder: Path
) -> None:
    folder_world.sync(name_schema=BY_NAME, prune=True)
    first = issue(folder_world, NAME)
    await folder_world.work()
    second = issue(folder_world, NAME, OTHER)
    deliver = folder_world.team.services.effects.deliver
    (waiting,) = [row for row in folder_world.deliveries() if row.desired_certificate_id == second]
    with pytest.raises(ApplicationError) as failed:
        await run_verb(folder_world.team, deliver, waiting.id)
    assert failed.value.non_retryable
    row, _ = folder_world.team.services.deliveries.get(waiting.id)
    assert row.status == "failed"
    assert row.last_error
    assert f"'{NAME}' at sync files belongs to {NAME} ({first})" in row.last_error["message"]
    assert len(folder_world.reported("delivery.failed")) == 1
    assert leaf(folder, NAME) == pem(folder_world, first)
    services, admin = folder_world.team.services, folder_world.team.admin
    services.revocation.revoke(admin, first, Reason.CESSATION_OF_OPERATION)
    await folder_world.work()
    services.deliveries.retry(admin, waiting.id)
    await folder_world.work()
    assert services.deliveries.get(waiting.id)[0].status == "delivered"
    assert leaf(folder, NAME) == pem(folder_world, second)


async def test_a_batch_leaves_a_taken_name_to_its_own_workflow(folder_world: FolderWorld) -> None:
    folder_world.sync(name_schema=BY_NAME)
    issue(folder_world, NAME)
    second = issue(folder_world, NAME, OTHER)
    first, waiting = sorted(folder_world.deliveries(), key=lambda row: row.name_taken)
    assert waiting.desired_certificate_id == second
    before = folder_world.handed_over()
    begun = folder_world.team.services.delivery_batch.begin("batch", [first.id, waiting.id])
    assert [call.subject_id for call in begun.calls] == [first.id]
    assert folder_world.handed_over() == before + 1


async def test_a_name_schema_with_more_in_it_resolves_a_clash(folder_world: FolderWorld) -> None:
    folder_world.sync(name_schema=BY_NAME)
    issue(folder_world, NAME)
    second = issue(folder_world, NAME, OTHER)
    folder_world.update(name_schema="{{common_name}}-{{certificate_id}}")
    await folder_world.work()
    assert {row.object_name for row in folder_world.deliveries()} == {NAME, f"{NAME}-{second}"}
    assert {row.status for row in folder_world.deliveries()} == {"delivered"}


async def test_what_was_taken_over_leaves_at_once_when_it_is_revoked(folder_world: FolderWorld) -> None:
    """The successor is not delivered yet."""
    folder_world.sync(name_schema=BY_NAME, prune=True)
    first = issue(folder_world, NAME)
    await folder_world.work()
    issue(folder_world, NAME)
    folder_world.team.services.revocation.revoke(folder_world.team.admin, first, Reason.KEY_COMPROMISE)
    (removal,) = folder_world.team.services.retirements.list(folder_world.team.application)
    assert removal[0].certificate_id == first
    assert removal[0].status == "due"


def test_lineages_that_come_to_a_name_at_once_share_it(folder_world: FolderWorld) -> None:
    folder_world.sync(name_schema=BY_NAME)
    services = folder_world.team.services
    requests = [folder_world.team.ask(folder_world.team.admin, NAME)[0] for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(services.issuance.advance, requests))
    issued = {services.requests.get(request).certificate_id for request in requests}
    assert len(issued) == 6
    assert folder_world.delivery().desired_certificate_id in issued
