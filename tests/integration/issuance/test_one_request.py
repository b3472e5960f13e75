"""What the whole way of one request sends to the database: from its POST to the delivered object and the mail.

The numbers are exact: lower one when a change saves a statement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import select
from tests.integration import alert_world
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb
from tests.support.statements import Traffic, traffic
from tests.support.web import served_application

from certrail.persistence.tables import Delivery, NotificationRow
from certrail.services.alerting.notify import NotifyCall
from certrail_sdk import Sent

COUNTS = {
    "sqlite": {
        "accept": (12, 2),
        "outbox": (2, 2),
        "issue": (18, 1),
        "deliver": (10, 2),
        "verify": (6, 2),
        "state": (1, 1),
        "mail": (8, 2),
    },
}
"""Statements and transactions of each step, with one sync and one alert by mail."""
COUNTS["postgresql"] = COUNTS["sqlite"] | {"issue": (19, 1)}
MOST = 53
"""Statements of all steps, with the outbox emptied after the request and after the issuance."""
MOST_COMMITS = 8


@dataclass
class Way:
    """One request, step by step, as the API, the dispatcher and the workflows take it."""

    team: Team
    steps: dict[str, Traffic] = field(default_factory=dict)
    leased: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.team.services.outbox.hand_over_to(lambda rows: self.leased.extend(row.seq for row in rows))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        with traffic(self.team.services.context.db) as seen:
            yield
        self.steps[name] = seen

    async def post(self, **headers: str) -> dict[str, Any]:
        """Without the tasks that run beside a server: what they send is no part of the call."""
        _, token = self.team.services.tokens.issue(self.team.admin, "admin", name="way")
        app = served_application()
        app.state.services = self.team.services
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as client:
            with self.step("accept"):
                answer = await client.post(
                    f"/api/v1/applications/{self.team.application}/certificate-requests",
                    json={"profile": "web", "sans": {"dns": ["a.example.com"]}},
                    headers={"authorization": f"Bearer {token}", **headers},
                )
        assert answer.status_code == 202, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    def dispatched(self) -> int:
        """As the dispatcher of the process that committed the rows."""
        outbox = self.team.services.outbox
        messages = outbox.leased(self.leased)
        self.leased.clear()
        outbox.dispatched([message.seq for message in messages])
        return len(messages)

    def one(self, table: Any) -> Any:
        with self.team.services.context.db.read() as session:
            return session.exec(select(table)).one()


@pytest.fixture
def way(team: Team, tmp_path: Path) -> Way:
    alert_world.sync_and_alert(team, tmp_path)
    return Way(team)


async def test_the_whole_way_of_one_request(way: Way) -> None:
    services = way.team.services
    accepted = await way.post()
    assert (accepted["application"], accepted["requester"]) == ("app", "admin")
    with way.step("outbox"):
        assert way.dispatched() == 1
    with way.step("issue"):
        assert services.issuance.advance(accepted["id"]).status == "issued"
    assert way.dispatched() == 2, "the delivery and the mail"
    delivery = way.one(Delivery).id
    with way.step("deliver"):
        assert (await run_verb(way.team, services.effects.deliver, delivery)).settled
    with way.step("verify"):
        assert (await run_verb(way.team, services.effects.verify, delivery)).verified
    with way.step("state"):
        assert services.deliveries.state(delivery).in_place
    message = way.one(NotificationRow).id
    with way.step("mail"):
        call = services.effects.notify.begin(message, 1)
        assert isinstance(call, NotifyCall)
        services.effects.notify.complete(call, Sent(reference="<1@example.com>"))
    assert way.one(NotificationRow).status == "sent"
    found = {name: seen.counts for name, seen in way.steps.items()}
    expected = COUNTS["sqlite" if services.context.db.is_sqlite else "postgresql"]
    assert found == expected, "\n\n".join(f"{name} {seen.listed}" for name, seen in way.steps.items())
    steps = ("accept", "outbox", "issue", "outbox", "deliver", "mail")
    assert sum(found[step][0] for step in steps) <= MOST
    assert sum(way.steps[step].commits for step in steps) <= MOST_COMMITS


async def test_a_request_with_an_idempotency_key_is_accepted_once(way: Way) -> None:
    accepted = await way.post(**{"idempotency-key": "one"})
    assert way.steps["accept"].counts == (14, 2), way.steps["accept"].listed
    again = await way.post(**{"idempotency-key": "one"})
    assert again == accepted
