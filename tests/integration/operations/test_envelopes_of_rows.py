"""An envelope that whoever writes the database moves to another row is not opened there."""

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team

from certrail.crypto.keyring import KeyringError
from certrail.domain.content import Subject
from certrail.persistence.tables import CaKey, Certificate, OcspSigner
from certrail.services.operations.key_rotation import OF_A_ROW, SEALED, KeyRotation


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


def test_every_envelope_of_a_private_key_is_of_a_row() -> None:
    for table, column, purpose in SEALED:
        assert (column == "key_sealed") == (purpose in OF_A_ROW), table
    assert OcspSigner in {table for table, _, _ in SEALED}
