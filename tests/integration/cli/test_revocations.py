"""`certrail revocation`, and `cert revoke` where an approval policy guards it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.integration.cli.test_commands_for_people import issued
from tests.integration.cli_shell import Shell
from tests.support.command_line import run
from tests.support.terminal import on_a_terminal
from typer.testing import Result

from certrail.domain.approval import GuardedAction
from certrail.persistence.tables import RevocationRequest
from certrail.services.approvals.policies import Step
from certrail_server.cli.support.outcome import TIMED_OUT

NAME = "a.example.com"
ID = re.compile(r"request ([0-9a-f]{12}):")


@pytest.fixture
def guarded(shell: Shell) -> str:
    """The id of a certificate whose revocation ann and bea must approve."""
    for slug in ("ann", "bea"):
        shell.team.person(slug)
    certificate: str = issued(shell)["certificate_id"]
    shell.team.guard(Step("Owners", ("ann", "bea"), 2), guards=(GuardedAction.REVOCATION,))
    return certificate


def requested(shell: Shell, certificate: str) -> str:
    """The beginning of the id of a new request, as it is printed."""
    found = ID.search(shell.run("cert", "revoke", certificate))
    assert found
    return found[1]


def revoke_and_wait(*options: str) -> Result:
    return run("cert", "revoke", NAME, "--wait", *options)


def submitted(shell: Shell) -> RevocationRequest:
    """The request that another thread submits; read until it is there."""
    while True:
        for row in shell.team.services.revocation.list(shell.team.application):
            return row


def test_a_guarded_revocation_is_requested_and_listed_by_names(shell: Shell, guarded: str) -> None:
    printed = shell.run("cert", "revoke", NAME, "--reason", "keyCompromise")
    assert ID.match(printed.removeprefix("revocation "))
    assert printed.endswith("waiting for approval: step 1 of 1 (Owners), 0 of 2 votes\n")
    heading, line = shell.run("revocation", "list", "app").splitlines()
    assert re.search(r"^id +certificate +status +revocation reason +requester", heading)
    assert re.search(rf"{NAME} +pending_approval +keyCompromise +admin", line)
    assert shell.json("revocation", "list", "app", "--status", "revoked") == []
    assert shell.json("cert", "show", guarded)["status"] == "active"


def test_a_request_is_shown_by_the_beginning_of_its_id(shell: Shell, guarded: str) -> None:
    ident = requested(shell, guarded)
    text = on_a_terminal(100, "revocation", "show", ident)
    for name, value in (("certificate", NAME), ("application", "app"), ("requester", "admin")):
        assert re.search(rf"^{name} +{value}\s*$", text, re.MULTILINE), text
    assert guarded not in text
    assert shell.json("revocation", "show", ident)["certificate_id"] == guarded
    assert "no such revocation request" in shell.refused("revocation", "show", "none").lower()


def test_a_request_is_cancelled_once(shell: Shell, guarded: str) -> None:
    ident = requested(shell, guarded)
    assert shell.run("revocation", "cancel", ident) == "cancelled\n"
    assert "only one that waits for approval is cancelled" in shell.refused("revocation", "cancel", ident)
    (row,) = shell.json("revocation", "list", "app", "--status", "cancelled")
    assert row["reason"] == "cancelled by the requester"
    assert requested(shell, guarded) != ident


def test_waiting_ends_with_the_timeout(shell: Shell, guarded: str) -> None:
    result = revoke_and_wait("--timeout", "0")
    assert result.exit_code == TIMED_OUT
    waits = "waiting for approval: step 1 of 1 (Owners), 0 of 2 votes"
    assert f"Not decided after 0 seconds: {waits}" in " ".join(result.stderr.split())
    (row,) = shell.json("revocation", "list", "app", "--status", "pending_approval")
    assert row["certificate_id"] == guarded


@pytest.mark.parametrize(
    ("decision", "code", "printed", "status"),
    [("approve", 0, "revoked", "revoked"), ("reject", 1, "rejected: still in use", "active")],
)
def test_waiting_ends_with_the_decision(
    shell: Shell, guarded: str, decision: str, code: int, printed: str, status: str
) -> None:
    services = shell.team.services
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(revoke_and_wait)
        request = submitted(shell)
        approval = services.approvals.of_subject(request.id)
        assert approval is not None
        for voter in ("ann", "bea") if decision == "approve" else ("ann",):
            services.approvals.vote(shell.team.actor(voter), approval.id, decision, "still in use")
        services.revocation.advance(request.id)
        result = waiting.result(60)
    assert result.exit_code == code, result.output
    assert printed in (result.stderr if code else result.stdout)
    assert shell.json("cert", "show", guarded)["status"] == status


def test_what_nothing_guards_is_revoked_at_once(shell: Shell) -> None:
    certificate = issued(shell)["certificate_id"]
    assert shell.run("cert", "revoke", certificate, "--wait") == "revoked\n"
    assert shell.json("revocation", "list", "app") == []
