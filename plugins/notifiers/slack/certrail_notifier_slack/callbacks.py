"""Callbacks from Slack: first verified, then read. Nothing here reaches out."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs

from pydantic import SecretStr
from slack_sdk.signature import Clock, SignatureVerifier

from certrail_notifier_slack import blocks
from certrail_notifier_slack.config import SlackConfig
from certrail_sdk import CallbackRequest, CallbackResponse, Forged, Interaction, Malformed

TOLERANCE_SECONDS = 300
METADATA_LIMIT = 3000
NOTHING_TO_DO = CallbackResponse(status=200)

Payload = dict[str, Any]


@dataclass(frozen=True)
class CommentWanted:
    """A click that counts only with a reason: open this modal for the person.

    ``url`` is where to tell the person if that fails; secret, like the modal's metadata.
    """

    trigger_id: str
    label: str
    private_metadata: SecretStr
    url: SecretStr | None


@dataclass(frozen=True)
class Reply:
    """How to answer the person; travels in ``Interaction.reply``."""

    kind: Literal["message", "modal"]
    url: str = ""

    def packed(self) -> SecretStr:
        return SecretStr(f"{self.kind} {self.url}")

    @classmethod
    def unpacked(cls, packed: SecretStr | None) -> "Reply":
        kind, _, url = packed.get_secret_value().partition(" ") if packed else ("message", "", "")
        return cls("modal" if kind == "modal" else "message", url)


class _ReceivedAt(Clock):
    """The time at which the request arrived, for the verifier: not the time at which it is looked at."""

    def __init__(self, received_at: datetime) -> None:
        self._received_at = received_at

    def now(self) -> float:
        return self._received_at.timestamp()


def verified(request: CallbackRequest, signing_secret: SecretStr) -> str:
    """The replay key of a request that Slack signed within the last five minutes.

    Raises:
        Forged: the signature or the timestamp is missing or does not hold.
        Malformed: the body is not UTF-8.
    """
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        raise Forged("the request carries no timestamp of Slack")
    if abs(_age(request.received_at, timestamp)) > TOLERANCE_SECONDS:
        raise Forged("the timestamp is more than five minutes away; check the clocks if this is no replay")
    verifier = SignatureVerifier(signing_secret.get_secret_value(), _ReceivedAt(request.received_at))
    try:
        valid = verifier.is_valid(request.body, timestamp, signature)
    except UnicodeDecodeError:
        # The verifier signs text, and Slack sends nothing else.
        raise Malformed("the body is not UTF-8") from None
    except TypeError:
        # A signature that is not ASCII cannot be compared in constant time.
        valid = False
    if not valid:
        raise Forged("the signature does not match the signing secret")
    return hashlib.sha256(f"{signature}{timestamp}".encode()).hexdigest()


def payload_of(request: CallbackRequest) -> Payload:
    """The JSON object in the body.

    Raises:
        Malformed: there is none.
    """
    try:
        body = request.body.decode()
        if "json" not in request.headers.get("content-type", ""):
            body = parse_qs(body, strict_parsing=True)["payload"][0]
        payload = json.loads(body)
    except (ValueError, KeyError, RecursionError):
        raise Malformed("the body holds no payload that can be read") from None
    if not isinstance(payload, dict):
        raise Malformed("the payload is no object")
    return payload


def read(
    payload: Payload, replay_key: str, config: SlackConfig
) -> Interaction | CommentWanted | CallbackResponse:
    """What a verified payload says.

    Raises:
        Forged: it names a response_url on a host that is not allowed.
        Malformed: a part is missing.
    """
    readers = {"block_actions": _block_actions, "view_submission": _view_submission}
    kind = payload.get("type")
    if kind == "url_verification":
        return CallbackResponse(status=200, body=str(payload.get("challenge", "")).encode())
    if kind not in readers:
        return NOTHING_TO_DO
    try:
        return readers[kind](payload, replay_key, config)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise Malformed(f"a part of this {kind} is missing or of the wrong kind") from None


def _block_actions(
    payload: Payload, replay_key: str, config: SlackConfig
) -> Interaction | CommentWanted | CallbackResponse:
    action = payload["actions"][0]
    if not action["action_id"].startswith(blocks.ANSWER_PREFIX):
        # Slack tells of every button, also of one that only opens a link.
        return NOTHING_TO_DO
    container, token = payload["container"], _text(action["value"])
    message = f"{_text(container['channel_id'])}:{_text(container['message_ts'])}"
    url = _checked(payload.get("response_url"), config)
    if action["action_id"].endswith(blocks.ASKS_COMMENT):
        return CommentWanted(
            trigger_id=_text(payload["trigger_id"]),
            label=_text(action["text"]["text"]),
            private_metadata=_metadata(token, message, url),
            url=SecretStr(url) if url else None,
        )
    return _interaction(payload, replay_key, Reply("message", url), token=token, message=message)


def _view_submission(
    payload: Payload, replay_key: str, config: SlackConfig
) -> Interaction | CallbackResponse:
    view = payload["view"]
    if view["callback_id"] != blocks.COMMENT_MODAL:
        return NOTHING_TO_DO
    kept = json.loads(view["private_metadata"])
    comment = view["state"]["values"][blocks.COMMENT_BLOCK][blocks.COMMENT_INPUT]["value"] or ""
    reply = Reply("modal", _checked(kept.get("url"), config))
    token, message = _text(kept["token"]), _text(kept["message"])
    return _interaction(
        payload, replay_key, reply, token=token, message=message, comment=str(comment).strip()
    )


def _interaction(
    payload: Payload, replay_key: str, reply: Reply, *, token: str, message: str, comment: str = ""
) -> Interaction:
    user = payload["user"]
    # In a shared channel the person may belong to another workspace than the app.
    workspace = user.get("team_id") or payload["team"]["id"]
    return Interaction(
        sender=_text(user["id"]),
        workspace=_text(workspace),
        token=SecretStr(token),
        comment=comment,
        message=message,
        replay_key=replay_key,
        reply=reply.packed(),
    )


def _metadata(token: str, message: str, url: str) -> SecretStr:
    kept = {"token": token, "message": message, "url": url}
    packed = json.dumps(kept, separators=(",", ":"))
    if len(packed) > METADATA_LIMIT:
        packed = json.dumps(kept | {"url": ""}, separators=(",", ":"))
    return SecretStr(packed)


def _checked(url: Any, config: SlackConfig) -> str:
    """The response_url, or nothing when there is none."""
    if not url:
        return ""
    if not isinstance(url, str) or not config.may_answer_at(url):
        raise Forged("the response_url is not on one of response_hosts")
    return url


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value


def _age(received_at: datetime, timestamp: str) -> float:
    return received_at.timestamp() - int(timestamp)
