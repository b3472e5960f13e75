"""Tokens: none gives more than it has, neither rights nor time."""

from datetime import timedelta

import pytest
from sqlmodel import select
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team

from certrail.domain.access import Permission, ProductRole
from certrail.domain.errors import BadInput, CertrailError, Conflict, Forbidden, Unauthenticated
from certrail.persistence.tables import EventRow, Principal
from certrail.services.access.sessions import LIFETIME, Claims
from certrail.services.access.tokens import PERSON_LIFETIME
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM, Actor

pytestmark = pytest.mark.any_database

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


def test_one_product_admin_alone_reaches_no_quorum(team: Team) -> None:
    """Tokens that they make for the approvers cast no vote, nor do those made or rotated with them."""
    tokens, approvals = team.services.tokens, team.services.approvals
    for slug in ("ann", "bob", "eve"):
        team.person(slug)
    robot = team.person("robot", kind="machine")
    team.guard(Step("Owners", ("ann", "bob", "eve", "robot"), quorum=2))
    _, approval = team.ask(team.person("asker"))
    assert approval is not None
    own, _ = tokens.issue(SYSTEM, "eve", name="on the server")
    voters = []
    for slug in ("ann", "bob", "robot"):
        row, text = tokens.issue(team.admin, slug, name="mine")
        assert (row.may_vote, row.made_by) == (False, team.admin.principal_id)
        voters.append(tokens.authenticate(text))
        voters.append(tokens.authenticate(tokens.issue(voters[-1], slug, name="again")[1]))
        voters.append(tokens.authenticate(tokens.rotate(voters[-1], row.id)[1]))
    voters.append(tokens.authenticate(tokens.rotate(team.admin, own.id)[1]))
    for voter in voters:
        with pytest.raises(Forbidden) as refused:
            approvals.vote(voter, approval, "approve")
        assert refused.value.kind == "token-of-another"
    assert approvals.get(approval)[1] == []
    approvals.vote(robot, approval, "approve")
    _, text = tokens.issue(SYSTEM, "ann", name="on the server")
    approvals.vote(tokens.authenticate(text), approval, "approve")
    assert approvals.get(approval)[0].status == "approved"


def test_a_token_for_somebody_else_is_an_event_and_shown_to_its_owner(team: Team) -> None:
    ann = team.person("ann")
    row, _ = team.services.tokens.issue(team.admin, "ann", name="mine", lifetime=HOUR)
    with team.services.context.db.read() as session:
        (event,) = session.exec(select(EventRow).where(EventRow.type == "token.made_for_other")).all()
    assert (event.subject_id, event.data["made_by"]) == (ann.principal_id, "Admin")
    (shown,) = team.services.tokens.list(ann)
    assert (shown.id, shown.made_by) == (row.id, team.admin.principal_id)
    team.services.tokens.issue(ann, "ann", name="own")
    with team.services.context.db.read() as session:
        assert len(session.exec(select(EventRow).where(EventRow.type == "token.made_for_other")).all()) == 1


def test_no_token_outlives_the_session_that_it_was_made_in(team: Team) -> None:
    team.person("ann")
    sessions, tokens = team.services.sessions, team.services.tokens
    cookie = sessions.begin(Claims("https://login.example", "ann", "ann@example.com", "Ann"))
    browser = sessions.resume(cookie).actor
    made, text = tokens.issue(browser, "ann", name="t", lifetime=30 * LIFETIME)
    assert made.expires_at == team.clock() + LIFETIME
    _, further = tokens.issue(tokens.authenticate(text), "ann", name="further")
    _, rotated = tokens.rotate(browser, made.id, overlap=HOUR)
    sessions.end(cookie)
    for one in (text, further, rotated):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(one)


def test_what_was_made_with_a_token_is_revoked_with_it(team: Team) -> None:
    """As at `certrail logout`, which revokes the token of the sign-in."""
    team.person("ann")
    tokens = team.services.tokens
    login, text = tokens.issue(SYSTEM, "ann", name="login")
    _, made = tokens.issue(tokens.authenticate(text), "ann", name="made")
    _, other = tokens.issue(SYSTEM, "ann", name="other")
    tokens.revoke(team.actor("ann"), login.id)
    with pytest.raises(Unauthenticated):
        tokens.authenticate(made)
    assert tokens.authenticate(other)


def test_a_scoped_token_makes_and_manages_only_what_is_within_its_scopes(team: Team) -> None:
    team.person("ann")
    tokens = team.services.tokens
    whole, _ = tokens.issue(SYSTEM, "ann", name="whole")
    wide, _ = tokens.issue(SYSTEM, "ann", name="wide", scopes=["certificate", "sync:read"])
    narrow, _ = tokens.issue(SYSTEM, "ann", name="narrow", scopes=["certificate:read"])
    _, text = tokens.issue(SYSTEM, "ann", name="caller", scopes=["token", "certificate"])
    caller = tokens.authenticate(text)
    assert {row.name for row in tokens.list(caller)} == {"narrow", "caller"}
    for row in (whole, wide):
        for act in (tokens.revoke, tokens.rotate, tokens.managed):
            with pytest.raises(Forbidden):
                act(caller, row.id)
    for scopes in ([], ["certificate", "sync"], ["approval:vote"]):
        with pytest.raises(Forbidden):
            tokens.issue(caller, "ann", name="t", scopes=scopes)
    assert tokens.issue(caller, "ann", name="t", scopes=["certificate:key"])[0].scopes == ["certificate:key"]
    tokens.revoke(caller, narrow.id)


def test_tokens_of_people_expire_unless_they_say_otherwise(team: Team) -> None:
    team.person("ann")
    team.person("robot", kind="machine")
    issue = team.services.tokens.issue
    assert issue(SYSTEM, "ann", name="t")[0].expires_at == team.clock() + PERSON_LIFETIME
    assert issue(SYSTEM, "ann", name="t", lifetime=10 * PERSON_LIFETIME)[0].expires_at == (
        team.clock() + 10 * PERSON_LIFETIME
    )
    assert issue(SYSTEM, "robot", name="t")[0].expires_at is None


def test_two_bootstraps_at_once_make_one_product_admin(team: Team) -> None:
    with team.services.context.db.write() as session:
        (first,) = session.exec(select(Principal)).all()
        first.product_role = ProductRole.MEMBER
        session.add(first)
    outcomes: list[str] = []

    def bootstrap() -> str:
        try:
            team.services.principals.bootstrap(f"admin {team.services.context.new_id()[:6]}")
        except CertrailError as refusal:
            return refusal.kind
        return "made"

    assert meanwhile(team, lambda: outcomes.append(bootstrap()), bootstrap) == "bootstrapped"
    assert outcomes == ["made"]


def test_a_member_reads_where_they_have_which_role(team: Team) -> None:
    ann = team.person("ann")
    assert dict(team.services.principals.roles(ann)) == {"app": "operator"}
    assert Permission.REQUEST_CREATE not in team.services.principals.held(ann)
