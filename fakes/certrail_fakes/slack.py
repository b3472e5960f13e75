"""A stand-in for Slack: one workspace with its API, its people and Socket Mode, on the loopback interface."""

import argparse
import asyncio
import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from certrail_fakes import slack_delivery
from certrail_fakes.slack_control import Controls
from certrail_fakes.slack_delivery import Reply, Signed
from certrail_fakes.slack_http import Front
from certrail_fakes.slack_people import People
from certrail_fakes.slack_socket import Ack, SocketMode
from certrail_fakes.slack_state import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    Call,
    Channel,
    Fault,
    Json,
    Message,
    ResponsePost,
    State,
    User,
    View,
)

__all__ = [
    "APP_ID",
    "BOT_ID",
    "BOT_USER_ID",
    "TEAM_ID",
    "Ack",
    "Fault",
    "Message",
    "Reply",
    "Signed",
    "SlackServer",
    "User",
    "View",
]


class SlackServer:
    """One workspace. Channels ``#approvals`` and ``#alerts`` exist and the app is in both."""

    def __init__(self, port: int = 0) -> None:
        self.state = State()
        self.sockets = SocketMode()
        self._front = Front(port, self.state, self.sockets)
        self.host = "127.0.0.1"
        self.port: int = self._front.server_address[1]
        self.people = People(self.state, f"http://{self.host}:{self.port}")
        self._front.control = Controls(self)
        self._thread = threading.Thread(target=self._serve, name="slack-standin", daemon=True)

    @property
    def url(self) -> str:
        """The base of the API, with its final slash."""
        return f"http://{self.host}:{self.port}/api/"

    @property
    def control_url(self) -> str:
        return f"http://{self.host}:{self.port}/_control"

    @property
    def token(self) -> str:
        """The bot token."""
        return self.state.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token for Socket Mode."""
        return self.state.app_token

    @property
    def signing_secret(self) -> str:
        return self.state.signing_secret

    @property
    def users(self) -> dict[str, User]:
        """People by id."""
        return self.state.users

    @property
    def channels(self) -> dict[str, Channel]:
        """Channels by id."""
        return self.state.channels

    @property
    def messages(self) -> list[Message]:
        """What stands in the channels, oldest first, without what only one person sees."""
        return [message for message in self.state.messages if message.only_for is None]

    @property
    def whispers(self) -> list[Message]:
        """What only one person sees."""
        return [message for message in self.state.messages if message.only_for is not None]

    @property
    def views(self) -> dict[str, View]:
        """Modals by id, closed ones included."""
        return self.state.views

    @property
    def response_posts(self) -> list[ResponsePost]:
        """What was posted to response_urls."""
        return self.state.response_posts.all()

    @property
    def calls(self) -> list[Call]:
        """Every API call, in the order of the answers."""
        return self.state.calls.all()

    def count(self, method: str) -> int:
        """How many calls of this method there were."""
        return sum(call.method == method for call in self.calls)

    def channel(self, name: str) -> Channel:
        """A channel by its name."""
        return next(channel for channel in self.channels.values() if channel.name == name.lstrip("#"))

    def add_user(self, name: str, email: str, **flags: Any) -> User:
        """Let somebody join; flags are fields of ``User``."""
        return self.state.add_user(name, email, **flags)

    def add_channel(self, name: str, **flags: bool) -> Channel:
        """Open a channel; flags are fields of ``Channel``."""
        return self.state.add_channel(name, **flags)

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.state.clock_offset += seconds

    def script(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method, or of ``response_url``, go wrong, one each."""
        self.state.script(method, *faults)

    def rate_limit(self, method: str, seconds: int = 7) -> None:
        """Answer the next call with 429."""
        self.script(method, Fault("ratelimited", 429, {"Retry-After": str(seconds)}))

    def cut_after(self, method: str) -> None:
        """Do the next call's work, then hang up without an answer."""
        self.script(method, Fault(after=True, cut=True))

    def hold(self, method: str) -> None:
        """Do the next call's work, then keep the answer until ``release``."""
        self.state.gate.clear()
        self.script(method, Fault(hold=True))

    async def wait_held(self, count: int = 1, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Return once ``count`` calls are held."""
        await self.state.held.wait_for(count, timeout)

    def release(self) -> None:
        """Answer everything that is held."""
        self.state.gate.set()

    def press(
        self, user: str, ts: str, action_id: str | None = None, answer: str | None = None, rendering: int = -1
    ) -> Json:
        """The payload of a press of a button, named by action id or by label; nothing is sent."""
        return self.people.press(user, ts, action_id, answer, rendering)

    def sign(self, payload: Json, *, age: float = 0, signing_secret: str | None = None) -> Signed:
        """A payload as a signed request, ``age`` seconds old; another secret makes a forgery."""
        timestamp = int(self.state.now() - age)
        return slack_delivery.sign(payload, signing_secret or self.signing_secret, timestamp)

    async def send(self, signed: Signed, callback_url: str) -> Reply:
        """Post a signed request; a second time makes a replay."""
        return await asyncio.to_thread(slack_delivery.post, signed, callback_url)

    async def click(
        self,
        user: str,
        message_ts: str,
        action_id: str | None = None,
        *,
        answer: str | None = None,
        callback_url: str,
        rendering: int = -1,
        age: float = 0,
        signing_secret: str | None = None,
    ) -> Reply:
        """Press a button and let the app answer."""
        payload = self.press(user, message_ts, action_id, answer, rendering)
        return await self.send(self.sign(payload, age=age, signing_secret=signing_secret), callback_url)

    async def submit_view(
        self, user: str, view_id: str, values: Mapping[str, str] | str, callback_url: str
    ) -> Reply:
        """Submit a modal; it closes, or shows the errors, as the app says."""
        return await asyncio.to_thread(self.submit_view_now, user, view_id, values, callback_url)

    def submit_view_now(
        self, user: str, view_id: str, values: Mapping[str, str] | str, callback_url: str
    ) -> Reply:
        """The same, blocking."""
        signed = self.sign(self.people.submit(user, view_id, values))
        reply = slack_delivery.post(signed, callback_url)
        if reply.status == 200:
            self.settle_view(view_id, reply.json())
        return reply

    async def click_over_socket(
        self, user: str, message_ts: str, action_id: str | None = None, *, answer: str | None = None
    ) -> str:
        """Press a button of an app in Socket Mode; returns the envelope id without waiting for its ack."""
        payload = self.press(user, message_ts, action_id, answer)
        return await asyncio.to_thread(self.sockets.deliver, payload)

    async def submit_over_socket(self, user: str, view_id: str, values: Mapping[str, str] | str) -> str:
        """Submit a modal of an app in Socket Mode; returns the envelope id."""
        return await asyncio.to_thread(self.sockets.deliver, self.people.submit(user, view_id, values))

    async def wait_acks(self, count: int = 1, timeout: float = 60.0) -> list[Ack]:  # noqa: ASYNC109
        """The acknowledgements of envelopes, as soon as there are ``count``."""
        return await self.sockets.acks.wait_for(count, timeout)

    async def wait_connected(self, count: int = 1, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Return once Socket Mode was connected ``count`` times."""
        await self.sockets.connected.wait_for(count, timeout)

    def settle_view(self, view_id: str, answer: Json) -> None:
        """Do with a submitted modal what the app answered.

        Raises:
            ValueError: the answer is none that Slack would understand.
        """
        view = self.views[view_id]
        if answer.get("response_action") == "errors":
            inputs = {block["block_id"] for block in view.content["blocks"] if block["type"] == "input"}
            if not answer.get("errors") or answer["errors"].keys() - inputs:
                raise ValueError("errors must be keyed by the block ids of inputs")
            view.errors = answer["errors"]
            return
        if answer and answer.get("response_action") != "clear":
            raise ValueError(f"this answer to a submission is not understood: {sorted(answer)}")
        view.open = False

    def start(self) -> Self:
        self.sockets.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        self.release()
        self.sockets.stop()
        if self._thread.is_alive():
            self._front.shutdown()
            self._thread.join()
        self._front.server_close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _serve(self) -> None:
        self._front.serve_forever(poll_interval=0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = SlackServer(port=parser.parse_args().port).start()
    ready = {
        "url": server.url,
        "token": server.token,
        "app_token": server.app_token,
        "signing_secret": server.signing_secret,
        "control": server.control_url,
    }
    print(json.dumps(ready), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
