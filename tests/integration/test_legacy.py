"""A project of the older model works on without an Application, over HTTP; each statement about it is a test."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from examples.legacy.project import Json, project
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.errors import Conflict
from certrail.persistence.tables import Certificate, Delivery, NotificationRow
from certrail_server.legacy.format import Export, schema
from certrail_server.legacy.loading import Loader

CREATIONS = {
    "certificates": {"certificate": "-----BEGIN CERTIFICATE-----"},
    "syncs": {"slug": "new", "name": "New", "destination": "files", "connection": "acme-hosts"},
    "alerts": {"slug": "new", "name": "New", "events": ["certificate.issued"], "channels": ["ops"]},
    "channels": {"slug": "new", "name": "New", "notifier": "email", "connection": "acme-mail"},
    "approval-policies": {
        "slug": "new",
        "name": "New",
        "profiles": ["acme-web"],
        "steps": [{"name": "One", "approvers": ["ada"]}],
    },
}


@pytest.fixture(scope="module")
def exported() -> Json:
    """A small project; its keys take time to make."""
    return project("/nowhere", web=2, internal=2, foreign=1, past=False)


@dataclass
class Project:
    """A loaded project, and the API as everybody calls it."""

    team: Team
    export: Json
    client: httpx2.Client
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str, method: str, path: str, body: object = None) -> httpx2.Response:
        if who not in self.tokens:
            slug = self.team.admin.principal_id if who == "admin" else who
            _, self.tokens[who] = self.team.services.tokens.issue(self.team.admin, slug or "", name="test")
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def ok(self, who: str, method: str, path: str, body: object = None) -> Any:
        answer = self.call(who, method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def items(self, path: str, who: str = "admin") -> list[Json]:
        found: list[Json] = self.ok(who, "GET", path)["items"]
        return found

    def certificate(self, name: str) -> Json:
        (found,) = [row for row in self.items(f"/certificates?name={name}") if row["status"] == "active"]
        return found

    def advance(self, request: str) -> Json:
        """What the workflow would do."""
        self.team.services.issuance.advance(request)
        row: Json = self.ok("admin", "GET", f"/certificate-requests/{request}")
        return row

    def renewed(self, name: str, who: str = "pipeline") -> Json:
        present = self.certificate(name)
        request = self.ok(who, "POST", f"/certificates/{present['id']}/renew", {})
        assert self.advance(request["id"])["status"] == "issued"
        return self.certificate(name)

    def made_where_told(self, noun: str, body: Json) -> None:
        """Ask outside of Applications, then where the problem says."""
        problem = self.call("admin", "POST", f"/{noun}", body).json()
        path = problem["endpoint"].removeprefix("/api/v1").replace("{application}", self.team.application)
        made = self.ok("admin", "POST", path, body)
        assert made["application_id"] == self.team.application

    def told(self) -> list[str]:
        """The events that channels are told of."""
        with self.team.services.kernel.db.read() as session:
            rows = session.exec(select(NotificationRow).order_by(col(NotificationRow.created_at))).all()
        return [row.content["event_type"] for row in rows]


@pytest.fixture
def loaded(team: Team, exported: Json, tmp_path: Path) -> Iterator[Project]:
    export = copy.deepcopy(exported)
    export["connections"][0]["config"]["root"] = str(tmp_path)
    Loader(team.services, Export.model_validate(export)).run()
    with serving(team.services) as url, httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Project(team, export, client)


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
        assert profile["legacy_enrollment"] == {"api": {"enabled": True}}

    def test_certificates_will_keep_renewing(self, loaded: Project) -> None:
        name = "int-00.int.acme.example"
        before = loaded.certificate(name)
        after = loaded.renewed(name)
        assert (after["lineage_id"], after["application_id"]) == (before["lineage_id"], None)
        assert after["profile_id"] == before["profile_id"]
        assert loaded.ok("admin", "GET", f"/certificates/{before['id']}")["status"] == "superseded"

    def test_alerts_will_keep_firing(self, loaded: Project) -> None:
        loaded.renewed("int-00.int.acme.example")
        assert loaded.told() == ["certificate.renewed"]
        assert [row["content"]["event_type"] for row in loaded.items("/notifications")] == loaded.told()

    def test_syncs_will_keep_running(self, loaded: Project) -> None:
        after = loaded.renewed("int-00.int.acme.example")
        (wish,) = [row for row in loaded.items("/deliveries") if row["lineage_id"] == after["lineage_id"]]
        assert (wish["sync"], wish["desired_certificate_id"]) == ("hosts-internal", after["id"])

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
        path = "/certificate-profiles/acme-internal"
        methods = {name: {"enabled": True} for name in ("api", "acme", "est", "scep")}
        assert (
            loaded.ok("admin", "PATCH", path, {"legacy_enrollment": methods})["legacy_enrollment"] == methods
        )
        off = {"acme": {"enabled": False}}
        assert (
            loaded.ok("admin", "PATCH", path, {"legacy_enrollment": off})["legacy_enrollment"]
            == methods | off
        )

    def test_you_can_still_create_alerts(self, loaded: Project) -> None:
        mail = {"sender": "certrail@acme.example", "recipients": ["ops@acme.example"]}
        loaded.made_where_told("channels", {**CREATIONS["channels"], "slug": "ops", "config": mail})
        loaded.made_where_told("alerts", CREATIONS["alerts"])

    def test_you_can_still_create_certificate_syncs(self, loaded: Project) -> None:
        loaded.made_where_told("syncs", CREATIONS["syncs"])

    def test_you_can_still_define_approval_policies(self, loaded: Project) -> None:
        app = loaded.team.application
        loaded.ok("admin", "POST", f"/applications/{app}/profiles", {"profile": "acme-web"})
        loaded.ok("admin", "PUT", f"/applications/{app}/members/ada", {"role": "operator"})
        loaded.made_where_told("approval-policies", CREATIONS["approval-policies"])

    def test_enrollment_of_its_own_can_be_switched_off_but_not_given(self, loaded: Project) -> None:
        off = {"legacy_enrollment": {"api": {"enabled": False}}}
        loaded.ok("admin", "PATCH", "/certificate-profiles/acme-internal", off)
        wanted = {"profile": "acme-internal", "sans": {"dns": ["new.int.acme.example"]}}
        assert loaded.call("pipeline", "POST", "/certificate-requests", wanted).status_code == 409
        profile = {"slug": "late", "name": "Late", "ca": "root", "policy": "tls", "ttl": "47d"}
        loaded.ok("admin", "POST", "/certificate-profiles", profile)
        answer = loaded.call("admin", "PATCH", "/certificate-profiles/late", off)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:certrail:problem:legacy-creation")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
class TestAccessControl:
    """The tables of roles."""

    def test_a_product_admin_sees_everything_and_has_full_control(self, loaded: Project) -> None:
        made = {
            "certificate-authorities": {"subject": {"common_name": "Own"}},
            "certificate-policies": {},
            "certificate-profiles": {"ca": "own", "policy": "own", "ttl": "47d"},
            "applications": {},
        }
        for noun, body in made.items():
            loaded.ok("admin", "POST", f"/{noun}", {"slug": "own", "name": "Own", **body})
            assert loaded.ok("admin", "PATCH", f"/{noun}/own", {"name": "Mine"})["name"] == "Mine"
        confirm = loaded.ok("admin", "GET", "/applications/own/deletion")["confirm"]
        loaded.ok("admin", "DELETE", f"/applications/own?confirm={confirm}")
        for noun in ("certificate-profiles", "certificate-policies", "certificate-authorities"):
            loaded.ok("admin", "DELETE", f"/{noun}/own")
        permissions = set(loaded.ok("admin", "GET", "/me")["permissions"])
        assert {"product:manage", "application:create", "sync:manage", "certificate:renew"} <= permissions
        assert len(loaded.items("/certificates")) == 5

    def test_a_product_member_sees_the_applications_they_are_assigned_to(self, loaded: Project) -> None:
        loaded.team.person("member", None)
        assert loaded.items("/applications", "member") == []
        loaded.team.services.applications.set_member(
            loaded.team.admin,
            loaded.team.application,
            "member",
            "operator",  # type: ignore[arg-type]
        )
        assert [row["slug"] for row in loaded.items("/applications", "member")] == ["app"]

    def test_a_product_member_operates_within_assigned_applications_only(self, loaded: Project) -> None:
        loaded.team.person("member")
        certificate = loaded.certificate("int-00.int.acme.example")["id"]
        for method, path in (
            ("GET", "/syncs"),
            ("GET", "/alerts"),
            ("PATCH", "/syncs/hosts-web"),
            ("DELETE", "/alerts/new"),
            ("GET", "/certificates?application=none"),
            ("GET", "/members"),
            ("PUT", "/members/member"),
            ("GET", "/events"),
            ("GET", "/permissions"),
            ("GET", f"/certificates/{certificate}"),
            ("POST", f"/certificates/{certificate}/renew"),
        ):
            body = {} if method in ("POST", "PATCH") else {"role": "admin"} if method == "PUT" else None
            assert loaded.call("member", method, path, body).status_code == 404, path

    def test_admin_configures_and_manages_members(self, loaded: Project) -> None:
        loaded.team.person("boss", "admin")  # type: ignore[arg-type]
        app = loaded.team.application
        loaded.ok("boss", "PUT", f"/applications/{app}/members/ada", {"role": "auditor"})
        alert = {"slug": "a", "name": "A", "events": ["certificate.issued"], "channels": ["mail"]}
        mail = {"sender": "a@example.com", "recipients": ["b@example.com"]}
        channel = {"slug": "mail", "name": "Mail", "notifier": "email", "connection": "acme-mail"}
        loaded.ok("boss", "POST", f"/applications/{app}/channels", {**channel, "config": mail})
        loaded.ok("boss", "POST", f"/applications/{app}/alerts", alert)
        loaded.ok("boss", "POST", f"/applications/{app}/syncs", CREATIONS["syncs"])
        loaded.ok("admin", "POST", f"/applications/{app}/profiles", {"profile": "acme-web"})
        enrollment = f"/applications/{app}/profiles/acme-web/enrollment/api"
        loaded.ok("boss", "PUT", enrollment, {"enabled": True, "auto_renew": {"enabled": False}})
        loaded.ok("boss", "PUT", f"/applications/{app}/members/ada", {"role": "operator"})
        loaded.ok("boss", "POST", f"/applications/{app}/approval-policies", CREATIONS["approval-policies"])

    def test_operator_issues_renews_and_revokes(self, loaded: Project) -> None:
        loaded.team.person("op")
        app = loaded.team.application
        wanted = {"profile": "acme-internal", "sans": {"dns": ["a.int.acme.example"]}}
        loaded.ok("admin", "POST", f"/applications/{app}/profiles", {"profile": "acme-internal"})
        request = loaded.ok("op", "POST", f"/applications/{app}/certificate-requests", wanted)
        done = loaded.advance(request["id"])
        renewal = loaded.ok("op", "POST", f"/certificates/{done['certificate_id']}/renew", {})
        present = loaded.advance(renewal["id"])["certificate_id"]
        assert loaded.ok("op", "POST", f"/certificates/{present}/revoke", {})["status"] == "revoked"
        assert loaded.call("op", "POST", f"/applications/{app}/syncs", CREATIONS["syncs"]).status_code == 403

    def test_auditor_views_certificates_and_configuration(self, loaded: Project) -> None:
        certificate = loaded.certificate("int-00.int.acme.example")["id"]
        loaded.ok("linus", "GET", f"/certificates/{certificate}")
        assert len(loaded.items("/syncs", "linus")) == 4
        assert loaded.call("linus", "POST", f"/certificates/{certificate}/renew", {}).status_code == 403
        assert loaded.call("linus", "DELETE", "/syncs/hosts-web").status_code == 403


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
        assert loaded.told() == []
        assert loaded.ok("admin", "PATCH", "/syncs/archive", {"auto": True})["auto"] is True
        changed = loaded.ok("admin", "PATCH", "/approval-policies/web", {"request_ttl": "2d"})
        assert changed["request_ttl_seconds"] == 2 * 86400
        for path in ("/alerts/new", "/syncs/archive", "/approval-policies/web"):
            loaded.ok("admin", "DELETE", path)
        for noun in ("alerts", "syncs", "approval-policies"):
            assert loaded.call("admin", "POST", f"/{noun}", CREATIONS[noun]).status_code == 409

    def test_do_i_need_to_re_issue_certificates_no(self, loaded: Project) -> None:
        given = {one["certificate"].strip() for one in loaded.export["certificates"]}
        with loaded.team.services.kernel.db.read() as session:
            assert {row.pem.strip() for row in session.exec(select(Certificate))} == given

    def test_what_if_i_do_not_migrate_it_continues(self, loaded: Project) -> None:
        for _ in range(3):
            loaded.renewed("int-01.int.acme.example")
        assert loaded.told() == ["certificate.renewed"] * 3
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


class TestMembersOfTheOlderProject:
    """What belongs to no Application is one scope, with members, an inventory and a record of its own."""

    def test_they_are_listed_added_changed_and_removed(self, loaded: Project) -> None:
        loaded.team.person("zoe", None)
        assert loaded.call("zoe", "GET", "/syncs").status_code == 404
        loaded.ok("grace", "PUT", "/members/zoe", {"role": "auditor"})
        roles = {row["principal"]["slug"]: row["role"] for row in loaded.items("/members", "zoe")}
        assert roles["zoe"] == "auditor"
        assert roles.keys() == {"ada", "grace", "linus", "pipeline", "platform", "zoe"}
        assert loaded.call("zoe", "PUT", "/members/zoe", {"role": "admin"}).status_code == 403
        loaded.ok("grace", "DELETE", "/members/zoe")
        assert loaded.call("zoe", "GET", "/members").status_code == 404
        assert loaded.call("grace", "DELETE", "/members/zoe").status_code == 404

    def test_an_approver_is_replaced_by_somebody_new(self, loaded: Project) -> None:
        loaded.team.person("zoe", None)
        steps = {"steps": [{"name": "Security", "approvers": ["zoe"]}]}
        assert loaded.call("admin", "PATCH", "/approval-policies/web", steps).status_code == 400
        loaded.ok("admin", "PUT", "/members/zoe", {"role": "operator"})
        loaded.ok("admin", "PATCH", "/approval-policies/web", steps)
        loaded.ok("admin", "DELETE", "/members/grace")
        present = loaded.certificate("web-00.shop.acme.example")
        request = loaded.ok("pipeline", "POST", f"/certificates/{present['id']}/renew", {})
        (asked,) = loaded.items("/approval-requests?status=open", "zoe")
        loaded.ok("zoe", "POST", f"/approval-requests/{asked['id']}/votes", {"decision": "approve"})
        assert loaded.advance(request["id"])["status"] == "issued"

    def test_they_see_their_certificates_and_no_others(self, loaded: Project) -> None:
        loaded.team.ask(loaded.team.admin)
        for request in loaded.items(f"/applications/{loaded.team.application}/certificate-requests"):
            loaded.advance(request["id"])
        assert len(loaded.items("/certificates")) == 6
        for who in ("linus", "pipeline", "admin"):
            own = loaded.items("/certificates?application=none", who)
            assert len(own) == 5
            assert {row["application_id"] for row in own} == {None}
        front = "/certificates?application=none&metadata=tier=front&expires_before=2999-01-01T00:00:00Z"
        assert len(loaded.items(front, "linus")) == 2
        serial = loaded.certificate("web-00.shop.acme.example")["serial"]
        assert len(loaded.items(f"/certificates?application=none&serial={serial}", "linus")) == 1
        assert len(loaded.items("/certificates?application=none&limit=2", "linus")) == 2
        assert loaded.call("linus", "GET", "/certificates").status_code == 403
        assert loaded.call("linus", "GET", "/certificates?application=app").status_code == 403

    def test_they_read_what_happened_in_it_and_nothing_else(self, loaded: Project) -> None:
        loaded.renewed("int-00.int.acme.example")
        loaded.ok("admin", "PUT", "/members/linus", {"role": "auditor"})
        rows = loaded.items("/events?limit=1000", "linus")
        assert {"certificate.renewed", "sync.created", "member.set"} <= {row["type"] for row in rows}
        nouns = {row["type"].partition(".")[0] for row in rows}
        assert not nouns & {"principal", "token", "ca", "connection", "access", "application", "profile"}
        assert {row["application_id"] for row in rows} == {None}
        assert loaded.call("linus", "GET", "/audit/events").status_code == 403

    def test_they_are_told_what_they_may_do(self, loaded: Project) -> None:
        held = loaded.ok("linus", "GET", "/permissions")["permissions"]
        assert {"sync:read", "event:read", "certificate:read"} <= set(held)
        assert not {"sync:manage", "inventory:read"} & set(held)
        assert "member:manage" in loaded.ok("grace", "GET", "/permissions")["permissions"]


class TestLoading:
    """`certrail legacy load`."""

    def test_loading_again_changes_nothing(self, loaded: Project) -> None:
        loaded.ok("admin", "PATCH", "/syncs/hosts-web", {"name": "Mine now"})
        outcome = Loader(loaded.team.services, Export.model_validate(loaded.export)).run()
        assert outcome.loaded == {}
        assert sum(outcome.kept.values()) == 5 + 2 + 1 + 2 + 4 + 2 + 5 + 2 + 4 + 3
        assert loaded.ok("admin", "GET", "/syncs/hosts-web")["name"] == "Mine now"

    def test_one_that_was_interrupted_is_completed(self, team: Team, exported: Json, tmp_path: Path) -> None:
        export = copy.deepcopy(exported)
        export["connections"][0]["config"]["root"] = str(tmp_path)

        def stop(kind: str, done: int, _of: int) -> None:
            if (kind, done) == ("certificates", 3):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Loader(team.services, Export.model_validate(export), stop).run()
        outcome = Loader(team.services, Export.model_validate(export)).run()
        assert outcome.kept["certificates"] == 3
        assert outcome.loaded["certificates"] == 2
        with team.services.kernel.db.read() as session:
            assert len(session.exec(select(Delivery)).all()) == 5

    def test_names_that_others_have_are_refused_before_anything_is_loaded(
        self, team: Team, exported: Json
    ) -> None:
        export = copy.deepcopy(exported)
        export["policies"][0]["slug"] = "tls"
        export["profiles"] = [{**profile, "policy": "tls"} for profile in export["profiles"]]
        with pytest.raises(Conflict, match="policy tls"):
            Loader(team.services, Export.model_validate(export)).run()
        with team.services.kernel.db.read() as session:
            assert session.exec(select(Certificate)).first() is None

    def test_what_is_named_must_be_there(self, exported: Json) -> None:
        export = copy.deepcopy(exported)
        export["policies"] = []
        export["alerts"].append(export["alerts"][0])
        with pytest.raises(ValidationError) as wrong:
            Export.model_validate(export)
        assert "profile acme-web names the policy 'acme-servers', which is not in the export" in str(
            wrong.value
        )
        assert "alerts holds 'new' twice" in str(wrong.value)

    def test_the_example_follows_the_published_schema(self, exported: Json) -> None:
        published = Path(__file__).parents[2] / "docs" / "reference" / "legacy-export.schema.json"
        document = json.loads(published.read_text())
        assert document == json.loads(json.dumps(schema()))
        Draft202012Validator.check_schema(document)
        Draft202012Validator(document).validate(exported)
        broken = {**exported, "format": "something-else"}
        assert not Draft202012Validator(document).is_valid(broken)

    def test_private_keys_are_in_no_text_of_the_export(self, exported: Json) -> None:
        export = Export.model_validate(exported)
        assert "PRIVATE KEY" not in repr(export)
        assert "PRIVATE KEY" not in str(export.authorities)
