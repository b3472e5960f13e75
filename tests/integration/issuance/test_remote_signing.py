"""A signer that answers later: the request is `issuing`, polled by time, and ordered once whatever crashes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography import x509
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.issuance.slow_signer import PAUSE, slow_signer
from tests.integration.renewal_world import issue, sweep

from certrail import checkpoints
from certrail.domain.errors import Conflict
from certrail.persistence.tables import Certificate, OutboxRow, RemoteOrder
from certrail.pki.signer import Signed
from certrail.services.issuance.issuance import Advance


class Crash(Exception):
    """The worker dies here."""


@pytest.fixture
def crash_at() -> Iterator[dict[str, int]]:
    """By checkpoint: how often it crashes."""
    crashes: dict[str, int] = {}

    def hook(name: str) -> None:
        if crashes.get(name):
            crashes[name] -= 1
            raise Crash(name)

    checkpoints.install(hook)
    yield crashes
    checkpoints.install(None)


def certificate_of(team: Team, request_id: str) -> Certificate:
    return team.services.inventory.get(team.services.requests.get(request_id).certificate_id or "")


def orders(team: Team) -> list[RemoteOrder]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(RemoteOrder)))


def advance_to_the_end(team: Team, request_id: str) -> list[Advance]:
    """What the workflow does: take a step, wait until its time, take the next one."""
    steps: list[Advance] = []
    while not steps or steps[-1].status == "waiting":
        if steps:
            wake_at = steps[-1].wake_at
            assert wake_at is not None
            team.clock.now = max(team.clock.now, wake_at)
        steps.append(team.services.issuance.advance(request_id))
        assert len(steps) < 20
    return steps


def test_two_pending_answers_then_a_certificate(team: Team) -> None:
    signer = slow_signer(team)
    request_id, _ = team.ask(team.admin)
    first = team.services.issuance.advance(request_id)
    assert first == Advance("waiting", team.clock.now + PAUSE)
    assert team.services.requests.get(request_id).status == "issuing"
    # A signal wakes the workflow early; the signer is not called before its time.
    assert team.services.issuance.advance(request_id) == first
    assert signer.polls == {signer.orders[0]: 1}

    assert [step.status for step in advance_to_the_end(team, request_id)] == ["waiting", "waiting", "issued"]
    assert signer.states == [{}, {"poll": 1}, {"poll": 2}]
    assert len(signer.orders) == 1
    row = certificate_of(team, request_id)
    issuer = x509.load_pem_x509_certificate(team.services.authorities.get("root")[1][0].pem.encode())
    x509.load_pem_x509_certificate(row.pem.encode()).verify_directly_issued_by(issuer)
    assert row.key_sealed is not None
    (order,) = orders(team)
    assert (order.status, order.key_sealed, order.serial) == ("signed", None, row.serial)
    assert team.services.issuance.advance(request_id) == Advance("issued")


@pytest.mark.parametrize("where", ["issuance.remote.answered", "issuance.signed", "issuance.committed"])
def test_a_crash_orders_nothing_twice(team: Team, crash_at: dict[str, int], where: str) -> None:
    signer = slow_signer(team, pending=1)
    request_id, _ = team.ask(team.admin)
    crash_at[where] = 2
    steps, crashes = 0, 0
    while team.services.requests.get(request_id).status != "issued":
        try:
            team.services.issuance.advance(request_id)
        except Crash:
            crashes += 1
        team.clock.advance(PAUSE)
        steps += 1
        assert steps < 20
    assert crashes > 0
    assert len(signer.orders) == 1, "an order without an answer is looked for, not placed again"
    with team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == 1


def test_an_answer_that_is_lost_on_the_way_is_asked_for_again(team: Team) -> None:
    signer = slow_signer(team, pending=0)

    def cut() -> None:
        raise ConnectionResetError

    signer.after_order = cut
    request_id, _ = team.ask(team.admin)
    with pytest.raises(ConnectionResetError):
        team.services.issuance.advance(request_id)
    assert team.services.requests.get(request_id).status == "issuing"
    assert team.services.issuance.advance(request_id) == Advance("issued")
    assert len(signer.orders) == 1


def test_a_refusal_fails_the_request_and_a_retry_orders_anew(team: Team) -> None:
    signer = slow_signer(team, pending=0)

    def refuse() -> None:
        raise Conflict("No such name here.")

    signer.after_order = refuse
    request_id, _ = team.ask(team.admin)
    assert team.services.issuance.advance(request_id).status == "failed"
    assert team.services.requests.get(request_id).reason == "No such name here."
    assert [order.status for order in orders(team)] == ["refused"]
    signer.after_order = lambda: None
    team.services.requests.retry(team.admin, request_id)
    assert team.services.issuance.advance(request_id) == Advance("issued")
    assert len(signer.orders) == len(set(signer.orders)) == 2


def test_a_request_that_is_given_up_takes_its_order_up_again(team: Team) -> None:
    signer = slow_signer(team)
    request_id, _ = team.ask(team.admin)
    team.services.issuance.advance(request_id)
    team.services.issuance.fail(request_id, "the worker's log says why")
    team.services.requests.retry(team.admin, request_id)
    assert advance_to_the_end(team, request_id)[-1] == Advance("issued")
    assert len(signer.orders) == 1


def test_a_certificate_of_another_key_is_refused(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = slow_signer(team, pending=0)
    first, _ = team.ask(team.admin)
    team.services.issuance.advance(first)
    other = x509.load_pem_x509_certificate(certificate_of(team, first).pem.encode())
    monkeypatch.setattr(signer, "sign", lambda _order: Signed(other))
    second, _ = team.ask(team.admin)
    assert team.services.issuance.advance(second).status == "failed"
    assert "another key" in (team.services.requests.get(second).reason or "")


def test_a_renewal_by_the_sweep_is_polled_by_its_workflow(team: Team) -> None:
    (certificate,) = issue(team)
    signer = slow_signer(team)
    team.clock.advance(timedelta(days=40))
    assert sweep(team) == 1
    with team.services.context.db.read() as session:
        started = {row.workflow_id for row in session.exec(select(OutboxRow))}
    (order,) = orders(team)
    assert f"renewal-{certificate.lineage_id}-1" in started
    assert sweep(team) == 0, "a second renewal does not begin beside one that is being issued"
    assert advance_to_the_end(team, order.request_id)[-1] == Advance("issued")
    renewed = certificate_of(team, order.request_id)
    assert (renewed.lineage_id, renewed.id != certificate.id) == (certificate.lineage_id, True)
    assert len(signer.orders) == 1
