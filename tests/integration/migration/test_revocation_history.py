"""What happened to certificates before they were loaded stays as it was: renewed, revoked, on hold, listed."""

import copy
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from examples.older_project.project import Json, project
from pydantic import ValidationError
from tests.integration.conftest import Team
from tests.integration.older_project import Project
from tests.support.web import serving

from certrail.domain.errors import BadInput, Conflict
from certrail.pki.parse import from_pem_text
from certrail.services.migration.document import ProjectExport
from certrail.services.migration.loading import Loader

pytestmark = pytest.mark.any_database

LISTED_BEFORE = 0x5EEDFACE
LOST, IDLE, WEB = "lost.shop.acme.example", "idle.int.acme.example", "web-00.shop.acme.example"


@pytest.fixture(scope="module")
def exported() -> Json:
    return project("/nowhere", web=1, internal=1, foreign=1)


def changed(exported: Json, tmp_path: Path, **certificates: Json) -> Json:
    """A copy that delivers into a folder, with other facts about some certificates."""
    export = copy.deepcopy(exported)
    export["connections"][0]["config"]["root"] = str(tmp_path)
    for certificate in export["certificates"]:
        certificate.update(certificates.get(certificate["id"].replace("-", "_"), {}))
    return export


def load(team: Team, export: Json, report: Any = lambda *_: None) -> Any:
    return Loader(team.services, ProjectExport.model_validate(export), report).run()


@pytest.fixture
def loaded(team: Team, exported: Json, tmp_path: Path) -> Iterator[Project]:
    export = changed(exported, tmp_path)
    load(team, export)
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Project(team, export, client)


def named(project: Project, name: str) -> list[Json]:
    return project.items(f"/certificates?application=none&name={name}")


def crl(project: Project) -> x509.CertificateRevocationList:
    answer = project.client.get("/crl/acme-issuing.crl")
    return x509.load_der_x509_crl(answer.raise_for_status().content)


def listed(project: Project) -> dict[int, x509.ReasonFlags]:
    return {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        for entry in crl(project)
    }


def status(project: Project, serial: int) -> ocsp.OCSPCertStatus:
    (ca,) = [one for one in project.export["authorities"] if one["slug"] == "acme-issuing"]
    issuer = x509.load_pem_x509_certificate(ca["certificate"].encode())
    own = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, hashes.SHA256()).build()
    name = hashes.Hash(hashes.SHA256())
    name.update(issuer.subject.public_bytes())
    asked = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        name.finalize(), own.issuer_key_hash, serial, hashes.SHA256()
    )
    question = asked.build().public_bytes(Encoding.DER)
    answer = project.client.post("/ocsp/acme-issuing", content=question).raise_for_status()
    return ocsp.load_der_ocsp_response(answer.content).certificate_status


def test_a_revoked_certificate_stays_revoked_and_is_never_renewed(loaded: Project) -> None:
    (lost,) = named(loaded, LOST)
    assert (lost["status"], lost["revocation_reason"]) == ("revoked", "keyCompromise")
    assert lost["revoked_at"].startswith(loaded.export["certificates"][-2]["revoked_at"][:19])
    why = loaded.ok("admin", "GET", f"/certificates/{lost['id']}/renewal")
    assert (why["renew_at"], why["off"]) == (None, "the certificate is revoked")
    assert loaded.call("admin", "POST", f"/certificates/{lost['id']}/renew", {}).status_code == 409
    loaded.team.clock.advance(timedelta(days=3))
    while loaded.team.services.sweeps["renewals"]():
        pass
    assert len(named(loaded, LOST)) == 1


def test_one_on_hold_stays_so_until_it_is_released(loaded: Project) -> None:
    (idle,) = named(loaded, IDLE)
    assert (idle["status"], idle["revocation_reason"]) == ("held", "certificateHold")
    assert status(loaded, int(idle["serial"], 16)) is ocsp.OCSPCertStatus.REVOKED
    assert loaded.ok("admin", "POST", f"/certificates/{idle['id']}/release")["status"] == "active"
    assert int(idle["serial"], 16) not in listed(loaded)
    assert status(loaded, int(idle["serial"], 16)) is ocsp.OCSPCertStatus.GOOD


