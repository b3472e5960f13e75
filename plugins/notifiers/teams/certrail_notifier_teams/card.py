"""How an event looks in Teams: https://adaptivecards.io/explorer/, version 1.4."""

import json
from typing import Any

from certrail_sdk import Notification, Severity, Stage

LIMIT = 28 * 1024
"""Bytes that Teams takes for one message."""
LINE = 400
COLORS = {Severity.INFO: "accent", Severity.WARNING: "warning", Severity.CRITICAL: "attention"}


def encode(notification: Notification) -> bytes:
    """The request body; facts that do not fit are left out, and the card says so."""
    facts = [{"title": _plain(f.label[:LINE]), "value": _plain(f.value[:LINE])} for f in notification.facts]
    left_out = 0
    while len(body := _message(notification, facts, left_out)) > LIMIT and facts:
        facts.pop()
        left_out += 1
    return body


def _message(notification: Notification, facts: list[dict[str, str]], left_out: int) -> bytes:
    closed = notification.incident and notification.stage is Stage.CLOSED
    color = "good" if closed else COLORS[notification.severity]
    blocks: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": _plain(notification.title),
            "weight": "bolder",
            "size": "medium",
            "color": color,
            "wrap": True,
        },
        {"type": "TextBlock", "text": _plain(notification.summary), "wrap": True},
    ]
    if facts:
        blocks.append({"type": "FactSet", "facts": facts})
    if left_out:
        words = f"{left_out} more lines did not fit."
        blocks.append({"type": "TextBlock", "text": words, "isSubtle": True, "wrap": True})
    link = [{"type": "Action.OpenUrl", "title": "Open", "url": notification.link}]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": _plain(notification.summary),
        "body": blocks,
        "actions": link if notification.link else [],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


def _plain(text: str) -> str:
    """Text blocks and facts read Markdown: what a certificate is named must not become a link or an emphasis."""
    return "".join(f"\\{c}" if c in "\\*_[]()#`~" else c for c in text[: 2 * LINE])
