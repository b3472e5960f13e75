"""The command line for people: names, short ids, validated choices, and what a command waits for."""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.integration.cli.test_commands_for_people import deliver, issued
from tests.integration.cli_shell import Shell
from tests.support.command_line import run
from tests.support.terminal import on_a_terminal

from certrail.domain import access, content, states
from certrail.pki import revocation
from certrail.services.approvals.policies import Step
from certrail_server.cli.support import choices
from certrail_server.cli.support.outcome import TIMED_OUT

UUID = re.compile(r"\b[0-9a-f]{32}\b")


def certificate(shell: Shell, application: str, name: str, ttl: str) -> str:
    shell.team.clock.advance(timedelta(seconds=1))
    words = ("request", "submit", application, "--profile", "web", "--dns", name, "--ttl", ttl)
    asked = shell.json(*words)
    shell.team.services.issuance.advance(asked["id"])
    found: str = shell.json("request", "show", asked["id"])["certificate_id"]
    return found


@pytest.fixture
def everywhere(shell: Shell) -> list[str]:
    """Certificates of two Applications, in the order of their expiry."""
    shell.run("app", "create", "pay", "--profile", "web")
    late = certificate(shell, "app", "late.example.com", "20d")
    soon = certificate(shell, "pay", "soon.example.com", "2d")
    middle = certificate(shell, "app", "middle.example.com", "10d")
    return [soon, middle, late]


def as_person(shell: Shell, monkeypatch: pytest.MonkeyPatch, slug: str, *applications: str) -> None:
    """From now on, commands are called by somebody who is an Auditor of these Applications and nothing else."""
    person = shell.team.person(slug, None)
    for application in applications:
        shell.run("member", "set", application, slug, "auditor")
    _, token = shell.team.services.tokens.issue(person, slug, name="t")
    monkeypatch.setenv("CERTRAIL_TOKEN", token)


