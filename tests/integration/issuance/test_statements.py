"""How many SQL statements an issuance costs. The bounds may only fall: the speed of one request is made of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import event
from tests.integration.conftest import Team

MAX_STATEMENTS, MAX_TRANSACTIONS = 19, 1


@contextmanager
def counted(team: Team) -> Iterator[dict[str, list[str]]]:
    """The statements and the commits within the block."""
    engine = team.services.context.db.engine
    seen: dict[str, list[str]] = {"statements": [], "commits": []}

    def executed(*arguments: Any) -> None:
        if not arguments[2].startswith(("BEGIN", "PRAGMA")):
            seen["statements"].append(arguments[2])

    def committed(_connection: Any) -> None:
        seen["commits"].append("commit")

    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "commit", committed)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", executed)
        event.remove(engine, "commit", committed)


def test_an_unguarded_request_is_issued_within_few_statements(team: Team) -> None:
    request_id, _ = team.ask(team.admin)
    with counted(team) as seen:
        assert team.services.issuance.advance(request_id).status == "issued"
    assert len(seen["statements"]) <= MAX_STATEMENTS
    assert len(seen["commits"]) <= MAX_TRANSACTIONS


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every certificate that is read from PEM from now on."""
    found: list[bytes] = []
    load = x509.load_pem_x509_certificate

    def loaded(data: bytes, backend: Any = None) -> x509.Certificate:
        found.append(data)
        return load(data)

    monkeypatch.setattr(x509, "load_pem_x509_certificate", loaded)
    return found


def test_an_issuance_parses_the_certificate_of_its_authority_once(team: Team, parsed: list[bytes]) -> None:
    request_id, _ = team.ask(team.admin)
    assert parsed == [], "a request is evaluated by the columns of the authority's certificate"
    assert team.services.issuance.advance(request_id).status == "issued"
    assert len(parsed) == 1


def test_a_sweep_without_work_parses_nothing(team: Team, parsed: list[bytes]) -> None:
    sweep = team.services.sweeps["revocation-lists"]
    assert sweep() == 1
    parsed.clear()
    assert sweep() == 0
    assert parsed == []
