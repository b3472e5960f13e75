"""Tokens: none gives more than it has, neither rights nor time."""

from datetime import timedelta

import pytest
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Conflict, Forbidden, Unauthenticated
from certrail.services.core.actor import Actor

HOUR = timedelta(hours=1)


def with_a_token(team: Team, slug: str, lifetime: timedelta | None) -> tuple[Actor, str]:
    """Somebody who calls with a token of this lifetime, and its id."""
    row, text = team.services.tokens.issue(team.admin, slug, name="first", lifetime=lifetime)
    return team.services.tokens.authenticate(text), row.id


@pytest.mark.parametrize("wanted", [None, timedelta(days=90), HOUR / 2])
def test_a_token_ends_no_later_than_the_one_it_was_made_with(team: Team, wanted: timedelta | None) -> None:
    team.person("ada")
    caller, _ = with_a_token(team, "ada", HOUR)
    made, text = team.services.tokens.issue(caller, "ada", name="next", lifetime=wanted)
    assert made.expires_at == team.clock() + min(wanted or HOUR, HOUR)
    team.clock.advance(HOUR)
    with pytest.raises(Unauthenticated):
        team.services.tokens.authenticate(text)


def test_a_product_admin_gives_no_more_time_than_they_have(team: Team) -> None:
    team.person("ada")
    caller, _ = with_a_token(team, "admin", HOUR)
    made, _ = team.services.tokens.issue(caller, "ada", name="next")
    assert made.expires_at == team.clock() + HOUR


def test_a_token_does_not_live_on_by_rotation(team: Team) -> None:
    team.person("ada")
    tokens = team.services.tokens
    caller, first = with_a_token(team, "ada", HOUR)
    lasting, _ = tokens.issue(team.admin, "ada", name="lasting")
    team.clock.advance(HOUR / 2)
    for token in (lasting.id, first):
        assert tokens.rotate(caller, token)[0].expires_at == team.clock() + HOUR / 2


def test_rotation_keeps_the_lifetime_and_an_overlap(team: Team) -> None:
    team.person("ada")
    tokens = team.services.tokens
    present, old = tokens.issue(team.admin, "ada", name="robot", scopes=["request"], lifetime=30 * HOUR)
    team.clock.advance(10 * HOUR)
    following, new = tokens.rotate(team.admin, present.id, overlap=HOUR)
    assert (following.name, following.scopes) == ("robot", ["request"])
    assert following.expires_at == team.clock() + 30 * HOUR
    assert tokens.authenticate(old).principal_id == tokens.authenticate(new).principal_id
    team.clock.advance(HOUR)
    with pytest.raises(Unauthenticated):
        tokens.authenticate(old)
    with pytest.raises(Conflict):
        tokens.rotate(team.admin, present.id)
    assert tokens.authenticate(new).until == following.expires_at


@pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR])
def test_a_lifetime_that_is_none_is_refused(team: Team, lifetime: timedelta) -> None:
    with pytest.raises(BadInput, match="above zero"):
        team.services.tokens.issue(team.admin, "admin", name="t", lifetime=lifetime)


def test_whether_somebody_is_there_is_not_reported_by_asking_for_their_token(team: Team) -> None:
    ada = team.person("ada")
    team.person("bob")
    said = set()
    for reference in ("bob", "bob@example.com", "nobody"):
        with pytest.raises(Forbidden) as refused:
            team.services.tokens.issue(ada, reference, name="t")
        said.add((refused.value.kind, refused.value.detail))
    assert len(said) == 1
    for reference in ("ada", "ada@example.com", ada.principal_id or ""):
        assert team.services.tokens.issue(ada, reference, name="t")[0].principal_id == ada.principal_id
