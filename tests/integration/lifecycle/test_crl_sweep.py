"""Lists are signed anew in time, each for itself, by a look that costs little."""

from datetime import timedelta

from sqlalchemy import event
from sqlmodel import select
from tests.integration.conftest import Team

from certrail.domain.content import Subject
from certrail.persistence.tables import CaKey, CertificateAuthority, Crl, EventRow


def sweep(team: Team) -> int:
    return team.services.sweeps["revocation-lists"]()


def events(team: Team, type_: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(EventRow).where(EventRow.type == type_)).all())


def numbers(team: Team) -> dict[str, int]:
    """Of the present lists, by authority."""
    with team.services.context.db.read() as session:
        query = select(CertificateAuthority.slug, Crl.number).join(Crl)
        return dict(session.exec(query).all())


def swap_keys(team: Team, *envelopes: str) -> list[str]:
    """Put envelopes in place of those of the authorities, in the order of their slugs; returns what was there."""
    with team.services.context.db.write() as session:
        query = select(CaKey).join(CertificateAuthority).order_by(CertificateAuthority.slug)
        rows = session.exec(query).all()
        before = [row.key_sealed for row in rows]
        for row, envelope in zip(rows, envelopes, strict=False):
            row.key_sealed = envelope
            session.add(row)
    return before  # type: ignore[return-value]


def test_an_authority_whose_key_cannot_be_opened_keeps_no_other_list_from_being_signed(team: Team) -> None:
    for slug in ("alpha", "zeta"):
        team.services.authorities.create_root(
            team.admin, slug=slug, name=slug, subject=Subject(common_name=slug)
        )
    assert sweep(team) == 3
    envelopes = swap_keys(team)
    swap_keys(team, envelopes[0], "v1.gone.AAAA")
    team.clock.advance(timedelta(days=2))
    assert sweep(team) == 2
    assert sweep(team) == 0
    assert numbers(team) == {"alpha": 2, "root": 1, "zeta": 2}
    (failed,) = events(team, "sweep.failed")
    root = team.services.authorities.get("root")[0]
    assert failed.data["slug"] == "revocation-lists"
    assert failed.data["message"].startswith(f"{root.id}-")
    swap_keys(team, *envelopes)
    assert sweep(team) == 1
    assert numbers(team) == {"alpha": 2, "root": 2, "zeta": 2}
    (recovered,) = events(team, "sweep.recovered")
    assert recovered.subject_id == failed.subject_id


def test_a_look_that_finds_nothing_due_loads_no_list(team: Team) -> None:
    assert sweep(team) == 1
    asked = list[str]()

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    engine = team.services.context.db.engine
    event.listen(engine, "before_cursor_execute", seen)
    try:
        assert sweep(team) == 0
    finally:
        event.remove(engine, "before_cursor_execute", seen)
    assert any("FROM crl" in statement for statement in asked)
    assert not any("crl.pem" in statement for statement in asked)
