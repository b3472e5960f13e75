"""The inventory: what is searched is found, page by page, and always by an index."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.fleet import certificate_of, fill
from tests.support.plans import plans_of

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.search import CertificateFilter, Position
from certrail.persistence.search_terms import search_terms_of
from certrail.persistence.tables import Certificate, CertificateSearchTerm, Lineage
from certrail.services.inventory import search
from certrail.services.inventory.search import position_of

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 1300
DAY = timedelta(days=1)


def found(team: Team, application: str | None = "", **wanted: object) -> list[str]:
    """The ids that a search finds, over all its pages."""
    scope = team.application if application == "" else application
    search, ids, after = CertificateFilter.model_validate(wanted), list[str](), None
    while True:
        rows = team.services.inventory.search(scope, search, after=after, limit=40)
        ids += [row.id for row in rows]
        if not rows:
            return ids
        after: Position | None = position_of(rows[-1], search)  # type: ignore[no-redef]


@pytest.fixture
def fleet(team: Team) -> Team:
    """A few thousand certificates, and one Application next api_client with its own."""
    fill(team.services.context.db, COUNT, team.application, START)
    team.clock.now = START + 100 * DAY
    return team


def test_everything_is_found_once_in_order(fleet: Team) -> None:
    everything = [f"c{number:09d}" for number in range(COUNT)]
    assert found(fleet) == everything[::-1]
    by_expiry = sorted(range(COUNT), key=lambda n: certificate_of(n, COUNT, "", START)["not_after"])
    assert found(fleet, sort="expiry") == [f"c{number:09d}" for number in by_expiry]
    assert found(fleet, application=None) == everything[::-1]


def test_the_fleet_is_what_it_says(fleet: Team) -> None:
    """It is made by the database, so what is searched below must be what the product would have written."""
    with fleet.services.context.db.read() as session:
        for number in (0, 1, 7, COUNT - 1):
            expected = certificate_of(number, COUNT, fleet.application, START)
            row = session.get_one(Certificate, expected["id"])
            assert {name: getattr(row, name) for name in expected} == expected
            lineage = session.get_one(Lineage, row.lineage_id)
            assert (lineage.current_certificate_id, lineage.renew_at) == (row.id, row.not_after - DAY)
            terms = session.exec(
                select(CertificateSearchTerm).where(CertificateSearchTerm.certificate_id == row.id)
            ).all()
            written = {(term.kind, term.value, term.reversed) for term in terms}
            wanted = search_terms_of(row.common_name, row.names, row.attributes)
            assert written == {(term["kind"], term["value"], term["reversed"]) for term in wanted}
            assert {(term.application_id, term.created_at) for term in terms} == {
                (fleet.application, row.created_at)
            }
        assert len(session.exec(select(Certificate.id)).all()) == COUNT


def test_each_filter_finds_what_it_says(fleet: Team) -> None:
    one = ["c000001234"]
    row = fleet.services.inventory.get(one[0])
    for wanted in (
        {"name": "host-1234.fleet-70.example.com"},
        {"name": "WWW.Host-1234.fleet-70.EXAMPLE.com"},
        {"name_begins": "host-1234."},
        {"name_ends": "1234.fleet-70.example.com", "name_begins": "www"},
        {"serial": "4d3"},
        {"serial": "04:D3"},
        {"fingerprint": ":".join(re.findall("..", row.fingerprint.upper()))},
        {"lineage": row.lineage_id},
        {"metadata": ["rack=r-1234"]},
        {"metadata": ["team=team-34", "rack=r-1234"]},
        {
            "name": row.common_name,
            "metadata": ["team=team-34"],
            "status": "active" if row.not_after > fleet.clock.now else "expired",
        },
        {"expires_after": row.not_after, "expires_before": row.not_after + timedelta(seconds=1)},
    ):
        assert found(fleet, **wanted) == one, wanted
    for wanted in (
        {"name": "host-1234"},
        {"name_ends": "nowhere.example"},
        {"serial": "4d3", "name": "other.example.com"},
        {"metadata": ["team=team-34", "rack=r-1235"]},
        {"status": "revoked"},
        {"serial": "4d3", "status": "superseded"},
    ):
        assert found(fleet, **wanted) == [], wanted
    ended = found(fleet, status="expired")
    assert ended
    assert sorted(ended + found(fleet, status="active")) == sorted(found(fleet))
    assert len(found(fleet, metadata=["team=team-7"])) == COUNT // 50
    month = found(fleet, expires_after=START + 30 * DAY, expires_before=START + 60 * DAY)
    assert len(month) == pytest.approx(COUNT * 30 / 400, abs=2)


def test_other_applications_are_not_searched(fleet: Team) -> None:
    other = fleet.services.applications.create(fleet.admin, slug="other", name="Other").id
    for wanted in ({}, {"name": "host-1.fleet-1.example.com"}, {"serial": "2"}, {"metadata": ["rack=r-1"]}):
        assert found(fleet, application=other, **wanted) == []
        assert found(fleet, application=None, **wanted)


def test_issued_and_imported_certificates_are_found(team: Team) -> None:
    row = team.services.requests.submit(
        team.admin,
        team.application,
        profile="web",
        content={"sans": {"dns": ["a.example.com", "*.b.example.com"]}},
        attributes={"team": "payments"},
    )
    team.services.issuance.advance(row.id)
    issued = [team.services.requests.get(row.id).certificate_id]
    assert found(team, name="*.b.example.com") == found(team, metadata=["team=payments"]) == issued
    assert found(team, issuer="root") == found(team, profile="web", status="active") == issued
    with pytest.raises(NotFound):
        found(team, issuer="nobody")
    team.clock.advance(48 * DAY)
    assert found(team, status="active") == []
    assert found(team, status="expired") == issued


@pytest.mark.parametrize(
    "wanted",
    [
        {"serial": "xyz"},
        {"fingerprint": "no"},
        {"name_begins": "ab"},
        {"metadata": ["team"]},
        {"metadata": ["a=1"] * 6},
        {"expires_after": START, "expires_before": START},
        {"expires_after": "2026-01-01T00:00:00"},
        {"status": "lost"},
        {"colour": "red"},
    ],
)
def test_a_search_that_makes_no_sense_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CertificateFilter.model_validate(wanted)


BY_ID = "sqlite_autoindex_certificate_1|certificate_pkey"
"""Those that few names gave."""
SEARCHES: dict[str, tuple[dict[str, object], str]] = {
    "first page": ({}, "ix_certificate_list"),
    "name": ({"name": "host-7.fleet-7.example.com"}, "ix_certificate_search_term_"),
    "metadata": ({"metadata": ["team=team-7"]}, "ix_certificate_search_term_"),
    "beginning": ({"name_begins": "host-77."}, f"ix_certificate_search_term_value|{BY_ID}"),
    "end": ({"name_ends": "host-77.fleet-77.example.com"}, f"ix_certificate_search_term_reversed|{BY_ID}"),
    "serial": ({"serial": "77"}, "ix_certificate_serial"),
    "fingerprint": ({"fingerprint": f"{77:064x}"}, "fingerprint|sqlite_autoindex_certificate"),
    "window": (
        {"expires_after": START + 30 * DAY, "expires_before": START + 31 * DAY},
        "ix_certificate_expiry",
    ),
}


def test_every_search_goes_by_an_index(fleet: Team) -> None:
    database = fleet.services.context.db
    for scope in (fleet.application, None):
        for what, (wanted, index) in SEARCHES.items():
            filters = CertificateFilter.model_validate(wanted)
            with plans_of(database) as plans:
                rows = fleet.services.inventory.search(scope, filters, limit=20)
                fleet.services.inventory.search(scope, filters, after=position_of(rows[0], filters), limit=20)
            for plan in plans:
                assert re.search(index, plan), f"{what}, {scope}: {plan}"
                assert not re.search(r"SCAN certificate(?! USING)|Seq Scan", plan), f"{what}, {scope}: {plan}"


def test_part_of_many_names_is_looked_up_along_the_list(fleet: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    database = fleet.services.context.db
    for part in ({"name_begins": "host-7"}, {"name_ends": "7.example.com"}):
        wanted = CertificateFilter.model_validate(part)
        few = fleet.services.inventory.search(fleet.application, wanted, limit=20)
        with monkeypatch.context() as patch, plans_of(database) as plans:
            patch.setattr(search, "FEW", 5)
            many = fleet.services.inventory.search(fleet.application, wanted, limit=20)
        assert [row.id for row in many] == [row.id for row in few]
        assert len(many) == 20
        if database.is_sqlite:
            assert "ix_certificate_list" in plans[-1]
            assert "CORRELATED" in plans[-1]


def test_a_search_gets_a_name(fleet: Team) -> None:
    saved_searches = fleet.services.saved_searches
    wanted = CertificateFilter(name_ends=".example.com", expires_before=START + 10 * DAY)
    row = saved_searches.create(fleet.admin, fleet.application, slug="soon", name="Soon", wanted=wanted)
    assert CertificateFilter.model_validate(saved_searches.get(fleet.application, "soon").filter) == wanted
    with pytest.raises(Conflict):
        saved_searches.create(fleet.admin, fleet.application, slug="soon", name="Again", wanted=wanted)
    saved_searches.update(
        fleet.admin, fleet.application, row.id, name="Later", wanted=CertificateFilter(serial="1")
    )
    assert [(v.name, v.filter) for v in saved_searches.list(fleet.application)] == [
        ("Later", {"serial": "1"})
    ]
    other = fleet.services.applications.create(fleet.admin, slug="other", name="Other").id
    with pytest.raises(NotFound):
        saved_searches.get(other, row.id)
    saved_searches.delete(fleet.admin, fleet.application, "soon")
    assert saved_searches.list(fleet.application) == []
