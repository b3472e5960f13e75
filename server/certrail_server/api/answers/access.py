"""Answers about principals, groups and tokens."""

from collections.abc import Sequence

from certrail.persistence.tables import AccessToken, Principal
from certrail.services.facade import Services
from certrail_server.api.schemas.access import GroupOut, NewTokenOut, PrincipalOut, TokenOut


def principal_answer(row: Principal) -> PrincipalOut:
    """For one row."""
    return PrincipalOut.of(row)


def group_answers(services: Services, rows: Sequence[Principal]) -> list[GroupOut]:
    """One for each group."""
    members = services.principals.members_of([row.id for row in rows])
    return [GroupOut.of(row, members=members.get(row.id, [])) for row in rows]


def group_answer(services: Services, row: Principal) -> GroupOut:
    """For one group."""
    (answer,) = group_answers(services, [row])
    return answer


def token_answers(services: Services, rows: Sequence[AccessToken]) -> list[TokenOut]:
    """One for each row."""
    people = services.names.of({Principal: _people(rows)})[Principal]
    return [
        TokenOut.about(row, people[row.principal_id], made_by=people.get(row.made_by or "")) for row in rows
    ]


def new_token_answer(services: Services, row: AccessToken, text: str | None) -> NewTokenOut:
    """For a token that was just created; without its text where the same call created it before."""
    people = services.names.of({Principal: _people([row])})[Principal]
    made_by = people.get(row.made_by or "")
    return NewTokenOut.about(row, people[row.principal_id], made_by=made_by, token=text)


def _people(rows: Sequence[AccessToken]) -> set[str]:
    return {ident for row in rows for ident in (row.principal_id, row.made_by) if ident is not None}