def test_one_that_was_renewed_is_superseded_in_the_same_lineage(loaded: Project) -> None:
    present, before = sorted(named(loaded, WEB), key=lambda row: str(row["status"]))
    assert (present["status"], before["status"]) == ("active", "superseded")
    assert present["lineage_id"] == before["lineage_id"]
    answer = loaded.call("admin", "POST", f"/certificates/{before['id']}/renew", {})
    assert answer.json()["current_certificate_id"] == present["id"]


def test_revocation_lists_continue_and_lack_nothing(loaded: Project) -> None:
    number = crl(loaded).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert number == 42
    serials = {int(named(loaded, name)[0]["serial"], 16) for name in (LOST, IDLE)}
    assert listed(loaded).keys() == {LISTED_BEFORE, *serials}
    assert listed(loaded)[LISTED_BEFORE] is x509.ReasonFlags.cessation_of_operation
    assert status(loaded, LISTED_BEFORE) is ocsp.OCSPCertStatus.REVOKED
    assert status(loaded, LISTED_BEFORE + 1) is ocsp.OCSPCertStatus.UNKNOWN


def test_no_list_lacks_what_is_yet_to_be_loaded(team: Team, exported: Json, tmp_path: Path) -> None:
    export = changed(exported, tmp_path)

    def stop(kind: str, _done: int, _of: int) -> None:
        if kind == "policies":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(team, export, stop)
    team.services.sweeps["revocation-lists"]()
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        early = Project(team, export, client)
        before = listed(early)
        assert len(before) == 3
        load(team, export)
        assert listed(early) == before


