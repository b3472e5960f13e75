"""The control interface of the Slack stand-in over HTTP, for when it runs as a process of its own."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from certrail_fakes import slack_delivery
from certrail_fakes.slack_delivery import Reply
from certrail_fakes.slack_state import Fault, Json

if TYPE_CHECKING:
    from certrail_fakes.slack import SlackServer


class Controls:
    """``GET`` shows everything; ``POST {"do": name, ...}`` does one thing, arguments beside ``do``.

    ``add_user``, ``add_channel``, ``click``, ``submit_view``, ``replay``, ``rate_limit``, ``cut_after``,
    ``fail``, ``hold``, ``release``, ``advance``. ``click`` takes user, message_ts, callback_url, and answer
    or action_id; ``user`` and ``channel`` are ids.
    """

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        self._last: tuple[Reply, str] | None = None
        self._verbs: dict[str, Callable[..., Any]] = {
            "add_user": lambda **flags: asdict(server.add_user(**flags)),
            "add_channel": lambda **flags: asdict(server.add_channel(**flags)),
            "click": self._click,
            "submit_view": self._submit_view,
            "replay": self._replay,
            "rate_limit": server.rate_limit,
            "cut_after": server.cut_after,
            "fail": self._fail,
            "hold": server.hold,
            "release": server.release,
            "advance": server.advance,
        }

    def __call__(self, desired: Json) -> Json:
        if not desired:
            return self._snapshot()
        arguments = dict(desired)
        verb = self._verbs.get(arguments.pop("do", ""))
        if verb is None:
            raise ValueError(f"do must be one of {', '.join(self._verbs)}")
        return {"result": verb(**arguments)}

    def _click(
        self,
        user: str,
        message_ts: str,
        callback_url: str,
        action_id: str | None = None,
        answer: str | None = None,
        age: float = 0,
        signing_secret: str | None = None,
    ) -> Json:
        payload = self._server.press(user, message_ts, action_id, answer)
        signed = self._server.sign(payload, age=age, signing_secret=signing_secret)
        return self._reported(slack_delivery.post(signed, callback_url), callback_url)

    def _submit_view(self, user: str, values: Any, callback_url: str, view_id: str | None = None) -> Json:
        view_id = view_id or self._server.people.view_of(user).id
        return self._reported(self._server.submit_view_now(user, view_id, values, callback_url), callback_url)

    def _replay(self) -> Json:
        if self._last is None:
            raise LookupError("nothing was sent yet")
        reply, url = self._last
        return self._reported(slack_delivery.post(reply.request, url), url)

    def _fail(self, method: str, **fault: Any) -> None:
        self._server.script(method, Fault(**fault))

    def _reported(self, reply: Reply, url: str) -> Json:
        self._last = (reply, url)
        return {"status": reply.status, "body": reply.body.decode(), "seconds": reply.seconds}

    def _snapshot(self) -> Json:
        server = self._server
        with server.state.lock:
            return {
                "users": [asdict(user) for user in server.users.values()],
                "channels": [asdict(channel) for channel in server.channels.values()],
                "messages": [
                    m.as_json(True) | {"channel": m.channel, "plain": m.plain} for m in server.messages
                ],
                "whispers": [{"user": m.only_for, "text": m.text} for m in server.whispers],
                "views": [asdict(view) for view in server.views.values()],
                "response_posts": [asdict(post) for post in server.response_posts],
                "acks": [asdict(ack) for ack in server.sockets.acks.all()],
                "calls": [{"method": call.method, "outcome": call.outcome} for call in server.calls],
            }
