"""An Application that is deleted while something in it begins: one waits for the other."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import pytest
from sqlalchemy import event
from tests.integration.conftest import Team
from tests.integration.tenancy.test_deletion import full

from certrail.domain.errors import Conflict


def deleted_before(
    team: Team, application: str, insertion: str, act: Callable[[], Any]
) -> tuple[Any, Future[None]]:
    """Do something, and delete the Application right before this is inserted, until that is done or waits."""
    services, db, coming = team.services, team.services.context.db, list[Future[None]]()
    confirm = services.deletions.preview(application).confirm

    def somebody_waits() -> bool:
        with db.engine.connect() as connection:
            return bool(connection.exec_driver_sql("select 1 from pg_locks where not granted").first())

    def before(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if current_thread() is main_thread() and statement.startswith(f"INSERT INTO {insertion} "):
            coming.append(pool.submit(services.deletions.delete, team.admin, application, confirm))
            # SQLite lets one writer in at a time: there the second one does not even begin.
            while not (db.is_sqlite or coming[0].done() or somebody_waits()):
                time.sleep(0.01)

    with ThreadPoolExecutor(1) as pool:
        event.listen(db.engine, "before_cursor_execute", before)
        try:
            done = act()
            coming[0].exception(60)
        finally:
            event.remove(db.engine, "before_cursor_execute", before)
    return done, coming[0]


def test_a_renewal_that_begins_is_waited_for_and_keeps_the_application(team: Team, tmp_path: Path) -> None:
    services, doomed = team.services, full(team, tmp_path)
    ((delivery, _),) = services.deliveries.list(doomed)
    request, deletion = deleted_before(
        team,
        doomed,
        "certificate_request",
        lambda: services.renewals.renew(team.admin, delivery.desired_certificate_id),
    )
    with pytest.raises(Conflict, match="requests are under way"):
        deletion.result()
    assert services.requests.get(request.id).application_id == doomed


def test_a_sync_that_is_made_is_waited_for_and_counted(team: Team, tmp_path: Path) -> None:
    services, doomed = team.services, full(team, tmp_path)
    sync, deletion = deleted_before(
        team,
        doomed,
        "delivery",
        lambda: services.syncs.create(
            team.admin, doomed, slug="two", name="Two", destination="files", config={}, connection="disk"
        ),
    )
    with pytest.raises(Conflict, match="Something else would go"):
        deletion.result()
    assert services.syncs.get(doomed, sync.id).slug == "two"
