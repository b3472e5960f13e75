"""The commands that speak to a running certrail: what a person types, and what comes of it."""

import json
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from tests.integration.cli_shell import Shell

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import NotFound
from certrail.pki.authority import intermediate, self_signed_root
from certrail.pki.keys import generate
from certrail.services.approvals.policies import Step


def test_authorities(shell: Shell) -> None:
    made = shell.json("ca", "create", "issuing", "--common-name", "Issuing", "--parent", "root")
    assert (made["kind"], made["status"], len(made["certificates"])) == ("intermediate", "active", 1)
    shell.run("ca", "renew", "issuing", "--new-key")
    assert [v["version"] for v in shell.json("ca", "show", "issuing")["certificates"]] == [2, 1]
    shell.run("ca", "disable", "issuing")
    listed = shell.run("ca", "list")
    assert "disabled" in listed
    assert "root" in listed
    shell.run("ca", "enable", "issuing")
    assert "used by: issuing, web" in shell.refused("ca", "delete", "root")
    shell.run("ca", "delete", "issuing")
    assert [row["slug"] for row in shell.json("ca", "list")] == ["root"]


def test_an_authority_signed_elsewhere(shell: Shell) -> None:
    shell.run("ca", "create", "outer", "--common-name", "Outer", "--external")
    csr = x509.load_pem_x509_csr(shell.run("ca", "csr", "outer").encode())
    key, now = generate(KeyAlgorithm.EC_P256), shell.team.clock.now
    root = self_signed_root(
        Subject(common_name="Elsewhere"), key, 3, now, now.replace(year=now.year + 3), None
    )
    signed = intermediate(
        Subject(common_name="Outer"),
        csr.public_key(),  # type: ignore[arg-type]
        root,
        key,
        serial=4,
        not_before=now,
        not_after=now.replace(year=now.year + 1),
        max_path_length=0,
    )
    certificate = shell.file("outer.pem", signed.public_bytes(Encoding.PEM).decode())
    chain = shell.file("root.pem", root.public_bytes(Encoding.PEM).decode())
    assert "'CN=Elsewhere' is missing" in shell.refused("ca", "install", "outer", certificate)
    assert "status" in shell.run("ca", "install", "outer", certificate, "--chain", chain)
    assert shell.json("ca", "show", "outer")["status"] == "active"


def test_policies_and_profiles(shell: Shell) -> None:
    rules = shell.file("rules.json", '{"sans": {"dns": {"allowed": ["*.example.org"]}}}')
    shell.run("policy", "create", "org", rules)
    shell.run("profile", "create", "org", "--policy", "org", "--ttl", "30d", "--ca", "root")
    assert shell.json("profile", "show", "org")["ttl"] == "30d"
    shell.run("policy", "update", "org", shell.file("none.json", "{}"))
    assert shell.json("policy", "show", "org")["version"] == 2
    assert "profiles org" in shell.refused("policy", "delete", "org")
    shell.run("profile", "delete", "org")
    shell.run("policy", "delete", "org")
    assert "org" not in shell.run("policy", "list") + shell.run("profile", "list")
    assert "is no JSON" in shell.refused("policy", "create", "bad", shell.file("bad.json", "{"))
    assert "cannot be read" in shell.refused("policy", "create", "bad", str(shell.folder / "missing"))
    assert "rules.colour: there is no such member" in shell.refused(
        "policy", "create", "bad", shell.file("x.json", '{"colour": 1}')
    )


def test_applications_and_members(shell: Shell) -> None:
    shell.run("app", "create", "pay", "--name", "Payments", "--profile", "web")
    shell.team.person("ann", None)
    shell.run("member", "set", "pay", "ann", "auditor")
    assert "auditor" in shell.run("member", "list", "pay")
    assert "'king' is not one of 'admin', 'operator', 'auditor'" in shell.misused(
        "member", "set", "pay", "ann", "king"
    )
    shell.run("member", "remove", "pay", "ann")
    assert [row["principal"] for row in shell.json("member", "list", "pay")] == ["admin"]
    assert shell.json("app", "show", "pay")["name"] == "Payments"
    assert shell.refused("app", "delete", "pay", typed="n\n") == "error: Nothing was deleted."
    assert "1 member" in shell.run("app", "delete", "pay", typed="y\n")
    assert "pay" not in shell.run("app", "list")
    assert "no such Application" in shell.refused("app", "show", "pay")


