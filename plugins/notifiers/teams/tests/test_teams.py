"""The Microsoft Teams notifier: the rules of the contract, and cards that fit."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from certrail_fakes.receiver import Answer
from certrail_fakes.teams import LIMIT, TeamsWorkflow
from certrail_notifier_teams import Teams, TeamsConfig
from certrail_sdk import Fact, Misconfigured, NotFound, Notification, Permanent, RateLimited, Severity, Stage
from certrail_sdk.testing import NotifierConformance


@pytest.fixture
async def workflow() -> AsyncIterator[TeamsWorkflow]:
    async with TeamsWorkflow() as running:
        yield running


def teams(workflow: TeamsWorkflow, *allowed: str) -> Teams:
    url = workflow.url if allowed else workflow.url.replace("http:", "https:")
    return Teams(TeamsConfig.parse({"workflow_url": url, "allowed_hosts": allowed}))


def message(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.expiring",
        "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "severity": Severity.CRITICAL,
        "title": "Certificate ends soon: api.example.com",
        "summary": "In payments.",
        "facts": (Fact(label="Ends in", value="3 days"),),
        "link": "https://certrail.example.org/",
    }
    return Notification.model_validate({**values, **changes})


class TestTeams(NotifierConformance):
    @pytest.fixture
    def build(self, workflow: TeamsWorkflow) -> Callable[[], Teams]:
        return lambda: teams(workflow, "127.0.0.1")

    @pytest.fixture
    def broken(self, workflow: TeamsWorkflow) -> Teams:
        """Without an exemption: the workflow's address is a private one."""
        return teams(workflow)


async def test_a_card_shows_what_happened(workflow: TeamsWorkflow) -> None:
    await teams(workflow, "127.0.0.1").send(message())
    (card,) = workflow.cards
    title, summary, facts = card["body"]
    assert (title["text"], title["color"]) == ("Certificate ends soon: api.example.com", "attention")
    assert summary["text"] == "In payments."
    assert facts["facts"] == [{"title": "Ends in", "value": "3 days"}]
    assert card["actions"][0]["url"] == "https://certrail.example.org/"


async def test_the_end_of_failure_looks_like_it(workflow: TeamsWorkflow) -> None:
    await teams(workflow, "127.0.0.1").send(message(incident="lineage", stage=Stage.CLOSED, link=None))
    assert workflow.cards[0]["body"][0]["color"] == "good"


async def test_names_are_no_markdown(workflow: TeamsWorkflow) -> None:
    await teams(workflow, "127.0.0.1").send(message(title="[click](https://evil.example) *.example.com"))
    text = workflow.cards[0]["body"][0]["text"]
    assert text == r"\[click\]\(https://evil.example\) \*.example.com"


async def test_neither_are_facts(workflow: TeamsWorkflow) -> None:
    facts = (Fact(label="*Comment*", value="[click](https://evil.example)"),)
    await teams(workflow, "127.0.0.1").send(message(facts=facts))
    (fact,) = workflow.cards[0]["body"][2]["facts"]
    assert fact == {"title": r"\*Comment\*", "value": r"\[click\]\(https://evil.example\)"}


async def test_a_card_fits(workflow: TeamsWorkflow) -> None:
    facts = tuple(Fact(label=f"Name {n}", value="é" * 900) for n in range(200))
    await teams(workflow, "127.0.0.1").send(message(facts=facts))
    (request,) = workflow.requests
    assert len(request.body) <= LIMIT
    assert "more lines did not fit" in str(workflow.cards[0])


async def test_the_check_posts_a_card_that_says_so(workflow: TeamsWorkflow) -> None:
    await teams(workflow, "127.0.0.1").check()
    assert workflow.cards[0]["body"][0]["text"] == "certrail can post here"


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (302, Misconfigured), (404, NotFound)])
async def test_an_answer_is_reported_without_the_url(
    workflow: TeamsWorkflow, status: int, error: type[Exception]
) -> None:
    workflow.script(status)
    with pytest.raises(error, match=str(status)) as raised:
        await teams(workflow, "127.0.0.1").send(message())
    assert "sig=" not in str(raised.value)


@pytest.mark.parametrize(
    "quoted",
    [
        "Cannot POST /workflows/42/triggers/manual/paths/invoke?api-version=2024-10-01&sig=c2VjcmV0LXNpZ24",
        "no run for {'sig': 'c2VjcmV0LXNpZ24'}",
        "x" * 190 + "c2VjcmV0LXNpZ24",
    ],
)
async def test_an_answer_that_quotes_the_url_is_reported_without_its_words(
    workflow: TeamsWorkflow, quoted: str
) -> None:
    workflow.script(Answer(404, body=quoted.encode()))
    with pytest.raises(Permanent, match=r"404$") as raised:
        await teams(workflow, "127.0.0.1").send(message())
    assert "c2Vj" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://prod.example.com/x", "https://me@example.com/", "nonsense", "ftp://example.com"]
)
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ValidationError, match="workflow_url") as raised:
        TeamsConfig.parse({"workflow_url": url})
    assert url not in str(raised.value)
