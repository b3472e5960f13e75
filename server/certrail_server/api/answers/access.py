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
    owners = services.names.slugs(Principal, (row.principal_id for row in rows))
    return [TokenOut.about(row, owners[row.principal_id]) for row in rows]


def new_token_answer(services: Services, row: AccessToken, text: str | None) -> NewTokenOut:
    """For a token that was just created; without its text where the same call created it before."""
    owners = services.names.slugs(Principal, [row.principal_id])
    return NewTokenOut.about(row, owners[row.principal_id], token=text)