@pytest.mark.parametrize("approved_by_people", [True, False])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_renewed_while_the_rest_is_loaded_is_approved_and_notified(
    team: Team, exported: Json, tmp_path: Path, approved_by_people: bool
) -> None:
    export = changed(exported, tmp_path)
    export["alerts"][2]["enabled"] = True
    export["approval_policies"][1]["bypass_machine_identities"] = not approved_by_people
    team.clock.advance(timedelta(days=5))

    def sweep(kind: str, done: int, of: int) -> None:
        if (kind, done) == ("certificates", of):
            team.services.sweeps["renewals"]()

    load(team, export, sweep)
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        older = Project(team, export, client)
        assert len(older.items("/approval-requests?status=open", "ada")) == approved_by_people
        # A migration fires no alerts of imports.
        assert older.notified() == ([] if approved_by_people else ["certificate.renewed"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestRenewalRules:
    """What the older project said about renewal by itself."""

    def test_a_profile_that_renews_nothing_by_itself_goes_on_so(
        self, team: Team, exported: Json, tmp_path: Path
    ) -> None:
        export = changed(exported, tmp_path, int_00={"auto_renew": None}, web_00={"auto_renew": True})
        for profile in export["profiles"]:
            profile["enrollment"]["api"]["auto_renew"] = {"enabled": False}
        load(team, export)
        with (
            serving(team.services) as url,
            httpx2.Client(base_url=url, timeout=60, trust_env=False) as client,
        ):
            older = Project(team, export, client)
            quiet = older.certificate("int-00.int.acme.example")["id"]
            asked = older.certificate(WEB)["id"]
            why = older.ok("admin", "GET", f"/certificates/{quiet}/renewal")
            assert why["off"] == "it is switched off for this profile here"
            assert older.ok("admin", "GET", f"/certificates/{asked}/renewal")["renew_at"]

    def test_the_rule_is_changed_by_product_admins_and_planned_by_at_once(self, loaded: Project) -> None:
        path = f"/certificates/{loaded.certificate('int-00.int.acme.example')['id']}/renewal"
        profile, early = "/certificate-profiles/acme-internal", {"before": "4d"}
        by_default = loaded.ok("admin", "GET", path)["renew_at"]
        body = {"legacy_enrollment": {"api": {"enabled": True, "auto_renew": early}}}
        assert loaded.call("grace", "PATCH", profile, body).status_code == 403
        loaded.ok("admin", "PATCH", profile, body)
        assert loaded.ok("admin", "GET", path)["renew_at"] < by_default
        off = {"legacy_enrollment": {"api": {"enabled": True, "auto_renew": {"enabled": False}}}}
        loaded.ok("admin", "PATCH", profile, off)
        assert loaded.ok("admin", "GET", path)["renew_at"] is None
        unsaid = loaded.ok("admin", "PATCH", profile, {"legacy_enrollment": {"api": {"enabled": False}}})
        kept = unsaid["legacy_enrollment"]["api"]
        assert (kept["enabled"], kept["auto_renew"]["enabled"]) == (False, False)
        wrong = {"legacy_enrollment": {"api": {"enabled": True, "auto_renew": {"fraction": 7}}}}
        assert loaded.call("admin", "PATCH", profile, wrong).status_code == 400


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"status": "revoked"}, "revoked_at is given with the status"),
        ({"revoked_at": "2026-01-01T00:00:00Z"}, "revoked_at is given with the status"),
        ({"revocation_reason": "superseded"}, "an active certificate has no revocation_reason"),
        (
            {"status": "held", "revoked_at": "2026-01-01T00:00:00Z", "revocation_reason": "superseded"},
            "the status held and the revocation_reason certificateHold belong together",
        ),
        ({"renewed_by": "nobody"}, "certificate int-00 names the certificate 'nobody'"),
        ({"renewed_by": "int-00"}, "certificate int-00 is, by way of its successors, renewed by itself"),
        ({"renewed_by": "web-00"}, "renewed_by of the certificates holds 'web-00' twice"),
        ({"status": "expired"}, "Input should be 'active', 'held' or 'revoked'"),
    ],
)
def test_a_past_that_cannot_be_is_refused(exported: Json, tmp_path: Path, facts: Json, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ProjectExport.model_validate(changed(exported, tmp_path, int_00=facts))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestWrongExports:
    """What is wrong is named, with the object and its field, before anything is loaded."""

    def test_certificates_and_keys_are_read_before_anything_is_loaded(
        self, team: Team, exported: Json, tmp_path: Path
    ) -> None:
        other = exported["certificates"][0]["private_key"]
        export = changed(exported, tmp_path, int_00={"private_key": other}, web_00={"certificate": "nothing"})
        export["authorities"][0]["private_key"] = other
        with pytest.raises(BadInput) as wrong:
            load(team, export)
        assert "acme-root among the authorities, private_key: The private key is not that" in str(wrong.value)
        assert "web-00 among the certificates, certificate: There is no PEM" in str(wrong.value)
        assert "int-00 among the certificates, private_key: The private key is not that" in str(wrong.value)
        slugs = {row.slug for row in team.services.principals.list()}
        assert "ada" not in slugs

    def test_another_part_is_named_as_well(self, team: Team, exported: Json, tmp_path: Path) -> None:
        export = changed(exported, tmp_path)
        export["syncs"][1]["name_schema"] = "no-placeholder-{{nonsense}}"
        with pytest.raises(BadInput, match="hosts-internal among the syncs, name_schema: "):
            load(team, export)

    def test_a_certificate_of_an_application_is_not_taken_from_it(
        self, team: Team, exported: Json, tmp_path: Path
    ) -> None:
        offer = from_pem_text(exported["certificates"][2]["certificate"])
        team.services.imports.take(team.admin, team.application, offer)
        with pytest.raises(Conflict, match="ext-00"):
            load(team, changed(exported, tmp_path))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_loading_again_brings_back_nothing_that_was_changed_or_deleted_since(loaded: Project) -> None:
    loaded.ok("admin", "DELETE", "/alerts/new")
    loaded.ok("admin", "PATCH", "/certificate-profiles/acme-web", {"slug": "renamed"})
    loaded.ok("admin", "PUT", "/members/ada", {"role": "auditor"})
    loaded.ok("admin", "DELETE", "/members/linus")
    outcome = load(loaded.team, loaded.export)
    assert outcome.loaded == {}
    assert {row["slug"] for row in loaded.items("/alerts")} == {"trouble", "imports"}
    assert "acme-web" not in {row["slug"] for row in loaded.items("/certificate-profiles")}
    roles = {row["principal"]: row["role"] for row in loaded.items("/members")}
    assert roles["ada"] == "auditor"
    assert "linus" not in roles
