"""Requests that come in by a protocol, on behalf of an enrollment client."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import select
from tests.integration.conftest import Team

from certrail.domain import enrollment
from certrail.domain.access import Role
from certrail.domain.content import KeyAlgorithm
from certrail.domain.enrollment import EnrollmentMethod, RequestOrigin, endpoints, resolver_address
from certrail.domain.errors import BadInput, Conflict, PolicyViolation
from certrail.persistence.tables import EventRow
from certrail.pki import keys
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.enrollment.clients import client_actor, enrollment_client
from certrail.services.enrollment.requests import accept_request, accepting, read_request
from certrail.services.issuance.acceptance import Accepted


@pytest.fixture(autouse=True)
def every_method_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The acceptance is the same for each method, whichever of them have a server."""
    monkeypatch.setattr(enrollment, "AVAILABLE_METHODS", frozenset(EnrollmentMethod))


def client(team: Team, slug: str = "est-passphrase") -> Actor:
    with team.services.context.unit_of_work(SYSTEM) as uow:
        return client_actor(enrollment_client(uow, slug, "EST passphrase of web"))


def csr(*names: str) -> bytes:
    key = keys.generate(KeyAlgorithm.EC_P256)
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    signed = built.add_extension(sans, critical=False).sign(key, keys.hash_for(key))
    return signed.public_bytes(Encoding.DER)


def submit(
    team: Team,
    actor: Actor,
    der: bytes,
    method: EnrollmentMethod = EnrollmentMethod.EST,
    joins: str | None = None,
    covering: str | None = None,
) -> Accepted:
    context = team.services.context
    request = read_request(context, method, team.application, "web", der)
    with accepting(context, actor, request) as uow:
        return accept_request(uow, request, joins=joins, covering=covering)


def enable(team: Team, method: EnrollmentMethod = EnrollmentMethod.EST) -> None:
    team.services.applications.set_enrollment(team.admin, team.application, "web", method)


def test_a_client_is_one_principal_however_often_it_comes(team: Team) -> None:
    assert client(team).principal_id == client(team).principal_id
    assert client(team, "scep-other").principal_id != client(team).principal_id


def test_a_request_names_its_protocol_and_its_client(team: Team) -> None:
    enable(team)
    actor = client(team)
    row = submit(team, actor, csr("a.example.com")).request
    assert (row.origin, row.origin_by, row.status) == (RequestOrigin.EST, actor.principal_id, "approved")
    with team.services.context.db.read() as session:
        created = session.exec(select(EventRow).where(EventRow.type == "request.created")).one()
    assert (created.actor_id, created.actor_name) == (actor.principal_id, "EST passphrase of web")


def test_a_method_that_is_off_is_refused(team: Team) -> None:
    with pytest.raises(Conflict) as off:
        submit(team, client(team), csr("a.example.com"))
    assert off.value.kind == "enrollment-off"


def test_the_policy_denies_it_on_record(team: Team) -> None:
    enable(team)
    with pytest.raises(PolicyViolation):
        submit(team, client(team), csr("a.elsewhere.test"))
    with team.services.context.db.read() as session:
        assert session.exec(select(EventRow).where(EventRow.type == "request.refused")).one()


@pytest.mark.parametrize("bypass", [False, True])
def test_only_its_own_bypass_lets_it_pass_an_approval(team: Team, bypass: bool) -> None:
    enable(team)
    team.person("ada")
    team.guard(Step("One", ("ada",)), bypass_machine_identities=not bypass, bypass_enrollment_clients=bypass)
    assert (submit(team, client(team), csr("a.example.com")).approval_id is None) is bypass
    machine = team.person("pipeline", kind="machine")
    assert (team.ask(machine)[1] is None) is not bypass


def test_it_joins_the_lineage_of_the_certificate_that_it_supersedes(team: Team) -> None:
    enable(team)
    actor = client(team)
    first = submit(team, actor, csr("a.example.com")).request
    team.services.issuance.advance(first.id)
    present = team.services.requests.get(first.id).certificate_id
    assert present is not None
    second = submit(team, actor, csr("a.example.com"), joins=present).request
    with pytest.raises(Conflict):
        submit(team, actor, csr("a.example.com"), joins=present)
    team.services.issuance.advance(second.id)
    renewed = team.services.inventory.get(team.services.requests.get(second.id).certificate_id or "")
    assert renewed.lineage_id == team.services.inventory.get(present).lineage_id
    with pytest.raises(Conflict) as superseded:
        submit(team, actor, csr("a.example.com"), joins=present)
    assert superseded.value.kind == "superseded"


def test_a_client_has_neither_token_nor_role(team: Team) -> None:
    client(team)
    services = team.services
    with pytest.raises(BadInput, match="protocol"):
        services.tokens.issue(team.admin, "est-passphrase", name="t")
    with pytest.raises(BadInput, match="role"):
        services.applications.set_member(team.admin, team.application, "est-passphrase", Role.OPERATOR)
    with pytest.raises(BadInput, match="role"):
        services.principals.update(team.admin, "est-passphrase", product_role="admin")
    services.principals.create(team.admin, kind="group", slug="all", name="All")
    with pytest.raises(BadInput):
        services.principals.set_group_member(team.admin, "all", "est-passphrase", True)


@pytest.mark.any_database
def test_urls_hold_ids_and_settings_their_defaults(team: Team) -> None:
    enable(team, EnrollmentMethod.ACME)
    profile, states = team.services.enrollment_methods.of(team.application, "web", "https://pki.test/")
    acme = next(state for state in states if state.method is EnrollmentMethod.ACME)
    assert endpoints(EnrollmentMethod.ACME, "https://pki.test", None, "p1") == {
        "directory": "https://pki.test/acme/profiles/p1/directory"
    }
    assert acme.enabled
    assert acme.settings["challenges"] == ["http-01", "dns-01", "tls-alpn-01"]
    assert profile.slug == "web"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks"),
        ({"resolvers": ["ns.example.com"]}, "resolvers"),
        ({"challenges": []}, "challenges"),
        ({"http_port": 0}, "http_port"),
        ({"surprise": 1}, "surprise"),
    ],
)
@pytest.mark.any_database
def test_settings_of_acme_are_checked(team: Team, settings: dict[str, object], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        team.services.applications.set_enrollment(
            team.admin, team.application, "web", EnrollmentMethod.ACME, settings=settings
        )


def test_addresses_of_resolvers() -> None:
    assert resolver_address("192.0.2.53") == ("192.0.2.53", 53)
    assert resolver_address("192.0.2.53:5353") == ("192.0.2.53", 5353)
    assert resolver_address("2001:db8::53") == ("2001:db8::53", 53)
    assert resolver_address("[2001:db8::53]:5353") == ("2001:db8::53", 5353)