def test_a_certificate_is_asked_for_searched_and_written_to_a_file(shell: Shell) -> None:
    words = (
        "request",
        "submit",
        "app",
        "--profile",
        "web",
        "--dns",
        "a.example.com",
        "--metadata",
        "team=pay",
    )
    asked = shell.json(*words)
    shell.team.services.issuance.advance(asked["id"])
    issued = shell.json("request", "show", asked["id"])
    assert issued["status"] == "issued"
    assert asked["id"] in json.dumps(shell.json("request", "list", "app", "--status", "issued"))
    for search in (("--name", "a.example.com"), ("--name-ends", "example.com"), ("--metadata", "team=pay")):
        assert [row["id"] for row in shell.json("cert", "list", "app", *search)] == [issued["certificate_id"]]
    assert shell.json("cert", "list", "app", "--metadata", "team=web") == []
    stored = shell.folder / "a.p12"
    shell.run(
        *("cert", "export", issued["certificate_id"], str(stored), "--format", "pkcs12"),
        typed="correct horse\ncorrect horse\n",
    )
    assert stored.stat().st_mode & 0o777 == 0o600
    assert pkcs12.load_pkcs12(stored.read_bytes(), b"correct horse").key is not None
    pem = shell.folder / "a.pem"
    shell.run("cert", "export", issued["certificate_id"], str(pem), "--root")
    assert len(x509.load_pem_x509_certificates(pem.read_bytes())) == 2
    assert "File exists" in shell.refused("cert", "export", issued["certificate_id"], str(pem))
    assert "in the inventory already" in shell.refused("cert", "import", "app", str(pem))
    assert "in the inventory already" in shell.refused(
        *("cert", "import", "app", str(stored), "--pkcs12"), typed="correct horse\n"
    )
    assert re.search(
        r"^serial +[0-9a-f]+$", shell.run("cert", "show", issued["certificate_id"]), re.MULTILINE
    )


def test_refusals_name_every_rule(shell: Shell) -> None:
    words = (
        "request",
        "submit",
        "app",
        "--profile",
        "web",
        "--dns",
        "a.example.org",
        "--dns",
        "b.example.org",
    )
    line = shell.refused(*words)
    assert "'a.example.org'" in line
    assert "'b.example.org'" in line
    assert "name=value" in shell.refused(*words, "--metadata", "x")


def test_a_request_is_withdrawn(shell: Shell) -> None:
    shell.team.person("ann")
    shell.team.guard(Step("One", ("ann",)))
    asked = shell.json("request", "submit", "app", "--profile", "web", "--dns", "a.example.com")
    shell.run("request", "cancel", asked["id"])
    assert shell.json("request", "show", asked["id"])["status"] == "cancelled"
    assert "only a failed or an approved one is retried" in shell.refused("request", "retry", asked["id"])


def test_a_missing_or_wrong_token_or_address_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_TOKEN", "crt_wrong_token")
    assert "valid bearer token" in shell.refused("app", "list")
    monkeypatch.delenv("CERTRAIL_TOKEN")
    assert "CERTRAIL_TOKEN" in shell.refused("app", "list")
    monkeypatch.setenv("CERTRAIL_TOKEN", "crt_wrong_token")
    monkeypatch.setenv("CERTRAIL_URL", "http://127.0.0.1:9")
    assert "cannot be reached at http://127.0.0.1:9" in shell.refused("app", "list")
    monkeypatch.setenv("CERTRAIL_URL", "nonsense")
    assert "see CERTRAIL_URL" in shell.refused("app", "list")


def test_people_and_groups(shell: Shell) -> None:
    shell.run("user", "create", "ann", "--email", "ann@example.com")
    shell.run("machine", "create", "ci", "--name", "Build")
    shell.run("group", "create", "owners", "--member", "ann")
    shell.run("group", "add", "owners", "ci")
    assert {row["slug"] for row in shell.json("group", "members", "owners")} == {"ann", "ci"}
    shell.run("group", "remove", "owners", "ci")
    assert [row["slug"] for row in shell.json("group", "members", "owners")] == ["ann"]
    shell.run("user", "update", "ann@example.com", "--product-role", "admin")
    assert "Say what to change" in shell.refused("user", "update", "ann")
    shell.run("user", "deactivate", "ann")
    (ann,) = (row for row in shell.json("user", "list") if row["slug"] == "ann")
    assert (ann["product_role"], ann["active"]) == ("admin", False)
    shell.run("user", "activate", "ann")
    assert "Build" in shell.run("machine", "list")
    assert "owners" in shell.run("group", "list")
    assert "principal:manage" in shell.json("me")["permissions"]
    assert "sync:trigger" in shell.json("me", "--app", "app")["permissions"]


