"""The Web API methods of the Slack stand-in, each a function of the state and the arguments."""

import base64
import copy
import json
import secrets
from collections.abc import Callable
from typing import Any

from certrail_fakes.slack_rules import block_problems, view_problems
from certrail_fakes.slack_state import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    Channel,
    Json,
    Message,
    State,
    User,
    View,
)

TRIGGER_SECONDS = 3


class ApiError(Exception):
    """A refusal in Slack's words."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.body: Json = {"ok": False, "error": code, **details}


def call(state: State, method: str, token: str, arguments: Json) -> Json:
    """Answer one call.

    Raises:
        ApiError: with the code that Slack documents for this case.
    """
    if method not in METHODS:
        raise ApiError("unknown_method", req_method=method)
    work, scopes = METHODS[method]
    with state.lock:
        _authorize(state, token, app_level=method == "apps.connections.open")
        if scopes and not state.scopes.intersection(scopes):
            raise ApiError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(state.scopes)))
        return {"ok": True, **work(state, arguments)}


def _authorize(state: State, token: str, app_level: bool) -> None:
    if not token:
        raise ApiError("not_authed")
    if token not in (state.bot_token, state.app_token):
        raise ApiError("invalid_auth")
    if token != (state.app_token if app_level else state.bot_token):
        raise ApiError("not_allowed_token_type")


def _auth_test(state: State, arguments: Json) -> Json:
    who = {"user": "certrail", "user_id": BOT_USER_ID, "bot_id": BOT_ID}
    return {"url": "https://standin.slack.com/", "team": "Stand-in", "team_id": TEAM_ID, **who}


def _post_message(state: State, arguments: Json) -> Json:
    channel = _channel_to_post(state, arguments)
    text, blocks = _content(arguments)
    message = Message(
        channel=channel.id,
        ts=state.next_ts(),
        user=BOT_USER_ID,
        bot_id=BOT_ID,
        text=text,
        renderings=[blocks or []],
        metadata=_metadata(arguments),
        thread_ts=arguments.get("thread_ts"),
    )
    state.messages.append(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json()}


def _update(state: State, arguments: Json) -> Json:
    channel = _channel_by_id(state, arguments)
    message = state.message(channel.id, str(arguments.get("ts", "")))
    if message is None:
        raise ApiError("message_not_found")
    if message.bot_id != BOT_ID:
        raise ApiError("cant_update_message")
    text, blocks = _content(arguments)
    message.text = text
    message.renderings.append(message.blocks if blocks is None else blocks)
    message.metadata = _metadata(arguments) or message.metadata
    message.edited = {"user": BOT_USER_ID, "ts": state.next_ts()}
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": message.as_json()}


def _post_ephemeral(state: State, arguments: Json) -> Json:
    channel = _channel_by_id(state, arguments)
    text, blocks = _content(arguments)
    user = arguments.get("user")
    if user not in state.users:
        raise ApiError("user_not_in_channel")
    ts = state.next_ts()
    state.messages.append(
        Message(channel.id, ts, BOT_USER_ID, text, [blocks or []], bot_id=BOT_ID, only_for=user)
    )
    return {"message_ts": ts}


def _history(state: State, arguments: Json) -> Json:
    channel = _channel_by_id(state, arguments)
    if not channel.is_member:
        raise ApiError("not_in_channel")
    limit = int(arguments.get("limit") or 100)
    if not 1 <= limit <= 999:
        raise ApiError("invalid_limit")
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    found = [m for m in state.messages if m.channel == channel.id and _at_top(m)]
    found = [m for m in reversed(found) if oldest < float(m.ts) < latest]
    start = _offset(arguments)
    page, rest = found[start : start + limit], found[start + limit :]
    metadata = _truth(arguments.get("include_all_metadata"))
    shown = [message.as_json(with_metadata=metadata) for message in page]
    return {"messages": shown, "has_more": bool(rest)} | _next(start + limit if rest else None)


def _at_top(message: Message) -> bool:
    return message.only_for is None and message.thread_ts in (None, message.ts)


def _info(state: State, arguments: Json) -> Json:
    return {"channel": _channel_by_id(state, arguments).as_json()}


def _own_conversations(state: State, arguments: Json) -> Json:
    kinds = str(arguments.get("types") or "public_channel").split(",")
    archived = not _truth(arguments.get("exclude_archived"))
    found = [
        channel
        for channel in state.channels.values()
        if channel.is_member
        and (archived or not channel.is_archived)
        and ("private_channel" if channel.is_private else "public_channel") in kinds
    ]
    start, limit = _offset(arguments), int(arguments.get("limit") or 100)
    more = start + limit < len(found)
    shown = [channel.as_json() for channel in found[start : start + limit]]
    return {"channels": shown} | _next(start + limit if more else None)


def _lookup_by_email(state: State, arguments: Json) -> Json:
    email = str(arguments.get("email", "")).casefold()
    for user in state.users.values():
        if user.email.casefold() == email and not user.deleted:
            return {"user": user.as_json()}
    raise ApiError("users_not_found")


def _user_info(state: State, arguments: Json) -> Json:
    user = state.users.get(str(arguments.get("user")))
    if arguments.get("user") == BOT_USER_ID:
        user = User(BOT_USER_ID, "certrail", "", is_bot=True)
    if user is None:
        raise ApiError("user_not_found")
    return {"user": user.as_json(with_email="users:read.email" in state.scopes and not user.is_bot)}


def _open_view(state: State, arguments: Json) -> Json:
    trigger = state.triggers.get(str(arguments.get("trigger_id")))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if state.now() - trigger.made_at > TRIGGER_SECONDS:
        raise ApiError("expired_trigger_id")
    content = _parsed(arguments.get("view"), "invalid_arguments")
    if problems := view_problems(content):
        raise ApiError("invalid_arguments", response_metadata={"messages": problems})
    trigger.used = True
    content = content | {"blocks": _numbered(content["blocks"])}
    view = View(f"V{len(state.views) + 1:08d}", trigger.user, content)
    state.views[view.id] = view
    return {"view": view.as_json()}


def _channel_to_post(state: State, arguments: Json) -> Channel:
    name = str(arguments.get("channel", ""))
    channel = state.channels.get(name)
    if channel is None and name in state.users:
        channel = state.channels.setdefault(f"D{name[1:]}", Channel(f"D{name[1:]}", ""))
    if channel is None:
        named = [c for c in state.channels.values() if c.name and c.name == name.removeprefix("#")]
        channel = named[0] if named else None
    if channel is None:
        raise ApiError("channel_not_found")
    return _usable(channel)


def _channel_by_id(state: State, arguments: Json) -> Channel:
    channel = state.channels.get(str(arguments.get("channel", "")))
    if channel is None:
        raise ApiError("channel_not_found")
    return channel


def _usable(channel: Channel) -> Channel:
    if channel.is_archived:
        raise ApiError("is_archived")
    if not channel.is_member:
        raise ApiError("not_in_channel")
    return channel


def _content(arguments: Json) -> tuple[str, list[Json] | None]:
    """The text, and the blocks if there are any, an empty list included."""
    text = str(arguments.get("text") or "")
    blocks = arguments.get("blocks")
    if blocks is not None:
        blocks = _parsed(blocks, "invalid_blocks_format")
        if not isinstance(blocks, list):
            raise ApiError("invalid_blocks_format")
        if problems := block_problems(blocks):
            raise ApiError("invalid_blocks", errors=problems, response_metadata={"messages": problems})
        blocks = _numbered(blocks)
    if not text and not blocks:
        raise ApiError("no_text")
    if len(text) > 40_000:
        raise ApiError("msg_too_long")
    return text, blocks


def _metadata(arguments: Json) -> Json | None:
    if arguments.get("metadata") is None:
        return None
    metadata = _parsed(arguments["metadata"], "invalid_metadata_format")
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata["event_payload"], dict) or not metadata["event_type"]:
        raise ApiError("invalid_metadata_schema")
    return metadata


def _numbered(blocks: list[Json]) -> list[Json]:
    return [{"block_id": secrets.token_urlsafe(4)} | block for block in copy.deepcopy(blocks)]


def _parsed(value: Any, error: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError(error) from None


def _truth(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def _offset(arguments: Json) -> int:
    try:
        return int(base64.b64decode(str(arguments.get("cursor") or "MA=="), validate=True))
    except ValueError:
        raise ApiError("invalid_cursor") from None


def _next(offset: int | None) -> Json:
    cursor = "" if offset is None else base64.b64encode(str(offset).encode()).decode()
    return {"response_metadata": {"next_cursor": cursor}}


def _open_connection(state: State, arguments: Json) -> Json:
    """The front adds the URL, since only it knows where the sockets are."""
    return {"app_id": APP_ID}


METHODS: dict[str, tuple[Callable[[State, Json], Json], tuple[str, ...]]] = {
    "auth.test": (_auth_test, ()),
    "chat.postMessage": (_post_message, ("chat:write",)),
    "chat.update": (_update, ("chat:write",)),
    "chat.postEphemeral": (_post_ephemeral, ("chat:write",)),
    "conversations.history": (_history, ("channels:history", "groups:history")),
    "conversations.info": (_info, ("channels:read", "groups:read")),
    "users.conversations": (_own_conversations, ("channels:read", "groups:read")),
    "users.lookupByEmail": (_lookup_by_email, ("users:read.email",)),
    "users.info": (_user_info, ("users:read",)),
    "views.open": (_open_view, ()),
    "apps.connections.open": (_open_connection, ()),
}
