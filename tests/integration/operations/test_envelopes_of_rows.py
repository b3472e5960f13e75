"""An envelope that whoever writes the database moves to another row is not opened there."""

from pathlib import Path

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team

from certrail.crypto.keyring import KeyringError
from certrail.domain.content import Subject
from certrail.persistence.tables import CaKey, Certificate, Connection, OcspSigner
from certrail.services.operations.key_rotation import OF_THE_LOG, SEALED, KeyRotation, purpose_of


def issued(team: Team, name: str) -> str:
    request, _ = team.ask(team.admin, name)
    assert team.services.issuance.advance(request).status == "issued"
    return team.services.requests.get(request).certificate_id or ""


def test_a_key_of_another_certificate_is_not_given_out(team: Team) -> None:
    mine, theirs = issued(team, "a.example.com"), issued(team, "b.example.com")
    with team.services.context.db.write() as session:
        session.get_one(Certificate, mine).key_sealed = session.get_one(Certificate, theirs).key_sealed
    with pytest.raises(KeyringError):
        team.services.inventory.show_key(team.admin, mine)
    assert "PRIVATE KEY" in team.services.inventory.show_key(team.admin, theirs)


def test_the_key_of_another_authority_signs_nothing(team: Team) -> None:
    team.services.authorities.create_root(
        team.admin, slug="other", name="Other", subject=Subject(common_name="Other")
    )
    with team.services.context.db.write() as session:
        first, second = session.exec(select(CaKey).order_by(col(CaKey.created_at))).all()
        first.key_sealed, second.key_sealed = second.key_sealed, first.key_sealed
    request, _ = team.ask(team.admin, "a.example.com")
    with pytest.raises(KeyringError):
        team.services.issuance.advance(request)


def test_envelopes_stay_bound_after_a_rotation(team: Team) -> None:
    certificate = issued(team, "a.example.com")
    team.services.context.keyring.rotate()
    assert KeyRotation(team.services.context).reencrypt() > 0
    assert "PRIVATE KEY" in team.services.inventory.show_key(team.admin, certificate)
    assert issued(team, "b.example.com")


def test_a_connection_of_another_row_is_not_opened(team: Team, tmp_path: Path) -> None:
    for slug in ("one", "two"):
        (tmp_path / slug).mkdir()
        config = {"root": str(tmp_path / slug)}
        team.services.connections.create(team.admin, slug=slug, name=slug, type_="folder", config=config)
    with team.services.context.db.write() as session:
        one, two = (
            session.exec(select(Connection).where(Connection.slug == slug)).one() for slug in ("one", "two")
        )
        one.config_sealed = two.config_sealed
    with pytest.raises(KeyringError):
        team.services.connections.shown(team.services.connections.get("one"))


def test_every_envelope_but_those_of_the_log_is_of_a_row() -> None:
    row = CaKey(id="one")  # type: ignore[call-arg]
    assert {purpose for _, _, purpose in SEALED if purpose_of(row, purpose) == purpose} == OF_THE_LOG
    assert OcspSigner in {table for table, _, _ in SEALED}