def test_certificates_of_all_applications_come_soonest_expiry_first(
    shell: Shell, everywhere: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [row["id"] for row in shell.json("cert", "list")] == everywhere
    assert [row["id"] for row in shell.json("cert", "list", "app")] == everywhere[1:]
    assert re.search(r"^\w+ +pay +soon\.example\.com", shell.run("cert", "list").splitlines()[1])
    as_person(shell, monkeypatch, "ann", "app", "pay")
    assert [row["id"] for row in shell.json("cert", "list")] == everywhere
    assert [row["id"] for row in shell.json("cert", "list", "--limit", "2")] == everywhere[:2]
    assert [row["id"] for row in shell.json("cert", "list", "--sort", "newest")] == [
        everywhere[i] for i in (1, 0, 2)
    ]
    as_person(shell, monkeypatch, "eve")
    assert shell.json("cert", "list") == []


def test_a_certificate_is_named_by_its_name_or_the_beginning_of_its_id(
    shell: Shell, everywhere: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = everywhere[0]
    for reference in (soon, soon[:12], "soon.example.com"):
        assert shell.json("cert", "show", reference)["id"] == soon
    other = certificate(shell, "app", "soon.example.com", "5d")
    line = shell.refused("cert", "revoke", "soon.example.com")
    assert "is ambiguous: 2 certificates have this name" in line
    assert soon[:12] in line
    assert other[:12] in line
    assert "no such certificate" in shell.refused("cert", "show", "none.example.com").lower()
    as_person(shell, monkeypatch, "ann", "app")
    assert "no such certificate" in shell.refused("cert", "show", soon[:12]).lower()
    assert shell.json("cert", "show", "soon.example.com")["id"] == other


def test_the_beginning_of_an_id_must_mean_one_object(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    idents = iter(f"abcd{number:028x}" for number in range(100))
    monkeypatch.setattr(shell.team.services.context, "new_id", lambda: next(idents))
    first = shell.json("request", "submit", "app", "--profile", "web", "--dns", "a.example.com")["id"]
    second = shell.json("request", "submit", "app", "--profile", "web", "--dns", "b.example.com")["id"]
    line = shell.refused("request", "show", "abcd")
    assert "abcd is ambiguous" in line
    assert first in line
    assert second in line
    assert "Give more digits" in line


def test_a_delivery_names_its_certificate_and_is_shown_by_names(shell: Shell) -> None:
    root = shell.folder / "there"
    root.mkdir()
    connection = f'{{"slug": "here", "name": "H", "type": "folder", "config": {{"root": "{root}"}}}}'
    shell.run("connection", "create", "-", typed=connection)
    sync = '{"slug": "files", "name": "F", "destination": "files", "connection": "here"}'
    shell.run("sync", "create", "app", "-", typed=sync)
    issued(shell)
    (row,) = shell.json("delivery", "list", "app")
    deliver(shell, row["id"])
    heading, line = shell.run("delivery", "list", "app").splitlines()
    assert re.search(r"^id +certificate +sync +object +status +last transition", heading)
    assert re.search(r"a\.example\.com +files +\S+ +delivered", line)
    assert "sync  " in shell.run("delivery", "show", row["id"][:8])
    assert row["sync_id"] not in shell.run("delivery", "show", row["id"])


def test_show_prints_names_instead_of_ids(shell: Shell) -> None:
    row = issued(shell)
    text = on_a_terminal(100, "cert", "show", row["certificate_id"])
    for name, value in (("application", "app"), ("profile", "web"), ("issuer", "root")):
        assert re.search(rf"^{name} +{value}\s*$", text, re.MULTILINE), text
    shown = shell.run("request", "show", row["id"])
    assert row["application_id"] not in shown
    assert row["profile_id"] not in shown
    assert row["requester_id"] not in shown


def test_choices_are_validated_with_the_words_that_there_are(shell: Shell) -> None:
    for words in (
        ("cert", "list", "--status", "lost"),
        ("request", "list", "app", "--status", "lost"),
        ("revocation", "list", "app", "--status", "lost"),
        ("approval", "list", "--status", "lost"),
        ("delivery", "list", "app", "--status", "lost"),
        ("notification", "list", "app", "--status", "lost"),
        ("cert", "revoke", "x", "--reason", "boredom"),
        ("cert", "export", "x", "y", "--format", "word"),
        ("ca", "create", "x", "--common-name", "X", "--key-algorithm", "DSA"),
        ("user", "create", "x", "--product-role", "king"),
    ):
        assert "is not one of" in shell.misused(*words), words


@pytest.mark.parametrize(
    ("ours", "theirs", "more"),
    [
        (choices.RequestStatus, states.RequestStatus, set()),
        (choices.RevocationStatus, states.RevocationStatus, set()),
        (choices.CertificateStatus, states.CertificateStatus, {"expired"}),
        (choices.ApprovalStatus, states.ApprovalStatus, set()),
        (choices.DeliveryStatus, states.DeliveryStatus, set()),
        (choices.NotificationStatus, states.NotificationStatus, set()),
        (choices.Role, access.Role, set()),
        (choices.ProductRole, access.ProductRole, set()),
        (choices.KeyAlgorithm, content.KeyAlgorithm, set()),
        (choices.RevocationReason, revocation.Reason, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_choices_are_those_of_the_api(ours: type[StrEnum], theirs: type[StrEnum], more: set[str]) -> None:
    assert {member.value for member in ours} == {member.value for member in theirs} | more


def test_a_request_says_what_it_waits_for_and_for_how_long_at_most(shell: Shell) -> None:
    for slug in ("ann", "bea"):
        shell.team.person(slug)
    shell.team.guard(Step("Owners", ("ann", "bea"), 2), Step("Security", ("bea",)))
    words = (
        "request",
        "submit",
        "app",
        "--profile",
        "web",
        "--dns",
        "a.example.com",
        "--wait",
        "--timeout",
        "0",
    )
    result = run(*words)
    assert result.exit_code == TIMED_OUT == 3
    assert "waiting for approval: step 1 of 2 (Owners), 0 of 2 votes" in result.stderr
    assert "Not decided after 0 seconds" in result.stderr
    (approval,) = shell.json("approval", "list", "--app", "app")
    services = shell.team.services
    services.approvals.vote(shell.team.actor("ann"), approval["id"], "approve", "")
    assert "1 of 2 votes" in waited(shell, approval)
    services.approvals.vote(shell.team.actor("bea"), approval["id"], "approve", "")
    assert "step 2 of 2 (Security), 0 of 1 votes" in waited(shell, approval)


def waited(shell: Shell, approval: Any) -> str:
    from certrail_server.cli.api.request import stage

    row = shell.json("request", "show", approval["subject_id"])
    return stage(row)


def test_an_authority_is_exported(shell: Shell) -> None:
    shell.run("ca", "create", "issuing", "--common-name", "Issuing", "--parent", "root")
    (single,) = x509.load_pem_x509_certificates(shell.run("ca", "export", "issuing").encode())
    assert single.subject.rfc4514_string() == "CN=Issuing"
    file = shell.folder / "chain.pem"
    shell.run("ca", "export", "issuing", str(file), "--chain")
    chain = x509.load_pem_x509_certificates(file.read_bytes())
    assert [one.subject for one in chain] == [single.subject, single.issuer]
    assert "Give --force" in shell.refused("ca", "export", "issuing", str(file))
    shell.run("ca", "renew", "issuing")
    older = shell.run("ca", "export", "issuing", "--version", "1")
    assert x509.load_pem_x509_certificate(older.encode()) == single
    assert "no version 9" in shell.refused("ca", "export", "issuing", "--version", "9")
    shell.run("ca", "create", "outer", "--common-name", "Outer", "--external")
    assert "no active certificate yet" in shell.refused("ca", "export", "outer")


def test_a_shell_gets_its_completion() -> None:
    command = Path(sys.executable).with_name("certrail")
    done = subprocess.run(
        [command],
        env={"_CERTRAIL_COMPLETE": "source_bash", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete " in done.stdout
    assert "_CERTRAIL_COMPLETE=complete_bash" in done.stdout


def test_lists_are_dated(shell: Shell, everywhere: list[str]) -> None:
    ends = [datetime.fromisoformat(row["not_after"]) for row in shell.json("cert", "list")]
    assert ends == sorted(ends)
    assert not UUID.search(on_a_terminal(120, "cert", "list"))
