"""`certrail enrollment`: methods, secrets of clients, and configurations to copy."""

from tests.integration.cli_shell import Shell

from certrail.domain.enrollment import EnrollmentMethod


def test_a_passphrase_from_its_creation_to_its_end(shell: Shell) -> None:
    shell.run("enrollment", "set", "app", "web", "est")
    text = shell.run("enrollment", "passphrase", "create", "app", "web", "--name", "routers").strip()
    assert text.splitlines()[-1].isalnum()
    (row,) = shell.json("enrollment", "passphrase", "list", "app", "web")
    assert (row["name"], row["kind"]) == ("routers", "passphrase")
    assert "value" not in row
    own = shell.run("enrollment", "passphrase", "create", "app", "web", "--value", "a text of one's own")
    assert "a text of one's own" in own
    assert "16" in shell.refused("enrollment", "passphrase", "create", "app", "web", "--value", "short")
    shell.run("enrollment", "passphrase", "revoke", "app", "web", row["id"])
    assert row["id"] not in [r["id"] for r in shell.json("enrollment", "passphrase", "list", "app", "web")]


def test_urls_and_configurations_of_clients(shell: Shell) -> None:
    shell.run("enrollment", "set", "app", "web", "est")
    assert "/.well-known/est/applications/" in shell.run("enrollment", "show", "app", "web")
    methods = {m["method"]: m for m in shell.json("enrollment", "show", "app", "web")["methods"]}
    assert set(methods) == set(EnrollmentMethod)
    assert methods["est"]["enabled"]
    assert "curl" in shell.run("enrollment", "client", "app", "web", "est").split()
    text = shell.run("enrollment", "client", "app", "web", "est", "--client", "curl")
    assert methods["est"]["urls"]["server"] + "/simpleenroll" in text
    assert "no configuration of lego" in shell.refused(
        "enrollment", "client", "app", "web", "est", "--client", "lego"
    )
    shell.run("enrollment", "set", "app", "web", "est", "--off")
    methods = {m["method"]: m for m in shell.json("enrollment", "show", "app", "web")["methods"]}
    assert not methods["est"]["enabled"]


def test_challenges_for_one_request_and_for_many(shell: Shell) -> None:
    shell.run("enrollment", "set", "app", "web", "scep")
    once = shell.run("enrollment", "challenge", "create", "app", "web", "--lifetime", "15m").strip()
    many = shell.run("enrollment", "challenge", "create", "app", "web", "--lasting", "--name", "tablets")
    assert once.splitlines()[-1] != many.strip().splitlines()[-1]
    rows = {row["kind"]: row for row in shell.json("enrollment", "challenge", "list", "app", "web")}
    assert set(rows) == {"challenge", "one_time_challenge"}
    assert rows["challenge"]["expires_at"] is None
    own = ("--value", "a text of one's own")
    assert "--lasting" in shell.refused("enrollment", "challenge", "create", "app", "web", *own)
    shell.run("enrollment", "challenge", "revoke", "app", "web", rows["challenge"]["id"])
    (left,) = shell.json("enrollment", "challenge", "list", "app", "web")
    assert left["kind"] == "one_time_challenge"
    assert "certmonger" in shell.run("enrollment", "client", "app", "web", "scep").split()
