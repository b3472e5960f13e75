"""Renewal by hand: one lineage, one current certificate, whatever the key and whoever holds it."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import event
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.integration.renewal_world import due_at, present, sweep

from certrail.domain.enrollment import RequestOrigin
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound, PolicyViolation
from certrail.persistence.tables import Certificate, EventRow, Lineage
from certrail.pki.parse import from_pem_text
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor, IdempotencyKey
from certrail.services.core.idempotency import AlreadyDone
from certrail.services.inventory.lineages import lock_current
from certrail.services.issuance.acceptance import accept
from certrail.services.issuance.imports import ImportedStatus
from certrail.services.lifecycle.renewals import renewal_content, renewal_profile


@pytest.fixture
def ada(team: Team) -> Actor:
    return team.person("ada")


def issued(team: Team, actor: Actor, content: Mapping[str, object] | None = None) -> Certificate:
    """A new certificate."""
    wanted = content or {"sans": {"dns": ["a.example.com"]}}
    row = team.services.requests.submit(
        actor, team.application, profile="web", content=wanted, attributes={"team": "blue"}
    )
    return finished(team, row.id)


def finished(team: Team, request_id: str) -> Certificate:
    """What a request led to."""
    assert team.services.issuance.advance(request_id).status == "issued"
    certificate_id = team.services.requests.get(request_id).certificate_id
    assert certificate_id
    return team.services.inventory.get(certificate_id)


def renewed(team: Team, actor: Actor, present: Certificate, **options: object) -> Certificate:
    """Its successor."""
    return finished(team, team.services.renewals.renew(actor, present.id, **options).id)  # type: ignore[arg-type]


def csr(*names: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = builder.add_extension(sans, critical=True).sign(
        key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def loaded(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.pem.encode())


def events(team: Team, kind: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq))))


def test_the_next_certificate_takes_the_place_of_the_present_one(team: Team, ada: Actor) -> None:
    first = issued(team, ada, {"sans": {"dns": ["a.example.com"]}, "ttl_seconds": 36 * 3600})
    team.clock.advance(timedelta(hours=24))
    second = renewed(team, ada, first)
    assert second.lineage_id == first.lineage_id
    assert second.not_after - second.not_before == timedelta(hours=36), "validity is exact at every renewal"
    assert (second.names, second.attributes) == (first.names, {"team": "blue"})
    assert loaded(second).public_key() != loaded(first).public_key()
    old = team.services.inventory.get(first.id)
    assert (old.status, second.status) == ("superseded", "active")
    with team.services.context.db.read() as session:
        assert session.get_one(Lineage, first.lineage_id).current_certificate_id == second.id
    assert [e.data["supersedes"] for e in events(team, "certificate.renewed")] == [first.id]
    assert len(events(team, "certificate.issued")) == 1, "a renewal is not also an issuance"


def test_a_profiles_defaults_are_not_for_renewals(team: Team, ada: Actor) -> None:
    first = issued(team, ada)
    team.services.catalog.update_profile(
        team.admin, "web", ttl=timedelta(days=1), defaults={"subject": {"organization": "New"}}
    )
    second = renewed(team, ada, first)
    assert second.not_after - second.not_before == first.not_after - first.not_before
    assert loaded(second).subject == loaded(first).subject


def test_the_same_key_is_kept_on_demand(team: Team, ada: Actor) -> None:
    first = issued(team, ada)
    shown = team.services.inventory.show_key(ada, first.id)
    second = renewed(team, ada, first, same_key=True)
    assert loaded(second).public_key() == loaded(first).public_key()
    key = serialization.load_pem_private_key(shown.encode(), None)
    assert loaded(second).public_key() == key.public_key()
    with pytest.raises(Conflict):
        team.services.inventory.show_key(ada, second.id)  # it was shown once already


def test_whoever_holds_the_key_is_advised_when_to_renew(team: Team, ada: Actor) -> None:
    first = issued(team, ada, {"csr": csr("a.example.com")})
    plan = team.services.renewals.explained(first.id)
    assert plan["renew_at"] is None
    assert first.not_before < plan["suggested_at"] < first.not_after
    team.clock.advance(timedelta(days=46))
    assert team.services.renewals.explained(first.id)["suggested_at"] == plan["suggested_at"]
    held_here = issued(team, ada, {"sans": {"dns": ["b.example.com"]}})
    assert team.services.renewals.explained(held_here.id)["suggested_at"] is None
    second = renewed(team, ada, first, csr=csr("a.example.com"))
    assert team.services.renewals.explained(first.id)["superseded_by"] == second.id
    assert "superseded_by" not in team.services.renewals.explained(second.id)


def test_a_key_that_is_kept_elsewhere_comes_as_a_csr(team: Team, ada: Actor) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    first = issued(team, ada, {"csr": csr("a.example.com", key=key)})
    with pytest.raises(BadInput, match="send a CSR"):
        team.services.renewals.renew(ada, first.id)
    same = renewed(team, ada, first, same_key=True)
    assert loaded(same).public_key() == key.public_key()
    other = renewed(team, ada, same, csr=csr("a.example.com", "b.example.com"))
    assert loaded(other).public_key() != key.public_key()
    assert other.names["dns"] == ["a.example.com", "b.example.com"]
    with pytest.raises(BadInput, match="not both"):
        team.services.renewals.renew(ada, other.id, csr=csr("a.example.com"), same_key=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"team": "blue"}),
        ({"attributes": None}, {}),
        ({"attributes": {"team": "red"}}, {"team": "red"}),
    ],
)
def test_metadata_is_selected_over_cleared_or_replaced(
    team: Team, ada: Actor, changes: dict[str, object], expected: dict[str, str]
) -> None:
    assert renewed(team, ada, issued(team, ada), changes=changes).attributes == expected


def test_a_certificate_is_renewed_once(team: Team, ada: Actor) -> None:
    first = issued(team, ada)
    request = team.services.renewals.renew(ada, first.id)
    with pytest.raises(Conflict) as running:
        team.services.renewals.renew(ada, first.id)
    assert (running.value.kind, running.value.extra["request"]) == ("renewal-open", request.id)
    second = finished(team, request.id)
    with pytest.raises(Conflict) as superseded:
        team.services.renewals.renew(ada, first.id)
    assert superseded.value.extra["current_certificate_id"] == second.id
    with pytest.raises(NotFound):
        team.services.renewals.renew(ada, "unknown")


def test_a_call_that_is_made_again_while_it_runs_is_the_same_renewal(team: Team, ada: Actor) -> None:
    """Its client gave up waiting: it is answered with what the first call makes, not that it is in the way."""
    first, services, waits = issued(team, ada), team.services, threading.Event()
    patient = replace(ada, idempotency_key=IdempotencyKey("key-1", "fingerprint"))

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is not threading.main_thread() and "FOR NO KEY UPDATE" in statement:
            waits.set()

    event.listen(services.context.db.engine, "before_cursor_execute", seen)
    with ThreadPoolExecutor(1) as pool:
        with services.context.unit_of_work(patient) as uow:
            present = lock_current(uow.session, first.id)
            again = pool.submit(services.renewals.renew, patient, first.id)
            # SQLite lets one writer in at a time: there the second call does not even begin.
            assert services.context.db.is_sqlite or waits.wait(60)
            profile = renewal_profile(uow.session, present)
            content = renewal_content(uow.session, present, None, False)
            request = accept(
                uow, team.application, profile, content, {}, origin=RequestOrigin.RENEWAL, renews=present
            ).request
        with pytest.raises(AlreadyDone) as done:
            again.result(60)
    assert done.value.subject_id == request.id


def test_a_renewal_that_failed_can_be_tried_again_and_is_reported(team: Team, ada: Actor) -> None:
    first = issued(team, ada)
    request = team.services.renewals.renew(ada, first.id)
    team.services.authorities.update(team.admin, "root", enabled=False)
    assert team.services.issuance.advance(request.id).status == "failed"
    (reported,) = events(team, "certificate.renewal_failed")
    assert (reported.subject_id, reported.data["request_id"]) == (first.id, request.id)
    team.services.authorities.update(team.admin, "root", enabled=True)
    assert team.services.requests.retry(ada, request.id).status == "approved"
    assert finished(team, request.id).lineage_id == first.lineage_id


def test_a_renewal_that_failed_is_not_tried_again_beside_another_one(team: Team, ada: Actor) -> None:
    first = issued(team, ada)
    request = team.services.renewals.renew(ada, first.id)
    team.services.issuance.fail(request.id, "the worker gave up")
    again = team.services.renewals.renew(ada, first.id)
    with pytest.raises(Conflict) as running:
        team.services.requests.retry(ada, request.id)
    assert (running.value.kind, running.value.extra["request"]) == ("renewal-open", again.id)
    second = finished(team, again.id)
    planned = team.services.renewals.explained(second.id)
    with pytest.raises(Conflict) as superseded:
        team.services.requests.retry(ada, request.id)
    assert superseded.value.kind == "superseded"
    assert team.services.renewals.explained(second.id) == planned
    assert planned["renew_at"]


def test_a_renewal_that_comes_to_nothing_leaves_the_instant_of_a_successor_alone(
    team: Team, ada: Actor
) -> None:
    """Such as one that was taken over from elsewhere while the renewal waited for its approval."""
    grace = team.person("grace")
    first = issued(team, ada)
    team.guard(Step("Owners", ("grace",)))
    request = team.services.renewals.renew(ada, first.id)
    key = ec.generate_private_key(ec.SECP256R1())
    offer = from_pem_text(_self_signed("a.example.com", key), "", _pkcs8(key))
    second = team.services.imports.keep(
        team.admin, team.application, offer, profile="web", past=ImportedStatus(replaces=first.id)
    )
    planned = team.services.renewals.explained(second.id)
    approval = team.services.approvals.of_subject(request.id)
    assert approval
    team.services.approvals.vote(grace, approval.id, "reject", "it was replaced")
    assert team.services.renewals.explained(second.id) == planned
    assert planned["renew_at"]
    assert not events(team, "certificate.renewal_failed")


def test_policy_and_approval_hold_for_renewals(team: Team, ada: Actor) -> None:
    grace = team.person("grace")
    first = issued(team, ada)
    team.guard(Step("Owners", ("grace",)))
    request = team.services.renewals.renew(ada, first.id)
    assert team.services.requests.get(request.id).status == "pending_approval"
    approval = team.services.approvals.of_subject(request.id)
    assert approval
    team.services.approvals.vote(grace, approval.id, "approve")
    second = finished(team, request.id)
    policy = team.services.catalog.policies()[0]
    team.services.catalog.update_policy(
        team.admin, policy.id, {"sans": {"dns": {"allowed": ["*.other.test"]}}}
    )
    with pytest.raises(PolicyViolation):
        team.services.renewals.renew(ada, second.id)
    (refused,) = events(team, "request.refused")
    assert refused.data["renews"] == second.id


def test_an_import_with_a_profile_is_renewed_and_one_without_is_not(team: Team, ada: Actor) -> None:
    given = issued(team, ada)
    exported = team.services.inventory.get(given.id)
    services = team.services
    elsewhere = services.applications.create(team.admin, slug="other", name="Other", profiles=["web"])
    key = ec.generate_private_key(ec.SECP256R1())
    pem = _self_signed("a.example.com", key)
    offer = from_pem_text(pem, "", _pkcs8(key))
    row = services.imports.keep(team.admin, elsewhere.id, offer, profile="web")
    second = finished(team, services.renewals.renew(team.admin, row.id).id)
    assert second.lineage_id == row.lineage_id
    assert second.ca_certificate_id == exported.ca_certificate_id
    bare = services.imports.take(team.admin, elsewhere.id, from_pem_text(_self_signed("b.example.com", key)))
    with pytest.raises(Conflict, match="without a profile"):
        services.renewals.renew(team.admin, bare.id)
    services.applications.detach_profile(team.admin, elsewhere.id, "web")
    with pytest.raises(NotFound, match="attached"):
        services.renewals.renew(team.admin, second.id)


def test_what_certrail_asks_for_is_nobody_elses_whatever_they_are_called(team: Team) -> None:
    namesake = team.person("certrail")
    key = ec.generate_private_key(ec.SECP256R1())
    offer = from_pem_text(_self_signed("a.example.com", key), "", _pkcs8(key))
    row = team.services.imports.take(team.admin, team.application, offer, profile="web")
    team.clock.now = due_at(team, row)
    sweep(team)
    second = present(team, row.lineage_id)
    assert second.id != row.id
    with pytest.raises(Forbidden):
        team.services.inventory.show_key(namesake, second.id)


@pytest.mark.parametrize(("ended_ago", "comes_back"), [(29, True), (31, False), (2000, False)])
def test_what_ended_more_than_a_month_before_it_was_imported_stays_ended(
    team: Team, ended_ago: int, comes_back: bool
) -> None:
    """Its service is gone, or lives without it: a new certificate would go to every sync that carries it."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = _self_signed("a.example.com", key, team.clock.now - timedelta(days=20 + ended_ago))
    row = team.services.imports.take(
        team.admin, team.application, from_pem_text(pem, "", _pkcs8(key)), profile="web"
    )
    assert (team.services.renewals.explained(row.id)["renew_at"] is not None) == comes_back
    sweep(team)
    lineage = team.services.renewals.explained(row.id)
    assert ("superseded" in lineage.get("off", "")) == comes_back
    assert comes_back or lineage["off"] == "it has ended"


def _self_signed(name: str, key: ec.EllipticCurvePrivateKey, begins: datetime | None = None) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = begins or datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins)
    builder = builder.not_valid_after(begins + timedelta(days=20))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