def test_what_an_application_is_called_and_may_use(shell: Shell) -> None:
    shell.run("app", "create", "pay")
    shell.run("app", "attach", "pay", "web")
    assert [row["profile"] for row in shell.json("app", "profiles", "pay")] == ["web"]
    shell.run("profile", "update", "web", shell.file("ttl.json", '{"ttl": "20d"}'))
    assert shell.json("profile", "show", "web")["ttl"] == "20d"
    shell.run("app", "detach", "pay", "web")
    shell.run("app", "update", "pay", "--slug", "payments", "--description", "Money")
    assert shell.json("app", "show", "payments")["description"] == "Money"
    view = {"slug": "soon", "name": "Soon", "filter": {"name_ends": "example.com"}}
    shell.run("view", "create", "payments", shell.file("view.json", json.dumps(view)))
    assert shell.json("cert", "list", "payments", "--view", "soon") == []
    shell.run("view", "delete", "payments", "soon")
    assert shell.json("view", "list", "payments") == []


def test_approvals_are_answered(shell: Shell) -> None:
    steps = [{"name": "One", "approvers": ["admin"], "quorum": 1}]
    policy = {"slug": "one", "name": "One", "profiles": ["web"], "steps": steps, "allow_self_approval": True}
    shell.run("approval-policy", "create", "app", shell.file("policy.json", json.dumps(policy)))
    assert [row["slug"] for row in shell.json("approval-policy", "list", "app")] == ["one"]
    asked = [
        shell.json("request", "submit", "app", "--profile", "web", "--dns", f"{name}.example.com")
        for name in "ab"
    ]
    waiting = {row["subject_id"]: row["id"] for row in shell.json("approval", "list")}
    shell.run("approval", "approve", waiting[asked[0]["id"]], "--comment", "fine")
    shell.run("approval", "reject", waiting[asked[1]["id"]], typed="not needed\n")
    assert [
        vote["decision"] for vote in shell.json("approval", "show", waiting[asked[0]["id"]])["votes"]
    ] == ["approve"]
    assert "not needed" in shell.run("approval", "list", "--app", "app", "--status", "rejected")
    assert "approved" in shell.refused("approval", "approve", waiting[asked[0]["id"]])
    shell.run("approval-policy", "delete", "app", "one")


def test_certificates_are_delivered(shell: Shell) -> None:
    root = shell.folder / "there"
    root.mkdir()
    connection = {"slug": "here", "name": "Here", "type": "folder", "config": {"root": str(root)}}
    shell.run("connection", "create", "-", typed=json.dumps(connection))
    assert "folder" in shell.run("connection", "list")
    sync = {"slug": "files", "name": "Files", "destination": "files", "connection": "here", "auto": False}
    shell.run("sync", "create", "app", shell.file("sync.json", json.dumps(sync)))
    asked = shell.json("request", "submit", "app", "--profile", "web", "--dns", "a.example.com")
    shell.team.services.issuance.advance(asked["id"])
    look = shell.file("look.json", json.dumps({"destination": "files", "selection": {"names": ["a.*"]}}))
    assert shell.run("sync", "preview", "app", look).endswith("1 certificate\n")
    assert shell.json("delivery", "list", "app") == []
    assert shell.run("sync", "trigger", "app", "files") == "1 delivery queued\n"
    (delivery,) = shell.json("delivery", "list", "app")
    assert "no active certificate" in shell.refused("sync", "trigger", "app", "files", "--lineage", "x")
    shell.run("delivery", "retry", delivery["id"])
    assert shell.json("delivery", "show", delivery["id"])["generation"] == 2
    shell.run("sync", "update", "app", "files", shell.file("name.json", '{"name": "Folder"}'))
    assert shell.json("sync", "list", "app")[0]["name"] == "Folder"
    assert shell.run("sync", "check", "app", "files") == "ok\n"
    root.rename(shell.folder / "away")
    refused = shell.refused("sync", "check", "app", "files")
    assert "Make the folder, or correct 'root' of the connection." in refused
    (shell.folder / "away").rename(root)
    assert "is used by files" in shell.refused("connection", "delete", "here")
    assert "deleted" in shell.run("sync", "delete", "app", "files", "--cleanup")
    shell.run(
        "connection", "update", "here", shell.file("same.json", json.dumps({"config": connection["config"]}))
    )
    shell.run("connection", "delete", "here")
    assert "is no JSON" in shell.refused("connection", "create", "-", typed="{")


