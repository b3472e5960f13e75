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
