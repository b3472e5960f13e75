"""What the tests of the Slack notifier send and press."""

from datetime import UTC, datetime, timedelta

from aiohttp import web
from pydantic import SecretStr

from certrail_fakes.slack import Signed, SlackServer, User
from certrail_notifier_slack import Slack, SlackConfig
from certrail_sdk import CallbackRequest, Choice, Fact, Forged, Interaction, Malformed, Outcome, Question

RECORDED = Outcome(state="recorded", message="Recorded.")


REFUSED = Outcome(state="refused", message="You asked for it yourself.")


LOST = Outcome(state="not_recorded", message="Your answer was not recorded. Please try again.")


YES, NO = "token-to-approve-0001", "token-to-reject-0002"


def slack(server: SlackServer, **changes: object) -> Slack:
    values: dict[str, object] = {
        "bot_token": server.token,
        "signing_secret": server.signing_secret,
        "api_url": server.url,
        "response_hosts": [server.host],
        "channel": server.channel("approvals").id,
    }
    return Slack(SlackConfig.parse(values | changes))


def question(**changes: object) -> Question:
    values: dict[str, object] = {
        "id": "qst-1",
        "title": "Approve a certificate for api.example.com?",
        "summary": "Step 1 of 1: Security",
        "facts": (Fact(label="Names", value="api.example.com"), Fact(label="Key", value="EC P-256")),
        "choices": (
            Choice(answer="approve", label="Approve", token=SecretStr(YES)),
            Choice(answer="reject", label="Reject", token=SecretStr(NO), wants_comment=True),
        ),
        "status": "0 of 1 approvals",
        "deadline": datetime.now(UTC) + timedelta(days=1),
    }
    return Question.model_validate(values | changes)


def request(signed: Signed, after: float = 0) -> CallbackRequest:
    received = datetime.now(UTC) + timedelta(seconds=after)
    return CallbackRequest(body=signed.body, headers=signed.headers, received_at=received)


async def pressed(server: SlackServer, user: User, answer: str = "approve", **payload: object) -> Signed:
    """A signed click on the question that stands in the channel, asked now if none does."""
    if not server.messages:
        await slack(server).ask(question())
    return server.sign(server.press(user.id, server.messages[-1].ts, answer=answer) | payload)


class CallbackSite:
    """What the server does with a callback, without a database: records answers, says ``outcome``."""

    def __init__(self, notifier: Slack) -> None:
        self._notifier = notifier
        self.outcome = RECORDED
        self.answers: list[Interaction] = []

    async def handle(self, incoming: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        body = await incoming.read()
        asked = CallbackRequest(body=body, headers=headers, received_at=datetime.now(UTC))
        try:
            read = await self._notifier.receive(asked)
        except Forged:
            return web.Response(status=401)
        except Malformed:
            return web.Response(status=400)
        if isinstance(read, Interaction):
            self.answers.append(read)
            read = await self._notifier.acknowledge(read, self.outcome)
        return web.Response(status=read.status, body=read.body, headers={"Content-Type": read.content_type})
