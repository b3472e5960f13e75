"""What commands show to people, and what they say when something is missing."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from tests.integration.cli_shell import Shell
from tests.support.terminal import on_a_terminal

from certrail.domain.renewal import RenewalOverride
from certrail.services.approvals.policies import Step
from certrail.services.delivery.deploy import DeployCall
from certrail_server.cli.tables import named

NARROW = 80


def issued(shell: Shell, *words: str) -> Any:
    """A request that led to a certificate."""
    asked = shell.json("request", "submit", "app", "--profile", "web", *(words or ("--dns", "a.example.com")))
    shell.team.services.issuance.advance(asked["id"])
    return shell.json("request", "show", asked["id"])


def something(value: Any) -> bool:
    """Whether a member has anything to show."""
    return any(map(something, value.values())) if isinstance(value, dict) else value not in (None, [])


def deliver(shell: Shell, delivery_id: str) -> None:
    """What the workflow does."""
    deliver = shell.team.services.effects.deliver
    work = deliver.begin(delivery_id, 1)
    assert isinstance(work, DeployCall)
    deliver.complete(work, asyncio.run(work.perform()))


def test_names_and_dates_are_whole_and_ids_are_shortened_on_a_terminal_only(shell: Shell) -> None:
    long = "a-rather-long-name-that-does-not-fit-beside-the-others.example.com"
    row = issued(shell, "--dns", long)
    (certificate,) = shell.json("cert", "list", "app")
    ends = certificate["not_after"].removesuffix("Z").removesuffix("+00:00") + "Z"
    ident = row["certificate_id"]
    for text in (shell.run("cert", "list", "app"), on_a_terminal(NARROW, "cert", "list", "app")):
        line = next(line for line in text.splitlines() if ident[:12] in line)
        assert long in line
        assert ends in line
        assert (ident in line) == (text == shell.run("cert", "list", "app"))
    assert row["id"][:12] in on_a_terminal(NARROW, "request", "list", "app")
    (line,) = shell.run("request", "list", "app").splitlines()[1:]
    assert (row["id"] in line, long in line) == (True, True)


def test_headings_are_words(shell: Shell) -> None:
    issued(shell)
    groups = (
        *(("request", "list", "app"), ("cert", "list", "app"), ("delivery", "list", "app")),
        *(("notification", "list", "app"), ("incident", "list", "app"), ("approval", "list")),
        *(("member", "list", "app"), ("ca", "list"), ("audit", "list"), ("retirement", "list", "app")),
    )
    for words in groups:
        heading = shell.run(*words).splitlines()[0]
        assert not re.search(r"[._]", heading), words


@pytest.mark.parametrize(
    ("common", "sans", "name"),
    [
        ("cn", {"dns": ["a"]}, "cn and 1 more"),
        ("a", {"dns": ["a"]}, "a"),
        (None, {"dns": ["a", "b"], "ip": ["c"]}, "a and 2 more"),
        ("", {"ip": ["::1"]}, "::1"),
        (None, None, ""),
    ],
)
def test_a_certificate_is_called_by_its_first_name(common: str | None, sans: Any, name: str) -> None:
    assert named(common, sans) == name


def test_what_is_shown_keeps_the_order_of_the_api_and_leaves_out_what_is_not_there(shell: Shell) -> None:
    row = issued(shell)
    text = shell.run("request", "show", row["id"])
    members = re.findall(r"^(\w+(?: \w+)*)", text, re.MULTILINE)
    named_too = {f"{name}_id" for name, value in row.items() if value is not None}
    there = [name for name, value in row.items() if something(value) and name not in named_too]
    assert members == [name.replace("_", " ") for name in there]
    assert list(row)[:2] == ["id", "created_at"]
    assert re.search(r"sans +dns: a\.example\.com\n", text)
    assert "{" not in text
    assert "null" not in text


def test_an_authority_shows_its_versions(shell: Shell) -> None:
    shell.run("ca", "renew", "root", "--new-key")
    text = shell.run("ca", "show", "root")
    assert re.findall(r"version: (\d)", text) == ["2", "1"]
    assert text.count("not after: ") == 2
    assert "BEGIN" not in text


def test_channels_are_called_by_their_slugs(shell: Shell) -> None:
    hook = {"slug": "hook", "name": "H", "type": "webhook", "config": {"url": "https://127.0.0.1:9/x"}}
    shell.run("connection", "create", "-", typed=json.dumps(hook))
    channel = {"slug": "team-channel", "name": "Team", "notifier": "webhook", "connection": "hook"}
    alert = {"slug": "refusals", "name": "R", "events": ["request.refused"], "channels": ["team-channel"]}
    shell.run("channel", "create", "app", "-", typed=json.dumps(channel))
    shell.run("alert", "create", "app", "-", typed=json.dumps(alert))
    shell.refused("request", "submit", "app", "--profile", "web", "--dns", "a.example.org")
    ident = shell.json("channel", "show", "app", "team-channel")["id"]
    for words in (
        ("alert", "list", "app"),
        ("notification", "list", "app"),
        ("alert", "show", "app", "refusals"),
    ):
        text = shell.run(*words)
        assert "team-channel" in text
        assert ident not in text
    assert shell.json("alert", "list", "app")[0]["channels"] == ["team-channel"]


def test_an_approval_says_what_it_is_about(shell: Shell) -> None:
    shell.team.person("ann")
    shell.team.guard(Step("One", ("ann", "admin")), allow_self_approval=True)
    shell.run(
        *("request", "submit", "app", "--profile", "web", "--dns", "a.example.com", "--dns", "b.example.com")
    )
    for words in (("approval", "list"), ("approval", "list", "--app", "app")):
        assert re.search(r"app +a\.example\.com and 1 more +open", shell.run(*words))
    (row,) = shell.json("approval", "list")
    assert (row["application"], row["names"]) == ("app", ["a.example.com", "b.example.com"])
    assert shell.json("approval", "show", row["id"])["names"] == row["names"]
    assert "web" in shell.run("approval-policy", "list", "app")


def test_what_will_leave_one_day_is_planned(shell: Shell) -> None:
    root = shell.folder / "there"
    root.mkdir()
    connection = {"slug": "here", "name": "Here", "type": "folder", "config": {"root": str(root)}}
    sync = {"slug": "f", "name": "F", "destination": "files", "connection": "here", "prune": True}
    shell.run("connection", "create", "-", typed=json.dumps(connection))
    shell.run("sync", "create", "app", "-", typed=json.dumps(sync))
    issued(shell)
    (delivery,) = shell.json("delivery", "list", "app")
    deliver(shell, delivery["id"])
    (row,) = shell.json("retirement", "list", "app")
    assert (row["planned"], row["reason"]) == (True, "ended")
    assert re.search(r" planned .* when its certificate expires", shell.run("retirement", "list", "app"))
    printed = shell.run("retirement", "retry", row["id"])
    assert re.match(r"stays planned for 2\d{3}-.*: the object is desired until then", printed)
    assert shell.json("retirement", "list", "app")[0]["planned"]


def test_every_object_can_be_shown(shell: Shell) -> None:
    shell.team.person("ann")
    shell.run("machine", "create", "ci")
    shell.run("group", "create", "owners")
    view = {"slug": "soon", "name": "Soon", "filter": {"name_ends": "example.com"}}
    shell.run("view", "create", "app", "-", typed=json.dumps(view))
    for words in (
        *(("user", "show", "ann@example.com"), ("machine", "show", "ci"), ("group", "show", "owners")),
        ("view", "show", "app", "soon"),
    ):
        assert words[-1].partition("@")[0] in shell.run(*words)
        assert "There is no such" in shell.refused(*words[:-1], "nobody")


def test_the_record_is_read(shell: Shell) -> None:
    row = issued(shell)
    everything = shell.json("audit", "list", "--limit", "1000")
    assert [event["seq"] for event in everything] == list(range(1, len(everything) + 1))
    (event,) = shell.json("audit", "list", "--app", "app", "--type", "certificate.issued")
    assert event["subject_id"] == row["certificate_id"]
    later = shell.json("audit", "list", "--after", str(event["seq"]), "--limit", "1000")
    assert later == everything[event["seq"] :]
    assert "certificate.issued" in shell.run("audit", "list", "--subject", row["certificate_id"])


def test_the_record_is_read_page_by_page(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shell.json("audit", "list")
    monkeypatch.setattr("certrail_server.cli.support.remote.LARGEST_PAGE", 2)
    assert shell.json("audit", "list") == whole
    assert len(whole) > 4


def test_tokens_are_made_by_those_who_have_one(shell: Shell) -> None:
    shell.team.person("ann")
    text = shell.run("token", "create", "ann", "--name", "laptop", "--scope", "request", "--lifetime", "90d")
    ident = text.split("_")[1]
    (row,) = shell.json("token", "list", "ann")
    assert (row["id"], row["name"], row["scopes"]) == (ident, "laptop", ["request"])
    assert row["expires_at"] is not None
    after = shell.run("token", "rotate", ident, "--overlap", "1d").split("_")[1]
    assert after != ident
    assert {row["id"] for row in shell.json("token", "list", "ann")} == {ident, after}
    shell.run("token", "revoke", after)
    rows = {row["id"]: row for row in shell.json("token", "list", "ann")}
    assert rows[after]["revoked_at"] is not None
    assert "Unknown scopes" in shell.refused("token", "create", "ann", "--scope", "everything")
    assert "no principal 'nobody'" in shell.refused("token", "create", "nobody")


def test_everything_of_a_request_can_be_said(shell: Shell) -> None:
    rules = {"sans": {kind: {"allowed": ["*"]} for kind in ("dns", "email", "uri")}}
    rules["sans"]["ip"] = {"allowed": ["192.0.2.0/24"]}
    shell.run("policy", "update", "tls", shell.file("any.json", json.dumps(rules)))
    row = issued(
        shell,
        *("--dns", "a.example.com", "--ip", "192.0.2.1", "--email", "a@example.com"),
        *("--uri", "https://example.com/x", "--common-name", "a.example.com"),
        *("--subject", "organization=Example", "--key-algorithm", "RSA_3072", "--ttl", "10d"),
        *("--key-usage", "digitalSignature", "--key-usage", "keyEncipherment"),
        *("--extended-key-usage", "clientAuth"),
    )
    content = row
    assert {kind: names for kind, names in content["sans"].items() if names} == {
        "dns": ["a.example.com"],
        "ip": ["192.0.2.1"],
        "email": ["a@example.com"],
        "uri": ["https://example.com/x"],
    }
    assert {part: text for part, text in content["subject"].items() if text} == {
        "common_name": "a.example.com",
        "organization": "Example",
    }
    assert (content["key_algorithm"], content["ttl"]) == ("RSA_3072", "10d")
    assert set(content["key_usages"]) == {"digitalSignature", "keyEncipherment"}
    assert content["extended_key_usages"] == ["clientAuth"]


def test_a_file_that_is_there_is_noticed_first_and_replaced_only_by_force(shell: Shell) -> None:
    ident = issued(shell)["certificate_id"]
    stored, password = shell.folder / "a.p12", shell.file("password", "correct horse\nsecond line\n")
    stored.write_text("precious")
    stored.chmod(0o644)
    words = ("cert", "export", ident, str(stored), "--format", "pkcs12")
    assert "Give --force" in shell.refused(*words)  # nothing is typed, so nothing can be asked for
    assert stored.read_text() == "precious"
    shell.run(*words, "--password-file", password, "--force")
    assert pkcs12.load_pkcs12(stored.read_bytes(), b"correct horse").key is not None
    assert stored.stat().st_mode & 0o777 == 0o600
    assert (
        "no such certificate" in shell.refused(*("cert", "export", "x", str(shell.folder / "b.pem"))).lower()
    )
    assert {path.name for path in shell.folder.iterdir()} == {"a.p12", "password"}


def test_a_private_key_is_given_once(shell: Shell) -> None:
    first, second = issued(shell)["certificate_id"], issued(shell)["certificate_id"]
    assert load_pem_private_key(shell.run("cert", "key", first).encode(), None)
    file = shell.folder / "key.pem"
    shell.run("cert", "key", second, str(file))
    key = load_pem_private_key(file.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(shell.json("cert", "show", second)["pem"].encode())
    assert key.public_key() == certificate.public_key()
    assert file.stat().st_mode & 0o777 == 0o600
    assert shell.refused("cert", "key", second, str(shell.folder / "again.pem"))
    assert not (shell.folder / "again.pem").exists()


def test_a_renewal_is_decided(shell: Shell) -> None:
    ident = issued(shell)["certificate_id"]
    assert shell.json("cert", "renewal", ident)["auto_renew"] is None
    for word, decided in (("off", False), ("on", True), ("profile", None)):
        assert shell.json("cert", "renewal", ident, "--auto", word)["auto_renew"] is decided
    assert shell.json("cert", "renewal", ident)["auto_renew"] is None


def test_a_decision_on_renewal_keeps_the_override(shell: Shell) -> None:
    ident = issued(shell)["certificate_id"]
    shell.team.services.renewals.decide(
        shell.team.admin, ident, None, RenewalOverride(before=timedelta(days=2))
    )
    assert shell.json("cert", "renewal", ident, "--auto", "on")["renewal_override"]["before"] == "2d"
    assert shell.json("cert", "renewal", ident)["renewal_override"]["before"] == "2d"


def test_how_an_application_enrolls_is_said(shell: Shell) -> None:
    link = shell.json("app", "enroll", "app", "web", "--fraction", "0.5")
    assert (link["api"]["enabled"], link["api"]["auto_renew"]["fraction"]) == (True, 0.5)
    window = {"windows": [{"days": ["sat"], "begins": "01:00", "ends": "05:00"}]}
    rule = shell.file("rule.json", json.dumps(window))
    link = shell.json("app", "enroll", "app", "web", "--before", "1d", "--document", rule)
    assert link["api"]["auto_renew"]["before"] == "1d"
    assert len(link["api"]["auto_renew"]["windows"]) == 1
    assert shell.json("app", "enroll", "app", "web", "--no-renewal")["api"]["auto_renew"]["enabled"] is False
    assert shell.json("app", "enroll", "app", "web", "--off")["api"]["enabled"] is False
    shell.refused("request", "submit", "app", "--profile", "web", "--dns", "a.example.com")


def test_revocation_lists_are_copied(shell: Shell) -> None:
    connection = {"slug": "here", "name": "Here", "type": "folder", "config": {"root": str(shell.folder)}}
    shell.run("connection", "create", "-", typed=json.dumps(connection))
    mirror = {"slug": "m", "destination": "files", "connection": "here", "url": "http://crl.example.com/m"}
    shell.run("ca", "mirror", "create", "root", "-", typed=json.dumps(mirror))
    assert "http://crl.example.com/m" in shell.run("ca", "mirror", "list", "root")
    assert "http://crl.example.com/m" in shell.run("ca", "mirror", "show", "root", "m")
    shell.run("ca", "mirror", "retry", "root", "m")
    shell.run("ca", "mirror", "delete", "root", "m")
    assert shell.json("ca", "mirror", "list", "root") == []


def test_what_is_wrong_is_said_with_what_would_be_right(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = shell.refused("policy", "create", "p", shell.file("rules.json", '{"dns": ["a"]}'))
    assert "dns: there is no such member; known: " in wrong
    assert "sans" in wrong
    deep = shell.refused("policy", "create", "p", shell.file("r.json", '{"sans": {"dns": {"allow": []}}}'))
    assert "sans.dns.allow: there is no such member; known: allowed, denied, required" in deep
    assert '{"sans": {"dns":' in shell.run("policy", "create", "--help")
    channel = {"slug": "c", "name": "C", "notifier": "webhook"}
    assert '"product_wide": true' in shell.refused("channel", "create", "-", "-", typed=json.dumps(channel))
    assert "Value error" not in shell.refused("request", "submit", "app", "--profile", "web", "--ip", "x")
    p12 = shell.folder / "x.p12"
    p12.write_bytes(b"\x30\x82\xff\x00")
    assert "holds no PEM, DER or PKCS#12" in shell.refused("cert", "import", "app", str(p12))
    monkeypatch.setenv("CERTRAIL_URL", "127.0.0.1:8080")
    assert "begin with http://" in shell.refused("me")


def test_a_token_that_cannot_be_one_or_is_not_taken_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTRAIL_TOKEN", "tök")
    assert "CERTRAIL_TOKEN is no token" in shell.refused("me")
    monkeypatch.setenv("CERTRAIL_TOKEN", "crt_wrong_token")
    assert "CERTRAIL_TOKEN is not accepted at http://127.0.0.1:" in shell.refused("me")
    monkeypatch.delenv("CERTRAIL_TOKEN")
    assert "certrail token bootstrap" in shell.refused("me")


def test_nothing_is_drawn_where_nobody_looks(shell: Shell) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "certrail_server", "cert", "list", "app"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_rules_of_a_policy_are_read_from_standard_input(shell: Shell) -> None:
    rules = {"max_ttl": "90d"}
    shell.run("policy", "create", "typed", "-", typed=json.dumps(rules))
    assert shell.json("policy", "show", "typed")["rules"]["max_ttl"] == "90d"
    shell.run("policy", "update", "typed", "-", typed=json.dumps({"max_ttl": "60d"}))
    assert shell.json("policy", "show", "typed")["rules"]["max_ttl"] == "60d"


def test_one_of_something_is_called_by_its_singular(shell: Shell) -> None:
    shell.team.person("ann")
    shell.team.guard(Step("Owners", ("ann",)))
    text = shell.run("app", "delete", "app", "--yes")
    assert re.search(r"^ +1 approval policy$", text, re.MULTILINE), text
    assert "policie\n" not in text


def test_an_approver_reads_what_they_approve(shell: Shell) -> None:
    shell.team.guard(Step("Owners", ("admin",)), allow_self_approval=True)
    shell.run(
        "request", "submit", "app", "--profile", "web", "--dns", "a.example.com", "--metadata", "x_id=1"
    )
    (row,) = shell.json("approval", "list")
    assert row["title"] == "Approve a certificate for a.example.com?"
    for text in (shell.run("approval", "show", row["id"]), shell.run("approval", "approve", row["id"])):
        for line in ("Certificate: end entity", "DNS names (1): a.example.com", "Metadata x_id: 1"):
            assert line in text
    assert shell.json("approval", "show", row["id"])["status"] == "approved"
    assert "roles" in shell.run("me")
