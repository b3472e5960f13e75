"""A hundred votes at once on a step that needs three of five."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx2
from tests.live.live_stack import LiveStack

VOTERS, EACH = 10, 10
ASKED = 5


def test_a_hundred_simultaneous_votes_give_one_certificate(live_stack: LiveStack) -> None:
    people = [f"voter-{n}" for n in range(VOTERS)]
    live_stack.application("voted")
    for slug in people:
        live_stack.admin.post("/users", {"slug": slug, "name": slug, "email": f"{slug}@example.com"})
        live_stack.admin.put(f"/applications/voted/members/{slug}", {"role": "operator"})
        live_stack.token(slug)
    live_stack.guard("voted", {"name": "Three of five", "approvers": people[:ASKED], "quorum": 3})
    order = live_stack.order("voted", "voted.live.example")
    approval = order.request["approval_request_id"]

    answers = all_at_once(live_stack, people * EACH, f"/api/v1/approval-requests/{approval}/votes")

    order.wait_until_issued()
    outcomes = Counter(kind for _, kind in answers)
    assert outcomes["recorded"] == 3
    assert outcomes.keys() <= {"recorded", "voted-already", "approval-closed", "not-in-step"}
    assert outcomes.total() == VOTERS * EACH
    votes = live_stack.admin.get(f"/approval-requests/{approval}")["votes"]
    winners = {slug for slug, kind in answers if kind == "recorded"}
    assert len(votes) == 3
    assert len(winners & set(people[:ASKED])) == 3
    refusals = live_stack.events("voted", "approval.vote_refused")
    assert Counter(event["data"]["reason"] for event in refusals) + Counter(recorded=3) == outcomes
    assert len(order.certificates()) == 1
    assert len(live_stack.events("voted", "certificate.issued")) == 1


def all_at_once(live_stack: LiveStack, people: list[str], path: str) -> list[tuple[str, str]]:
    """Everybody approves in the same moment; by voter: ``recorded``, or the kind of the refusal."""
    barrier = Barrier(len(people))

    def vote(slug: str) -> tuple[str, str]:
        headers = {"Authorization": f"Bearer {live_stack.tokens[slug]}"}
        with httpx2.Client(base_url=live_stack.installation.url, timeout=60, trust_env=False) as client:
            barrier.wait(30)
            answer = client.post(path, json={"decision": "approve"}, headers=headers)
        kind = "recorded" if answer.status_code == 201 else answer.json()["type"].rsplit(":", 1)[1]
        return slug, kind

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(vote, people))
