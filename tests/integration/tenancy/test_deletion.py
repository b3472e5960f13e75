"""An Application is deleted whole: said first, confirmed, and nothing of it is left but the record."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from tests.integration.conftest import Team

from certrail.domain.errors import Conflict
from certrail.domain.search import CertificateFilter
from certrail.services.approvals.policies import Step
from certrail_sdk import Receipt


def full(team: Team, folder: Path) -> str:
    """An Application `doomed` with something of every kind in it; returns its id."""
    services, admin = team.services, team.admin
    application = services.applications.create(admin, slug="doomed", name="Doomed", profiles=["web"]).id
    for slug in ("asker", "owner"):
        team.person(slug, None)
        services.applications.set_member(admin, application, slug, "operator")  # type: ignore[arg-type]
    keys = {"bot_token": "xoxb-1", "signing_secret": "s" * 32}
    services.connections.create(admin, slug="chat", name="Chat", type_="slack", config=keys)
    services.connections.create(admin, slug="disk", name="Disk", type_="folder", config={"root": str(folder)})
    services.channels.create(
        admin,
        application,
        slug="chat",
        name="C",
        notifier="slack",
        config={"channel": "#a"},
        connection="chat",
    )
    services.alerts.create_alert(
        admin, application, slug="all", name="All", events=["certificate.issued"], channels=["chat"]
    )
    services.syncs.create(
        admin, application, slug="disk", name="D", destination="files", config={}, connection="disk"
    )
    services.saved_searches.create(
        admin, application, slug="v", name="V", wanted=CertificateFilter(serial="1")
    )
    services.approval_policies.create(
        admin,
        application,
        slug="g",
        name="G",
        profiles=["web"],
        steps=[Step("One", ("owner",), 1, ("chat",))],
    )
    asker, owner = team.actor("asker"), team.actor("owner")
    row = services.requests.submit(
        asker, application, profile="web", content={"sans": {"dns": ["a.example.com"]}}, attributes={"a": "b"}
    )
    approval = services.approvals.of_subject(row.id)
    assert approval
    with services.context.db.read() as session:
        (copy,) = session.execute(text("select id from approval_message")).scalars()
    assert services.approval_messages.begin(copy)
    services.approvals.vote(owner, approval.id, "approve")
    assert services.issuance.advance(row.id).status == "issued"
    (delivery, _), *_ = services.deliveries.list(application)
    work = services.effects.deliver.begin(delivery.id, 1)
    assert work
    services.effects.deliver.complete(work, Receipt(reference="x", fingerprint="0" * 64, changed=True))  # type: ignore[arg-type]
    return application


def rows_of(team: Team) -> dict[str, int]:
    with team.services.context.db.read() as session:
        tables = inspect(session.connection()).get_table_names()
        return {t: session.execute(text(f"select count(*) from {t}")).scalar_one() for t in sorted(tables)}


def test_what_would_go_is_said_and_nothing_else_goes(team: Team, tmp_path: Path) -> None:
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    before = rows_of(team)
    application = full(team, tmp_path)
    look = team.services.deletions.preview(application)
    assert look.counts == {
        "members": 3,
        "certificate_requests": 1,
        "certificates": 1,
        "syncs": 1,
        "alerts": 1,
        "channels": 1,
        "approval_policies": 1,
        "views": 1,
    }
    assert look.warnings == [
        "1 certificates are valid; nobody will renew them or watch them.",
        "1 certificates stay good for everybody who asks, and nobody can revoke them unless they are imported again;"
        " revoke first what is not to be trusted any more.",
        "The sync disk leaves 1 objects at its destination.",
        "1 messages were not sent yet, and will not be.",
    ]
    for wrong in ("", "x", team.services.deletions.preview(team.application).confirm):
        with pytest.raises(Conflict, match="Something else would go"):
            team.services.deletions.delete(team.admin, application, wrong)
    team.services.deletions.delete(team.admin, application, look.confirm)
    after = rows_of(team)
    assert after.pop("revocation_tombstone") == 1
    before.pop("revocation_tombstone")
    kept = {"event", "outbox", "connection", "principal", "audit_chain_head", "alembic_version"}
    assert {t: n for t, n in after.items() if t not in kept} == {
        t: n for t, n in before.items() if t not in kept
    }
    assert team.services.audit_log.verify().faults == []
    (event,) = team.services.audit_log.events(application, type_="application.deleted")
    assert event.data["counts"] == look.counts


def test_what_changed_since_the_preview_is_looked_at_again(team: Team, tmp_path: Path) -> None:
    application = full(team, tmp_path)
    seen = team.services.deletions.preview(application).confirm
    team.person("late", None)
    team.services.applications.set_member(team.admin, application, "late", "auditor")  # type: ignore[arg-type]
    with pytest.raises(Conflict) as refused:
        team.services.deletions.delete(team.admin, application, seen)
    assert refused.value.extra["counts"]["members"] == 4


def test_one_put_for_another_is_looked_at_again(team: Team, tmp_path: Path) -> None:
    application = full(team, tmp_path)
    seen = team.services.deletions.preview(application)
    team.services.saved_searches.delete(team.admin, application, "v")
    team.services.saved_searches.create(
        team.admin, application, slug="v", name="V", wanted=CertificateFilter(serial="1")
    )
    again = team.services.deletions.preview(application)
    assert (again.counts, again.warnings) == (seen.counts, seen.warnings)
    with pytest.raises(Conflict, match="Something else would go"):
        team.services.deletions.delete(team.admin, application, seen.confirm)
    team.services.deletions.delete(team.admin, application, again.confirm)


def test_requests_under_way_hold_it_up(team: Team) -> None:
    team.ask(team.admin)
    look = team.services.deletions.preview(team.application)
    with pytest.raises(Conflict, match="1 certificate requests are under way"):
        team.services.deletions.delete(team.admin, team.application, look.confirm)


def test_workflows_of_what_was_deleted_end(team: Team, tmp_path: Path) -> None:
    application = full(team, tmp_path)
    with team.services.context.db.read() as session:
        rows = session.execute(text("select flow, subject_id from outbox")).all()
    pending = {row.flow: row.subject_id for row in rows}
    team.services.deletions.delete(
        team.admin, application, team.services.deletions.preview(application).confirm
    )
    assert {"delivery", "notification", "approval-message"} <= pending.keys()
    assert team.services.effects.deliver.begin(pending["delivery"], 2) is None
    assert team.services.effects.notify.begin(pending["notification"], 1) is None
    assert team.services.approval_messages.begin(pending["approval-message"]) is None
    assert team.services.approval_messages.is_closed(pending["approval-message"])
