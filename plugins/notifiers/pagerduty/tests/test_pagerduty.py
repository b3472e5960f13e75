"""The PagerDuty notifier: the rules of the contract, and incidents that open and end."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from certrail_fakes.pagerduty import ROUTING_KEY, PagerDutyServer
from certrail_notifier_pagerduty import PagerDuty, PagerDutyConfig
from certrail_sdk import Fact, Misconfigured, Notification, Permanent, RateLimited, Retryable, Severity, Stage
from certrail_sdk.testing import NotifierConformance

LINEAGE = "certificate-lineage-1"


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer() as running:
        yield running


def notifier(server: PagerDutyServer, key: str = ROUTING_KEY) -> PagerDuty:
    return PagerDuty(
        PagerDutyConfig.parse({"routing_key": key, "events_url": server.url, "ca_file": server.ca_file})
    )


def message(stage: Stage = Stage.OPEN, ident: str = "ntf-1", **changes: object) -> Notification:
    values: dict[str, object] = {
        "id": ident,
        "event_type": "certificate.expiring",
        "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "severity": Severity.WARNING,
        "title": "Certificate ends soon: api.example.com",
        "summary": "In payments.",
        "facts": (Fact(label="Ends in", value="3 days"),),
        "source": "/applications/payments",
        "application": "payments",
        "link": "https://certrail.example.org/",
        "incident": LINEAGE,
        "stage": stage,
    }
    return Notification.model_validate({**values, **changes})


class TestPagerDuty(NotifierConformance):
    @pytest.fixture
    def build(self, server: PagerDutyServer) -> Callable[[], PagerDuty]:
        return lambda: notifier(server)

    @pytest.fixture
    def broken(self, server: PagerDutyServer) -> PagerDuty:
        """With the key of no integration."""
        return notifier(server, "f" * 32)


async def test_an_incident_opens_once_is_acknowledged_and_ends(server: PagerDutyServer) -> None:
    pager = notifier(server)
    for ident in ("ntf-1", "ntf-2"):
        await pager.send(message(ident=ident))
    incident = server.incidents[LINEAGE]
    assert (len(server.incidents), incident.status, incident.triggers) == (1, "triggered", 2)
    assert incident.payload["severity"] == "warning"
    assert incident.payload["custom_details"] == {"Ends in": "3 days"}
    await pager.send(message(Stage.ACKNOWLEDGED))
    assert server.incidents[LINEAGE].status == "acknowledged"
    await pager.send(message(Stage.CLOSED))
    assert server.incidents[LINEAGE].status == "resolved"


async def test_what_is_no_failure_has_an_incident_of_its_own(server: PagerDutyServer) -> None:
    sent = await notifier(server).send(message(incident="", stage=Stage.CLOSED))
    assert sent.reference == "ntf-1"
    assert server.incidents["ntf-1"].status == "triggered"


async def test_long_texts_are_cut_to_what_is_taken(server: PagerDutyServer) -> None:
    await notifier(server).send(message(summary="x" * 5000))
    assert len(server.incidents[LINEAGE].payload["summary"]) == 1024


async def test_the_check_opens_nothing(server: PagerDutyServer) -> None:
    await notifier(server).check()
    assert not server.incidents
    with pytest.raises(Misconfigured, match="routing_key"):
        await notifier(server, "f" * 32).check()


@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (500, Retryable), (503, Retryable), (404, Permanent)]
)
async def test_each_answer_is_reported_once(
    server: PagerDutyServer, status: int, error: type[Exception]
) -> None:
    server.script(status)
    with pytest.raises(error, match=str(status)):
        await notifier(server).send(message())
    assert len(server.requests) == 1, "one request, no retries of the client's own"


async def test_nobody_listening_is_tried_again(server: PagerDutyServer) -> None:
    pager = PagerDuty(
        PagerDutyConfig.parse({"routing_key": ROUTING_KEY, "events_url": "https://127.0.0.1:9"})
    )
    with pytest.raises(Retryable, match="cannot be reached"):
        await pager.send(message())


@pytest.mark.parametrize(
    "url",
    [
        "http://events.pagerduty.com",
        "https://169.254.169.254",
        "https://pagerduty.com.example.org",
        "https://events.pagerduty.com:8443",
        "https://me@events.pagerduty.com",
        "https://events.pagerduty.com/v2",
        "ftp://127.0.0.1",
        "nonsense",
    ],
)
def test_events_go_to_pagerduty_only(url: str) -> None:
    with pytest.raises(ValidationError, match="events_url"):
        PagerDutyConfig.parse({"routing_key": ROUTING_KEY, "events_url": url})
