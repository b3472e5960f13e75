"""A step that counts votes from a recent sign-in only: by API, in the console and in Slack."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.console.conftest import HTML, csrf
from tests.integration.slack_world import SlackWorld, step
from tests.support.web import serving

from certrail.domain.errors import BadInput, Forbidden, SignInTooOld
from certrail.persistence.tables import BrowserSession
from certrail.services.access.sessions import DRAFT_KEPT, LIFETIME, Claims
from certrail.services.approvals.policies import Step

pytestmark = pytest.mark.any_database

MINUTE = timedelta(minutes=1)
AGE = 5 * MINUTE
OWNERS = Step("Owners", ("ann", "bob"), 1, max_sign_in_age=AGE)


def claims(team: Team, who: str, ago: timedelta | None) -> Claims:
    """What a provider says of somebody who authenticated a while ago."""
    at = None if ago is None else team.clock.now - ago
    return Claims("https://login.example", who, f"{who}@example.com", who, at)


def waiting(team: Team, *steps: Step) -> str:
    """The approval of a request that waits for a vote."""
    for slug in ("asker", "ann", "bob"):
        team.person(slug)
    team.guard(*(steps or (OWNERS,)))
    _, approval = team.ask(team.actor("asker"))
    assert approval is not None
    return approval


@pytest.mark.parametrize("ago", [None, AGE + timedelta(seconds=1)])
def test_a_vote_from_an_older_sign_in_does_not_count_and_is_on_record(
    team: Team, ago: timedelta | None
) -> None:
    approval, sessions, approvals = waiting(team), team.services.sessions, team.services.approvals
    ann = sessions.resume(sessions.begin(claims(team, "ann", ago))).actor
    with pytest.raises(SignInTooOld, match="at most 5m old"):
        approvals.vote(ann, approval, "approve")
    with pytest.raises(Forbidden):
        approvals.vote(team.actor("asker"), approval, "approve")
    row, votes = approvals.get(approval)
    assert (row.status, list(votes)) == ("open", [])
    refused = team.services.audit_log.newest([team.application], ["approval.vote_refused"], 2)
    assert [each.data["reason"] for each in refused] == ["own-request", "sign-in-too-old"]
    recent = sessions.resume(sessions.begin(claims(team, "ann", AGE))).actor
    approvals.vote(recent, approval, "approve")
    assert approvals.get(approval)[0].status == "approved"


def test_each_step_says_it_for_itself(team: Team) -> None:
    approval = waiting(team, Step("Owners", ("ann",)), Step("Security", ("bob",), max_sign_in_age=AGE))
    team.services.approvals.vote(team.actor("ann"), approval, "approve")
    with pytest.raises(SignInTooOld):
        team.services.approvals.vote(team.actor("bob"), approval, "approve")
    team.services.approvals.vote(replace(team.actor("bob"), auth_time=team.clock.now), approval, "approve")
    assert team.services.approvals.get(approval)[0].status == "approved"


@pytest.mark.parametrize("age", [timedelta(0), MINUTE / 2, LIFETIME + MINUTE])
def test_an_age_has_bounds(team: Team, age: timedelta) -> None:
    team.person("ann")
    with pytest.raises(BadInput, match="1 minute to 12 hours"):
        team.guard(Step("Owners", ("ann",), max_sign_in_age=age))


def test_the_api_answers_a_step_up_challenge(team: Team) -> None:
    approval = waiting(team)
    _, token = team.services.tokens.issue(team.actor("ann"), "ann", name="laptop")
    signed_in = team.services.sessions.begin_with_token(claims(team, "ann", MINUTE))
    with serving(team.services) as url:
        path = f"{url}/api/v1/approval-requests/{approval}"
        ask = httpx2.Client(timeout=60, trust_env=False)
        shown = ask.get(path, headers={"authorization": f"Bearer {token}"}).json()
        assert shown["steps"][0]["max_sign_in_age"] == "5m"
        body = {"decision": "approve"}
        answer = ask.post(f"{path}/votes", json=body, headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:certrail:problem:sign-in-too-old")
        assert answer.json()["max_sign_in_age"] == "5m"
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="300"' in challenge
        team.services.refusal_counter.record_all()
        assert not team.services.audit_log.newest(None, ["access.unauthenticated"], 1), "the caller is known"
        # `certrail login` is a sign-in, and its token has the time of it; a token made with it has none.
        derived = team.services.tokens.issue(
            team.services.tokens.authenticate(signed_in.text), "ann", name="derived"
        )[1]
        for each, status in ((derived, 401), (signed_in.text, 201)):
            answer = ask.post(f"{path}/votes", json=body, headers={"authorization": f"Bearer {each}"})
            assert answer.status_code == status, answer.text


def test_the_page_asks_for_a_sign_in_and_keeps_the_comment(team: Team) -> None:
    approval, sessions = waiting(team), team.services.sessions
    page, comment = f"/console/approvals/{approval}", "Überprüft <b>nach</b> Rücksprache. " * 50
    with serving(team.services) as url:
        cookie = {"certrail": sessions.begin(claims(team, "ann", timedelta(hours=1)))}
        browser = httpx2.Client(base_url=url, headers=HTML, timeout=60, trust_env=False, cookies=cookie)
        seen = browser.get(page).text
        assert "you are asked to sign in again" in seen
        digest = seen.partition('name="digest" value="')[2][:64]
        form = {"csrf": csrf(seen), "digest": digest, "comment": comment, "decision": "approve"}
        sent = browser.post(page, data=form)
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/console/sign-in?next=")
        assert "Rücksprache" not in sent.headers["location"]
        why = browser.get(sent.headers["location"]).text
        assert "Sign in again" in why
        assert "at most 5m old" in why
        # A link counts with the time at which it is used, and comes back to the page.
        old = browser.cookies["certrail"]
        link = team.services.sign_in_links.make("ann")
        back = browser.post(f"/console/sign-in/{link.text}")
        assert back.headers["location"] == page
        seen = browser.get(page).text
        assert "You signed in again." in seen
        assert "Überprüft &lt;b&gt;nach" in seen
        stale = httpx2.get(
            f"{url}{page}", cookies={"certrail": old}, headers=HTML, timeout=60, trust_env=False
        )
        assert stale.status_code == 303, "the cookie of before is worth nothing"
        sent = browser.post(page, data={**form, "csrf": csrf(seen), "comment": comment})
        assert sent.headers["location"] == page
        (vote,) = team.services.approvals.get(approval)[1]
        assert vote.comment == comment.strip()


def test_what_was_written_is_kept_for_its_writer_and_for_ten_minutes(team: Team) -> None:
    approval, sessions = waiting(team), team.services.sessions
    page = f"/console/approvals/{approval}"
    with serving(team.services) as url:
        cookie = {"certrail": sessions.begin(claims(team, "ann", None))}
        browser = httpx2.Client(base_url=url, headers=HTML, timeout=60, trust_env=False, cookies=cookie)
        seen = browser.get(page).text
        digest = seen.partition('name="digest" value="')[2][:64]
        form = {"csrf": csrf(seen), "digest": digest, "comment": "Mine alone.", "decision": "approve"}
        assert browser.post(page, data=form).status_code == 303
        kept = browser.cookies["certrail"]
        bob = sessions.begin(claims(team, "bob", MINUTE), cookie=kept)
        assert sessions.resume(bob).draft is None, "somebody else signed in with the same browser"
        assert "Mine alone." in browser.get(page).text
        team.clock.advance(DRAFT_KEPT)
        assert "Mine alone." not in browser.get(page).text
    with team.services.context.db.read() as session:
        assert len(session.exec(select(BrowserSession)).all()) == 2


def test_a_session_that_goes_on_keeps_its_tokens(team: Team) -> None:
    team.person("ann")
    sessions, tokens = team.services.sessions, team.services.tokens
    first = sessions.begin(claims(team, "ann", timedelta(hours=1)))
    _, token = tokens.issue(sessions.resume(first).actor, "ann", name="laptop")
    team.clock.advance(MINUTE)
    later = sessions.begin(claims(team, "ann", timedelta(0)), cookie=first)
    assert sessions.resume(later).actor.auth_time == team.clock.now
    assert sessions.resume(later).expires_at == team.clock.now + LIFETIME
    assert tokens.authenticate(token).auth_time is None
    future = sessions.begin(claims(team, "ann", -timedelta(hours=1)), cookie=later)
    assert sessions.resume(future).actor.auth_time == team.clock.now, "nobody signs in later than now"


async def test_a_message_in_slack_has_no_buttons_and_leads_to_the_page(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    guarded = replace(step("Owners", "ann"), max_sign_in_age=AGE)
    message = await slack_world.ask(asker, guarded)
    assert "with a sign-in that is at most 5m old" in message.plain
    assert not [each for each in message.buttons if each["action_id"] != "certrail_link"]
    voter = replace(slack_world.team.actor("ann"), auth_time=slack_world.team.clock.now)
    slack_world.team.services.approvals.vote(voter, slack_world.approval, "approve")
    await slack_world.refresh()
    assert "Approved by ann" in message.plain
    assert "at most 5m old" not in message.plain
