"""Who may do what in a project of the older model, over HTTP."""

import pytest
from tests.integration.older_project import CREATIONS, Project


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
            loaded.ok("admin", "POST", f"/{noun}", {"slug": "own", "name": "Own", **body})  # type: ignore[dict-item]
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


class TestMembersOfTheOlderProject:
    """What belongs to no Application is one scope, with members, an inventory and a record of its own."""

    def test_they_are_listed_added_changed_and_removed(self, loaded: Project) -> None:
        loaded.team.person("zoe", None)
        assert loaded.call("zoe", "GET", "/syncs").status_code == 404
        loaded.ok("grace", "PUT", "/members/zoe", {"role": "auditor"})
        roles = {row["principal"]: row["role"] for row in loaded.items("/members", "zoe")}
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

    def test_they_see_what_they_may_do(self, loaded: Project) -> None:
        held = loaded.ok("linus", "GET", "/permissions")["permissions"]
        assert {"sync:read", "event:read", "certificate:read"} <= set(held)
        assert not {"sync:manage", "inventory:read"} & set(held)
        assert "member:manage" in loaded.ok("grace", "GET", "/permissions")["permissions"]