def test_what_is_not_there_is_named_as_it_was_given(shell: Shell) -> None:
    smtp = {"slug": "mail", "name": "Mail", "type": "smtp", "config": {"host": "127.0.0.1", "port": 9}}
    shell.run("connection", "create", shell.file("smtp.json", json.dumps(smtp)))
    config = {"sender": "a@example.com", "recipients": ["b@example.com"]}
    channel = {"slug": "team", "name": "Team", "notifier": "email", "connection": "mail", "config": config}
    alert = {"slug": "all", "name": "All", "events": ["request.refused"], "channels": ["team"]}
    later = [{"after": "1h", "channels": ["lead"]}]
    steps = [{"name": "One", "approvers": ["alice"]}]
    guard = {"slug": "guard", "name": "Guard", "profiles": ["web"], "steps": steps}
    shell.run("channel", "create", "app", shell.file("team.json", json.dumps(channel)))
    for group, document, named in (
        ("channel", channel | {"slug": "other", "fallback": "pager"}, "channel 'pager'"),
        ("channel", channel | {"slug": "other", "connection": "aws"}, "connection 'aws'"),
        ("alert", alert | {"channels": ["team", "ops"]}, "channel 'ops'"),
        ("alert", alert | {"escalation": later}, "channel 'lead'"),
        ("approval-policy", guard, "principal 'alice'"),
    ):
        answer = shell.refused(group, "create", "app", shell.file("given.json", json.dumps(document)))
        assert answer == f"error: There is no {named}, or you may not see it."
    for group, words in (("sync", ("trigger",)), ("alert", ("delete",)), ("view", ("delete",))):
        assert f"no {group} 'x', or" in shell.refused(group, *words, "app", "x")


def test_who_may_not_be_seen_is_refused_like_who_is_not_there(shell: Shell) -> None:
    ann = shell.team.person("ann")
    answers = set()
    for reference in ("admin", "nobody"):
        with pytest.raises(NotFound) as refused:
            shell.team.services.tokens.list(ann, reference)
        answers.add(refused.value.detail.replace(reference, "…"))
    assert answers == {"There is no principal '…', or you may not see it."}


def test_channels_alerts_and_notifications(shell: Shell) -> None:
    smtp = {"slug": "mail", "name": "Mail", "type": "smtp", "config": {"host": "127.0.0.1", "port": 9}}
    shell.run("connection", "create", shell.file("smtp.json", json.dumps(smtp)))
    config = {"sender": "a@example.com", "recipients": ["b@example.com"]}
    for application, more in (("app", {}), ("-", {"product_wide": True})):
        channel = {
            "slug": "team",
            "name": "Team",
            "notifier": "email",
            "connection": "mail",
            "config": config,
        }
        alert = {
            "slug": "refusals",
            "name": "Refusals",
            "events": ["request.refused"],
            "channels": ["team"],
            "escalation": [],
        }
        shell.run("channel", "create", application, shell.file("c.json", json.dumps(channel | more)))
        shell.run("alert", "create", application, shell.file("a.json", json.dumps(alert | more)))
        assert [row["slug"] for row in shell.json("channel", "list", application)] == ["team"]
    assert "127.0.0.1" in shell.refused("channel", "check", "app", "team")
    shell.refused("request", "submit", "app", "--profile", "web", "--dns", "a.example.org")
    (sent,) = shell.json("notification", "list", "app")
    assert "refused" in sent["content"]["title"]
    shell.run("notification", "replay", sent["id"])
    assert len(shell.json("notification", "list", "app", "--status", "pending")) == 2
    assert shell.json("incident", "list", "app") == []
    assert "no such incident" in shell.refused("incident", "acknowledge", "x")
    shell.run("alert", "update", "app", "refusals", shell.file("off.json", '{"enabled": false}'))
    assert shell.json("alert", "list", "app")[0]["enabled"] is False
    shell.run("alert", "delete", "app", "refusals")
    shell.run("channel", "delete", "app", "team")
