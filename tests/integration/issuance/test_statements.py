"""How many SQL statements an issuance costs. The bounds may only fall: the speed of one request is made of them."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.integration.conftest import Team
from tests.support.statements import traffic

COUNTS = {"sqlite": (14, 1), "postgresql": (15, 1)}
"""Statements and transactions."""
WITH_SYNCS = {"sqlite": (17, 1), "postgresql": (18, 1)}
"""However many syncs there are."""


@pytest.mark.parametrize("syncs", [1, 3])
def test_syncs_cost_few_statements_more(team: Team, tmp_path: Path, syncs: int) -> None:
    services, database = team.services, team.services.context.db
    services.connections.create(
        team.admin, slug="disk", name="Disk", type_="folder", config={"root": str(tmp_path)}
    )
    for sync in range(syncs):
        services.syncs.create(
            team.admin,
            team.application,
            slug=f"sync-{sync}",
            name="Sync",
            destination="files",
            config={},
            connection="disk",
        )
    request_id, _ = team.ask(team.admin)
    with traffic(database) as seen:
        assert services.issuance.advance(request_id).status == "issued"
    assert len(services.deliveries.list(team.application)) == syncs
    assert seen.counts == WITH_SYNCS["sqlite" if database.is_sqlite else "postgresql"], seen.listed


def test_an_unguarded_request_is_issued_within_few_statements(team: Team) -> None:
    request_id, _ = team.ask(team.admin)
    database = team.services.context.db
    with traffic(database) as seen:
        assert team.services.issuance.advance(request_id).status == "issued"
    assert seen.counts == COUNTS["sqlite" if database.is_sqlite else "postgresql"], seen.listed


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
