"""Several server processes for one client, and crashes between steps."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeWorld, csr_for, patient, soon

from certrail.persistence.tables import AcmeChallenge, AcmeOrder, Certificate, CertificateRequest
from certrail.services.enrollment.acme.nonces import AcmeNonces
from certrail.services.enrollment.validation.outcome import Probe, Shown
from certrail.services.facade import Services


def test_20_parallel_clients_of_which_a_third_of_the_nonces_is_refused(
    acme: AcmeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the RFC asks of clients: those that are refused a nonce try again with the one of that answer."""
    names = [f"host-{number}.example.com" for number in range(20)]
    acme.here(*names)
    use, calls = AcmeNonces.use, iter(range(10**9))

    def unreliable(self: AcmeNonces, value: object) -> bool:
        return use(self, value) and next(calls) % 10 not in (3, 6, 9)

    clients = [patient(acme.client()) for _ in names]
    monkeypatch.setattr(AcmeNonces, "use", unreliable)
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda pair: pair[0].certificate(pair[1]), zip(clients, names, strict=True)))
    assert len({order.fullchain_pem for order in done}) == len(names)
    with acme.team.services.context.db.read() as session:
        assert len(session.exec(select(Certificate)).all()) == len(names)


def test_another_process_goes_on_with_a_validation(acme: AcmeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker dies after the check, before it is recorded: another one checks again, and nothing is done twice."""
    acme.here("a.example.com")
    services = acme.team.services
    client = acme.client()
    order = client.order("a.example.com")
    client.show_by_http(order)
    with services.context.db.read() as session:
        challenge = session.exec(select(AcmeChallenge).where(AcmeChallenge.type == "http-01")).one()
    other = Services.build(services.context).acme_validation
    step = other.begin(challenge.id)
    if isinstance(step, Probe):
        failure = asyncio.run(other.check(step))
        assert other.record(challenge.id, failure).status == "valid"
    assert services.acme_validation.record(challenge.id, Shown()).status == "valid"
    assert services.acme_validation.begin(challenge.id) == other.begin(challenge.id)
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_a_finalize_whose_answer_was_lost_makes_one_certificate(acme: AcmeWorld) -> None:
    acme.settings(preauthorized=True)
    client = acme.client()
    order = client.order("a.example.com")
    client.acme.begin_finalization(order)
    again = client.acme.begin_finalization(order.update(csr_pem=csr_for("a.example.com")))
    assert client.acme.poll_finalization(again, soon()).fullchain_pem
    with acme.team.services.context.db.read() as session:
        assert len(session.exec(select(CertificateRequest)).all()) == 1
        assert session.exec(select(AcmeOrder)).one().request_id is not None
