"""What the Slack stand-in remembers: one workspace, its people, channels, messages and modals."""

import copy
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certrail_fakes.arrivals import Arrivals

TEAM_ID = "T0STANDIN"
APP_ID = "A0STANDIN"
BOT_USER_ID = "U0BOT"
BOT_ID = "B0BOT"
ALL_SCOPES = frozenset(
    {
        "chat:write",
        "channels:read",
        "channels:history",
        "groups:read",
        "groups:history",
        "users:read",
        "users:read.email",
    }
)

Json = dict[str, Any]


@dataclass(slots=True)
class User:
    """A person as the workspace sees them; another ``team_id`` makes them a guest of a shared channel."""

    id: str
    name: str
    email: str
    team_id: str = TEAM_ID
    deleted: bool = False
    is_bot: bool = False
    is_email_confirmed: bool = True

    def as_json(self, with_email: bool = True) -> Json:
        profile = {"real_name": self.name, "display_name": self.name}
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_email_confirmed": self.is_email_confirmed,
            "is_stranger": self.team_id != TEAM_ID,
            "profile": profile | ({"email": self.email} if with_email else {}),
        }


@dataclass(slots=True)
class Channel:
    """A conversation."""

    id: str
    name: str
    is_member: bool = True
    is_archived: bool = False
    is_private: bool = False

    def as_json(self) -> Json:
        kept = {"id": self.id, "name": self.name, "is_member": self.is_member}
        flags = {"is_archived": self.is_archived, "is_private": self.is_private, "is_channel": True}
        return kept | flags


@dataclass(slots=True)
class Message:
    """One message; ``renderings`` holds every state of its blocks, the present one last."""

    channel: str
    ts: str
    user: str
    text: str
    renderings: list[list[Json]]
    metadata: Json | None = None
    thread_ts: str | None = None
    bot_id: str | None = None
    edited: Json | None = None
    only_for: str | None = None

    @property
    def blocks(self) -> list[Json]:
        return self.renderings[-1]

    @property
    def buttons(self) -> list[Json]:
        """The buttons that a person sees now."""
        return [e for b in self.blocks for e in b.get("elements", ()) if e.get("type") == "button"]

    @property
    def plain(self) -> str:
        """Everything a person reads, one text object per line."""
        return "\n".join(_texts(self.blocks)) or self.text

    def as_json(self, with_metadata: bool = False) -> Json:
        shown: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        shown |= {"blocks": copy.deepcopy(self.blocks), "team": TEAM_ID}
        optional = {"bot_id": self.bot_id, "thread_ts": self.thread_ts, "edited": self.edited}
        shown |= {name: value for name, value in optional.items() if value}
        if self.bot_id == BOT_ID:
            shown["app_id"] = APP_ID
        if with_metadata and self.metadata:
            shown["metadata"] = self.metadata
        return shown


@dataclass(slots=True)
class View:
    """A modal that somebody has, or had, before them."""

    id: str
    user: str
    content: Json
    open: bool = True
    errors: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        made = {"id": self.id, "team_id": TEAM_ID, "app_id": APP_ID, "bot_id": BOT_ID, "hash": f"1.{self.id}"}
        defaults = {
            "private_metadata": "",
            "callback_id": "",
            "state": {"values": {}},
            "root_view_id": self.id,
        }
        return defaults | copy.deepcopy(self.content) | made


@dataclass(slots=True)
class Trigger:
    """Leave to open one modal for one person within three seconds."""

    user: str
    made_at: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Leave to answer one person about one message, five times within half an hour."""

    user: str
    channel: str
    ts: str
    made_at: float
    uses: int = 0


@dataclass(frozen=True, slots=True)
class ResponsePost:
    """What was posted to a response_url."""

    user: str
    channel: str
    ts: str
    payload: Json


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method; ``outcome`` is ``ok`` or the error code."""

    method: str
    arguments: Json
    outcome: str


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next call of a method goes wrong.

    Attributes:
        error: answer with this code; ``status`` and ``headers`` go with it.
        after: do the work first.
        cut: hang up instead of answering.
        hold: wait for ``release`` before answering.
    """

    error: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    cut: bool = False
    hold: bool = False


class State:
    """Everything there is, under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.bot_token = f"xoxb-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.scopes = set(ALL_SCOPES)
        self.clock_offset = 0.0
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: list[Message] = []
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.response_posts: Arrivals[ResponsePost] = Arrivals()
        self.calls: Arrivals[Call] = Arrivals()
        self.held: Arrivals[str] = Arrivals()
        self.gate = threading.Event()
        self.faults: dict[str, deque[Fault]] = {}
        self._last_ts = 0
        self.add_channel("approvals")
        self.add_channel("alerts")

    def now(self) -> float:
        """Unix seconds on the clock of the stand-in, which tests may move."""
        return time.time() + self.clock_offset

    def next_ts(self) -> str:
        """A message time stamp, unique and growing."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_channel(self, name: str, **flags: bool) -> Channel:
        channel = Channel(f"C{len(self.channels) + 1:08d}", name.lstrip("#"), **flags)
        self.channels[channel.id] = channel
        return channel

    def add_user(self, name: str, email: str, **flags: Any) -> User:
        user = User(f"U{len(self.users) + 1:08d}", name, email, **flags)
        self.users[user.id] = user
        return user

    def message(self, channel: str, ts: str) -> Message | None:
        found = (m for m in self.messages if (m.channel, m.ts) == (channel, ts) and m.only_for is None)
        return next(found, None)

    def script(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method, or of ``response_url``, go wrong, one each."""
        with self.lock:
            self.faults.setdefault(method, deque()).extend(faults)

    def take_fault(self, method: str) -> Fault | None:
        with self.lock:
            waiting = self.faults.get(method)
            return waiting.popleft() if waiting else None


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    if value.get("type") in ("plain_text", "mrkdwn"):
        return [str(value["text"])]
    return [text for item in value.values() for text in _texts(item)]
