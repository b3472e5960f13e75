"""An approval that is asked in Slack, with what a test needs to answer it and to see what became of that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.domain.access import Role
from certrail.persistence.database import Database
from certrail.persistence.tables import ApprovalMessage, Channel, EventRow, Vote
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor
from certrail_fakes.slack import Message, Reply, SlackServer, User


@dataclass
class SlackWorld:
    """A team whose approvals are asked in the Slack channel ``#approvals``."""

    team: Team
    slack: SlackServer
    api: str
    channel: Channel
    request: str = ""
    approval: str = ""
    people: dict[str, User] = field(default_factory=dict)

    @property
    def callback_url(self) -> str:
        return self.callback_at(self.channel)

    def callback_at(self, channel: Channel) -> str:
        """Where answers to this channel may be sent."""
        return f"{self.api}/callbacks/{channel.id}"

    def person(self, slug: str, role: Role | None = Role.OPERATOR) -> Actor:
        """A principal who is in the workspace too."""
        self.people[slug] = self.slack.add_user(slug, f"{slug}@example.com")
        return self.team.person(slug, role)

    async def ask(self, asker: Actor, *steps: Step, **options: Any) -> Message:
        """Guard the profile, submit a request and post the question; returns its message."""
        self.team.guard(*steps, **options)
        self.request, approval = self.team.ask(asker)
        assert approval is not None
        self.approval = approval
        await self.refresh()
        return self.slack.messages[-1]

    def advance(self, by: timedelta) -> None:
        """Let time pass, here and in the workspace."""
        self.team.clock.advance(by)
        self.slack.advance(by.total_seconds())

    async def refresh(self) -> None:
        """Bring every copy of the question to its present state, as the workflows do."""
        context = self.team.services.context
        with context.db.read() as session:
            copies = session.exec(select(ApprovalMessage).order_by(ApprovalMessage.step)).all()  # type: ignore[arg-type]
        for copy in copies:
            await run_verb(self.team, self.team.services.effects.refresh_approval_message, copy.id)

    async def send(self) -> None:
        """Send what the channel is to be told, as the workflows do."""
        services = self.team.services
        for row in services.alerts.notifications(self.team.application, "pending"):
            await run_verb(self.team, services.effects.notify, row.id)

    async def click(
        self, slug: str, message: Message, answer: str = "Approve", at: Channel | None = None, **how: Any
    ) -> Reply:
        """Press a button, a second after whatever was before; it arrives at the question's own channel or another."""
        self.advance(timedelta(seconds=1))
        user, url = self.people[slug].id, self.callback_at(at or self.channel)
        return await self.slack.click(user, message.ts, answer=answer, callback_url=url, **how)

    async def reject(self, slug: str, message: Message, reason: str) -> Reply:
        """Press Reject and give the reason that the window asks for."""
        await self.click(slug, message, "Reject")
        user = self.people[slug].id
        view = self.slack.people.view_of(user)
        return await self.slack.submit_view(user, view.id, reason, self.callback_url)

    def reported(self, slug: str) -> list[str]:
        """What this person alone was told."""
        return [said.text for said in self.slack.whispers if said.only_for == self.people[slug].id]

    @property
    def votes(self) -> list[tuple[str, str]]:
        """Who decided what, by e-mail name, in order."""
        _, votes = self.team.services.approvals.get(self.approval)
        names = {row.id: row.slug for row in self.team.services.principals.list()}
        return [(names[vote.principal_id], vote.decision) for vote in votes]

    @property
    def status(self) -> str:
        return self.team.services.approvals.get(self.approval)[0].status

    def stored_votes(self) -> int:
        """Votes in the database, of any approval."""
        with self.team.services.context.db.read() as session:
            return len(session.exec(select(Vote)).all())

    def refusals(self, type_: str = "approval.vote_refused") -> list[str]:
        """The reasons on record, oldest first."""
        return [event.data["reason"] for event in self.events(type_)]

    def events(self, type_: str) -> list[EventRow]:
        """What is on record of one type, oldest first."""
        with self.team.services.context.db.read() as session:
            query = select(EventRow).where(EventRow.type == type_).order_by(EventRow.seq)  # type: ignore[arg-type]
            return list(session.exec(query).all())


def connect(team: Team, slack: SlackServer, slug: str, socket_mode: bool = False) -> None:
    """A connection with the credentials of the workspace's app."""
    team.services.connections.create(
        team.admin, slug=slug, name=slug, type_="slack", config=credentials(slack, socket_mode)
    )


def credentials(slack: SlackServer, socket_mode: bool) -> dict[str, object]:
    keys = {"bot_token": slack.token, "signing_secret": slack.signing_secret}
    place = {"api_url": slack.url, "response_hosts": [slack.host]}
    return {**keys, **place, **({"app_token": slack.app_token} if socket_mode else {})}


def open_channel(team: Team, slug: str, connection: str = "workspace") -> Channel:
    """A channel of the Application that speaks in the Slack channel of the same name."""
    return team.services.channels.create(
        team.admin,
        team.application,
        slug=slug,
        name=slug,
        notifier="slack",
        config={"channel": f"#{slug}"},
        connection=connection,
    )


def step(name: str, *approvers: str, quorum: int = 1, channels: tuple[str, ...] = ("approvals",)) -> Step:
    return Step(name, approvers, quorum, channels)


@contextmanager
def gone(database: Database) -> Iterator[None]:
    """A database that answers nothing at all."""

    def refuse(_connection: object, _cursor: object, statement: str, values: object, *_more: object) -> None:
        raise OperationalError(statement, values, ConnectionRefusedError("no database"))  # type: ignore[arg-type]

    event.listen(database.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", refuse)
