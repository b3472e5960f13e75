"""A click in Slack against an update of a workflow that does nothing: ``python -m bench approval``.

From the signed callback of a press of Approve to the commit of the certificate. The update is that of a workflow on
the same Temporal server, until it is accepted: the least that a workflow engine needs to take in a decision.

The vote that decides, and the certificate that it issues, are 26 statements in one transaction; the callback's token,
channel and voter are looked up before. On PostgreSQL each statement waits for its answer, and the commit for the
disk: that is the difference to SQLite. The message in Slack is rendered anew after the commit, by another process.
What could be left out are a second look at the approval under its lock and a second update of the request, which is
approved and issued in one transaction: about 2 of 26.
"""

import asyncio
import time
import uuid

from examples.demo.installation import until

from bench.floor.client import Floor
from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.load import MOST_SECONDS, Load
from bench.harness.run import Run
from bench.harness.site import ALONE_EVERY, ISSUED, PROFILE, Site, site
from bench.issuance import medians
from certrail_fakes import slack_delivery
from certrail_fakes.slack import Message, SlackServer, User

UPDATE, CLICK = "no-op update", "click"
ASKING, QUIET = "approved", "many-open"
"""Applications: requests of the first are approved in Slack, those of the second stay open, without a message."""
TOGETHER = 20
"""Requests in flight while the 2,000 are made."""
LOOK_SECONDS = 0.01
LATENCY, WITH_OPEN = at_most(2.5), at_most(1.3)


def measure(run: Run) -> list[Figure]:
    """Alone on each database; in full size also beside 2,000 open approvals."""
    figures = []
    for kind in run.databases:
        slack = SlackServer().start()
        try:
            with site(run, kind) as place:
                figures += Approvals(run, place, slack, place.floor()).measured()
        finally:
            slack.stop()
    return figures


class Approvals:
    """One installation with an approver who answers in Slack."""

    def __init__(self, run: Run, place: Site, slack: SlackServer, floor: Floor) -> None:
        self._run, self._place, self._slack, self._floor = run, place, slack, floor
        self._watch = place.watch(ISSUED, ALONE_EVERY)
        self._user: User = slack.add_user("Alice", "alice@example.com")
        self._count = run.pick("approvals, one at a time", quick=3, default=30)
        place.admin.post("/users", {"slug": "alice", "name": "Alice", "email": "alice@example.com"})
        workspace = {"bot_token": slack.token, "signing_secret": slack.signing_secret}
        workspace |= {"api_url": slack.url}
        place.connection("slack", "slack", {**workspace, "response_hosts": ["127.0.0.1"]})
        self._callback = self._guard(ASKING, ["approvals"])
        self._guard(QUIET, [])

    def measured(self) -> list[Figure]:
        """Of this database."""
        self._clicks()
        self._floor.no_op_updates(self._count)
        alone = self._rounds("")
        figures = [alone]
        if self._run.is_full:
            self._open_many(self._run.pick("open approvals", quick=0, default=0, full=2000))
            beside = self._rounds(", beside 2,000 open approvals")
            figures += [beside, self._compared(beside, alone)]
        return figures

    def _rounds(self, beside: str) -> Figure:
        kind = self._place.kind
        found = self._run.interleaved(
            f"approval, {kind}{beside}",
            {UPDATE: lambda: self._floor.no_op_updates(self._count), CLICK: self._clicks},
        )
        return ratio(
            f"click to certificate, p50 to a no-op update's{beside}",
            kind,
            medians("click to certificate", found[CLICK]),
            medians("update", found[UPDATE]),
            None if beside else LATENCY,
            beside=[
                Series("click to certificate p99", "ms", [load.milliseconds(99) for load in found[CLICK]])
            ],
        )

    def _compared(self, beside: Figure, alone: Figure) -> Figure:
        """Each round beside the open approvals with the one of the same number without them."""
        return ratio(
            "… to that without open approvals",
            self._place.kind,
            Series("beside 2,000 open approvals", "x", beside.values),
            Series("alone", "x", alone.values),
            WITH_OPEN,
        )

    def _clicks(self) -> Load:
        """Requests whose messages are posted are approved one after the other."""
        prefix = uuid.uuid4().hex[:8]
        names = [f"{prefix}-{number}.example.com" for number in range(self._count)]
        idents = [self._run.wait(self._place.caller.request(name, ASKING))["id"] for name in names]
        posted = [until(lambda name=name: self._message_about(name), name) for name in names]  # type: ignore[misc]

        return self._run.wait(self._clicked(idents, posted))

    async def _clicked(self, idents: list[str], posted: list[Message]) -> Load:
        each, began = list[float](), time.monotonic()
        for ident, message in zip(idents, posted, strict=True):
            # People do not click at the same instant: what follows the last click is no part of this one.
            await asyncio.to_thread(until, self._place.is_dispatched, "workflows to start", look=LOOK_SECONDS)
            signed = self._slack.sign(self._slack.press(self._user.id, message.ts, answer="Approve"))
            begin = time.perf_counter()
            reply, _ = await asyncio.gather(
                asyncio.to_thread(slack_delivery.post, signed, self._callback),
                self._watch.until_done(ident),
            )
            each.append(time.perf_counter() - begin)
            assert reply.status == 200, reply.body
            refreshed = lambda message=message: len(message.renderings) > 1  # noqa: E731
            await asyncio.to_thread(until, refreshed, "the message to say it", look=LOOK_SECONDS)
            if time.monotonic() - began > MOST_SECONDS:
                break
        return Load(sum(each), each)

    def _message_about(self, name: str) -> Message | None:
        return next((message for message in self._slack.messages if name in str(message)), None)

    def _guard(self, application: str, channels: list[str]) -> str:
        """An Application whose requests need one vote; returns where clicks of its channel are sent."""
        place, path = self._place, f"/applications/{application}"
        place.application(application)
        place.admin.put(f"{path}/members/alice", {"role": "operator"})
        made = [
            place.admin.post(
                f"{path}/channels",
                {
                    "slug": slug,
                    "name": slug,
                    "notifier": "slack",
                    "connection": "slack",
                    "config": {"channel": "#approvals"},
                },
            )
            for slug in channels
        ]
        step = {"name": "Security", "approvers": ["alice"], "channels": channels}
        policy = {"slug": "guard", "name": "Guard", "profiles": [PROFILE], "steps": [step]}
        place.admin.post(f"{path}/approval-policies", policy)
        return f"{place.installation.url}/callbacks/{made[0]['id']}" if made else ""

    def _open_many(self, count: int) -> None:
        """Requests that nobody answers, each with its workflow."""
        self._run.say(f"approval, {self._place.kind}: opening {count} approvals")

        async def open_all() -> None:
            numbers = iter(range(count))

            async def one_after_the_other() -> None:
                for number in numbers:
                    await self._place.caller.request(f"open-{number}.example.com", QUIET)

            await asyncio.gather(*(one_after_the_other() for _ in range(TOGETHER)))

        self._run.wait(open_all())
        until(self._place.is_dispatched, "all workflows to start", 600)
