"""What people do in Slack, turned into the payloads that Slack sends to an app."""

import copy
import secrets
from collections.abc import Mapping
from typing import Any

from certrail_fakes.slack_state import (
    APP_ID,
    TEAM_ID,
    Json,
    Message,
    ResponseUrl,
    State,
    Trigger,
    User,
    View,
)


class People:
    """Builds the payload of every act; it does not send it."""

    def __init__(self, state: State, base_url: str) -> None:
        self._state = state
        self._base_url = base_url

    def press(
        self, user: str, ts: str, action_id: str | None, answer: str | None, rendering: int = -1
    ) -> Json:
        """A press of a button, named by its action id or by its label.

        Args:
            rendering: which state of the message the person has before them, the present one by default.
        """
        with self._state.lock:
            person, message = self._person(user), self._message(ts)
            block, button = _button(message.renderings[rendering], action_id, answer)
            now = self._state.next_ts()
            shown = message.as_json()
            shown["blocks"] = copy.deepcopy(message.renderings[rendering])
            return self._who(person) | {
                "type": "block_actions",
                "container": {
                    "type": "message",
                    "message_ts": ts,
                    "channel_id": message.channel,
                    "is_ephemeral": False,
                },
                "trigger_id": self._trigger(person),
                "enterprise": None,
                "is_enterprise_install": False,
                "channel": {"id": message.channel, "name": self._state.channels[message.channel].name},
                "message": shown,
                "state": {"values": {}},
                "response_url": self._response_url(person, message),
                "actions": [copy.deepcopy(button) | {"block_id": block["block_id"], "action_ts": now}],
            }

    def submit(self, user: str, view_id: str, values: Mapping[str, str] | str) -> Json:
        """A submission of an open modal; ``values`` by block or action id, or one text for all inputs.

        Raises:
            ValueError: Slack's own window would not let the person submit this.
        """
        with self._state.lock:
            view = self._open_view(user, view_id)
            content = view.as_json()
            content["state"] = {"values": _filled_in(content["blocks"], values)}
            about_view = {"view": content, "response_urls": [], "is_enterprise_install": False}
            person = self._person(user)
            return self._who(person) | {
                "type": "view_submission",
                "trigger_id": self._trigger(person),
                **about_view,
            }

    def close(self, user: str, view_id: str) -> Json:
        """A modal closed without an answer."""
        with self._state.lock:
            view = self._open_view(user, view_id)
            view.open = False
            about_view = {"view": view.as_json(), "is_cleared": False}
            return self._who(self._person(user)) | {"type": "view_closed", **about_view}

    def view_of(self, user: str) -> View:
        """The modal that this person has before them."""
        found = [view for view in self._state.views.values() if view.user == user and view.open]
        if not found:
            raise LookupError(f"{user} has no modal open")
        return found[-1]

    def _open_view(self, user: str, view_id: str) -> View:
        view = self._state.views.get(view_id)
        if view is None or view.user != user or not view.open:
            raise LookupError(f"{user} does not have the modal {view_id} open")
        return view

    def _who(self, person: User) -> Json:
        user = {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}
        team = {"id": TEAM_ID, "domain": "standin"}
        return {"user": user, "team": team, "api_app_id": APP_ID, "token": "legacy-verification-token"}

    def _person(self, user: str) -> User:
        if user not in self._state.users:
            raise LookupError(f"there is no user {user}")
        return self._state.users[user]

    def _message(self, ts: str) -> Message:
        found = [message for message in self._state.messages if message.ts == ts]
        if not found:
            raise LookupError(f"there is no message {ts}")
        return found[0]

    def _trigger(self, person: User) -> str:
        trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._state.triggers[trigger] = Trigger(person.id, self._state.now())
        return trigger

    def _response_url(self, person: User, message: Message) -> str:
        secret = secrets.token_urlsafe(18)
        self._state.response_urls[secret] = ResponseUrl(
            person.id, message.channel, message.ts, self._state.now()
        )
        return f"{self._base_url}/actions/{TEAM_ID}/{secret}"


def _button(blocks: list[Json], action_id: str | None, answer: str | None) -> tuple[Json, Json]:
    for block in blocks:
        for element in block.get("elements", ()):
            if element.get("type") != "button":
                continue
            label = element["text"]["text"].casefold()
            if element.get("action_id") == action_id or (answer and label == answer.casefold()):
                return block, element
    raise LookupError(f"the message has no button {action_id or answer!r}")


def _filled_in(blocks: list[Json], values: Mapping[str, str] | str) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for block in (block for block in blocks if block["type"] == "input"):
        element = block["element"]
        action_id = element.get("action_id", "")
        text = values if isinstance(values, str) else values.get(block["block_id"], values.get(action_id, ""))
        if not text and not block.get("optional"):
            raise ValueError(f"{block['block_id']}: please complete this required field")
        if not element.get("min_length", 0) <= len(text) <= element.get("max_length", 3000):
            raise ValueError(f"{block['block_id']}: the text is too short or too long")
        filled[block["block_id"]] = {action_id: {"type": element["type"], "value": text or None}}
    return filled
