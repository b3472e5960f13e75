"""Revocation beside whatever else decides on the same certificate at that moment: one waits, and none is undone."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import event
from sqlmodel import select
from tests.integration.conftest import Team

from certrail.domain.content import Subject
from certrail.domain.errors import Conflict
from certrail.domain.renewal import Advice
from certrail.persistence.tables import CaKey, Certificate, Crl, Lineage, RevocationTombstone
from certrail.pki.revocation import Reason


def issued(team: Team) -> Certificate:
    request, _ = team.ask(team.admin)
    assert team.services.issuance.advance(request).status == "issued"
    return team.services.inventory.get(team.services.requests.get(request).certificate_id or "")


def lineage_of(team: Team, certificate: Certificate) -> Lineage:
    with team.services.context.db.read() as session:
        return session.get_one(Lineage, certificate.lineage_id)


def listed(team: Team) -> set[str]:
    present = x509.load_der_x509_crl(team.services.status_responder.crl("root").content)
    return {f"{entry.serial_number:x}" for entry in present}


def wants_lineage(statement: str) -> bool:
    held = "FROM lineage" in statement and "FOR NO KEY UPDATE" in statement
    return held or statement.startswith(("UPDATE lineage", "DELETE FROM lineage"))


def both(team: Team, first: Callable[[], object], second: Callable[[], Any]) -> Future[Any]:
    """Do one thing, and another one that begins when the first knows its lineage and goes on as soon as it wants it.

    Whoever takes rows in another order than the first holds by then what the first has yet to ask for.
    """
    engine, wants, coming = team.services.context.db.engine, threading.Event(), list[Future[Any]]()
    main = threading.main_thread()

    def before(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is not main and wants_lineage(statement):
            wants.set()

    def after(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is main and "FROM lineage" in statement and not coming:
            coming.append(pool.submit(second))
            # SQLite lets one writer in at a time: there the second one does not even begin.
            assert team.services.context.db.is_sqlite or wants.wait(60)

    with ThreadPoolExecutor(1) as pool:
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
        try:
            first()
            (other,) = coming
            other.exception(60)
        finally:
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)
    return other


def test_what_is_revoked_while_it_is_renewed_stays_revoked(team: Team) -> None:
    services, row = team.services, issued(team)
    request = services.renewals.renew(team.admin, row.id).id
    both(
        team,
        lambda: services.issuance.advance(request),
        lambda: services.revocation.revoke(team.admin, row.id, Reason.KEY_COMPROMISE),
    ).result()
    successor = services.requests.get(request).certificate_id
    assert successor is not None
    assert services.inventory.get(row.id).status == "revoked"
    assert services.inventory.get(successor).status == "active"
    assert lineage_of(team, row).current_certificate_id == successor
    assert listed(team) == {row.serial}


def test_what_is_renewed_while_it_is_revoked_gets_no_successor(team: Team) -> None:
    services, row = team.services, issued(team)
    request = services.renewals.renew(team.admin, row.id).id
    advanced = both(
        team,
        lambda: services.revocation.revoke(team.admin, row.id),
        lambda: services.issuance.advance(request),
    )
    assert advanced.result().status == "failed"
    assert "revoked" in (services.requests.get(request).reason or "")
    assert services.inventory.get(row.id).status == "revoked"
    assert lineage_of(team, row).current_certificate_id == row.id


def test_who_revokes_second_hears_that_it_is_revoked(team: Team) -> None:
    services, row = team.services, issued(team)
    second = both(
        team,
        lambda: services.revocation.revoke(team.admin, row.id, Reason.SUPERSEDED),
        lambda: services.revocation.revoke(team.admin, row.id, Reason.CERTIFICATE_HOLD),
    )
    with pytest.raises(Conflict, match="revoked already"):
        second.result()
    found = services.inventory.get(row.id)
    assert (found.status, found.revocation_reason) == ("revoked", "superseded")


def test_an_authority_that_advises_meanwhile_waits_for_the_lineage_first(team: Team) -> None:
    services, row = team.services, issued(team)
    advice = Advice(begins=team.clock.now, ends=team.clock.now + timedelta(days=1))
    both(
        team,
        lambda: services.revocation.revoke(team.admin, row.id),
        lambda: services.renewal_advice.advise(team.admin, "root", advice),
    ).result()
    assert services.authorities.get("root")[0].advice
    assert listed(team) == {row.serial}


def test_an_application_is_not_deleted_as_it_was_before_a_revocation(team: Team) -> None:
    services, row = team.services, issued(team)
    look = services.deletions.preview(team.application)
    deleted = both(
        team,
        lambda: services.revocation.revoke(team.admin, row.id, Reason.CERTIFICATE_HOLD),
        lambda: services.deletions.delete(team.admin, team.application, look.confirm),
    )
    with pytest.raises(Conflict, match="Something else would go"):
        deleted.result()
    services.deletions.delete(
        team.admin, team.application, services.deletions.preview(team.application).confirm
    )
    with services.context.db.read() as session:
        (reported,) = session.exec(select(RevocationTombstone)).all()
    assert reported.revocation_reason == "certificateHold"
    assert listed(team) == {row.serial}


def test_a_key_that_cannot_be_opened_keeps_no_other_list_from_being_signed(team: Team) -> None:
    services, sweep = team.services, team.services.sweeps["revocation-lists"]
    other = services.authorities.create_root(
        team.admin, slug="other", name="Other", subject=Subject(common_name="Other")
    )
    sweep()
    with services.context.db.write() as session:
        broken = session.exec(select(CaKey).where(CaKey.ca_id != other.id)).one()
        broken.key_sealed = broken.key_sealed[:-8] + "AAAAAAAA"  # type: ignore[index]
        session.add(broken)
    team.clock.advance(timedelta(days=2))
    for _ in range(3):
        sweep()
    with services.context.db.read() as session:
        fresh = {row.ca_id: row.refresh_at > team.clock.now for row in session.exec(select(Crl)).all()}
    assert fresh == {other.id: True, broken.ca_id: False}
    (reported,) = services.audit_log.events(None, type_="sweep.failed")
    assert reported.data["slug"] == "revocation-lists"
    assert broken.ca_id in reported.data["message"]
