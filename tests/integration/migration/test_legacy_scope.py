"""A project of the older model works on without an Application, over HTTP; each statement about it is a test."""

from typing import Any

import pytest
from sqlmodel import select
from tests.integration.older_project import CREATIONS, Project

from certrail.domain.access import Role
from certrail.persistence.tables import Certificate

pytestmark = pytest.mark.any_database


def switches(profile: dict[str, Any]) -> dict[str, bool | None]:
    """Whether each enrollment method of a profile is enabled; ``None`` for one that it does not have."""
    methods: dict[str, dict[str, Any] | None] = profile["legacy_enrollment"]
    return {name: settings["enabled"] if settings else None for name, settings in methods.items()}


class TestBackwardCompatibility:
    """The section of that name in the description of the older model."""

    def test_your_existing_objects_continue_to_work(self, loaded: Project) -> None:
        assert len(loaded.items("/certificates")) == 5
        assert {row["slug"] for row in loaded.items("/syncs")} == {
            "hosts-web",
            "hosts-internal",
            "balancer",
            "archive",
        }
        assert {row["slug"] for row in loaded.items("/alerts")} == {"new", "trouble", "imports"}
        assert {row["slug"] for row in loaded.items("/approval-policies")} == {"web", "internal"}
        profile = loaded.ok("admin", "GET", "/certificate-profiles/acme-internal")
        assert switches(profile) == {"api": True, "acme": None, "est": None, "scep": None}

    def test_certificates_will_keep_renewing(self, loaded: Project) -> None:
        name = "int-00.int.acme.example"
        before = loaded.certificate(name)
        after = loaded.renewed(name)
        assert (after["lineage_id"], after["application_id"]) == (before["lineage_id"], None)
        assert after["profile_id"] == before["profile_id"]
        assert loaded.ok("admin", "GET", f"/certificates/{before['id']}")["status"] == "superseded"

    def test_alerts_will_keep_firing(self, loaded: Project) -> None:
        loaded.renewed("int-00.int.acme.example")
        assert loaded.notified() == ["certificate.renewed"]
        assert [row["content"]["event_type"] for row in loaded.items("/notifications")] == loaded.notified()

    def test_syncs_will_keep_running(self, loaded: Project) -> None:
        after = loaded.renewed("int-00.int.acme.example")
        (delivery,) = [row for row in loaded.items("/deliveries") if row["lineage_id"] == after["lineage_id"]]
        assert (delivery["sync"], delivery["desired_certificate_id"]) == ("hosts-internal", after["id"])

    def test_what_was_delivered_before_is_not_delivered_again(self, loaded: Project) -> None:
        (there,) = [row for row in loaded.items("/deliveries") if row["sync"] == "balancer"]
        assert (there["status"], there["attempts"]) == ("delivered", 0)
        assert there["receipt"]["reference"] == loaded.export["syncs"][2]["delivered"][0]["reference"]

    def test_approval_policies_will_keep_asking(self, loaded: Project) -> None:
        name = "web-00.shop.acme.example"
        present = loaded.certificate(name)
        request = loaded.ok("pipeline", "POST", f"/certificates/{present['id']}/renew", {})
        assert loaded.advance(request["id"])["status"] == "pending_approval"
        (asked,) = loaded.items("/approval-requests?status=open", "ada")
        votes = f"/approval-requests/{asked['id']}/votes"
        assert loaded.call("linus", "POST", votes, {"decision": "approve"}).status_code == 403
        for voter in ("ada", "grace"):
            loaded.ok(voter, "POST", votes, {"decision": "approve"})
        assert loaded.advance(request["id"])["status"] == "issued"
        assert loaded.certificate(name)["lineage_id"] == present["lineage_id"]

    def test_you_can_still_create_authorities_policies_and_profiles(self, loaded: Project) -> None:
        ca = {"slug": "new", "name": "New", "subject": {"common_name": "New"}}
        loaded.ok("admin", "POST", "/certificate-authorities", ca)
        loaded.ok("admin", "POST", "/certificate-policies", {"slug": "new", "name": "New"})
        profile = {"slug": "new", "name": "New", "ca": "new", "policy": "new", "ttl": "47d"}
        assert loaded.ok("admin", "POST", "/certificate-profiles", profile)["legacy_enrollment"] is None

    def test_you_can_still_manage_existing_resources(self, loaded: Project) -> None:
        changes = {
            "/syncs/hosts-web": {"name": "Renamed"},
            "/alerts/new": {"name": "Renamed"},
            "/channels/ops": {"name": "Renamed"},
            "/approval-policies/web": {"name": "Renamed"},
            "/certificate-profiles/acme-internal": {"name": "Renamed"},
            "/certificate-policies/acme-servers": {"name": "Renamed"},
            "/certificate-authorities/acme-issuing": {"name": "Renamed"},
        }
        for path, body in changes.items():
            assert loaded.ok("admin", "PATCH", path, body)["name"] == "Renamed"
        for path in ("/syncs/hosts-web", "/alerts/new", "/alerts/trouble", "/alerts/imports"):
            loaded.ok("admin", "DELETE", path)
        for path in ("/approval-policies/web", "/channels/questions", "/channels/ops"):
            loaded.ok("admin", "DELETE", path)
        assert loaded.items("/channels") == []

    @pytest.mark.parametrize("noun", CREATIONS)
    def test_new_ones_are_created_in_applications_only(self, loaded: Project, noun: str) -> None:
        loaded.team.person("boss", Role.ADMIN)
        for body in (CREATIONS[noun], {}, {"nonsense": 1}):
            for who in ("admin", "grace", "linus", "boss"):
                answer = loaded.call(who, "POST", f"/{noun}", body)
                problem = answer.json()
                assert answer.status_code == 409
                assert problem["type"].endswith("legacy-creation")
                assert problem["endpoint"] == f"/api/v1/applications/{{application}}/{noun}"
                assert problem["endpoint"] in problem["detail"]
        assert not [row for row in loaded.items(f"/{noun}") if row.get("name") == "New"]

    @pytest.mark.parametrize("noun", ["channels", "alerts"])
    def test_but_those_of_all_applications_are_created_beside_them(self, loaded: Project, noun: str) -> None:
        body = {**CREATIONS[noun], "slug": "for-all", "product_wide": True}
        if noun == "channels":
            body["config"] = {"sender": "certrail@acme.example", "recipients": ["ops@acme.example"]}
        assert loaded.call("pipeline", "POST", f"/{noun}", body).status_code == 403
        made = loaded.ok("admin", "POST", f"/{noun}", body)
        assert (made["product_wide"], made["application_id"]) == (True, None)
        for unclear in ("true", 1, [True]):
            answer = loaded.call("admin", "POST", f"/{noun}", {**body, "product_wide": unclear})
            assert answer.status_code == 409

    def test_what_is_about_all_applications_is_not_for_the_older_project_to_change(
        self, loaded: Project
    ) -> None:
        mail = {"sender": "certrail@acme.example", "recipients": ["ops@acme.example"]}
        wide = {"slug": "wide", "product_wide": True}
        loaded.ok("admin", "POST", "/channels", {**CREATIONS["channels"], **wide, "config": mail})
        loaded.ok("admin", "POST", "/alerts", {**CREATIONS["alerts"], **wide, "channels": ["wide"]})
        for noun in ("alerts", "channels"):
            assert loaded.call("grace", "POST", f"/{noun}", {**CREATIONS[noun], **wide}).status_code == 403
            assert loaded.call("grace", "PATCH", f"/{noun}/wide", {"name": "Mine"}).status_code == 403
            assert loaded.call("grace", "DELETE", f"/{noun}/wide").status_code == 403
            assert loaded.ok("admin", "PATCH", f"/{noun}/wide", {"name": "Wide"})["name"] == "Wide"

    def test_you_can_still_configure_enrollment_methods(self, loaded: Project) -> None:
        path = "/certificate-profiles/acme-web"
        kept = switches(loaded.ok("admin", "GET", path))
        assert kept == {"api": True, "acme": True, "est": None, "scep": None}, "as they were exported"
        for method in ("acme", "est", "scep"):
            on = {"legacy_enrollment": {method: {"enabled": True}}}
            assert switches(loaded.ok("admin", "PATCH", path, on))[method] is True
        kept |= {"est": True, "scep": True}
        off = {"acme": {"enabled": False}}
        changed = switches(loaded.ok("admin", "PATCH", path, {"legacy_enrollment": off}))
        assert changed == kept | {"acme": False}

    def test_you_can_still_create_alerts(self, loaded: Project) -> None:
        mail = {"sender": "certrail@acme.example", "recipients": ["ops@acme.example"]}
        loaded.made_at_the_endpoint_named(
            "channels", {**CREATIONS["channels"], "slug": "ops", "config": mail}
        )
        loaded.made_at_the_endpoint_named("alerts", CREATIONS["alerts"])

    def test_you_can_still_create_certificate_syncs(self, loaded: Project) -> None:
        loaded.made_at_the_endpoint_named("syncs", CREATIONS["syncs"])

    def test_you_can_still_define_approval_policies(self, loaded: Project) -> None:
        app = loaded.team.application
        loaded.ok("admin", "POST", f"/applications/{app}/profiles", {"profile": "acme-web"})
        loaded.ok("admin", "PUT", f"/applications/{app}/members/ada", {"role": "operator"})
        loaded.made_at_the_endpoint_named("approval-policies", CREATIONS["approval-policies"])

    def test_enrollment_of_its_own_can_be_switched_off_but_not_given(self, loaded: Project) -> None:
        off = {"legacy_enrollment": {"api": {"enabled": False}}}
        loaded.ok("admin", "PATCH", "/certificate-profiles/acme-internal", off)
        wanted = {"profile": "acme-internal", "sans": {"dns": ["new.int.acme.example"]}}
        assert loaded.call("pipeline", "POST", "/certificate-requests", wanted).status_code == 409
        profile = {"slug": "late", "name": "Late", "ca": "root", "policy": "tls", "ttl": "47d"}
        loaded.ok("admin", "POST", "/certificate-profiles", profile)
        answer = loaded.call("admin", "PATCH", "/certificate-profiles/late", off)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:certrail:problem:legacy-creation")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestFaq:
    """The questions and their answers."""

    def test_will_my_existing_issuance_flows_keep_working_yes(self, loaded: Project) -> None:
        wanted = {"profile": "acme-internal", "sans": {"dns": ["new.int.acme.example"]}}
        request = loaded.ok("pipeline", "POST", "/certificate-requests", wanted)
        done = loaded.advance(request["id"])
        assert (done["status"], done["application_id"]) == ("issued", None)
        assert [row["id"] for row in loaded.items("/certificate-requests", "ada")] == [request["id"]]

    def test_can_i_still_modify_my_existing_objects_yes_but_not_create(self, loaded: Project) -> None:
        body = {"events": ["certificate.renewed"], "channels": ["ops"], "enabled": False}
        assert loaded.ok("admin", "PATCH", "/alerts/new", body)["enabled"] is False
        loaded.renewed("int-00.int.acme.example")
        assert loaded.notified() == []
        assert loaded.ok("admin", "PATCH", "/syncs/archive", {"auto": True})["auto"] is True
        changed = loaded.ok("admin", "PATCH", "/approval-policies/web", {"request_ttl": "2d"})
        assert changed["request_ttl"] == "2d"
        for path in ("/alerts/new", "/syncs/archive", "/approval-policies/web"):
            loaded.ok("admin", "DELETE", path)
        for noun in ("alerts", "syncs", "approval-policies"):
            assert loaded.call("admin", "POST", f"/{noun}", CREATIONS[noun]).status_code == 409

    def test_do_i_need_to_re_issue_certificates_no(self, loaded: Project) -> None:
        given = {one["certificate"].strip() for one in loaded.export["certificates"]}
        with loaded.team.services.context.db.read() as session:
            assert {row.pem.strip() for row in session.exec(select(Certificate))} == given

    def test_what_if_i_do_not_migrate_it_continues(self, loaded: Project) -> None:
        for _ in range(3):
            loaded.renewed("int-01.int.acme.example")
        assert loaded.notified() == ["certificate.renewed"] * 3
        assert loaded.items("/applications")[0]["slug"] == "app", "no Application was needed"
        for noun, body in CREATIONS.items():
            problem = loaded.call("admin", "POST", f"/{noun}", body).json()
            assert problem["type"] == "urn:certrail:problem:legacy-creation"

    def test_can_i_still_use_certificate_profiles_yes(self, loaded: Project) -> None:
        app = loaded.team.application
        loaded.ok("admin", "POST", f"/applications/{app}/profiles", {"profile": "acme-internal"})
        wanted = {"profile": "acme-internal", "sans": {"dns": ["both.int.acme.example"]}}
        inside = loaded.ok("admin", "POST", f"/applications/{app}/certificate-requests", wanted)
        outside = loaded.ok("admin", "POST", "/certificate-requests", wanted)
        assert (inside["application_id"], outside["application_id"]) == (app, None)

    def test_one_profile_serves_many_applications_each_with_its_own_access(self, loaded: Project) -> None:
        loaded.ok(
            "admin", "POST", "/applications", {"slug": "two", "name": "Two", "profiles": ["acme-internal"]}
        )
        wanted = {"profile": "acme-internal", "sans": {"dns": ["two.int.acme.example"]}}
        loaded.ok("admin", "POST", "/applications/two/certificate-requests", wanted)
        assert loaded.call("ada", "GET", "/applications/two/certificate-requests").status_code == 404
